//! The trained numbers of a net, as the file holds them: one flat array, checked once, then immutable.

use crate::config::Precision;
use crate::error::Error;
use crate::integer::{LayerIntegers, largest_pixels, overflowing};
use crate::layers::{Input, Layers, Source, Start};
use crate::memory::{Bytes, headroom, try_room};
use crate::tensors::{Dtype, Role, TensorSpec, tensor_specs};
use pixelcnn_kernels::weights;
use std::fmt::Debug;
use std::ops::{Add, RangeInclusive};

/// A number of a model file.
pub trait Stored: Copy + Default + PartialEq + Debug + Add<Output = Self> + Send + Sync + 'static {
    /// The precision whose files hold it.
    const PRECISION: Precision;

    /// Appends what some bytes hold.
    fn read(bytes: &[u8], dtype: Dtype, to: &mut Vec<Self>);

    /// Appends its bytes.
    fn extend_le(self, dtype: Dtype, bytes: &mut Vec<u8>);

    /// Checks a net's weights, beyond what holds for any precision: one error for each way to be wrong.
    #[doc(hidden)]
    fn check(layers: &Layers, weights: &mut Weights<Self>) -> Result<(), Error>;
}

impl Stored for f32 {
    const PRECISION: Precision = Precision::F32;

    fn read(bytes: &[u8], _: Dtype, to: &mut Vec<f32>) {
        weights::read_floats(bytes, to);
    }

    fn extend_le(self, _: Dtype, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn check(layers: &Layers, weights: &mut Weights) -> Result<(), Error> {
        for (spec, values) in weights.tensors_mut(layers) {
            if let Some(index) = weights::not_finite(values) {
                return Err(Error::NonFiniteWeight { tensor: spec.name, index });
            }
            if spec.role == Role::Bias {
                for bias in values {
                    *bias += 0.0; // -0.0 + 0.0 is +0.0, and every other value stays as it is
                }
            }
        }
        Ok(())
    }
}

impl Stored for i32 {
    const PRECISION: Precision = Precision::Int8;

    fn read(bytes: &[u8], dtype: Dtype, to: &mut Vec<i32>) {
        weights::read_integers(bytes, dtype.size(), to);
    }

    fn extend_le(self, dtype: Dtype, bytes: &mut Vec<u8>) {
        match dtype {
            Dtype::I8 => bytes.extend((self as i8).to_le_bytes()),
            Dtype::I16 => bytes.extend((self as i16).to_le_bytes()),
            _ => bytes.extend(self.to_le_bytes()),
        }
    }

    fn check(layers: &Layers, weights: &mut Weights<i32>) -> Result<(), Error> {
        for (spec, values) in weights.tensors_mut(layers) {
            if matches!(spec.role, Role::Scale | Role::OutputScale) {
                let scale = |&bits: &i32| f32::from_bits(bits as u32);
                if let Some(index) = values.iter().position(|bits| !SCALES.contains(&scale(bits))) {
                    let value = scale(&values[index]);
                    return Err(Error::ScaleOutOfRange { tensor: spec.name, index, value });
                }
                continue;
            }
            let range = match spec.dtype {
                _ if spec.role == Role::View => 1..=i16::MAX.into(),
                Dtype::I8 => -i32::from(i8::MAX)..=i8::MAX.into(),
                Dtype::I16 => -i32::from(i16::MAX)..=i16::MAX.into(),
                _ => i32::MIN..=i32::MAX,
            };
            if let Some(index) = weights::outside(values, *range.start(), *range.end()) {
                return Err(Error::WeightOutOfRange {
                    tensor: spec.name,
                    index,
                    value: values[index],
                    low: *range.start(),
                    high: *range.end(),
                });
            }
        }
        let pixels = largest_pixels(layers, weights.embedding())?;
        for (index, layer) in layers.iter().enumerate() {
            let mut kernels = try_room(layer.inputs.len())?;
            kernels.extend((0..layer.inputs.len()).map(|number| weights.kernel(index, number)));
            let (bias, class) = (weights.bias(index), weights.class(index));
            let channel = overflowing(layers, index, &LayerIntegers { kernels: &kernels, bias, class, pixels: &pixels })?;
            if channel.is_some() {
                return Err(Error::IntegerOverflow { layer: layer.name.clone(), channel });
            }
        }
        Ok(())
    }
}

/// What a scale may be: no product with a sum leaves the numbers that f32 has in full. That of a gate may, and is cut off at the largest
/// output either way.
pub(crate) const SCALES: RangeInclusive<f32> = 1e-18..=1e18;

/// All weights of a net: logical `[k, k, in, out]` kernels, biases and scales, in the order of [`tensor_specs`].
///
/// Every forbidden tap is 0. In f32 every value is finite and no bias is -0.0: with these and `relu(x) = x > 0 ? x : 0` no
/// sum is ever -0.0, which is why leaving out a tap outside the image, or one that reads zeros, changes no bit. In integers
/// no sum can overflow, proven channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T: Stored = f32> {
    values: Vec<T>,
    layers: Vec<Starts>,
    embedding: usize, // values of it, which come first
}

