//! How layers of integers round, how their rows lie, and the proof that no sum of theirs can leave 32 bits, whatever the image.
//!
//! Activations are small: -127..=127, or 0..=127 where none is negative; twice as large where they are fine ([`Layers::is_fine`]). What
//! residuals join, or sums begin with, is *kept* in 16 bits too; the small number then is a view of it.

use crate::cell::Cell;
use crate::config::MAX_LEVELS;
use crate::error::Error;
use crate::kernels::padded;
use crate::layers::{Layer, Layers, Source, Start};
use crate::memory::try_room;
use crate::simd::small::{OF_16_BITS, SPLIT};
use crate::weights::Weights;

/// The largest number that a kernel of small ones multiplies.
pub(crate) const MOST: i16 = 127;

/// The largest small number of a layer.
pub(crate) fn most_of(layers: &Layers, index: usize) -> i16 {
    if layers.is_fine(index) { 2 * MOST } else { MOST }
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
    pub(crate) row: RowParts,
}

impl Rounding {
    pub(crate) fn new(layers: &Layers, weights: &Weights<i32>, index: usize) -> Rounding {
        let layer = &layers[index];
        let own = has_output_scale(layers, index);
        Rounding {
            cell: layer.cell,
            output: if own { weights.output_scale(index) } else { 1.0 },
            most: most_of(layers, index),
            whole: index + 1 == layers.len(),
            kept: is_kept(layers, index),
            positive: is_positive(layers, layer),
            row: RowParts::of(layers, index),
        }
    }

    /// The output of a layer's sums, already scaled: small, or of 16 bits where it is kept.
    pub(crate) fn round(&self, [a, b]: [f32; 2]) -> i16 {
        let value = self.cell.apply(a, b) * self.output;
        let most = if self.kept { f32::from(i16::MAX) } else { f32::from(self.most) };
        let least = if self.cell.is_non_negative() { 0.0 } else { -most };
        value.clamp(least, most).round_ties_even() as i16
    }

    /// The small number that a kernel reads of a kept one: so many 2^15 parts of it.
    pub(crate) fn view_of(&self, value: i16, parts: i16) -> i16 {
        if !self.kept {
            return value;
        }
        let scaled = (i32::from(value) * i32::from(parts) + (1 << 14)) >> 15;
        let most = i32::from(self.most);
        scaled.clamp(if self.positive { 0 } else { -most }, most) as i16
    }
}

/// Whether a layer's cell makes outputs that need a scale of their own, since its sums' scales are spent on its argument.
pub(crate) fn has_output_scale(layers: &Layers, index: usize) -> bool {
    index + 1 < layers.len() && !matches!(layers[index].cell, Cell::Linear | Cell::Relu)
}

/// Whether a layer's outputs are kept in 16 bits.
pub(crate) fn is_kept(layers: &Layers, index: usize) -> bool {
    index + 1 < layers.len() && (layers[index].residual.is_some() || layers.is_read_beside(index))
}

/// Whether no output of a layer is negative, its residual added.
pub(crate) fn is_positive(layers: &Layers, layer: &Layer) -> bool {
    layer.cell.is_non_negative() && layer.residual.is_none_or(|source| is_positive(layers, &layers[source]))
}

/// Where a row of a layer's outputs has what, in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowParts {
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
    /// A row that has no parts.
    pub fn of_one(channels: usize) -> RowParts {
        RowParts { upper: None, negative: None, kept: 0, len: padded(channels), read: channels }
    }

    pub fn of(layers: &Layers, index: usize) -> RowParts {
        let (layer, channels) = (&layers[index], layers[index].out_channels);
        let own = padded(channels);
        if index + 1 == layers.len() {
            return RowParts { upper: None, negative: None, kept: 0, len: own * SUM_VALUES, read: channels };
        }
        let upper = SPLIT && layers.is_fine(index);
        let negative = SPLIT && !is_positive(layers, layer);
        let magnitudes = if upper { 2 * own } else { own };
        let small = if negative { 2 * magnitudes } else { magnitudes };
        let kept = if is_kept(layers, index) { own * OF_16_BITS } else { 0 };
        RowParts {
            upper: upper.then_some(own),
            negative: negative.then_some(magnitudes),
            kept: small,
            len: small + kept,
            read: small - own + channels,
        }
    }

    /// Where the parts of small numbers begin that a kernel reads, and whether a part counts as negative.
    pub fn small(self) -> impl Iterator<Item = (usize, bool)> {
        let [signs, halves] = [[Some(0), self.negative], [Some(0), self.upper]].map(|parts| parts.into_iter().flatten());
        signs.flat_map(move |sign| halves.clone().map(move |half| (sign + half, sign > 0)))
    }
}

/// Values that a sum takes which is kept whole.
pub(crate) const SUM_VALUES: usize = 2 * OF_16_BITS;

/// The first output of a layer of integers whose sums can leave 32 bits for some image: the bias, with any class's vector, and
/// the magnitudes of all products at their most.
pub(crate) fn overflowing(layers: &Layers, index: usize, weights: &LayerIntegers) -> Option<usize> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let bias = |o: usize| match layer.start {
        Start::Layer(_) => 1 << 15,
        Start::Bias { class } => {
            let bias = i64::from(weights.bias[o]);
            let classes = if class { layers.classes } else { 0 };
            (0..classes).fold(bias.abs(), |most, c| most.max((bias + i64::from(weights.class[c * n + o])).abs()))
        }
    };
    (0..n).find(|&o| {
        let mut most = bias(o);
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = weights.kernels[number];
            for &term in &input.terms {
                let from = input.weight_index(term, n);
                let weight = |k: usize| i64::from(kernel[from + k * n + o]).abs();
                most += match input.source {
                    // One channel alone is on.
                    Source::Pixels if input.one_hot => (0..input.channels).map(weight).max().unwrap_or(0),
                    Source::Pixels => (0..input.channels).map(|k| weight(k) * weights.pixels[k]).sum::<i64>(),
                    Source::Layer(source) => (0..input.channels).map(|k| weight(k) * i64::from(most_of(layers, source))).sum(),
                };
            }
        }
        most > i64::from(i32::MAX)
    })
}

/// The integers of a layer, each list from its first on.
#[derive(Clone, Debug)]
pub(crate) struct LayerIntegers<'a> {
    pub kernels: &'a [&'a [i32]],
    pub bias: &'a [i32],
    pub class: &'a [i32],
    pub pixels: &'a [i64],
}

/// The largest magnitude of each channel that a net reads of a pixel, `[channels]`: of an ordinal one, any level's.
pub(crate) fn largest_pixels(layers: &Layers, embedding: &[i32]) -> Result<Vec<i64>, Error> {
    let Some((_, channels)) = layers.embedding else { return Ok(vec![MAX_LEVELS as i64 - 1]) };
    let mut largest = try_room(channels)?;
    largest
        .extend((0..channels).map(|k| embedding.iter().skip(k).step_by(channels).map(|e| i64::from(e.abs())).max().unwrap_or(0)));
    Ok(largest)
}
