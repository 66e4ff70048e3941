//! Cells: what a layer makes of its sums.
//!
//! Each is written once, for a number and for four lanes, in IEEE additions, multiplications and divisions and in operations
//! on bits, none of them fused: both give the same bits, on every target. `exp` is our own for the same reason as in
//! `pixelcnn::math`; here it is in f32, since it runs once an activation.

use crate::simd::F32x4;
use std::ops::{Add, Div, Mul, Sub};

/// Largest error of [`Cell::Tanh`] and [`Cell::Sigmoid`] in units of the last place of the f32 result, over every f32;
/// [`Cell::Sigmoid`] below -87.3, where it is 0 and misses under 2e-38, is left out. In absolute terms 1.5e-7.
pub const MAX_ERROR_ULPS: u64 = 3;

/// Largest error of [`Cell::Gate`], whose values lie in -1..=1.
pub const MAX_GATE_ERROR: f64 = 3e-7;

/// What makes an output of one sum `a`, or of two, `a` and `b`.
///
/// Sums are finite: what a cell makes of others is without meaning. No output of a finite sum is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// `a`.
    Linear,
    /// `a > 0 ? a : 0`.
    Relu,
    /// tanh(a), with tanh(-a) = -tanh(a) in every bit.
    Tanh,
    /// 1 / (1 + e^-a), in 0..=1.
    Sigmoid,
    /// tanh(a) sigmoid(b) (van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders", equation 2).
    Gate,
    /// relu(a) clamp(b / 4 + 1/2, 0, 1): a gate that keeps zeros, and makes nothing negative.
    HardGate,
}

impl Cell {
    /// Every cell.
    pub const ALL: [Cell; 6] = [Cell::Linear, Cell::Relu, Cell::Tanh, Cell::Sigmoid, Cell::Gate, Cell::HardGate];

    /// Its name in a description.
    pub const fn name(self) -> &'static str {
        match self {
            Cell::Linear => "linear",
            Cell::Relu => "relu",
            Cell::Tanh => "tanh",
            Cell::Sigmoid => "sigmoid",
            Cell::Gate => "gate",
            Cell::HardGate => "hardGate",
        }
    }

    /// Sums that an output is made of: 1, or 2 of a gate.
    pub const fn sums(self) -> usize {
        match self {
            Cell::Linear | Cell::Relu | Cell::Tanh | Cell::Sigmoid => 1,
            Cell::Gate | Cell::HardGate => 2,
        }
    }

    /// Whether no output is negative, nor -0.
    pub const fn is_non_negative(self) -> bool {
        match self {
            Cell::Linear | Cell::Tanh | Cell::Gate => false,
            Cell::Relu | Cell::Sigmoid | Cell::HardGate => true,
        }
    }

    /// The largest magnitude of an output of a first sum of magnitude `a` at most, whatever the second: gates only close.
    pub const fn bound(self, a: f64) -> f64 {
        match self {
            Cell::Linear | Cell::Relu | Cell::HardGate => a,
            Cell::Tanh | Cell::Sigmoid | Cell::Gate => 1.0,
        }
    }

    /// An output. Cells of one sum leave `b` alone.
    #[inline]
    pub fn apply(self, a: f32, b: f32) -> f32 {
        self.of(a, b)
    }

    /// Four outputs, each of the same bits as [`Cell::apply`] of its sums.
    #[inline(always)]
    pub fn lanes(self, a: F32x4, b: F32x4) -> F32x4 {
        self.of(a, b)
    }

    #[inline(always)]
    fn of<N: Number>(self, a: N, b: N) -> N {
        match self {
            Cell::Linear => a,
            Cell::Relu => a.relu(),
            Cell::Tanh => tanh(a).value(),
            Cell::Sigmoid => sigmoid(a).value(),
            Cell::Gate => {
                let (a, b) = (tanh(a), sigmoid(b));
                Fraction { over: a.over * b.over, under: a.under * b.under }.value()
            }
            Cell::HardGate => a.relu() * (b * N::splat(0.25) + N::splat(0.5)).relu().at_most(N::splat(1.0)),
        }
    }
}

