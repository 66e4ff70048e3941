//! Which positions may be computed together: the wavefront.
//!
//! At step `t` layer `l` computes column `c + lead[l]` of row `r` for every row in flight, `c = t - slope * r`. The pixel
//! of column `c` is drawn at the end of that step. Two rules make it legal, for every tap `(dy, dx)` of every layer:
//! - a tap on the image reads a pixel drawn at an EARLIER step: `slope * -dy - dx - lead[l] > 0`;
//! - a tap on a layer `k` may read the SAME step, since layers run in order: `slope * -dy - dx - lead[l] + lead[k] >= 0`.
//!
//! Slope and leads are the least integers that satisfy them. The reference net has slope 4 and no leads: 136 steps
//! instead of 784, 5.8 pixels each. With a slope as large as the image is wide, steps are pixels in raster order.

use crate::layers::{Layers, Source, Tap};
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
}

impl Schedule {
    /// The schedule with the fewest steps; `None` where a net is not causal.
    pub fn wavefront(layers: &Layers, height: usize, width: usize) -> Option<Schedule> {
        Schedule::with_slope_from(1, layers, height, width)
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
            if leads(layers, height, width, middle).is_some() {
                end = middle;
            } else {
                slope = middle + 1;
            }
        }
        let leads = leads(layers, height, width, slope)?;
        let lead = leads.iter().copied().max().unwrap_or(0);
        Some(Schedule { slope, leads, height, width, lead })
    }

    /// Steps of an image.
    pub fn steps(&self) -> usize {
        self.slope * (self.height - 1) + self.width + self.lead
    }

    /// Rows in flight at most, in any layer.
    pub fn lanes(&self) -> usize {
        self.width.div_ceil(self.slope)
    }

    /// How many steps after the start of a row's first layer a source computes, or draws, the row's first column.
    pub fn delay(&self, source: Source) -> usize {
        match source {
            Source::Pixels => self.lead,
            Source::Layer(layer) => self.lead - self.leads[layer],
        }
    }

    /// How many steps before `layer` reads it through `tap` a value of `source` was computed.
    pub fn age(&self, layer: usize, source: Source, tap: Tap) -> i64 {
        let age = self.slope as i64 * -i64::from(tap.dy) - i64::from(tap.dx);
        age + self.delay(Source::Layer(layer)) as i64 - self.delay(source) as i64
    }

    /// The rows of which something with that delay is computed at a step.
    pub fn rows(&self, delay: usize, step: usize) -> Range<usize> {
        let Some(time) = step.checked_sub(delay) else { return 0..0 };
        let first = (time + 1).saturating_sub(self.width).div_ceil(self.slope);
        let last = (time / self.slope).min(self.height - 1);
        first..last + 1
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

/// The least leads under a slope, or `None` where a tap on the image asks for more than the slope gives.
fn leads(layers: &Layers, height: usize, width: usize, slope: usize) -> Option<Vec<usize>> {
    let mut leads = vec![0i64; layers.len()];
    // From the last layer to the first: all that read a layer come after it, so its lead is final when it is read here.
    for layer in (0..layers.len()).rev() {
        for (source, tap) in layers[layer].reads().filter(|&(_, tap)| fits(tap, height, width)) {
            let ahead = leads[layer] + i64::from(tap.dx) + slope as i64 * i64::from(tap.dy);
            match source {
                Source::Layer(source) => leads[source] = leads[source].max(ahead),
                Source::Pixels if ahead >= 0 => return None,
                Source::Pixels => {}
            }
        }
    }
    Some(leads.into_iter().map(|lead| lead as usize).collect())
}
