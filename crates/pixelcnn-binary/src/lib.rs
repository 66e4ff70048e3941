//! The face to JavaScript as a binary.
//!
//! A crate of its own, and empty, since link-time optimisation of all crates goes by the options of the last one: that has to be speed
//! for the kernels' sake, and would make the face's functions large were they here.

pub use pixelcnn_wasm::*;
