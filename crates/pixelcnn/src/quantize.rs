//! From f32 to integers.
//!
//! A value `x` becomes the integer `x * scale`: of activations one scale for each channel, and one for the kept numbers of each stream
//! that residuals join; of weights one for each sum, over that of the channel that it reads, so that a channel with small weights has as
//! many bits as one with large ones (Jacob et al. 2018, arXiv:1712.05877, section 2; per channel as in Krishnamoorthi 2018,
//! arXiv:1806.08342, section 3; channels that are read are equalised as in Nagel et al. 2019, arXiv:1906.04721, section 4.1). A sum's
//! scale is the largest under which its weights fit into 8 bits, its groups of steps into 16 and itself into 32 ([`Weights::new`] proves
//! it).

use crate::activity::{Seen, seen, streams};
use crate::arithmetic::Either;
use crate::config::{Config, Input as Levels, MAX_LEVELS, Precision};
use crate::error::Error;
use crate::head::Head;
use crate::integer::{has_output_scale, is_kept, most_of};
use crate::layers::{Input, Layers, Source, Start};
use crate::math::exp;
use crate::memory::{try_room, try_zeroed};
use crate::model::Model;
use crate::packed;
use crate::sampler::{Method, Run, Skipping, Strategy};
use crate::tensors::{TensorSpec, tensor_specs};
use crate::weights::Weights;
use pixelcnn_kernels::MOST;
use std::sync::Arc;

/// The share of a channel's largest activation that calibration saw that the largest small number stands for: what is larger is cut
/// off, and all that is smaller is the finer for it.
const SHARE: f64 = 0.9;
/// The least share of a layer's largest activation that a channel's largest is taken for: what was seldom on may be so more than was
/// seen.
const LEAST: f64 = 1.0 / 32.0;
/// How far kept numbers may exceed the largest that calibration saw.
const MARGIN: f64 = 2.0;
/// The largest integer of an embedding.
const MOST_EMBEDDED: f64 = 4095.0;
/// The most that the weights of a lane above 0 may add up to in a group, and those below, so that sums of products with 0..=127 stay in 16 bits.
const MOST_OF_A_LANE: f64 = 258.0;
/// Channels of such a group, of layers that read several positions, and of those that read one: the longer, the faster are the kernels,
/// and the smaller the weights. The first are taken that are good enough, or the best. Of a net of 48 channels and 19 blocks groups of
/// all cost 6.2e-5 nats, but 4.5e-5 where they are 16 in layers of one position, a fifth of its arithmetic: of so many more products
/// what rounding adds levels out.
const GROUPS: [(usize, usize); 5] = [(64, 64), (64, 16), (16, 8), (8, 8), (4, 4)];
/// What is good enough, in nats that a pixel may cost more. Of many more images both packaged models cost 0.6 to 0.8 times as much.
const BOUND: f64 = 5e-5;
/// Images that tell.
const COMPARED: usize = 32;
/// Channels that a lane adds up at each of its steps.
const PAIR: usize = 2;

/// The model of integers that stands for a model of f32. `images`, `[count, height, width]` of levels, show how large its
/// activations get: some hundreds of the kind that it will draw. `labels`, `[count]`, are their classes; where there are none, a
/// net with classes takes one after the other.
///
/// # Errors
/// [`Error::IntegerOverflow`] naming a layer whose sums fit under no scale, [`Error::ScaleOutOfRange`] one whose weights or activations
/// are so small, or so large, that no model of integers may have their scale; those of [`seen`].
pub fn quantize(model: &Model, images: &[u16], labels: &[u16]) -> Result<Model, Error> {
    let planned = model.bytes + packed::planned(&model.config, &model.layers, Precision::Int8);
    model.memory.check(planned)?;
    let seen = seen(model, images, labels)?;
    let was = Arc::new(model.remembering(model.rows()));
    let mut best: Option<(f64, Arc<Model>)> = None;
    for groups in GROUPS {
        let integers = Arc::new(with_groups(model, &seen, groups)?);
        let off = divergence(&was, &integers, images, labels)?;
        if best.as_ref().is_none_or(|(least, _)| off < *least) {
            best = Some((off, integers));
        }
        if off <= BOUND {
            break;
        }
    }
    let (_, integers) = best.expect("one of several");
    Ok(Arc::into_inner(integers).expect("no run has it any more"))
}

