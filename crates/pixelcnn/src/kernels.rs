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

/// Computes a layer at every position of `rows`.
///
/// `offsets` is `[positions][taps]`: where in `inputs` each tap's row of channels starts. `rows` says where in `out` each
/// position's outputs go, `residuals` (empty, or one for each position) where in `inputs` the row to add starts.
///
/// # Panics
/// Where an offset leads outside its slice.
pub fn run(layer: &PackedLayer, inputs: &[f32], offsets: &[u32], residuals: &[u32], out: &mut [f32], rows: &[u32]) {
    let outputs = layer.outputs();
    let inside = |offset: u32, len: usize, slice: &[f32]| offset as usize + len <= slice.len();
    assert_eq!(offsets.len(), rows.len() * layer.taps());
    assert!(residuals.is_empty() || residuals.len() == rows.len());
    assert!(offsets
        .chunks_exact(layer.taps())
        .all(|o| o.iter().zip(&layer.channels).all(|(&o, &k)| inside(o, k as usize, inputs))));
    assert!(residuals.iter().all(|&o| inside(o, outputs, inputs)));
    assert!(rows.iter().all(|&o| inside(o, outputs, out)));
    assert!(layer.weights.len() == outputs * layer.depth && outputs % PANEL == 0);

    let panels = outputs / PANEL;
    let tiles = Tiles::of(rows.len());
    // Small tiles take several panels at once, so all tiles run over a group of panels while its weights are near.
    for start in (0..panels).step_by(tiles.group) {
        let end = panels.min(start + tiles.group);
        let mut first = 0;
        for (size, count) in [(4, tiles.fours), (3, tiles.threes), (2, tiles.twos), (1, tiles.ones)] {
            for _ in 0..count {
                let place = Place { layer, inputs, offsets, residuals, rows, first };
                let mut panel = start;
                while panel < end {
                    let left = end - panel;
                    // SAFETY: the asserts above hold for every position, and `panel` with the vectors taken is within
                    // the layer's panels.
                    panel += unsafe {
                        match size {
                            4 => place.tile::<4, 2>(panel, out),
                            3 => place.tile::<3, 2>(panel, out),
                            2 if left >= 2 => place.tile::<2, 4>(panel, out),
                            2 => place.tile::<2, 2>(panel, out),
                            _ if left >= 4 => place.tile::<1, 8>(panel, out),
                            _ => place.tile::<1, 2>(panel, out),
                        }
                    };
                }
                first += size;
            }
        }
    }
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
    fn of(positions: usize) -> Tiles {
        let tiles = |fours, threes, twos, ones, group| Tiles { fours, threes, twos, ones, group };
        let fours = positions / 4;
        match positions {
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

/// A tile's place: the arguments of [`run`] and its first position.
struct Place<'a> {
    layer: &'a PackedLayer,
    inputs: &'a [f32],
    offsets: &'a [u32],
    residuals: &'a [u32],
    rows: &'a [u32],
    first: usize,
}

impl Place<'_> {
    /// Computes P positions x V vectors of 4 outputs from `panel` on; returns the panels done, V / 2.
    ///
    /// # Safety
    /// - Positions `first..first + P` and panels `panel..panel + V / 2` exist.
    /// - For each of these positions every offset and residual leads inside `inputs`, and its row inside `out`, as the
    ///   asserts of [`run`] say.
    #[inline(always)]
    unsafe fn tile<const P: usize, const V: usize>(&self, panel: usize, out: &mut [f32]) -> usize {
        let layer = self.layer;
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
            for tap in 0..taps {
                let rows: [*const f32; P] = std::array::from_fn(|p| {
                    let offset = *self.offsets.get_unchecked((self.first + p) * taps + tap);
                    self.inputs.as_ptr().add(offset as usize)
                });
                let channels = *layer.channels.get_unchecked(tap) as usize;
                let mut k = 0;
                // A do-while loop: V8 before 13 runs it 10 % faster than a counted one (no tap has 0 channels).
                loop {
                    let w: [F32x4; V] = std::array::from_fn(|v| load(weights[v].add(k * PANEL)));
                    for p in 0..P {
                        let x = F32x4::splat(*rows[p].add(k));
                        for v in 0..V {
                            sums[p][v] = sums[p][v] + x * w[v];
                        }
                    }
                    k += 1;
                    if k == channels {
                        break;
                    }
                }
                weights = weights.map(|w| w.add(channels * PANEL));
            }
            for (p, sums) in sums.iter().enumerate() {
                let row = *self.rows.get_unchecked(self.first + p) as usize + lane;
                for (v, &sum) in sums.iter().enumerate() {
                    let mut y = if layer.relu { sum.relu() } else { sum };
                    if let Some(&residual) = self.residuals.get(self.first + p) {
                        y = load(self.inputs.as_ptr().add(residual as usize + lane + 4 * v)) + y;
                    }
                    store(out.as_mut_ptr().add(row + 4 * v), y);
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
        for positions in 1..200 {
            let t = Tiles::of(positions);
            assert_eq!(4 * t.fours + 3 * t.threes + 2 * t.twos + t.ones, positions);
            assert!(t.twos + t.ones <= 1);
        }
    }
}
