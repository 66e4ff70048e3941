//! The matrix product of a layer over a front of positions, in register tiles.
//!
//! For each position (a row of inputs) and each output:
//! ```text
//! sum = bias
//! for tap in taps:                     # in order
//!     for k in channels of the tap:    # ascending
//!         sum += input[offset[position][tap] + k] * weight[tap][k]
//! out = relu(sum) + residual
//! ```
//! Outputs lie in lanes, so each is one accumulator summed in that order, whatever the tile: `reference` gives the same
//! bits. Weights are packed `[out / 8][tap, k][8]`, so one packing serves every tile. A tile holds P positions x V vectors
//! of 4 outputs in registers; 4x2, 3x2, 2x4 and 1x8 all fit the 16 that V8 has on x86-64 (measured: 4x3 and 6x2 spill).
//!
//! This is the one file with unsafe code: the k-loop reads without bounds checks, after one check per call of all that it
//! will read.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::layers::{Activation, Layer};
use crate::simd::F32x4;

/// Outputs of a panel. Channel counts are padded to a multiple of it with zero weights, so no kernel has a tail.
pub const PANEL: usize = 8;

/// The number of floats a row of `channels` takes.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PANEL)
}

/// A layer's weights in the order in which the tiles read them.
#[derive(Clone, Debug)]
pub struct PackedLayer {
    weights: Vec<f32>,  // [panel][tap, channel][PANEL]
    bias: Vec<f32>,     // [padded outputs]
    channels: Vec<u32>, // (tap) -> channels it sums; never 0
    depth: usize,       // the sum of them
    gathered: bool,     // whether the taps of a position are copied together first
    floor: F32x4,       // what outputs are raised to: 0 for relu, else minus infinity
}

impl PackedLayer {
    /// Packs a layer; `kernel(input)` and `bias` are its tensors as [`crate::weights::Weights`] gives them.
    pub fn new<'a>(layer: &Layer, kernel: impl Fn(usize) -> &'a [f32], bias: &[f32]) -> PackedLayer {
        let n = layer.out_channels;
        let channels: Vec<u32> = layer.inputs.iter().flat_map(|i| i.taps.iter().map(|_| i.channels as u32)).collect();
        let depth = channels.iter().map(|&k| k as usize).sum();
        let mut weights = vec![0.0; padded(n) * depth];
        let mut row = 0;
        for (number, input) in layer.inputs.iter().enumerate() {
            let kernel = kernel(number);
            for &tap in &input.taps {
                let from = input.weight_index(tap, n);
                for k in 0..input.channels {
                    for o in 0..n {
                        weights[(o / PANEL * depth + row) * PANEL + o % PANEL] = kernel[from + k * n + o];
                    }
                    row += 1;
                }
            }
        }
        let mut padded_bias = vec![0.0; padded(n)];
        padded_bias[..n].copy_from_slice(&bias[..n]);
        // A tap costs some 20 cycles beside its channels: 24 taps of one pixel each took 4 times as long as one of 24.
        let gathered = channels.len() > 1 && channels.iter().all(|&k| (k as usize) < PANEL);
        let floor = F32x4::splat(if layer.activation == Activation::Relu { 0.0 } else { f32::NEG_INFINITY });
        PackedLayer { weights, bias: padded_bias, channels, depth, gathered, floor }
    }

    /// Taps, over all inputs.
    pub fn taps(&self) -> usize {
        self.channels.len()
    }

    /// Floats of one row of output.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}

/// The row of values that a tap of a position reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Where it starts.
    pub start: u32,
    /// How many of its channels to sum; the rest are zeros. At most the tap's channels.
    pub depth: u32,
}

/// What the positions of a front read.
#[derive(Clone, Copy, Debug)]
pub struct Reads<'a> {
    /// Rows of values.
    pub inputs: &'a [f32],
    /// `[positions][taps]`.
    pub taps: &'a [Row],
    /// `[positions]`, or empty: where in `inputs` the row starts that is added last.
    pub residuals: &'a [u32],
}

/// Memory that [`run`] uses again and again.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    rows: Vec<f32>, // (position)(tap, channel), of layers whose taps are gathered
    tiles: Vec<Tile>,
    starts: Vec<u32>, // (tile)(tap, position) -> where its row starts, in bytes
    depths: Vec<u32>, // (tile, tap) -> how deep the tile reads it
}

