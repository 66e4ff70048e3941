//! From f32 to integers.
//!
//! A value `x` becomes the integer `x * scale`, one scale for each layer, shared by those that residuals join. A kernel's
//! scale is `scale_out * 2^shift / scale_in`, so that a shift alone turns a sum into an output. The shift is the largest
//! for which all weights fit into 16 bits and no sum can overflow ([`Weights::new`] proves it): weights get the bits that
//! the sums leave them, 10 to 13 in the reference's net. Logits are sums with `shift` binary places: no scale of their own.
//!
//! Like Jacob et al. 2018 (arXiv:1712.05877) in that all is integers and bias lives in the sum; unlike them in that scales
//! differ by powers of two only, which makes rounding one shift.

use crate::activity::{peaks, streams};
use crate::arithmetic::{Arithmetic, Either, F32};
use crate::config::Precision;
use crate::error::Error;
use crate::integer::overflowing;
use crate::kernels;
use crate::layers::{Input, Source};
use crate::memory::try_room;
use crate::model::Model;
use crate::weights::{MAX_SHIFT, Weights};

/// How far activations may exceed the largest that calibration saw before they are cut off.
const MARGIN: f64 = 2.0;
/// How often a scale may be halved until everything fits.
const MAX_HALVINGS: usize = 64;

/// The model of integers that stands for a model of f32. `images`, `[count, height, width]` of levels, show how large its
/// activations get: some hundreds of the kind that it will draw.
///
/// # Errors
/// [`Error::IntegerOverflow`] naming a layer whose sums fit under no shift; those of [`peaks`].
pub fn quantize(model: &Model, images: &[u16]) -> Result<Model, Error> {
    let layers = &model.layers;
    model.memory.check(model.bytes + kernels::planned(&model.config, layers, Precision::Int16))?;
    let mut peaks = peaks(model, images)?;
    let Either::F32(net) = &model.net else { unreachable!("`peaks` has refused it") };
    model.room_for_lists()?;
    let streams = streams(layers);
    for layer in 0..layers.len() {
        peaks[streams[layer]] = peaks[streams[layer]].max(peaks[layer]);
    }
    // A layer that was never on takes any scale; the last has logits, and no scale.
    let peak = |layer: usize| if peaks[layer] > 0.0 { f64::from(peaks[layer]) } else { 1.0 };
    let mut scales: Vec<f64> = (0..layers.len()).map(|layer| f64::from(i16::MAX) / MARGIN / peak(layer)).collect();
    let mut values = try_room(net.weights.values().len() + layers.len())?;
    let mut tries = 0;
    while let Some(layer) = attempt(model, &net.weights, &streams, &scales, &mut values) {
        // Where outputs are small beside their weights, the weights have to have the bits.
        if layer + 1 == layers.len() || tries == MAX_HALVINGS {
            return Err(Error::IntegerOverflow { layer: layers[layer].name.clone(), channel: None });
        }
        scales[streams[layer]] /= 2.0;
        tries += 1;
    }
    let weights = Weights::new(layers, values)?;
    model.room_for_copy()?;
    Model::within(model.memory, model.config.clone(), weights, model.metadata.clone())
}

/// Fills `values` with all integers under the scales of streams, or names the layer that fits under no shift.
fn attempt(model: &Model, weights: &Weights, streams: &[usize], scales: &[f64], values: &mut Vec<i32>) -> Option<usize> {
    let layers = &model.layers;
    let pixels = 1.0 / f64::from(F32::level(&model.config, 1));
    values.clear();
    for (index, layer) in layers.iter().enumerate() {
        let scale = if index + 1 == layers.len() { 1.0 } else { scales[streams[index]] };
        let begin = values.len();
        let count = |input: &Input| input.len(layer.sums());
        let fits = (0..=MAX_SHIFT).rev().any(|shift| {
            let scale = scale * f64::from(1u32 << shift);
            values.truncate(begin);
            for (number, input) in layer.inputs.iter().enumerate() {
                let scale_in = match input.source {
                    Source::Pixels => pixels,
                    Source::Layer(source) => scales[streams[source]],
                };
                if !integers(&weights.kernel(index, number)[..count(input)], scale / scale_in, i16::MAX.into(), values) {
                    return false;
                }
            }
            let bias = values.len();
            if !integers(&weights.bias(index)[..layer.out_channels], scale, i32::MAX.into(), values) {
                return false;
            }
            // Kernels lie one after the other.
            let start = |number: usize| begin + layer.inputs[..number].iter().map(count).sum::<usize>();
            overflowing(layers, index, |number| &values[start(number)..], &values[bias..], shift as u32).is_none() && {
                values.push(shift);
                true
            }
        });
        if !fits {
            return Some(index);
        }
    }
    None
}

/// Appends each weight as the nearest integer at a scale, halves away from 0; false where one is beyond `most`.
fn integers(weights: &[f32], scale: f64, most: f64, values: &mut Vec<i32>) -> bool {
    weights.iter().all(|&weight| {
        let value = (f64::from(weight) * scale).round();
        let fits = value.abs() <= most;
        if fits {
            values.push(value as i32);
        }
        fits
    })
}
