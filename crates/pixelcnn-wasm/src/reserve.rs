//! The allocator: the standard one, and a little beside it for when the host gives no more memory.
//!
//! What a file or an argument makes large is asked for fallibly, and is an error where there is no room. What is left is
//! small: lists of what is under way, the sentence of that very error. An allocation that cannot fail would stop the
//! module there, so the last of them come out of a block that is there from the beginning. No call that leaves something
//! behind ends well while the block is in use (see [`is_whole`]), so that the next call finds it whole.
#![allow(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Bytes of the block.
const SIZE: usize = 32 << 10;
/// The most that comes out of it at a time: anything larger was asked for fallibly.
pub const LARGEST: usize = 4 << 10;

#[repr(align(16))]
struct Block {
    _bytes: [u8; SIZE],
}

/// The allocator.
pub struct Reserve {
    block: UnsafeCell<Block>,
    used: Cell<usize>, // bytes from its start; all are free again when no allocation is left in it
    live: Cell<usize>, // allocations in it
}

// SAFETY: it is the allocator of a WebAssembly module without threads.
unsafe impl Sync for Reserve {}

impl Reserve {
    /// One whose block is whole.
    pub const fn new() -> Reserve {
        Reserve { block: UnsafeCell::new(Block { _bytes: [0; SIZE] }), used: Cell::new(0), live: Cell::new(0) }
    }

    /// Whether nothing lies in the block.
    pub fn is_whole(&self) -> bool {
        self.live.get() == 0
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        let start = self.used.get().next_multiple_of(layout.align());
        if layout.align() > align_of::<Block>() || layout.size() > LARGEST || start + layout.size() > SIZE {
            return std::ptr::null_mut();
        }
        self.used.set(start + layout.size());
        self.live.set(self.live.get() + 1);
        // SAFETY: inside the block, as was checked.
        unsafe { self.block.get().cast::<u8>().add(start) }
    }

    fn holds(&self, at: *mut u8) -> bool {
        (at as usize).wrapping_sub(self.block.get() as usize) < SIZE
    }

    fn give_back(&self) {
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            self.used.set(0);
        }
    }
}

// SAFETY: what comes out of the block lies in it, is aligned, and overlaps nothing that is still in use: `used` only grows
// until nothing is. All else is the standard allocator's.
unsafe impl GlobalAlloc for Reserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        let at = unsafe { System.alloc(layout) };
        if at.is_null() { self.take(layout) } else { at }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if self.holds(at) {
            self.give_back();
        } else {
            // SAFETY: the caller's promises are passed on.
            unsafe { System.dealloc(at, layout) }
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.holds(at) {
            // SAFETY: the caller's promises are passed on.
            let moved = unsafe { System.realloc(at, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller promises that the size is one of a layout; both blocks are as long as what is copied, and apart.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(at, moved, size.min(layout.size()));
                self.dealloc(at, layout);
            }
            moved
        }
    }
}