/// Computes a layer at every position of `rows`, which says where in `out` each position's outputs go. Returns the
/// multiply-adds issued.
///
/// # Panics
/// Where an offset leads outside its slice.
pub fn run(layer: &PackedLayer, reads: &Reads, out: &mut [f32], rows: &[u32], scratch: &mut Scratch) -> u64 {
    let (outputs, taps, positions) = (layer.outputs(), layer.taps(), rows.len());
    // The last offset from which `len` values can be read.
    let last = |slice: &[f32], len: usize| slice.len().checked_sub(len).and_then(|last| u32::try_from(last).ok());
    let inside = |offsets: &[u32], slice: &[f32]| offsets.iter().max().is_none_or(|&o| Some(o) <= last(slice, outputs));
    assert!(reads.taps.len() == positions * taps);
    assert!(reads.residuals.is_empty() || reads.residuals.len() == positions);
    assert!(inside(reads.residuals, reads.inputs) && inside(rows, out));
    assert!(layer.weights.len() == outputs * layer.depth && outputs % PANEL == 0);

    let split = Split::of(positions);
    scratch.tiles.clear();
    scratch.starts.clear();
    scratch.depths.clear();
    let whole = [layer.depth as u32];
    let (inputs, channels) = if layer.gathered {
        scratch.rows.clear();
        scratch.rows.reserve(positions * layer.depth);
        for read in reads.taps.chunks_exact(taps) {
            scratch.starts.push((scratch.rows.len() * size_of::<f32>()) as u32);
            for (row, &channels) in read.iter().zip(&layer.channels) {
                for k in 0..channels {
                    scratch.rows.push(reads.inputs[(row.start + k) as usize]);
                }
            }
        }
        scratch.tiles.extend(split.tiles());
        scratch.depths.resize(scratch.tiles.len(), layer.depth as u32);
        (&scratch.rows[..], &whole[..])
    } else {
        let mut good = true;
        for tile in split.tiles() {
            scratch.tiles.push(tile);
            for (tap, &channels) in layer.channels.iter().enumerate() {
                let last = last(reads.inputs, channels as usize).expect("rows as long as the taps have channels");
                // A tile reads each tap as deep as the deepest of its positions.
                let mut depth = 0;
                for position in tile.first..tile.first + tile.size {
                    let row = reads.taps[position * taps + tap];
                    good &= row.start <= last;
                    depth = depth.max(row.depth);
                    scratch.starts.push(row.start * size_of::<f32>() as u32);
                }
                good &= depth <= channels;
                scratch.depths.push(depth);
            }
        }
        assert!(good);
        (reads.inputs, &layer.channels[..])
    };

    // Small tiles take several panels at once, so all tiles run over a group of panels while its weights are near.
    let panels = outputs / PANEL;
    let tiles = || scratch.tiles.iter().zip(scratch.depths.chunks_exact(channels.len()));
    for start in (0..panels).step_by(split.group) {
        let end = panels.min(start + split.group);
        for (tile, depths) in tiles() {
            let starts = &scratch.starts[tile.first * channels.len()..];
            let mut place = Place { layer, inputs, starts, channels, depths, reads, rows, first: tile.first, out };
            let mut panel = start;
            while panel < end {
                let left = end - panel;
                // SAFETY: the asserts above hold for every position, and `panel` with the vectors taken is within the
                // layer's panels. Gathered rows hold `depth` values each, from `starts` on.
                panel += unsafe {
                    match tile.size {
                        4 => place.tile::<4, 2>(panel),
                        3 => place.tile::<3, 2>(panel),
                        2 if left >= 2 => place.tile::<2, 4>(panel),
                        2 => place.tile::<2, 2>(panel),
                        _ if left >= 4 => place.tile::<1, 8>(panel),
                        _ => place.tile::<1, 2>(panel),
                    }
                };
            }
        }
    }
    let depth = |depths: &[u32]| depths.iter().map(|&depth| u64::from(depth)).sum::<u64>();
    tiles().map(|(tile, depths)| tile.size as u64 * depth(depths)).sum::<u64>() * outputs as u64
}

/// Some positions that are computed together.
#[derive(Clone, Copy, Debug)]
struct Tile {
    first: usize,
    size: usize,
}

/// How a number of positions is cut into tiles: fours run fastest, twos and threes nearly so, ones a good deal slower, so
/// that there is a one only where there is one position (5 = 3 + 2, 6 = 4 + 2, 9 = 4 + 3 + 2).
#[derive(Debug, PartialEq)]
struct Split {
    fours: usize,
    threes: usize,
    twos: usize,
    ones: usize,
    group: usize, // panels that the smallest tile takes at once
}

impl Split {
    fn tiles(&self) -> impl Iterator<Item = Tile> {
        let sizes = [(4, self.fours), (3, self.threes), (2, self.twos), (1, self.ones)];
        let mut first = 0;
        sizes.into_iter().flat_map(|(size, count)| std::iter::repeat_n(size, count)).map(move |size| {
            first += size;
            Tile { first: first - size, size }
        })
    }

    fn of(positions: usize) -> Split {
        let tiles = |fours, threes, twos, ones, group| Split { fours, threes, twos, ones, group };
        let fours = positions / 4;
        match positions {
            0 => tiles(0, 0, 0, 0, 1),
            1 => tiles(0, 0, 0, 1, 4),
            _ => match positions % 4 {
                0 => tiles(fours, 0, 0, 0, 1),
                3 => tiles(fours, 1, 0, 0, 1),
                2 => tiles(fours, 0, 1, 0, 2),
                _ => tiles(fours - 1, 1, 1, 0, 2),
            },
        }
    }
}

