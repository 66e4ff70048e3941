//! The matrix product of a layer over a front of positions, in register tiles.
//!
//! For each position (a row of inputs) and each output:
//! ```text
//! sum = bias
//! for tap in taps:                     # in order
//!     for k in channels of the tap:    # ascending
//!         sum += input[offset[position][tap] + k] * weight[tap][k]
//! out = round(sum) + residual
//! ```
//! Outputs lie in lanes, so each is one accumulator summed in that order, whatever the tile: `reference` gives the same
//! bits. A step of the k-loop reads 32 bits of each position's row and 128 bits of weights for 4 outputs: one channel in
//! f32, two in int16 (`i32x4.dot_i16x8_s`). Weights are packed `[out / 8][tap, k / STEP][8][STEP]`, so one packing serves
//! every tile. A tile holds P positions x V vectors of 4 outputs in registers; 4x2, 3x2, 2x4 and 1x8 all fit the 16 that V8
//! has on x86-64 (measured: 4x3 and 6x2 spill).
//!
//! This is the one file with unsafe code: the k-loop reads without bounds checks, after one check per call of all that it
//! will read.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::arithmetic::{Arithmetic, F32, Int16, Shift};
use crate::config::Precision;
use crate::error::Error;
use crate::layers::{Activation, Input, Layer, Layers};
use crate::memory::{Bytes, product, reserve, try_room, try_zeroed};
use crate::simd::{F32x4, I16x8, I32x4};
use crate::weights::Weights;
use std::ops::Range;

/// Outputs of a panel. Channel counts are padded to a multiple of it with zero weights, so no kernel has a tail.
pub const PANEL: usize = 8;

/// The number of values a row of `channels` takes.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PANEL)
}

/// An [`Arithmetic`] in lanes.
pub trait Lanes: Arithmetic {
    /// Four sums.
    type Sums: Copy;
    /// What a step multiplies: four outputs' weights, or one position's values four times.
    type Factors: Copy;
    /// Channels of a step.
    const STEP: usize;

    /// Four biases.
    ///
    /// # Safety
    /// They can be read there.
    unsafe fn biases(from: *const Self::Sum) -> Self::Sums;

    /// A step's weights of four outputs.
    ///
    /// # Safety
    /// `4 * STEP` values can be read there.
    unsafe fn weights(from: *const Self::Value) -> Self::Factors;

    /// A step's values of a position.
    ///
    /// # Safety
    /// `STEP` values can be read there.
    unsafe fn inputs(from: *const Self::Value) -> Self::Factors;

    /// Adds a step's products.
    fn add_products(sums: Self::Sums, inputs: Self::Factors, weights: Self::Factors) -> Self::Sums;

    /// Writes the outputs of a panel, after adding the values at `residual` where there is one.
    ///
    /// # Safety
    /// [`PANEL`] values can be read at `residual`, and `PANEL * sum_values(rounding)` written at `to`.
    unsafe fn write(rounding: Self::Rounding, sums: [Self::Sums; 2], residual: Option<*const Self::Value>, to: *mut Self::Value);
}

impl Lanes for F32 {
    type Sums = F32x4;
    type Factors = F32x4;
    const STEP: usize = 1;

    #[inline(always)]
    unsafe fn biases(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises; an array of f32 needs no more alignment than an f32.
        F32x4::new(unsafe { *from.cast::<[f32; 4]>() })
    }

