//! The net as data: a config expands, here and nowhere else, to a list of layers, each a sum of terms and a cell.
//!
//! Everything else (weights, schedule, cache, kernels, reference, cost, receptive field, the training graph) is derived
//! from that list and knows no architecture. A new one is a new expansion.

use crate::cell::Cell;
use crate::config::{Activation, Architecture, Config, MAX_WEIGHTS};
use crate::error::Error;
use crate::memory::{Bytes, headroom};

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

impl Tap {
    /// The position itself.
    pub const HERE: Tap = Tap { dy: 0, dx: 0 };
}

/// Where an input's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The image, each level as the channels that it is to the net.
    Pixels,
    /// The output of the layer with this index, always an earlier one.
    Layer(usize),
}

/// One term of a sum: the channels of a source at an offset, times as many rows of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where it reads.
    pub tap: Tap,
    /// Where its weights lie in the kernel: `row * columns + column`.
    pub place: u32,
}

/// The terms of a sum that share a source and a kernel tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What it reads.
    pub source: Source,
    /// Name of its kernel tensor, `[rows, columns, channels, sums]`. Places without a term hold zeros.
    pub kernel: String,
    /// Rows of the kernel.
    pub rows: usize,
    /// Columns of the kernel.
    pub columns: usize,
    /// Channels of the source.
    pub channels: usize,
    /// Whether all channels of the source are 0 but for one that is 1: then a term adds one row of weights.
    pub one_hot: bool,
    /// Its terms, in the order in which they are summed.
    pub terms: Vec<Term>,
}

impl Input {
    /// Weights of the whole kernel.
    pub fn len(&self, sums: usize) -> usize {
        self.rows * self.columns * self.channels * sums
    }

    /// Whether it reads nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Index of a term's first weight in the kernel tensor.
    pub fn weight_index(&self, term: Term, sums: usize) -> usize {
        term.place as usize * self.channels * sums
    }

    /// Multiply-adds for one position and one sum.
    fn macs(&self) -> u64 {
        self.terms.len() as u64 * if self.one_hot { 1 } else { self.channels as u64 }
    }
}

/// What a layer's sums begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A bias, of which a layer with classes has one more for each.
    Bias {
        /// Whether the vector of the image's class is added to it.
        class: bool,
    },
    /// The outputs of an earlier layer at the same position: as many as there are sums.
    Layer(usize),
}

/// One layer: `cell(start + sum over inputs, terms, channels) + residual`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Readable name, the prefix of its tensors.
    pub name: String,
    /// The part of the net it belongs to, as the summary table lists it.
    pub group: String,
    /// What its sums begin with.
    pub start: Start,
    /// What it reads. One-hot inputs come first.
    pub inputs: Vec<Input>,
    /// Channels it computes.
    pub out_channels: usize,
    /// What makes an output of its sums.
    pub cell: Cell,
    /// A layer of the same width whose output at the same position is added last.
    pub residual: Option<usize>,
}

impl Layer {
    /// Name of its bias tensor, `[sums]`.
    pub fn bias(&self) -> Option<String> {
        matches!(self.start, Start::Bias { .. }).then(|| format!("{}.bias", self.name))
    }

    /// Name of its class tensor, `[classes, sums]`.
    pub fn class(&self) -> Option<String> {
        matches!(self.start, Start::Bias { class: true }).then(|| format!("{}.class", self.name))
    }

    /// Sums of a position.
    pub fn sums(&self) -> usize {
        self.out_channels * self.cell.sums()
    }

    /// The layers whose outputs it reads at its own position, beside its terms: what its sums begin with, and its residual.
    pub fn beside(&self) -> impl Iterator<Item = usize> + '_ {
        let start = if let Start::Layer(source) = self.start { Some(source) } else { None };
        start.into_iter().chain(self.residual)
    }

    /// Every read: source and tap, those of its own position that no term makes last.
    pub fn reads(&self) -> impl Iterator<Item = (Source, Tap)> + '_ {
        let terms = self.inputs.iter().flat_map(|input| input.terms.iter().map(|term| (input.source, term.tap)));
        terms.chain(self.beside().map(|source| (Source::Layer(source), Tap::HERE)))
    }

    /// Multiply-adds for one position, over the terms alone.
    pub fn macs(&self) -> u64 {
        self.inputs.iter().map(Input::macs).sum::<u64>() * self.sums() as u64
    }
}

