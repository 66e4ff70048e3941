//! The trained numbers of a net, as the file holds them: one flat array, checked once, then immutable.

use crate::error::Error;
use crate::layers::{Layers, Source};

/// Name and shape of a tensor that a net calls for, in file order.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// `<layer>.kernel` or `<layer>.bias`.
    pub name: String,
    /// `[kernel, kernel, in, out]` (HWIO) or `[out]`.
    pub shape: Vec<usize>,
    /// Inputs that one output of the full kernel sums (0 for a bias): what Glorot's bound is computed from.
    pub fan_in: usize,
    /// Outputs that one input of the full kernel reaches (0 for a bias).
    pub fan_out: usize,
}

impl TensorSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tensors that a net calls for, in the order in which [`Weights`] and the file hold them: for each layer its
/// kernels, then its bias.
pub fn tensor_specs(layers: &Layers) -> Vec<TensorSpec> {
    let mut specs = Vec::new();
    for layer in layers.iter() {
        for input in &layer.inputs {
            let area = input.kernel_size * input.kernel_size;
            specs.push(TensorSpec {
                name: input.kernel.clone(),
                shape: vec![input.kernel_size, input.kernel_size, input.channels, layer.out_channels],
                fan_in: area * input.channels,
                fan_out: area * layer.out_channels,
            });
        }
        specs.push(TensorSpec { name: layer.bias.clone(), shape: vec![layer.out_channels], fan_in: 0, fan_out: 0 });
    }
    specs
}

/// All weights of a net: logical `[k, k, in, out]` kernels and biases, in the order of [`tensor_specs`].
///
/// Every value is finite, every forbidden tap is 0, no bias is -0.0: with these and `relu(x) = x > 0 ? x : 0` no sum
/// is ever -0.0, which is why leaving out a tap outside the image, or one that reads zeros, changes no bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    values: Vec<f32>,
    kernels: Vec<Vec<usize>>, // (layer, input) -> start in values
    biases: Vec<usize>,       // (layer) -> start in values
}

impl Weights {
    /// Checks and takes a net's weights.
    ///
    /// # Errors
    /// [`Error::WeightCount`], [`Error::NonFiniteWeight`], [`Error::ForbiddenWeight`].
    pub fn new(layers: &Layers, mut values: Vec<f32>) -> Result<Weights, Error> {
        let wanted = layers.iter().map(|l| l.parameters()).sum();
        if values.len() != wanted {
            return Err(Error::WeightCount { wanted, got: values.len() });
        }
        let mut at = 0;
        let mut kernels = Vec::with_capacity(layers.len());
        let mut biases = Vec::with_capacity(layers.len());
        for layer in layers.iter() {
            let mut starts = Vec::with_capacity(layer.inputs.len());
            for input in &layer.inputs {
                let row = input.channels * layer.out_channels;
                let len = input.kernel_size * input.kernel_size * row;
                let kernel = &values[at..at + len];
                check_finite(&input.kernel, kernel)?;
                let mut allowed = input.taps.iter().map(|&tap| input.weight_index(tap, layer.out_channels)).peekable();
                for (index, weights) in (0..len).step_by(row).zip(kernel.chunks_exact(row)) {
                    if allowed.next_if_eq(&index).is_some() {
                        continue;
                    }
                    if let Some(k) = weights.iter().position(|&w| w != 0.0) {
                        return Err(Error::ForbiddenWeight { tensor: input.kernel.clone(), index: index + k });
                    }
                }
                starts.push(at);
                at += len;
            }
            let bias = &mut values[at..at + layer.out_channels];
            check_finite(&layer.bias, bias)?;
            for b in bias {
                *b += 0.0; // -0.0 + 0.0 is +0.0, and every other value stays as it is
            }
            kernels.push(starts);
            biases.push(at);
            at += layer.out_channels;
        }
        Ok(Weights { values, kernels, biases })
    }

    /// Every weight, in the order of [`tensor_specs`].
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The kernel of one input of a layer from its first weight on: `[kernel, kernel, in, out]`.
    pub fn kernel(&self, layer: usize, input: usize) -> &[f32] {
        &self.values[self.kernels[layer][input]..]
    }

    /// The bias of a layer from its first value on: `[out]`.
    pub fn bias(&self, layer: usize) -> &[f32] {
        &self.values[self.biases[layer]..]
    }

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

fn check_finite(tensor: &str, values: &[f32]) -> Result<(), Error> {
    match values.iter().position(|w| !w.is_finite()) {
        Some(index) => Err(Error::NonFiniteWeight { tensor: tensor.into(), index }),
        None => Ok(()),
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
