//! Tiles over the positions of a front.
//!
//! Unsafe: the k-loop reads without bounds checks, after one check per call of all that it will read.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::PANEL;
use crate::lanes::{Ended, Lanes, Outputs};
use crate::layer::PackedLayer;
use std::collections::TryReserveError;
use std::ops::Range;

/// Where the positions of a front read and write.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// (tile)`[taps][positions]`, of [`tiles`]: where the row of values starts.
    pub starts: &'a [u32],
    /// `[tiles][taps]`: how deep the tile reads a tap, in steps: as deep as the deepest of its rows, the rest of which are zeros. Not read of
    /// taps that are hot.
    pub depths: &'a [u32],
    /// `[positions]`: the class of its image, or where the row starts that its sums begin with. Empty where there is neither.
    pub begins: &'a [u32],
    /// `[positions]`, or empty: where the row starts that is added last.
    pub residuals: &'a [u32],
    /// `[positions]`: where the row of outputs starts. None overlaps what any position reads, else the sums are wrong.
    pub outputs: &'a [u32],
    /// Whether [`Scratch`] is to say how deep the rows of outputs are, where finishing them knows.
    pub tails: bool,
}

impl Places<'_> {
    /// Where the row starts that a position of a tile reads through a tap of so many.
    fn start(&self, taps: usize, tile: &Range<usize>, tap: usize, position: usize) -> usize {
        self.starts[tile.start * taps + tap * tile.len() + position - tile.start] as usize
    }
}

/// Memory that [`run`] uses again and again.
#[derive(Clone, Debug)]
pub struct Scratch<A: Lanes> {
    rows: Vec<A::Value>,  // (position)(tap, channel), of layers whose taps are gathered
    starts: Vec<u32>,     // (position) -> where they start
    sums: Vec<A::Sum>,    // (position)(sum), of layers whose sums begin with more than a bias
    ended: Vec<A::Value>, // (position of a tile)(sum), of layers that tiles do not finish
    begins: Vec<u32>,     // (position) -> where the sums lie that it begins with
    /// (position), where finishing says it: values of its row up to the last that is not zero, or some more. Empty elsewhere.
    pub(crate) depths: Vec<u32>,
}

impl<A: Lanes> Default for Scratch<A> {
    fn default() -> Scratch<A> {
        Scratch { rows: vec![], starts: vec![], sums: vec![], ended: vec![], begins: vec![], depths: vec![] }
    }
}

/// What [`run`] is to have room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Positions of a call.
    pub positions: u64,
    /// Taps of a layer.
    pub taps: u64,
    /// Values of a position that are copied together.
    pub gathered: u64,
    /// Sums of a position that are made before the tiles begin.
    pub begun: u64,
    /// Values of a position's sums that tiles leave unfinished.
    pub ended: u64,
}

