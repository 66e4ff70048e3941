//! Small integers as bytes, four channels a step: `i16x8.relaxed_dot_i8x16_i7x16_s`, or what stands for it.
//!
//! Its second operand must be 0..=127, so that a row of numbers of both signs holds them twice: what is above 0, then the
//! magnitudes of what is below; and one of larger numbers has a part for what is above 127. Products are added in 16 bits for as many steps as they are proven to stay there.

use super::backend::I8x16;
use super::{I16x8, I32x4};

/// A weight or an activation.
pub type Small = i8;
/// What a step multiplies.
pub type Factors = I8x16;
/// Products that are added up in 16 bits.
pub type Partial = I16x8;

/// Channels of a step.
pub const STEP: usize = 4;
/// Whether numbers of both signs, and numbers above 127, take two parts of a row.
pub const SPLIT: bool = true;
/// The most steps whose products are added in 16 bits.
pub const MOST_STEPS: usize = 8;

/// Adds a step's products to four sums.
#[inline(always)]
pub fn add_products(sums: I32x4, inputs: Factors, weights: Factors) -> I32x4 {
    widen(sums, add(none(), inputs, weights))
}

/// No products.
#[inline(always)]
pub fn none() -> Partial {
    I16x8::new([0; 8])
}

/// Four outputs' weights of a step.
#[inline(always)]
pub fn weights(values: [Small; 16]) -> Factors {
    I8x16::new(values)
}

/// A position's values of a step, four times.
#[inline(always)]
pub fn inputs(values: [Small; STEP]) -> Factors {
    I8x16::splat_four(values)
}

/// Adds a step's products to those of the steps before it.
#[inline(always)]
pub fn add(partial: Partial, inputs: Factors, weights: Factors) -> Partial {
    partial.add_dot(inputs, weights)
}

/// Adds products to four sums.
#[inline(always)]
pub fn widen(sums: I32x4, partial: Partial) -> I32x4 {
    sums.add_pairs(partial)
}

/// Eight numbers as they are stored.
#[inline(always)]
pub fn stored(numbers: I16x8) -> [Small; 8] {
    numbers.to_bytes()
}

/// A number of 16 bits as it is stored.
#[inline(always)]
pub fn split(number: i16) -> [Small; 2] {
    number.to_le_bytes().map(|byte| byte as i8)
}

/// The number that is stored as that.
#[inline(always)]
pub fn joined(stored: [Small; 2]) -> i16 {
    i16::from_le_bytes(stored.map(|byte| byte as u8))
}

/// Values that a number of 16 bits takes.
pub const OF_16_BITS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_bytes_are_multiplied_and_pairs_of_sums_added() {
        let weights: [i8; 16] = std::array::from_fn(|k| [127, -128, 3, -4, 0, 1][k % 6]);
        let dots = I16x8::new([5; 8]).add_dot(I8x16::splat_four([127, 1, 0, 90]), I8x16::new(weights));
        let product = |k: usize| i16::from(weights[k]) * [127, 1, 0, 90][k % 4];
        let wanted: [i16; 8] = std::array::from_fn(|i| 5 + product(2 * i) + product(2 * i + 1));
        assert_eq!(dots.to_array(), wanted);
        let sums = I32x4::new([1, 2, 3, 4]).add_pairs(dots).to_array();
        let pair = |i: usize| i32::from(wanted[2 * i]) + i32::from(wanted[2 * i + 1]);
        assert_eq!(sums, std::array::from_fn(|i| i as i32 + 1 + pair(i)));
        assert_eq!(I16x8::new([1, -1, 127, -128, 0, 5, 6, 7]).to_bytes(), [1, -1, 127, -128, 0, 5, 6, 7]);
        assert_eq!(I16x8::new([1, -1, 127, -127, 0, 5, 6, 7]).negated().to_array(), [-1, 1, -127, 127, 0, -5, -6, -7]);
    }
}
