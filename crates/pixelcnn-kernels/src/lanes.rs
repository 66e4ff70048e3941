//! The numbers of a precision in lanes: what tiles are written in.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::PANEL;
use crate::activations::Activations;
use crate::cell::Cell;
use crate::layer::PackedLayer;
use crate::rounding::{Finish, MOST, Rounding, RowParts};
use crate::simd::small::{self, Small};
use crate::simd::{Bound, F32x4, I16x8, I32x4};
use std::fmt::Debug;
use std::ops::{Add, Range};

/// f32 throughout.
#[derive(Clone, Copy, Debug)]
pub struct F32;

/// Weights of 8 bits, activations of 7 or 8 and a sign, sums of 32.
#[derive(Clone, Copy, Debug)]
pub struct Int8;

/// A precision's numbers, one at a time and in lanes.
pub trait Lanes: Copy + Debug + Send + Sync + 'static {
    /// A number of a model file.
    type Stored: Copy;
    /// A weight or an activation.
    type Number: Copy + Default + Debug;
    /// What kernels hold a number in, or a part of one.
    type Value: Copy + Default + PartialEq + Debug + Send + Sync;
    /// An accumulator.
    type Sum: Copy + Debug + Add<Output = Self::Sum> + Send + Sync;
    /// What a layer needs to turn a sum into an output.
    type Rounding: Copy + Debug + Send + Sync;
    /// Four sums.
    type Sums: Copy;
    /// What a step multiplies: four outputs' weights, or one position's values four times.
    type Factors: Copy;
    /// Products of a few steps, before they are added to sums.
    type Partial: Copy;
    /// Channels of a step.
    const STEP: usize;
    /// The most steps whose products are added up before they are added to sums; 1 where they are added at once.
    const MOST_STEPS: usize;
    /// Whether numbers are integers.
    const INTEGERS: bool;
    /// Whether what a tile reads is copied first, all taps one after the other: then its rows lie at distances that instructions hold, and a
    /// short tap has no loop of its own. Of f32 it pays, of integers not (bench/README.md has the figures).
    const COPIED: bool;
    /// Rows that tiles do not finish are taken to be as deep as a multiple of so many steps: loops of few different lengths are foreseen
    /// by processors, and a turn that was not takes as long as three or four steps.
    const DEPTH_STEPS: u32 = 4;
    /// Values that a sum takes which is kept whole.
    const SUM_VALUES: usize = size_of::<Self::Sum>() / size_of::<Self::Value>();

    /// The most that are better added up so on this host.
    fn most_steps() -> usize {
        Self::MOST_STEPS
    }

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

    /// No products.
    fn no_products() -> Self::Partial;

    /// Adds a step's products to those of the steps before it, [`Lanes::MOST_STEPS`] at most.
    fn add_partial(partial: Self::Partial, inputs: Self::Factors, weights: Self::Factors) -> Self::Partial;

    /// Adds products to four sums.
    fn widen(sums: Self::Sums, partial: Self::Partial, ones: Self::Partial) -> Self::Sums;

    /// What [`Lanes::widen`] takes, made before the loops.
    fn ones() -> Self::Partial;

    /// Whether the products of some steps' weights, `[step][PANEL][STEP]`, stay in [`Lanes::Partial`].
    fn stays_within_16_bits(weights: &[Self::Value]) -> bool;

    /// Packs a channel's weights, or the opposite ones, of which each has its place: `at` places after it.
    fn pack(weights: &[Self::Stored], opposite: bool, places: &[usize], at: usize, to: &mut [Self::Value]);

    /// The number that stands for a pixel's level in a row for hot taps: one more than it, or 0.
    ///
    /// # Panics
    /// Where the row is shorter than such a number.
    fn index(row: &[Self::Value]) -> usize;

    /// A sum with some times a weight; 1 times but among integers.
    fn add_times(sum: Self::Sum, weight: Self::Sum, times: usize) -> Self::Sum;

    /// What a sum begins with where another layer's output is that, or one weight.
    fn start(output: Self::Number) -> Self::Sum;

    /// The output that a sum begins with, from the first of a row's on.
    fn output(row: &[Self::Value], output: usize) -> Self::Number;

    /// Whether tiles make outputs of sums themselves. Else they leave them as they are, for [`Lanes::finish`]: what is more than a few
    /// instructions costs less in a loop of its own than at the end of each tile, and a call in a tile, were it never made, would cost
    /// it a fifth of its time.
    fn finished(rounding: Self::Rounding) -> bool;

    /// Values of a row that making outputs of so many sums, padded ones included, writes; and that it reads of one that is added, from its
    /// kept numbers on.
    fn reach(rounding: Self::Rounding, sums: usize) -> (usize, usize);

    /// [`Activations::compute`].
    fn compute(kept: &mut Activations<Self>, layer: usize, packed: &PackedLayer<Self>, classes: &[u16], steps: Range<usize>);

    /// [`Activations::put_pixel`].
    fn put_pixel(kept: &mut Activations<Self>, image: usize, row: usize, column: usize, level: u16, values: &[Self::Value]);

    /// Makes a position's outputs of all its sums. Where it is asked by `tails` and known in passing, says how many of the row's values hold
    /// all that are not zero, or some more: all that is read of a row that has its numbers in parts.
    ///
    /// # Safety
    /// As many sums as `panels` have can be read; of integers as many scales and parts. Rows are as long as the layer's and its residual's
    /// are.
    unsafe fn finish(
        rounding: Self::Rounding,
        ended: Ended<Self::Value>,
        panels: usize,
        row: Outputs<Self::Value>,
        tails: bool,
    ) -> Option<usize>;

    /// Writes the outputs of a panel, after adding the residual's where there is one.
    ///
    /// # Safety
    /// Rows are as long as the layer's and its residual's are, and have as many channels as the panel reaches to.
    unsafe fn write(rounding: Self::Rounding, sums: [Self::Sums; 2], first: usize, row: Outputs<Self::Value>);

    /// The sum that was kept whole.
    fn kept_sum(values: &[Self::Value]) -> Self::Sum;

    /// Writes sums whole, as they are in registers.
    ///
    /// # Safety
    /// As many values can be written there as the panel's sums take.
    unsafe fn write_sums(sums: [Self::Sums; 2], to: *mut Self::Value);
}

