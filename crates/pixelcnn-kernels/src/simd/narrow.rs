//! Small integers as bytes, four channels a step: `i16x8.relaxed_dot_i8x16_i7x16_s` and `i32x4.relaxed_dot_i8x16_i7x16_add_s`, or
//! what stands for them.
//!
//! The second adds all four products at once, and where the chip has such an instruction (x86-64 with AVX-VNNI: Alder Lake, Sapphire
//! Rapids, Zen 5 and later; Arm with `sdot`: nearly all since 2018) nothing is faster. Elsewhere on x86-64 it is three instructions, one of
//! them spared by adding the first's pairs in 16 bits for some steps. WebAssembly does not say what the chip has, but it shows: [`most_steps`].
//!
//! Its second operand must be 0..=127, so that a row of numbers of both signs holds them twice: what is above 0, then the
//! magnitudes of what is below; and one of larger numbers has a part for what is above 127. Products are added in 16 bits for as many steps as they are proven to stay there.

use super::backend::I8x16;
use super::{I16x8, I32x4};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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
pub const MOST_STEPS: usize = 16;

/// Adds a step's products to four sums.
#[inline(always)]
pub fn add_products(sums: I32x4, inputs: Factors, weights: Factors) -> I32x4 {
    sums.add_dot_of_bytes(inputs, weights)
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

/// Adds products to four sums, which is one more product: with [`ones`].
#[inline(always)]
pub fn widen(sums: I32x4, partial: Partial, ones: Partial) -> I32x4 {
    sums.add_dot(partial, ones)
}

/// What [`widen`] takes. V8 makes the same of `i32x4.extadd_pairwise_i16x8_s`, but loads the ones' address and then the ones at each.
#[inline(always)]
pub fn ones() -> Partial {
    I16x8::splat_pair(black_box([1; 2]))
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

/// The most steps whose products this host had better add in 16 bits: 1 where it multiplies and adds four bytes at once, which is found once.
pub fn most_steps() -> usize {
    if FOUND.load(Relaxed) == 0 {
        add_by_fours(adds_fours(sum_of_large_bytes()));
    }
    FOUND.load(Relaxed)
}

/// As if this were found: for what compares the two, on any chip. Layers that are packed already stay as they are.
pub fn add_by_fours(fours: bool) {
    FOUND.store(if fours { 1 } else { MOST_STEPS }, Relaxed);
}

static FOUND: AtomicUsize = AtomicUsize::new(0);

/// Whether a host adds four products at once, by [`sum_of_large_bytes`]. The standard leaves the meaning of a second operand above 127 to the
/// chip's instruction. As bytes without a sign two products come to 64,770, and x86-64 without AVX-VNNI, which adds pairs in 16 bits first, cuts
/// them off at 32,767. With it the sum is 129,540, and on Arm, where all bytes have a sign, -508. Arm's chips without `sdot` give that too: to them
/// fours are hardly more instructions than pairs. V8's quick compiler does not use `sdot` where its optimising one does, so that nothing tells them apart.
///
/// A clock would tell it too, but at the edge it stands, and in pages it is coarse.
fn adds_fours(sum: i32) -> bool {
    sum != 2 * i32::from(i16::MAX)
}

/// Four times 127 by the byte 255.
#[cfg(all(target_feature = "relaxed-simd", not(feature = "scalar")))]
fn sum_of_large_bytes() -> i32 {
    let [weights, inputs] = [127, -1].map(|byte| I8x16::splat_four([black_box(byte); 4]));
    I32x4::new([0; 4]).add_dot_of_bytes(inputs, weights).to_array()[0]
}

/// A target without the instructions adds pairs, as its tests want it.
#[cfg(not(all(target_feature = "relaxed-simd", not(feature = "scalar"))))]
fn sum_of_large_bytes() -> i32 {
    2 * i32::from(i16::MAX)
}

/// Values that a number of 16 bits takes.
pub const OF_16_BITS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PANEL;
    use crate::lanes::{Int8, Lanes};

    /// V8 and SpiderMonkey under x86-64 without AVX-VNNI, with it, with AVX-VNNI-INT8; V8 under Arm.
    #[test]
    fn the_sum_of_large_bytes_tells_what_the_host_does_faster() {
        assert_eq!([65_534, 129_540, -508].map(adds_fours), [false, true, true]);
        assert_eq!(most_steps(), MOST_STEPS);
    }

    #[test]
    fn a_lane_has_room_for_weights_of_either_sign_alone() {
        // Steps, each with the same pair in all lanes.
        let stay = |steps: &[[Small; 2]]| {
            let weights: Vec<Small> = steps.iter().flat_map(|pair| pair.repeat(PANEL * STEP / 2)).collect();
            Int8::stays_within_16_bits(&weights)
        };
        assert!(stay(&[[127, -127], [127, -127], [4, -4]]));
        assert!(!stay(&[[127, -127], [127, -127], [5, -4]]));
        assert!(!stay(&[[127, -127], [127, -127], [4, -5]]));
    }

    #[test]
    fn pairs_of_bytes_are_multiplied_and_pairs_of_sums_added() {
        let weights: [i8; 16] = std::array::from_fn(|k| [127, -128, 3, -4, 0, 1][k % 6]);
        let dots = I16x8::new([5; 8]).add_dot(I8x16::splat_four([127, 1, 0, 90]), I8x16::new(weights));
        let product = |k: usize| i16::from(weights[k]) * [127, 1, 0, 90][k % 4];
        let wanted: [i16; 8] = std::array::from_fn(|i| 5 + product(2 * i) + product(2 * i + 1));
        assert_eq!(dots.to_array(), wanted);
        let sums = widen(I32x4::new([1, 2, 3, 4]), dots, ones()).to_array();
        let pair = |i: usize| i32::from(wanted[2 * i]) + i32::from(wanted[2 * i + 1]);
        assert_eq!(sums, std::array::from_fn(|i| i as i32 + 1 + pair(i)));
        let fours = I32x4::new([1, 2, 3, 4]).add_dot_of_bytes(I8x16::splat_four([127, 1, 0, 90]), I8x16::new(weights));
        let four = |i: usize| (0..4).map(|k| i32::from(product(4 * i + k))).sum::<i32>();
        assert_eq!(fours.to_array(), std::array::from_fn(|i| i as i32 + 1 + four(i)));
        assert_eq!(I16x8::new([1, -1, 127, -128, 0, 5, 6, 7]).to_bytes(), [1, -1, 127, -128, 0, 5, 6, 7]);
        assert_eq!(I16x8::new([1, -1, 127, -127, 0, 5, 6, 7]).negated().to_array(), [-1, 1, -127, 127, 0, -5, -6, -7]);
    }
}
