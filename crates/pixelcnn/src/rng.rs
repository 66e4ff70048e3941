//! Random numbers that depend on what they are for and on nothing else: Philox4x32-10.
//!
//! A counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405)
//! maps (key, counter) to four words. The key is the seed, the counter says which image, pixel and purpose a number is
//! for, so batches, shards, workers and resumed runs draw the same numbers in any order.

use crate::error::Error;
use crate::memory::{Bytes, Memory, try_room};

/// What a number is drawn for; purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The value of a pixel.
    Sampling = 0,
    /// Weights before training.
    Initialise = 1,
    /// The order of an epoch.
    Shuffle = 2,
    /// Binary pixels from grey ones.
    Binarise = 3,
}

/// Philox4x32-10 of a counter under a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    // Multipliers and Weyl increments as published (table 2 and section 3.3 of the paper).
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let (mut x, mut key) = (counter, key);
    for _ in 0..10 {
        let a = u64::from(MULTIPLIERS[0]) * u64::from(x[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(x[2]);
        x = [(b >> 32) as u32 ^ x[1] ^ key[0], b as u32, (a >> 32) as u32 ^ x[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(INCREMENTS[0]), key[1].wrapping_add(INCREMENTS[1])];
    }
    x
}

fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// A word as a number in [0, 1): its upper 24 bits, which f32 and f64 hold exactly.
pub fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// Two words as a number in [0, 1): the upper 27 bits of the first and 26 of the second, which f64 holds exactly.
fn uniform_53(words: [u32; 2]) -> f64 {
    let [high, low] = words.map(u64::from);
    (high >> 5 << 26 | low >> 6) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The version of how seeds become images: which numbers decide which pixel, and how. Under one version a seed gives one image of a
/// model, everywhere and for good. Version 0 drew by 24 bits, and another `exp`.
pub const SEED_CONTRACT: u32 = 1;

/// The uniform number that decides the value of one channel of one pixel, to 53 bits: many levels share what 24 leave open.
pub fn pixel_uniform(seed: u64, image: u64, pixel: u32, channel: u32) -> f64 {
    let purpose = (Purpose::Sampling as u32) << 24;
    let [first, second, ..] = philox([image as u32, (image >> 32) as u32, pixel, purpose | (channel * 4)], key(seed));
    uniform_53([first, second])
}

/// The sequence of words for one item (a tensor, an image) of one epoch under a purpose of training's.
#[derive(Clone, Debug)]
pub struct Words {
    seed: u64,
    purpose: Purpose,
    epoch: u32,
    item: u32,
    next: u32,
}

impl Words {
    /// Starts the sequence.
    pub fn new(seed: u64, purpose: Purpose, epoch: u32, item: u32) -> Words {
        Words { seed, purpose, epoch, item, next: 0 }
    }

    /// The next word as a number in [0, 1).
    pub fn uniform(&mut self) -> f32 {
        uniform(self.word())
    }

    /// As many of the next words.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn take(&mut self, count: u32) -> Result<Vec<u32>, Error> {
        let planned = Bytes::of::<u32>(&[count.into()]);
        Memory::default().check(planned)?;
        let mut words = planned.told(try_room(count as usize))?;
        words.extend((0..count).map(|_| self.word()));
        Ok(words)
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        let counter = [self.item, self.epoch, self.next, (self.purpose as u32) << 24];
        self.next = self.next.wrapping_add(1);
        philox(counter, key(self.seed))[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors that the paper's authors publish with Random123 (`kat_vectors`).
    #[test]
    fn philox_gives_the_published_answers() {
        let max = u32::MAX;
        for (counter, key, wanted) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([max; 4], [max; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), wanted);
        }
    }

    #[test]
    fn a_uniform_is_below_one() {
        assert_eq!(uniform(0), 0.0);
        assert_eq!(uniform(u32::MAX), 1.0 - 1.0 / 16_777_216.0);
    }

    #[test]
    fn a_uniform_of_two_words_has_53_bits() {
        assert_eq!(uniform_53([0, 63]), 0.0);
        assert_eq!(uniform_53([0, 64]), f64::EPSILON / 2.0);
        assert_eq!(uniform_53([32, 0]), 1.0 / f64::from(1 << 27));
        assert_eq!(uniform_53([1 << 31, 0]), 0.5);
        assert_eq!(uniform_53([u32::MAX; 2]), 1.0 - f64::EPSILON / 2.0);
        let bits = |image: u64| (pixel_uniform(7, image << 30, 784, 2) * (1u64 << 53) as f64) as u64;
        let set = (0..1000)
            .map(bits)
            .fold([0u32; 53], |counts, bits| std::array::from_fn(|bit| counts[bit] + (bits >> bit & 1) as u32));
        assert!(set.iter().all(|count| (400..600).contains(count)), "each bit is on as often as off: {set:?}");
    }

    #[test]
    fn purposes_epochs_and_items_do_not_share_numbers() {
        let first = |purpose, epoch, item| Words::new(7, purpose, epoch, item).word();
        let base = first(Purpose::Shuffle, 0, 0);
        assert_ne!(base, first(Purpose::Binarise, 0, 0));
        assert_ne!(base, first(Purpose::Shuffle, 1, 0));
        assert_ne!(base, first(Purpose::Shuffle, 0, 1));
    }
}
