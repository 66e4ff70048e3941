//! What a net computes in: the numbers of a precision, one at a time. The kernels do the same in lanes.

use crate::cell::Cell;
use crate::config::{Config, Precision};
use crate::error::Error;
use crate::integer::Shift;
use crate::layers::{Layers, Source, Start};
use crate::memory::try_room;
use crate::weights::{Stored, Weights};
use std::fmt::Debug;
use std::ops::Add;

/// A precision's numbers: how a weight, an activation and a sum are held, and how one becomes the other.
///
/// For each position and sum: `sum = bias`, or `sum = start(output)` of another layer; `sum = multiply_add(sum, input, weight)`
/// over terms and channels. For each output: `add(residual, round(sums))`.
pub trait Arithmetic: Copy + Debug + Send + Sync + 'static {
    /// A number of the model file.
    type Stored: Stored;
    /// A weight or an activation.
    type Value: Copy + Default + PartialEq + Debug + Send + Sync;
    /// An accumulator.
    type Sum: Copy + Debug + Add<Output = Self::Sum> + Send + Sync;
    /// What a layer needs to turn a sum into an output.
    type Rounding: Copy + Debug + Send + Sync;
    /// What a one-hot channel is that is on.
    const ONE: Self::Value;

    /// What an ordinal level is to the net.
    fn level(config: &Config, level: u16) -> Self::Value;

    /// The number that [`Arithmetic::indexed`] has made a value of.
    fn index(value: Self::Value) -> usize;

    /// The value that holds a number, up to 512.
    fn indexed(number: usize) -> Self::Value;

    /// A kernel's weight.
    fn weight(stored: Self::Stored) -> Self::Value;

    /// What a sum begins with: the bias, and what makes [`Arithmetic::round`] round to the nearest.
    fn bias(rounding: Self::Rounding, stored: Self::Stored) -> Self::Sum;

    /// What a sum begins with where another layer's output is that.
    fn start(output: Self::Value) -> Self::Sum;

    /// The rounding of a layer.
    fn rounding(layers: &Layers, weights: &Weights<Self::Stored>, layer: usize) -> Self::Rounding;

    /// Values that an output of the last layer takes, whose sums are kept whole; all others take one.
    const LAST_VALUES: usize;

    /// Values that an output takes, by its layer's rounding.
    fn sum_values(rounding: Self::Rounding) -> usize;

    /// `sum + input * weight`.
    fn multiply_add(sum: Self::Sum, input: Self::Value, weight: Self::Value) -> Self::Sum;

    /// The output that sums stand for; a cell of one sum looks at the first alone.
    fn round(rounding: Self::Rounding, sums: [Self::Sum; 2]) -> Self::Value;

    /// The same where kernels must look whether a sum is in the range of its type.
    fn guarded(rounding: Self::Rounding) -> Self::Rounding;

    /// Whether some hidden value of the net may leave the range of its type, for some image. Where none can, kernels need not
    /// look.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn can_overflow(layers: &Layers, weights: &Weights<Self::Stored>) -> Result<bool, Error>;

    /// An output and its residual.
    fn add(residual: Self::Value, output: Self::Value) -> Self::Value;

    /// The logit that a sum of the last layer stands for.
    fn logit(rounding: Self::Rounding, sum: Self::Sum) -> f32;

    /// A sum that was kept whole.
    fn kept_sum(values: &[Self::Value]) -> Self::Sum;
}

/// [`Precision::F32`].
#[derive(Clone, Copy, Debug)]
pub struct F32;

/// How a layer of f32 makes outputs of its sums.
#[derive(Clone, Copy, Debug)]
pub struct Finish {
    /// Its cell.
    pub cell: Cell,
    /// Whether kernels must look for sums that are not finite.
    pub guarded: bool,
}

/// `x > 0 ? x : +0`, by its bits: where relaxed SIMD is allowed, compilers make a relaxed instruction of a loop of `max`.
fn relu(x: f64) -> f64 {
    f64::from_bits((x.to_bits() as i64).max(0) as u64)
}

impl Arithmetic for F32 {
    type Stored = f32;
    type Value = f32;
    type Sum = f32;
    type Rounding = Finish;

    const ONE: f32 = 1.0;

    fn level(config: &Config, level: u16) -> f32 {
        f32::from(level) / (config.levels - 1) as f32
    }

    fn index(value: f32) -> usize {
        value as usize
    }

    fn indexed(number: usize) -> f32 {
        number as f32
    }

    fn weight(stored: f32) -> f32 {
        stored
    }

