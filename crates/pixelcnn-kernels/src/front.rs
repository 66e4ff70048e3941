//! Where the positions of a front read and write.

use crate::activations::{Chosen, Row};
use crate::grid::Offsets;
use crate::tiles::{MOST_POSITIONS, Room, reserve, tiles};
use std::collections::TryReserveError;
use std::ops::Range;

/// Offsets, and the furthest of them, which is noted as they are listed: one look at it tells whether all lead inside the data.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    all: Vec<u32>,
    furthest: u32,
}

impl Listed {
    /// Lists these in place of all others.
    #[allow(
        clippy::manual_inspect,
        reason = "of what `inspect` makes it is not known how many there are, so that room is asked for at each"
    )]
    pub fn list(&mut self, offsets: impl Iterator<Item = u32>) {
        self.clear();
        let mut furthest = 0;
        self.all.extend(offsets.map(|offset| {
            furthest = offset.max(furthest);
            offset
        }));
        self.furthest = furthest;
    }

    /// Lists none.
    pub fn clear(&mut self) {
        self.all.clear();
        self.furthest = 0;
    }

    /// All of them.
    pub fn all(&self) -> &[u32] {
        &self.all
    }

    /// The furthest; 0 where there are none.
    pub fn furthest(&self) -> usize {
        self.furthest as usize
    }

    /// Whether so many values lie behind each, of all that there are.
    pub fn inside(&self, values: usize, all: usize) -> bool {
        self.all.is_empty() || self.furthest as u64 + values as u64 <= all as u64
    }
}

/// Where the positions of a front read and write.
#[derive(Debug, Default)]
pub struct Front {
    /// (tile)`[taps][positions]`, of [`tiles`]: where a row of values starts. So many are listed; behind them lies what other layers have left.
    starts: Vec<u32>,
    listed: usize,
    /// `[tiles][taps]`: how deep the tile reads a tap, in steps: as deep as the deepest of its rows, the rest of which are zeros. Not read of
    /// taps that are hot. Here, too, something may lie behind them.
    pub(crate) depths: Vec<u32>,
    /// `[positions]`: the class of its image, or where the row starts that its sums begin with; 0 where there is neither.
    pub(crate) begins: Listed,
    /// `[positions]`, or empty: where the row starts that is added last.
    pub(crate) residuals: Listed,
    /// `[positions]`: where the row of outputs starts. None overlaps what any position reads, else the sums are wrong.
    pub(crate) outputs: Listed,
}

impl Front {
    /// Of such lists.
    pub fn new([starts, depths, begins, residuals, outputs]: [&[u32]; 5]) -> Front {
        let [begins, residuals, outputs] = [begins, residuals, outputs].map(|offsets| {
            let mut listed = Listed::default();
            listed.list(offsets.iter().copied());
            listed
        });
        Front { starts: starts.to_vec(), listed: starts.len(), depths: depths.to_vec(), begins, residuals, outputs }
    }

