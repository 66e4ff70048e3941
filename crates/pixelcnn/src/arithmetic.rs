//! What a net computes in: the numbers of a precision, one at a time. The kernels do the same in lanes ([`Lanes`]).

use crate::cell::Cell;
use crate::config::{Config, Input, Precision};
use crate::error::Error;
use crate::integer;
use crate::layers::{Layers, Source, Start};
use crate::math;
use crate::memory::try_room;
use crate::simd::small::{self, Small};
use crate::weights::{Stored, Weights};
use pixelcnn_kernels::weights::{add_bounds, relu};
pub use pixelcnn_kernels::{F32, Int8};
use pixelcnn_kernels::{Finish, Lanes, Rounding};

/// A precision's numbers: how a weight, an activation and a sum are held, and how one becomes the other.
///
/// For each position and sum: `sum = bias (+ class)`, or `sum = start(output)` of another layer; `sum = multiply_add(sum, input,
/// weight)` over terms and channels, where an input is a `view` of an output. For each output: `add(residual, round(scaled sums))`.
pub trait Arithmetic: Lanes<Stored: Stored> {
    /// A channel of what a level is to the net.
    fn pixel(config: &Config, weights: &Weights<Self::Stored>, level: u16, channel: usize) -> Self::Number;

    /// A kernel's weight.
    fn weight(stored: Self::Stored) -> Self::Number;

    /// What a sum begins with: the bias, or a class's share of it.
    fn bias(stored: Self::Stored) -> Self::Sum;

    /// A pixel's level as the values of its row, of which a row of zeros is none.
    fn put_level(config: &Config, weights: &Weights<Self::Stored>, level: u16, to: &mut Vec<Self::Value>);

    /// The rounding of a layer.
    fn rounding(layers: &Layers, weights: &Weights<Self::Stored>, layer: usize) -> Self::Rounding;

    /// What a sum of a layer is multiplied with before it is rounded.
    fn scale(weights: &Weights<Self::Stored>, layer: usize, sum: usize) -> f32;

    /// What 2^15 parts of an output of a channel a kernel reads, where a layer's rounding keeps more than that; else 0.
    fn parts(rounding: Self::Rounding, weights: &Weights<Self::Stored>, layer: usize, channel: usize) -> i16;

    /// What a kernel reads of an output of a channel with such parts.
    fn view(rounding: Self::Rounding, parts: i16, output: Self::Number) -> Self::Number;

    /// `sum + input * weight`.
    fn multiply_add(sum: Self::Sum, input: Self::Number, weight: Self::Number) -> Self::Sum;

    /// The output that sums stand for, each with its scale; a cell of one sum looks at the first alone.
    fn round(rounding: Self::Rounding, sums: [Self::Sum; 2], scales: [f32; 2]) -> Self::Number;

    /// The same where kernels must look whether a sum is in the range of its type.
    fn guarded(rounding: Self::Rounding) -> Self::Rounding;

    /// Whether some hidden value of the net may leave the range of its type, for some image. Where none can, kernels need not
    /// look.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn can_overflow(layers: &Layers, weights: &Weights<Self::Stored>) -> Result<bool, Error>;

    /// An output and its residual.
    fn add(residual: Self::Number, output: Self::Number) -> Self::Number;

    /// The logit that a sum of the last layer stands for.
    fn logit(sum: Self::Sum, scale: f32) -> f32;
}

impl Arithmetic for F32 {
    fn pixel(config: &Config, weights: &Weights, level: u16, channel: usize) -> f32 {
        match config.input {
            Input::Ordinal => f32::from(level) / (config.levels - 1) as f32,
            Input::Nominal if config.embedding > 0 => weights.embedding()[usize::from(level) * config.embedding + channel],
            Input::Nominal => f32::from(usize::from(level) == channel),
        }
    }

    #[inline(always)]
    fn weight(stored: f32) -> f32 {
        stored
    }

    #[inline(always)]
    fn bias(stored: f32) -> f32 {
        stored
    }

    fn put_level(config: &Config, weights: &Weights, level: u16, to: &mut Vec<f32>) {
        if config.is_one_hot() {
            to.push(f32::from(level) + 1.0);
        } else {
            to.extend((0..config.input_channels()).map(|channel| F32::pixel(config, weights, level, channel)));
        }
    }

