//! A small property-test harness: seeded random nets, named in every failure.
#![allow(dead_code, reason = "each test binary uses its own part")]

use pixelcnn::cell::Cell;
use pixelcnn::config::{Activation, Architecture, Input as Levels};
use pixelcnn::layers::{Input, Layer, Layers, Source, Start, Tap, Term};
use pixelcnn::optimize::optimize;
use pixelcnn::quantize::quantize;
use pixelcnn::rng::{Purpose, Words};
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Method, Model, Skipping, Strategy};
use std::sync::Arc;

/// Whole numbers in a range, from a seeded sequence.
pub struct Draws(Words);

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws(Words::new(seed, Purpose::Binarise, u32::MAX, 0))
    }

    pub fn from(&mut self, low: usize, high: usize) -> usize {
        low + self.0.word() as usize % (high - low + 1)
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.from(0, items.len() - 1)]
    }
}

/// A random small config of what may be put into another order, a plain net of two levels: images of 1 to 13 pixels a side, filters off
/// every tile size, deep and shallow.
pub fn binary_config(draws: &mut Draws) -> Config {
    let (height, width) = (draws.from(1, 9), draws.pick(&[1, 2, 3, 4, 5, 6, 7, 9, 11, 13]));
    // The oracle's time grows with the square of the image, so large images get few filters.
    let filters = if height * width > 40 { draws.pick(&[2, 4, 6, 8, 10]) } else { draws.pick(&[2, 6, 8, 14, 16, 18, 34]) };
    Config {
        height,
        width,
        filters,
        blocks: draws.from(0, 4),
        first_kernel: draws.pick(&[3, 5, 7, 9]),
        block_kernel: draws.pick(&[1, 3, 3, 5]),
        head_layers: draws.from(0, 3),
        ..Config::reference()
    }
    .checked()
    .unwrap()
}

/// Multiply-adds by plain loops for an image that is computed anew for each of its pixels, at most: what bounds a test of hundreds
/// of nets.
const MOST_MACS: u64 = 3_000_000;

/// A random small config of any form, numbers of levels that fill a byte or not, kernels that reach beyond the image.
pub fn random_config(draws: &mut Draws) -> Config {
    loop {
        let architecture = draws.pick(&[Architecture::Plain, Architecture::Gated]);
        let gated = architecture == Architecture::Gated;
        let levels = draws.pick(&[2, 2, 2, 3, 3, 4, 5, 8, 17, 17, 256, 300, 512]);
        let input = draws.pick(&[Levels::Ordinal, Levels::Nominal]);
        let embedding = if input == Levels::Nominal { draws.pick(&[0, 0, 1, 3, 8, 9]) } else { 0 };
        let activations = [Activation::Relu, Activation::Tanh, Activation::Sigmoid];
        let dilations = (0..draws.pick(&[1, 1, 2, 3])).map(|_| draws.pick(&[1, 1, 2, 3, 5])).collect();
        let config = Config {
            architecture,
            height: draws.from(1, 9),
            width: draws.pick(&[1, 2, 3, 4, 5, 6, 7, 9, 11, 13]),
            levels,
            input,
            embedding,
            classes: draws.pick(&[0, 0, 2, 3, 7]),
            activation: draws.pick(&activations[..if gated { 2 } else { 3 }]),
            filters: if gated { draws.pick(&[2, 3, 4, 5, 8, 9, 12, 17]) } else { draws.pick(&[2, 6, 8, 14, 16, 18, 34]) },
            blocks: draws.from(0, 4),
            first_kernel: draws.pick(&[3, 5, 7, 9]),
            block_kernel: draws.pick(&[1, 3, 3, 5]),
            head_layers: draws.from(0, 3),
            lean: if gated { 0 } else { draws.pick(&[0, 0, 1, 2, 4]) },
            dilations,
            ..Config::reference()
        };
        let layers = Layers::new(&config);
        let macs: u64 = (0..layers.len()).map(|layer| layers.non_zero_parameters(layer)).sum();
        let pixels = config.pixels() as u64;
        if macs * pixels * pixels <= MOST_MACS {
            return config.checked().unwrap();
        }
    }
}

/// A class for each of some images, where the net has classes.
pub fn random_labels(draws: &mut Draws, config: &Config, count: usize) -> Vec<u16> {
    let images = if config.classes > 0 { count } else { 0 };
    (0..images).map(|_| draws.from(0, config.classes - 1) as u16).collect()
}

/// Classes, and pixels that are given: none, one image of them for all, or one for each; of an image all, none or some.
pub fn random_conditions(draws: &mut Draws, config: &Config, count: usize) -> Conditions {
    let labels = random_labels(draws, config, count);
    let images = draws.pick(&[0, 0, 1, count]);
    let mut given = random_images(draws, config, images, 50);
    for image in given.chunks_mut(config.pixels()) {
        let holes = draws.pick(&[0, 30, 70, 100]);
        image.iter_mut().filter(|_| draws.from(1, 100) <= holes).for_each(|level| *level = TO_DRAW);
    }
    Conditions { labels, given }
}

/// A net with random weights.
pub fn random_model(config: Config, seed: u64) -> Arc<Model> {
    let weights = Weights::random(&Layers::new(&config), seed);
    Arc::new(Model::new(config, weights, Vec::new()).unwrap())
}