    #[inline(always)]
    unsafe fn weights(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises.
        F32x4::new(unsafe { *from.cast::<[f32; 4]>() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises.
        F32x4::splat(unsafe { *from })
    }

    #[inline(always)]
    fn add_products(sums: F32x4, inputs: F32x4, weights: F32x4) -> F32x4 {
        sums + inputs * weights
    }

    #[inline(always)]
    unsafe fn write(activation: Activation, sums: [F32x4; 2], residual: Option<*const f32>, to: *mut f32) {
        let floor = F32x4::splat(if activation == Activation::Relu { 0.0 } else { f32::NEG_INFINITY });
        for (v, sums) in sums.into_iter().enumerate() {
            let mut out = sums.at_least(floor);
            // SAFETY: as the caller promises.
            unsafe {
                if let Some(residual) = residual {
                    out = F32::weights(residual.add(4 * v)) + out;
                }
                *to.add(4 * v).cast::<[f32; 4]>() = out.to_array();
            }
        }
    }
}

impl Lanes for Int16 {
    type Sums = I32x4;
    type Factors = I16x8;
    const STEP: usize = 2;

    #[inline(always)]
    unsafe fn biases(from: *const i32) -> I32x4 {
        // SAFETY: as the caller promises; an array of i32 needs no more alignment than an i32.
        I32x4::new(unsafe { *from.cast::<[i32; 4]>() })
    }

    #[inline(always)]
    unsafe fn weights(from: *const i16) -> I16x8 {
        // SAFETY: as the caller promises; an array of i16 needs no more alignment than an i16.
        I16x8::new(unsafe { *from.cast::<[i16; 8]>() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const i16) -> I16x8 {
        // SAFETY: as the caller promises.
        I16x8::splat_pair(unsafe { *from.cast::<[i16; 2]>() })
    }

    #[inline(always)]
    fn add_products(sums: I32x4, inputs: I16x8, weights: I16x8) -> I32x4 {
        sums.add_dot(inputs, weights)
    }

    #[inline(always)]
    unsafe fn write(rounding: Shift, [low, high]: [I32x4; 2], residual: Option<*const i16>, to: *mut i16) {
        // SAFETY: as the caller promises.
        unsafe {
            if rounding.whole {
                *to.cast::<[[u8; 4]; 4]>() = low.to_array().map(i32::to_le_bytes);
                *to.add(8).cast::<[[u8; 4]; 4]>() = high.to_array().map(i32::to_le_bytes);
                return;
            }
            // The bias holds the half already.
            let mut out = I16x8::narrow(low, high, rounding.shift).at_least(I16x8::splat_pair([rounding.floor; 2]));
            if let Some(residual) = residual {
                out = Int16::weights(residual).add_saturating(out);
            }
            *to.cast::<[i16; 8]>() = out.to_array();
        }
    }
}

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

    /// Values of a row of a layer's outputs.
    pub fn row(self, layers: &Layers, layer: usize) -> u64 {
        padded(layers[layer].out_channels) as u64 * if layer + 1 == layers.len() { self.last as u64 } else { 1 }
    }

    /// Bytes of as many values as the product of some counts.
    pub fn values(self, counts: &[u64]) -> Bytes {
        Bytes(product(counts).saturating_mul(self.value))
    }

    /// What a packed layer takes.
    pub fn packed(self, layer: &Layer) -> Bytes {
        let (shape, outputs) = (Shape::of(layer, self.step), padded(layer.out_channels) as u64);
        self.values(&[outputs, shape.values as u64]) + Bytes(outputs * self.sum) + Bytes::of::<u32>(&[shape.taps as u64])
    }
}

/// What a layer's taps read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Taps, over all inputs.
    pub taps: usize,
    /// Whether the taps of a position are copied together first.
    pub gathered: bool,
    /// Values that they read, a multiple of the step.
    pub values: usize,
}

impl Shape {
    pub fn of(layer: &Layer, step: usize) -> Shape {
        let taps = layer.inputs.iter().map(|input| input.taps.len()).sum();
        // A tap costs some 20 cycles beside its channels: 24 taps of one pixel each took 4 times as long as one of 24.
        let gathered = taps > 1 && layer.inputs.iter().all(|input| input.channels < PANEL);
        let mut shape = Shape { taps, gathered, values: 0 };
        let values: usize = layer.inputs.iter().map(|input| input.taps.len() * shape.tap(input, step)).sum();
        shape.values = values.next_multiple_of(step);
        shape
    }

    /// Values that a tap of an input reads.
    fn tap(&self, input: &Input, step: usize) -> usize {
        if self.gathered { input.channels } else { input.channels.next_multiple_of(step) }
    }
}

/// A layer's weights in the order in which the tiles read them.
#[derive(Clone, Debug)]
pub struct PackedLayer<A: Arithmetic> {
    weights: Vec<A::Value>,     // [panel][tap, channel / STEP][PANEL][STEP]
    bias: Vec<A::Sum>,          // [padded outputs]
    values: Vec<u32>,           // (tap) -> values it reads; never 0
    depth: usize,               // steps of the k-loop, over all taps
    gathered: bool,             // whether the taps of a position are copied together first
    rounding: A::Rounding,      // also how many values an output takes
    guard: Option<A::Rounding>, // where outputs are looked at: what to do to them then
}

impl<A: Lanes> PackedLayer<A> {
    /// Packs a layer. `guarded` where its outputs may overflow, so that they must be looked at.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, weights: &Weights<A::Stored>, index: usize, guarded: bool) -> Result<PackedLayer<A>, Error> {
        let (layer, shape) = (&layers[index], Shape::of(&layers[index], A::STEP));
        let (n, width) = (layer.out_channels, shape.values);
        let len = usize::try_from(padded(n) as u64 * width as u64);
        let mut packed =
            try_zeroed(len.map_err(|_| Error::OutOfMemory { bytes: Units::of::<A>().packed(layer).0, limit: None })?)?;
        let mut values = try_room(shape.taps)?;
        let mut row = 0;
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = weights.kernel(index, number);
            for &tap in &input.taps {
                let from = input.weight_index(tap, n);
                for k in 0..input.channels {
                    let (step, within) = ((row + k) / A::STEP, (row + k) % A::STEP);
                    for o in 0..n {
                        let at = (o / PANEL * width / A::STEP + step) * PANEL * A::STEP + o % PANEL * A::STEP + within;
                        packed[at] = A::weight(kernel[from + k * n + o]);
                    }
                }
                row += shape.tap(input, A::STEP);
                values.push(shape.tap(input, A::STEP) as u32);
            }
        }
        let rounding = A::rounding(layers, weights, index);
        let mut bias = try_room(padded(n))?;
        bias.extend((0..padded(n)).map(|o| A::bias(rounding, if o < n { weights.bias(index)[o] } else { A::Stored::default() })));
        let guarded = guarded && index + 1 < layers.len();
        Ok(PackedLayer {
            weights: packed,
            bias,
            values,
            depth: width / A::STEP,
            gathered: shape.gathered,
            rounding: if guarded { A::unrounded(rounding) } else { rounding },
            guard: guarded.then_some(rounding),
        })
    }