/// The same with groups of so many channels.
fn with_groups(model: &Model, seen: &[Vec<Seen>], groups: (usize, usize)) -> Result<Model, Error> {
    let layers = &model.layers;
    let Either::F32(net) = &model.net else { unreachable!("`seen` has refused it") };
    model.room_for_lists()?;
    let mut values = try_room(tensor_specs(layers, Precision::Int8).iter().map(TensorSpec::len).sum())?;
    let embedding = net.weights.embedding();
    let scales = Scales::new(&model.config, layers, seen, embedding);
    values.extend(embedding.iter().map(|&value| integer(value, scales.pixels)));
    for index in 0..layers.len() {
        convert(layers, index, &net.weights, (&scales, seen), groups, &mut values)?;
    }
    let weights = Weights::new(layers, values)?;
    model.room_for_copy()?;
    Model::within(model.memory, model.config.clone(), weights, model.metadata.clone())
}

/// How much more a pixel costs, in nats and in the mean, that the one model draws and the other scores: the divergence of what they say of
/// each pixel, given the same pixels before it, over some of the images.
fn divergence(of: &Arc<Model>, from: &Arc<Model>, images: &[u16], labels: &[u16]) -> Result<f64, Error> {
    let (config, size) = (&of.config, of.config.pixels());
    let (all, head) = (images.len() / size, Head::of(config));
    let few = all.min(COMPARED);
    let (mut sum, each) = (0.0, config.logits());
    for number in (0..few).map(|number| number * all / few) {
        let image = &images[number * size..][..size];
        let label = match labels.get(number) {
            Some(&label) => vec![label],
            None => vec![(number % config.classes.max(1)) as u16; config.classes.min(1)],
        };
        let run = |model: &Arc<Model>| {
            let strategy = Strategy { method: Method::Wavefront, skipping: Skipping::All };
            let mut run = Run::score_under(model, image.to_vec(), label.clone(), strategy)?;
            run.finish().map(|()| run)
        };
        let (was, is) = (run(of)?, run(from)?);
        let [was, is] = [&was, &is].map(|run| run.logits().expect("those of given images"));
        for (was, is) in was.chunks_exact(each).zip(is.chunks_exact(each)) {
            for level in 0..config.levels as u16 {
                let nats = head.nats(was, level);
                sum += exp(-nats) * (head.nats(is, level) - nats);
            }
        }
    }
    Ok(sum / (few * size) as f64)
}

/// What a value is multiplied with to give its integer.
struct Scales {
    pixels: f64,
    views: Vec<Vec<f64>>, // (layer)(channel): of what kernels read
    kept: Vec<f64>,       // (layer)
    parts: Vec<Vec<i16>>, // (layer)(channel) -> 2^15 parts of a kept number that its view is
}