    /// With room for so much.
    ///
    /// # Errors
    /// Where the host has none.
    pub fn with_room(room: Room) -> Result<Front, TryReserveError> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (positions, taps) = (n(room.positions), n(room.taps));
        let mut front = Front::default();
        reserve(&mut front.starts, &[positions, taps])?;
        reserve(&mut front.depths, &[positions.div_ceil(MOST_POSITIONS), taps])?;
        reserve(&mut front.begins.all, &[positions])?;
        reserve(&mut front.residuals.all, &[positions])?;
        reserve(&mut front.outputs.all, &[positions])?;
        Ok(front)
    }

    /// Positions.
    pub fn positions(&self) -> usize {
        self.outputs.all.len()
    }

    /// Where the rows start that tiles read.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts[..self.listed]
    }

    /// Whether so many values lie behind each of them, of all that there are. They are gone over here: two instructions for each as it is listed
    /// took longer (1.02 in sixteens), and who copies what it reads does not ask.
    pub(crate) fn reads_inside(&self, values: usize, all: usize) -> bool {
        furthest(self.starts()) as u64 + values as u64 <= all as u64
    }

    /// Rows that a position reads.
    pub(crate) fn taps(&self) -> usize {
        self.listed / self.positions()
    }

    /// Where the row starts that a position of a tile reads through a tap of so many.
    pub(crate) fn start(&self, taps: usize, tile: &Range<usize>, tap: usize, position: usize) -> usize {
        self.starts()[tile.start * taps + tap * tile.len() + position - tile.start] as usize
    }

    /// Lists what some positions read, in the order in which tiles read it: listed position by position, and put in order later, it took a sixth
    /// of the time of deep nets.
    pub(crate) fn read(&mut self, reads: &Offsets, rows: &[Row], chosen: &[Chosen]) {
        let (Front { starts, depths, .. }, taps) = (&mut *self, reads.taps);
        // Not shortened between layers: what is lengthened is filled.
        let listed = chosen.len() * taps;
        starts.resize(starts.len().max(listed), 0);
        depths.resize(depths.len().max(chosen.len().div_ceil(MOST_POSITIONS) * taps), 0);
        for (number, tile) in tiles(chosen.len()).enumerate() {
            let depths = &mut depths[number * taps..][..taps];
            match &chosen[tile.clone()] {
                // Four images in step have their places side by side, since a row's positions come one after the other (0.97 of the time in
                // sixteens).
                [a, _, _, d] if d.at == a.at + 3 && d.row == a.row => {
                    let each = starts[tile.start * taps..].chunks_exact_mut(4).zip(depths);
                    for (&offset, (starts, deepest)) in reads.of(a.row.into()).iter().zip(each) {
                        let read = &rows[(offset + a.at) as usize..][..4];
                        (0..4).for_each(|p| starts[p] = read[p].start);
                        *deepest = read[0].depth.max(read[1].depth).max(read[2].depth.max(read[3].depth));
                    }
                }
                // Position by position, since what four need at once does not fit into registers.
                of_tile => {
                    for (p, chosen) in of_tile.iter().enumerate() {
                        // What the depths were before is nothing to the first.
                        let (mut to, before) = (tile.start * taps + p, if p > 0 { u32::MAX } else { 0 });
                        for (&offset, deepest) in reads.of(chosen.row.into()).iter().zip(&mut *depths) {
                            let read = rows[(offset + chosen.at) as usize];
                            starts[to] = read.start;
                            to += tile.len();
                            *deepest = read.depth.max(*deepest & before);
                        }
                    }
                }
            }
        }
        self.listed = listed;
    }
}

/// The largest offset. A function of its own, as its loop is long where it goes by vectors.
#[inline(never)]
fn furthest(offsets: &[u32]) -> u32 {
    offsets.iter().fold(0, |most, &offset| most.max(offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixelcnn::rng::{Purpose, Words};

    /// Images in step, of which some are left out, over rows of an image: as a plain look at each position's rows has it, whatever other layers
    /// have left.
    #[test]
    fn what_is_listed_is_what_each_position_reads() {
        let mut words = Words::new(1, Purpose::Shuffle, 0, 0);
        let mut below = |most: usize| words.word() as usize % most;
        let mut front = Front::default();
        let mut of_four = 0;
        for _ in 0..200 {
            let (images, taps, image_rows) = (1 + below(17), 1 + below(5), 1 + below(4));
            let reads = Offsets { taps, mask: 3, all: (0..4 * taps).map(|_| below(100) as u32).collect() };
            let rows: Vec<Row> = (0..300).map(|_| Row { start: below(1 << 20) as u32, depth: below(13) as u32 }).collect();
            let kept = [1, 2, 9][below(3)]; // of so many, but one
            let mut chosen = Vec::new();
            for row in 0..image_rows {
                let column = below(8);
                for image in (0..images).filter(|_| kept == 1 || below(kept) > 0) {
                    chosen.push(Chosen::at(row as u16, (column * images + image) as u32));
                }
            }
            if chosen.is_empty() {
                continue;
            }
            front.read(&reads, &rows, &chosen);
            front.outputs.list(chosen.iter().map(|_| 0));
            let mut most = 0;
            for (number, tile) in tiles(chosen.len()).enumerate() {
                for tap in 0..taps {
                    let read = |position: usize| {
                        let chosen = &chosen[position];
                        rows[(reads.of(chosen.row.into())[tap] + chosen.at) as usize]
                    };
                    let starts: Vec<usize> = tile.clone().map(|position| front.start(taps, &tile, tap, position)).collect();
                    assert_eq!(starts, tile.clone().map(|position| read(position).start as usize).collect::<Vec<_>>());
                    let deepest = tile.clone().map(|position| read(position).depth).max();
                    assert_eq!(Some(front.depths[number * taps + tap]), deepest);
                    most = starts.into_iter().fold(most, usize::max);
                }
                of_four += usize::from(tile.len() == 4);
            }
            assert_eq!(front.taps(), taps);
            assert!(front.reads_inside(7, most + 7) && !front.reads_inside(7, most + 6));
        }
        assert!(of_four > 500, "{of_four} tiles of four");
    }
}
