//! The backend for WebAssembly with the simd128 feature.

use core::arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_splat, v128};
use std::ops::{Add, Mul};

/// Name of the backend in use.
pub const BACKEND: &str = "simd128";

/// Four f32.
#[derive(Clone, Copy, Debug)]
pub struct F32x4(v128);

impl F32x4 {
    /// Four given numbers; from neighbours in memory this is one `v128.load`.
    #[inline(always)]
    pub fn new(lanes: [f32; 4]) -> F32x4 {
        F32x4(f32x4(lanes[0], lanes[1], lanes[2], lanes[3]))
    }

    /// One number in all lanes; from memory this is one `v128.load32_splat`.
    #[inline(always)]
    pub fn splat(x: f32) -> F32x4 {
        F32x4(f32x4_splat(x))
    }

    /// The lanes, in order; into memory this is one `v128.store`.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        let v = self.0;
        [f32x4_extract_lane::<0>(v), f32x4_extract_lane::<1>(v), f32x4_extract_lane::<2>(v), f32x4_extract_lane::<3>(v)]
    }

    /// `x > floor ? x : floor` in each lane, as `pmax(floor, x)` is defined: relu where the floor is 0.
    #[inline(always)]
    pub fn at_least(self, floor: F32x4) -> F32x4 {
        F32x4(f32x4_pmax(floor.0, self.0))
    }
}

impl Add for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_add(self.0, other.0))
    }
}

impl Mul for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn mul(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_mul(self.0, other.0))
    }
}