/// Where the tensors of a layer start in the values.
#[derive(Clone, Debug, Default, PartialEq)]
struct Starts {
    kernels: Vec<usize>, // (input)
    bias: usize,
    class: usize,
    scale: usize,
    output: usize,
    view: usize,
}

impl<T: Stored> Weights<T> {
    /// Checks and takes a net's weights.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::WeightCount`], [`Error::ForbiddenWeight`]; in f32 [`Error::NonFiniteWeight`]; in integers
    /// [`Error::WeightOutOfRange`], [`Error::ScaleOutOfRange`], [`Error::IntegerOverflow`].
    pub fn new(layers: &Layers, values: Vec<T>) -> Result<Weights<T>, Error> {
        const LISTS: u64 = 512; // of a layer: names and shapes of its tensors, and where they lie
        headroom(Bytes(LISTS * layers.len() as u64))?;
        let specs = tensor_specs(layers, T::PRECISION);
        let wanted = specs.iter().map(TensorSpec::len).sum();
        if values.len() != wanted {
            return Err(Error::WeightCount { wanted, got: values.len() });
        }
        let mut weights = Weights { values, layers: vec![Starts::default(); layers.len()], embedding: 0 };
        let mut at = 0;
        for spec in &specs {
            let starts = &mut weights.layers[spec.layer];
            match spec.role {
                Role::Embedding => weights.embedding = spec.len(),
                Role::Kernel => starts.kernels.push(at),
                Role::Bias => starts.bias = at,
                Role::Class => starts.class = at,
                Role::Scale => starts.scale = at,
                Role::OutputScale => starts.output = at,
                Role::View => starts.view = at,
            }
            at += spec.len();
        }
        T::check(layers, &mut weights)?;
        weights.check_mask(layers)?;
        Ok(weights)
    }

    fn check_mask(&self, layers: &Layers) -> Result<(), Error> {
        for (index, layer) in layers.iter().enumerate() {
            for (number, input) in layer.inputs.iter().enumerate() {
                let row = input.channels * layer.sums();
                let len = input.len(layer.sums());
                let mut allowed = input.terms.iter().map(|&term| input.weight_index(term, layer.sums())).peekable();
                for (at, weights) in (0..len).step_by(row).zip(self.kernel(index, number)[..len].chunks_exact(row)) {
                    if allowed.next_if_eq(&at).is_some() {
                        continue;
                    }
                    if let Some(k) = weights.iter().position(|&w| w != T::default()) {
                        return Err(Error::ForbiddenWeight { tensor: input.kernel.clone(), index: at + k });
                    }
                }
            }
        }
        Ok(())
    }

    /// Every weight, in the order of [`tensor_specs`].
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The kernel of one input of a layer from its first weight on: `[rows, columns, in, sums]`.
    pub fn kernel(&self, layer: usize, input: usize) -> &[T] {
        &self.values[self.layers[layer].kernels[input]..]
    }

    /// The bias of a layer that has one, from its first value on: `[sums]`.
    pub fn bias(&self, layer: usize) -> &[T] {
        &self.values[self.layers[layer].bias..]
    }

    /// The class vectors of a layer that has some, from their first value on: `[classes, sums]`.
    pub fn class(&self, layer: usize) -> &[T] {
        &self.values[self.layers[layer].class..]
    }

    /// What each level is to a net with an embedding: `[levels, channels]`; else empty.
    pub fn embedding(&self) -> &[T] {
        &self.values[..self.embedding]
    }

