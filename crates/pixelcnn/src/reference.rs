//! The net as its definition reads: whole images, plain loops, one number at a time. The oracle, never a baseline.

use crate::arithmetic::Arithmetic;
use crate::config::Config;
use crate::layers::{Layers, Source};
use crate::weights::Weights;

/// The logits of every pixel of one image, `[height, width, logits]`, given its pixels as levels, `[height, width]`.
///
/// Every output is one sum in one order: bias, then taps in raster order, then input channels. The kernels keep it, so
/// they give the same bits.
pub fn logits<A: Arithmetic>(config: &Config, layers: &Layers, weights: &Weights<A::Stored>, pixels: &[u8]) -> Vec<f32> {
    let (height, width) = (config.height as i32, config.width as i32);
    let image: Vec<A::Value> = pixels.iter().map(|&level| A::level(config, level)).collect();
    let mut outputs: Vec<Vec<A::Value>> = Vec::new();
    let mut logits = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let n = layer.out_channels;
        let last = index + 1 == layers.len();
        let bias = weights.bias(index);
        let rounding = A::rounding(layers, weights, index);
        let mut output = Vec::with_capacity(pixels.len() * n);
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
    logits
}
