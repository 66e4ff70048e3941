//! Tiles over the positions of a front.
//!
//! Unsafe: the k-loop reads without bounds checks, after one check per call of all that it will read.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::PANEL;
use crate::front::Front;
use crate::lanes::{Ended, Lanes, Outputs};
use crate::layer::PackedLayer;
use std::collections::TryReserveError;
use std::ops::Range;

/// Memory that [`run`] uses again and again.
#[derive(Clone, Debug)]
pub struct Scratch<A: Lanes> {
    copied: Vec<u32>,        // (section)(position of a tile)[AWAY]: the steps that it reads
    stretches: Vec<Stretch>, // which they are
    sums: Vec<A::Sum>,       // (position)(sum), of layers whose sums begin with more than a bias
    ended: Vec<A::Value>,    // (position of a tile)(sum), of layers that tiles do not finish
    /// (position), where finishing says it: values of its row up to the last that is not zero, or some more. Empty elsewhere.
    pub(crate) depths: Vec<u32>,
}

impl<A: Lanes> Default for Scratch<A> {
    fn default() -> Scratch<A> {
        Scratch { copied: vec![], stretches: vec![], sums: vec![], ended: vec![], depths: vec![] }
    }
}

/// What [`run`] is to have room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Positions of a call.
    pub positions: u64,
    /// Taps of a layer.
    pub taps: u64,
    /// Steps of a layer that are copied.
    pub steps: u64,
    /// Sums of a position that are made before the tiles begin.
    pub begun: u64,
    /// Values of a position's sums that tiles leave unfinished.
    pub ended: u64,
}

impl Room {
    /// Bytes that it takes, of values and sums of so many each; as many as 64 bits hold where it is more.
    pub fn bytes(self, value: u64, sum: u64) -> u64 {
        let Room { positions, taps, steps, begun, ended } = self;
        let (tiles, index) = (positions.div_ceil(MOST_POSITIONS as u64), size_of::<u32>() as u64);
        [
            [sections(steps), SECTION as u64, index],
            [taps.saturating_add(sections(steps)), 1, size_of::<Stretch>() as u64],
            [MOST_POSITIONS as u64, ended, value],
            [positions, begun, sum],
            [positions, 1, index],
            [positions, taps, index],
            [tiles, taps, index],
        ]
        .into_iter()
        .fold(0, |all: u64, [a, b, each]| all.saturating_add(a.saturating_mul(b).saturating_mul(each)))
    }
}

impl<A: Lanes> Scratch<A> {
    /// Makes room in what is empty, so that [`run`] allocates nothing.
    ///
    /// # Errors
    /// Where the host has none.
    pub fn reserve(&mut self, Room { positions, taps, steps, begun, ended }: Room) -> Result<(), TryReserveError> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        reserve(&mut self.copied, &[n(sections(steps)), SECTION])?;
        reserve(&mut self.stretches, &[n(taps.saturating_add(sections(steps)))])?;
        reserve(&mut self.sums, &[n(positions), n(begun)])?;
        reserve(&mut self.ended, &[MOST_POSITIONS, n(ended)])?;
        reserve(&mut self.depths, &[n(positions)])
    }
}

/// Makes room for a product of some counts; for more than can be there is none.
pub(crate) fn reserve<T>(list: &mut Vec<T>, counts: &[usize]) -> Result<(), TryReserveError> {
    list.try_reserve_exact(counts.iter().fold(1, |product: usize, &count| product.saturating_mul(count)))
}

