//! The tensors that a net calls for, as a model file holds them: their names, roles, shapes and types.

use crate::config::Precision;
use crate::integer::{has_output_scale, is_kept};
use crate::layers::{Input, Layers, Source};
use crate::memory::Bytes;

/// How a tensor's numbers are written, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// 8-bit integers.
    I8,
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
            Dtype::I8 => "I8",
            Dtype::I16 => "I16",
            Dtype::I32 => "I32",
        }
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Dtype::I8 => 1,
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
    /// `[sums]`: what an integer sum is multiplied with. For an output of a linear layer or a relu that gives the integer that it
    /// becomes, for a logit the logit, for any other cell its argument.
    Scale,
    /// `[1]`: what such a cell's output is multiplied with to give the integer that it becomes.
    OutputScale,
    /// `[outputs]`: what 2^15 parts of a number that is kept in 16 bits the small one is that kernels read.
    View,
}

impl Role {
    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Embedding => "embedding",
            Role::Kernel => "kernel",
            Role::Bias => "bias",
            Role::Class => "class",
            Role::Scale => "scale",
            Role::OutputScale => "outputScale",
            Role::View => "view",
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
/// its kernels, its bias, its class vectors, and in integer precision its scales.
pub fn tensor_specs(layers: &Layers, precision: Precision) -> Vec<TensorSpec> {
    let integers = precision == Precision::Int8;
    let (pixels, kernels, biases) =
        if integers { (Dtype::I16, Dtype::I8, Dtype::I32) } else { (Dtype::F32, Dtype::F32, Dtype::F32) };
    let spec = |name: String, role, layer, shape, dtype| TensorSpec { name, role, layer, shape, dtype, fan_in: 0, fan_out: 0 };
    let embedding = layers.embedding.map(|(levels, channels)| vec![levels, channels]);
    let mut specs: Vec<_> =
        embedding.map(|shape| spec("embedding".into(), Role::Embedding, 0, shape, pixels)).into_iter().collect();
    for (index, layer) in layers.iter().enumerate() {
        let sums = layer.sums();
        for Input { kernel, rows, columns, channels, source, .. } in &layer.inputs {
            let dtype = if *source == Source::Pixels { pixels } else { kernels };
            specs.push(TensorSpec {
                fan_in: rows * columns * channels,
                fan_out: rows * columns * sums,
                ..spec(kernel.clone(), Role::Kernel, index, vec![*rows, *columns, *channels, sums], dtype)
            });
        }
        specs.extend(layer.bias().map(|name| spec(name, Role::Bias, index, vec![sums], biases)));
        specs.extend(layer.class().map(|name| spec(name, Role::Class, index, vec![layers.classes, sums], biases)));
        if !integers {
            continue;
        }
        let mut scale = |role: Role, count, dtype| {
            specs.push(spec(format!("{}.{}", layer.name, role.name()), role, index, vec![count], dtype));
        };
        scale(Role::Scale, sums, Dtype::F32);
        if has_output_scale(layers, index) {
            scale(Role::OutputScale, 1, Dtype::F32);
        }
        if is_kept(layers, index) {
            scale(Role::View, layer.out_channels, Dtype::I16);
        }
    }
    specs
}

/// What the weights of a net take in memory, which hold each number in 32 bits.
pub(crate) fn planned(layers: &Layers) -> Bytes {
    let scales: u64 = layers.iter().map(|layer| (layer.sums() + layer.out_channels) as u64 + 1).sum();
    Bytes::of::<f32>(&[layers.parameters() + scales])
}
