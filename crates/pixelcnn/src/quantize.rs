//! From f32 to integers.
//!
//! A value `x` becomes the integer `x * scale`: of activations one scale for each layer, and one for the kept numbers of each stream
//! that residuals join; of weights one for each sum, so that a channel with small weights has as many bits as one with large ones
//! (Jacob et al. 2018, arXiv:1712.05877, section 2; per channel as in Krishnamoorthi 2018, arXiv:1806.08342, section 3). A sum's scale
//! is the largest under which its weights fit into 8 bits, its groups of steps into 16 and itself into 32 ([`Weights::new`] proves it).

use crate::activity::{peaks, streams};
use crate::arithmetic::Either;
use crate::config::{Config, Input as Levels, MAX_LEVELS, Precision};
use crate::error::Error;
use crate::integer::{MOST, has_output_scale, is_kept};
use crate::kernels;
use crate::layers::{Input, Layers, Source, Start};
use crate::memory::try_room;
use crate::model::Model;
use crate::tensors::{TensorSpec, tensor_specs};
use crate::weights::Weights;

/// The share of the largest activation that calibration saw that the largest small number stands for: what is larger is cut off, and
/// all that is smaller is the finer for it. 0.7 was the best of 0.5 to 1.
const SHARE: f64 = 0.7;
/// How far kept numbers may exceed the largest that calibration saw.
const MARGIN: f64 = 2.0;
/// The largest integer of an embedding.
const MOST_EMBEDDED: f64 = 4095.0;
/// The most that the weights of a lane may add up to in a group, so that products with 127 stay in 16 bits.
const MOST_OF_A_LANE: f64 = 258.0;
/// Channels of such a group, and of what a lane adds up at each of its steps.
const GROUP: usize = 32;
const PAIR: usize = 2;

/// The model of integers that stands for a model of f32. `images`, `[count, height, width]` of levels, show how large its
/// activations get: some hundreds of the kind that it will draw. `labels`, `[count]`, are their classes; where there are none, a
/// net with classes takes one after the other.
///
/// # Errors
/// [`Error::IntegerOverflow`] naming a layer whose sums fit under no scale; those of [`peaks`].
pub fn quantize(model: &Model, images: &[u16], labels: &[u16]) -> Result<Model, Error> {
    let layers = &model.layers;
    model.memory.check(model.bytes + kernels::planned(&model.config, layers, Precision::Int8))?;
    let peaks = peaks(model, images, labels)?;
    let Either::F32(net) = &model.net else { unreachable!("`peaks` has refused it") };
    model.room_for_lists()?;
    let mut values = try_room(tensor_specs(layers, Precision::Int8).iter().map(TensorSpec::len).sum())?;
    let embedding = net.weights.embedding();
    let scales = Scales::new(&model.config, layers, &peaks, embedding);
    values.extend(embedding.iter().map(|&value| integer(value, scales.pixels)));
    for index in 0..layers.len() {
        convert(layers, index, &net.weights, &scales, &mut values)?;
    }
    let weights = Weights::new(layers, values)?;
    model.room_for_copy()?;
    Model::within(model.memory, model.config.clone(), weights, model.metadata.clone())
}

/// What a value is multiplied with to give its integer.
struct Scales {
    pixels: f64,
    views: Vec<f64>, // (layer)
    kept: Vec<f64>,  // (layer)
    parts: Vec<i16>, // (layer) -> 2^15 parts of a kept number that its view is
}

impl Scales {
    fn new(config: &Config, layers: &Layers, peaks: &[f32], embedding: &[f32]) -> Scales {
        // What was never on takes any scale.
        let some = |peak: f32| if peak > 0.0 { f64::from(peak) } else { 1.0 };
        let streams = streams(layers);
        let mut of_streams = vec![0.0f32; layers.len()];
        for (index, &stream) in streams.iter().enumerate() {
            of_streams[stream] = f32::from_bits(of_streams[stream].to_bits().max(peaks[index].to_bits()));
        }
        let kept: Vec<f64> = streams.iter().map(|&stream| f64::from(i16::MAX) / MARGIN / some(of_streams[stream])).collect();
        let wanted = |index: usize| f64::from(MOST) / SHARE / some(peaks[index]);
        let part = |index: usize| (wanted(index) / kept[index] * f64::from(1 << 15)).round() as i32;
        let parts: Vec<i16> = (0..layers.len()).map(|index| part(index).clamp(1, i16::MAX.into()) as i16).collect();
        let view = |index: usize| match is_kept(layers, index) {
            true => f64::from(parts[index]) / f64::from(1 << 15) * kept[index],
            false => wanted(index),
        };
        let pixels = match config.input {
            Levels::Ordinal => (config.levels - 1) as f64,
            Levels::Nominal if config.embedding == 0 => 1.0,
            Levels::Nominal => {
                MOST_EMBEDDED / some(f32::from_bits(embedding.iter().map(|value| value.abs().to_bits()).max().unwrap_or(0)))
            }
        };
        Scales { pixels, views: (0..layers.len()).map(view).collect(), kept, parts }
    }

    /// That of what an input reads.
    fn of(&self, input: &Input) -> f64 {
        match input.source {
            Source::Pixels => self.pixels,
            Source::Layer(source) => self.views[source],
        }
    }
}

/// The larger of two numbers that are not negative, by their bits: where relaxed SIMD is allowed, compilers make a relaxed instruction
/// of a loop of `max`.
fn larger(a: f64, b: f64) -> f64 {
    f64::from_bits(a.to_bits().max(b.to_bits()))
}

/// The smaller.
fn smaller(a: f64, b: f64) -> f64 {
    f64::from_bits(a.to_bits().min(b.to_bits()))
}

