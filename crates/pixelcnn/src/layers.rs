//! The net as data: a config expands, here and nowhere else, to a list of layers with their causal taps.
//!
//! Everything else (weights, schedule, cache, kernels, reference, cost, receptive field, the training graph) is derived
//! from that list and knows no architecture. A new one is a new expansion, and a new activation if it has one.

use crate::config::{Architecture, Config};
use crate::error::Error;
use crate::field::Field;
use crate::memory::{Bytes, headroom};
use std::rc::Rc;

/// Which neighbours a masked convolution may read (van den Oord et al. 2016, arXiv:1601.06759, section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskKind {
    /// Pixels before the current one in raster order. For layers that read the image.
    A,
    /// As A, and the current one. For layers that read features.
    B,
}

/// An offset that a layer reads at, relative to the position it computes. `dy <= 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tap {
    /// Rows down; never positive.
    pub dy: i32,
    /// Columns to the right.
    pub dx: i32,
}

/// Where an input's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The image, each level as `level / (levels - 1)`.
    Pixels,
    /// The output of the layer with this index, always an earlier one.
    Layer(usize),
}

/// One input of a layer: a kernel over a source, of which only the causal taps are ever used.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What it reads.
    pub source: Source,
    /// Name of its kernel tensor, `[kernel_size, kernel_size, channels, out_channels]`.
    pub kernel: String,
    /// Side of the logical kernel, odd.
    pub kernel_size: usize,
    /// Its mask; `None` for a plain 1x1.
    pub mask: Option<MaskKind>,
    /// Channels of the source.
    pub channels: usize,
    /// The taps that the mask allows, in raster order: the order in which sums run.
    pub taps: Vec<Tap>,
}

impl Input {
    /// Index of a tap's first weight in the kernel tensor.
    pub fn weight_index(&self, tap: Tap, out_channels: usize) -> usize {
        let half = (self.kernel_size / 2) as i32;
        let (ky, kx) = ((tap.dy + half) as usize, (tap.dx + half) as usize);
        (ky * self.kernel_size + kx) * self.channels * out_channels
    }
}

/// What is done to a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `x > 0 ? x : 0`.
    Relu,
}

/// One layer: `activation(bias + sum over inputs, taps, channels) + residual`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Readable name, the prefix of its tensors.
    pub name: String,
    /// The part of the net it belongs to, as the summary table lists it.
    pub group: String,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Name of its bias tensor, `[out_channels]`.
    pub bias: String,
    /// Channels it computes.
    pub out_channels: usize,
    /// What is done to the sum.
    pub activation: Activation,
    /// A layer of the same width whose output at the same position is added last.
    pub residual: Option<usize>,
}

impl Layer {
    /// Name of its shift tensor, `[1]`, which nets of integers have.
    pub fn shift(&self) -> String {
        format!("{}.shift", self.name)
    }

    /// Every read: source and tap, the residual's last.
    pub fn reads(&self) -> impl Iterator<Item = (Source, Tap)> + '_ {
        let taps = self.inputs.iter().flat_map(|input| input.taps.iter().map(|&tap| (input.source, tap)));
        taps.chain(self.residual.map(|source| (Source::Layer(source), Tap { dy: 0, dx: 0 })))
    }

    /// Multiply-adds for one position, over the taps that the mask allows.
    pub fn macs(&self) -> u64 {
        self.inputs.iter().map(|i| i.taps.len() as u64 * i.channels as u64).sum::<u64>() * self.out_channels as u64
    }

    /// Parameters stored: kernels at their full size, and the bias.
    pub fn parameters(&self) -> u64 {
        let kernels: u64 = self.inputs.iter().map(|i| (i.kernel_size * i.kernel_size) as u64 * i.channels as u64).sum();
        (kernels + 1) * self.out_channels as u64
    }

    /// Parameters that can be other than zero.
    pub fn non_zero_parameters(&self) -> u64 {
        self.macs() + self.out_channels as u64
    }
}

/// The layers of a net, each after all that it reads; the last computes the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers(Vec<Layer>);

impl std::ops::Deref for Layers {
    type Target = [Layer];
    fn deref(&self) -> &[Layer] {
        &self.0
    }
}

impl Layers {
    /// Expands a config.
    pub fn new(config: &Config) -> Layers {
        match config.architecture {
            Architecture::Plain => plain(config),
        }
    }

