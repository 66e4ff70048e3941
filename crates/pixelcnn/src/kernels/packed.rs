//! A net's weights in the order in which tiles read them, and what they take.

use super::{Lanes, PANEL, padded};
use crate::arithmetic::{Arithmetic, F32, Int16};
use crate::config::{Config, Precision};
use crate::error::Error;
use crate::layers::{Input, Layer, Layers, Start};
use crate::memory::{Bytes, product, try_room, try_zeroed};
use crate::tensors;
use crate::weights::Weights;

/// What sizes depend on in a precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units {
    /// Bytes of a value.
    pub value: u64,
    /// Bytes of a sum.
    pub sum: u64,
    /// Channels of a step.
    pub step: usize,
    /// Values of an output of the last layer.
    pub last: usize,
}

impl Units {
    pub const fn of<A: Lanes>() -> Units {
        Units { value: size_of::<A::Value>() as u64, sum: size_of::<A::Sum>() as u64, step: A::STEP, last: A::LAST_VALUES }
    }

    pub const fn of_precision(precision: Precision) -> Units {
        match precision {
            Precision::F32 => Units::of::<F32>(),
            Precision::Int16 => Units::of::<Int16>(),
        }
    }

    /// Values of a pixel's row: the number of its level, where that is one-hot, else its channels.
    pub fn pixel(config: &Config) -> usize {
        if config.is_one_hot() { 1 } else { config.input_channels() }
    }

    /// Values of a row of a layer's outputs.
    pub fn row(self, layers: &Layers, layer: usize) -> u64 {
        padded(layers[layer].out_channels) as u64 * if layer + 1 == layers.len() { self.last as u64 } else { 1 }
    }

    /// Bytes of as many values as the product of some counts.
    pub fn values(self, counts: &[u64]) -> Bytes {
        Bytes(product(counts).saturating_mul(self.value))
    }

    /// What a packed layer takes.
    pub fn packed(self, layers: &Layers, index: usize) -> Bytes {
        let shape = Shape::of(&layers[index], self.step);
        let (sums, classes) = (shape.sums as u64, shape.classes(layers) as u64);
        self.values(&[sums, shape.values as u64])
            + Bytes(product(&[sums, classes + shape.hot_rows as u64, self.sum]))
            + Bytes::of::<u32>(&[shape.taps as u64])
    }
}

/// What a model takes: the weights as the file holds them, the same as the kernels read them, and the list of layers.
pub(crate) fn planned(config: &Config, layers: &Layers, precision: Precision) -> Bytes {
    let units = Units::of_precision(precision);
    let packed = (0..layers.len()).map(|layer| units.packed(layers, layer)).sum();
    let levels = units.values(&[config.levels as u64, Units::pixel(config) as u64]);
    let channels = layers.iter().map(|layer| layer.out_channels as u64).sum();
    // Bounds of what the channels hold, three at most, while it is found out whether they can overflow.
    tensors::planned(layers) + packed + levels + Bytes::of::<[f64; 6]>(&[channels]) + Layers::planned(config)
}

/// What a layer's taps read, and what it makes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Taps, over all inputs.
    pub taps: usize,
    /// How many of them, the first, are one-hot.
    pub(super) hot: usize,
    /// Rows of weights that these choose from.
    pub(super) hot_rows: usize,
    /// Whether the other taps of a position are copied together first.
    pub gathered: bool,
    /// Values that they read, a multiple of the step.
    pub values: usize,
    /// Sums, padded.
    pub(super) sums: usize,
    /// What they begin with.
    pub(super) start: Start,
}

impl Shape {
    pub fn of(layer: &Layer, step: usize) -> Shape {
        let taps = |inputs: &[Input]| -> usize { inputs.iter().map(|input| input.terms.len()).sum() };
        let (hot, dense) = layer.inputs.split_at(layer.inputs.partition_point(|input| input.one_hot));
        // A tap costs some 20 cycles beside its channels: 24 taps of one pixel each took 4 times as long as one of 24.
        let gathered = taps(dense) > 1 && dense.iter().all(|input| input.channels < PANEL);
        let hot_rows = hot.iter().map(|input| input.terms.len() * input.channels).sum();
        let sums = PANEL * layer.out_channels.div_ceil(PANEL / layer.cell.sums());
        let (taps, hot) = (taps(&layer.inputs), taps(hot));
        let mut shape = Shape { taps, hot, hot_rows, gathered, values: 0, sums, start: layer.start };
        let values: usize = dense.iter().map(|input| input.terms.len() * shape.tap(input, step)).sum();
        shape.values = values.next_multiple_of(step);
        shape
    }

    /// Values that a tap of an input reads.
    fn tap(&self, input: &Input, step: usize) -> usize {
        if self.gathered { input.channels } else { input.channels.next_multiple_of(step) }
    }

    /// Rows of sums to begin with that do not depend on the position.
    fn classes(&self, layers: &Layers) -> usize {
        match self.start {
            Start::Bias { class: true } => layers.classes,
            Start::Bias { class: false } => 1,
            Start::Layer(_) => 0,
        }
    }

