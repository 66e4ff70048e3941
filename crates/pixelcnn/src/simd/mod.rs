//! Four f32 in a register, as a plain value with operators. One width, no dispatch: the backend is chosen at compile time.
//!
//! Both backends have the same methods and round alike (IEEE, no fused multiply-add), so they give the same bits.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
mod simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar")))]
pub use simd128::{F32x4, BACKEND};

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
mod scalar;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128", not(feature = "scalar"))))]
pub use scalar::{F32x4, BACKEND};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_four_independent_numbers() {
        let a = F32x4::new([1.0, -2.0, 0.0, 4.5]);
        let b = F32x4::splat(0.1);
        let plain = |f: fn(f32, f32) -> f32| [1.0, -2.0, 0.0, 4.5].map(|x| f(x, 0.1));
        assert_eq!((a + b).to_array(), plain(|x, y| x + y));
        assert_eq!((a * b).to_array(), plain(|x, y| x * y));
        assert_eq!(a.at_least(F32x4::splat(0.0)).to_array(), [1.0, 0.0, 0.0, 4.5]);
    }

    #[test]
    fn relu_makes_no_negative_zero_and_no_nan() {
        let y = F32x4::new([-0.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY]).at_least(F32x4::splat(0.0)).to_array();
        assert_eq!(y.map(f32::to_bits), [0.0f32, 0.0, 0.0, f32::INFINITY].map(f32::to_bits));
    }
}