/// What cells are made of: an f32, or four.
trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    fn splat(x: f32) -> Self;
    fn relu(self) -> Self;
    fn where_greater(self, a: Self, b: Self) -> Self;
    fn at_most(self, ceiling: Self) -> Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn power_of_two(self) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn splat(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn relu(self) -> f32 {
        if self > 0.0 { self } else { 0.0 }
    }

    #[inline(always)]
    fn where_greater(self, a: f32, b: f32) -> f32 {
        if a > b { self } else { 0.0 }
    }

    #[inline(always)]
    fn at_most(self, ceiling: f32) -> f32 {
        if self < ceiling { self } else { ceiling }
    }

    #[inline(always)]
    fn abs(self) -> f32 {
        f32::abs(self)
    }

    #[inline(always)]
    fn copysign(self, sign: f32) -> f32 {
        f32::copysign(self, sign)
    }

    #[inline(always)]
    fn power_of_two(self) -> f32 {
        f32::from_bits(self.to_bits() << 23)
    }
}

impl Number for F32x4 {
    #[inline(always)]
    fn splat(x: f32) -> F32x4 {
        F32x4::splat(x)
    }

    #[inline(always)]
    fn relu(self) -> F32x4 {
        F32x4::relu(self)
    }

    #[inline(always)]
    fn where_greater(self, a: F32x4, b: F32x4) -> F32x4 {
        F32x4::where_greater(self, a, b)
    }

    #[inline(always)]
    fn at_most(self, ceiling: F32x4) -> F32x4 {
        F32x4::at_most(self, ceiling)
    }

    #[inline(always)]
    fn abs(self) -> F32x4 {
        F32x4::abs(self)
    }

    #[inline(always)]
    fn copysign(self, sign: F32x4) -> F32x4 {
        F32x4::copysign(self, sign)
    }

    #[inline(always)]
    fn power_of_two(self) -> F32x4 {
        F32x4::power_of_two(self)
    }
}

/// A quotient not yet made: a gate divides once. Over and under are in 0..=1 and 1..=2, but for the sign.
struct Fraction<N> {
    over: N,
    under: N,
}

impl<N: Number> Fraction<N> {
    #[inline(always)]
    fn value(self) -> N {
        self.over / self.under
    }
}

/// With m = e^(-2|x|) - 1: -m / (2 + m), and the sign of x. Exact to the last places for tiny x too, since m is.
#[inline(always)]
fn tanh<N: Number>(x: N) -> Fraction<N> {
    let Exp { power, less } = exp(x.abs() * N::splat(-2.0));
    // Nothing cancels: for n = 0 the second part is 0, below it is -1/2 or less, and the first at most 0.21.
    let m = power * less + (power - N::splat(1.0));
    Fraction { over: m.abs().copysign(x), under: N::splat(2.0) + m }
}

/// With e = e^-|x|: 1 / (1 + e) for x > 0, e / (1 + e) for others.
#[inline(always)]
fn sigmoid<N: Number>(x: N) -> Fraction<N> {
    let (zero, one) = (N::splat(0.0), N::splat(1.0));
    let Exp { power, less } = exp(x.abs() * N::splat(-1.0));
    let e = power * (one + less);
    Fraction { over: (e + one.where_greater(x, zero)).at_most(one), under: one + e }
}

/// e^x as `power * (1 + less)`, with `power` = 2^n.
struct Exp<N> {
    power: N,
    less: N,
}

