//! The backend for every target without WebAssembly SIMD: an array, which compilers turn into the target's own vectors.

use std::ops::{Add, Div, Mul, Sub};

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

    /// In each lane the larger of its bits and `floor`, as integers: of a number that is no NaN `x > 0 ? x : +0` where `floor` is
    /// 0, the number itself where it is `i32::MIN`.
    #[inline(always)]
    pub fn bits_at_least(self, floor: i32) -> F32x4 {
        F32x4(self.0.map(|x| f32::from_bits((x.to_bits() as i32).max(floor) as u32)))
    }

    /// `x > 0 ? x : +0` in each lane that is no NaN.
    #[inline(always)]
    pub fn relu(self) -> F32x4 {
        F32x4(self.0.map(|x| if x > 0.0 { x } else { 0.0 }))
    }

    /// `a > b ? self : +0` in each lane.
    #[inline(always)]
    pub fn where_greater(self, a: F32x4, b: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| if a.0[i] > b.0[i] { self.0[i] } else { 0.0 }))
    }

    /// The smaller in each lane of numbers that are not negative, by their bits, which lie in the same order.
    #[inline(always)]
    pub fn at_most(self, ceiling: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| f32::from_bits(self.0[i].to_bits().min(ceiling.0[i].to_bits()))))
    }

    /// Each lane without its sign.
    #[inline(always)]
    pub fn abs(self) -> F32x4 {
        F32x4(self.0.map(f32::abs))
    }

    /// Each lane, which has no sign yet, with the sign of another.
    #[inline(always)]
    pub fn copysign(self, sign: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i].copysign(sign.0[i])))
    }

    /// 2^n in each lane, where n + 127 stands in its last bits.
    #[inline(always)]
    pub fn power_of_two(self) -> F32x4 {
        F32x4(self.0.map(|x| f32::from_bits(x.to_bits() << 23)))
    }

    /// The nearest integer of `x > 0 ? min(x, most) : 0` in each lane that is no NaN, halves to the even one.
    #[inline(always)]
    pub fn round_positive(self, Bound(most): Bound) -> I32x4 {
        I32x4(self.0.map(|x| if x > 0.0 { x.min(most).round_ties_even() as i32 } else { 0 }))
    }

    /// The nearest integer in each lane that is no NaN, halves to the even one, and at most `most` away from 0.
    #[inline(always)]
    pub fn round_signed(self, Bound(most): Bound) -> I32x4 {
        I32x4(self.0.map(|x| x.clamp(-most, most).round_ties_even() as i32))
    }
}

/// The largest magnitude that is rounded to.
#[derive(Clone, Copy, Debug)]
pub struct Bound(f32);

impl Bound {
    /// That of an integer of at most 2^22.
    #[inline(always)]
    pub fn new(most: f32) -> Bound {
        Bound(most)
    }
}

impl Add for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn sub(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Mul for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn mul(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }
}

impl Div for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn div(self, other: F32x4) -> F32x4 {
        F32x4(std::array::from_fn(|i| self.0[i] / other.0[i]))
    }
}

/// Four i32.
#[derive(Clone, Copy, Debug)]
pub struct I32x4([i32; 4]);

impl I32x4 {
    /// Four given numbers.
    #[inline(always)]
    pub fn new(lanes: [i32; 4]) -> I32x4 {
        I32x4(lanes)
    }

    /// The lanes, in order.
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        self.0
    }

    /// Adds to each lane the two products of its pair of 16-bit lanes.
    #[inline(always)]
    pub fn add_dot(self, a: I16x8, b: I16x8) -> I32x4 {
        let product = |k: usize| i32::from(a.0[k]) * i32::from(b.0[k]);
        I32x4(std::array::from_fn(|i| self.0[i].wrapping_add(product(2 * i).wrapping_add(product(2 * i + 1)))))
    }

    /// Adds to each lane the four products of its bytes. Of `inputs` they are 0..=127 where weights are not 0: a test looks at it.
    #[inline(always)]
    pub fn add_dot_of_bytes(self, inputs: I8x16, weights: I8x16) -> I32x4 {
        self.add_dot(I16x8::new([0; 8]).add_dot(inputs, weights), I16x8::new([1; 8]))
    }

    /// The nearest f32 in each lane, halves to the even one.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|x| x as f32))
    }
}