/// Where a position's outputs go.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<V> {
    /// The row.
    pub row: *mut V,
    /// The row that is added, from its kept numbers on.
    pub residual: Option<*const V>,
}

/// Sums that tiles have left as they are, and what makes outputs of them.
#[derive(Clone, Copy, Debug)]
pub struct Ended<V> {
    /// The sums, panel by panel.
    pub sums: *const V,
    /// Of integers, what each is multiplied with.
    pub scales: *const f32,
    /// Of integers, what 2^15 parts of each output a kernel reads.
    pub parts: *const i16,
}

impl Lanes for F32 {
    type Stored = f32;
    type Number = f32;
    type Value = f32;
    type Sum = f32;
    type Rounding = Finish;
    type Sums = F32x4;
    type Factors = F32x4;
    type Partial = F32x4;
    const STEP: usize = 1;
    const MOST_STEPS: usize = 1;
    const INTEGERS: bool = false;
    const COPIED: bool = true;

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

    fn no_products() -> F32x4 {
        unreachable!("each product of f32 is rounded into its sum")
    }

    fn add_partial(_: F32x4, _: F32x4, _: F32x4) -> F32x4 {
        F32::no_products()
    }

    fn ones() -> F32x4 {
        F32x4::splat(1.0)
    }

    fn widen(_: F32x4, _: F32x4, _: F32x4) -> F32x4 {
        F32::no_products()
    }

    fn stays_within_16_bits(_: &[f32]) -> bool {
        false
    }

    #[inline(never)]
    fn pack(weights: &[f32], _: bool, places: &[usize], at: usize, to: &mut [f32]) {
        weights.iter().zip(places).for_each(|(&weight, place)| to[place + at] = weight);
    }

