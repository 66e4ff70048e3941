//! How layers make outputs of sums, and where a row of outputs has what.
//!
//! Activations of integers are small: -127..=127, or 0..=127 where none is negative, and twice as large of layers that are fine. What
//! residuals join, or sums begin with, is *kept* in 16 bits too; the small number then is a view of it.

use crate::cell::Cell;
use crate::padded;
use crate::simd::small::OF_16_BITS;

/// The largest number that a kernel of small ones multiplies.
pub const MOST: i16 = 127;

/// Values that a sum takes which is kept whole, among integers.
pub const SUM_VALUES: usize = 2 * OF_16_BITS;

/// How a layer of f32 makes outputs of its sums.
#[derive(Clone, Copy, Debug)]
pub struct Finish {
    /// Its cell.
    pub cell: Cell,
    /// Whether kernels must look for sums that are not finite.
    pub guarded: bool,
}

impl Finish {
    /// The output of some sums: NaN where one is not finite. All that reads a NaN becomes one, whatever the weights, and so does
    /// the logit: no relu hides it, and no engine can leave it out, since only zeros are.
    pub fn round(self, [a, b]: [f32; 2]) -> f32 {
        let finite = a.is_finite() && (self.cell.sums() == 1 || b.is_finite());
        if finite { self.cell.apply(a, b) } else { f32::NAN }
    }
}

/// How an integer layer makes outputs of its sums.
#[derive(Clone, Copy, Debug)]
pub struct Rounding {
    /// Its cell, whose sums are whole sums times a scale of their own.
    pub cell: Cell,
    /// What an output of it is multiplied with, before it is rounded.
    pub output: f32,
    /// The largest small number.
    pub most: i16,
    /// Whether sums are kept whole: the last layer's.
    pub whole: bool,
    /// Whether outputs are kept in 16 bits, of which each channel's small number is a view of its own.
    pub kept: bool,
    /// Whether no output is negative, and no number that it makes with a residual.
    pub positive: bool,
    /// Where its rows have what.
    pub row: RowParts,
}

impl Rounding {
    /// The output of a layer's sums, already scaled: small, or of 16 bits where it is kept.
    pub fn round(&self, [a, b]: [f32; 2]) -> i16 {
        let value = self.cell.apply(a, b) * self.output;
        let most = i32::from(if self.kept { i16::MAX } else { self.most });
        let least = if self.cell.is_non_negative() { 0 } else { -most };
        // Cut off as integers: that of f32 would panic for a NaN with numbers, whose printing takes 4 kB of the binary.
        (value.round_ties_even() as i32).clamp(least, most) as i16
    }

    /// The small number that a kernel reads of a kept one: so many 2^15 parts of it.
    pub fn view_of(&self, value: i16, parts: i16) -> i16 {
        if !self.kept {
            return value;
        }
        let scaled = (i32::from(value) * i32::from(parts) + (1 << 14)) >> 15;
        let most = i32::from(self.most);
        scaled.clamp(if self.positive { 0 } else { -most }, most) as i16
    }
}

/// Where a row of a layer's outputs has what, in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowParts {
    /// How far behind a number lies what of it is above [`MOST`], where that lies apart.
    pub upper: Option<usize>,
    /// Where the magnitudes of negative numbers begin, where they lie apart.
    pub negative: Option<usize>,
    /// Where kept numbers begin, where there are some.
    pub kept: usize,
    /// Values of the row.
    pub len: usize,
    /// Values that a kernel reads of it.
    pub read: usize,
}

impl RowParts {
    /// A row of numbers that are read as they are.
    pub fn plain(channels: usize) -> RowParts {
        RowParts { upper: None, negative: None, kept: 0, len: padded(channels), read: channels }
    }

    /// Whether a number may lie in more than one place.
    pub fn is_in_parts(self) -> bool {
        self.upper.is_some() || self.negative.is_some()
    }

    /// Where the parts of small numbers begin that a kernel reads, and whether a part counts as negative.
    pub fn small(self) -> impl Iterator<Item = (usize, bool)> {
        let RowParts { upper, negative, .. } = self;
        let both = negative.zip(upper).map(|(negative, upper)| negative + upper);
        [(Some(0), false), (upper, false), (negative, true), (both, true)]
            .into_iter()
            .filter_map(|(part, negative)| Some((part?, negative)))
    }
}
