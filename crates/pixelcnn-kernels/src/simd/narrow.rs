//! Small integers as bytes, four channels a step: `i16x8.relaxed_dot_i8x16_i7x16_s` and `i32x4.relaxed_dot_i8x16_i7x16_add_s`, or
//! what stands for them.
//!
//! The second adds all four products at once, and where the chip has such an instruction (x86-64 with AVX-VNNI: Alder Lake, Sapphire
//! Rapids, Zen 5 and later; Arm with `sdot`: nearly all since 2018) nothing is faster. Elsewhere it is three instructions, one of them
//! spared by adding the first's pairs in 16 bits for some steps. WebAssembly does not say what the chip has: [`most_steps`] times it.
//!
//! Its second operand must be 0..=127, so that a row of numbers of both signs holds them twice: what is above 0, then the
//! magnitudes of what is below; and one of larger numbers has a part for what is above 127. Products are added in 16 bits for as many steps as they are proven to stay there.

use super::backend::I8x16;
use super::{I16x8, I32x4};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A weight or an activation.
pub type Small = i8;
/// What a step multiplies.
pub type Factors = I8x16;
/// Products that are added up in 16 bits.
pub type Partial = I16x8;

/// Channels of a step.
pub const STEP: usize = 4;
/// Whether numbers of both signs, and numbers above 127, take two parts of a row.
pub const SPLIT: bool = true;
/// The most steps whose products are added in 16 bits.
pub const MOST_STEPS: usize = 8;

/// Adds a step's products to four sums.
#[inline(always)]
pub fn add_products(sums: I32x4, inputs: Factors, weights: Factors) -> I32x4 {
    sums.add_dot_of_bytes(inputs, weights)
}

/// No products.
#[inline(always)]
pub fn none() -> Partial {
    I16x8::new([0; 8])
}

/// Four outputs' weights of a step.
#[inline(always)]
pub fn weights(values: [Small; 16]) -> Factors {
    I8x16::new(values)
}

/// A position's values of a step, four times.
#[inline(always)]
pub fn inputs(values: [Small; STEP]) -> Factors {
    I8x16::splat_four(values)
}

/// Adds a step's products to those of the steps before it.
#[inline(always)]
pub fn add(partial: Partial, inputs: Factors, weights: Factors) -> Partial {
    partial.add_dot(inputs, weights)
}

/// Adds products to four sums, which is one more product: with [`ones`].
#[inline(always)]
pub fn widen(sums: I32x4, partial: Partial, ones: Partial) -> I32x4 {
    sums.add_dot(partial, ones)
}

/// What [`widen`] takes. V8 makes the same of `i32x4.extadd_pairwise_i16x8_s`, but loads the ones' address and then the ones at each.
#[inline(always)]
pub fn ones() -> Partial {
    I16x8::splat_pair([std::hint::black_box(1); 2])
}

/// Eight numbers as they are stored.
#[inline(always)]
pub fn stored(numbers: I16x8) -> [Small; 8] {
    numbers.to_bytes()
}

/// A number of 16 bits as it is stored.
#[inline(always)]
pub fn split(number: i16) -> [Small; 2] {
    number.to_le_bytes().map(|byte| byte as i8)
}

/// The number that is stored as that.
#[inline(always)]
pub fn joined(stored: [Small; 2]) -> i16 {
    i16::from_le_bytes(stored.map(|byte| byte as u8))
}

/// The most steps whose products this host had better add in 16 bits: 1 where it multiplies and adds four bytes at once. Found once, in
/// a tenth of a millisecond where the clock is a fine one; [`MOST_STEPS`] where it is too coarse to tell, or stands still.
pub fn most_steps() -> usize {
    static FOUND: AtomicUsize = AtomicUsize::new(0);
    if FOUND.load(Relaxed) == 0 {
        FOUND.store(if adds_fours(|| now()) { 1 } else { MOST_STEPS }, Relaxed);
    }
    FOUND.load(Relaxed)
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "an import")]
#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Milliseconds since some moment, or NaN.
    safe fn now() -> f64;
}

/// A target without the instructions has nothing to choose from.
#[cfg(not(target_arch = "wasm32"))]
fn now() -> f64 {
    0.0
}

/// Whether four products are added about as soon as two of them. Each loop waits for its own results, so that it measures how long they
/// take and not what else a compiler makes of it, the quick ones of engines included: one instruction takes 0.86 times as long as that for
/// two and a sum, three take 1.5 times as long.
fn adds_fours(mut now: impl FnMut() -> f64) -> bool {
    // In tens of nanoseconds: whole numbers, since of the smaller of two others compilers make an instruction of relaxed SIMD.
    let mut time = |chain: fn(u32), turns: u32| {
        let start = now();
        chain(turns);
        ((now() - start) * 1e5) as u32
    };
    (time(chain_pairs, 0), time(chain_fours, 0)); // the first call of anything takes longest
    // Turns are doubled until they take six times as long as the first time that the clock told of both: a few of its ticks, which in pages are 5 to
    // 1,000 microseconds. Then the shortest of three, since other programs can only add to it, or one where that is long.
    let (mut told, mut tick, mut turns) = (0, 0, 32);
    let (mut pairs, mut fours, mut rounds) = (u32::MAX, u32::MAX, 0);
    while rounds < 3 {
        if turns > if told == 0 { FIRST_TURNS } else { MOST_TURNS } {
            return false;
        }
        let (two, four) = (time(chain_pairs, turns), time(chain_fours, turns));
        told |= two | four;
        if tick == 0 {
            tick = two.min(four);
        }
        if two.min(four) < 6 * tick || tick == 0 {
            // What took long enough only because other programs ran is of fewer turns, and not to be compared.
            (pairs, fours, rounds) = (u32::MAX, u32::MAX, 0);
            turns *= 2;
        } else {
            (pairs, fours) = (pairs.min(two), fours.min(four));
            rounds += 1 + turns / FIRST_TURNS;
        }
    }
    8 * fours < 9 * pairs
}