    fn tensors_mut(&mut self, layers: &Layers) -> impl Iterator<Item = (TensorSpec, &mut [T])> {
        let mut rest = &mut self.values[..];
        tensor_specs(layers, T::PRECISION).into_iter().map(move |spec| {
            let (tensor, after) = std::mem::take(&mut rest).split_at_mut(spec.len());
            rest = after;
            (spec, tensor)
        })
    }
}

impl Weights {
    /// Reproducible weights for tests and dry runs: uniform, scaled to keep activations near 1, biases not zero.
    pub fn random(layers: &Layers, seed: u64) -> Weights {
        let draws = |item: usize| crate::rng::Words::new(seed, crate::rng::Purpose::Initialise, 0, item as u32);
        let mut values = Vec::new();
        let mut embedding = draws(layers.len());
        values.extend((0..layers.embedding_parameters()).map(|_| 2.0 * embedding.uniform() - 1.0));
        for (item, layer) in layers.iter().enumerate() {
            let fan = |i: &Input| if i.source == Source::Pixels && i.channels == 1 { 4 } else { i.terms.len() * i.channels };
            let fan: usize = layer.inputs.iter().map(|i| if i.one_hot { i.terms.len() } else { fan(i) }).sum();
            let scale = (3.0 / fan as f32).sqrt();
            let mut draws = draws(item);
            for input in &layer.inputs {
                let start = values.len();
                values.resize(start + input.len(layer.sums()), 0.0);
                for &term in &input.terms {
                    let at = start + input.weight_index(term, layer.sums());
                    let row = input.channels * layer.sums();
                    values[at..at + row].iter_mut().for_each(|w| *w = scale * (2.0 * draws.uniform() - 1.0));
                }
            }
            let vectors = match layer.start {
                Start::Bias { class } => 1 + if class { layers.classes } else { 0 },
                Start::Layer(_) => 0,
            };
            values.extend((0..vectors * layer.sums()).map(|_| 0.2 * (2.0 * draws.uniform() - 1.0)));
        }
        Weights::new(layers, values).expect("random weights fit their net")
    }
}

impl Weights<i32> {
    /// What a sum of a layer is multiplied with.
    pub fn scale(&self, layer: usize, sum: usize) -> f32 {
        f32::from_bits(self.values[self.layers[layer].scale + sum] as u32)
    }

    /// What an output is multiplied with, of a layer whose cell needs that.
    pub fn output_scale(&self, layer: usize) -> f32 {
        f32::from_bits(self.values[self.layers[layer].output] as u32)
    }

    /// What 2^15 parts of a kept number of a channel its small one is, of a layer that keeps numbers.
    pub fn view(&self, layer: usize, channel: usize) -> i16 {
        self.values[self.layers[layer].view + channel] as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn small() -> (Layers, Vec<f32>) {
        let layers = Layers::new(&Config { filters: 2, blocks: 1, first_kernel: 3, ..Config::reference() });
        let values = Weights::random(&layers, 1).values().to_vec();
        (layers, values)
    }

    #[test]
    fn refuses_a_wrong_count() {
        let (layers, mut values) = small();
        values.push(0.0);
        let wanted = values.len() - 1;
        assert_eq!(Weights::new(&layers, values), Err(Error::WeightCount { wanted, got: wanted + 1 }));
    }

    #[test]
    fn refuses_what_the_mask_forbids_and_what_is_not_finite() {
        let (layers, values) = small();
        // The stem's kernel is [3, 3, 1, 2]: its centre starts at index 8.
        for index in 8..18 {
            let mut bad = values.clone();
            bad[index] = 0.5;
            assert_eq!(Weights::new(&layers, bad), Err(Error::ForbiddenWeight { tensor: "stem.kernel".into(), index }));
        }
        let mut bad = values.clone();
        bad[3] = f32::NAN;
        assert_eq!(Weights::new(&layers, bad), Err(Error::NonFiniteWeight { tensor: "stem.kernel".into(), index: 3 }));
    }

    #[test]
    fn a_negative_zero_bias_becomes_positive() {
        let (layers, mut values) = small();
        values[18] = -0.0;
        let weights = Weights::new(&layers, values).unwrap();
        assert_eq!(weights.bias(0)[0].to_bits(), 0);
    }
}