    /// Taps, over all inputs.
    pub fn taps(&self) -> usize {
        self.values.len()
    }

    /// Where outputs must be looked at: what [`run`] has not done to them yet, and must get no residuals for.
    pub fn guard(&self) -> Option<A::Rounding> {
        self.guard
    }

    /// Values of one row of output.
    pub fn row(&self) -> usize {
        self.bias.len() * A::sum_values(self.rounding)
    }
}

/// The row of values that a tap of a position reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it starts.
    pub start: u32,
    /// How many steps of its channels to sum; the rest are zeros. At most as many as the tap has.
    pub depth: u32,
}

/// Where the positions of a front read and write.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// `[positions][taps]`.
    pub taps: &'a [Row],
    /// `[positions]`, or empty: where the row starts that is added last.
    pub residuals: &'a [u32],
    /// `[positions]`: where the row of outputs starts. None overlaps what any position reads, else the sums are wrong.
    pub outputs: &'a [u32],
}

/// Memory that [`run`] uses again and again.
#[derive(Clone, Debug, Default)]
pub struct Scratch<V> {
    rows: Vec<V>, // (position)(tap, channel), of layers whose taps are gathered
    tiles: Vec<Tile>,
    starts: Vec<u32>, // (tile)(tap, position) -> where its row starts, in bytes
    depths: Vec<u32>, // (tile, tap) -> how deep the tile reads it, in steps
}

impl Scratch<()> {
    /// What it takes for so many positions and taps, where `gathered` values of a position are copied together.
    pub(crate) fn planned(units: Units, positions: u64, taps: u64, gathered: u64) -> Bytes {
        let tiles = positions.div_ceil(4);
        units.values(&[positions, gathered])
            + Bytes::of::<Tile>(&[tiles])
            + Bytes::of::<u32>(&[positions, taps])
            + Bytes::of::<u32>(&[tiles, taps])
    }
}

impl<V> Scratch<V> {
    /// Makes room for as many, so that [`run`] allocates nothing.
    pub(crate) fn reserve(&mut self, positions: usize, taps: usize, gathered: usize) -> Result<(), Error> {
        let tiles = positions.div_ceil(4);
        reserve(&mut self.rows, &[positions, gathered])?;
        reserve(&mut self.tiles, &[tiles])?;
        reserve(&mut self.starts, &[positions, taps])?;
        reserve(&mut self.depths, &[tiles, taps])
    }

    /// The positions of each tile of the last [`run`].
    pub fn tiles(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.tiles.iter().map(|tile| tile.first..tile.first + tile.size)
    }
}

