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
    relu: bool,
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
        PackedLayer { weights, bias: padded_bias, channels, depth, relu: layer.activation == Activation::Relu }
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

/// What the positions of a front read.
#[derive(Clone, Copy, Debug)]
pub struct Reads<'a> {
    /// Rows of values.
    pub inputs: &'a [f32],
    /// `[positions][taps]`: where in `inputs` each tap's row starts.
    pub offsets: &'a [u32],
    /// `[positions][taps]`: how many of the row's channels to sum; the rest are zeros. At most the tap's channels.
    pub depths: &'a [u32],
    /// `[positions]`, or empty: where in `inputs` the row starts that is added last.
    pub residuals: &'a [u32],
}

/// Memory that [`run`] uses again and again.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    depths: Vec<u32>, // (tile, tap)
}

/// Computes a layer at every position of `rows`, which says where in `out` each position's outputs go. In `used` it leaves
/// how many of them there are up to the last that is not zero, rounded up to a vector. Returns the multiply-adds issued.
///
/// # Panics
/// Where an offset leads outside its slice.
pub fn run(layer: &PackedLayer, reads: &Reads, out: &mut [f32], rows: &[u32], used: &mut [u32], scratch: &mut Scratch) -> u64 {
    let (outputs, taps) = (layer.outputs(), layer.taps());
    let inside = |offset: u32, len: u32, slice: &[f32]| offset as usize + len as usize <= slice.len();
    let positions = rows.len();
    assert!(reads.offsets.len() == positions * taps && reads.depths.len() == positions * taps && used.len() == positions);
    assert!(reads.residuals.is_empty() || reads.residuals.len() == positions);
    for (offsets, depths) in reads.offsets.chunks_exact(taps).zip(reads.depths.chunks_exact(taps)) {
        let depths = depths.iter().zip(&layer.channels);
        assert!(offsets.iter().zip(depths).all(|(&o, (&d, &k))| d <= k && inside(o, k, reads.inputs)));
    }
    assert!(reads.residuals.iter().all(|&o| inside(o, outputs as u32, reads.inputs)));
    assert!(rows.iter().all(|&o| inside(o, outputs as u32, out)));
    assert!(layer.weights.len() == outputs * layer.depth && outputs % PANEL == 0);
    used.fill(0);

    // A tile reads each tap as deep as the deepest of its positions.
    let tiles = Tiles::of(positions);
    scratch.depths.clear();
    let mut macs = 0;
    for (first, size) in tiles.iter() {
        for tap in 0..taps {
            let depth = (first..first + size).map(|p| reads.depths[p * taps + tap]).max().unwrap_or(0);
            scratch.depths.push(depth);
            macs += u64::from(depth) * (size * outputs) as u64;
        }
    }

    // Small tiles take several panels at once, so all tiles run over a group of panels while its weights are near.
    let panels = outputs / PANEL;
    for start in (0..panels).step_by(tiles.group) {
        let end = panels.min(start + tiles.group);
        for ((first, size), depths) in tiles.iter().zip(scratch.depths.chunks_exact(taps)) {
            let mut place = Place { layer, reads, depths, rows, first, out, used };
            let mut panel = start;
            while panel < end {
                let left = end - panel;
                // SAFETY: the asserts above hold for every position, and `panel` with the vectors taken is within the
                // layer's panels.
                panel += unsafe {
                    match size {
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
    macs
}

/// How a number of positions is cut into tiles: fours and threes run at full speed, so twos and ones are avoided where
/// threes can stand for them (5 = 3 + 2, 6 = 3 + 3, 9 = 3 + 3 + 3).
#[derive(Debug, PartialEq)]
struct Tiles {
    fours: usize,
    threes: usize,
    twos: usize,
    ones: usize,
    group: usize, // panels that the smallest tile takes at once
}

impl Tiles {
    /// First position and size of each tile.
    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        let sizes = [(4, self.fours), (3, self.threes), (2, self.twos), (1, self.ones)];
        let mut first = 0;
        sizes.into_iter().flat_map(|(size, count)| std::iter::repeat_n(size, count)).map(move |size| {
            first += size;
            (first - size, size)
        })
    }

    fn of(positions: usize) -> Tiles {
        let tiles = |fours, threes, twos, ones, group| Tiles { fours, threes, twos, ones, group };
        let fours = positions / 4;
        match positions {
            0 => tiles(0, 0, 0, 0, 1),
            1 => tiles(0, 0, 0, 1, 4),
            2 => tiles(0, 0, 1, 0, 2),
            5 => tiles(0, 1, 1, 0, 2),
            _ => match positions % 4 {
                0 => tiles(fours, 0, 0, 0, 1),
                3 => tiles(fours, 1, 0, 0, 1),
                2 => tiles(fours - 1, 2, 0, 0, 1),
                _ => tiles(fours - 2, 3, 0, 0, 1),
            },
        }
    }
}

/// A tile's place: the arguments of [`run`], the tile's depths `[taps]` and its first position.
struct Place<'a> {
    layer: &'a PackedLayer,
    reads: &'a Reads<'a>,
    depths: &'a [u32],
    rows: &'a [u32],
    first: usize,
    out: &'a mut [f32],
    used: &'a mut [u32],
}

impl Place<'_> {
    /// Computes P positions x V vectors of 4 outputs from `panel` on; returns the panels done, V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and panels `panel..panel + V / 2` exist.
    /// - For each of these positions every offset and residual leads inside `inputs`, and its row inside `out`, as the
    ///   asserts of [`run`] say.
    #[inline(always)]
    unsafe fn tile<const P: usize, const V: usize>(&mut self, panel: usize) -> usize {
        let (layer, reads) = (self.layer, self.reads);
        let taps = layer.taps();
        let stride = layer.depth * PANEL;
        let lane = panel * PANEL;
        // SAFETY: as the caller promises; the weights of a panel are `stride` floats, read to their end.
        unsafe {
            let bias: [F32x4; V] = std::array::from_fn(|v| load(layer.bias.as_ptr().add(lane + 4 * v)));
            let mut sums = [bias; P];
            let mut weights: [*const f32; V] = std::array::from_fn(|v| {
                let start = (panel + v / 2) * stride + v % 2 * 4;
                layer.weights.as_ptr().add(start)
            });
            for (tap, &depth) in self.depths.iter().enumerate() {
                let depth = depth as usize;
                if depth > 0 {
                    let rows: [*const f32; P] = std::array::from_fn(|p| {
                        let offset = *reads.offsets.get_unchecked((self.first + p) * taps + tap);
                        reads.inputs.as_ptr().add(offset as usize)
                    });
                    let mut k = 0;
                    // A do-while loop: V8 before 13 runs it 10 % faster than a counted one.
                    loop {
                        let w: [F32x4; V] = std::array::from_fn(|v| load(weights[v].add(k * PANEL)));
                        for p in 0..P {
                            let x = F32x4::splat(*rows[p].add(k));
                            for v in 0..V {
                                sums[p][v] = sums[p][v] + x * w[v];
                            }
                        }
                        k += 1;
                        if k == depth {
                            break;
                        }
                    }
                }
                weights = weights.map(|w| w.add(*layer.channels.get_unchecked(tap) as usize * PANEL));
            }
            for (p, sums) in sums.iter().enumerate() {
                let position = self.first + p;
                let row = *self.rows.get_unchecked(position) as usize + lane;
                for (v, &sum) in sums.iter().enumerate() {
                    let mut y = if layer.relu { sum.relu() } else { sum };
                    if let Some(&residual) = reads.residuals.get(position) {
                        y = load(reads.inputs.as_ptr().add(residual as usize + lane + 4 * v)) + y;
                    }
                    store(self.out.as_mut_ptr().add(row + 4 * v), y);
                    if y.any() {
                        *self.used.get_unchecked_mut(position) = (lane + 4 * (v + 1)) as u32;
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
            let t = Tiles::of(positions);
            assert_eq!(4 * t.fours + 3 * t.threes + 2 * t.twos + t.ones, positions);
            assert!(t.twos + t.ones <= 1);
            assert_eq!(t.iter().map(|(_, size)| size).sum::<usize>(), positions);
        }
    }
}
