//! The same function in another order: what makes exact skipping find more to skip.
//!
//! Hidden channels are numbered from the most to the least often active, so that the zeros of a row gather at its end,
//! where [`crate::cache::Skip::tails`] leaves them out. Renaming channels changes no sum's terms but their order, hence in
//! f32 the last bits of logits: an optimised model is a model of its own, with its own reference.

use crate::activity::{activity, streams};
use crate::arithmetic::Either;
use crate::error::Error;
use crate::layers::{Layers, Source};
use crate::model::Model;
use crate::sampler::{Method, Run, Skipping, Strategy};
use crate::weights::Weights;
use std::cmp::Reverse;
use std::sync::Arc;

/// Images that show which background is best.
const FEW: usize = 64;

/// The model with its hidden channels in the order of their activity on images, `[count, height, width]` of levels, and the
/// background under which it skips most.
///
/// # Errors
/// Those of [`activity`].
pub fn optimize(model: &Arc<Model>, images: &[u8]) -> Result<Model, Error> {
    let weights = reorder(model, images)?;
    let few = &images[..images.len().min(FEW * model.config.pixels())];
    let background = background(model, few)?;
    Ok(Model::new(model.config.clone(), weights, model.metadata.clone()).with_background(background))
}

/// The weights with their hidden channels in the order of their activity on images.
///
/// # Errors
/// Those of [`activity`].
pub fn reorder(model: &Model, images: &[u8]) -> Result<Weights, Error> {
    let layers = &model.layers;
    let streams = streams(layers);
    let mut counts = activity(model, images)?.counts;
    for layer in 0..layers.len() {
        let stream = streams[layer];
        if stream != layer {
            let own = counts[layer].clone();
            counts[stream].iter_mut().zip(own).for_each(|(sum, count)| *sum += count);
        }
    }
    let last = layers.len() - 1; // logits keep their meaning
    let orders: Vec<Vec<usize>> = (0..layers.len())
        .map(|layer| {
            let mut order: Vec<usize> = (0..layers[layer].out_channels).collect();
            if layer != last {
                order.sort_by_key(|&channel| Reverse(counts[streams[layer]][channel]));
            }
            order
        })
        .collect();
    match &model.net {
        Either::F32(net) => Ok(permute(layers, &net.weights, &orders)),
        Either::Int16(_) => unreachable!("`activity` has refused it"),
    }
}

/// Renames channels: output `n` of a layer becomes what output `orders[layer][n]` was, for all that reads it too.
pub fn permute(layers: &Layers, weights: &Weights, orders: &[Vec<usize>]) -> Weights {
    let mut values = Vec::with_capacity(weights.values().len());
    for (index, layer) in layers.iter().enumerate() {
        let (n, order) = (layer.out_channels, &orders[index]);
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = weights.kernel(index, number);
            for area in 0..input.kernel_size * input.kernel_size {
                let was = |k: usize| match input.source {
                    Source::Pixels => k,
                    Source::Layer(source) => orders[source][k],
                };
                for from in (0..input.channels).map(|k| (area * input.channels + was(k)) * n) {
                    values.extend(order.iter().map(|&o| kernel[from + o]));
                }
            }
        }
        values.extend(order.iter().map(|&o| weights.bias(index)[o]));
    }
    Weights::new(layers, values).expect("a renamed net is as good as it was")
}

/// The background level under which skipping issues the fewest multiply-adds on images, `[count, height, width]`.
///
/// # Errors
/// Those of [`Run::score`].
pub fn background(model: &Arc<Model>, images: &[u8]) -> Result<u8, Error> {
    let strategy = Strategy { method: Method::Wavefront, skipping: Skipping::Background };
    let cost = |level: u8| {
        let mut run = Run::score(&Arc::new(model.with_background(level)), images.to_vec(), strategy)?;
        run.finish()?;
        Ok((run.macs(), level))
    };
    let costs: Result<Vec<(u64, u8)>, Error> = (0..model.config.levels).map(|level| cost(level as u8)).collect();
    Ok(costs?.into_iter().min().expect("at least two levels").1)
}