    fn rounding(layers: &Layers, _: &Weights, layer: usize) -> Finish {
        Finish { cell: layers[layer].cell, guarded: false }
    }

    #[inline(always)]
    fn scale(_: &Weights, _: usize, _: usize) -> f32 {
        1.0
    }

    #[inline(always)]
    fn parts(_: Finish, _: &Weights, _: usize, _: usize) -> i16 {
        0
    }

    #[inline(always)]
    fn view(_: Finish, _: i16, output: f32) -> f32 {
        output
    }

    #[inline(always)]
    fn multiply_add(sum: f32, input: f32, weight: f32) -> f32 {
        sum + input * weight
    }

    fn round(finish: Finish, sums: [f32; 2], _: [f32; 2]) -> f32 {
        finish.round(sums)
    }

    fn guarded(rounding: Finish) -> Finish {
        Finish { guarded: true, ..rounding }
    }

    /// By intervals: no sum, begun or done, is larger than the sum of the magnitudes of its terms, which each of its roundings
    /// enlarges by a factor of at most 1 + 2^-24. Of a relu over what is not negative, only the positive weights let anything
    /// through.
    fn can_overflow(layers: &Layers, weights: &Weights) -> Result<bool, Error> {
        let end = f64::from(f32::MAX);
        let mut bounds: Vec<f64> = try_room(layers.iter().map(|layer| layer.out_channels).sum())?; // (layer, channel)
        let mut starts: Vec<(usize, bool)> = try_room(layers.len())?; // of its bounds, and whether it has no negative value
        let most = layers.iter().map(|layer| layer.sums()).max().unwrap_or(0);
        let mut sums: Vec<(f64, f64)> = try_room(most)?; // (sum) -> its magnitude, and what a relu lets through
        // An embedding's values may be any; an ordinal level and a one-hot channel lie in 0..=1.
        let bits = weights.embedding().iter().map(|value| value.abs().to_bits()).max(); // in the order of magnitudes
        let largest = f64::from(f32::from_bits(bits.unwrap_or(0)));
        let (pixel, pixels_positive) = if layers.embedding.is_some() { (largest, false) } else { (1.0, true) };
        // The last layer's sums are logits, which are looked at anyway.
        for (index, layer) in layers.iter().enumerate().take(layers.len() - 1) {
            let n = layer.sums();
            let positive = |source: Source| match source {
                Source::Pixels => pixels_positive,
                Source::Layer(source) => starts[source].1,
            };
            let passes = layer.cell == Cell::Relu && layer.inputs.iter().all(|input| positive(input.source));
            let terms: usize = 2 + layer.inputs.iter().map(|input| input.terms.len() * input.channels).sum::<usize>();
            let rounding = math::exp(2.0 * terms as f64 * f64::from(f32::EPSILON));
            sums.clear();
            match layer.start {
                Start::Layer(source) => sums.extend(bounds[starts[source].0..][..n].iter().map(|&bound| (bound, bound))),
                Start::Bias { class } => {
                    let classes =
                        if class { weights.class(index)[..layers.classes * n].chunks_exact(n) } else { [].chunks_exact(n) };
                    let bias = |o: usize| {
                        let bias = f64::from(weights.bias(index)[o]);
                        // Without classes the bias alone, else the worst with any class.
                        let with = classes.clone().map(|class| bias + f64::from(class[o]));
                        let (low, high) = with.fold((bias, bias), |(low, high), sum| (low.min(sum), high.max(sum)));
                        (relu(high).max(relu(-low)), relu(high))
                    };
                    sums.extend((0..n).map(bias));
                }
            }
            for (number, input) in layer.inputs.iter().enumerate() {
                let kernel = weights.kernel(index, number);
                for &term in &input.terms {
                    let from = input.weight_index(term, n);
                    for (k, weights) in kernel[from..from + input.channels * n].chunks_exact(n).enumerate() {
                        let source = match input.source {
                            Source::Pixels => pixel,
                            Source::Layer(source) => bounds[starts[source].0 + k],
                        };
                        add_bounds(&mut sums, weights, source);
                    }
                }
            }
            let start = bounds.len();
            for o in 0..layer.out_channels {
                let residual = layer.residual.map_or(0.0, |source| bounds[starts[source].0 + o]);
                let (a, b) = (sums[o].0, sums.get(layer.out_channels + o).map_or(0.0, |sum| sum.0));
                let value = residual + if passes { sums[o].1 } else { layer.cell.bound(a * rounding) };
                if a.max(b).max(value) * rounding >= end {
                    return Ok(true);
                }
                bounds.push(value * rounding);
            }
            let residual = layer.residual.is_none_or(|source| starts[source].1);
            starts.push((start, layer.cell.is_non_negative() && residual));
        }
        Ok(false)
    }