/// The layers of a net, each after all that it reads; the last computes the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    list: Vec<Layer>,
    /// Of each layer whether another reads its outputs beside its terms.
    read_beside: Vec<bool>,
    /// Of each layer whether integers hold its outputs finely.
    fine: Vec<bool>,
    /// Classes, of which a layer may have a vector each.
    pub classes: usize,
    /// Levels, and the channels that each is embedded in; `None` where levels need no weights.
    pub embedding: Option<(usize, usize)>,
}

impl std::ops::Deref for Layers {
    type Target = [Layer];
    fn deref(&self) -> &[Layer] {
        &self.list
    }
}

impl Layers {
    /// Expands a config.
    pub fn new(config: &Config) -> Layers {
        let list = match config.architecture {
            Architecture::Plain => plain(config),
            Architecture::Gated => gated(config),
        };
        let embedding = (config.embedding > 0).then_some((config.levels, config.embedding));
        Layers { classes: config.classes, embedding, ..Layers::from_list(list) }
    }

    /// Expands a config where the host has room for the list, and a net of so many weights can be run.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::UnsupportedModel`] for a net of more than [`MAX_WEIGHTS`].
    pub fn try_new(config: &Config) -> Result<Layers, Error> {
        headroom(Layers::planned(config))?;
        let layers = Layers::new(config);
        let weights = layers.parameters();
        if weights > MAX_WEIGHTS as u64 {
            let reason = format!("the net must have at most {MAX_WEIGHTS} weights, got {weights}");
            return Err(Error::UnsupportedModel { reason });
        }
        Ok(layers)
    }

    /// What the list of a config's layers takes at most, with the names of its tensors and what else is made for each.
    pub(crate) fn planned(config: &Config) -> Bytes {
        const LAYER: u64 = 1536;
        let (blocks, heads) = (config.blocks as u64, config.head_layers as u64);
        let causal = |kernel: usize| (kernel * kernel / 2 + 1) as u64;
        let (layers, terms) = match config.architecture {
            Architecture::Plain => (2 + 3 * blocks, causal(config.first_kernel) + blocks * (causal(config.block_kernel) + 2) + 1),
            // Four layers a block, and an input of the head, as large as a layer; terms of two kernels, a row, and three of one.
            Architecture::Gated => {
                let area = |kernel: usize| ((kernel / 2 + 1) * (kernel + 1) + 3) as u64;
                (3 + 5 * (blocks + 1), area(config.first_kernel) + (blocks + 1) * area(config.block_kernel) + 1)
            }
        };
        Bytes(LAYER * (layers + heads)) + Bytes::of::<Term>(&[terms + heads])
    }

    /// A net given as a list, without classes or embedding. Every layer must come after all it reads, with taps that are causal:
    /// the schedule's tests use it to go beyond what any architecture needs.
    ///
    /// # Panics
    /// Where a layer reads one that does not come before it, or a one-hot input after another.
    pub fn from_list(list: Vec<Layer>) -> Layers {
        for (index, layer) in list.iter().enumerate() {
            let earlier = |(source, _)| if let Source::Layer(source) = source { source < index } else { true };
            assert!(layer.reads().all(earlier), "layer {index} reads a later one");
            assert!(layer.inputs.is_sorted_by_key(|input| !input.one_hot), "layer {index} has a one-hot input after another");
        }
        let mut read_beside = vec![false; list.len()];
        list.iter().flat_map(Layer::beside).for_each(|source| read_beside[source] = true);
        let fine = fine(&list);
        Layers { list, read_beside, fine, classes: 0, embedding: None }
    }

    /// Whether a layer's outputs are read beside terms: by what sums begin with, or as a residual.
    pub fn is_read_beside(&self, layer: usize) -> bool {
        self.read_beside[layer]
    }

    /// Whether integers hold a layer's outputs in eight bits, and not in seven: those that the last layers read. What is rounded
    /// there no later layer makes up for (of a net of 19 blocks, the last three outputs made half of all that rounding
    /// activations cost), and it is little work to read them twice, which is what kernels of seven bits do.
    pub fn is_fine(&self, layer: usize) -> bool {
        self.fine[layer]
    }