/// Computes a layer at some positions, from rows of `data` into rows of `data`. Returns the multiply-adds issued.
///
/// # Panics
/// Where a place leads outside the data.
pub fn run<A: Lanes>(layer: &PackedLayer<A>, data: &mut [A::Value], places: &Places, scratch: &mut Scratch<A::Value>) -> u64 {
    let (outputs, taps, positions) = (layer.bias.len(), layer.taps(), places.outputs.len());
    // The last offset from which `len` values can be read.
    let last = |len: usize| data.len().checked_sub(len).and_then(|last| u32::try_from(last).ok());
    let inside = |offsets: &[u32], len| offsets.iter().max().is_none_or(|&o| Some(o) <= last(len));
    assert!(places.taps.len() == positions * taps);
    assert!(places.residuals.is_empty() || places.residuals.len() == positions && layer.row() == outputs);
    assert!(inside(places.residuals, outputs) && inside(places.outputs, layer.row()));
    assert!(layer.weights.len() == outputs * layer.depth * A::STEP && outputs % PANEL == 0);

    let split = Split::of(positions);
    scratch.tiles.clear();
    scratch.starts.clear();
    scratch.depths.clear();
    let bytes = size_of::<A::Value>() as u32;
    // Rows are addressed by bytes in 32 bits.
    let addressable = |values: usize| values as u64 * u64::from(bytes) <= u64::from(u32::MAX);
    let whole = [(layer.depth * A::STEP) as u32];
    let values = if layer.gathered {
        scratch.rows.clear();
        for read in places.taps.chunks_exact(taps) {
            scratch.starts.push((scratch.rows.len() * size_of::<A::Value>()) as u32);
            for (row, &values) in read.iter().zip(&layer.values) {
                for k in 0..values {
                    scratch.rows.push(data[row.start as usize + k as usize]);
                }
            }
            scratch.rows.resize(scratch.rows.len().next_multiple_of(A::STEP), A::Value::default());
        }
        assert!(addressable(scratch.rows.len()));
        scratch.tiles.extend(split.tiles());
        scratch.depths.resize(scratch.tiles.len(), layer.depth as u32);
        &whole[..]
    } else {
        let mut good = addressable(data.len());
        for tile in split.tiles() {
            scratch.tiles.push(tile);
            for (tap, &values) in layer.values.iter().enumerate() {
                let last = last(values as usize).expect("rows as long as the taps have channels");
                // A tile reads each tap as deep as the deepest of its positions.
                let mut depth = 0;
                for position in tile.first..tile.first + tile.size {
                    let row = places.taps[position * taps + tap];
                    good &= row.start <= last;
                    depth = depth.max(row.depth);
                    scratch.starts.push(row.start.wrapping_mul(bytes));
                }
                good &= u64::from(depth) * A::STEP as u64 <= u64::from(values);
                scratch.depths.push(depth);
            }
        }
        assert!(good);
        &layer.values[..]
    };
    let data = data.as_mut_ptr();
    let inputs = if layer.gathered { scratch.rows.as_ptr() } else { data.cast_const() };

    let tiles = || scratch.tiles.iter().zip(scratch.depths.chunks_exact(values.len()));
    let panels = outputs / PANEL;
    for (tile, depths) in tiles() {
        let starts = &scratch.starts[tile.first * values.len()..];
        let place = Place { layer, inputs, starts, values, depths, places, first: tile.first, data };
        // SAFETY: the asserts above hold for every position, and no range goes beyond the layer's panels. Gathered rows hold
        // `depth` steps each, from `starts` on.
        unsafe {
            // Small tiles take several panels at once, and one by one what is left of them.
            match tile.size {
                4 => place.tile::<4, 2>(0..panels),
                3 => place.tile::<3, 2>(0..panels),
                2 => {
                    let many = panels / 2 * 2;
                    place.tile::<2, 4>(0..many);
                    place.tile::<2, 2>(many..panels);
                }
                _ => {
                    let many = panels / 4 * 4;
                    place.tile::<1, 8>(0..many);
                    place.tile::<1, 2>(many..panels);
                }
            }
        }
    }
    let depth = |depths: &[u32]| depths.iter().map(|&depth| u64::from(depth)).sum::<u64>();
    tiles().map(|(tile, depths)| tile.size as u64 * depth(depths)).sum::<u64>() * (A::STEP * outputs) as u64
}