impl Scales {
    fn new(config: &Config, layers: &Layers, seen: &[Vec<Seen>], embedding: &[f32]) -> Scales {
        // What was never on takes any scale.
        let some = |peak: f32| if peak > 0.0 { f64::from(peak) } else { 1.0 };
        let most = |seen: &[Seen]| f32::from_bits(seen.iter().map(|seen| seen.peak.to_bits()).max().unwrap_or(0));
        let streams = streams(layers);
        let mut of_streams = vec![0.0f32; layers.len()];
        for (index, &stream) in streams.iter().enumerate() {
            of_streams[stream] = f32::from_bits(of_streams[stream].to_bits().max(most(&seen[index]).to_bits()));
        }
        let kept: Vec<f64> = streams.iter().map(|&stream| f64::from(i16::MAX) / MARGIN / some(of_streams[stream])).collect();
        let (mut views, mut parts) = (Vec::new(), Vec::new());
        for (index, seen) in seen.iter().enumerate() {
            let all = some(most(seen));
            let (kept_too, alike) = (is_kept(layers, index), has_output_scale(layers, index));
            let least = if alike && !kept_too { all } else { all * LEAST };
            let wanted = |&Seen { peak, .. }: &Seen| f64::from(most_of(layers, index)) / SHARE / larger(f64::from(peak), least);
            if kept_too {
                let part = |seen| (wanted(seen) / kept[index] * f64::from(1 << 15)).round() as i32;
                let own: Vec<i16> = seen.iter().map(|seen| part(seen).clamp(1, i16::MAX.into()) as i16).collect();
                views.push(own.iter().map(|&part| f64::from(part) / f64::from(1 << 15) * kept[index]).collect());
                parts.push(own);
            } else {
                views.push(seen.iter().map(wanted).collect());
                parts.push(Vec::new());
            }
        }
        let pixels = match config.input {
            Levels::Ordinal => (config.levels - 1) as f64,
            Levels::Nominal if config.embedding == 0 => 1.0,
            Levels::Nominal => {
                MOST_EMBEDDED / some(f32::from_bits(embedding.iter().map(|value| value.abs().to_bits()).max().unwrap_or(0)))
            }
        };
        Scales { pixels, views, kept, parts }
    }

