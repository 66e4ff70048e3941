//! How many bytes something takes, counted before any of it is allocated.
//!
//! Counts are u64 on every target, so that a size means the same in 32 bits. A sum or product beyond 64 bits stays at the most
//! that they hold, which is more than any machine has. What is planned is then allocated fallibly: a plan above the limit,
//! and a host that has no more to give, are both [`Error::OutOfMemory`] with the bytes of the whole plan.

use crate::error::Error;
use std::iter::Sum;
use std::ops::Add;

/// Bytes that something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Those of as many values as the product of some counts.
    pub(crate) fn of<T>(counts: &[u64]) -> Bytes {
        Bytes(product(counts).saturating_mul(size_of::<T>() as u64))
    }

    /// The result, in which running out of memory tells of these bytes, the whole plan's, and not of the part that failed.
    pub(crate) fn told<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error {
            Error::OutOfMemory { limit: None, .. } => Error::OutOfMemory { bytes: self.0, limit: None },
            other => other,
        })
    }
}

impl Add for Bytes {
    type Output = Bytes;
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(all: I) -> Bytes {
        all.fold(Bytes(0), Bytes::add)
    }
}

/// A product that stays at the most that 64 bits hold.
pub(crate) fn product(counts: &[u64]) -> u64 {
    counts.iter().fold(1, |product: u64, &count| product.saturating_mul(count))
}

/// How much memory a model, and each run over it with it, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// In bytes. More than the host can address means as much as it can.
    pub limit: u64,
}

impl Memory {
    /// Refuses what takes more.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn check(self, planned: Bytes) -> Result<(), Error> {
        if planned.0 > self.limit {
            return Err(Error::OutOfMemory { bytes: planned.0, limit: Some(self.limit) });
        }
        match usize::try_from(planned.0) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::OutOfMemory { bytes: planned.0, limit: None }),
        }
    }
}

impl Default for Memory {
    /// 4 GiB.
    fn default() -> Memory {
        Memory { limit: 4 << 30 }
    }
}

/// A `Vec` of `len` default values, or [`Error::OutOfMemory`] where the host has no room, instead of an abort.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn try_zeroed<T: Copy + Default>(len: usize) -> Result<Vec<T>, Error> {
    let mut data = try_room(len)?;
    lengthen(&mut data, len);
    Ok(data)
}

/// Makes a list as long, by default values. In blocks: compiled for size, `resize` goes value by value, and took a third of the time that
/// a model's file is read in.
pub(crate) fn lengthen<T: Copy + Default>(list: &mut Vec<T>, len: usize) {
    let block = [T::default(); 64];
    while list.len() < len {
        list.extend_from_slice(&block[..block.len().min(len - list.len())]);
    }
}

/// Room for that many values, or [`Error::OutOfMemory`].
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn try_room<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut data = Vec::new();
    data.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes: Bytes::of::<T>(&[len as u64]).0, limit: None })?;
    Ok(data)
}

/// Makes an empty list's room as large as a product, if it is not, or gives [`Error::OutOfMemory`].
pub(crate) fn reserve<T>(list: &mut Vec<T>, counts: &[usize]) -> Result<(), Error> {
    let wide = counts.iter().fold(1, |product: u64, &count| product.saturating_mul(count as u64));
    let none = Error::OutOfMemory { bytes: Bytes::of::<T>(&[wide]).0, limit: None };
    debug_assert!(list.is_empty());
    match usize::try_from(wide) {
        Ok(len) => list.try_reserve_exact(len).map_err(|_| none),
        Err(_) => Err(none),
    }
}

/// A copy, or [`Error::OutOfMemory`].
pub(crate) fn try_copy<T: Copy>(values: &[T]) -> Result<Vec<T>, Error> {
    let mut data = try_room(values.len())?;
    data.extend_from_slice(values);
    Ok(data)
}

/// Makes sure that the host has some bytes to give, and gives them back: to be called before what is small, bounded, and made
/// of many parts (names, lists of layers), so that it need not look at each. Of WebAssembly, whose memory never shrinks and
/// which runs one thing at a time, this is a promise.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn headroom(bytes: Bytes) -> Result<(), Error> {
    let len = usize::try_from(bytes.0).map_err(|_| Error::OutOfMemory { bytes: bytes.0, limit: None })?;
    // Looked at, so that no compiler takes the pair of calls away.
    std::hint::black_box(try_room::<u8>(len)?);
    Ok(())
}

/// Text that grows fallibly: `write!` into it fails where the host has no room.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// What was written, or [`Error::OutOfMemory`] where something could not be.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn written(write: impl FnOnce(&mut Text) -> std::fmt::Result) -> Result<String, Error> {
        let mut text = Text::default();
        match write(&mut text) {
            Ok(()) => Ok(text.0),
            Err(_) => Err(Error::OutOfMemory { bytes: text.0.len() as u64 * 2, limit: None }),
        }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| std::fmt::Error)?;
        self.0.push_str(more);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_64_bits_cannot_hold_is_more_than_any_limit() {
        assert_eq!(Bytes::of::<u64>(&[1 << 40, 1 << 40]), Bytes(u64::MAX));
        assert_eq!(Bytes(u64::MAX) + Bytes(1), Bytes(u64::MAX));
        let refused = Memory::default().check(Bytes(u64::MAX));
        assert_eq!(refused, Err(Error::OutOfMemory { bytes: u64::MAX, limit: Some(1 << 32) }));
        assert_eq!(Memory { limit: 8 }.check(Bytes::of::<f32>(&[2])), Ok(()));
        assert!(Memory { limit: 7 }.check(Bytes::of::<f32>(&[2])).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where a host would say no")]
    fn what_the_host_cannot_give_is_an_error() {
        let bytes = u64::MAX / 2;
        assert_eq!(headroom(Bytes(bytes)), Err(Error::OutOfMemory { bytes, limit: None }));
        assert_eq!(Bytes(9).told(headroom(Bytes(bytes))), Err(Error::OutOfMemory { bytes: 9, limit: None }));
        let none = Error::OutOfMemory { bytes: (isize::MAX as u64 / 4) * 8, limit: None };
        assert_eq!(try_zeroed::<u64>(isize::MAX as usize / 4).map(drop), Err(none));
    }
}