    /// Parameters of a layer: kernels at their full size, bias and class vectors.
    pub fn layer_parameters(&self, layer: usize) -> u64 {
        let layer = &self[layer];
        let kernels: u64 =
            layer.inputs.iter().map(|i| (i.rows * i.columns) as u64 * i.channels as u64 * layer.sums() as u64).sum();
        kernels + self.start_parameters(layer)
    }

    /// Those of them that can be other than zero.
    pub fn non_zero_parameters(&self, layer: usize) -> u64 {
        let layer = &self[layer];
        let kernels: u64 = layer.inputs.iter().map(|i| i.terms.len() as u64 * i.channels as u64 * layer.sums() as u64).sum();
        kernels + self.start_parameters(layer)
    }

    fn start_parameters(&self, layer: &Layer) -> u64 {
        let vectors = match layer.start {
            Start::Bias { class } => 1 + if class { self.classes as u64 } else { 0 },
            Start::Layer(_) => 0,
        };
        vectors * layer.sums() as u64
    }

    /// Parameters of the embedding.
    pub fn embedding_parameters(&self) -> u64 {
        self.embedding.map_or(0, |(levels, channels)| levels as u64 * channels as u64)
    }

    /// Parameters of all: below 2^60 for every config.
    pub fn parameters(&self) -> u64 {
        (0..self.len()).map(|layer| self.layer_parameters(layer)).sum::<u64>() + self.embedding_parameters()
    }

    /// Every read of the net: (reading layer, source, tap), residuals included.
    pub fn reads(&self) -> impl Iterator<Item = (usize, Source, Tap)> + '_ {
        self.iter().enumerate().flat_map(|(index, layer)| layer.reads().map(move |(source, tap)| (index, source, tap)))
    }

    /// How far up, to the left and to the right each layer's field reaches at most, in pixels, whatever the image.
    pub(crate) fn reaches(&self) -> Vec<[usize; 3]> {
        let mut reaches = vec![[0; 3]; self.len()];
        for (layer, source, tap) in self.reads() {
            let of = if let Source::Layer(source) = source { reaches[source] } else { [0; 3] };
            for (mine, (of, step)) in reaches[layer].iter_mut().zip(of.into_iter().zip([-tap.dy, -tap.dx, tap.dx])) {
                *mine = (*mine).max((of as i64 + i64::from(step)).max(0) as usize);
            }
        }
        reaches
    }
}

/// The causal terms of a square kernel, in raster order, whose rows lean and whose taps lie apart.
fn causal_terms(size: usize, mask: MaskKind, lean: usize, dilation: usize) -> Vec<Term> {
    let (half, lean, apart) = ((size / 2) as i32, lean as i32, dilation as i32);
    let mut terms = Vec::with_capacity(size * size / 2 + usize::from(mask == MaskKind::B));
    for dy in -half..=0 {
        for dx in -half..=half {
            if dy < 0 || dx < 0 || (dx == 0 && mask == MaskKind::B) {
                let place = (dy + half) as u32 * size as u32 + (dx + half) as u32;
                terms.push(Term { tap: Tap { dy: apart * dy, dx: apart * (dx - lean * dy) }, place });
            }
        }
    }
    terms
}

/// All terms of a kernel of `rows` x `columns` whose first reads at `first`.
fn box_terms(rows: usize, columns: usize, first: Tap, dilation: usize) -> Vec<Term> {
    let tap = |place: usize| Tap {
        dy: first.dy + (place / columns * dilation) as i32,
        dx: first.dx + (place % columns * dilation) as i32,
    };
    (0..rows * columns).map(|place| Term { tap: tap(place), place: place as u32 }).collect()
}

/// A layer's 1x1 input, of one term.
fn pointwise(source: usize, kernel: String, channels: usize) -> Input {
    let terms = box_terms(1, 1, Tap::HERE, 1);
    Input { source: Source::Layer(source), kernel, rows: 1, columns: 1, channels, one_hot: false, terms }
}

