//! What a net does on given images, layer by layer: the evidence for [`mod@crate::optimize`] and [`mod@crate::quantize`].

use crate::arithmetic::{Either, F32};
use crate::cache::{Cache, Keep, Skip};
use crate::engine::Kernels;
use crate::error::Error;
use crate::layers::{Layers, Source};
use crate::model::{Model, Net};
use crate::sampler::check_images;
use std::sync::Arc;

/// The largest magnitude of any output, `[layer]`, of a net of f32 over images, `[count, height, width]` of levels.
///
/// # Errors
/// [`Error::InvalidArgument`] for other images, or a net of integers; [`Error::OutOfMemory`].
pub fn peaks(model: &Model, images: &[u8]) -> Result<Vec<f32>, Error> {
    let mut kernels = Kernels::new(model, net_of(model, images)?)?;
    let mut peaks = vec![0f32; model.layers.len()];
    for image in images.chunks_exact(model.config.pixels()) {
        let cache = kernels.forward(image);
        for (layer, peak) in peaks.iter_mut().enumerate() {
            for pixel in 0..image.len() {
                let output = cache.output(layer, 0, pixel / model.config.width, pixel % model.config.width);
                let own = &output[..model.layers[layer].out_channels];
                *peak = own.iter().fold(*peak, |peak, value| peak.max(value.abs()));
            }
        }
    }
    Ok(peaks)
}

/// What tiles read from the layers of a stream: one read for each tap of each tile, but those of nothing but zeros.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// `[read][channels / 64, rounded up]`, a bit for each channel: whether it is other than zero in any row of the read.
    pub on: Vec<u64>,
    /// `[read]`: multiply-adds that each channel of it takes.
    pub costs: Vec<u64>,
}

/// What a walk over images, `[count, height, width]` of levels, reads where it skips a background: for each stream, by its
/// first layer (see [`streams`]).
///
/// # Errors
/// Those of [`peaks`].
pub fn reads(model: &Model, background: u8, images: &[u8]) -> Result<Vec<Reads>, Error> {
    let (layers, net, schedule) = (&model.layers, net_of(model, images)?, model.wavefront());
    let streams = streams(layers);
    let drawn = schedule.delay(Source::Layer(layers.len() - 1));
    let skip = Skip { background: Some(background), tails: false };
    let mut cache = Cache::new(&model.config, layers, schedule.clone(), 1, Keep::Needed(skip))?;
    let mut reads = vec![Reads::default(); layers.len()];
    for image in images.chunks_exact(model.config.pixels()) {
        for step in 0..schedule.steps() {
            for (layer, packed) in net.packed.iter().enumerate() {
                cache.compute(layer, packed, 1, step..step + 1);
                for tile in cache.tiles() {
                    let cost = (tile.len() * packed.row()) as u64;
                    let sources = layers[layer].inputs.iter().flat_map(|input| input.taps.iter().map(|_| input.source));
                    for (tap, source) in sources.enumerate() {
                        let Source::Layer(source) = source else { continue };
                        let channels = layers[source].out_channels;
                        let Reads { on, costs } = &mut reads[streams[source]];
                        let first = on.len();
                        on.resize(first + channels.div_ceil(64), 0);
                        for position in tile.clone() {
                            let row = cache.read(position * packed.taps() + tap, channels);
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
                cache.put_pixel(0, row, column, image[row * schedule.width + column]);
            }
        }
    }
    Ok(reads)
}

fn net_of<'a>(model: &'a Model, images: &[u8]) -> Result<&'a Arc<Net<F32>>, Error> {
    check_images(&model.config, images)?;
    match &model.net {
        Either::F32(net) => Ok(net),
        Either::Int16(_) => Err(Error::InvalidArgument { reason: "the model must be of precision f32, got one of int16".into() }),
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
