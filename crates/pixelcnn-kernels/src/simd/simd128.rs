//! The backend for WebAssembly with the simd128 feature.

use core::arch::wasm32::{f32x4, f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_extract_lane, f32x4_gt, f32x4_mul};
use core::arch::wasm32::{f32x4_splat, f32x4_sub, v128, v128_and, v128_any_true, v128_or, v128_xor};
#[cfg(target_feature = "relaxed-simd")]
use core::arch::wasm32::{
    i8x16_narrow_i16x8, i16x8_add, i16x8_relaxed_dot_i8x16_i7x16, i32x4_relaxed_dot_i8x16_i7x16_add, i64x2_extract_lane,
};
use core::arch::wasm32::{
    i16x8, i16x8_add_sat, i16x8_extract_lane, i16x8_max, i16x8_min, i16x8_narrow_i32x4, i16x8_neg, i16x8_q15mulr_sat,
};
use core::arch::wasm32::{
    i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_max, i32x4_min, i32x4_shl, i32x4_shr, i32x4_splat, i32x4_sub,
};
use std::hint::black_box;
use std::ops::{Add, Div, Mul, Sub};

/// Name of the backend in use.
#[cfg(not(target_feature = "relaxed-simd"))]
pub const BACKEND: &str = "simd128";
/// Name of the backend in use.
#[cfg(target_feature = "relaxed-simd")]
pub const BACKEND: &str = "relaxed";

/// 3 * 2^22: a small number and it make an integer, and the last bits say which.
const WHOLE: f32 = 12_582_912.0;

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

    /// In each lane the larger of its bits and `floor`, as integers: of a number that is no NaN `x > 0 ? x : +0` where `floor` is
    /// 0, the number itself where it is `i32::MIN`. Where relaxed SIMD is allowed, compilers make `f32x4.relaxed_max` of `pmax`,
    /// and of a comparison and an `and` too, but of this nothing else.
    #[inline(always)]
    pub fn bits_at_least(self, floor: i32) -> F32x4 {
        F32x4(i32x4_max(self.0, i32x4_splat(floor)))
    }

    /// `x > 0 ? x : +0` in each lane that is no NaN.
    #[inline(always)]
    pub fn relu(self) -> F32x4 {
        self.bits_at_least(0)
    }

    /// `a > b ? self : +0` in each lane.
    #[inline(always)]
    pub fn where_greater(self, a: F32x4, b: F32x4) -> F32x4 {
        F32x4(v128_and(self.0, f32x4_gt(a.0, b.0)))
    }

    /// The smaller in each lane of numbers that are not negative, by their bits, which lie in the same order.
    #[inline(always)]
    pub fn at_most(self, ceiling: F32x4) -> F32x4 {
        F32x4(i32x4_min(self.0, ceiling.0))
    }

    /// Each lane without its sign.
    #[inline(always)]
    pub fn abs(self) -> F32x4 {
        F32x4(f32x4_abs(self.0))
    }

    /// Each lane, which has no sign yet, with the sign of another.
    #[inline(always)]
    pub fn copysign(self, sign: F32x4) -> F32x4 {
        F32x4(v128_or(self.0, v128_and(sign.0, i32x4_splat(i32::MIN))))
    }

    /// 2^n in each lane, where n + 127 stands in its last bits.
    #[inline(always)]
    pub fn power_of_two(self) -> F32x4 {
        F32x4(i32x4_shl(self.0, 23))
    }

    /// The nearest integer of `x > 0 ? min(x, most) : 0` in each lane that is no NaN, halves to the even one. Among numbers as large
    /// as 2^23 f32 has no fraction: so adding one rounds.
    #[inline(always)]
    pub fn round_positive(self, Bound { most, whole }: Bound) -> I32x4 {
        let cut = i32x4_min(i32x4_max(self.0, i32x4_splat(0)), most);
        I32x4(i32x4_sub(f32x4_add(cut, whole), whole))
    }

    /// The nearest integer in each lane that is no NaN, halves to the even one, and at most `most` away from 0.
    #[inline(always)]
    pub fn round_signed(self, bound: Bound) -> I32x4 {
        let (sign, size) = (i32x4_shr(self.0, 31), self.abs().round_positive(bound));
        I32x4(i32x4_sub(v128_xor(size.0, sign), sign))
    }
}

/// The largest magnitude that is rounded to, and what rounds: of memory, so that loops keep them in registers. V8 makes a constant anew, in three
/// instructions, wherever it is used.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    most: v128,
    whole: v128,
}

impl Bound {
    /// That of an integer of at most 2^22.
    #[inline(always)]
    pub fn new(most: f32) -> Bound {
        let [most, whole] = [most, WHOLE].map(|x| f32x4_splat(black_box(x)));
        Bound { most, whole }
    }
}

impl Add for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_add(self.0, other.0))
    }
}

impl Sub for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn sub(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_sub(self.0, other.0))
    }
}

impl Mul for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn mul(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_mul(self.0, other.0))
    }
}

impl Div for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn div(self, other: F32x4) -> F32x4 {
        F32x4(f32x4_div(self.0, other.0))
    }
}

/// Four i32.
#[derive(Clone, Copy, Debug)]
pub struct I32x4(v128);

impl I32x4 {
    /// Four given numbers; from neighbours in memory this is one `v128.load`.
    #[inline(always)]
    pub fn new(lanes: [i32; 4]) -> I32x4 {
        I32x4(i32x4(lanes[0], lanes[1], lanes[2], lanes[3]))
    }