    fn bias(_: Finish, stored: f32) -> f32 {
        stored
    }

    fn start(output: f32) -> f32 {
        output
    }

    fn rounding(layers: &Layers, _: &Weights, layer: usize) -> Finish {
        Finish { cell: layers[layer].cell, guarded: false }
    }

    const LAST_VALUES: usize = 1;

    fn sum_values(_: Finish) -> usize {
        1
    }

    fn multiply_add(sum: f32, input: f32, weight: f32) -> f32 {
        sum + input * weight
    }

    /// NaN for a sum that is not finite. All that reads a NaN becomes one, whatever the weights, and so does the logit: no
    /// relu hides it, and no engine can leave it out, since only zeros are.
    fn round(Finish { cell, .. }: Finish, [a, b]: [f32; 2]) -> f32 {
        let finite = a.is_finite() && (cell.sums() == 1 || b.is_finite());
        if finite { cell.apply(a, b) } else { f32::NAN }
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
            let rounding = (2.0 * terms as f64 * f64::from(f32::EPSILON)).exp();
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
                        for ((sum, passed), &weight) in sums.iter_mut().zip(weights) {
                            *sum += f64::from(weight.abs()) * source;
                            *passed += relu(f64::from(weight)) * source;
                        }
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

    fn add(residual: f32, output: f32) -> f32 {
        residual + output
    }

    fn logit(_: Finish, sum: f32) -> f32 {
        sum
    }

    fn kept_sum(values: &[f32]) -> f32 {
        values[0]
    }
}

/// [`Precision::Int16`]: weights and activations of 16 bits, sums of 32, and no fraction before the logit.
///
/// A layer's output is its sum divided by `1 << shift` to the nearest (halves up), cut off at the range of 16 bits. The
/// sums of a checked model cannot overflow (see [`crate::weights`]), so any order and any engine gives the same integers.
#[derive(Clone, Copy, Debug)]
pub struct Int16;

impl Arithmetic for Int16 {
    type Stored = i32;
    type Value = i16;
    type Sum = i32;
    type Rounding = Shift;

    const ONE: i16 = 1;

    fn level(_: &Config, level: u16) -> i16 {
        level as i16 // of two
    }

    fn index(value: i16) -> usize {
        value as usize
    }

    fn indexed(number: usize) -> i16 {
        number as i16
    }

    fn weight(stored: i32) -> i16 {
        stored as i16 // in range, as `Weights::new` has checked
    }

    fn bias(Shift { half, .. }: Shift, stored: i32) -> i32 {
        stored + half
    }

    fn start(output: i16) -> i32 {
        output.into()
    }

    fn rounding(layers: &Layers, weights: &Weights<i32>, layer: usize) -> Shift {
        Shift::new(layers, layer, weights.shift(layer))
    }

    const LAST_VALUES: usize = size_of::<i32>() / size_of::<i16>();

    fn sum_values(Shift { whole, .. }: Shift) -> usize {
        if whole { Int16::LAST_VALUES } else { 1 }
    }

    fn multiply_add(sum: i32, input: i16, weight: i16) -> i32 {
        sum + i32::from(input) * i32::from(weight)
    }

    fn round(Shift { shift, floor, .. }: Shift, [sum, _]: [i32; 2]) -> i16 {
        (sum >> shift).clamp(floor.into(), i16::MAX.into()) as i16
    }

    fn guarded(rounding: Shift) -> Shift {
        rounding
    }

    /// Outputs saturate, and no sum can overflow, as `Weights::new` has proven.
    fn can_overflow(_: &Layers, _: &Weights<i32>) -> Result<bool, Error> {
        Ok(false)
    }

    fn add(residual: i16, output: i16) -> i16 {
        residual.saturating_add(output)
    }

    fn logit(Shift { shift, .. }: Shift, sum: i32) -> f32 {
        sum as f32 / (1u32 << shift) as f32
    }

    fn kept_sum(values: &[i16]) -> i32 {
        i32::from(values[0] as u16) | i32::from(values[1]) << 16
    }
}

/// The two precisions of something.
#[derive(Clone, Debug, PartialEq)]
pub enum Either<F, I> {
    /// [`Precision::F32`].
    F32(F),
    /// [`Precision::Int16`].
    Int16(I),
}

impl<F, I> Either<F, I> {
    /// Which of them it is.
    pub fn precision(&self) -> Precision {
        match self {
            Either::F32(_) => Precision::F32,
            Either::Int16(_) => Precision::Int16,
        }
    }
}