/// A list of layers that is being made.
#[derive(Default)]
struct List(Vec<Layer>);

impl List {
    /// Appends a layer without residual; its index.
    fn push(&mut self, name: String, group: String, start: Start, inputs: Vec<Input>, out_channels: usize, cell: Cell) -> usize {
        self.0.push(Layer { name, group, start, inputs, out_channels, cell, residual: None });
        self.0.len() - 1
    }

    /// A 1x1 layer over one other, in a group of its own.
    fn pointwise(&mut self, name: String, source: usize, channels: usize, out_channels: usize, cell: Cell) -> usize {
        let input = pointwise(source, format!("{name}.kernel"), channels);
        self.push(name.clone(), name, Start::Bias { class: false }, vec![input], out_channels, cell)
    }
}

/// Of each layer whether the reads of its outputs, with those of all layers after it, are at most a 32nd of all multiply-adds.
fn fine(list: &[Layer]) -> Vec<bool> {
    let mut reads = vec![0; list.len()];
    for layer in list {
        for input in &layer.inputs {
            if let Source::Layer(source) = input.source {
                reads[source] += input.macs() * layer.sums() as u64;
            }
        }
    }
    let most = list.iter().map(Layer::macs).sum::<u64>() / 32;
    let mut fine = vec![false; list.len()];
    let mut all = 0;
    for (fine, reads) in fine.iter_mut().zip(reads).rev() {
        all += reads;
        *fine = reads > 0 && all <= most;
    }
    fine
}

/// The plain net: a mask-A convolution, residual blocks of 1x1, mask-B and 1x1 convolutions, 1x1 heads, logits.
/// The activation comes after each convolution and before the residual sum, as in the reference program.
fn plain(config: &Config) -> Vec<Layer> {
    let cell = match config.activation {
        Activation::Relu => Cell::Relu,
        Activation::Tanh => Cell::Tanh,
        Activation::Sigmoid => Cell::Sigmoid,
    };
    let (filters, start) = (config.filters, Start::Bias { class: config.classes > 0 });
    let masked = |source, kernel: String, size, channels, terms| {
        let one_hot = source == Source::Pixels && config.is_one_hot();
        Input { source, kernel, rows: size, columns: size, channels, one_hot, terms }
    };
    let mut list = List::default();
    let (first, channels) = (config.first_kernel, config.input_channels());
    let stem = masked(Source::Pixels, "stem.kernel".into(), first, channels, causal_terms(first, MaskKind::A, 0, 1));
    let mut stream = list.push("stem".into(), "stem".into(), start, vec![stem], filters, cell);
    for block in 0..config.blocks {
        let group = format!("blocks.{block}");
        let name = |part: &str| format!("{group}.{part}");
        let inner = list.pointwise(name("in"), stream, filters, filters, cell);
        let terms = causal_terms(config.block_kernel, MaskKind::B, config.lean, config.dilations[block % config.dilations.len()]);
        let conv = masked(Source::Layer(inner), name("conv.kernel"), config.block_kernel, filters, terms);
        let conv = list.push(name("conv"), group.clone(), start, vec![conv], filters / 2, cell);
        let out = list.pointwise(name("out"), conv, filters / 2, filters, cell);
        for layer in [inner, out] {
            list.0[layer].group.clone_from(&group);
        }
        list.0[out].residual = Some(stream);
        stream = out;
    }
    for head in 0..config.head_layers {
        stream = list.pointwise(format!("heads.{head}"), stream, filters, filters, cell);
    }
    list.pointwise("logits".into(), stream, filters, config.logits(), Cell::Linear);
    list.0
}

