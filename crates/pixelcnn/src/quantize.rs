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
use crate::error::Error;
use crate::layers::Source;
use crate::model::Model;
use crate::weights::{overflowing, Weights, MAX_SHIFT};

/// How far activations may exceed the largest that calibration saw before they are cut off.
const MARGIN: f64 = 2.0;
/// How often a scale may be halved until everything fits.
const MAX_HALVINGS: usize = 64;

/// The model of integers that stands for a model of f32. `images`, `[count, height, width]` of levels, show how large its
/// activations get: some hundreds of the kind that it will draw.
///
/// # Errors
/// [`Error::IntegerOverflow`] naming a layer whose sums fit under no shift; those of [`peaks`].
pub fn quantize(model: &Model, images: &[u8]) -> Result<Model, Error> {
    let layers = &model.layers;
    let mut peaks = peaks(model, images)?;
    let Either::F32(net) = &model.net else { unreachable!("`peaks` has refused it") };
    let streams = streams(layers);
    for layer in 0..layers.len() {
        peaks[streams[layer]] = peaks[streams[layer]].max(peaks[layer]);
    }
    // A layer that was never on takes any scale; the last has logits, and no scale.
    let peak = |layer: usize| if peaks[layer] > 0.0 { f64::from(peaks[layer]) } else { 1.0 };
    let mut scales: Vec<f64> = (0..layers.len()).map(|layer| f64::from(i16::MAX) / MARGIN / peak(layer)).collect();
    let mut tries = 0;
    loop {
        match attempt(model, &net.weights, &streams, &scales) {
            Ok(values) => {
                let weights = Weights::new(layers, values)?;
                return Ok(Model::new(model.config.clone(), weights, model.metadata.clone()));
            }
            // Where outputs are small beside their weights, the weights have to have the bits.
            Err(layer) if layer + 1 < layers.len() && tries < MAX_HALVINGS => scales[streams[layer]] /= 2.0,
            Err(layer) => return Err(Error::IntegerOverflow { layer: layers[layer].name.clone(), channel: None }),
        }
        tries += 1;
    }
}

/// All integers under the scales of streams, or the layer that fits under no shift.
fn attempt(model: &Model, weights: &Weights, streams: &[usize], scales: &[f64]) -> Result<Vec<i32>, usize> {
    let layers = &model.layers;
    let pixels = 1.0 / f64::from(F32::level(&model.config, 1));
    let mut values = Vec::with_capacity(weights.values().len() + layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let scale = if index + 1 == layers.len() { 1.0 } else { scales[streams[index]] };
        let fitting = (0..=MAX_SHIFT).rev().find_map(|shift| {
            let scale = scale * f64::from(1u32 << shift);
            let kernels = layer.inputs.iter().enumerate().map(|(number, input)| {
                let scale_in = match input.source {
                    Source::Pixels => pixels,
                    Source::Layer(source) => scales[streams[source]],
                };
                let len = input.kernel_size * input.kernel_size * input.channels * layer.out_channels;
                integers(&weights.kernel(index, number)[..len], scale / scale_in, i16::MAX.into())
            });
            let kernels: Vec<Vec<i32>> = kernels.collect::<Option<_>>()?;
            let bias = integers(&weights.bias(index)[..layer.out_channels], scale, i32::MAX.into())?;
            let overflows = overflowing(layers, index, |number| &kernels[number], &bias, shift as u32);
            overflows.is_none().then(|| [kernels.concat(), bias, vec![shift]].concat())
        });
        values.extend(fitting.ok_or(index)?);
    }
    Ok(values)
}

/// Each weight as the nearest integer at a scale, halves away from 0; `None` where one is beyond `most`.
fn integers(weights: &[f32], scale: f64, most: f64) -> Option<Vec<i32>> {
    let integer = |&weight: &f32| {
        let value = (f64::from(weight) * scale).round();
        (value.abs() <= most).then_some(value as i32)
    };
    weights.iter().map(integer).collect()
}