/// A tile's place: the arguments of [`run`], what it reads as [`Scratch`] has it, its depths `[taps]` and first position.
struct Place<'a> {
    layer: &'a PackedLayer,
    inputs: &'a [f32],
    starts: &'a [u32],
    channels: &'a [u32],
    depths: &'a [u32],
    reads: &'a Reads<'a>,
    rows: &'a [u32],
    first: usize,
    out: &'a mut [f32],
}

impl Place<'_> {
    /// Computes P positions x V vectors of 4 outputs from `panel` on; returns the panels done, V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and panels `panel..panel + V / 2` exist.
    /// - For each of these positions every start leads to as many values of `inputs` as the tap has channels, its residual
    ///   inside the inputs of `reads`, and its row inside `out`.
    /// - No depth is more than its tap's channels, whose sum is the layer's depth.
    #[inline(always)]
    unsafe fn tile<const P: usize, const V: usize>(&mut self, panel: usize) -> usize {
        let layer = self.layer;
        let stride = layer.depth * PANEL;
        let lane = panel * PANEL;
        // SAFETY: as the caller promises; the weights of a panel are `stride` floats, read to their end.
        unsafe {
            let bias: [F32x4; V] = std::array::from_fn(|v| load(layer.bias.as_ptr().add(lane + 4 * v)));
            let mut sums = [bias; P];
            // One pointer for each panel (the first V / 2 of them): its two vectors lie side by side.
            let mut weights: [*const f32; V] = std::array::from_fn(|v| layer.weights.as_ptr().wrapping_add((panel + v) * stride));
            for (tap, (&depth, &channels)) in self.depths.iter().zip(self.channels).enumerate() {
                let next = weights.map(|w| w.wrapping_add(channels as usize * PANEL));
                if depth > 0 {
                    // The k-loop has as few instructions beside its arithmetic as WebAssembly allows: one pointer moves
                    // along the first position's row, the others lie at constant distances from it; bytes, so that
                    // nothing is shifted; both vectors of a panel are one pointer and an immediate offset; the weights'
                    // pointer ends the loop. Worth 11 to 16 % over indexing by k (`npm run bench -- tile`).
                    let start = |p: usize| *self.starts.get_unchecked(tap * P + p) as usize;
                    let away: [usize; P] = std::array::from_fn(|p| start(p).wrapping_sub(start(0)));
                    let mut at = self.inputs.as_ptr().wrapping_byte_add(start(0));
                    let end = weights[0].wrapping_add(depth as usize * PANEL);
                    loop {
                        let w: [F32x4; V] = std::array::from_fn(|v| load(weights[v / 2].add(v % 2 * 4)));
                        for p in 0..P {
                            let x = F32x4::splat(*at.wrapping_byte_add(away[p]));
                            for v in 0..V {
                                sums[p][v] = sums[p][v] + x * w[v];
                            }
                        }
                        at = at.wrapping_add(1);
                        weights = weights.map(|w| w.wrapping_add(PANEL));
                        if weights[0] == end {
                            break;
                        }
                    }
                }
                weights = next;
            }
            for (p, sums) in sums.iter().enumerate() {
                let position = self.first + p;
                let to = self.out.as_mut_ptr().add(*self.rows.get_unchecked(position) as usize + lane);
                if self.reads.residuals.is_empty() {
                    for (v, sum) in sums.iter().enumerate() {
                        store(to.add(4 * v), sum.at_least(layer.floor));
                    }
                } else {
                    let residual = *self.reads.residuals.get_unchecked(position) as usize;
                    let from = self.reads.inputs.as_ptr().add(residual + lane);
                    for (v, sum) in sums.iter().enumerate() {
                        store(to.add(4 * v), load(from.add(4 * v)) + sum.at_least(layer.floor));
                    }
                }
            }
        }
        V / 2
    }
}

/// # Safety
/// Four floats can be read there.
#[inline(always)]
unsafe fn load(from: *const f32) -> F32x4 {
    // SAFETY: as the caller promises; an array of f32 needs no more alignment than an f32.
    F32x4::new(unsafe { *from.cast::<[f32; 4]>() })
}

/// # Safety
/// Four floats can be written there.
#[inline(always)]
unsafe fn store(to: *mut f32, value: F32x4) {
    // SAFETY: as the caller promises; an array of f32 needs no more alignment than an f32.
    unsafe { *to.cast::<[f32; 4]>() = value.to_array() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_number_of_positions() {
        for positions in 0..200 {
            let t = Split::of(positions);
            assert_eq!(4 * t.fours + 3 * t.threes + 2 * t.twos + t.ones, positions);
            assert!(t.twos + t.ones <= 1);
            assert_eq!(t.tiles().map(|t| t.size).sum::<usize>(), positions);
        }
    }
}
