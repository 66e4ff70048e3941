//! A net's weights in the order in which tiles read them, and what they take.

use crate::arithmetic::{Arithmetic, F32, Int8};
use crate::config::{Config, Precision};
use crate::error::Error;
use crate::integer::row_parts;
use crate::layers::{Input, Layers, Source, Start};
use crate::memory::{Bytes, product, try_room, try_zeroed};
use crate::simd::small::OF_16_BITS;
use crate::tensors;
use crate::weights::Weights;
use pixelcnn_kernels::{Lanes, PANEL, PackedLayer, Packing, Room, RowParts};

/// What sizes depend on in a precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units {
    /// Bytes of a value.
    pub value: u64,
    /// Bytes of a sum.
    pub sum: u64,
    /// Channels of a step.
    pub step: usize,
    /// Values of a sum that is kept whole.
    pub last: usize,
    /// Whether numbers are integers.
    pub integers: bool,
    /// Whether tiles copy what they read.
    pub copied: bool,
}

impl Units {
    pub const fn of<A: Lanes>() -> Units {
        let (value, sum) = (size_of::<A::Value>(), size_of::<A::Sum>());
        Units {
            value: value as u64,
            sum: sum as u64,
            step: A::STEP,
            last: A::SUM_VALUES,
            integers: A::INTEGERS,
            copied: A::COPIED,
        }
    }

    pub const fn of_precision(precision: Precision) -> Units {
        match precision {
            Precision::F32 => Units::of::<F32>(),
            Precision::Int8 => Units::of::<Int8>(),
        }
    }

    /// Values of a pixel's row: the number of its level, where kernels look that up, else its channels.
    pub fn pixel(self, config: &Config) -> usize {
        match self.integers {
            true => OF_16_BITS,
            false if config.is_one_hot() => 1,
            false => config.input_channels(),
        }
    }

    /// Where a row of a layer's outputs has what.
    pub fn row(self, layers: &Layers, layer: usize) -> RowParts {
        if self.integers {
            return row_parts(layers, layer);
        }
        let channels = layers[layer].out_channels;
        RowParts::plain(channels)
    }

    /// What kernels are to have room for, of layers, for so many positions at a time.
    pub fn room(self, layers: &Layers, positions: u64) -> Room {
        let shapes = || (0..layers.len()).map(|layer| Shape::of(layers, layer, self));
        let most = |count: fn(&Shape) -> usize| shapes().map(|shape| count(&shape)).max().unwrap_or(0) as u64;
        let steps = if self.copied { most(|shape| shape.values) / self.step as u64 } else { 0 };
        let (begun, ended) = (most(Shape::begun), most(|shape| shape.sums) * self.last as u64);
        Room { positions, taps: most(|shape| shape.taps), steps, begun, ended }
    }

    /// Bytes of as many values as the product of some counts.
    pub fn values(self, counts: &[u64]) -> Bytes {
        Bytes(product(counts).saturating_mul(self.value))
    }

    /// What a packed layer takes.
    pub fn packed(self, layers: &Layers, index: usize) -> Bytes {
        let shape = Shape::of(layers, index, self);
        let (sums, classes) = (shape.sums as u64, shape.classes(layers) as u64);
        let scales = if self.integers { sums } else { 0 };
        self.values(&[sums, shape.values as u64])
            + Bytes(product(&[sums, classes + shape.hot_rows as u64, self.sum]))
            + Bytes::of::<f32>(&[scales])
            + Bytes::of::<i16>(&[scales])
            + Bytes::of::<u32>(&[shape.taps as u64])
    }
}

/// What a model takes: the weights as the file holds them, the same as the kernels read them, and the list of layers.
pub(crate) fn planned(config: &Config, layers: &Layers, precision: Precision) -> Bytes {
    let units = Units::of_precision(precision);
    let packed = (0..layers.len()).map(|layer| units.packed(layers, layer)).sum();
    let levels = units.values(&[config.levels as u64, units.pixel(config) as u64]);
    let channels = layers.iter().map(|layer| layer.out_channels as u64).sum();
    // Bounds of what the channels hold, three at most, while it is found out whether they can overflow.
    tensors::planned(layers) + packed + levels + Bytes::of::<[f64; 6]>(&[channels]) + Layers::planned(config)
}

/// What a layer's taps read, and what it makes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Taps, over all inputs.
    pub taps: usize,
    /// How many of them, the first, are hot: what they add is part of what the sums begin with.
    pub hot: usize,
    /// Rows of weights that these choose from.
    pub hot_rows: usize,
    /// Values that they read, a multiple of the step.
    pub values: usize,
    /// Sums, padded.
    pub sums: usize,
    /// What they begin with.
    pub start: Start,
}

