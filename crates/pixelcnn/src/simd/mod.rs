//! Registers of 128 bits as plain values with operators. One width, no dispatch: the backend is chosen at compile time.
//!
//! Both backends have the same methods and round alike (IEEE, no fused multiply-add), so they give the same bits.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
mod simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
pub use simd128::{BACKEND, F32x4, I16x8, I32x4};

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
mod scalar;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
pub use scalar::{BACKEND, F32x4, I16x8, I32x4};

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
    fn sums_are_shifted_towards_minus_infinity_and_saturate() {
        let (a, b) = (I32x4::new([7, -7, 8, -8]), I32x4::new([i32::MAX, i32::MIN, 1 << 18, -(1 << 18)]));
        let narrow = I16x8::narrow(a, b, 2).to_array();
        assert_eq!(narrow, [1, -2, 2, -2, i16::MAX, i16::MIN, i16::MAX, i16::MIN]);
        let relu = I16x8::new(narrow).at_least(I16x8::splat_pair([0, 0]));
        assert_eq!(relu.to_array(), [1, 0, 2, 0, i16::MAX, 0, i16::MAX, 0]);
        assert_eq!(relu.add_saturating(relu).to_array(), [2, 0, 4, 0, i16::MAX, 0, i16::MAX, 0]);
    }
}
