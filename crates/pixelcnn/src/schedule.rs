//! Which positions may be computed together: the wavefront.
//!
//! At step `t` layer `l` computes column `c + lead[l]` of row `r` for every row in flight, `c = t - slope * r`. The pixel
//! of column `c` is drawn at the end of that step. Two rules make it legal, for every tap `(dy, dx)` of every layer:
//! - a tap on the image reads a pixel drawn at an EARLIER step: `slope * -dy - dx - lead[l] > 0`;
//! - a tap on a layer `k` may read the SAME step, since layers run in order: `slope * -dy - dx - lead[l] + lead[k] >= 0`.
//!
//! Slope and leads are the least integers that satisfy them. The reference net has slope 4 and no leads: 136 steps
//! instead of 784, 5.8 pixels each. With a slope as large as the image is wide, steps are pixels in raster order.
//!
//! Where leads ask for nearly such a slope, as the vertical stack of a gated net does, a front holds hardly more than one pixel. What sees the
//! rows above alone is then computed by whole rows, each when its first pixel's turn comes, and only the rest pixel by pixel.

use crate::layers::{Layers, Source, Tap};
use pixelcnn_kernels::Wave;
use std::ops::Range;

/// When each layer computes each position. Made for one image size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Steps by which a row follows the one above.
    pub slope: usize,
    /// Columns by which each layer runs ahead of the pixel drawn.
    pub leads: Vec<usize>,
    /// Image height.
    pub height: usize,
    /// Image width.
    pub width: usize,
    lead: usize, // the largest
    /// Of layers that are computed by whole rows; empty where none are.
    whole: Vec<bool>,
}

impl Schedule {
    /// The schedule with the fewest steps, by whole rows where a front would hold less than two pixels; `None` where a net is not
    /// causal.
    pub fn wavefront(layers: &Layers, height: usize, width: usize) -> Option<Schedule> {
        let fronts = Schedule::with_slope_from(1, layers, height, width)?;
        let whole = above(layers);
        if 2 * fronts.steps() < height * width || !whole.contains(&true) {
            return Some(fronts);
        }
        let leads = leads(layers, height, width, 2 * width, &whole)?;
        let lead = leads.iter().copied().max().unwrap_or(0);
        // A row is drawn before the next begins.
        Some(Schedule { slope: width + lead, leads, height, width, lead, whole })
    }

    /// One pixel a step, in raster order; `None` where a net is not causal.
    pub fn raster(layers: &Layers, height: usize, width: usize) -> Option<Schedule> {
        Schedule::with_slope_from(width, layers, height, width)
    }

    fn with_slope_from(least: usize, layers: &Layers, height: usize, width: usize) -> Option<Schedule> {
        // A row of lead a layer is the most that taps within the image can ask for, so no slope beyond is worth trying.
        // A steeper slope asks for no larger lead, so what is legal stays so.
        let most = least.max(width * (layers.len() + 2));
        let (mut slope, mut end) = (least, most);
        while slope < end {
            let middle = slope + (end - slope) / 2;
            if leads(layers, height, width, middle, &[]).is_some() {
                end = middle;
            } else {
                slope = middle + 1;
            }
        }
        let leads = leads(layers, height, width, slope, &[])?;
        let lead = leads.iter().copied().max().unwrap_or(0);
        Some(Schedule { slope, leads, height, width, lead, whole: Vec::new() })
    }

    /// Steps of an image.
    pub fn steps(&self) -> usize {
        self.slope * (self.height - 1) + self.width + self.lead
    }

    /// Its fronts.
    pub fn wave(&self) -> Wave {
        Wave { slope: self.slope, height: self.height, width: self.width }
    }

    /// Rows in flight at most, in any layer.
    pub fn lanes(&self) -> usize {
        self.width.div_ceil(self.slope)
    }

    /// Whether a source is computed by whole rows, each at the step of its first column.
    pub fn is_whole(&self, source: Source) -> bool {
        match source {
            Source::Pixels => false,
            Source::Layer(layer) => self.whole.get(layer).is_some_and(|&whole| whole),
        }
    }

    /// Whether any layer is.
    pub fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    /// How many steps after the start of a row's first layer a source computes, or draws, the row's first column.
    pub fn delay(&self, source: Source) -> usize {
        match source {
            Source::Pixels => self.lead,
            Source::Layer(_) if self.is_whole(source) => 0,
            Source::Layer(layer) => self.lead - self.leads[layer],
        }
    }

    /// How many steps before `layer` reads it through `tap` a value of `source` was computed, at most.
    pub fn age(&self, layer: usize, source: Source, tap: Tap) -> i64 {
        let (layer, up) = (Source::Layer(layer), self.slope as i64 * -i64::from(tap.dy));
        // A whole row's first step reads all that it reads, the first column of a row longest after its own.
        let right = if self.is_whole(layer) { 0 } else { i64::from(tap.dx) };
        up - right + self.delay(layer) as i64 - self.delay(source) as i64
    }

    /// The positions that a source computes at a step: rows, each with its columns.
    pub fn positions(&self, source: Source, step: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.wave().positions(self.delay(source), self.is_whole(source), step)
    }

    /// The rows of which something with that delay is computed at a step.
    pub fn rows(&self, delay: usize, step: usize) -> Range<usize> {
        self.wave().rows(delay, step)
    }

    /// The column of a row that is computed at a step, for a row of [`Schedule::rows`].
    pub fn column(&self, delay: usize, step: usize, row: usize) -> usize {
        step - delay - self.slope * row
    }
}

/// Whether a tap can read inside an image of that size from any position of it.
pub(crate) fn fits(tap: Tap, height: usize, width: usize) -> bool {
    (tap.dy.unsigned_abs() as usize) < height && (tap.dx.unsigned_abs() as usize) < width
}

/// Which layers see no pixel of their own row.
fn above(layers: &Layers) -> Vec<bool> {
    let mut above: Vec<bool> = Vec::with_capacity(layers.len());
    for layer in layers.iter() {
        // Each read is looked at: of a search that ends early LLVM makes a branch on the number that `Pixels` does not have, whose
        // result it then drops, and valgrind stops there.
        let own = layer.reads().filter(|(_, tap)| tap.dy >= 0);
        let of = own.fold(true, |of, (source, _)| of & matches!(source, Source::Layer(source) if above[source]));
        above.push(of);
    }
    above
}

/// The least leads under a slope, or `None` where a tap on the image asks for more than the slope gives. Layers that are computed
/// by whole rows have none, and ask for none.
fn leads(layers: &Layers, height: usize, width: usize, slope: usize, whole: &[bool]) -> Option<Vec<usize>> {
    let is_whole = |layer: usize| whole.get(layer).is_some_and(|&whole| whole);
    let mut leads = vec![0i64; layers.len()];
    // From the last layer to the first: all that read a layer come after it, so its lead is final when it is read here.
    for layer in (0..layers.len()).rev().filter(|&layer| !is_whole(layer)) {
        for (source, tap) in layers[layer].reads().filter(|&(_, tap)| fits(tap, height, width)) {
            let ahead = leads[layer] + i64::from(tap.dx) + slope as i64 * i64::from(tap.dy);
            match source {
                Source::Layer(source) if is_whole(source) => {}
                Source::Layer(source) => leads[source] = leads[source].max(ahead),
                Source::Pixels if ahead >= 0 => return None,
                Source::Pixels => {}
            }
        }
    }
    Some(leads.into_iter().map(|lead| lead as usize).collect())
}