/// Computes a layer at some positions, from rows of `data` into rows of `data`. Where `tails` is set, [`Scratch`] is to say how deep the rows
/// of outputs are, where finishing them knows. Returns the multiply-adds issued.
///
/// # Panics
/// Where a place leads outside the data.
pub fn run<A: Lanes>(layer: &PackedLayer<A>, data: &mut [A::Value], front: &Front, tails: bool, scratch: &mut Scratch<A>) -> u64 {
    let (sums, taps, positions, hot) = (layer.sums, layer.taps(), front.positions(), layer.hot_rows.len());
    let len = data.len();
    let residuals = front.residuals.all();
    assert!(residuals.is_empty() || residuals.len() == positions && layer.each * layer.outputs <= sums);
    assert!(front.residuals.inside(layer.residual.len, len) && front.outputs.inside(layer.row, len));

    // What sums begin with is a row of the layer's own, or is made here.
    scratch.sums.clear();
    let made = hot > 0 || layer.starts.is_empty();
    if made {
        begin(layer, data, front, scratch);
    } else {
        assert!((front.begins.furthest() + 1).saturating_mul(sums) <= layer.starts.len());
    }
    let room = if A::COPIED { sections(layer.depth as u64) as usize * SECTION } else { 0 };
    scratch.copied.resize(scratch.copied.len().max(room), 0);
    // Where tiles write: rows of the data, or rows that are finished as soon as the tile is done.
    scratch.depths.clear();
    let room = if layer.finished { 0 } else { MOST_POSITIONS * sums * A::SUM_VALUES };
    scratch.ended.resize(scratch.ended.len().max(room), A::Value::default());
    let data = data.as_mut_ptr();
    let outputs = if layer.finished { data } else { scratch.ended.as_mut_ptr() };

    // Nearly always no row lies so near to the end that it matters how much of it is read: to ask that of each took 3 % of deep nets in sixteens.
    let all_inside = !A::COPIED && front.reads_inside(layer.longest, len);
    let panels = sums / PANEL;
    let mut read = 0; // steps of the k-loop, over all positions
    for (number, tile) in tiles(positions).enumerate() {
        let (first, size) = (tile.start, tile.len());
        let starts = &front.starts()[first * taps + hot * size..][..layer.values.len() * size];
        let depths = &front.depths[number * taps + hot..][..layer.values.len()];
        let steps = if A::COPIED {
            // SAFETY: so many values can be read there, and what tiles write is not read meanwhile.
            unsafe { copy(layer, (data, len), starts, depths, scratch) }
        } else {
            let deep = depths.iter().zip(&layer.values).zip(starts.chunks_exact(size)).map(|((&depth, &values), starts)| {
                let inside = |&start: &u32| start as usize + values as usize <= len;
                assert!(depth as usize * A::STEP <= values as usize && (all_inside || starts.iter().all(inside)));
                depth as usize
            });
            deep.sum()
        };
        let (begun, begins) = match made {
            true => (scratch.sums[first * sums..][..size * sums].as_ptr(), &[0, 1, 2, 3][..]),
            false => (layer.starts.as_ptr(), &front.begins.all()[first..][..size]),
        };
        let place = Place {
            layer,
            inputs: if A::COPIED { scratch.copied.as_ptr().cast() } else { data.cast_const() },
            starts,
            depths,
            stretches: &scratch.stretches,
            begun,
            begins,
            front,
            first,
            data,
            outputs,
        };
        // SAFETY: the asserts above hold for every position, and no range goes beyond the layer's panels. What is to be read was copied or
        // lies inside the data, and is no more than was packed. What sums begin with was made by `begin`, or lies inside the layer's starts.
        unsafe {
            // Small tiles take several panels at once, and one by one what is left of them.
            match size {
                4 => place.tile::<4, 2>(0..panels),
                3 => place.tile::<3, 2>(0..panels),
                2 => {
                    let many = panels / 2 * 2;
                    place.tile::<2, 4>(0..many);
                    place.tile::<2, 2>(many..panels);
                }
                _ => {
                    let many = panels / 4 * 4;
                    place.tile::<1, 8>(0..many);
                    place.tile::<1, 2>(many..panels);
                }
            }
        }
        if !layer.finished {
            for (position, ended) in scratch.ended.chunks_exact(sums * A::SUM_VALUES).enumerate().take(size) {
                let position = first + position;
                let ended = Ended { sums: ended.as_ptr(), scales: layer.scales.as_ptr(), parts: layer.parts.as_ptr() };
                // SAFETY: the asserts above hold for every position, and a row of outputs, and of what is added, has as many panels.
                unsafe {
                    let row = data.add(front.outputs.all()[position] as usize);
                    let residual = residuals.get(position).map(|&row| data.cast_const().add(row as usize + layer.residual.kept));
                    let row = Outputs { row, residual };
                    let depth = A::finish(layer.rounding, ended, panels, row, tails);
                    scratch.depths.extend(depth.map(|depth| depth as u32));
                }
            }
        }
        read += (size * steps) as u64;
    }
    (read * A::STEP as u64 + (positions * hot) as u64) * sums as u64
}

