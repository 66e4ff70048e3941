//! How layers of integers round, and the proof that no sum of theirs can leave 32 bits, whatever the image.

use crate::cell::Cell;
use crate::layers::{Input, Layer, Layers, Source};

/// How an integer layer rounds.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    /// Binary places of a sum.
    pub shift: u32,
    /// The least output.
    pub floor: i16,
    /// Half of the last place that is kept; 0 where sums are kept whole.
    pub half: i32,
    /// Whether sums are kept whole.
    pub whole: bool,
}

impl Shift {
    /// The rounding of a layer whose sums have that many binary places.
    pub fn new(layers: &Layers, layer: usize, shift: u32) -> Shift {
        let floor = if layers[layer].cell == Cell::Relu { 0 } else { i16::MIN };
        let whole = layer + 1 == layers.len();
        Shift { shift, floor, half: if whole { 0 } else { (1 << shift) >> 1 }, whole }
    }
}

/// The first output of a layer of integers whose sums can leave 32 bits for some image: the bias with what rounding adds,
/// and all products at their most or at their least.
pub(crate) fn overflowing<'a>(
    layers: &Layers,
    index: usize,
    kernel: impl Fn(usize) -> &'a [i32],
    bias: &[i32],
    shift: u32,
) -> Option<usize> {
    let layer = &layers[index];
    let half = i64::from(Shift::new(layers, index, shift).half);
    (0..layer.out_channels).find(|&output| {
        let bias = i64::from(bias[output]) + half;
        let (mut most, mut least) = (bias.max(0), bias.min(0));
        for (number, input) in layer.inputs.iter().enumerate() {
            let (low, high) = input_range(layers, input);
            for &term in &input.terms {
                let from = input.weight_index(term, layer.out_channels);
                for k in 0..input.channels {
                    let weight = i64::from(kernel(number)[from + k * layer.out_channels + output]);
                    most += (weight * low).max(weight * high);
                    least += (weight * low).min(weight * high);
                }
            }
        }
        i32::try_from(most).is_err() || i32::try_from(least).is_err()
    })
}

/// What an input's integers lie between, 0 included. Those of the image are its levels.
fn input_range(layers: &Layers, input: &Input) -> (i64, i64) {
    fn positive(layers: &Layers, layer: &Layer) -> bool {
        layer.cell.is_non_negative() && layer.residual.is_none_or(|source| positive(layers, &layers[source]))
    }
    match input.source {
        Source::Pixels => (0, 255),
        Source::Layer(source) if positive(layers, &layers[source]) => (0, i16::MAX.into()),
        Source::Layer(_) => (i16::MIN.into(), i16::MAX.into()),
    }
}