/// A net with random weights whose logits lean towards a level by `lean`, so that what it draws has wide empty areas. Of more than two
/// levels it is the last that is likelier, for background 1.
pub fn model_with_background(config: Config, seed: u64, background: u16, lean: f32) -> Arc<Model> {
    let layers = Layers::new(&config);
    let mut values = Weights::random(&layers, seed).values().to_vec();
    *values.last_mut().unwrap() += if background == 0 { -lean } else { lean }; // the bias of the logits
    let weights = Weights::new(&layers, values).unwrap();
    Arc::new(Model::new(config, weights, Vec::new()).unwrap())
}

/// Bytes of rows that are remembered: so few that small images fill and empty them, and more than those of all tests.
pub const TABLES: [u64; 4] = [3 << 10, 1 << 14, 1 << 16, 1 << 22];

/// The net, remembering so much.
pub fn remembering(model: &Arc<Model>, bytes: u64) -> Arc<Model> {
    Arc::new(model.remembering(bytes))
}

/// A model as it is, with its channels in another order where they have one, or in integers.
pub fn random_form(draws: &mut Draws, model: Arc<Model>) -> Arc<Model> {
    let images = random_images(draws, &model.config, 3, 20);
    match draws.from(0, 3) {
        0 => model,
        1 if model.config.has_order() => Arc::new(optimize(&model, &images, &[]).unwrap()),
        _ => integers_of(draws, &model),
    }
}

/// A model in integers, calibrated on few images, so that much is cut off.
pub fn integers_of(draws: &mut Draws, model: &Model) -> Arc<Model> {
    let images = random_images(draws, &model.config, 3, 20);
    let labels = random_labels(draws, &model.config, 3);
    Arc::new(quantize(model, &images, &labels).unwrap())
}

/// Random images; `ink` is the share of pixels that are not 0, in percent, any other level as likely as any.
pub fn random_images(draws: &mut Draws, config: &Config, count: usize, ink: usize) -> Vec<u16> {
    let mut level = || {
        if draws.from(1, 100) > ink {
            0
        } else if config.levels == 2 {
            1
        } else {
            draws.from(1, config.levels - 1)
        }
    };
    (0..count * config.pixels()).map(|_| level() as u16).collect()
}

/// All skipping, in the fastest order.
pub const FASTEST: Strategy = Strategy { method: Method::Wavefront, skipping: Skipping::All };

/// Every way of computing an image but the oracle's.
pub fn strategies() -> Vec<Strategy> {
    let mut all = vec![Strategy { method: Method::Naive, skipping: Skipping::None }];
    for method in [Method::Cached, Method::Wavefront] {
        all.extend(Skipping::ALL.iter().map(|&(_, skipping)| Strategy { method, skipping }));
    }
    all
}

fn layer(inputs: Vec<(Source, Vec<Tap>)>, residual: Option<usize>) -> Layer {
    let inputs = inputs.into_iter().map(|(source, taps)| Input {
        source,
        kernel: String::new(),
        rows: 1,
        columns: taps.len(),
        channels: 1,
        one_hot: false,
        terms: taps.into_iter().enumerate().map(|(place, tap)| Term { tap, place: place as u32 }).collect(),
    });
    Layer {
        name: String::new(),
        group: String::new(),
        inputs: inputs.collect(),
        start: Start::Bias { class: false },
        out_channels: 1,
        cell: Cell::Linear,
        residual,
    }
}

/// Random causal taps, at least one. `ahead` lets a tap on features look to the right in its own row, as the vertical
/// stack of a gated net does.
fn random_taps(draws: &mut Draws, pixels: bool, ahead: bool) -> Vec<Tap> {
    let mut taps = Vec::new();
    for _ in 0..draws.from(1, 4) {
        let dy = -(draws.from(0, 3) as i32);
        let dx = draws.from(0, 8) as i32 - 4;
        let limit = if pixels {
            -1
        } else if ahead {
            4
        } else {
            0
        };
        taps.push(Tap { dy, dx: if dy == 0 { dx.min(limit) } else { dx } });
    }
    taps.sort_unstable();
    taps.dedup();
    taps
}

/// A random net of one or two stacks. In a net that looks ahead only the layers that read pixels of the rows above do.
pub fn random_net(draws: &mut Draws) -> Layers {
    let mut layers = Vec::new();
    let ahead = draws.from(0, 2) == 0;
    let above = |taps: Vec<Tap>| taps.into_iter().map(|t| Tap { dy: t.dy.min(-1), dx: t.dx }).collect();
    layers.push(layer(
        vec![(Source::Pixels, if ahead { above(random_taps(draws, true, false)) } else { random_taps(draws, true, false) })],
        None,
    ));
    for index in 1..draws.from(2, 5) {
        let mut inputs = vec![(Source::Layer(draws.from(0, index - 1)), random_taps(draws, false, ahead))];
        if draws.from(0, 2) == 0 {
            inputs.push((Source::Layer(draws.from(0, index - 1)), random_taps(draws, false, false)));
        }
        if draws.from(0, 3) == 0 && !ahead {
            inputs.push((Source::Pixels, random_taps(draws, true, false)));
        }
        let residual = (draws.from(0, 1) == 0).then(|| draws.from(0, index - 1));
        layers.push(layer(inputs, residual));
    }
    Layers::from_list(layers)
}
