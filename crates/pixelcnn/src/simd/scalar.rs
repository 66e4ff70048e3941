//! The backend for every target without WebAssembly SIMD: an array, which compilers turn into the target's own vectors.

use std::ops::{Add, Mul};

/// Name of the backend in use.
pub const BACKEND: &str = "scalar";

/// Four f32.
#[derive(Clone, Copy, Debug)]
pub struct F32x4([f32; 4]);

impl F32x4 {
    /// Four given numbers.
    #[inline(always)]
    pub fn new(lanes: [f32; 4]) -> F32x4 {
        F32x4(lanes)
    }

    /// One number in all lanes.
    #[inline(always)]
    pub fn splat(x: f32) -> F32x4 {
        F32x4([x; 4])
    }

    /// The lanes, in order.
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }

    /// `x > floor ? x : floor` in each lane: relu where the floor is 0.
    #[inline(always)]
    pub fn at_least(self, floor: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| if self.0[i] > floor.0[i] { self.0[i] } else { floor.0[i] }))
    }
}

impl Add for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Mul for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn mul(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }
}
