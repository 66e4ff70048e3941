//! Numbers as decimals, as `{}` and `{:e}` of the standard library give them, but in a twentieth of its code: what it has for speed and for
//! precisions that nobody asks for took 8 of 123 kB of the WebAssembly, in brotli. Here a number takes microseconds, and only messages and
//! descriptions have any.

use std::fmt::{self, Display, Formatter, LowerExp};

/// A number that is printed with the fewest digits that no other number of its type is as near to.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    class: Class,
    negative: bool,
    /// `mantissa * 2^exponent`.
    mantissa: u64,
    exponent: i32,
    /// Whether the next number towards 0 is only half as far as the one away from it.
    narrow: bool,
}

#[derive(Clone, Copy, Debug)]
enum Class {
    Finite,
    Infinite,
    Nan,
}

impl Decimal {
    /// Of a number of so many bits of mantissa, the first of which is not stored, and of exponent.
    fn of(bits: u64, mantissa: u32, exponent: u32) -> Decimal {
        let (most, stored) = ((1 << exponent) - 1, bits & ((1 << mantissa) - 1));
        let power = (bits >> mantissa) as i32 & most;
        let class = match (power == most, stored) {
            (false, _) => Class::Finite,
            (true, 0) => Class::Infinite,
            (true, _) => Class::Nan,
        };
        let whole = if power > 0 { stored | 1 << mantissa } else { stored };
        let (bias, narrow) = ((most >> 1) + mantissa as i32, stored == 0 && power > 1);
        let negative = bits >> (mantissa + exponent) & 1 == 1;
        Decimal { class, negative, mantissa: whole, exponent: power.max(1) - bias, narrow }
    }
}

impl From<f32> for Decimal {
    fn from(number: f32) -> Decimal {
        Decimal::of(number.to_bits().into(), 23, 8)
    }
}

impl From<f64> for Decimal {
    fn from(number: f64) -> Decimal {
        Decimal::of(number.to_bits(), 52, 11)
    }
}

/// Digits of a limb.
const LIMB: usize = 9;
const ONE: u64 = 1_000_000_000;
/// Limbs before the point: of the largest f64, and room for a carry.
const BEFORE: usize = 35;
/// Limbs after it: of the smallest f64, and of what lies half way to its neighbours.
const AFTER: usize = 120;
/// Place of the first digit after the point.
const POINT: usize = BEFORE * LIMB;

/// Digits of a number that is not negative, the first the highest.
type Digits = [u8; (BEFORE + AFTER) * LIMB];

/// `number * 2^exponent`, exactly.
fn digits(mut number: u64, mut exponent: i32) -> Digits {
    let mut limbs = [0u64; BEFORE + AFTER];
    for limb in limbs[..BEFORE].iter_mut().rev() {
        (*limb, number) = (number % ONE, number / ONE);
    }
    const AT_ONCE: i32 = 30; // less than a limb
    while exponent > 0 {
        let (by, mut carry) = (exponent.min(AT_ONCE), 0);
        for limb in limbs.iter_mut().rev() {
            let wide = (*limb << by) + carry;
            (*limb, carry) = (wide % ONE, wide / ONE);
        }
        exponent -= by;
    }
    while exponent < 0 {
        let (by, mut rest) = ((-exponent).min(AT_ONCE), 0);
        for limb in &mut limbs {
            let wide = rest * ONE + *limb;
            (*limb, rest) = (wide >> by, wide & ((1 << by) - 1));
        }
        exponent += by;
    }
    let mut digits = [0; (BEFORE + AFTER) * LIMB];
    for (digits, mut limb) in digits.chunks_exact_mut(LIMB).zip(limbs) {
        for digit in digits.iter_mut().rev() {
            (*digit, limb) = ((limb % 10) as u8, limb / 10);
        }
    }
    digits
}