/// Eight i16.
#[derive(Clone, Copy, Debug)]
pub struct I16x8([i16; 8]);

impl I16x8 {
    /// Eight given numbers.
    #[inline(always)]
    pub fn new(lanes: [i16; 8]) -> I16x8 {
        I16x8(lanes)
    }

    /// Two numbers, again and again.
    #[inline(always)]
    pub fn splat_pair(pair: [i16; 2]) -> I16x8 {
        I16x8(std::array::from_fn(|i| pair[i % 2]))
    }

    /// The lanes, in order.
    #[inline(always)]
    pub fn to_array(self) -> [i16; 8] {
        self.0
    }

    /// Eight numbers, cut off at the range of an i16.
    #[inline(always)]
    pub fn narrow(low: I32x4, high: I32x4) -> I16x8 {
        let all: [i32; 8] = std::array::from_fn(|i| if i < 4 { low.0[i] } else { high.0[i - 4] });
        I16x8(all.map(|x| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16))
    }

    /// The larger in each lane.
    #[inline(always)]
    pub fn at_least(self, floor: I16x8) -> I16x8 {
        I16x8(std::array::from_fn(|i| self.0[i].max(floor.0[i])))
    }

    /// The smaller in each lane.
    #[inline(always)]
    pub fn at_most(self, ceiling: I16x8) -> I16x8 {
        I16x8(std::array::from_fn(|i| self.0[i].min(ceiling.0[i])))
    }

    /// The sum in each lane, cut off at the range of an i16.
    #[inline(always)]
    pub fn add_saturating(self, other: I16x8) -> I16x8 {
        I16x8(std::array::from_fn(|i| self.0[i].saturating_add(other.0[i])))
    }

    /// Each lane times `by / 2^15` to the nearest, halves up.
    #[inline(always)]
    pub fn scaled(self, by: I16x8) -> I16x8 {
        let scaled = |i: usize| (i32::from(self.0[i]) * i32::from(by.0[i]) + (1 << 14)) >> 15;
        I16x8(std::array::from_fn(|i| scaled(i).min(i16::MAX.into()) as i16))
    }

    /// Whether all are 0.
    #[inline(always)]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 8]
    }

    /// Each lane, but the other sign.
    #[inline(always)]
    pub fn negated(self) -> I16x8 {
        I16x8(self.0.map(i16::wrapping_neg))
    }

    /// Eight numbers of -128..=127 as bytes.
    #[inline(always)]
    pub fn to_bytes(self) -> [i8; 8] {
        self.0.map(|x| x.clamp(i8::MIN.into(), i8::MAX.into()) as i8)
    }

    /// Adds to each lane the two products of its pair of bytes. Of `inputs` they are 0..=127 where weights are not 0, and the sums
    /// stay within 16 bits: a test looks at both.
    #[inline(always)]
    pub fn add_dot(self, inputs: I8x16, weights: I8x16) -> I16x8 {
        debug_assert!(inputs.0.iter().zip(&weights.0).all(|(&x, &w)| x >= 0 || w == 0), "{inputs:?}");
        let product = |k: usize| i16::from(inputs.0[k]) * i16::from(weights.0[k]);
        I16x8(std::array::from_fn(|i| self.0[i] + (product(2 * i) + product(2 * i + 1))))
    }
}

/// Sixteen i8.
#[derive(Clone, Copy, Debug)]
pub struct I8x16([i8; 16]);

impl I8x16 {
    /// Sixteen given numbers.
    #[inline(always)]
    pub fn new(lanes: [i8; 16]) -> I8x16 {
        I8x16(lanes)
    }

    /// Four numbers, again and again.
    #[inline(always)]
    pub fn splat_four(four: [i8; 4]) -> I8x16 {
        I8x16(std::array::from_fn(|i| four[i % 4]))
    }
}