    /// That of a channel of what an input reads.
    fn of(&self, input: &Input, channel: usize) -> f64 {
        match input.source {
            Source::Pixels => self.pixels,
            Source::Layer(source) => self.views[source][channel],
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
fn convert(
    layers: &Layers,
    index: usize,
    weights: &Weights,
    (scales, seen): (&Scales, &[Vec<Seen>]),
    (of_several, of_one): (usize, usize),
    values: &mut Vec<i32>,
) -> Result<(), Error> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let classes = if layer.start == (Start::Bias { class: true }) { layers.classes } else { 0 };
    let group = if layer.inputs.iter().any(|input| input.terms.len() > 1) { of_several } else { of_one };
    let mut sums: Vec<f64> = try_room(n)?;
    for sum in 0..n {
        let scale = scale_of(layers, index, weights, scales, group, sum);
        let overflow = || Error::IntegerOverflow { layer: layer.name.clone(), channel: None };
        sums.push(scale.ok_or_else(overflow)?);
    }
    // What rounding takes from a weight it takes from its sums, again and again where the input is seldom 0: in the mean the bias gives it
    // back (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
    let mut taken: Vec<f64> = try_zeroed(n)?;
    for (number, input) in layer.inputs.iter().enumerate() {
        let kernel = &weights.kernel(index, number)[..input.len(n)];
        if let Source::Layer(source) = input.source {
            for (row, weights) in kernel.chunks_exact(n).enumerate() {
                let channel = row % input.channels;
                let (view, mean) = (scales.of(input, channel), seen[source][channel].mean);
                for ((taken, &weight), &scale) in taken.iter_mut().zip(weights).zip(&sums) {
                    *taken += (f64::from(weight) * scale - f64::from(integer(weight, scale / view)) * view) * mean;
                }
            }
        }
        let places =
            (0..input.channels).cycle().flat_map(|channel| sums.iter().map(move |scale| scale / scales.of(input, channel)));
        values.extend(kernel.iter().zip(places).map(|(&weight, scale)| integer(weight, scale)));
    }
    if layer.bias().is_some() {
        values.extend(
            weights.bias(index)[..n]
                .iter()
                .zip(&sums)
                .zip(&taken)
                .map(|((&bias, &scale), taken)| (f64::from(bias) * scale + taken).round() as i32),
        );
    }
    let class = if classes > 0 { &weights.class(index)[..classes * n] } else { &[] };
    values.extend(class.iter().zip(sums.iter().cycle()).map(|(&value, &scale)| integer(value, scale)));
    let bits = |scale: f64| (scale as f32).to_bits() as i32;
    let kept = is_kept(layers, index);
    let apart = has_output_scale(layers, index);
    let output = |sum: usize| match kept {
        true => scales.kept[index],
        false => scales.views[index][sum % layer.out_channels],
    };
    let of_sums = |sum: usize| if apart || index + 1 == layers.len() { 1.0 } else { output(sum) };
    values.extend(sums.iter().enumerate().map(|(sum, scale)| bits(of_sums(sum) / scale)));
    values.extend(apart.then(|| bits(output(0))));
    values.extend(kept.then(|| scales.parts[index].iter().map(|&parts| i32::from(parts))).into_iter().flatten());
    Ok(())
}

/// The scale of a sum, `None` where there is none under which all fits.
fn scale_of(layers: &Layers, index: usize, weights: &Weights, scales: &Scales, in_group: usize, sum: usize) -> Option<f64> {
    let (layer, n) = (&layers[index], layers[index].sums());
    let biases = match layer.start {
        Start::Layer(_) => 0.0,
        Start::Bias { class } => {
            let classes = if class { layers.classes } else { 0 };
            let bias = f64::from(weights.bias(index)[sum]);
            let with = |class: usize| (bias + f64::from(weights.class(index)[class * n + sum])).abs();
            (0..classes).map(with).fold(bias.abs(), larger)
        }
    };
    let mut most = f64::INFINITY; // that the largest weight, and the largest of lanes, allow
    let mut total = biases; // magnitudes of all that is added, in units of the sum
    for (number, input) in layer.inputs.iter().enumerate() {
        let kernel = weights.kernel(index, number);
        let small = matches!(input.source, Source::Layer(_));
        let (cap, range) = match (input.source, layers.embedding) {
            (Source::Layer(source), _) => (f64::from(MOST), f64::from(most_of(layers, source))),
            (Source::Pixels, Some(_)) => (f64::from(i16::MAX), MOST_EMBEDDED),
            (Source::Pixels, None) if input.one_hot => (f64::from(i16::MAX), 1.0),
            (Source::Pixels, None) => (f64::from(i16::MAX), (MAX_LEVELS - 1) as f64),
        };
        for &term in &input.terms {
            let from = input.weight_index(term, n);
            let weight = |k: usize| f64::from(kernel[from + k * n + sum]) / scales.of(input, k);
            for group in (0..input.channels).step_by(in_group) {
                let channels = group..input.channels.min(group + in_group);
                let largest = channels.clone().map(|k| weight(k).abs()).fold(0.0, larger);
                let all: f64 = channels.clone().map(|k| weight(k).abs()).sum();
                most = smaller(most, cap / largest);
                total += all * range;
                if small {
                    let mut lanes = [0.0; 4];
                    channels.for_each(|k| lanes[lane(k, weight(k) < 0.0)] += weight(k).abs());
                    most = smaller(most, MOST_OF_A_LANE / lanes.into_iter().fold(0.0, larger));
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
    while !lanes_hold(layers, index, weights, scales, in_group, (sum, scale)) {
        scale *= 0.995;
    }
    (scale >= 1e-12).then_some(scale)
}

/// Which of the four numbers a channel's weight adds to that are to be small: a lane adds up two of four channels, and what weights of
/// either sign make of inputs that are not negative.
fn lane(channel: usize, below: bool) -> usize {
    2 * (channel % (2 * PAIR) / PAIR) + usize::from(below)
}

/// Whether the integers of a sum keep groups of steps within 16 bits.
fn lanes_hold(
    layers: &Layers,
    index: usize,
    weights: &Weights,
    scales: &Scales,
    in_group: usize,
    (sum, scale): (usize, f64),
) -> bool {
    let (layer, n) = (&layers[index], layers[index].sums());
    layer.inputs.iter().enumerate().filter(|(_, input)| matches!(input.source, Source::Layer(_))).all(|(number, input)| {
        let kernel = weights.kernel(index, number);
        input.terms.iter().all(|&term| {
            let from = input.weight_index(term, n);
            (0..input.channels).step_by(in_group).all(|group| {
                let mut lanes = [0; 4];
                for k in group..input.channels.min(group + in_group) {
                    let weight = integer(kernel[from + k * n + sum], scale / scales.of(input, k));
                    lanes[lane(k, weight < 0)] += weight.abs();
                }
                lanes.into_iter().all(|lane| f64::from(lane) <= MOST_OF_A_LANE)
            })
        })
    })
}
