//! The tensors that a net calls for, as a model file holds them: their names, roles, shapes and types.

use crate::config::Precision;
use crate::layers::{Input, Layers};
use crate::memory::Bytes;

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

/// What a tensor's numbers are to a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `[levels, channels]`: what each level is to the net.
    Embedding,
    /// `[rows, columns, in, sums]` (HWIO).
    Kernel,
    /// `[sums]`.
    Bias,
    /// `[classes, sums]`: what an image's class adds to the bias.
    Class,
    /// `[1]`: binary places of integer sums.
    Shift,
}

impl Role {
    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Embedding => "embedding",
            Role::Kernel => "kernel",
            Role::Bias => "bias",
            Role::Class => "class",
            Role::Shift => "shift",
        }
    }
}

/// Name, role, shape and type of a tensor that a net calls for, in file order.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// `embedding`, or a layer's name and what it is there.
    pub name: String,
    /// What it is to the net.
    pub role: Role,
    /// The layer that it belongs to; 0 for an embedding.
    pub layer: usize,
    /// As its role says.
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

/// The tensors that a net calls for, in the order in which [`crate::weights::Weights`] and the file hold them: an embedding, then for each layer
/// its kernels, its bias, its class vectors, and in integer precision its shift.
pub fn tensor_specs(layers: &Layers, precision: Precision) -> Vec<TensorSpec> {
    let (kernels, biases, shifts) = match precision {
        Precision::F32 => (Dtype::F32, Dtype::F32, None),
        Precision::Int16 => (Dtype::I16, Dtype::I32, Some(Dtype::I32)),
    };
    let spec = |name: String, role, layer, shape, dtype| TensorSpec { name, role, layer, shape, dtype, fan_in: 0, fan_out: 0 };
    let embedding = layers.embedding.map(|(levels, channels)| vec![levels, channels]);
    let mut specs: Vec<_> =
        embedding.map(|shape| spec("embedding".into(), Role::Embedding, 0, shape, kernels)).into_iter().collect();
    for (index, layer) in layers.iter().enumerate() {
        let sums = layer.sums();
        for Input { kernel, rows, columns, channels, .. } in &layer.inputs {
            specs.push(TensorSpec {
                fan_in: rows * columns * channels,
                fan_out: rows * columns * sums,
                ..spec(kernel.clone(), Role::Kernel, index, vec![*rows, *columns, *channels, sums], kernels)
            });
        }
        specs.extend(layer.bias().map(|name| spec(name, Role::Bias, index, vec![sums], biases)));
        specs.extend(layer.class().map(|name| spec(name, Role::Class, index, vec![layers.classes, sums], biases)));
        specs.extend(shifts.map(|dtype| spec(layer.shift(), Role::Shift, index, vec![1], dtype)));
    }
    specs
}

/// What the weights of a net take in memory, which hold each number in 32 bits.
pub(crate) fn planned(layers: &Layers) -> Bytes {
    Bytes::of::<f32>(&[layers.parameters() + layers.len() as u64])
}