impl Room {
    /// Bytes that it takes, of values and sums of so many each; as many as 64 bits hold where it is more.
    pub fn bytes(self, value: u64, sum: u64) -> u64 {
        let Room { positions, taps, gathered, begun, ended } = self;
        let (tiles, index) = (positions.div_ceil(MOST_POSITIONS as u64), size_of::<u32>() as u64);
        [
            [positions, gathered, value],
            [MOST_POSITIONS as u64, ended, value],
            [positions, begun, sum],
            [positions, 3, index],
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
    pub fn reserve(&mut self, Room { positions, gathered, begun, ended, .. }: Room) -> Result<(), TryReserveError> {
        let n = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        reserve(&mut self.rows, &[n(positions), n(gathered)])?;
        reserve(&mut self.starts, &[n(positions)])?;
        reserve(&mut self.sums, &[n(positions), n(begun)])?;
        reserve(&mut self.ended, &[MOST_POSITIONS, n(ended)])?;
        reserve(&mut self.begins, &[n(positions)])?;
        reserve(&mut self.depths, &[n(positions)])
    }
}

/// Makes room for a product of some counts; for more than can be there is none.
pub(crate) fn reserve<T>(list: &mut Vec<T>, counts: &[usize]) -> Result<(), TryReserveError> {
    list.try_reserve_exact(counts.iter().fold(1, |product: usize, &count| product.saturating_mul(count)))
}

/// Computes a layer at some positions, from rows of `data` into rows of `data`. Returns the multiply-adds issued.
///
/// # Panics
/// Where a place leads outside the data.
pub fn run<A: Lanes>(layer: &PackedLayer<A>, data: &mut [A::Value], places: &Places, scratch: &mut Scratch<A>) -> u64 {
    let (sums, taps, positions, hot) = (layer.sums, layer.taps(), places.outputs.len(), layer.hot_rows.len());
    // The last offset from which `len` values can be read.
    let last = |len: usize| data.len().checked_sub(len).and_then(|last| u32::try_from(last).ok());
    let inside = |offsets: &[u32], len| offsets.iter().max().is_none_or(|&o| Some(o) <= last(len));
    assert!(places.starts.len() == positions * taps);
    assert!(places.residuals.is_empty() || places.residuals.len() == positions && layer.each * layer.outputs <= sums);
    assert!(inside(places.residuals, layer.residual.len) && inside(places.outputs, layer.row));

    begin(layer, data, places, scratch);
    let whole = [(layer.depth * A::STEP) as u32];
    scratch.rows.clear();
    scratch.starts.clear();
    let values = if layer.gathered {
        for (tile, position) in positions_of(positions) {
            scratch.starts.push(scratch.rows.len() as u32);
            for (tap, &values) in layer.values.iter().enumerate() {
                let start = places.start(taps, &tile, hot + tap, position);
                for k in 0..values as usize {
                    scratch.rows.push(data[start + k]);
                }
            }
            scratch.rows.resize(scratch.rows.len().next_multiple_of(A::STEP), A::Value::default());
        }
        &whole[..]
    } else {
        // All at once, for nearly always it is enough that there are as many values as the longest of them has.
        let longest = layer.values.iter().max().map_or(0, |&values| values as usize);
        let each = |(tile, position): (Range<usize>, usize)| {
            let start = |tap: usize| places.start(taps, &tile, hot + tap, position);
            layer.values.iter().enumerate().all(|(tap, &values)| start(tap) as u64 + u64::from(values) <= data.len() as u64)
        };
        assert!(inside(places.starts, longest) || positions_of(positions).all(each));
        let fits = |(&depth, &values): (&u32, &u32)| u64::from(depth) * A::STEP as u64 <= u64::from(values);
        assert!(places.depths.chunks_exact(taps.max(1)).all(|depths| depths[hot..].iter().zip(&layer.values).all(fits)));
        &layer.values[..]
    };
    let whole = [layer.depth as u32];
    // Where tiles write: rows of the data, or rows that are finished as soon as the tile is done.
    scratch.ended.clear();
    scratch.depths.clear();
    if !layer.finished {
        scratch.ended.resize(MOST_POSITIONS * sums * A::SUM_VALUES, A::Value::default());
    }
    let data = data.as_mut_ptr();
    let outputs = if layer.finished { data } else { scratch.ended.as_mut_ptr() };
    let inputs = if layer.gathered { scratch.rows.as_ptr() } else { data.cast_const() };
    let begun = if scratch.sums.is_empty() { layer.starts.as_ptr() } else { scratch.sums.as_ptr() };

    let panels = sums / PANEL;
    let mut read = 0; // steps of the k-loop, over all positions
    for (number, tile) in tiles(positions).enumerate() {
        let (first, size) = (tile.start, tile.len());
        let (starts, depths) = if layer.gathered {
            (&scratch.starts[first..], &whole[..])
        } else {
            (&places.starts[first * taps + hot * size..], &places.depths[number * taps + hot..][..values.len()])
        };
        let place = Place {
            layer,
            inputs,
            starts,
            values,
            depths,
            begun,
            begins: &scratch.begins[first..],
            places,
            first,
            data,
            outputs,
        };
        // SAFETY: the asserts above hold for every position, and no range goes beyond the layer's panels. Gathered rows hold
        // `depth` steps each, from `starts` on. `begin` has listed `begins`, and made what they lead to.
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
                    let row = data.add(places.outputs[position] as usize);
                    let residual =
                        places.residuals.get(position).map(|&row| data.cast_const().add(row as usize + layer.residual.kept));
                    let row = Outputs { row, residual };
                    let depth = A::finish(layer.rounding, ended, panels, row, places.tails);
                    scratch.depths.extend(depth.map(|depth| depth as u32));
                }
            }
        }
        read += size as u64 * depths.iter().map(|&depth| u64::from(depth)).sum::<u64>();
    }
    (read * A::STEP as u64 + (positions * hot) as u64) * sums as u64
}

