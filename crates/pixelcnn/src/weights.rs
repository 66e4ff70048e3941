//! The trained numbers of a net, as the file holds them: one flat array, checked once, then immutable.

use crate::config::Precision;
use crate::error::Error;
use crate::layers::{Layers, Source};
use crate::memory::{Bytes, headroom};
use crate::overflow::overflowing;
use std::fmt::Debug;

/// How a tensor's numbers are written, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// 16-bit integers.
    I16,
    /// 32-bit integers.
    I32,
}

impl Dtype {
    /// Its name in a safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::I16 => "I16",
            Dtype::I32 => "I32",
        }
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Dtype::I16 => 2,
            Dtype::F32 | Dtype::I32 => 4,
        }
    }
}

/// Name, shape and type of a tensor that a net calls for, in file order.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// `<layer>.kernel`, `<layer>.bias` or `<layer>.shift`.
    pub name: String,
    /// `[kernel, kernel, in, out]` (HWIO), `[out]` or `[1]`.
    pub shape: Vec<usize>,
    /// How its numbers are written.
    pub dtype: Dtype,
    /// Inputs that one output of the full kernel sums (0 for others): what Glorot's bound is computed from.
    pub fan_in: usize,
    /// Outputs that one input of the full kernel reaches (0 for others).
    pub fan_out: usize,
}

impl TensorSpec {
    /// Number of values: below 2^32, since a net of more weights is refused.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tensors that a net calls for, in the order in which [`Weights`] and the file hold them: for each layer its
/// kernels, its bias, and in integer precision its shift.
pub fn tensor_specs(layers: &Layers, precision: Precision) -> Vec<TensorSpec> {
    let (kernels, biases, shifts) = match precision {
        Precision::F32 => (Dtype::F32, Dtype::F32, None),
        Precision::Int16 => (Dtype::I16, Dtype::I32, Some(Dtype::I32)),
    };
    let flat = |name: String, len, dtype| TensorSpec { name, shape: vec![len], dtype, fan_in: 0, fan_out: 0 };
    let mut specs = Vec::new();
    for layer in layers.iter() {
        for input in &layer.inputs {
            let area = input.kernel_size * input.kernel_size;
            specs.push(TensorSpec {
                name: input.kernel.clone(),
                shape: vec![input.kernel_size, input.kernel_size, input.channels, layer.out_channels],
                dtype: kernels,
                fan_in: area * input.channels,
                fan_out: area * layer.out_channels,
            });
        }
        specs.push(flat(layer.bias.clone(), layer.out_channels, biases));
        specs.extend(shifts.map(|dtype| flat(layer.shift(), 1, dtype)));
    }
    specs
}

/// What the weights of a net take in memory, which hold each number in 32 bits.
pub(crate) fn planned(layers: &Layers) -> Bytes {
    let kernels = layers.iter().flat_map(|layer| layer.inputs.iter().map(move |input| (input, layer.out_channels as u64)));
    let kernels = kernels.map(|(i, out)| Bytes::of::<f32>(&[i.kernel_size as u64, i.kernel_size as u64, i.channels as u64, out]));
    kernels.sum::<Bytes>() + layers.iter().map(|layer| Bytes::of::<f32>(&[layer.out_channels as u64 + 1])).sum()
}

/// A number of a model file.
pub trait Stored: Copy + Default + PartialEq + Debug + Send + Sync + 'static {
    /// The precision whose files hold it.
    const PRECISION: Precision;

    /// Reads one from as many bytes as its type has.
    fn from_le(bytes: &[u8]) -> Self;

    /// Appends its bytes.
    fn extend_le(self, dtype: Dtype, bytes: &mut Vec<u8>);

    /// Checks a net's weights, beyond what holds for any precision: one error for each way to be wrong.
    #[doc(hidden)]
    fn check(layers: &Layers, weights: &mut Weights<Self>) -> Result<(), Error>;
}

impl Stored for f32 {
    const PRECISION: Precision = Precision::F32;

    fn from_le(bytes: &[u8]) -> f32 {
        f32::from_le_bytes(bytes.try_into().expect("four bytes"))
    }

    fn extend_le(self, _: Dtype, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn check(layers: &Layers, weights: &mut Weights) -> Result<(), Error> {
        for (spec, values) in weights.tensors_mut(layers) {
            if let Some(index) = values.iter().position(|w| !w.is_finite()) {
                return Err(Error::NonFiniteWeight { tensor: spec.name, index });
            }
            if spec.shape.len() == 1 {
                for bias in values {
                    *bias += 0.0; // -0.0 + 0.0 is +0.0, and every other value stays as it is
                }
            }
        }
        Ok(())
    }
}

impl Stored for i32 {
    const PRECISION: Precision = Precision::Int16;

    fn from_le(bytes: &[u8]) -> i32 {
        match *bytes {
            [a, b] => i16::from_le_bytes([a, b]).into(),
            _ => i32::from_le_bytes(bytes.try_into().expect("two or four bytes")),
        }
    }

    fn extend_le(self, dtype: Dtype, bytes: &mut Vec<u8>) {
        match dtype {
            Dtype::I16 => bytes.extend((self as i16).to_le_bytes()),
            _ => bytes.extend(self.to_le_bytes()),
        }
    }