/// The gated net: a vertical stack `v` over all rows above, a horizontal stack `h` over the pixel's own row. Neither stack is
/// shifted: `v` first reads the rows above its own, so that all that it reads afterwards, in its own row too, has not seen that row.
/// What goes from `v` to `h` is taken before the gate of `v`; nothing goes from `h` to `v`, and the first `h` layer has no residual,
/// which would be of the pixel itself. The head reads the outputs of all `h` gates.
fn gated(config: &Config) -> Vec<Layer> {
    let gate = if config.activation == Activation::Relu { Cell::HardGate } else { Cell::Gate };
    let (filters, sums, start) = (config.filters, 2 * config.filters, Start::Bias { class: config.classes > 0 });
    let mut list = List::default();
    let (mut vertical, mut horizontal) = (None, None); // outputs of the layers before
    let mut skips = Vec::new();
    for block in 0..=config.blocks {
        let group = block.checked_sub(1).map_or("stem".to_string(), |block| format!("blocks.{block}"));
        let name = |stack: &str, part: &str| format!("{stack}.{block}.{part}");
        let half = if block == 0 { config.first_kernel / 2 } else { config.block_kernel / 2 };
        let apart = if block == 0 { 1 } else { config.dilations[(block - 1) % config.dilations.len()] };
        let reach = -((half * apart) as i32);
        // The first layers leave out the row, and the pixel, that is being computed.
        let from_pixels = usize::from(block > 0);
        let input = |source: Option<usize>, kernel: String, rows: usize, columns: usize, first: Tap| Input {
            source: source.map_or(Source::Pixels, Source::Layer),
            kernel,
            rows,
            columns,
            channels: if block == 0 { config.input_channels() } else { filters },
            one_hot: block == 0 && config.is_one_hot(),
            terms: box_terms(rows, columns, first, apart),
        };
        let above = Tap { dy: reach, dx: reach };
        let above = input(vertical, name("v", "conv.kernel"), half + from_pixels, 2 * half + 1, above);
        let conv = list.push(name("v", "conv"), group.clone(), start, vec![above], sums, Cell::Linear);
        if block < config.blocks {
            let output = list.push(name("v", "gate"), group.clone(), Start::Layer(conv), Vec::new(), filters, gate);
            list.0[output].residual = vertical;
            vertical = Some(output);
        }
        let left = Tap { dy: 0, dx: reach };
        let left = input(horizontal, name("h", "conv.kernel"), 1, half + from_pixels, left);
        let inputs = vec![left, pointwise(conv, name("h", "vertical.kernel"), sums)];
        let gated = list.push(name("h", "conv"), group.clone(), start, inputs, filters, gate);
        skips.push(pointwise(gated, format!("skip.{block}.kernel"), filters));
        if block < config.blocks {
            let output = list.pointwise(name("h", "out"), gated, filters, filters, Cell::Linear);
            list.0[output].group.clone_from(&group);
            list.0[output].residual = horizontal;
            horizontal = Some(output);
        }
    }
    let mut stream = list.push("skip".into(), "skip".into(), Start::Bias { class: false }, skips, sums, Cell::Relu);
    for head in 0..config.head_layers {
        stream = list.pointwise(format!("heads.{head}"), stream, sums, sums, Cell::Relu);
    }
    list.pointwise("logits".into(), stream, sums, config.logits(), Cell::Linear);
    list.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_net_has_its_published_size() {
        let config = Config::reference();
        let layers = Layers::new(&config);
        assert_eq!(layers.parameters(), 532_673);
        assert_eq!((0..layers.len()).map(|layer| layers.non_zero_parameters(layer)).sum::<u64>(), 365_633);
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
        assert_eq!(causal_terms(7, MaskKind::A, 0, 1).len(), 24);
        assert_eq!(causal_terms(3, MaskKind::B, 0, 1).len(), 5);
        assert_eq!(causal_terms(1, MaskKind::B, 0, 1), [Term { tap: Tap::HERE, place: 0 }]);
        assert!(causal_terms(1, MaskKind::A, 0, 1).is_empty());
    }

    #[test]
    fn the_last_outputs_are_fine_as_far_as_they_are_cheap_to_read() {
        let fine = |config: &Config| {
            let layers = Layers::new(config);
            (0..layers.len()).filter(|&layer| layers.is_fine(layer)).map(|layer| layers[layer].name.clone()).collect::<Vec<_>>()
        };
        // 128 of 364,416 multiply-adds; one layer more would be 16,512.
        assert_eq!(fine(&Config::reference()), ["heads.1"]);
        let deep = Config { filters: 48, blocks: 19, block_kernel: 5, ..Config::reference() };
        assert_eq!(fine(&deep), ["blocks.18.conv", "blocks.18.out", "heads.0", "heads.1"]);
    }
}