/// Some positions that are computed together.
#[derive(Clone, Copy, Debug)]
struct Tile {
    first: usize,
    size: usize,
}

/// How a number of positions is cut into tiles: fours run fastest, twos and threes nearly so, ones a good deal slower, so
/// that there is a one only where there is one position (5 = 3 + 2, 6 = 4 + 2, 9 = 4 + 3 + 2).
#[derive(Debug, PartialEq)]
struct Split {
    fours: usize,
    threes: usize,
    twos: usize,
    ones: usize,
}

impl Split {
    fn tiles(&self) -> impl Iterator<Item = Tile> {
        let sizes = [(4, self.fours), (3, self.threes), (2, self.twos), (1, self.ones)];
        let mut first = 0;
        sizes.into_iter().flat_map(|(size, count)| std::iter::repeat_n(size, count)).map(move |size| {
            first += size;
            Tile { first: first - size, size }
        })
    }

    fn of(positions: usize) -> Split {
        let tiles = |fours, threes, twos, ones| Split { fours, threes, twos, ones };
        let fours = positions / 4;
        match positions {
            0 => tiles(0, 0, 0, 0),
            1 => tiles(0, 0, 0, 1),
            _ => match positions % 4 {
                0 => tiles(fours, 0, 0, 0),
                3 => tiles(fours, 1, 0, 0),
                2 => tiles(fours, 0, 1, 0),
                _ => tiles(fours - 1, 1, 1, 0),
            },
        }
    }
}

/// A tile's place: the arguments of [`run`], what it reads as [`Scratch`] has it, its depths `[taps]` and first position.
struct Place<'a, A: Arithmetic> {
    layer: &'a PackedLayer<A>,
    inputs: *const A::Value,
    starts: &'a [u32],
    values: &'a [u32],
    depths: &'a [u32],
    places: &'a Places<'a>,
    first: usize,
    data: *mut A::Value,
}