/// e^x of x <= 0; 0 below -87.3, where 2^n would leave the range of normal numbers.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2 (n is what is left of x / ln 2 when it is added to a number so large that its last
/// place is 1); e^r - 1 = r + r^2 g(r), with g of degree 4 by Remez' algorithm: its least largest relative error of e^r - 1,
/// with 1/2 held fast, is 1.6e-8.
#[inline(always)]
fn exp<N: Number>(x: N) -> Exp<N> {
    let s = N::splat;
    // 1.5 * 2^23, and 127 so that the last bits are an exponent's.
    let large = s(12_582_912.0 + 127.0);
    // In two parts, the first of 15 bits, so that its product with n is exact (Cody and Waite 1980).
    let (ln_2_high, ln_2_low) = (s(0.693_145_75), s(1.428_606_8e-6));
    let least = s(-87.3);

    // 0, of which nothing can overflow, stands in for what lies below.
    let inside = x.where_greater(x, least);
    let sum = inside * s(std::f32::consts::LOG2_E) + large;
    let n = sum - large;
    let r = (inside - n * ln_2_high) - n * ln_2_low;
    let square = r * r;
    let low = s(0.5) + r * s(0.166_665_32);
    let high = (s(0.041_666_158) + r * s(0.008_368_104)) + square * s(0.001_397_593);
    Exp { power: sum.power_of_two().where_greater(x, least), less: r + square * (low + square * high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixelcnn::rng::{Purpose, Words};

    /// In units of the last place of the f32 next to what is wanted; of the least normal one below it.
    fn ulps(got: f32, wanted: f64) -> f64 {
        let near = (wanted as f32).abs().max(f32::MIN_POSITIVE);
        let place = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
        (f64::from(got) - wanted).abs() / place
    }

    fn sigmoid_of(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Largest errors of tanh and sigmoid over some f32, given by their bits: in ulp, and in absolute terms.
    fn worst(bits: impl Iterator<Item = u32>) -> ([f64; 2], [f64; 2]) {
        let (mut relative, mut absolute) = ([0f64; 2], [0f64; 2]);
        for x in bits.map(f32::from_bits).filter(|x| x.is_finite()) {
            let wide = f64::from(x);
            for (i, (cell, wanted)) in [(Cell::Tanh, wide.tanh()), (Cell::Sigmoid, sigmoid_of(wide))].into_iter().enumerate() {
                let got = cell.apply(x, f32::NAN);
                absolute[i] = absolute[i].max((f64::from(got) - wanted).abs());
                if cell == Cell::Tanh || x > -87.3 {
                    relative[i] = relative[i].max(ulps(got, wanted));
                }
            }
        }
        (relative, absolute)
    }

    fn assert_within_bounds((relative, absolute): ([f64; 2], [f64; 2])) {
        assert!(relative.iter().all(|&w| w <= MAX_ERROR_ULPS as f64), "worst of tanh and sigmoid in ulp: {relative:?}");
        assert!(absolute.iter().all(|&w| w <= 1.5e-7), "worst of tanh and sigmoid: {absolute:?}");
    }

    #[test]
    fn tanh_and_sigmoid_are_within_their_bound_of_the_hosts() {
        // A prime step through all bits reaches every exponent and both signs; a finer one where neither is flat.
        assert_within_bounds(worst((0..=u32::MAX).step_by(4093)));
        let (low, high) = (0.05f32.to_bits(), 20f32.to_bits());
        assert_within_bounds(worst((low..high).step_by(127).flat_map(|bits| [bits, bits | 1 << 31])));
    }

    #[test]
    #[ignore = "every f32 there is: minutes"]
    fn every_f32_is_within_the_bound() {
        let all = worst(0..=u32::MAX);
        println!("worst of tanh and sigmoid in ulp, and in absolute terms: {all:?}");
        assert_within_bounds(all);
    }

    #[test]
    fn a_gate_is_within_its_bound_of_the_hosts() {
        let mut words = Words::new(5, Purpose::Shuffle, 0, 0);
        let mut worst = 0f64;
        for _ in 0..1_000_000 {
            let (a, b) = (24.0 * words.uniform() - 12.0, 24.0 * words.uniform() - 12.0);
            let wanted = f64::from(a).tanh() * sigmoid_of(b.into());
            worst = worst.max((f64::from(Cell::Gate.apply(a, b)) - wanted).abs());
        }
        assert!(worst <= MAX_GATE_ERROR, "{worst}");
    }

    #[test]
    fn the_ends_are_right() {
        let ends = [0.0, 1e-45, 1e-38, 1e-10, 90.0, 200.0, 1e38, f32::MAX];
        for x in ends {
            let wanted = if x < 1.0 { x } else { 1.0 };
            assert_eq!(Cell::Tanh.apply(x, 0.0).to_bits(), wanted.to_bits(), "tanh of {x}");
            assert_eq!(Cell::Tanh.apply(-x, 0.0).to_bits(), (-wanted).to_bits(), "tanh of -{x}");
            assert_eq!(Cell::Sigmoid.apply(x, 0.0), if x < 1.0 { 0.5 } else { 1.0 }, "sigmoid of {x}");
            assert_eq!(Cell::Sigmoid.apply(-x, 0.0).to_bits(), if x < 1.0 { 0.5f32 } else { 0.0 }.to_bits(), "sigmoid of -{x}");
        }
        let plain = |cell: Cell| ends.map(|x| [cell.apply(x, 0.0), cell.apply(-x, 0.0)].map(f32::to_bits));
        assert_eq!(plain(Cell::Linear), ends.map(|x| [x, -x].map(f32::to_bits)));
        assert_eq!(plain(Cell::Relu), ends.map(|x| [x, 0.0].map(f32::to_bits)));
        let opened = [-f32::MAX, -2.0, -1.0, 0.0, 1.0, 2.0, f32::MAX].map(|b| Cell::HardGate.apply(8.0, b));
        assert_eq!(opened, [0.0, 0.0, 2.0, 4.0, 6.0, 8.0, 8.0]);
        assert_eq!(Cell::HardGate.apply(-8.0, 2.0).to_bits(), 0);
    }

    /// Finite f32 of all magnitudes, and such as sums are.
    fn samples(count: usize) -> impl Iterator<Item = f32> {
        let special = [0, 1, 0x007F_FFFF, 0x0080_0000, 0x3F80_0000, 0x42AE_999A, 0x42AE_999B, 0x42AE_9999, 0x7F7F_FFFF];
        let special = special.into_iter().flat_map(|bits: u32| [bits, bits | 1 << 31]).map(f32::from_bits);
        let mut words = Words::new(11, Purpose::Shuffle, 0, 0);
        let rest = (0..count).map(move |i| {
            let word = words.word();
            if i % 2 == 0 { f32::from_bits(word) } else { (word as i32) as f32 * (1.0 / (1 << 25) as f32) }
        });
        special.chain(rest).filter(|x| x.is_finite())
    }

    #[test]
    fn lanes_and_numbers_give_the_same_bits() {
        let all: Vec<f32> = samples(2_000_000).collect();
        for cell in Cell::ALL {
            for (a, b) in all.chunks_exact(4).zip(all.rchunks_exact(4)) {
                let (a, b): ([f32; 4], [f32; 4]) = (a.try_into().unwrap(), b.try_into().unwrap());
                let lanes = cell.lanes(F32x4::new(a), F32x4::new(b)).to_array();
                for (k, got) in lanes.into_iter().enumerate() {
                    let wanted = cell.apply(a[k], b[k]);
                    assert_eq!(got.to_bits(), wanted.to_bits(), "{cell:?} of {} and {}: {got}, {wanted}", a[k], b[k]);
                }
            }
        }
    }

    /// A net's pixels depend on these bits: another compiler, target or polynomial that moves one fails here.
    #[test]
    fn the_bits_are_these_on_every_target() {
        let all: Vec<f32> = samples(100_000).collect();
        let hash = Cell::ALL.map(|cell| {
            let bits = all.iter().zip(all.iter().rev()).map(|(&a, &b)| cell.apply(a, b).to_bits());
            bits.fold(0xCBF2_9CE4u32, |hash, bits| (hash ^ bits).wrapping_mul(0x0100_0193).rotate_left(5))
        });
        let wanted = [0x1632_C571, 0x6A8F_4926, 0x55DF_D6EC, 0xEA66_7EC2, 0xB8BB_BEEB, 0x032A_EA86];
        assert_eq!(hash, wanted, "{hash:#010x?}");
    }

    #[test]
    fn what_is_said_of_outputs_is_true() {
        let all: Vec<f32> = samples(400_000).collect();
        for cell in Cell::ALL {
            for (&a, &b) in all.iter().zip(all.iter().rev()) {
                let y = cell.apply(a, b);
                assert!(f64::from(y.abs()) <= cell.bound(f64::from(a.abs())), "{cell:?} of {a} and {b}: {y}");
                assert!(!cell.is_non_negative() || !y.is_sign_negative(), "{cell:?} of {a} and {b}: {y}");
                if cell.sums() == 1 {
                    assert_eq!(y.to_bits(), cell.apply(a, f32::NAN).to_bits(), "{cell:?} reads a second sum");
                }
            }
        }
        assert_eq!(Cell::Tanh.apply(0.7, 0.0), -Cell::Tanh.apply(-0.7, 0.0));
    }

    #[test]
    fn sums_that_are_not_finite_end_too() {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for cell in Cell::ALL {
                std::hint::black_box((cell.apply(x, x), cell.lanes(F32x4::splat(x), F32x4::splat(x))));
            }
        }
    }
}