    fn index(row: &[f32]) -> usize {
        row[0] as usize
    }

    #[inline(always)]
    fn add_times(sum: f32, weight: f32, _: usize) -> f32 {
        sum + weight
    }

    #[inline]
    fn start(output: f32) -> f32 {
        output
    }

    fn output(row: &[f32], output: usize) -> f32 {
        row[output]
    }

    fn kept_sum(values: &[f32]) -> f32 {
        values[0]
    }

    fn finished(Finish { cell, guarded }: Finish) -> bool {
        matches!(cell, Cell::Relu | Cell::Linear) && !guarded
    }

    fn reach(Finish { cell, .. }: Finish, sums: usize) -> (usize, usize) {
        (sums / cell.sums(), sums / cell.sums())
    }

    #[inline(never)]
    fn compute(kept: &mut Activations<F32>, layer: usize, packed: &PackedLayer<F32>, classes: &[u16], steps: Range<usize>) {
        kept.compute(layer, packed, classes, steps);
    }

    #[inline(never)]
    fn put_pixel(kept: &mut Activations<F32>, image: usize, row: usize, column: usize, level: u16, values: &[f32]) {
        kept.put_pixel(image, row, column, level, values);
    }

    unsafe fn finish(
        finish: Finish,
        ended: Ended<f32>,
        panels: usize,
        Outputs { row, residual }: Outputs<f32>,
        _: bool,
    ) -> Option<usize> {
        let of = |a: F32x4, b: F32x4| {
            if finish.guarded {
                let (a, b) = (a.to_array(), b.to_array());
                F32x4::new(std::array::from_fn(|lane| finish.round([a[lane], b[lane]])))
            } else {
                finish.cell.lanes(a, b)
            }
        };
        for panel in 0..panels {
            // SAFETY: as the caller promises.
            unsafe {
                let (sums, first) = (ended.sums.add(panel * PANEL), panel * PANEL / finish.cell.sums());
                let (to, residual) = (row.add(first), residual.map(|from| from.add(first)));
                let (low, high) = (F32::weights(sums), F32::weights(sums.add(4)));
                if finish.cell.sums() == 2 {
                    write_four(of(low, high), residual, to);
                    continue;
                }
                write_four(of(low, low), residual, to);
                write_four(of(high, high), residual.map(|from| from.add(4)), to.add(4));
            }
        }
        None
    }

    #[inline(always)]
    unsafe fn write(Finish { cell, .. }: Finish, sums: [F32x4; 2], first: usize, Outputs { row, residual }: Outputs<f32>) {
        let floor = if cell == Cell::Relu { 0 } else { i32::MIN };
        for (v, sums) in sums.into_iter().enumerate() {
            let at = first + 4 * v;
            // SAFETY: as the caller promises.
            unsafe { write_four(sums.bits_at_least(floor), residual.map(|from| from.add(at)), row.add(at)) };
        }
    }

    #[inline(always)]
    unsafe fn write_sums([low, high]: [F32x4; 2], to: *mut f32) {
        // SAFETY: as the caller promises.
        unsafe {
            write_four(low, None, to);
            write_four(high, None, to.add(4));
        }
    }
}

/// Writes four outputs.
///
/// # Safety
/// Four values can be read at `residual`, and written at `to`.
#[inline(always)]
unsafe fn write_four(out: F32x4, residual: Option<*const f32>, to: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let out = residual.map_or(out, |from| F32::weights(from) + out);
        *to.cast::<[f32; 4]>() = out.to_array();
    }
}

impl Lanes for Int8 {
    type Stored = i32;
    type Number = i16;
    type Value = Small;
    type Sum = i32;
    type Rounding = Rounding;
    type Sums = I32x4;
    type Factors = small::Factors;
    type Partial = small::Partial;
    const STEP: usize = small::STEP;
    const MOST_STEPS: usize = small::MOST_STEPS;
    const INTEGERS: bool = true;
    const COPIED: bool = false;
    const DEPTH_STEPS: u32 = 2;

