//! The numbers of a precision in lanes: what tiles are written in.
#![allow(unsafe_code, reason = "a bounds check per multiply-add halves the speed; all reads are checked once, before the loops")]

use crate::arithmetic::{Arithmetic, F32, Finish, Int16};
use crate::cell::Cell;
use crate::integer::Shift;
use crate::simd::{F32x4, I16x8, I32x4};

/// An [`Arithmetic`] in lanes.
pub trait Lanes: Arithmetic {
    /// Four sums.
    type Sums: Copy;
    /// What a step multiplies: four outputs' weights, or one position's values four times.
    type Factors: Copy;
    /// Channels of a step.
    const STEP: usize;

    /// Four biases.
    ///
    /// # Safety
    /// They can be read there.
    unsafe fn biases(from: *const Self::Sum) -> Self::Sums;

    /// A step's weights of four outputs.
    ///
    /// # Safety
    /// `4 * STEP` values can be read there.
    unsafe fn weights(from: *const Self::Value) -> Self::Factors;

    /// A step's values of a position.
    ///
    /// # Safety
    /// `STEP` values can be read there.
    unsafe fn inputs(from: *const Self::Value) -> Self::Factors;

    /// Adds a step's products.
    fn add_products(sums: Self::Sums, inputs: Self::Factors, weights: Self::Factors) -> Self::Sums;

    /// For a layer that tiles do not finish: how they leave its sums as they are, for [`Lanes::finish`]. A call in a tile, were it
    /// never made, would cost it a fifth of its time.
    fn unfinished(rounding: Self::Rounding) -> Option<Self::Rounding>;

    /// Makes outputs of the sums of a panel, as [`Lanes::write`] makes them of sums in registers.
    ///
    /// # Safety
    /// [`super::PANEL`] values can be read at `sums`; else as [`Lanes::write`].
    unsafe fn finish(
        rounding: Self::Rounding,
        sums: *const Self::Value,
        residual: Option<*const Self::Value>,
        to: *mut Self::Value,
    );

    /// Writes the outputs of a panel, after adding the values at `residual` where there is one.
    ///
    /// # Safety
    /// As many values as the panel has outputs can be read at `residual`, and as many times `sum_values(rounding)` written at `to`.
    unsafe fn write(rounding: Self::Rounding, sums: [Self::Sums; 2], residual: Option<*const Self::Value>, to: *mut Self::Value);
}

impl Lanes for F32 {
    type Sums = F32x4;
    type Factors = F32x4;
    const STEP: usize = 1;

    #[inline(always)]
    unsafe fn biases(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises; an array of f32 needs no more alignment than an f32.
        F32x4::new(unsafe { *from.cast::<[f32; 4]>() })
    }

    #[inline(always)]
    unsafe fn weights(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises.
        F32x4::new(unsafe { *from.cast::<[f32; 4]>() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const f32) -> F32x4 {
        // SAFETY: as the caller promises.
        F32x4::splat(unsafe { *from })
    }

    #[inline(always)]
    fn add_products(sums: F32x4, inputs: F32x4, weights: F32x4) -> F32x4 {
        sums + inputs * weights
    }

    fn unfinished(Finish { cell, guarded }: Finish) -> Option<Finish> {
        let finished = matches!(cell, Cell::Relu | Cell::Linear) && !guarded;
        (!finished).then_some(Finish { cell: Cell::Linear, guarded: false })
    }

    unsafe fn finish(finish: Finish, sums: *const f32, residual: Option<*const f32>, to: *mut f32) {
        let of = |a: F32x4, b: F32x4| {
            if finish.guarded {
                let (a, b) = (a.to_array(), b.to_array());
                F32x4::new(std::array::from_fn(|lane| F32::round(finish, [a[lane], b[lane]])))
            } else {
                finish.cell.lanes(a, b)
            }
        };
        // SAFETY: as the caller promises.
        unsafe {
            let (low, high) = (F32::weights(sums), F32::weights(sums.add(4)));
            if finish.cell.sums() == 2 {
                return write_four(of(low, high), residual, to);
            }
            write_four(of(low, low), residual, to);
            write_four(of(high, high), residual.map(|from| from.add(4)), to.add(4));
        }
    }

    #[inline(always)]
    unsafe fn write(Finish { cell, .. }: Finish, sums: [F32x4; 2], residual: Option<*const f32>, to: *mut f32) {
        let floor = if cell == Cell::Relu { 0 } else { i32::MIN };
        for (v, sums) in sums.into_iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe { write_four(sums.bits_at_least(floor), residual.map(|from| from.add(4 * v)), to.add(4 * v)) };
        }
    }
}

/// Writes four outputs.
///
/// # Safety
/// Four values can be read at `residual`, and written at `to`.
#[inline(always)]
unsafe fn write_four(out: F32x4, residual: Option<*const f32>, to: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let out = residual.map_or(out, |from| F32::weights(from) + out);
        *to.cast::<[f32; 4]>() = out.to_array();
    }
}

impl Lanes for Int16 {
    type Sums = I32x4;
    type Factors = I16x8;
    const STEP: usize = 2;

    #[inline(always)]
    unsafe fn biases(from: *const i32) -> I32x4 {
        // SAFETY: as the caller promises; an array of i32 needs no more alignment than an i32.
        I32x4::new(unsafe { *from.cast::<[i32; 4]>() })
    }

    #[inline(always)]
    unsafe fn weights(from: *const i16) -> I16x8 {
        // SAFETY: as the caller promises; an array of i16 needs no more alignment than an i16.
        I16x8::new(unsafe { *from.cast::<[i16; 8]>() })
    }

    #[inline(always)]
    unsafe fn inputs(from: *const i16) -> I16x8 {
        // SAFETY: as the caller promises.
        I16x8::splat_pair(unsafe { *from.cast::<[i16; 2]>() })
    }

    #[inline(always)]
    fn add_products(sums: I32x4, inputs: I16x8, weights: I16x8) -> I32x4 {
        sums.add_dot(inputs, weights)
    }

    fn unfinished(_: Shift) -> Option<Shift> {
        None
    }

    unsafe fn finish(_: Shift, _: *const i16, _: Option<*const i16>, _: *mut i16) {
        unreachable!("tiles finish every layer of integers");
    }

    #[inline(always)]
    unsafe fn write(rounding: Shift, [low, high]: [I32x4; 2], residual: Option<*const i16>, to: *mut i16) {
        // SAFETY: as the caller promises.
        unsafe {
            if rounding.whole {
                *to.cast::<[[u8; 4]; 4]>() = low.to_array().map(i32::to_le_bytes);
                *to.add(8).cast::<[[u8; 4]; 4]>() = high.to_array().map(i32::to_le_bytes);
                return;
            }
            // The bias holds the half already.
            let mut out = I16x8::narrow(low, high, rounding.shift).at_least(I16x8::splat_pair([rounding.floor; 2]));
            if let Some(residual) = residual {
                out = Int16::weights(residual).add_saturating(out);
            }
            *to.cast::<[i16; 8]>() = out.to_array();
        }
    }
}
