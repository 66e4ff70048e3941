//! What a net does on given images, layer by layer: the evidence for [`mod@crate::optimize`] and [`mod@crate::quantize`].

use crate::arithmetic::{Either, F32};
use crate::cache::Cache;
use crate::config::Config;
use crate::engine::Kernels;
use crate::error::Error;
use crate::layers::{Layers, Source};
use crate::layout::{Keep, Layout, Skip};
use crate::memory::{Bytes, product, reserve, try_room};
use crate::model::{Model, Net};
use crate::packed::Units;
use crate::sampler::{check_images, check_labels};
use crate::schedule::Schedule;
use std::sync::Arc;

/// What an output was over all pixels of some images.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Its largest magnitude.
    pub peak: f32,
    /// Its mean.
    pub mean: f64,
}

/// What each output is, `[layer][channel]`, of a net of f32 over images, `[count, height, width]` of levels. `labels` are their classes;
/// where there are none, a net with classes takes one after the other.
///
/// # Errors
/// [`Error::InvalidArgument`] for other images, or a net of integers; [`Error::NonFiniteLogit`] where an output of theirs is
/// none that can be measured; [`Error::OutOfMemory`].
pub fn seen(model: &Model, images: &[u16], labels: &[u16]) -> Result<Vec<Vec<Seen>>, Error> {
    let net = net_of(model, images)?;
    let classes = classes(&model.config, images, labels)?;
    let (layers, width) = (&model.layers, model.config.width);
    model.room_for_lists()?;
    let layout = Kernels::<F32>::layout(model);
    model.memory.check(model.bytes + layout.bytes())?;
    let mut kernels = Kernels::new(model, net, &layout)?;
    let mut seen: Vec<Vec<Seen>> = try_room(layers.len())?;
    for layer in layers.iter() {
        let mut own = try_room(layer.out_channels)?;
        own.resize(layer.out_channels, Seen::default());
        seen.push(own);
    }
    for (number, image) in images.chunks_exact(model.config.pixels()).enumerate() {
        let cache = kernels.forward(image, classes(number));
        for pixel in 0..image.len() {
            for (layer, seen) in seen.iter_mut().enumerate() {
                let output = cache.output(layer, 0, pixel / width, pixel % width);
                for (Seen { peak, mean }, value) in seen.iter_mut().zip(output) {
                    if !value.is_finite() {
                        return Err(Error::NonFiniteLogit { image: number as u64, pixel });
                    }
                    // Magnitudes lie in the order of their bits. A loop of `max` would be a relaxed instruction where these are allowed.
                    *peak = f32::from_bits(peak.to_bits().max(value.abs().to_bits()));
                    *mean += f64::from(*value);
                }
            }
        }
    }
    seen.iter_mut().flatten().for_each(|Seen { mean, .. }| *mean /= images.len() as f64);
    Ok(seen)
}

/// What tiles read from the layers of a stream: one read for each tap of each tile, but those of nothing but zeros.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// `[read][channels / 64, rounded up]`, a bit for each channel: whether it is other than zero in any row of the read.
    pub on: Vec<u64>,
    /// `[read]`: multiply-adds that each channel of it takes.
    pub costs: Vec<u64>,
}

/// What [`reads`] of some images take, for each stream: lists as long as if no row were met.
fn most_reads(layers: &Layers, schedule: &Schedule, streams: &[usize], images: u64) -> Vec<u64> {
    let mut most = vec![0u64; layers.len()];
    for (index, layer) in layers.iter().enumerate() {
        let delay = schedule.delay(Source::Layer(index));
        let tiles = (0..schedule.steps()).map(|step| schedule.rows(delay, step).len().div_ceil(4) as u64).sum();
        for input in &layer.inputs {
            if let Source::Layer(source) = input.source {
                let reads = product(&[images, tiles, input.terms.len() as u64]);
                most[streams[source]] = most[streams[source]].saturating_add(reads);
            }
        }
    }
    most
}

/// Words of a read of a layer.
fn words(layers: &Layers, layer: usize) -> usize {
    layers[layer].out_channels.div_ceil(64)
}