    fn most_steps() -> usize {
        small::most_steps()
    }

    #[inline(always)]
    unsafe fn biases(from: *const i32) -> I32x4 {
        // SAFETY: as the caller promises; an array of i32 needs no more alignment than an i32.
        I32x4::new(unsafe { *from.cast::<[i32; 4]>() })
    }

    #[inline(always)]
    unsafe fn weights(from: *const Small) -> small::Factors {
        // SAFETY: as the caller promises; an array needs no more alignment than its values.
        small::weights(unsafe { *from.cast::<[Small; 4 * small::STEP]>() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const Small) -> small::Factors {
        // SAFETY: as the caller promises.
        small::inputs(unsafe { *from.cast::<[Small; small::STEP]>() })
    }

    #[inline(always)]
    fn add_products(sums: I32x4, inputs: small::Factors, weights: small::Factors) -> I32x4 {
        small::add_products(sums, inputs, weights)
    }

    #[inline(always)]
    fn no_products() -> small::Partial {
        small::none()
    }

    #[inline(always)]
    fn add_partial(partial: small::Partial, inputs: small::Factors, weights: small::Factors) -> small::Partial {
        small::add(partial, inputs, weights)
    }

    #[inline(always)]
    fn ones() -> small::Partial {
        small::ones()
    }

    #[inline(always)]
    fn widen(sums: I32x4, partial: small::Partial, ones: small::Partial) -> I32x4 {
        small::widen(sums, partial, ones)
    }

    fn stays_within_16_bits(weights: &[Small]) -> bool {
        const PAIR: usize = 2; // of products in a lane
        // Inputs are not negative: so no sum leaves what the weights above 0 make at most, and those below.
        let mut lanes = [[0u32; PANEL * small::STEP / PAIR]; 2];
        for step in weights.chunks_exact(PANEL * small::STEP) {
            for (lane, pair) in step.chunks_exact(PAIR).enumerate() {
                for &weight in pair {
                    lanes[usize::from(weight < 0)][lane] += i32::from(weight).unsigned_abs();
                }
            }
        }
        lanes.as_flattened().iter().all(|&sum| sum * MOST as u32 <= i16::MAX as u32)
    }

    #[inline(never)]
    fn pack(weights: &[i32], opposite: bool, places: &[usize], at: usize, to: &mut [Small]) {
        for (&weight, place) in weights.iter().zip(places) {
            let weight = if opposite { -weight } else { weight };
            to[place + at] = weight as Small; // of 8 bits, as whoever reads a file has checked
        }
    }

    fn index(row: &[Small]) -> usize {
        small::joined(*row.first_chunk().expect("a whole number")) as usize
    }

    #[inline(always)]
    fn add_times(sum: i32, weight: i32, times: usize) -> i32 {
        sum + weight * times as i32
    }

    #[inline]
    fn start(output: i16) -> i32 {
        output.into()
    }

    fn output(row: &[Small], output: usize) -> i16 {
        small::joined(*row[output * small::OF_16_BITS..].first_chunk().expect("a whole number"))
    }

    fn kept_sum(values: &[Small]) -> i32 {
        const BITS: u32 = Small::BITS;
        let low = (1 << BITS) - 1;
        (0..).zip(&values[..Int8::SUM_VALUES]).fold(0, |sum, (k, &value)| sum | (i32::from(value) & low) << (BITS * k))
    }

    fn finished(rounding: Rounding) -> bool {
        rounding.whole
    }

    fn reach(Rounding { cell, whole, kept, row, .. }: Rounding, sums: usize) -> (usize, usize) {
        let outputs = sums / cell.sums();
        let read = row.negative.unwrap_or(0) + row.upper.unwrap_or(0) + outputs;
        match (whole, kept) {
            (true, _) => (sums * Int8::SUM_VALUES, 0),
            (false, true) => {
                let wide = outputs * small::OF_16_BITS;
                (read.max(row.kept + wide), wide)
            }
            (false, false) => (read, 0),
        }
    }

    #[inline(never)]
    fn compute(kept: &mut Activations<Int8>, layer: usize, packed: &PackedLayer<Int8>, classes: &[u16], steps: Range<usize>) {
        kept.compute(layer, packed, classes, steps);
    }

    #[inline(never)]
    fn put_pixel(kept: &mut Activations<Int8>, image: usize, row: usize, column: usize, level: u16, values: &[Small]) {
        kept.put_pixel(image, row, column, level, values);
    }

    unsafe fn finish(
        rounding: Rounding,
        ended: Ended<Small>,
        panels: usize,
        outputs: Outputs<Small>,
        tails: bool,
    ) -> Option<usize> {
        // SAFETY: as the caller promises.
        unsafe {
            let simple = rounding.cell == Cell::Relu && !rounding.row.is_in_parts();
            let depth = match (rounding.cell, simple, rounding.kept, tails) {
                (Cell::Relu, true, false, false) => finish_sums::<true, false, false>(rounding, ended, panels, outputs),
                (Cell::Relu, true, false, true) => finish_sums::<true, false, true>(rounding, ended, panels, outputs),
                (Cell::Relu, true, true, false) => finish_sums::<true, true, false>(rounding, ended, panels, outputs),
                (Cell::Relu, true, true, true) => finish_sums::<true, true, true>(rounding, ended, panels, outputs),
                (Cell::Relu | Cell::Linear, ..) => finish_sums::<false, false, true>(rounding, ended, panels, outputs),
                _ => finish_cells(rounding, ended, panels, outputs),
            };
            tails.then_some(depth)
        }
    }

    #[inline(always)]
    unsafe fn write(_: Rounding, _: [I32x4; 2], _: usize, _: Outputs<Small>) {
        unreachable!("tiles of integers write sums as they are")
    }

    #[inline(always)]
    unsafe fn write_sums([low, high]: [I32x4; 2], to: *mut Small) {
        // SAFETY: as the caller promises.
        unsafe {
            to.cast::<[i32; 4]>().write_unaligned(low.to_array());
            to.cast::<[i32; 4]>().add(1).write_unaligned(high.to_array());
        }
    }
}

/// Four sums of a panel, scaled.
///
/// # Safety
/// They, and their scales, can be read.
#[inline(always)]
unsafe fn scaled(ended: Ended<Small>, panel: usize, half: usize) -> F32x4 {
    // SAFETY: as the caller promises; the sums have the alignment of small numbers.
    unsafe {
        let sums = ended.sums.cast::<[i32; 4]>().add(2 * panel + half).read_unaligned();
        I32x4::new(sums).to_f32() * F32::weights(ended.scales.add(panel * PANEL + 4 * half))
    }
}

/// Outputs of a relu, or of a linear layer. Where they are simple, of a relu and not in parts, it is known beforehand whether they are kept in 16
/// bits, and whether it is asked where their zeros begin.
///
/// # Safety
/// As [`Lanes::finish`].
unsafe fn finish_sums<const SIMPLE: bool, const KEPT: bool, const TAILS: bool>(
    rounding: Rounding,
    ended: Ended<Small>,
    panels: usize,
    Outputs { row, residual }: Outputs<Small>,
) -> usize {
    let kept_too = if SIMPLE { KEPT } else { rounding.kept };
    let most = Bound::new(f32::from(if kept_too { i16::MAX } else { rounding.most }));
    let round = |x: F32x4| if SIMPLE { x.round_positive(most) } else { x.round_signed(most) };
    let splat = |bound: i16| I16x8::splat_pair([bound; 2]);
    let (ceiling, floor) = (splat(rounding.most), splat(if rounding.positive { 0 } else { -rounding.most }));
    let RowParts { upper, negative, kept, .. } = rounding.row;
    // Parts that there are not are written where the first is, before it: branches would make four loops of this one.
    let [zero, lowest, highest] =
        [0, if negative.is_some() { 0 } else { i16::MIN }, if upper.is_some() { MOST } else { i16::MAX }].map(splat);
    let (upper, negative) = (upper.unwrap_or(0), negative.unwrap_or(0));
    let least = splat(if rounding.cell == Cell::Relu { 0 } else { i16::MIN });
    let mut depth = 0;
    for panel in 0..panels {
        let first = panel * PANEL;
        // SAFETY: as the caller promises; rows have the alignment of small numbers.
        unsafe {
            let mut out = I16x8::narrow(round(scaled(ended, panel, 0)), round(scaled(ended, panel, 1)));
            if !SIMPLE {
                out = out.at_least(least);
            }
            if kept_too {
                let wide = first * small::OF_16_BITS;
                if let Some(residual) = residual {
                    out = I16x8::new(residual.add(wide).cast::<[i16; 8]>().read_unaligned()).add_saturating(out);
                }
                row.add(kept + wide).cast::<[i16; 8]>().write_unaligned(out.to_array());
                let parts = I16x8::new(*ended.parts.add(first).cast::<[i16; 8]>());
                out = out.scaled(parts).at_most(ceiling).at_least(floor);
            }
            if TAILS {
                depth = if out.is_zero() { depth } else { first + PANEL };
            }
            if SIMPLE {
                *row.add(first).cast() = small::stored(out);
                continue;
            }
            let write = |at: usize, numbers: I16x8| {
                let lower = numbers.at_most(highest);
                *row.add(upper + at).cast() = small::stored(numbers.add_saturating(lower.negated()));
                *row.add(at).cast() = small::stored(lower);
            };
            write(negative + first, out.negated().at_least(zero));
            write(first, out.at_least(lowest));
        }
    }
    if !SIMPLE && rounding.row.is_in_parts() { rounding.row.read } else { depth }
}

/// Outputs of any other cell.
///
/// # Safety
/// As [`Lanes::finish`].
unsafe fn finish_cells(rounding: Rounding, ended: Ended<Small>, panels: usize, outputs: Outputs<Small>) -> usize {
    let most = Bound::new(f32::from(if rounding.kept { i16::MAX } else { rounding.most }));
    let of = |a: F32x4, b: F32x4| (rounding.cell.lanes(a, b) * F32x4::splat(rounding.output)).round_signed(most).to_array();
    let RowParts { upper, negative, kept, .. } = rounding.row;
    let (lowest, highest) = (if negative.is_some() { 0 } else { i16::MIN }, if upper.is_some() { MOST } else { i16::MAX });
    let (upper, negative) = (upper.unwrap_or(0), negative.unwrap_or(0));
    let each = 2 / rounding.cell.sums(); // fours of outputs of a panel
    let mut depth = 0;
    for four in 0..panels * each {
        // SAFETY: as the caller promises.
        let [low, high] = [0, 1].map(|half| unsafe { scaled(ended, four / each, half) });
        let (a, b) = if each == 2 && four % 2 == 1 { (high, high) } else { (low, high) };
        for (o, number) in of(a, b).into_iter().enumerate() {
            let (at, mut number) = (4 * four + o, number as i16);
            // SAFETY: as the caller promises.
            unsafe {
                if rounding.kept {
                    let wide = |from: *const Small| *from.add(at * small::OF_16_BITS).cast::<[Small; small::OF_16_BITS]>();
                    let residual = outputs.residual.map_or(0, |from| small::joined(wide(from)));
                    number = residual.saturating_add(number);
                    *outputs.row.add(kept + at * small::OF_16_BITS).cast() = small::split(number);
                }
                let number = rounding.view_of(number, *ended.parts.add(at));
                depth = if number == 0 { depth } else { at + 1 };
                // As in `finish_sums`.
                for (at, number) in [(negative + at, (-number).max(0)), (at, number.max(lowest))] {
                    let lower = number.min(highest);
                    *outputs.row.add(upper + at) = (number - lower) as Small;
                    *outputs.row.add(at) = lower as Small;
                }
            }
        }
    }
    if rounding.row.is_in_parts() { rounding.row.read } else { depth }
}
