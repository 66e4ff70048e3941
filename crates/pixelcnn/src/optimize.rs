//! The same function in another order: what makes exact skipping find more to skip.
//!
//! Hidden channels are numbered so that the zeros of what a tile reads gather at its end, where
//! skipping leaves them out. Renaming channels changes no sum's terms but their order, hence in
//! f32 the last bits of logits: an optimised model is a model of its own, with its own reference.

use crate::activity::{Reads, reads, streams};
use crate::arithmetic::Either;
use crate::config::Precision;
use crate::error::Error;
use crate::layers::{Layers, Source, Start};
use crate::memory::{try_copy, try_room, try_zeroed};
use crate::model::{BACKGROUND, Model};
use crate::packed;
use crate::sampler::check_images;
use crate::weights::Weights;
use std::cmp::Reverse;
use std::sync::Arc;

/// Positions that are looked at: those of 83 images of 28 x 28. Twice as many find no better order.
const POSITIONS: usize = 1 << 16;

/// The model with its hidden channels in such an order that walks over images, `[count, height, width]` of levels,
/// skip most. Where there are many, some are looked at, evenly spread. `labels` are their classes; where there are none, a net with
/// classes takes one after the other.
///
/// # Errors
/// Those of [`reads`].
pub fn optimize(model: &Arc<Model>, images: &[u16], labels: &[u16]) -> Result<Model, Error> {
    check_images(&model.config, images)?;
    let (layers, planned) = (&model.layers, packed::planned(&model.config, &model.layers, Precision::F32));
    model.memory.check(model.bytes + planned)?;
    let size = model.config.pixels();
    let (some_images, some_labels) = (spread(images, size, most(size))?, spread(labels, 1, most(size))?);
    model.forget_spare();
    let reads = reads(model, &some_images, &some_labels)?;
    drop(some_images);
    let Either::F32(net) = &model.net else { unreachable!("`reads` has refused it") };
    model.room_for_lists()?;
    let streams = streams(layers);
    let mut orders: Vec<Vec<usize>> = try_room(layers.len())?;
    for (layer, &stream) in streams.iter().enumerate() {
        // Layers that residuals join have one order.
        let own = match stream == layer {
            true => order(&reads[stream], layers[layer].out_channels)?,
            false => try_copy(&orders[stream])?,
        };
        orders.push(own);
    }
    drop(reads);
    let weights = permute(layers, &net.weights, &orders)?;
    model.room_for_copy()?;
    let metadata = model.metadata.iter().filter(|(key, _)| key != BACKGROUND).cloned().collect();
    Model::within(model.memory, model.config.clone(), weights, metadata)
}

/// As many images of so many pixels as have [`POSITIONS`]; at least one.
fn most(size: usize) -> usize {
    (POSITIONS / size).max(1)
}

/// At most so many of some things of a size, evenly spread over all.
fn spread(all: &[u16], size: usize, most: usize) -> Result<Vec<u16>, Error> {
    let count = all.len() / size;
    let some = count.min(most);
    let mut spread = try_room(some * size)?;
    for i in 0..some {
        let at = (i as u64 * count as u64 / some as u64) as usize;
        spread.extend_from_slice(&all[at * size..][..size]);
    }
    Ok(spread)
}

/// Channels in an order in which reads end early. From the last place to the first, each is given to the channel that
/// makes the least of the reads as deep as that: those in which it is on and none behind it is. Channels that are on
/// together so come to stand together, which spares 1 % more than the order of how often each is on (f32: 2 % of time).
fn order(reads: &Reads, channels: usize) -> Result<Vec<usize>, Error> {
    let words = channels.div_ceil(64);
    let is_on = |read: usize, channel: usize| reads.on[read * words + channel / 64] >> (channel % 64) & 1 == 1;
    let costs_of = |read: usize| (0..channels).filter(move |&c| is_on(read, c)).map(move |c| (c, reads.costs[read]));
    let mut ended_by: Vec<u64> = try_zeroed(channels)?;
    let mut open: Vec<usize> = try_room(reads.costs.len())?;
    open.extend(0..reads.costs.len());
    for (channel, cost) in open.iter().flat_map(|&read| costs_of(read)) {
        ended_by[channel] += cost;
    }
    let (mut left, mut order): (Vec<usize>, Vec<usize>) = (try_room(channels)?, try_room(channels)?);
    left.extend(0..channels);
    // The last of equals, so that channels of which nothing is known stay as they are.
    while let Some(at) = (0..left.len()).max_by_key(|&at| Reverse(ended_by[left[at]])) {
        let channel = left.remove(at);
        order.push(channel);
        open.retain(|&read| {
            let ends = is_on(read, channel);
            if ends {
                costs_of(read).for_each(|(channel, cost)| ended_by[channel] -= cost);
            }
            !ends
        });
    }
    order.reverse();
    Ok(order)
}

/// Renames channels: output `n` of a layer becomes what output `orders[layer][n]` was, for all that reads it too.
fn permute(layers: &Layers, weights: &Weights, orders: &[Vec<usize>]) -> Result<Weights, Error> {
    let mut values = try_room(weights.values().len())?;
    values.extend_from_slice(weights.embedding());
    for (index, layer) in layers.iter().enumerate() {
        let (n, order) = (layer.out_channels, &orders[index]);
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = weights.kernel(index, number);
            for area in 0..input.rows * input.columns {
                let was = |k: usize| match input.source {
                    Source::Pixels => k,
                    Source::Layer(source) => orders[source][k],
                };
                for from in (0..input.channels).map(|k| (area * input.channels + was(k)) * n) {
                    values.extend(order.iter().map(|&o| kernel[from + o]));
                }
            }
        }
        let classes = if layer.start == (Start::Bias { class: true }) { layers.classes } else { 0 };
        values.extend(order.iter().map(|&o| weights.bias(index)[o]));
        for class in 0..classes {
            values.extend(order.iter().map(|&o| weights.class(index)[class * n + o]));
        }
    }
    Weights::new(layers, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_counts_a_read_once() {
        // By how often they are on, channel 0 (6) would stand between 2 (4 + 3) and 1 (4). But a read that 1 makes deep costs
        // no more for 2's being on too.
        let reads = Reads { on: vec![0b110, 0b001, 0b100], costs: vec![4, 6, 3] };
        assert_eq!(order(&reads, 3).unwrap(), [0, 2, 1]);
    }

    #[test]
    fn channels_of_which_nothing_is_known_stay_as_they_are() {
        assert_eq!(order(&Reads::default(), 70).unwrap(), (0..70).collect::<Vec<_>>());
    }

    #[test]
    fn images_are_spread_evenly() {
        assert_eq!(spread(&[1, 2, 3], 1, most(1)).unwrap(), [1, 2, 3]);
        let size = 2 * POSITIONS;
        assert_eq!(spread(&vec![7; 3 * POSITIONS], size, most(size)).unwrap(), vec![7; size]);
        let size = POSITIONS / 2;
        let many: Vec<u16> = (0..4).flat_map(|image| vec![image; size]).collect();
        let some = spread(&many, size, most(size)).unwrap();
        assert_eq!((some.len(), some[0], some[size]), (POSITIONS, 0, 2));
        assert_eq!(spread(&[1, 1, 2, 2, 3, 3, 4, 4], 2, 2).unwrap(), [1, 1, 3, 3]);
        assert_eq!(spread(&[], 1, 5).unwrap(), [0u16; 0]);
    }
}
