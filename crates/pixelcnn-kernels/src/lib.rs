//! What a net spends its time in: arithmetic in lanes, the same bits on every target. Numbers alone, nothing of nets.

#![deny(missing_docs, unsafe_code)]

pub mod cell;
pub mod simd;