impl Shape {
    pub fn of(layers: &Layers, index: usize, units: Units) -> Shape {
        let layer = &layers[index];
        let taps = |inputs: &[Input]| -> usize { inputs.iter().map(|input| input.terms.len()).sum() };
        let (hot, dense) = layer.inputs.split_at(layer.inputs.partition_point(|input| Shape::is_hot(input, units)));
        let hot_rows = hot.iter().map(|input| input.terms.len() * Shape::hot_rows(layers, input)).sum();
        let sums = PANEL * layer.out_channels.div_ceil(PANEL / layer.cell.sums());
        let (taps, hot) = (taps(&layer.inputs), taps(hot));
        let values = dense.iter().map(|input| input.terms.len() * Shape::tap(layers, input, units)).sum();
        Shape { taps, hot, hot_rows, values, sums, start: layer.start }
    }

    /// Whether a tap adds a row of weights to what the sums begin with. Integers do so for all pixels, of whatever level: their
    /// weights have more bits than those that tiles read.
    fn is_hot(input: &Input, units: Units) -> bool {
        input.one_hot || units.integers && input.source == Source::Pixels
    }

    /// Rows of weights that a hot tap chooses from: one for each level, or one that is multiplied with it.
    fn hot_rows(layers: &Layers, input: &Input) -> usize {
        match layers.embedding {
            Some((levels, _)) => levels,
            None => input.channels,
        }
    }

