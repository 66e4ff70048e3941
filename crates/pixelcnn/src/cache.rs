//! Kept activations: for each layer a ring of the last fronts, as long as its oldest reader looks back.
//!
//! All rings lie in one array, after a row of zeros that stands for everything outside the image:
//! ```text
//! [zeros | pixels: (slot, image, lane, channel) | layer 0: (slot, image, lane, channel) | layer 1 | ...]
//! ```
//! A value of row `r` computed at step `t` is in slot `t % slots`, lane `r % lanes`; kernels read it through its offset, so
//! nothing is copied. The size grows with the image's width and not its height: 0.14 MB an image for the reference.

use crate::error::{try_zeroed, Error};
use crate::kernels::{self, padded, PackedLayer};
use crate::layers::{Layers, Source, Tap};
use crate::schedule::{fits, Schedule};
use std::ops::Range;

/// The offset of the row of zeros.
const ZEROS: u32 = 0;

/// The activations kept for some images that are computed in step.
#[derive(Clone, Debug)]
pub struct Cache {
    data: Vec<f32>,
    pixels: Ring,
    layers: Vec<(Ring, Vec<Read>, Option<Read>)>, // where it writes, what its taps read, what it adds
    images: usize,
    lanes: usize,
    offsets: Vec<u32>,   // scratch of `compute`: (position, tap)
    residuals: Vec<u32>, // (position)
    rows: Vec<u32>,      // (position)
}

#[derive(Clone, Copy, Debug)]
struct Ring {
    start: usize,
    slots: usize,
    row: usize,   // floats of one position
    delay: usize, // of its source in the schedule
}

#[derive(Clone, Copy, Debug)]
struct Read {
    ring: Ring,
    tap: Tap,
    age: i64, // steps since it was computed
}

/// How much a cache keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What later steps of the schedule read.
    Needed,
    /// Every position of the image, so that all of it can be computed layer by layer.
    All,
}

impl Cache {
    /// An empty cache for `images` images. Nothing needs clearing between images: a schedule reads only what it wrote.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(layers: &Layers, channels: usize, schedule: &Schedule, images: usize, keep: Keep) -> Result<Cache, Error> {
        let lanes = schedule.lanes();
        let mut slots = vec![1; layers.len() + 1]; // pixels, then layers
        for (layer, source, tap) in layers.reads().filter(|r| fits(r.2, schedule.height, schedule.width)) {
            let slot = &mut slots[ring_index(source)];
            *slot = (*slot).max(schedule.age(layer, source, tap) as usize + 1);
        }
        if keep == Keep::All {
            slots.fill(schedule.steps());
        }
        let mut end = layers.iter().map(|l| padded(l.out_channels)).max().unwrap_or(0).max(channels);
        let mut place = |source: Source, row: usize| {
            let ring = Ring { start: end, slots: slots[ring_index(source)], row, delay: schedule.delay(source) };
            end += ring.slots * images * lanes * row;
            ring
        };
        let pixels = place(Source::Pixels, channels);
        let mut rings = vec![pixels];
        rings.extend(layers.iter().enumerate().map(|(l, layer)| place(Source::Layer(l), padded(layer.out_channels))));
        if u32::try_from(end).is_err() {
            return Err(Error::OutOfMemory { bytes: end as u64 * 4 });
        }
        let read = |layer: usize, source: Source, tap: Tap| Read {
            ring: rings[ring_index(source)],
            tap,
            age: schedule.age(layer, source, tap),
        };
        let plans = layers.iter().enumerate().map(|(l, layer)| {
            let taps = layer.inputs.iter().flat_map(|i| i.taps.iter().map(move |&tap| (i.source, tap)));
            let reads = taps.map(|(source, tap)| read(l, source, tap)).collect();
            let residual = layer.residual.map(|source| read(l, Source::Layer(source), Tap { dy: 0, dx: 0 }));
            (rings[l + 1], reads, residual)
        });
        Ok(Cache {
            data: try_zeroed(end)?,
            pixels,
            layers: plans.collect(),
            images,
            lanes,
            offsets: Vec::new(),
            residuals: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// Bytes of activations kept.
    pub fn bytes(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }

    /// Computes a layer at every position of the given steps. What it reads there must have been computed, or put.
    pub fn compute(&mut self, layer: usize, packed: &PackedLayer, schedule: &Schedule, steps: Range<usize>) {
        self.offsets.clear();
        self.residuals.clear();
        self.rows.clear();
        for step in steps {
            self.gather(layer, schedule, step);
        }
        let start = self.layers[layer].0.start;
        let (inputs, outputs) = self.data.split_at_mut(start); // rings lie in the order of layers
        kernels::run(packed, inputs, &self.offsets, &self.residuals, outputs, &self.rows);
    }

    /// Appends the offsets of all positions that the layer computes at a step: rows from top to bottom, images within.
    fn gather(&mut self, layer: usize, schedule: &Schedule, step: usize) {
        let (ring, reads, residual) = &self.layers[layer];
        let rows = schedule.rows(ring.delay, step);
        let (images, lanes) = (self.images, self.lanes);
        let position = move |ring: &Ring, step: usize, row: usize| {
            (ring.start + (step % ring.slots * images * lanes + row % lanes) * ring.row) as u32
        };
        let first = self.offsets.len();
        self.offsets.resize(first + rows.len() * images * reads.len(), ZEROS);
        for (tap, read) in reads.iter().enumerate() {
            let Some(then) = step.checked_add_signed(-read.age as isize) else { continue };
            let mut at = first + tap;
            for row in rows.clone() {
                let column = schedule.column(ring.delay, step, row);
                let source_row = row.checked_add_signed(read.tap.dy as isize);
                let inside = column.checked_add_signed(read.tap.dx as isize).is_some_and(|x| x < schedule.width);
                match source_row {
                    Some(source_row) if inside => {
                        let mut offset = position(&read.ring, then, source_row);
                        for _ in 0..images {
                            self.offsets[at] = offset;
                            offset += (lanes * read.ring.row) as u32;
                            at += reads.len();
                        }
                    }
                    _ => at += images * reads.len(), // stays ZEROS
                }
            }
        }
        for row in rows {
            for image in 0..images {
                self.rows.push(position(ring, step, row) - ring.start as u32 + (image * lanes * ring.row) as u32);
                if let Some(Read { ring, age, .. }) = residual {
                    let then = step - *age as usize;
                    self.residuals.push(position(ring, then, row) + (image * lanes * ring.row) as u32);
                }
            }
        }
    }

    fn at(&self, ring: Ring, schedule: &Schedule, image: usize, row: usize, column: usize) -> usize {
        let step = schedule.slope * row + column + ring.delay;
        ring.start + ((step % ring.slots * self.images + image) * self.lanes + row % self.lanes) * ring.row
    }

    /// What the layer computed at a position, `[out_channels]`.
    pub fn output(&self, layer: usize, schedule: &Schedule, image: usize, row: usize, column: usize) -> &[f32] {
        &self.data[self.at(self.layers[layer].0, schedule, image, row, column)..]
    }

    /// Puts a pixel's value, as the net sees it.
    pub fn put_pixel(&mut self, schedule: &Schedule, image: usize, row: usize, column: usize, value: f32) {
        let at = self.at(self.pixels, schedule, image, row, column);
        self.data[at] = value;
    }
}

fn ring_index(source: Source) -> usize {
    match source {
        Source::Pixels => 0,
        Source::Layer(layer) => layer + 1,
    }
}
