//! How layers of integers round, how their rows lie ([`Rounding`]), and the proof that no sum of theirs can leave 32 bits, whatever the
//! image.

use crate::cell::Cell;
use crate::config::MAX_LEVELS;
use crate::error::Error;
use crate::layers::{Layer, Layers, Source, Start};
use crate::memory::try_room;
use crate::simd::small::{OF_16_BITS, SPLIT};
use crate::weights::Weights;
use pixelcnn_kernels::weights::{add_magnitudes, raise};
use pixelcnn_kernels::{MOST, Rounding, RowParts, SUM_VALUES, padded};

/// The largest small number of a layer.
pub(crate) fn most_of(layers: &Layers, index: usize) -> i16 {
    if layers.is_fine(index) { 2 * MOST } else { MOST }
}

/// How a layer of integers makes outputs of its sums.
pub(crate) fn rounding(layers: &Layers, weights: &Weights<i32>, index: usize) -> Rounding {
    let layer = &layers[index];
    let own = has_output_scale(layers, index);
    Rounding {
        cell: layer.cell,
        output: if own { weights.output_scale(index) } else { 1.0 },
        most: most_of(layers, index),
        whole: index + 1 == layers.len(),
        kept: is_kept(layers, index),
        positive: is_positive(layers, layer),
        row: row_parts(layers, index),
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

/// Where a row of a layer's outputs has what.
pub(crate) fn row_parts(layers: &Layers, index: usize) -> RowParts {
    let (layer, channels) = (&layers[index], layers[index].out_channels);
    let own = padded(channels);
    if index + 1 == layers.len() {
        return RowParts { upper: None, negative: None, kept: 0, len: own * SUM_VALUES, read: channels };
    }
    let (upper, negative) = (SPLIT && layers.is_fine(index), SPLIT && !is_positive(layers, layer));
    let magnitudes = if upper { 2 * own } else { own };
    let small = if negative { 2 * magnitudes } else { magnitudes };
    let kept = if is_kept(layers, index) { own * OF_16_BITS } else { 0 };
    let (upper, negative) = (upper.then_some(own), negative.then_some(magnitudes));
    RowParts { upper, negative, kept: small, len: small + kept, read: small - own + channels }
}

/// The first output of a layer of integers whose sums can leave 32 bits for some image: the bias, with any class's vector, and
/// the magnitudes of all products at their most.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn overflowing(layers: &Layers, index: usize, weights: &LayerIntegers) -> Result<Option<usize>, Error> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let bias = |o: usize| match layer.start {
        Start::Layer(_) => 1 << 15,
        Start::Bias { class } => {
            let bias = i64::from(weights.bias[o]);
            let classes = if class { layers.classes } else { 0 };
            (0..classes).fold(bias.abs(), |most, c| most.max((bias + i64::from(weights.class[c * n + o])).abs()))
        }
    };
    let mut most: Vec<i64> = try_room(n)?;
    most.extend((0..n).map(bias));
    let mut largest: Vec<i64> = try_room(n)?;
    for (number, input) in layer.inputs.iter().enumerate() {
        for &term in &input.terms {
            let kernel = &weights.kernels[number][input.weight_index(term, n)..][..input.channels * n];
            largest.clear();
            largest.resize(n, 0);
            for (k, row) in kernel.chunks_exact(n).enumerate() {
                match input.source {
                    // One channel alone is on.
                    Source::Pixels if input.one_hot => raise(&mut largest, row),
                    Source::Pixels => add_magnitudes(&mut most, row, weights.pixels[k]),
                    Source::Layer(source) => add_magnitudes(&mut most, row, most_of(layers, source).into()),
                }
            }
            most.iter_mut().zip(&largest).for_each(|(most, largest)| *most += largest);
        }
    }
    Ok(most.iter().position(|&most| most > i64::from(i32::MAX)))
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
