//! An allocator that knows how much is held, for tests of what a call may take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which knows for each thread how many bytes are held, the most since [`peak_of`] began, and how often
/// something was allocated.
pub struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static MADE: Cell<usize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    // While a block is resized there may be two of it.
    let most = HELD.get() + taken as isize;
    PEAK.set(PEAK.get().max(most));
    HELD.set(most - given_back as isize);
    MADE.set(MADE.get() + usize::from(taken > 0));
}

/// The result of a call, the most bytes that it held at a time, and how often it allocated.
pub fn peak_of<T>(call: impl FnOnce() -> T) -> (T, u64, usize) {
    let (before, made) = (HELD.get(), MADE.get());
    PEAK.set(before);
    let result = call();
    (result, (PEAK.get() - before) as u64, MADE.get() - made)
}

// SAFETY: every call goes to `System` as it came; counting touches thread-local cells that need no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}
