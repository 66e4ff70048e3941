//! `exp`, `ln` and what is made of them, in IEEE additions, multiplications and divisions alone.
//!
//! The host's own differ between engines, and even between versions of one, so a pixel drawn with them would too. These
//! run in f64, once a pixel, so plainness comes before speed. Bounds are tested against the host's.

/// Largest error of [`exp`], [`ln`] and [`ln_1p`] in units of the last place of the f64 result (normal results).
pub const MAX_ERROR_ULPS: u64 = 3;

// ln 2 in two parts, the first with trailing zeros so that its product with an exponent is exact (Cody and Waite 1980).
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x: x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor series to r^13, whose remainder is under 5e-18; times 2^n. A softmax
/// of 512 levels needs 512 of them, so nothing is divided.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.782_712_893_384 {
        return f64::INFINITY;
    }
    if x < -745.2 {
        return 0.0;
    }
    let n = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let series = INVERSE_FACTORIALS.iter().rev().fold(0.0, |sum, c| c + sum * r);
    // Two factors, because 2^n alone leaves the range of normal numbers at both ends.
    let half = n as i32 / 2;
    series * power_of_two(half) * power_of_two(n as i32 - half)
}

// 1 / k!: factorials up to 22! are exact.
const INVERSE_FACTORIALS: [f64; 14] = {
    let (mut inverses, mut factorial, mut k) = ([1.0; 14], 1.0, 1);
    while k < inverses.len() {
        factorial *= k as f64;
        inverses[k] = 1.0 / factorial;
        k += 1;
    }
    inverses
};

fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// ln x for finite x > 0; -infinity for 0; NaN below.
///
/// x = 2^n m with sqrt(1/2) <= m < sqrt(2), and ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.172.
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY {
        return x;
    }
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * power_of_two(54), -54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut n = (bits >> 52) as i32 - 1023 + shift;
    let mut m = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        n += 1;
    }
    let n = f64::from(n);
    let s = (m - 1.0) / (m + 1.0);
    n * LN_2_HIGH + (n * LN_2_LOW + two_atanh(s, 12))
}

/// ln(1 + x) for 0 <= x <= 1, exact to the last places for tiny x too: 2 atanh(x / (2 + x)).
pub fn ln_1p(x: f64) -> f64 {
    two_atanh(x / (2.0 + x), 17)
}

/// 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...), the given number of terms.
fn two_atanh(s: f64, terms: u32) -> f64 {
    let square = s * s;
    let mut sum = 0.0;
    for k in (1..terms).rev() {
        sum = square * (1.0 / f64::from(2 * k + 1) + sum);
    }
    2.0 * s + 2.0 * s * sum
}

/// 1 / (1 + e^-x), without overflow.
pub fn sigmoid(x: f64) -> f64 {
    sigmoid_of(x, exp(-x.abs()))
}

/// [`sigmoid`], given e^-|x|.
pub fn sigmoid_of(x: f64, e: f64) -> f64 {
    let (one, other) = (1.0 / (1.0 + e), e / (1.0 + e));
    if x >= 0.0 { one } else { other }
}

/// ln(1 + e^x), without overflow: -ln(1 - sigmoid(x)).
pub fn softplus(x: f64) -> f64 {
    softplus_of(x, exp(-x.abs()))
}

/// [`softplus`], given e^-|x|.
pub fn softplus_of(x: f64, e: f64) -> f64 {
    x.max(0.0) + ln_1p(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ulps(a: f64, b: f64) -> u64 {
        (a.to_bits() as i64).abs_diff(b.to_bits() as i64)
    }

    #[test]
    fn exp_and_ln_are_within_their_bound_of_the_hosts() {
        let mut worst = [0; 3];
        for i in -700_000..=709_000i32 {
            let x = f64::from(i) * 0.001 + f64::from(i % 977) * 1e-7;
            worst[0] = worst[0].max(ulps(exp(x), x.exp()));
            let y = x.exp();
            if (y - 1.0).abs() > 0.01 {
                worst[1] = worst[1].max(ulps(ln(y), y.ln()));
            }
            if x <= 0.0 {
                worst[2] = worst[2].max(ulps(ln_1p(y), y.ln_1p()));
            }
        }
        assert!(worst.iter().all(|&w| w <= MAX_ERROR_ULPS), "worst of exp, ln, ln_1p in ulp: {worst:?}");
    }

    #[test]
    fn the_ends_are_right() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert_eq!(exp(-746.0), 0.0);
        assert!(exp(-745.0) > 0.0);
        assert!(exp(709.78).is_finite());
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert!(ulps(ln(5e-324), 5e-324f64.ln()) <= MAX_ERROR_ULPS);
        assert_eq!((sigmoid(0.0), sigmoid(-1e308), sigmoid(1e308)), (0.5, 0.0, 1.0));
        assert_eq!((softplus(-1e308), softplus(1e308)), (0.0, 1e308));
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-15);
    }
}