    /// Values that a tap of an input reads.
    fn tap(layers: &Layers, input: &Input, units: Units) -> usize {
        let read = match input.source {
            Source::Pixels => input.channels,
            Source::Layer(source) => units.row(layers, source).read,
        };
        read.next_multiple_of(units.step)
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

/// Packs a layer. `guarded` where its outputs may overflow, so that they must be looked at.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn pack<A: Arithmetic>(
    layers: &Layers,
    weights: &Weights<A::Stored>,
    index: usize,
    guarded: bool,
) -> Result<PackedLayer<A>, Error> {
    let units = Units::of::<A>();
    let (layer, shape) = (&layers[index], Shape::of(layers, index, units));
    let (n, width, each, outputs) = (layer.sums(), shape.values, layer.cell.sums(), layer.out_channels);
    let none = |_| Error::OutOfMemory { bytes: units.packed(layers, index).0, limit: None };
    let room = |rows: usize| usize::try_from(shape.sums as u64 * rows as u64).map_err(none);
    // Where a sum lies among the padded ones.
    let mut lanes: Vec<usize> = try_room(n)?;
    lanes.extend((0..n).map(|o| {
        let (output, second, half) = (o % outputs, o / outputs, PANEL / each);
        output / half * PANEL + second * half + output % half
    }));
    // Where its weights lie, from a channel's first on.
    let mut places: Vec<usize> = try_room(n)?;
    places.extend(lanes.iter().map(|lane| lane / PANEL * PANEL * width + lane % PANEL * A::STEP));
    let mut packed: Vec<A::Value> = try_zeroed(room(width)?)?;
    let (mut values, mut hot_rows) = (try_room(shape.taps - shape.hot)?, try_room(shape.hot)?);
    let mut hot: Vec<A::Sum> = try_room(room(shape.hot_rows)?)?;
    let mut row = 0;
    for (number, input) in layer.inputs.iter().enumerate() {
        let kernel = weights.kernel(index, number);
        let read = match input.source {
            Source::Layer(source) => units.row(layers, source),
            Source::Pixels => RowParts::plain(input.channels),
        };
        for &term in &input.terms {
            let from = input.weight_index(term, n);
            let weight = |k: usize, o: usize| A::weight(kernel[from + k * n + o]);
            if Shape::is_hot(input, units) {
                hot_rows.push((hot.len() / shape.sums) as u32);
                for level in 0..Shape::hot_rows(layers, input) {
                    let first = hot.len();
                    hot.resize(first + shape.sums, A::start(A::Number::default()));
                    for o in 0..n {
                        let one = A::start(A::Number::default());
                        // What an embedding makes of a level, and its weights make of that, is known beforehand.
                        hot[first + lanes[o]] = match layers.embedding {
                            None => A::start(weight(level, o)),
                            Some((_, channels)) => {
                                let embedded = |k: usize| A::weight(weights.embedding()[level * channels + k]);
                                (0..channels).fold(one, |sum, k| A::multiply_add(sum, embedded(k), weight(k, o)))
                            }
                        };
                    }
                }
                continue;
            }
            // Where a channel's weights begin. All parts of its numbers have these.
            let place = |k: usize| k / A::STEP * PANEL * A::STEP + k % A::STEP;
            for (k, weights) in kernel[from..][..input.channels * n].chunks_exact(n).enumerate() {
                for (part, negative) in read.small() {
                    A::pack(weights, negative, &places, place(row + part + k), &mut packed);
                }
            }
            row += Shape::tap(layers, input, units);
            values.push(Shape::tap(layers, input, units) as u32);
        }
    }
    let rounding = A::rounding(layers, weights, index);
    let own = if A::INTEGERS { room(1)? } else { 0 };
    let (mut scales, mut parts) = (try_room(own)?, try_room(own)?);
    if A::INTEGERS {
        scales.resize(room(1)?, 1.0);
        (0..n).for_each(|o| scales[lanes[o]] = A::scale(weights, index, o));
        parts.resize(room(1)?, 0);
        (0..outputs).for_each(|o| parts[o] = A::parts(rounding, weights, index, o));
    }
    let classes = shape.classes(layers);
    let mut starts: Vec<A::Sum> = try_room(room(classes)?)?;
    starts.resize(room(classes)?, A::bias(A::Stored::default()));
    for (class, starts) in starts.chunks_exact_mut(shape.sums).enumerate() {
        for o in 0..n {
            let bias = A::bias(weights.bias(index)[o]);
            let with_class = layer.start == (Start::Bias { class: true });
            starts[lanes[o]] = if with_class { bias + A::bias(weights.class(index)[class * n + o]) } else { bias };
        }
    }
    let guarded = guarded && index + 1 < layers.len();
    let rounding = if guarded { A::guarded(rounding) } else { rounding };
    let row_of = |source: usize| units.row(layers, source);
    let start_at = if let Start::Layer(source) = layer.start { row_of(source).kept } else { 0 };
    Ok(PackedLayer::new(Packing {
        weights: packed,
        scales,
        parts,
        starts,
        start_at,
        hot,
        hot_rows,
        factor: A::INTEGERS && layer.inputs.iter().all(|input| !input.one_hot) && layers.embedding.is_none(),
        values,
        depth: width / A::STEP,
        sums: shape.sums,
        each,
        outputs,
        row: row_of(index).len,
        residual: row_of(layer.residual.unwrap_or(index)),
        rounding,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::{Role, TensorSpec, tensor_specs};
    use pixelcnn_kernels::{Front, Row, Scratch, run};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Whether a layer of 16 channels over rows of 16 values runs with these places.
    fn runs<A: Arithmetic>(packed: &PackedLayer<A>, Row { start, depth }: Row, output: u32, len: usize) -> bool {
        let (mut data, mut scratch) = (vec![A::Value::default(); len], Scratch::default());
        let front = Front::new([&[start], &[depth], &[0], &[], &[output]]);
        catch_unwind(AssertUnwindSafe(|| run(packed, &mut data, &front, true, &mut scratch))).is_ok()
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_place_outside_the_data_is_a_panic_and_never_a_read() {
        let config = Config { filters: 16, blocks: 1, ..Config::reference() };
        let layers = Layers::new(&config);
        let floats = Weights::random(&layers, 1);
        // Weights of 0, scales and views of 1.
        let number = |spec: &TensorSpec| match spec.role {
            Role::Scale => 1f32.to_bits() as i32,
            Role::View => 1,
            _ => 0,
        };
        let specs = tensor_specs(&layers, Precision::Int8);
        let integers: Vec<i32> = specs.iter().flat_map(|spec| vec![number(spec); spec.len()]).collect();
        let integers = Weights::new(&layers, integers).unwrap();
        // A block's first layer reads one row of 16 and writes 16 values; the logits write a panel of 8, of sums.
        let (hidden, last) = (1, layers.len() - 1);
        let f32s = [hidden, last].map(|index| pack::<F32>(&layers, &floats, index, false).unwrap());
        let small = [hidden, last].map(|index| pack::<Int8>(&layers, &integers, index, false).unwrap());
        let (step, sums) = (Int8::STEP, 8 * Int8::SUM_VALUES);
        let (row, deep) = (|start, depth| Row { start, depth }, 16 / step as u32);
        // What the integers read has a stream beside it, which they do not write here.
        for len in [64, 80] {
            let end = |values: usize| (len - values) as u32;
            assert!(runs(&f32s[0], row(0, 16), end(16), len) && runs(&small[0], row(0, deep), end(16), len));
            assert!(runs(&f32s[1], row(0, 16), end(8), len) && runs(&small[1], row(0, deep), end(sums), len));
            // One past the end, of what is read and of what is written.
            for (start, output) in [(end(15), 0), (u32::MAX, 0), (0, end(15)), (0, u32::MAX)] {
                assert!(!runs(&f32s[0], row(start, 16), output, len) && !runs(&small[0], row(start, deep), output, len));
            }
            assert!(!runs(&small[1], row(end(15), deep), 0, len), "what the logits read");
            assert!(!runs(&small[1], row(0, deep), end(sums - 1), len), "a sum takes several values");
            assert!(!runs(&f32s[1], row(0, 16), end(7), len));
            // Deeper than the row, also where twice the depth is little in 32 bits.
            for depth in [17, 1 << 30, 1 << 31, (1 << 31) + 4, u32::MAX] {
                assert!(!runs(&f32s[0], row(0, depth), 16, len) && !runs(&small[0], row(0, depth), 16, len), "depth {depth}");
            }
            assert!(!runs(&small[0], row(0, deep + 1), 16, len));
        }
    }
}