/// What a walk over images, `[count, height, width]` of levels, reads that remembers rows: for each stream, by its first layer (see
/// [`streams`]). `labels` are their classes; where there are none, a net with classes takes one after the other.
///
/// # Errors
/// Those of [`seen`].
pub fn reads(model: &Model, images: &[u16], labels: &[u16]) -> Result<Vec<Reads>, Error> {
    model.room_for_lists()?;
    let (layers, net, schedule) = (&model.layers, net_of(model, images)?, model.wavefront());
    if !model.config.has_order() {
        let reason = "the model must be plain, with relu".into();
        return Err(Error::InvalidArgument { reason });
    }
    let classes = classes(&model.config, images, labels)?;
    let streams = streams(layers);
    let drawn = schedule.delay(Source::Layer(layers.len() - 1));
    let skip = Skip { rows: model.rows(), tails: false };
    let layout = Layout::new(Units::of::<F32>(), &model.config, layers, schedule.clone(), 1, Keep::Needed(skip));
    let most = most_reads(layers, &schedule, &streams, (images.len() / model.config.pixels()) as u64);
    let lists = most.iter().enumerate().map(|(stream, &reads)| Bytes::of::<u64>(&[reads, words(layers, stream) as u64 + 2]));
    // The images, too, and a place in an order for each read: what `optimize` holds meanwhile.
    let planned = model.bytes + layout.bytes() + lists.sum() + Bytes(images.len() as u64);
    model.memory.check(planned)?;
    let mut reads = vec![Reads::default(); layers.len()];
    for (stream, (Reads { on, costs }, &most)) in reads.iter_mut().zip(&most).enumerate() {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        planned.told(reserve(on, &[most, words(layers, stream)]).and_then(|()| reserve(costs, &[most])))?;
    }
    let mut cache = planned.told(Cache::new(layers, &layout, &mut None, 0))?;
    for (number, image) in images.chunks_exact(model.config.pixels()).enumerate() {
        cache.begin_images();
        for step in 0..schedule.steps() {
            for (layer, packed) in net.packed.iter().enumerate() {
                cache.compute(layer, packed, &[classes(number)], step..step + 1);
                for tile in cache.tiles() {
                    let cost = (tile.len() * packed.sums) as u64;
                    let sources = layers[layer].inputs.iter().flat_map(|input| input.terms.iter().map(|_| input.source));
                    for (tap, source) in sources.enumerate() {
                        let Source::Layer(source) = source else { continue };
                        let channels = layers[source].out_channels;
                        let Reads { on, costs } = &mut reads[streams[source]];
                        let first = on.len();
                        on.resize(first + channels.div_ceil(64), 0);
                        for row in cache.read(tile.clone(), tap, channels) {
                            for (word, values) in on[first..].iter_mut().zip(row.chunks(64)) {
                                *word |= values.iter().rev().fold(0, |bits, &value| bits << 1 | u64::from(value != 0.0));
                            }
                        }
                        if on[first..].iter().all(|&word| word == 0) {
                            on.truncate(first);
                        } else {
                            costs.push(cost);
                        }
                    }
                }
            }
            for row in schedule.rows(drawn, step) {
                let column = schedule.column(drawn, step, row);
                let level = image[row * schedule.width + column];
                cache.put_pixel(0, row, column, level, net.level(level));
            }
        }
    }
    Ok(reads)
}

/// The class of each image by its number: as `labels` say, or one after the other.
fn classes<'a>(config: &Config, images: &[u16], labels: &'a [u16]) -> Result<impl Fn(usize) -> u16 + 'a, Error> {
    if !labels.is_empty() {
        check_labels(config, labels, images.len() / config.pixels())?;
    }
    let all = config.classes.max(1);
    Ok(move |number| labels.get(number).copied().unwrap_or((number % all) as u16))
}

fn net_of<'a>(model: &'a Model, images: &[u16]) -> Result<&'a Arc<Net<F32>>, Error> {
    check_images(&model.config, images)?;
    match &model.net {
        Either::F32(net) => Ok(net),
        Either::Int8(_) => Err(Error::InvalidArgument { reason: "the model must be of precision f32, got one of int8".into() }),
    }
}

/// For each layer the first of those that it is joined with by residuals: they share what their channels mean.
pub fn streams(layers: &Layers) -> Vec<usize> {
    let mut streams: Vec<usize> = (0..layers.len()).collect();
    for (index, layer) in layers.iter().enumerate() {
        if let Some(source) = layer.residual {
            streams[index] = streams[source];
        }
    }
    streams
}
