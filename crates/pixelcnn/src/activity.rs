//! What a net does on given images, layer by layer: the evidence for [`mod@crate::optimize`] and [`mod@crate::quantize`].

use crate::arithmetic::Either;
use crate::engine::Kernels;
use crate::error::Error;
use crate::layers::Layers;
use crate::model::Model;
use crate::sampler::check_images;

/// What each channel of each layer put out.
#[derive(Clone, Debug)]
pub struct Activity {
    /// `[layer][channel]`: at how many positions it was not zero.
    pub counts: Vec<Vec<u64>>,
    /// `[layer]`: the largest magnitude of any output.
    pub peaks: Vec<f32>,
}

/// Runs a net of f32 over images, `[count, height, width]` of levels.
///
/// # Errors
/// [`Error::InvalidArgument`] for other images, or a net of integers; [`Error::OutOfMemory`].
pub fn activity(model: &Model, images: &[u8]) -> Result<Activity, Error> {
    check_images(&model.config, images)?;
    let Either::F32(net) = &model.net else {
        return Err(Error::InvalidArgument { reason: "the model must be of precision f32, got one of int16".into() });
    };
    let mut kernels = Kernels::new(model, net)?;
    let layers = &model.layers;
    let mut counts: Vec<Vec<u64>> = layers.iter().map(|layer| vec![0; layer.out_channels]).collect();
    let mut peaks = vec![0f32; layers.len()];
    for image in images.chunks_exact(model.config.pixels()) {
        let cache = kernels.forward(image);
        for (layer, (counts, peak)) in counts.iter_mut().zip(&mut peaks).enumerate() {
            for pixel in 0..image.len() {
                let output = cache.output(layer, 0, pixel / model.config.width, pixel % model.config.width);
                for (count, &value) in counts.iter_mut().zip(output) {
                    *count += u64::from(value != 0.0);
                    *peak = peak.max(value.abs());
                }
            }
        }
    }
    Ok(Activity { counts, peaks })
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
