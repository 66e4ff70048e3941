//! When positions are computed, and where their rows lie.

use std::ops::Range;

/// Fronts of an image: at step `t` what has no delay computes column `t - slope * r` of each row `r` that has one.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    /// Steps by which a row follows the one above.
    pub slope: usize,
    /// Image height.
    pub height: usize,
    /// Image width.
    pub width: usize,
}

impl Wave {
    /// The rows of which something with that delay is computed at a step.
    #[inline]
    pub fn rows(self, delay: usize, step: usize) -> Range<usize> {
        let Some(time) = step.checked_sub(delay) else { return 0..0 };
        let first = (time + 1).saturating_sub(self.width).div_ceil(self.slope);
        let last = (time / self.slope).min(self.height - 1);
        first..last + 1
    }

    /// The positions that are computed at a step of what has that delay, or is computed by whole rows: rows, each with its columns.
    #[inline]
    pub fn positions(self, delay: usize, whole: bool, step: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let begins = step % self.slope == 0 && step / self.slope < self.height;
        let row = step / self.slope;
        let rows = if !whole {
            self.rows(delay, step)
        } else if begins {
            row..row + 1
        } else {
            0..0
        };
        rows.map(move |row| {
            let column = if whole { 0 } else { step - delay - self.slope * row };
            (row, column..if whole { self.width } else { column + 1 })
        })
    }
}

/// The rows of one source, one for each position kept.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// Offset of its first position's values.
    pub own: usize,
    /// Values of a row.
    pub row: usize,
    /// Steps of the k-loop, over a row.
    pub steps: u32,
    /// Steps, or rows of the image, whose values are kept.
    pub slots: usize,
    /// Index of the first of its places.
    pub place: usize,
    /// One less than the rows of the image that have places, a power of two.
    pub mask: usize,
    /// Steps by which it is behind.
    pub delay: usize,
    /// Whether a slot holds a whole row of the image, all of which is computed at once.
    pub whole: bool,
}

/// How places are numbered, where it says what lies at a position: `[source][row of the image, modulo a power of two][column][image]`, with columns
/// beside the image as far as taps reach. What is outside the image has places too, at which nothing is ever put: so a tap's place is
/// that of the position and a distance. Places of rows above the image are those of later rows, which come when nobody
/// reads them any more. The first row of places stands for what no tap can reach. What tiles read of several images lies side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Images that are computed in step.
    pub images: usize,
    /// Columns before the image.
    pub left: usize,
    /// Columns of a row, with those beside the image.
    pub columns: usize,
}

impl Grid {
    /// Where a row's places begin: that of an image's column is so many further as [`Grid::at`] says.
    #[inline]
    pub fn row_of(&self, ring: &Ring, row: usize) -> usize {
        ring.place + ((row & ring.mask) * self.columns + self.left) * self.images
    }

    /// How much further a position of a row lies than its first.
    #[inline]
    pub fn at(&self, image: usize, column: usize) -> usize {
        column * self.images + image
    }

    /// Where a row's places begin as seen through a tap, which is so far above, and to the right.
    pub fn through(&self, ring: &Ring, above: usize, right: isize, row: usize) -> u32 {
        self.row_of(ring, row.wrapping_sub(above)).wrapping_add_signed(right * self.images as isize) as u32
    }
}

/// Where places begin that are seen through some taps.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    /// How many taps.
    pub taps: usize,
    /// One less than the rows of the image that have places, a power of two.
    pub mask: usize,
    /// `[row of the image, modulo a power of two][tap]`.
    pub all: Vec<u32>,
}

impl Offsets {
    /// Those of a row.
    #[inline]
    pub fn of(&self, row: usize) -> &[u32] {
        &self.all[self.first(row)..][..self.taps]
    }

    /// Where they begin among all.
    #[inline]
    pub fn first(&self, row: usize) -> usize {
        (row & self.mask) * self.taps
    }
}