impl Decimal {
    /// The digits to print, zeros around them. Of those that lie as near to this number as to no other of its type (half way, where it is
    /// the even one) the fewest, and of these the nearest.
    fn shortest(self) -> Digits {
        let Decimal { mantissa, exponent, narrow, .. } = self;
        // In quarters of the distance to the next number.
        let [exact, low, high] =
            [0, if narrow { -1 } else { -2 }, 2].map(|part| digits((4 * mantissa).wrapping_add_signed(part), exponent - 2));
        let even = mantissa % 2 == 0;
        let first = exact.iter().position(|&digit| digit > 0).unwrap_or(POINT - 1);
        for end in first + 1.. {
            let mut below = exact;
            below[end..].fill(0);
            let mut above = below;
            let mut at = end - 1;
            while above[at] == 9 {
                above[at] = 0;
                at -= 1;
            }
            above[at] += 1;
            let rest = &exact[end..];
            let up = rest.first().is_some_and(|&digit| digit >= 5);
            let [below_is_near, above_is_near] = [below > low || even && below == low, above < high || even && above == high];
            match (below_is_near, above_is_near) {
                _ if rest.iter().all(|&digit| digit == 0) => return exact,
                (true, true) => return if up { above } else { below },
                (true, false) => return below,
                (false, true) => return above,
                (false, false) => {}
            }
        }
        exact
    }

    /// What comes before the digits; `None` where that is all.
    fn begin(self, to: &mut Formatter) -> Result<Option<Digits>, fmt::Error> {
        if self.negative && !matches!(self.class, Class::Nan) {
            to.write_str("-")?;
        }
        match self.class {
            Class::Finite => Ok(Some(if self.mantissa == 0 { digits(0, 0) } else { self.shortest() })),
            Class::Infinite => to.write_str("inf").map(|()| None),
            Class::Nan => to.write_str("NaN").map(|()| None),
        }
    }
}

fn write(to: &mut Formatter, digits: &[u8]) -> fmt::Result {
    digits.iter().try_for_each(|&digit| fmt::Write::write_char(to, char::from(b'0' + digit)))
}

/// Where the first digit other than 0 is, or the last before the point, and what follows the last.
fn ends(digits: &Digits) -> (usize, usize) {
    let first = digits.iter().position(|&digit| digit > 0).unwrap_or(POINT - 1);
    let last = digits.iter().rposition(|&digit| digit > 0).unwrap_or(first);
    (first, last + 1)
}

impl Display for Decimal {
    fn fmt(&self, to: &mut Formatter) -> fmt::Result {
        let Some(digits) = self.begin(to)? else { return Ok(()) };
        let (first, end) = ends(&digits);
        write(to, &digits[first.min(POINT - 1)..POINT])?;
        if end > POINT {
            to.write_str(".")?;
            write(to, &digits[POINT..end])?;
        }
        Ok(())
    }
}

impl LowerExp for Decimal {
    fn fmt(&self, to: &mut Formatter) -> fmt::Result {
        let Some(digits) = self.begin(to)? else { return Ok(()) };
        let (first, end) = ends(&digits);
        write(to, &digits[first..=first])?;
        if end > first + 1 {
            to.write_str(".")?;
            write(to, &digits[first + 1..end])?;
        }
        write!(to, "e{}", POINT as i32 - 1 - first as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Words};

    #[test]
    fn numbers_are_printed_as_the_standard_library_prints_them() {
        let mut words = Words::new(1, Purpose::Shuffle, 0, 0);
        let special =
            [0.0, 1.0, 0.1, 0.3, 5e-324, 1e-323, f64::MIN_POSITIVE, f64::MAX, 1e23, 2f64.powi(53), 2f64.powi(-44), 9.5, 1e21];
        let special =
            special.into_iter().chain([f64::NAN, f64::INFINITY, 0.1 + 0.2, 123_456.789, 1.0 / 3.0, 9_007_199_254_740_993.0]);
        let powers = (0..2046).step_by(7).map(|power| f64::from_bits(power << 52));
        let drawn = (0..300).map(|_| f64::from_bits(u64::from(words.word()) << 32 | u64::from(words.word())));
        for x in special.chain(powers).chain(drawn).flat_map(|x| [x, -x]) {
            assert_eq!(Decimal::from(x).to_string(), x.to_string());
            assert_eq!(format!("{:e}", Decimal::from(x)), format!("{x:e}"));
            let x = x as f32;
            assert_eq!(Decimal::from(x).to_string(), x.to_string());
            assert_eq!(format!("{:e}", Decimal::from(x)), format!("{x:e}"));
        }
        for _ in 0..2000 {
            let x = f32::from_bits(words.word());
            assert_eq!(Decimal::from(x).to_string(), x.to_string());
        }
    }
}
