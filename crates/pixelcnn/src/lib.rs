//! Sampling from PixelCNN image models, one front of pixels at a time, with activations kept.
//!
//! Data flows one way: [`config`] -> [`layers`] -> [`weights`] -> [`schedule`] -> kernels over a cache -> pixels by
//! the [`sampler`]. `reference` is the same net in plain loops, and the oracle for all of it. The crate uses the standard
//! library alone, reads no clock, file or entropy, and gives the same bits on every target.

#![deny(missing_docs, unsafe_code)]

pub mod activity;
pub mod arithmetic;
mod cache;
pub mod config;
pub mod decimal;
pub mod describe;
mod engine;
pub mod error;
pub mod field;
pub mod format;
pub mod head;
mod integer;
pub mod json;
pub mod layers;
mod layout;
pub mod math;
pub mod memory;
pub mod mixture;
pub mod model;
pub mod optimize;
mod packed;
pub mod quantize;
mod reference;
pub mod rng;
pub mod sampler;
pub mod schedule;
pub mod sharing;
pub mod tensors;
pub mod weights;

pub use pixelcnn_kernels::{cell, simd};

pub use config::Config;
pub use error::Error;
pub use memory::Memory;
pub use model::Model;
pub use sampler::{Conditions, Draw, Method, Run, Skipping, Strategy};
