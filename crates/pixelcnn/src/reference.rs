//! The net as its definition reads: whole images, plain loops, one number at a time. The oracle, never a baseline.

use crate::arithmetic::Arithmetic;
use crate::config::Config;
use crate::error::Error;
use crate::layers::{Layers, Source, Start};
use crate::memory::{Bytes, reserve, try_room};
use crate::weights::Weights;

/// What [`logits`] takes: every output of every layer.
pub fn planned(config: &Config, layers: &Layers) -> Bytes {
    let pixels = config.pixels() as u64;
    let values = |channels: usize| Bytes::of::<f32>(&[pixels, channels as u64]);
    let outputs = layers.iter().map(|layer| values(layer.out_channels)).sum::<Bytes>();
    let lists = Bytes::of::<Vec<u8>>(&[layers.len() as u64]);
    let sums = Bytes::of::<f32>(&[layers.iter().map(|layer| layer.sums() as u64).max().unwrap_or(0)]);
    sums + outputs + values(config.input_channels()) + Bytes::of::<f32>(&[pixels, config.logits() as u64]) + lists
}

/// The logits of every pixel of one image, `[height, width, logits]`, given its pixels as levels, `[height, width]`, and its class,
/// which a net without classes does not look at.
///
/// Every sum is made in one order: what it begins with, then terms in their order, then input channels. The kernels keep it, so
/// they give the same bits.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn logits<A: Arithmetic>(
    config: &Config,
    layers: &Layers,
    weights: &Weights<A::Stored>,
    pixels: &[u16],
    class: u16,
) -> Result<Vec<f32>, Error> {
    let (height, width) = (config.height as i32, config.width as i32);
    let mut image: Vec<A::Number> = Vec::new();
    reserve(&mut image, &[pixels.len(), config.input_channels()])?;
    for &level in pixels {
        image.extend((0..config.input_channels()).map(|channel| A::pixel(config, weights, level, channel)));
    }
    let mut outputs: Vec<Vec<A::Number>> = try_room(layers.len())?; // (layer)(position, channel)
    let mut roundings: Vec<A::Rounding> = try_room(layers.len())?;
    let mut logits = Vec::new();
    reserve(&mut logits, &[pixels.len(), config.logits()])?;
    for (index, layer) in layers.iter().enumerate() {
        let n = layer.sums();
        let last = index + 1 == layers.len();
        let rounding = A::rounding(layers, weights, index);
        roundings.push(rounding);
        let (mut output, mut sums) = (Vec::new(), try_room(n)?);
        reserve(&mut output, &[if last { 0 } else { pixels.len() }, layer.out_channels])?;
        for y in 0..height {
            for x in 0..width {
                let position = (y * width + x) as usize;
                sums.clear();
                sums.extend((0..n).map(|o| match layer.start {
                    Start::Layer(source) => A::start(outputs[source][position * n + o]),
                    Start::Bias { class: false } => A::bias(weights.bias(index)[o]),
                    Start::Bias { class: true } => {
                        A::bias(weights.bias(index)[o]) + A::bias(weights.class(index)[usize::from(class) * n + o])
                    }
                }));
                for (number, input) in layer.inputs.iter().enumerate() {
                    let kernel = weights.kernel(index, number);
                    for &term in &input.terms {
                        let (ty, tx) = (y + term.tap.dy, x + term.tap.dx);
                        if ty < 0 || tx < 0 || tx >= width {
                            continue; // outside the image every input is 0
                        }
                        let at = (ty * width + tx) as usize * input.channels;
                        let from = input.weight_index(term, n);
                        for k in 0..input.channels {
                            let read = match input.source {
                                Source::Pixels => image[at + k],
                                Source::Layer(source) => {
                                    let parts = A::parts(roundings[source], weights, source, k);
                                    A::view(roundings[source], parts, outputs[source][at + k])
                                }
                            };
                            for (sum, &weight) in sums.iter_mut().zip(&kernel[from + k * n..][..n]) {
                                *sum = A::multiply_add(*sum, read, A::weight(weight));
                            }
                        }
                    }
                }
                for o in 0..layer.out_channels {
                    if last {
                        logits.push(A::logit(sums[o], A::scale(weights, index, o)));
                        continue;
                    }
                    let both = [o, if layer.cell.sums() == 2 { layer.out_channels + o } else { o }];
                    let value = A::round(rounding, both.map(|o| sums[o]), both.map(|o| A::scale(weights, index, o)));
                    let residual = layer.residual.map(|source| outputs[source][position * layer.out_channels + o]);
                    output.push(residual.map_or(value, |residual| A::add(residual, value)));
                }
            }
        }
        outputs.push(output);
    }
    Ok(logits)
}