    /// The lanes, in order; into memory this is one `v128.store`.
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        let v = self.0;
        [i32x4_extract_lane::<0>(v), i32x4_extract_lane::<1>(v), i32x4_extract_lane::<2>(v), i32x4_extract_lane::<3>(v)]
    }

    /// Adds to each lane the two products of its pair of 16-bit lanes.
    #[inline(always)]
    pub fn add_dot(self, a: I16x8, b: I16x8) -> I32x4 {
        I32x4(i32x4_add(self.0, i32x4_dot_i16x8(a.0, b.0)))
    }

    /// Adds to each lane the four products of its bytes. Of `inputs` they are 0..=127: then the instruction gives the same on every
    /// host, even where it adds pairs in 16 bits first.
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub fn add_dot_of_bytes(self, inputs: I8x16, weights: I8x16) -> I32x4 {
        I32x4(i32x4_relaxed_dot_i8x16_i7x16_add(weights.0, inputs.0, self.0))
    }

    /// The nearest f32 in each lane, halves to the even one.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }
}

/// Eight i16.
#[derive(Clone, Copy, Debug)]
pub struct I16x8(v128);

impl I16x8 {
    /// Eight given numbers; from neighbours in memory this is one `v128.load`.
    #[inline(always)]
    pub fn new(lanes: [i16; 8]) -> I16x8 {
        let [a, b, c, d, e, f, g, h] = lanes;
        I16x8(i16x8(a, b, c, d, e, f, g, h))
    }

    /// Two numbers, again and again; from memory this is one `v128.load32_splat`.
    #[inline(always)]
    pub fn splat_pair(pair: [i16; 2]) -> I16x8 {
        I16x8(i32x4_splat(i32::from(pair[0] as u16) | i32::from(pair[1]) << 16))
    }

    /// The lanes, in order; into memory this is one `v128.store`.
    #[inline(always)]
    pub fn to_array(self) -> [i16; 8] {
        let v = self.0;
        [
            i16x8_extract_lane::<0>(v),
            i16x8_extract_lane::<1>(v),
            i16x8_extract_lane::<2>(v),
            i16x8_extract_lane::<3>(v),
            i16x8_extract_lane::<4>(v),
            i16x8_extract_lane::<5>(v),
            i16x8_extract_lane::<6>(v),
            i16x8_extract_lane::<7>(v),
        ]
    }

    /// Eight numbers, cut off at the range of an i16.
    #[inline(always)]
    pub fn narrow(low: I32x4, high: I32x4) -> I16x8 {
        I16x8(i16x8_narrow_i32x4(low.0, high.0))
    }

    /// The larger in each lane.
    #[inline(always)]
    pub fn at_least(self, floor: I16x8) -> I16x8 {
        I16x8(i16x8_max(self.0, floor.0))
    }

    /// The smaller in each lane.
    #[inline(always)]
    pub fn at_most(self, ceiling: I16x8) -> I16x8 {
        I16x8(i16x8_min(self.0, ceiling.0))
    }

    /// The sum in each lane, cut off at the range of an i16.
    #[inline(always)]
    pub fn add_saturating(self, other: I16x8) -> I16x8 {
        I16x8(i16x8_add_sat(self.0, other.0))
    }

    /// Each lane times `by / 2^15` to the nearest, halves up.
    #[inline(always)]
    pub fn scaled(self, by: I16x8) -> I16x8 {
        I16x8(i16x8_q15mulr_sat(self.0, by.0))
    }

    /// Whether all are 0.
    #[inline(always)]
    pub fn is_zero(self) -> bool {
        !v128_any_true(self.0)
    }

    /// Each lane, but the other sign.
    #[inline(always)]
    pub fn negated(self) -> I16x8 {
        I16x8(i16x8_neg(self.0))
    }

    /// Eight numbers of -128..=127 as bytes; into memory this is one store.
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub fn to_bytes(self) -> [i8; 8] {
        i64x2_extract_lane::<0>(i8x16_narrow_i16x8(self.0, self.0)).to_le_bytes().map(|byte| byte as i8)
    }

    /// Adds to each lane the two products of its pair of bytes. Of `inputs` they are 0..=127, and the sums stay within 16 bits:
    /// then the instruction gives the same on every host.
    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    pub fn add_dot(self, inputs: I8x16, weights: I8x16) -> I16x8 {
        I16x8(i16x8_add(self.0, i16x8_relaxed_dot_i8x16_i7x16(weights.0, inputs.0)))
    }
}

/// Sixteen i8.
#[cfg(target_feature = "relaxed-simd")]
#[derive(Clone, Copy, Debug)]
pub struct I8x16(v128);

#[cfg(target_feature = "relaxed-simd")]
impl I8x16 {
    /// Sixteen given numbers; from neighbours in memory this is one `v128.load`.
    #[inline(always)]
    pub fn new(lanes: [i8; 16]) -> I8x16 {
        let part = |k: usize| i32::from_le_bytes(std::array::from_fn(|i| lanes[4 * k + i] as u8));
        I8x16(i32x4(part(0), part(1), part(2), part(3)))
    }

    /// Four numbers, again and again; from memory this is one `v128.load32_splat`.
    #[inline(always)]
    pub fn splat_four(four: [i8; 4]) -> I8x16 {
        I8x16(i32x4_splat(i32::from_le_bytes(four.map(|byte| byte as u8))))
    }
}