    #[inline(always)]
    fn add(residual: f32, output: f32) -> f32 {
        residual + output
    }

    fn logit(sum: f32, _: f32) -> f32 {
        sum
    }
}

/// Weights of 8 bits and activations of 7 or 8 and a sign, sums of 32, and no fraction before a sum is done.
///
/// A sum becomes an output by one multiplication in f32 with a scale of its own and by rounding to the nearest, halves to the even
/// one: exact steps. Kernels of pixels have 16 bits. The sums of a checked model cannot overflow (see [`crate::weights`]), so any
/// order and any engine gives the same integers.
impl Arithmetic for Int8 {
    fn pixel(config: &Config, weights: &Weights<i32>, level: u16, channel: usize) -> i16 {
        match config.input {
            Input::Ordinal => level as i16, // up to 511
            Input::Nominal if config.embedding > 0 => weights.embedding()[usize::from(level) * config.embedding + channel] as i16,
            Input::Nominal => (usize::from(level) == channel).into(),
        }
    }

    #[inline(always)]
    fn weight(stored: i32) -> i16 {
        stored as i16 // in range, as `Weights::new` has checked
    }

    #[inline(always)]
    fn bias(stored: i32) -> i32 {
        stored
    }

    fn put_level(_: &Config, _: &Weights<i32>, level: u16, to: &mut Vec<Small>) {
        to.extend(small::split(level as i16 + 1));
    }

    fn rounding(layers: &Layers, weights: &Weights<i32>, layer: usize) -> Rounding {
        integer::rounding(layers, weights, layer)
    }

    #[inline(always)]
    fn scale(weights: &Weights<i32>, layer: usize, sum: usize) -> f32 {
        weights.scale(layer, sum)
    }

    #[inline(always)]
    fn parts(rounding: Rounding, weights: &Weights<i32>, layer: usize, channel: usize) -> i16 {
        if rounding.kept { weights.view(layer, channel) } else { 0 }
    }

    #[inline(always)]
    fn view(rounding: Rounding, parts: i16, output: i16) -> i16 {
        rounding.view_of(output, parts)
    }

    #[inline(always)]
    fn multiply_add(sum: i32, input: i16, weight: i16) -> i32 {
        sum + i32::from(input) * i32::from(weight)
    }

    fn round(rounding: Rounding, [a, b]: [i32; 2], [of_a, of_b]: [f32; 2]) -> i16 {
        rounding.round([a as f32 * of_a, b as f32 * of_b])
    }

    fn guarded(rounding: Rounding) -> Rounding {
        rounding
    }

    /// Outputs are cut off, and no sum can overflow, as `Weights::new` has proven.
    fn can_overflow(_: &Layers, _: &Weights<i32>) -> Result<bool, Error> {
        Ok(false)
    }

    #[inline(always)]
    fn add(residual: i16, output: i16) -> i16 {
        residual.saturating_add(output)
    }

    fn logit(sum: i32, scale: f32) -> f32 {
        sum as f32 * scale
    }
}

/// The two precisions of something.
#[derive(Clone, Debug, PartialEq)]
pub enum Either<F, I> {
    /// [`Precision::F32`].
    F32(F),
    /// [`Precision::Int8`].
    Int8(I),
}

impl<F, I> Either<F, I> {
    /// Which of them it is.
    pub fn precision(&self) -> Precision {
        match self {
            Either::F32(_) => Precision::F32,
            Either::Int8(_) => Precision::Int8,
        }
    }
}