/// Turns of [`adds_fours`]' loops that take a twentieth of a millisecond: a clock that has told nothing by then stands, as at the edge.
const FIRST_TURNS: u32 = 1 << 11;

/// Turns that take a millisecond: a clock that has not told which is faster by then is too coarse.
const MOST_TURNS: u32 = 1 << 15;

/// Products of the same bytes again and again, eight a turn, each of what the one before it gave.
#[inline(never)]
fn chain_pairs(turns: u32) {
    let (mut chain, zero) = (black_box(none()), black_box(none()));
    for _ in 0..turns {
        for _ in 0..8 {
            chain = zero.add_dot(zero.bytes(), chain.bytes());
        }
    }
    black_box(chain);
}

/// The same by fours.
#[inline(never)]
fn chain_fours(turns: u32) {
    let (mut chain, zero) = (black_box(I32x4::new([0; 4])), black_box(I32x4::new([0; 4])));
    for _ in 0..turns {
        for _ in 0..8 {
            chain = zero.add_dot_of_bytes(zero.bytes(), chain.bytes());
        }
    }
    black_box(chain);
}

/// Values that a number of 16 bits takes.
pub const OF_16_BITS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock by which the loops take so long, and telling the time a little.
    fn clock(tick: f64, pairs: f64, fours: f64) -> impl FnMut() -> f64 {
        let (mut calls, mut time, mut turns) = (0u32, 0.0, 32.0);
        move || {
            calls += 1;
            // Every second call ends what the one before it began: nothing twice, then pairs, fours, pairs, fours, twice as long as before.
            let passed = match calls {
                0..=4 => 0.0,
                _ if calls % 2 == 1 => 0.0,
                _ if calls / 2 % 2 == 1 => pairs * turns,
                _ => {
                    let four = fours * turns;
                    turns *= 2.0;
                    four
                }
            };
            time += passed;
            (time / tick).floor() * tick
        }
    }

    #[test]
    fn the_clock_tells_what_the_host_does_faster() {
        for (pairs, fours, wanted) in [(6e-5, 5e-5, true), (6e-5, 6.6e-5, true), (6e-5, 9e-5, false), (6e-5, 12e-5, false)] {
            assert_eq!(adds_fours(clock(1e-4, pairs, fours)), wanted, "{fours} and {pairs} ms a turn");
        }
        let page = |fours| adds_fours(clock(0.1, 25e-6, fours));
        assert!(page(21e-6) && !page(37e-6));
        // As it once was, in microseconds: another program made the fourth loops long enough to be compared, of half as many turns as later ones.
        let loops = [17.4, 6.0, 0.6, 0.8, 0.9, 1.3, 1.6, 2.5, 6.3, 5.0, 3.2, 4.9, 6.4, 11.6, 6.3, 9.3, 6.3, 9.3];
        let (mut calls, mut time) = (0, 0.0);
        assert!(!adds_fours(|| {
            time += if calls % 2 == 1 { loops[calls / 2] / 1e3 } else { 0.0 };
            calls += 1;
            time
        }));
        assert!(!adds_fours(|| 0.0), "a clock that stands");
        assert!(!adds_fours(|| f64::NAN), "no clock");
        assert!(!adds_fours(clock(1.0, 6e-5, 5e-5)), "too coarse a clock");
        assert!(!adds_fours(clock(1e-4, 0.0, 0.0)), "a clock that hardly goes");
    }

    #[test]
    fn pairs_of_bytes_are_multiplied_and_pairs_of_sums_added() {
        let weights: [i8; 16] = std::array::from_fn(|k| [127, -128, 3, -4, 0, 1][k % 6]);
        let dots = I16x8::new([5; 8]).add_dot(I8x16::splat_four([127, 1, 0, 90]), I8x16::new(weights));
        let product = |k: usize| i16::from(weights[k]) * [127, 1, 0, 90][k % 4];
        let wanted: [i16; 8] = std::array::from_fn(|i| 5 + product(2 * i) + product(2 * i + 1));
        assert_eq!(dots.to_array(), wanted);
        let sums = widen(I32x4::new([1, 2, 3, 4]), dots, ones()).to_array();
        let pair = |i: usize| i32::from(wanted[2 * i]) + i32::from(wanted[2 * i + 1]);
        assert_eq!(sums, std::array::from_fn(|i| i as i32 + 1 + pair(i)));
        let fours = I32x4::new([1, 2, 3, 4]).add_dot_of_bytes(I8x16::splat_four([127, 1, 0, 90]), I8x16::new(weights));
        let four = |i: usize| (0..4).map(|k| i32::from(product(4 * i + k))).sum::<i32>();
        assert_eq!(fours.to_array(), std::array::from_fn(|i| i as i32 + 1 + four(i)));
        assert_eq!(I16x8::new([1, -1, 127, -128, 0, 5, 6, 7]).to_bytes(), [1, -1, 127, -128, 0, 5, 6, 7]);
        assert_eq!(I16x8::new([1, -1, 127, -127, 0, 5, 6, 7]).negated().to_array(), [-1, 1, -127, 127, 0, -5, -6, -7]);
    }
}