    /// Sums of a position that are made before the tiles begin.
    pub fn begun(&self) -> usize {
        if self.hot > 0 || matches!(self.start, Start::Layer(_)) { self.sums } else { 0 }
    }
}

/// A layer's weights in the order in which the tiles read them.
#[derive(Clone, Debug)]
pub struct PackedLayer<A: Arithmetic> {
    pub(super) weights: Vec<A::Value>, // [panel][tap, channel / STEP][PANEL][STEP]
    pub(super) starts: Vec<A::Sum>,    // [class][sums]: what they begin with; empty where that is another layer's outputs
    pub(super) hot: Vec<A::Sum>,       // [one-hot tap, level][sums]
    pub(super) hot_rows: Vec<u32>,     // (one-hot tap) -> its first row
    pub(super) values: Vec<u32>,       // (other tap) -> values it reads; never 0
    pub(super) depth: usize,           // steps of the k-loop, over all taps
    pub(super) sums: usize,            // padded
    pub(super) each: usize,            // sums of an output
    pub(super) outputs: usize,         // not padded
    pub(super) gathered: bool,         // whether the taps of a position are copied together first
    pub(super) rounding: A::Rounding,  // also how many values an output takes
    pub(super) tiles: A::Rounding,     // what tiles do of it
    pub(super) finished: bool,         // whether that is all
}

impl<A: Lanes> PackedLayer<A> {
    /// Packs a layer. `guarded` where its outputs may overflow, so that they must be looked at.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, weights: &Weights<A::Stored>, index: usize, guarded: bool) -> Result<PackedLayer<A>, Error> {
        let (layer, shape) = (&layers[index], Shape::of(&layers[index], A::STEP));
        let (n, width, each, outputs) = (layer.sums(), shape.values, layer.cell.sums(), layer.out_channels);
        let none = |_| Error::OutOfMemory { bytes: Units::of::<A>().packed(layers, index).0, limit: None };
        let room = |rows: usize| usize::try_from(shape.sums as u64 * rows as u64).map_err(none);
        // Where a sum lies among the padded ones.
        let lane = |o: usize| {
            let (output, second, half) = (o % outputs, o / outputs, PANEL / each);
            output / half * PANEL + second * half + output % half
        };
        let mut packed = try_zeroed(room(width)?)?;
        let (mut values, mut hot_rows) = (try_room(shape.taps - shape.hot)?, try_room(shape.hot)?);
        let mut hot: Vec<A::Sum> = try_room(room(shape.hot_rows)?)?;
        let mut row = 0;
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = weights.kernel(index, number);
            for &term in &input.terms {
                let from = input.weight_index(term, n);
                if input.one_hot {
                    hot_rows.push((hot.len() / shape.sums) as u32);
                    for k in 0..input.channels {
                        let first = hot.len();
                        hot.resize(first + shape.sums, A::start(A::Value::default()));
                        (0..n).for_each(|o| hot[first + lane(o)] = A::start(A::weight(kernel[from + k * n + o])));
                    }
                    continue;
                }
                for k in 0..input.channels {
                    let (step, within) = ((row + k) / A::STEP, (row + k) % A::STEP);
                    for o in 0..n {
                        let (panel, lane) = (lane(o) / PANEL, lane(o) % PANEL);
                        let at = (panel * width / A::STEP + step) * PANEL * A::STEP + lane * A::STEP + within;
                        packed[at] = A::weight(kernel[from + k * n + o]);
                    }
                }
                row += shape.tap(input, A::STEP);
                values.push(shape.tap(input, A::STEP) as u32);
            }
        }
        let rounding = A::rounding(layers, weights, index);
        let classes = shape.classes(layers);
        let mut starts: Vec<A::Sum> = try_room(room(classes)?)?;
        starts.resize(room(classes)?, A::bias(rounding, A::Stored::default()));
        for (class, starts) in starts.chunks_exact_mut(shape.sums).enumerate() {
            for o in 0..n {
                let bias = weights.bias(index)[o];
                let with_class = layer.start == (Start::Bias { class: true });
                let bias = if with_class { bias + weights.class(index)[class * n + o] } else { bias };
                starts[lane(o)] = A::bias(rounding, bias);
            }
        }
        let guarded = guarded && index + 1 < layers.len();
        let rounding = if guarded { A::guarded(rounding) } else { rounding };
        let unfinished = A::unfinished(rounding);
        Ok(PackedLayer {
            weights: packed,
            starts,
            hot,
            hot_rows,
            values,
            depth: width / A::STEP,
            sums: shape.sums,
            each,
            outputs,
            gathered: shape.gathered,
            rounding,
            tiles: unfinished.unwrap_or(rounding),
            finished: unfinished.is_none(),
        })
    }

    /// Taps, over all inputs.
    pub fn taps(&self) -> usize {
        self.hot_rows.len() + self.values.len()
    }

    /// Sums that are computed for a position, padded ones included.
    pub fn sums(&self) -> usize {
        self.sums
    }

    /// Values of one row of output that are written.
    pub fn row(&self) -> usize {
        self.sums / self.each * A::sum_values(self.rounding)
    }
}
