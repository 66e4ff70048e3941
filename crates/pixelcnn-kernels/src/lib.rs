//! What a net spends its time in: the matrix product of a layer over a front of positions, in register tiles ([`run`]), and around it
//! where rows lie, which of them are remembered, and what is done to every weight. It knows numbers and no net, and gives the same bits on
//! every target.
//!
//! A crate of its own, since generics are compiled where they are instantiated, with the options of the crate that does it: here
//! everything is made for speed ([`Lanes::compute`] is no generic function of another crate's), elsewhere for size.
//!
//! For each position (a row of inputs) and each sum:
//! ```text
//! sum = bias (+ class), or what another layer put out
//! for tap in taps:                     # in order
//!     for k in channels of the tap:    # ascending
//!         sum += input[offset[position][tap] + k] * weight[tap][k]
//! out = round(sums) + residual
//! ```
//! Sums lie in lanes, so each is one accumulator summed in that order, whatever the tile: the plain loops of `pixelcnn::reference` give
//! the same bits. A step of the k-loop reads 32 bits of each position's row and 128 bits of weights for 4 outputs: one channel in
//! f32, two or four small integers (see [`simd::small`]). Weights are packed `[out / 8][tap, k / STEP][8][STEP]`, so one packing serves
//! every tile. A tile holds P positions x V vectors of 4 outputs in registers; 4x2, 3x2, 2x4 and 1x8 all fit the 16 that V8
//! has on x86-64 (measured: 4x3 and 6x2 spill). Where an output is made of two sums, the first four of a panel are the first sums
//! of four outputs, the others their second: so a tile has both at hand when it writes.
//!
//! A one-hot tap adds one row of weights, and so do all taps of pixels among integers: such taps come first, and what they add is part
//! of what the sums begin with.

#![deny(missing_docs, unsafe_code)]

mod activations;
pub mod cell;
mod front;
mod grid;
mod lanes;
mod layer;
mod rounding;
pub mod simd;
pub mod table;
mod tiles;
pub mod weights;

pub use activations::{Activations, BATCH, Chosen, Look, Plan, Row, Shared, Walk};
pub use front::Front;
pub use grid::{Grid, Offsets, Ring, Wave};
pub use lanes::{Ended, F32, Int8, Lanes, Outputs};
pub use layer::{PackedLayer, Packing};
pub use rounding::{Finish, MOST, Rounding, RowParts, SUM_VALUES};
pub use tiles::{Room, Scratch, run, tiles};

/// Outputs of a panel. Channel counts are padded to a multiple of it with zero weights, so no kernel has a tail.
pub const PANEL: usize = 8;

/// The number of values a row of `channels` takes.
pub const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PANEL)
}