/// Steps of a position in a section: nearly every layer fits into one, and all its rows into a first cache.
const LONGEST: usize = 840;

/// Steps that are copied at a time. Rows are as long as a multiple of it.
const EIGHT: usize = PANEL;

/// Steps from a position's in a section to those of the next: a constant, so that the instructions that read hold it.
const AWAY: usize = LONGEST + EIGHT;

/// Steps of a section of all positions.
const SECTION: usize = MOST_POSITIONS * AWAY;

/// Sections that so many steps take at most: two that follow each other hold more than fill one.
fn sections(steps: u64) -> u64 {
    steps.div_ceil(LONGEST as u64).saturating_mul(2).saturating_sub(1)
}

/// Steps that a tile reads one after the other.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Packed steps that are left out before it: zeros in all rows.
    left_out: usize,
    /// Where the first is that was copied; where none are, which tap it is.
    first: usize,
    /// How many.
    steps: usize,
}

/// Copies what a tile reads, through each tap so deep: all taps one after the other, as if they were one. Returns how many steps that are.
///
/// # Safety
/// So many values can be read at `data`.
///
/// # Panics
/// Where a tap leads outside of them, or is deeper than what was packed of it.
unsafe fn copy<A: Lanes>(
    layer: &PackedLayer<A>,
    (data, len): (*const A::Value, usize),
    starts: &[u32],
    depths: &[u32],
    Scratch { copied, stretches, .. }: &mut Scratch<A>,
) -> usize {
    stretches.clear();
    let size = starts.len() / depths.len().max(1);
    let (mut section, mut to, mut left_out, mut read) = (0, 0, 0, 0);
    for (tap, (&depth, &values)) in depths.iter().zip(&layer.values).enumerate() {
        let starts = &starts[tap * size..][..size];
        let (all, depth) = (values as usize / A::STEP, depth as usize);
        let last = starts.iter().fold(0, |last, &start| last.max(start));
        assert!(depth <= all && last as usize + all.next_multiple_of(EIGHT) * A::STEP <= len);
        read += depth;
        let mut from = 0;
        while from < depth {
            let steps = (depth - from).min(LONGEST);
            if to + steps > LONGEST {
                (section, to) = (section + SECTION, 0);
            }
            match stretches.last_mut() {
                Some(before) if left_out == 0 && to > 0 => before.steps += steps,
                _ => stretches.push(Stretch { left_out, first: section + to, steps }),
            }
            left_out = 0;
            let rows = &mut copied[section..section + SECTION];
            for (row, &start) in rows.chunks_exact_mut(AWAY).zip(starts) {
                // SAFETY: what is read was looked at, and a row has room for eight steps after the longest.
                unsafe {
                    let from = data.add(start as usize + from * A::STEP).cast::<u32>();
                    let to = row.as_mut_ptr().add(to);
                    for k in (0..steps).step_by(EIGHT) {
                        to.add(k).cast::<[u32; EIGHT]>().write(from.add(k).cast::<[u32; EIGHT]>().read_unaligned());
                    }
                }
            }
            (to, from) = (to + steps, from + steps);
        }
        left_out += all - depth;
    }
    read
}