/// The nearest integer at a scale.
fn integer(value: f32, scale: f64) -> i32 {
    (f64::from(value) * scale).round() as i32
}

/// Appends the integers of a layer.
fn convert(layers: &Layers, index: usize, weights: &Weights, scales: &Scales, values: &mut Vec<i32>) -> Result<(), Error> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let classes = if layer.start == (Start::Bias { class: true }) { layers.classes } else { 0 };
    let mut sums: Vec<f64> = try_room(n)?;
    for sum in 0..n {
        let scale = scale_of(layers, index, weights, scales, classes, sum);
        let overflow = || Error::IntegerOverflow { layer: layer.name.clone(), channel: None };
        sums.push(scale.ok_or_else(overflow)?);
    }
    for (number, input) in layer.inputs.iter().enumerate() {
        let kernel = &weights.kernel(index, number)[..input.len(n)];
        let scale = scales.of(input);
        values.extend(kernel.iter().zip((0..n).cycle()).map(|(&weight, sum)| integer(weight, sums[sum] / scale)));
    }
    if layer.bias().is_some() {
        values.extend(weights.bias(index)[..n].iter().zip(&sums).map(|(&bias, &scale)| integer(bias, scale)));
    }
    let class = if classes > 0 { &weights.class(index)[..classes * n] } else { &[] };
    values.extend(class.iter().zip(sums.iter().cycle()).map(|(&value, &scale)| integer(value, scale)));
    let bits = |scale: f64| (scale as f32).to_bits() as i32; // between what `Weights::new` allows, as sums and activations are
    let kept = is_kept(layers, index);
    let output = if kept { scales.kept[index] } else { scales.views[index] };
    let apart = has_output_scale(layers, index);
    let of_sums = if apart || index + 1 == layers.len() { 1.0 } else { output };
    values.extend(sums.iter().map(|scale| bits(of_sums / scale)));
    values.extend(apart.then(|| bits(output)));
    values.extend(kept.then(|| i32::from(scales.parts[index])));
    Ok(())
}

/// The scale of a sum, `None` where there is none under which all fits.
fn scale_of(layers: &Layers, index: usize, weights: &Weights, scales: &Scales, classes: usize, sum: usize) -> Option<f64> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let biases = match layer.start {
        Start::Layer(_) => 0.0,
        Start::Bias { .. } => {
            let bias = f64::from(weights.bias(index)[sum]);
            let with = |class: usize| (bias + f64::from(weights.class(index)[class * n + sum])).abs();
            (0..classes).map(with).fold(bias.abs(), larger)
        }
    };
    let mut most = f64::INFINITY; // that the largest weight, and the largest of lanes, allow
    let mut total = biases; // magnitudes of all that is added, in units of the sum
    for (number, input) in layer.inputs.iter().enumerate() {
        let (kernel, scale) = (weights.kernel(index, number), scales.of(input));
        let small = matches!(input.source, Source::Layer(_));
        let (cap, range) = match (small, layers.embedding) {
            (true, _) => (f64::from(MOST), f64::from(MOST)),
            (false, Some(_)) => (f64::from(i16::MAX), MOST_EMBEDDED),
            (false, None) if input.one_hot => (f64::from(i16::MAX), 1.0),
            (false, None) => (f64::from(i16::MAX), (MAX_LEVELS - 1) as f64),
        };
        for &term in &input.terms {
            let from = input.weight_index(term, n);
            let weight = |k: usize| f64::from(kernel[from + k * n + sum].abs());
            for group in (0..input.channels).step_by(GROUP) {
                let channels = group..input.channels.min(group + GROUP);
                let largest = channels.clone().map(weight).fold(0.0, larger);
                let all: f64 = channels.clone().map(weight).sum();
                most = smaller(most, cap * scale / largest);
                total += all * range / scale;
                if small {
                    let lanes =
                        [0, PAIR].map(|lane| channels.clone().filter(|k| k % (2 * PAIR) / PAIR == lane / PAIR).map(weight).sum());
                    most = smaller(most, MOST_OF_A_LANE * scale / larger(lanes[0], lanes[1]));
                }
            }
        }
    }
    // Half of what 32 bits hold is left to what rounding adds.
    let limit = f64::from(1 << 30) / total;
    if let Start::Layer(source) = layer.start {
        let scale = scales.kept[source];
        return (scale <= most && scale <= limit).then_some(scale);
    }
    let mut scale = smaller(smaller(most, limit), 1e12);
    // Rounding may add to a lane what it must not have.
    while !lanes_hold(layers, index, weights, scales, sum, scale) {
        scale *= 0.995;
    }
    (scale >= 1e-12).then_some(scale)
}

/// Whether the integers of a sum keep groups of steps within 16 bits.
fn lanes_hold(layers: &Layers, index: usize, weights: &Weights, scales: &Scales, sum: usize, scale: f64) -> bool {
    let (layer, n) = (&layers[index], layers[index].sums());
    layer.inputs.iter().enumerate().filter(|(_, input)| matches!(input.source, Source::Layer(_))).all(|(number, input)| {
        let (kernel, scale) = (weights.kernel(index, number), scale / scales.of(input));
        input.terms.iter().all(|&term| {
            let from = input.weight_index(term, n);
            (0..input.channels).step_by(GROUP).all(|group| {
                let mut lanes = [0; 2];
                for k in group..input.channels.min(group + GROUP) {
                    lanes[k % (2 * PAIR) / PAIR] += integer(kernel[from + k * n + sum], scale).abs();
                }
                lanes.into_iter().all(|lane| f64::from(lane) <= MOST_OF_A_LANE)
            })
        })
    })
}
