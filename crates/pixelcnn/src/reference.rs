//! The net as its definition reads: whole images, plain loops, one number at a time. The oracle, never a baseline.

use crate::arithmetic::Arithmetic;
use crate::config::Config;
use crate::error::Error;
use crate::kernels::Units;
use crate::layers::{Layers, Source};
use crate::memory::{Bytes, reserve, try_room};
use crate::weights::Weights;

/// What [`logits`] takes: every output of every layer.
pub fn planned(units: Units, config: &Config, layers: &Layers) -> Bytes {
    let pixels = config.pixels() as u64;
    let values = |channels: usize| units.values(&[pixels, channels as u64]);
    let outputs = layers.iter().map(|layer| values(layer.out_channels)).sum::<Bytes>();
    outputs + values(config.channels) + Bytes::of::<f32>(&[pixels]) + Bytes::of::<Vec<u8>>(&[layers.len() as u64])
}

/// The logits of every pixel of one image, `[height, width, logits]`, given its pixels as levels, `[height, width]`.
///
/// Every output is one sum in one order: bias, then taps in raster order, then input channels. The kernels keep it, so
/// they give the same bits.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn logits<A: Arithmetic>(
    config: &Config,
    layers: &Layers,
    weights: &Weights<A::Stored>,
    pixels: &[u8],
) -> Result<Vec<f32>, Error> {
    let (height, width) = (config.height as i32, config.width as i32);
    let mut image: Vec<A::Value> = try_room(pixels.len())?;
    image.extend(pixels.iter().map(|&level| A::level(config, level)));
    let mut outputs: Vec<Vec<A::Value>> = try_room(layers.len())?;
    let mut logits = try_room(pixels.len())?;
    for (index, layer) in layers.iter().enumerate() {
        let n = layer.out_channels;
        let last = index + 1 == layers.len();
        let bias = weights.bias(index);
        let rounding = A::rounding(layers, weights, index);
        let mut output = Vec::new();
        reserve(&mut output, &[if last { 0 } else { pixels.len() }, n])?;
        for y in 0..height {
            for x in 0..width {
                for o in 0..n {
                    let mut sum = A::bias(rounding, bias[o]);
                    for (number, input) in layer.inputs.iter().enumerate() {
                        let kernel = weights.kernel(index, number);
                        let source = match input.source {
                            Source::Pixels => &image,
                            Source::Layer(source) => &outputs[source],
                        };
                        for &tap in &input.taps {
                            let (ty, tx) = (y + tap.dy, x + tap.dx);
                            if ty < 0 || tx < 0 || tx >= width {
                                continue; // outside the image every input is 0
                            }
                            let at = (ty * width + tx) as usize * input.channels;
                            let from = input.weight_index(tap, n);
                            for k in 0..input.channels {
                                sum = A::multiply_add(sum, source[at + k], A::weight(kernel[from + k * n + o]));
                            }
                        }
                    }
                    if last {
                        logits.push(A::logit(rounding, sum));
                        continue;
                    }
                    let value = A::round(rounding, sum);
                    let residual = layer.residual.map(|source| outputs[source][(y * width + x) as usize * n + o]);
                    output.push(residual.map_or(value, |residual| A::add(residual, value)));
                }
            }
        }
        outputs.push(output);
    }
    Ok(logits)
}