/// Lists where the sums lie that each position begins with. They are a row of the layer's own, or are made here: from another
/// layer's outputs, and with the rows of weights that one-hot taps add.
fn begin<A: Lanes>(layer: &PackedLayer<A>, data: &[A::Value], places: &Places, scratch: &mut Scratch<A>) {
    let (sums, hot, positions) = (layer.sums, layer.hot_rows.len(), places.outputs.len());
    scratch.sums.clear();
    scratch.begins.clear();
    let own = |position: usize| places.begins.get(position).map_or(0, |&class| class as usize * sums);
    if hot == 0 && !layer.starts.is_empty() {
        scratch.begins.extend((0..positions).map(|position| own(position) as u32));
        assert!(scratch.begins.iter().all(|&at| at as usize + sums <= layer.starts.len()));
        return;
    }
    let half = PANEL / layer.each;
    // Lanes that pad the channels may hold anything, and are never read.
    let output = |lane: usize| {
        let (panel, lane) = (lane / PANEL, lane % PANEL);
        (lane / half * layer.outputs + panel * half + lane % half).min(layer.each * layer.outputs - 1)
    };
    for (tile, position) in positions_of(positions) {
        let first = scratch.sums.len();
        scratch.begins.push(first as u32);
        if layer.starts.is_empty() {
            let row = &data[places.begins[position] as usize + layer.start_at..];
            scratch.sums.extend((0..sums).map(|lane| A::start(A::output(row, output(lane)))));
        } else {
            scratch.sums.extend_from_slice(&layer.starts[own(position)..][..sums]);
        }
        for (tap, &first_row) in layer.hot_rows.iter().enumerate() {
            // What is outside the image holds 0, and a level one more than its number.
            let Some(level) = A::index(&data[places.start(layer.taps(), &tile, tap, position)..]).checked_sub(1) else {
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
    values: &'a [u32],
    depths: &'a [u32],
    begun: *const A::Sum,
    begins: &'a [u32],
    places: &'a Places<'a>,
    first: usize,
    data: *const A::Value,
    outputs: *mut A::Value,
}

impl<A: Lanes> Place<'_, A> {
    /// Computes P positions over some panels, V vectors of 4 outputs at a time: `panels` are a multiple of V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and `panels` exist.
    /// - For each of these positions every start leads to as many values from `inputs` on as the tap reads, and its residual
    ///   and its row of outputs lie inside the data.
    /// - No depth is more steps than its tap's values make, whose sum is the layer's depth.
    /// - Each of `begins` leads to as many sums from `begun` on as the layer has.
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
                let begin = self.begun.add(*self.begins.get_unchecked(p) as usize + panel * PANEL);
                std::array::from_fn(|v| A::biases(begin.add(4 * v)))
            });
            // One pointer for each panel (the first V / 2 of them): its two vectors lie side by side.
            let mut weights: [*const A::Value; V] =
                std::array::from_fn(|v| layer.weights.as_ptr().wrapping_add((panel + v) * layer.depth * step));
            for (tap, (&depth, &values)) in self.depths.iter().zip(self.values).enumerate() {
                let next = weights.map(|w| w.wrapping_add(values as usize * PANEL));
                if depth > 0 {
                    // The k-loop has as few instructions beside its arithmetic as WebAssembly allows: one pointer moves
                    // along the first position's row, the others lie at constant distances from it; bytes, so that
                    // nothing is shifted; both vectors of a panel are one pointer and an immediate offset; the weights'
                    // pointer ends the loop. Worth 11 to 16 % over indexing by k (`npm run bench -- tile`).
                    let start = |p: usize| *self.starts.get_unchecked(tap * P + p) as usize * size_of::<A::Value>();
                    let away: [usize; P] = std::array::from_fn(|p| start(p).wrapping_sub(start(0)));
                    let mut at = self.inputs.wrapping_byte_add(start(0));
                    let end = weights[0].wrapping_add(depth as usize * step);
                    // Small tiles are what is left of a layer: one loop is enough of them.
                    if A::MOST_STEPS == 1 || P * V < 6 || layer.group == 1 {
                        loop {
                            let w: [A::Factors; V] = std::array::from_fn(|v| A::weights(weights[v / 2].add(v % 2 * half)));
                            for p in 0..P {
                                let x = A::inputs(at.wrapping_byte_add(away[p]));
                                for v in 0..V {
                                    sums[p][v] = A::add_products(sums[p][v], x, w[v]);
                                }
                            }
                            at = at.wrapping_add(A::STEP);
                            weights = weights.map(|w| w.wrapping_add(step));
                            if weights[0] == end {
                                break;
                            }
                        }
                    } else {
                        // The same, but sums are touched once for a group of steps, the first of which has nothing to add to.
                        loop {
                            let left = end.offset_from(weights[0]) as usize; // not behind it
                            let stop = weights[0].wrapping_add(left.min(layer.group * step));
                            let w: [A::Factors; V] = std::array::from_fn(|v| A::weights(weights[v / 2].add(v % 2 * half)));
                            let mut partial: [[A::Partial; V]; P] = std::array::from_fn(|p| {
                                let x = A::inputs(at.wrapping_byte_add(away[p]));
                                std::array::from_fn(|v| A::add_partial(A::no_products(), x, w[v]))
                            });
                            at = at.wrapping_add(A::STEP);
                            weights = weights.map(|w| w.wrapping_add(step));
                            while weights[0] != stop {
                                let w: [A::Factors; V] = std::array::from_fn(|v| A::weights(weights[v / 2].add(v % 2 * half)));
                                for p in 0..P {
                                    let x = A::inputs(at.wrapping_byte_add(away[p]));
                                    for v in 0..V {
                                        partial[p][v] = A::add_partial(partial[p][v], x, w[v]);
                                    }
                                }
                                at = at.wrapping_add(A::STEP);
                                weights = weights.map(|w| w.wrapping_add(step));
                            }
                            for p in 0..P {
                                for v in 0..V {
                                    sums[p][v] = A::widen(sums[p][v], partial[p][v]);
                                }
                            }
                            if weights[0] == end {
                                break;
                            }
                        }
                    }
                }
                weights = next;
            }
            // Each sum by a constant index: an array under a loop that is not unrolled lives in memory, and is stored there
            // at every step of the k-loop too.
            std::array::from_fn::<(), P, _>(|p| {
                if !layer.finished {
                    let to = self.outputs.add((p * layer.sums + panel * PANEL) * A::SUM_VALUES);
                    for v in 0..V / 2 {
                        A::write_sums([sums[p][2 * v], sums[p][2 * v + 1]], to.add(PANEL * A::SUM_VALUES * v));
                    }
                    return;
                }
                let position = self.first + p;
                let row = self.outputs.add(*self.places.outputs.get_unchecked(position) as usize);
                let residual = if self.places.residuals.is_empty() {
                    None
                } else {
                    Some(self.data.add(*self.places.residuals.get_unchecked(position) as usize + layer.residual.kept))
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
}