    /// Expands a config where the host has room for the list.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_new(config: &Config) -> Result<Layers, Error> {
        headroom(Layers::planned(config))?;
        Ok(Layers::new(config))
    }

    /// What the list of a config's layers takes at most, with the names of its tensors and what else is made for each.
    pub(crate) fn planned(config: &Config) -> Bytes {
        const LAYER: u64 = 1536;
        let Architecture::Plain = config.architecture;
        let (blocks, heads) = (config.blocks as u64, config.head_layers as u64);
        let taps = |kernel: usize| (kernel * kernel / 2 + 1) as u64;
        let taps = taps(config.first_kernel) + blocks * (taps(config.block_kernel) + 2) + heads + 1;
        Bytes(LAYER * (2 + 3 * blocks + heads)) + Bytes::of::<Tap>(&[taps])
    }

    /// A net given as a list. Every layer must come after all it reads, with taps that are causal: the schedule's
    /// tests use it to go beyond what any architecture needs.
    ///
    /// # Panics
    /// Where a layer reads one that does not come before it.
    pub fn from_list(layers: Vec<Layer>) -> Layers {
        for (index, layer) in layers.iter().enumerate() {
            let sources = layer.inputs.iter().filter_map(|i| match i.source {
                Source::Layer(source) => Some(source),
                Source::Pixels => None,
            });
            assert!(sources.chain(layer.residual).all(|source| source < index), "layer {index} reads a later one");
        }
        Layers(layers)
    }

    /// Every read of the net: (reading layer, source, tap), residuals included.
    pub fn reads(&self) -> impl Iterator<Item = (usize, Source, Tap)> + '_ {
        self.iter().enumerate().flat_map(|(index, layer)| layer.reads().map(move |(source, tap)| (index, source, tap)))
    }

    /// The offsets of all pixels that the logits at a position depend on, clipped to what fits into an image of
    /// `height` x `width`; 129 of them for the reference.
    pub fn receptive_field(&self, height: usize, width: usize) -> Field {
        let mut last_reads = vec![0; self.len()];
        for (layer, source, _) in self.reads() {
            if let Source::Layer(source) = source {
                last_reads[source] = layer;
            }
        }
        let pixel = Rc::new(Field::pixel(height, width));
        let mut fields: Vec<Option<Rc<Field>>> = Vec::with_capacity(self.len());
        for (index, layer) in self.iter().enumerate() {
            let field_of = |source: Source| match source {
                Source::Pixels => Rc::clone(&pixel),
                Source::Layer(source) => Rc::clone(fields[source].as_ref().expect("kept until it is last read")),
            };
            let inputs: Vec<_> = layer.inputs.iter().map(|input| (field_of(input.source), &input.taps[..])).collect();
            let residual = layer.residual.map(|source| field_of(Source::Layer(source)));
            // Most layers read one position of one other.
            let field = match (&inputs[..], &residual) {
                ([(field, [Tap { dy: 0, dx: 0 }])], None) => Rc::clone(field),
                _ => Rc::new(Field::union(&inputs, residual.as_deref(), height, width)),
            };
            fields.push(Some(field));
            for source in 0..index {
                if last_reads[source] <= index {
                    fields[source] = None;
                }
            }
        }
        fields.pop().flatten().map(Rc::unwrap_or_clone).unwrap_or_default()
    }
}

/// The causal taps of a square kernel, in raster order.
pub fn causal_taps(kernel_size: usize, mask: MaskKind) -> Vec<Tap> {
    let half = (kernel_size / 2) as i32;
    let mut taps = Vec::with_capacity(kernel_size * kernel_size / 2 + usize::from(mask == MaskKind::B));
    for dy in -half..=0 {
        for dx in -half..=half {
            if dy < 0 || dx < 0 || (dx == 0 && mask == MaskKind::B) {
                taps.push(Tap { dy, dx });
            }
        }
    }
    taps
}

/// The plain net: a mask-A convolution, residual blocks of 1x1, mask-B and 1x1 convolutions, 1x1 heads, logits.
/// ReLU comes after each convolution and before the residual sum, as in the reference program.
fn plain(config: &Config) -> Layers {
    let mut layers: Vec<Layer> = Vec::new();
    let mut push = |name: String, source: Source, channels, kernel_size, mask: Option<MaskKind>, out_channels| {
        let group = match name.rsplit_once('.') {
            Some((prefix, _)) if prefix.starts_with("blocks") => prefix.to_string(),
            _ => name.clone(),
        };
        let taps = causal_taps(kernel_size, mask.unwrap_or(MaskKind::B));
        let input = Input { source, kernel: format!("{name}.kernel"), kernel_size, mask, channels, taps };
        let bias = format!("{name}.bias");
        layers.push(Layer { name, group, inputs: vec![input], bias, out_channels, activation: Activation::Relu, residual: None });
        layers.len() - 1
    };
    let filters = config.filters;
    let mut stream = push("stem".into(), Source::Pixels, config.channels, config.first_kernel, Some(MaskKind::A), filters);
    let mut residuals = Vec::new();
    for block in 0..config.blocks {
        let name = |part: &str| format!("blocks.{block}.{part}");
        let a = push(name("in"), Source::Layer(stream), filters, 1, None, filters);
        let b = push(name("conv"), Source::Layer(a), filters, config.block_kernel, Some(MaskKind::B), filters / 2);
        let c = push(name("out"), Source::Layer(b), filters / 2, 1, None, filters);
        residuals.push((c, stream));
        stream = c;
    }
    for head in 0..config.head_layers {
        stream = push(format!("heads.{head}"), Source::Layer(stream), filters, 1, None, filters);
    }
    let logits = push("logits".into(), Source::Layer(stream), filters, 1, None, config.logits());
    layers[logits].activation = Activation::None;
    for (layer, source) in residuals {
        layers[layer].residual = Some(source);
    }
    Layers::from_list(layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_net_has_its_published_size() {
        let config = Config::reference();
        let layers = Layers::new(&config);
        assert_eq!(layers.iter().map(Layer::parameters).sum::<u64>(), 532_673);
        assert_eq!(layers.iter().map(Layer::non_zero_parameters).sum::<u64>(), 365_633);
        assert_eq!(layers.receptive_field(28, 28).len(), 129);
    }

    #[test]
    fn groups_follow_the_summary_table() {
        let layers = Layers::new(&Config { blocks: 1, ..Config::reference() });
        let groups: Vec<&str> = layers.iter().map(|l| l.group.as_str()).collect();
        assert_eq!(groups, ["stem", "blocks.0", "blocks.0", "blocks.0", "heads.0", "heads.1", "logits"]);
    }

    #[test]
    fn mask_a_hides_the_current_pixel() {
        assert_eq!(causal_taps(7, MaskKind::A).len(), 24);
        assert_eq!(causal_taps(3, MaskKind::B).len(), 5);
        assert_eq!(causal_taps(1, MaskKind::B), [Tap { dy: 0, dx: 0 }]);
        assert!(causal_taps(1, MaskKind::A).is_empty());
    }
}