/// Makes the sums that each position begins with: from another layer's outputs, or a row of the layer's own, and with the rows of
/// weights that one-hot taps add.
fn begin<A: Lanes>(layer: &PackedLayer<A>, data: &[A::Value], front: &Front, scratch: &mut Scratch<A>) {
    let (sums, positions) = (layer.sums, front.positions());
    let begins = front.begins.all();
    let half = PANEL / layer.each;
    // Lanes that pad the channels may hold anything, and are never read.
    let output = |lane: usize| {
        let (panel, lane) = (lane / PANEL, lane % PANEL);
        (lane / half * layer.outputs + panel * half + lane % half).min(layer.each * layer.outputs - 1)
    };
    for (tile, position) in positions_of(positions) {
        let first = scratch.sums.len();
        if layer.starts.is_empty() {
            let row = &data[begins[position] as usize + layer.start_at..];
            scratch.sums.extend((0..sums).map(|lane| A::start(A::output(row, output(lane)))));
        } else {
            scratch.sums.extend_from_slice(&layer.starts[begins[position] as usize * sums..][..sums]);
        }
        for (tap, &first_row) in layer.hot_rows.iter().enumerate() {
            // What is outside the image holds 0, and a level one more than its number.
            let Some(level) = A::index(&data[front.start(layer.taps(), &tile, tap, position)..]).checked_sub(1) else {
                continue;
            };
            let (place, times) = if layer.factor { (0, level) } else { (level, 1) };
            if times == 0 {
                continue;
            }
            let weights = &layer.hot[(first_row as usize + place) * sums..][..sums];
            for (sum, &weight) in scratch.sums[first..].iter_mut().zip(weights) {
                *sum = A::add_times(*sum, weight, times);
            }
        }
    }
}

/// Steps of a group at most in tiles of one or two positions, which are few, so that their code is short.
pub(crate) const SHORT: usize = 4;

/// Positions of the largest tile.
pub(crate) const MOST_POSITIONS: usize = 4;

/// How a number of positions is cut into tiles: fours run fastest, twos and threes nearly so, ones a good deal slower, so
/// that there is a one only where there is one position (5 = 3 + 2, 6 = 4 + 2, 9 = 4 + 3 + 2).
pub fn tiles(positions: usize) -> impl Iterator<Item = Range<usize>> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let size = match positions - first {
            5 => 3,
            left => left.min(MOST_POSITIONS),
        };
        first += size;
        (size > 0).then_some(first - size..first)
    })
}

/// So many positions, each with its tile.
fn positions_of(positions: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    tiles(positions).flat_map(|tile| tile.clone().map(move |position| (tile.clone(), position)))
}

/// A tile's place: the arguments of [`run`], what it reads and how deep, `[taps]`, and its first position.
struct Place<'a, A: Lanes> {
    layer: &'a PackedLayer<A>,
    inputs: *const A::Value,
    starts: &'a [u32],
    depths: &'a [u32],
    stretches: &'a [Stretch],
    begun: *const A::Sum,
    begins: &'a [u32],
    front: &'a Front,
    first: usize,
    data: *const A::Value,
    outputs: *mut A::Value,
}

