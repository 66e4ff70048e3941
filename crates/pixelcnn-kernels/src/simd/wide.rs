//! Small integers in 16 bits, two channels a step: `i32x4.dot_i16x8_s`, on every host with SIMD.

use super::{I16x8, I32x4};

/// A weight or an activation.
pub type Small = i16;
/// What a step multiplies.
pub type Factors = I16x8;
/// As many products as are added in 16 bits, of which there are none here.
pub type Partial = I32x4;

/// Channels of a step.
pub const STEP: usize = 2;
/// Whether numbers of both signs, and numbers above 127, take two parts of a row.
pub const SPLIT: bool = false;
/// The most steps whose products are added in 16 bits.
pub const MOST_STEPS: usize = 1;

/// [`MOST_STEPS`]: there is nothing to choose from.
pub fn most_steps() -> usize {
    MOST_STEPS
}

/// Nor to choose.
pub fn add_by_fours(_: bool) {}

/// Four outputs' weights of a step.
#[inline(always)]
pub fn weights(values: [Small; 8]) -> Factors {
    I16x8::new(values)
}

/// A position's values of a step, four times.
#[inline(always)]
pub fn inputs(values: [Small; STEP]) -> Factors {
    I16x8::splat_pair(values)
}

/// Adds a step's products to four sums.
#[inline(always)]
pub fn add_products(sums: I32x4, inputs: Factors, weights: Factors) -> I32x4 {
    sums.add_dot(inputs, weights)
}

/// No products.
#[inline(always)]
pub fn none() -> Partial {
    I32x4::new([0; 4])
}

/// As [`add_products`].
#[inline(always)]
pub fn add(partial: Partial, inputs: Factors, weights: Factors) -> Partial {
    partial.add_dot(inputs, weights)
}

/// Never called, since no more than one step's products are added at a time.
#[inline(always)]
pub fn widen(sums: I32x4, _: Partial, _: Partial) -> I32x4 {
    sums
}

/// As [`none`].
#[inline(always)]
pub fn ones() -> Partial {
    none()
}

/// Eight numbers as they are stored.
#[inline(always)]
pub fn stored(numbers: I16x8) -> [Small; 8] {
    numbers.to_array()
}

/// A number of 16 bits as it is stored.
#[inline(always)]
pub fn split(number: i16) -> [Small; 1] {
    [number]
}

/// The number that is stored as that.
#[inline(always)]
pub fn joined([stored]: [Small; 1]) -> i16 {
    stored
}

/// Values that a number of 16 bits takes.
pub const OF_16_BITS: usize = 1;