    fn check(layers: &Layers, weights: &mut Weights<i32>) -> Result<(), Error> {
        for (spec, values) in weights.tensors_mut(layers) {
            let range = match spec.dtype {
                Dtype::I16 => i32::from(i16::MIN)..=i16::MAX.into(),
                _ if spec.name.ends_with(SHIFT) => 0..=MAX_SHIFT,
                _ => i32::MIN..=i32::MAX,
            };
            if let Some(index) = values.iter().position(|value| !range.contains(value)) {
                return Err(Error::WeightOutOfRange {
                    tensor: spec.name,
                    index,
                    value: values[index],
                    low: *range.start(),
                    high: *range.end(),
                });
            }
        }
        for (index, layer) in layers.iter().enumerate() {
            let kernel = |number| weights.kernel(index, number);
            let channel = overflowing(layers, index, kernel, weights.bias(index), weights.shift(index));
            if channel.is_some() {
                return Err(Error::IntegerOverflow { layer: layer.name.clone(), channel });
            }
        }
        Ok(())
    }
}

/// The most binary places of a sum.
pub(crate) const MAX_SHIFT: i32 = 30;
const SHIFT: &str = ".shift";

/// All weights of a net: logical `[k, k, in, out]` kernels, biases and shifts, in the order of [`tensor_specs`].
///
/// Every forbidden tap is 0. In f32 every value is finite and no bias is -0.0: with these and `relu(x) = x > 0 ? x : 0` no
/// sum is ever -0.0, which is why leaving out a tap outside the image, or one that reads zeros, changes no bit. In integers
/// no sum can overflow, proven channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T: Stored = f32> {
    values: Vec<T>,
    kernels: Vec<Vec<usize>>, // (layer, input) -> start in values
    biases: Vec<usize>,       // (layer) -> start in values
    shifts: Vec<usize>,       // (layer) -> place in values; empty in f32
}

impl<T: Stored> Weights<T> {
    /// Checks and takes a net's weights.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::WeightCount`], [`Error::ForbiddenWeight`]; in f32 [`Error::NonFiniteWeight`]; in integers
    /// [`Error::WeightOutOfRange`], [`Error::IntegerOverflow`].
    pub fn new(layers: &Layers, values: Vec<T>) -> Result<Weights<T>, Error> {
        const LISTS: u64 = 512; // of a layer: names and shapes of its tensors, and where they lie
        headroom(Bytes(LISTS * layers.len() as u64))?;
        let specs = tensor_specs(layers, T::PRECISION);
        let wanted = specs.iter().map(TensorSpec::len).sum();
        if values.len() != wanted {
            return Err(Error::WeightCount { wanted, got: values.len() });
        }
        let mut starts = specs.iter().scan(0, |at, spec| {
            *at += spec.len();
            Some(*at - spec.len())
        });
        let mut next = || starts.next().expect("as many tensors as the layers call for");
        let (mut kernels, mut biases, mut shifts) = (Vec::new(), Vec::new(), Vec::new());
        for layer in layers.iter() {
            kernels.push(layer.inputs.iter().map(|_| next()).collect());
            biases.push(next());
            if T::PRECISION == Precision::Int16 {
                shifts.push(next());
            }
        }
        let mut weights = Weights { values, kernels, biases, shifts };
        T::check(layers, &mut weights)?;
        weights.check_mask(layers)?;
        Ok(weights)
    }

    fn check_mask(&self, layers: &Layers) -> Result<(), Error> {
        for (index, layer) in layers.iter().enumerate() {
            for (number, input) in layer.inputs.iter().enumerate() {
                let row = input.channels * layer.out_channels;
                let len = input.kernel_size * input.kernel_size * row;
                let mut allowed = input.taps.iter().map(|&tap| input.weight_index(tap, layer.out_channels)).peekable();
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

    /// The kernel of one input of a layer from its first weight on: `[kernel, kernel, in, out]`.
    pub fn kernel(&self, layer: usize, input: usize) -> &[T] {
        &self.values[self.kernels[layer][input]..]
    }

    /// The bias of a layer from its first value on: `[out]`.
    pub fn bias(&self, layer: usize) -> &[T] {
        &self.values[self.biases[layer]..]
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
        let mut values = Vec::new();
        for (item, layer) in layers.iter().enumerate() {
            let fan: usize =
                layer.inputs.iter().map(|i| if i.source == Source::Pixels { 4 } else { i.taps.len() * i.channels }).sum();
            let scale = (3.0 / fan as f32).sqrt();
            let mut draws = crate::rng::Words::new(seed, crate::rng::Purpose::Initialise, 0, item as u32);
            for input in &layer.inputs {
                let start = values.len();
                let row = input.channels * layer.out_channels;
                values.resize(start + input.kernel_size * input.kernel_size * row, 0.0);
                for &tap in &input.taps {
                    let at = start + input.weight_index(tap, layer.out_channels);
                    values[at..at + row].iter_mut().for_each(|w| *w = scale * (2.0 * draws.uniform() - 1.0));
                }
            }
            values.extend((0..layer.out_channels).map(|_| 0.2 * (2.0 * draws.uniform() - 1.0)));
        }
        Weights::new(layers, values).expect("random weights fit their net")
    }
}

impl Weights<i32> {
    /// Binary places of a layer's sums, 0 to 30.
    pub fn shift(&self, layer: usize) -> u32 {
        self.values[self.shifts[layer]] as u32
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