impl<A: Lanes> Place<'_, A> {
    /// Computes P positions over some panels, V vectors of 4 outputs at a time: `panels` are a multiple of V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and `panels` exist.
    /// - For each of these positions the steps of `stretches`, or so many as `depths` says from each of `starts`, can be read from `inputs` on, and
    ///   its residual and its row of outputs lie inside the data.
    /// - Stretches, and what they leave out, are no more steps than the layer's depth; nor is any of `depths` more than its tap's.
    /// - At each of `begins`, in rows of the layer's sums, such a row lies from `begun` on.
    #[inline(always)]
    unsafe fn tile<const P: usize, const V: usize>(&self, panels: Range<usize>) {
        for panel in panels.step_by(V / 2) {
            // SAFETY: as the caller promises.
            unsafe { self.panels::<P, V>(panel) };
        }
    }

    /// Computes P positions x V vectors of 4 outputs from `panel` on.
    ///
    /// # Safety
    /// As [`Place::tile`].
    #[inline(always)]
    unsafe fn panels<const P: usize, const V: usize>(&self, panel: usize) {
        let layer = self.layer;
        // Weights of a step: those of a panel, of which a vector has the first or the second half.
        let (step, half) = (PANEL * A::STEP, PANEL * A::STEP / 2);
        // SAFETY: as the caller promises; the weights of a panel are `depth` steps, read to their end.
        unsafe {
            let mut sums: [[A::Sums; V]; P] = std::array::from_fn(|p| {
                let begin = self.begun.add(*self.begins.get_unchecked(p) as usize * layer.sums + panel * PANEL);
                std::array::from_fn(|v| A::biases(begin.add(4 * v)))
            });
            // One pointer for each panel (the first V / 2 of them): its two vectors lie side by side.
            let mut weights: [*const A::Value; V] =
                std::array::from_fn(|v| layer.weights.as_ptr().wrapping_add((panel + v) * layer.depth * step));
            let ones = A::ones();
            let taps = if A::COPIED { self.stretches.len() } else { self.depths.len() };
            let mut zeros = 0;
            for number in 0..taps {
                let Stretch { left_out, first, steps } = if A::COPIED {
                    *self.stretches.get_unchecked(number)
                } else {
                    let steps = *self.depths.get_unchecked(number) as usize;
                    let left_out = zeros;
                    zeros = *layer.values.get_unchecked(number) as usize / A::STEP - steps;
                    if steps == 0 {
                        zeros += left_out;
                        continue;
                    }
                    Stretch { left_out, first: number, steps }
                };
                // The k-loop has as few instructions beside its arithmetic as WebAssembly allows: one pointer moves along the first position's
                // row, the others lie at constant distances from it, which are part of the instruction where rows are copied; bytes, so that
                // nothing is shifted; both vectors of a panel are one pointer and an immediate offset; the weights' pointer ends the loop.
                // Worth 11 to 16 % over indexing by k (`npm run bench -- tile`).
                // Values to bytes by `rotate_left`: of a difference of products, or of shifts, compilers make one product with the difference, and V8
                // an address with a factor of it, at every step (3 to 4 % of int8 plain).
                let start =
                    |p: usize| (*self.starts.get_unchecked(first * P + p) as usize).rotate_left(size_of::<A::Value>().ilog2());
                let (mut at, away): (_, [usize; P]) = if A::COPIED {
                    (self.inputs.add(first * A::STEP), [0; P])
                } else {
                    (self.inputs.wrapping_byte_add(start(0)), std::array::from_fn(|p| start(p).wrapping_sub(start(0))))
                };
                let row = |at: *const A::Value, p: usize| {
                    if A::COPIED { at.add(p * AWAY * A::STEP) } else { at.wrapping_byte_add(away[p]) }
                };
                weights = weights.map(|w| w.wrapping_add(left_out * step));
                let end = weights[0].wrapping_add(steps * step);
                // Small tiles are what is left of a layer: one loop is enough of them.
                if A::MOST_STEPS == 1 || P * V < 6 || layer.group == 1 {
                    loop {
                        let w: [A::Factors; V] = std::array::from_fn(|v| A::weights(weights[v / 2].add(v % 2 * half)));
                        for (p, sums) in sums.iter_mut().enumerate() {
                            let x = A::inputs(row(at, p));
                            for (sums, &w) in sums.iter_mut().zip(&w) {
                                *sums = A::add_products(*sums, x, w);
                            }
                        }
                        at = at.wrapping_add(A::STEP);
                        weights = weights.map(|w| w.wrapping_add(step));
                        if weights[0] == end {
                            break;
                        }
                    }
                } else {
                    // The same, but sums are touched once for a group of steps, the first of which has nothing to add to; one after the other, not in
                    // a loop, so that a group makes its addresses once, and looks after each step whether it ends, so that compilers
                    // do not begin the next before.
                    const { assert!(A::MOST_STEPS <= 16) };
                    loop {
                        let longest = if P < 3 { layer.group.min(SHORT) } else { layer.group };
                        let left = (end.offset_from(weights[0]) as usize).min(longest * step); // not behind it
                        let rows: [_; P] = std::array::from_fn(|p| row(at, p));
                        let mut partial = [[A::no_products(); V]; P];
                        let mut add = |k: usize| {
                            // Two additions: of one, of what both come to, instructions do not hold the distance.
                            let w: [A::Factors; V] =
                                std::array::from_fn(|v| A::weights(weights[v / 2].add(k * step).add(v % 2 * half)));
                            for (partial, row) in partial.iter_mut().zip(rows) {
                                let x = A::inputs(row.add(k * A::STEP));
                                for (partial, &w) in partial.iter_mut().zip(&w) {
                                    *partial = A::add_partial(*partial, x, w);
                                }
                            }
                        };
                        add(0);
                        let mut goes_on = |k: usize| {
                            left > k * step && {
                                add(k);
                                true
                            }
                        };
                        let _ = (goes_on(1) && goes_on(2) && goes_on(3))
                            && (P < 3 || goes_on(4) && goes_on(5) && goes_on(6) && goes_on(7))
                            && (P < 3 || goes_on(8) && goes_on(9) && goes_on(10) && goes_on(11))
                            && (P < 3 || goes_on(12) && goes_on(13) && goes_on(14) && goes_on(15));
                        at = at.wrapping_add(left / PANEL);
                        weights = weights.map(|w| w.wrapping_add(left));
                        for p in 0..P {
                            for v in 0..V {
                                sums[p][v] = A::widen(sums[p][v], partial[p][v], ones);
                            }
                        }
                        if weights[0] == end {
                            break;
                        }
                    }
                }
            }
            // Each sum by a constant index: an array under a loop that is not unrolled lives in memory, and is stored there
            // at every step of the k-loop too.
            std::array::from_fn::<(), P, _>(|p| {
                let row = if layer.finished {
                    *self.front.outputs.all().get_unchecked(self.first + p) as usize
                } else {
                    p * layer.sums * A::SUM_VALUES
                };
                let row = self.outputs.add(row);
                if A::INTEGERS || !layer.finished {
                    let to = row.add(panel * PANEL * A::SUM_VALUES);
                    for v in 0..V / 2 {
                        A::write_sums([sums[p][2 * v], sums[p][2 * v + 1]], to.add(PANEL * A::SUM_VALUES * v));
                    }
                    return;
                }
                let residual = if self.front.residuals.all().is_empty() {
                    None
                } else {
                    Some(self.data.add(*self.front.residuals.all().get_unchecked(self.first + p) as usize + layer.residual.kept))
                };
                for v in 0..V / 2 {
                    let sums = [sums[p][2 * v], sums[p][2 * v + 1]];
                    A::write(layer.rounding, sums, (panel + v) * PANEL, Outputs { row, residual });
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::lanes::F32;
    use crate::layer::Packing;
    use crate::rounding::{Finish, RowParts};
    use pixelcnn::rng::{Purpose, Words};

    #[test]
    fn tiles_cover_every_number_of_positions() {
        for positions in 0..200 {
            let mut next = 0;
            for tile in tiles(positions) {
                assert_eq!(tile.start, next);
                assert!(
                    (1..=MOST_POSITIONS).contains(&tile.len()) && (tile.len() > 1 || positions == 1),
                    "{positions}: {tile:?}"
                );
                next = tile.end;
            }
            assert_eq!(next, positions);
            assert_eq!(tiles(positions).count(), positions.div_ceil(MOST_POSITIONS));
        }
    }

    /// A layer of f32 whose taps read so many values of a position's row, with small integers for weights.
    fn layer(values: &[u32], word: &mut impl FnMut() -> u32) -> PackedLayer<F32> {
        let depth = values.iter().sum::<u32>() as usize;
        PackedLayer::new(Packing {
            weights: (0..2 * PANEL * depth).map(|_| (word() % 9) as f32 - 4.0).collect(),
            scales: vec![],
            parts: vec![],
            starts: vec![1.0; 2 * PANEL],
            start_at: 0,
            hot: vec![],
            hot_rows: vec![],
            factor: false,
            values: values.to_vec(),
            depth,
            sums: 2 * PANEL,
            each: 1,
            outputs: 2 * PANEL,
            row: 2 * PANEL,
            residual: RowParts::plain(2 * PANEL),
            rounding: Finish { cell: Cell::Linear, guarded: false },
        })
    }

    /// Taps that fill a section, part of one and several, and rows that end where the data does.
    #[test]
    fn what_is_copied_is_what_each_tap_reads() {
        let mut words = Words::new(1, Purpose::Shuffle, 0, 0);
        let mut word = || words.word();
        let (most, rows) = (3 * LONGEST as u32, 8);
        // Miri has a ten-thousandth of the speed.
        let (cases, counts) = if cfg!(miri) { (4, 2) } else { (40, 6) };
        for case in 0..cases {
            let count = 1 + word() as usize % counts;
            let few = if case % 2 == 0 { 40 } else { most };
            let values: Vec<u32> = (0..count).map(|_| 1 + word() % few).collect();
            let layer = layer(&values, &mut word);
            let positions = 1 + word() as usize % counts;
            let end = (rows * few) as usize;
            let mut data: Vec<f32> = (0..end + positions * 2 * PANEL).map(|_| (word() % 5) as f32).collect();
            let outputs: Vec<u32> = (0..positions).map(|position| (position * 2 * PANEL) as u32).collect();
            // Outputs lie first, so that what is read may end where the data does.
            let (mut starts, mut depths, mut wanted) = (vec![], vec![], vec![0.0; positions * 2 * PANEL]);
            let mut read = 0;
            for tile in tiles(positions) {
                let mut first = 0;
                let tap = starts.len();
                for &values in &values {
                    let depth = if word() % 3 == 0 { word() % (values + 1) } else { values };
                    depths.push(depth);
                    read += depth as usize * tile.len();
                    for _ in tile.clone() {
                        let room = end as u32 - values.next_multiple_of(PANEL as u32);
                        starts.push((positions * 2 * PANEL) as u32 + if word() % 4 == 0 { room } else { word() % (room + 1) });
                    }
                }
                for (place, position) in tile.clone().enumerate() {
                    let sums = &mut wanted[position * 2 * PANEL..][..2 * PANEL];
                    for (o, sum) in sums.iter_mut().enumerate() {
                        *sum = 1.0;
                        first = 0;
                        for (number, &values) in values.iter().enumerate() {
                            let start = starts[tap + number * tile.len() + place] as usize;
                            let depth = depths[depths.len() - count + number] as usize;
                            for k in 0..depth {
                                *sum += data[start + k]
                                    * layer.weights[o / PANEL * PANEL * layer.depth + (first + k) * PANEL + o % PANEL];
                            }
                            first += values as usize;
                        }
                    }
                }
                assert_eq!(first, layer.depth);
            }
            let front = Front::new([&starts, &depths, &vec![0; positions], &[], &outputs]);
            let macs = run(&layer, &mut data, &front, false, &mut Scratch::default());
            assert_eq!(macs, (read * 2 * PANEL) as u64);
            assert_eq!(data[..wanted.len()], wanted, "{values:?}, {positions} positions");
        }
    }
}
