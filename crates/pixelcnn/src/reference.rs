//! The net as its definition reads: whole images, plain loops, one number at a time. The oracle, never a baseline.

use crate::arithmetic::Arithmetic;
use crate::config::{Config, Input};
use crate::error::Error;
use crate::kernels::Units;
use crate::layers::{Layers, Source, Start};
use crate::memory::{Bytes, reserve, try_room};
use crate::weights::Weights;

/// What [`logits`] takes: every output of every layer.
pub fn planned(units: Units, config: &Config, layers: &Layers) -> Bytes {
    let pixels = config.pixels() as u64;
    let values = |channels: usize| units.values(&[pixels, channels as u64]);
    let outputs = layers.iter().map(|layer| values(layer.out_channels)).sum::<Bytes>();
    let lists = Bytes::of::<Vec<u8>>(&[layers.len() as u64]);
    outputs + values(config.input_channels()) + Bytes::of::<f32>(&[pixels, config.logits() as u64]) + lists
}

/// A channel of what a level is to the net.
fn channel_of<A: Arithmetic>(config: &Config, weights: &Weights<A::Stored>, level: u16, channel: usize) -> A::Value {
    match config.input {
        Input::Ordinal => A::level(config, level),
        Input::Nominal if config.embedding > 0 => A::weight(weights.embedding()[usize::from(level) * config.embedding + channel]),
        Input::Nominal if usize::from(level) == channel => A::ONE,
        Input::Nominal => A::Value::default(),
    }
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
    let mut image: Vec<A::Value> = Vec::new();
    reserve(&mut image, &[pixels.len(), config.input_channels()])?;
    for &level in pixels {
        image.extend((0..config.input_channels()).map(|channel| channel_of::<A>(config, weights, level, channel)));
    }
    let mut outputs: Vec<Vec<A::Value>> = try_room(layers.len())?;
    let mut logits = Vec::new();
    reserve(&mut logits, &[pixels.len(), config.logits()])?;
    for (index, layer) in layers.iter().enumerate() {
        let n = layer.sums();
        let last = index + 1 == layers.len();
        let rounding = A::rounding(layers, weights, index);
        let mut output = Vec::new();
        reserve(&mut output, &[if last { 0 } else { pixels.len() }, layer.out_channels])?;
        for y in 0..height {
            for x in 0..width {
                let position = (y * width + x) as usize;
                let sum_of = |o: usize| {
                    let mut sum = match layer.start {
                        Start::Layer(source) => A::start(outputs[source][position * n + o]),
                        Start::Bias { class: false } => A::bias(rounding, weights.bias(index)[o]),
                        Start::Bias { class: true } => {
                            A::bias(rounding, weights.bias(index)[o] + weights.class(index)[usize::from(class) * n + o])
                        }
                    };
                    for (number, input) in layer.inputs.iter().enumerate() {
                        let kernel = weights.kernel(index, number);
                        let source = match input.source {
                            Source::Pixels => &image,
                            Source::Layer(source) => &outputs[source],
                        };
                        for &term in &input.terms {
                            let (ty, tx) = (y + term.tap.dy, x + term.tap.dx);
                            if ty < 0 || tx < 0 || tx >= width {
                                continue; // outside the image every input is 0
                            }
                            let at = (ty * width + tx) as usize * input.channels;
                            let from = input.weight_index(term, n);
                            for k in 0..input.channels {
                                sum = A::multiply_add(sum, source[at + k], A::weight(kernel[from + k * n + o]));
                            }
                        }
                    }
                    sum
                };
                for o in 0..layer.out_channels {
                    if last {
                        logits.push(A::logit(rounding, sum_of(o)));
                        continue;
                    }
                    let first = sum_of(o);
                    let second = if layer.cell.sums() == 2 { sum_of(layer.out_channels + o) } else { first };
                    let value = A::round(rounding, [first, second]);
                    let residual = layer.residual.map(|source| outputs[source][position * layer.out_channels + o]);
                    output.push(residual.map_or(value, |residual| A::add(residual, value)));
                }
            }
        }
        outputs.push(output);
    }
    Ok(logits)
}