impl<A: Lanes> Place<'_, A> {
    /// Computes P positions over some panels, V vectors of 4 outputs at a time: `panels` are a multiple of V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and `panels` exist.
    /// - For each of these positions every start leads to as many values from `inputs` on as the tap reads, and its residual
    ///   and its row of outputs lie inside the data.
    /// - No depth is more steps than its tap's values make, whose sum is the layer's depth.
    #[inline(always)]
    unsafe fn tile<const P: usize, const V: usize>(&self, panels: Range<usize>) {
        for panel in panels.step_by(V / 2) {
            // SAFETY: as the caller promises.
            unsafe { self.panels::<P, V>(panel) };
        }
    }

    /// Computes P positions x V vectors of 4 outputs from `panel` on.
    ///
    /// # Safety
    /// As [`Place::tile`].
    #[inline(always)]
    unsafe fn panels<const P: usize, const V: usize>(&self, panel: usize) {
        let layer = self.layer;
        // Weights of a step: those of a panel, of which a vector has the first or the second half.
        let (step, half) = (PANEL * A::STEP, PANEL * A::STEP / 2);
        let (lane, width) = (panel * PANEL, A::sum_values(layer.rounding));
        // SAFETY: as the caller promises; the weights of a panel are `depth` steps, read to their end.
        unsafe {
            let bias: [A::Sums; V] = std::array::from_fn(|v| A::biases(layer.bias.as_ptr().add(lane + 4 * v)));
            let mut sums = [bias; P];
            // One pointer for each panel (the first V / 2 of them): its two vectors lie side by side.
            let mut weights: [*const A::Value; V] =
                std::array::from_fn(|v| layer.weights.as_ptr().wrapping_add((panel + v) * layer.depth * step));
            for (tap, (&depth, &values)) in self.depths.iter().zip(self.values).enumerate() {
                let next = weights.map(|w| w.wrapping_add(values as usize * PANEL));
                if depth > 0 {
                    // The k-loop has as few instructions beside its arithmetic as WebAssembly allows: one pointer moves
                    // along the first position's row, the others lie at constant distances from it; bytes, so that
                    // nothing is shifted; both vectors of a panel are one pointer and an immediate offset; the weights'
                    // pointer ends the loop. Worth 11 to 16 % over indexing by k (`npm run bench -- tile`).
                    let start = |p: usize| *self.starts.get_unchecked(tap * P + p) as usize;
                    let away: [usize; P] = std::array::from_fn(|p| start(p).wrapping_sub(start(0)));
                    let mut at = self.inputs.wrapping_byte_add(start(0));
                    let end = weights[0].wrapping_add(depth as usize * step);
                    loop {
                        let w: [A::Factors; V] = std::array::from_fn(|v| A::weights(weights[v / 2].add(v % 2 * half)));
                        for p in 0..P {
                            let x = A::inputs(at.wrapping_byte_add(away[p]));
                            for v in 0..V {
                                sums[p][v] = A::add_products(sums[p][v], x, w[v]);
                            }
                        }
                        at = at.wrapping_add(A::STEP);
                        weights = weights.map(|w| w.wrapping_add(step));
                        if weights[0] == end {
                            break;
                        }
                    }
                }
                weights = next;
            }
            // Each sum by a constant index: an array under a loop that is not unrolled lives in memory, and is stored there
            // at every step of the k-loop too.
            std::array::from_fn::<(), P, _>(|p| {
                let position = self.first + p;
                let to = self.data.add(*self.places.outputs.get_unchecked(position) as usize + lane * width);
                let residual = if self.places.residuals.is_empty() {
                    None
                } else {
                    Some(self.data.cast_const().add(*self.places.residuals.get_unchecked(position) as usize + lane))
                };
                for v in 0..V / 2 {
                    let residual = residual.map(|from| from.add(PANEL * v));
                    A::write(layer.rounding, [sums[p][2 * v], sums[p][2 * v + 1]], residual, to.add(PANEL * width * v));
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Whether a layer of 16 channels over rows of 16 values runs with these places.
    fn runs<A: Lanes>(packed: &PackedLayer<A>, tap: Row, output: u32, len: usize) -> bool {
        let (mut data, mut scratch) = (vec![A::Value::default(); len], Scratch::default());
        let places = Places { taps: &[tap], residuals: &[], outputs: &[output] };
        catch_unwind(AssertUnwindSafe(|| run(packed, &mut data, &places, &mut scratch))).is_ok()
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_place_outside_the_data_is_a_panic_and_never_a_read() {
        let config = Config { filters: 16, blocks: 1, ..Config::reference() };
        let layers = Layers::new(&config);
        let floats = Weights::random(&layers, 1);
        let integers = Weights::new(&layers, vec![0; floats.values().len() + layers.len()]).unwrap();
        // A block's first layer reads one row of 16 and writes 16 values; the logits write a panel of 8, of sums.
        let (hidden, last) = (1, layers.len() - 1);
        let f32s = [hidden, last].map(|index| PackedLayer::<F32>::new(&layers, &floats, index, false).unwrap());
        let i16s = [hidden, last].map(|index| PackedLayer::<Int16>::new(&layers, &integers, index, false).unwrap());
        let row = |start, depth| Row { start, depth };
        for len in [32, 48] {
            assert!(runs(&f32s[0], row(0, 16), len as u32 - 16, len) && runs(&i16s[0], row(0, 8), len as u32 - 16, len));
            assert!(runs(&f32s[1], row(0, 16), len as u32 - 8, len) && runs(&i16s[1], row(0, 8), len as u32 - 16, len));
            // One past the end, of what is read and of what is written.
            for (start, output) in [(len as u32 - 15, 0), (u32::MAX, 0), (0, len as u32 - 15), (0, u32::MAX)] {
                assert!(!runs(&f32s[0], row(start, 16), output, len) && !runs(&i16s[0], row(start, 8), output, len));
                assert!(!runs(&i16s[1], row(start, 8), output, len), "a sum takes two values");
            }
            assert!(!runs(&f32s[1], row(0, 16), len as u32 - 7, len));
            // Deeper than the row, also where twice the depth is little in 32 bits.
            for depth in [17, 1 << 30, 1 << 31, (1 << 31) + 4, u32::MAX] {
                assert!(!runs(&f32s[0], row(0, depth), 16, len) && !runs(&i16s[0], row(0, depth), 16, len), "depth {depth}");
            }
            assert!(!runs(&i16s[0], row(0, 9), 16, len));
        }
    }

    #[test]
    fn tiles_cover_every_number_of_positions() {
        for positions in 0..200 {
            let t = Split::of(positions);
            assert_eq!(4 * t.fours + 3 * t.threes + 2 * t.twos + t.ones, positions);
            assert!(t.twos + t.ones <= 1);
            assert_eq!(t.tiles().map(|t| t.size).sum::<usize>(), positions);
        }
    }
}
