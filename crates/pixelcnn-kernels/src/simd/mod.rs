//! Registers of 128 bits as plain values with operators. One width, no dispatch: the backend is chosen at compile time.
//!
//! Both backends have the same methods and round alike (IEEE, no fused multiply-add), so they give the same bits.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
mod simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
use simd128 as backend;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
mod scalar;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
use scalar as backend;

pub use backend::{BACKEND, Bound, F32x4, I16x8, I32x4};

#[cfg(any(feature = "narrow", all(target_feature = "relaxed-simd", not(feature = "scalar"))))]
#[path = "narrow.rs"]
pub mod small;
#[cfg(not(any(feature = "narrow", all(target_feature = "relaxed-simd", not(feature = "scalar")))))]
#[path = "wide.rs"]
pub mod small;

/// Name of what multiplies here: the backend's, and whether small integers are multiplied and added by fours.
pub fn backend_in_use() -> &'static str {
    if small::most_steps() < small::MOST_STEPS { "relaxed, by fours" } else { BACKEND }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_four_independent_numbers() {
        let a = F32x4::new([1.0, -2.0, 0.0, 4.5]);
        let b = F32x4::splat(0.1);
        let plain = |f: fn(f32, f32) -> f32| [1.0, -2.0, 0.0, 4.5].map(|x| f(x, 0.1));
        assert_eq!((a + b).to_array(), plain(|x, y| x + y));
        assert_eq!((a - b).to_array(), plain(|x, y| x - y));
        assert_eq!((a * b).to_array(), plain(|x, y| x * y));
        assert_eq!((a / b).to_array(), plain(|x, y| x / y));
    }

    #[test]
    fn a_floor_of_bits_is_relu_or_nothing() {
        let x = [-0.0, 1.0, f32::NEG_INFINITY, f32::INFINITY, -2.0, 1e-45, 0.0, -1e-45];
        for four in x.chunks_exact(4) {
            let lanes = F32x4::new(four.try_into().unwrap());
            let bits = |y: F32x4| y.to_array().map(f32::to_bits);
            let relu: Vec<u32> = four.iter().map(|&x| if x > 0.0 { x } else { 0.0f32 }.to_bits()).collect();
            assert_eq!(bits(lanes.bits_at_least(0))[..], relu);
            assert_eq!(bits(lanes.relu())[..], relu);
            assert_eq!(bits(lanes.bits_at_least(i32::MIN)), bits(lanes));
        }
    }

    #[test]
    fn bits_are_chosen_and_moved_in_each_lane() {
        let (x, a) = (F32x4::new([1.0, -2.0, 3.0, -0.0]), F32x4::new([-0.0, 0.5, f32::NAN, f32::INFINITY]));
        let bits = |y: F32x4| y.to_array().map(f32::to_bits);
        let wanted = |y: [f32; 4]| y.map(f32::to_bits);
        assert_eq!(bits(x.where_greater(a, F32x4::splat(0.0))), wanted([0.0, -2.0, 0.0, -0.0]));
        assert_eq!(bits(x.where_greater(F32x4::splat(0.0), a)), [0; 4]);
        assert_eq!(bits(x.relu()), wanted([1.0, 0.0, 3.0, 0.0]));
        assert_eq!(bits(x.abs()), wanted([1.0, 2.0, 3.0, 0.0]));
        assert_eq!(bits(x.abs().copysign(a)), wanted([-1.0, 2.0, 3.0f32.copysign(f32::NAN), 0.0]));
        let small = F32x4::new([1.5, 1e-45, 0.0, f32::INFINITY]).at_most(F32x4::splat(1.0));
        assert_eq!(bits(small), wanted([1.0, 1e-45, 0.0, 1.0]));
        // What goes before the last bits falls out.
        let powers = F32x4::new([1, 127, 254, 0x4B40_0080].map(f32::from_bits)).power_of_two();
        assert_eq!(bits(powers), wanted([f32::MIN_POSITIVE, 1.0, f32::from_bits(254 << 23), 2.0]));
    }

    #[test]
    fn a_pair_of_products_is_added_to_each_of_four_sums() {
        let weights = [1, 2, -3, 4, i16::MAX, i16::MAX, 0, -1];
        let sums = I32x4::new([10, 20, -30, 40]).add_dot(I16x8::splat_pair([7, -5]), I16x8::new(weights));
        let plain = |i: usize, sum: i32| sum + 7 * i32::from(weights[2 * i]) - 5 * i32::from(weights[2 * i + 1]);
        assert_eq!(sums.to_array(), [plain(0, 10), plain(1, 20), plain(2, -30), plain(3, 40)]);
    }

    #[test]
    fn numbers_are_cut_off_scaled_and_rounded() {
        let (a, b) = (I32x4::new([7, -7, 8, -8]), I32x4::new([i32::MAX, i32::MIN, 1 << 15, -(1 << 15) - 1]));
        let narrow = I16x8::narrow(a, b);
        assert_eq!(narrow.to_array(), [7, -7, 8, -8, i16::MAX, i16::MIN, i16::MAX, i16::MIN]);
        let (zero, eight) = (I16x8::new([0; 8]), I16x8::new([8; 8]));
        assert!(zero.is_zero() && !eight.is_zero() && !I16x8::new([0, 0, 0, 0, 0, 0, 0, i16::MIN]).is_zero());
        assert_eq!(narrow.at_least(zero).at_most(eight).to_array(), [7, 0, 8, 0, 8, 0, 8, 0]);
        assert_eq!(narrow.add_saturating(narrow).to_array(), [14, -14, 16, -16, i16::MAX, i16::MIN, i16::MAX, i16::MIN]);
        let halves = I16x8::new([0, 1, 2, 3, -1, -3, i16::MAX, i16::MIN]).scaled(I16x8::new([1 << 14; 8]));
        assert_eq!(halves.to_array(), [0, 1, 1, 2, 0, -1, 1 << 14, -(1 << 14)]);
        assert_eq!(a.to_f32().to_array(), [7.0, -7.0, 8.0, -8.0]);
        assert_eq!(
            I32x4::new([(1 << 24) + 1, (1 << 24) + 3, i32::MAX, i32::MIN]).to_f32().to_array(),
            [16_777_216.0, 16_777_220.0, 2_147_483_648.0, -2_147_483_648.0]
        );
    }

    #[test]
    fn rounding_is_to_the_nearest_even_integer_within_a_range() {
        let mut words = pixelcnn::rng::Words::new(3, pixelcnn::rng::Purpose::Shuffle, 0, 0);
        let special = [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 32766.5, 32767.5, 1e-45, 1e30, f32::INFINITY];
        let drawn = (0..40_000).map(|i| {
            let word = words.word();
            // Of any size, and halves.
            if i % 2 == 0 { f32::from_bits(word) } else { (word as i32 >> 8) as f32 * 0.5 / 256.0 }
        });
        let all: Vec<f32> = special.into_iter().chain(special.map(|x| -x)).chain(drawn).filter(|x| !x.is_nan()).collect();
        for four in all.chunks_exact(4) {
            let lanes = F32x4::new(four.try_into().unwrap());
            for most in [127.0, 32_767.0] {
                let wanted = |low: f32| four.iter().map(move |x| x.clamp(low, most).round_ties_even() as i32);
                assert!(lanes.round_positive(Bound::new(most)).to_array().into_iter().eq(wanted(0.0)), "{four:?}");
                assert!(lanes.round_signed(Bound::new(most)).to_array().into_iter().eq(wanted(-most)), "{four:?}");
            }
        }
    }
}
