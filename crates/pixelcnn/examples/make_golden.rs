//! Writes `test/golden/*`: frozen models of every form and what they must give, to the bit.
//!
//! `cargo run --release --example make_golden`, from the root of the repository. Everything comes from the oracle,
//! [`Method::Reference`]. A model that is there is read and not made anew, so that a change of what is drawn changes `samples` and
//! leaves `scores` as they are. A change of these files is a break of the promise that one seed gives one image: it needs a
//! commit of its own that says why.

use pixelcnn::config::{Activation, Architecture, Input};
use pixelcnn::layers::Layers;
use pixelcnn::quantize::quantize;
use pixelcnn::rng::{Purpose, Words};
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Method, Model, Run, Skipping, Strategy};
use std::path::Path;
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

const ORACLE: Strategy = Strategy { method: Method::Reference, skipping: Skipping::None };

fn main() -> Result<(), Failure> {
    let tiny = Config { height: 12, width: 11, filters: 12, blocks: 2, head_layers: 1, ..Config::reference() };
    let model = frozen("tiny", || random(&tiny, 20, &[("background", "0")]))?;
    freeze("tiny", &model, &BINARY)?;
    freeze("tiny-int8", &frozen("tiny-int8", || integers_of(&model))?, &BINARY)?;

    let small = Config { height: 5, width: 4, filters: 6, blocks: 2, first_kernel: 5, head_layers: 1, ..Config::reference() };
    let forms = [
        (
            "gated",
            Config {
                architecture: Architecture::Gated,
                activation: Activation::Tanh,
                height: 7,
                width: 6,
                filters: 5,
                classes: 3,
                ..small.clone()
            },
        ),
        ("nominal", Config { levels: 5, input: Input::Nominal, activation: Activation::Sigmoid, ..small.clone() }),
        (
            "embedded",
            Config {
                architecture: Architecture::Gated,
                height: 3,
                levels: 17,
                input: Input::Nominal,
                embedding: 3,
                filters: 4,
                blocks: 1,
                ..small.clone()
            },
        ),
        (
            "leaning",
            Config { height: 6, activation: Activation::Tanh, levels: 4, classes: 2, lean: 2, dilations: vec![1, 2], ..small },
        ),
    ];
    for (name, config) in forms {
        let model = frozen(name, || random(&config, 20, &[]))?;
        freeze(name, &model, &ANY)?;
        let integers = format!("{name}-int8");
        freeze(&integers, &frozen(&integers, || integers_of(&model))?, &ANY)?;
    }
    Ok(())
}

/// A model in integers, by what it draws.
fn integers_of(model: &Arc<Model>) -> Result<Model, Failure> {
    let draw = Draw { count: 20, seed: 3, start_index: 0, temperature: 1.0 };
    let labels = if model.config.classes > 0 { (0..20).map(|k| k % model.config.classes as u16).collect() } else { vec![] };
    let conditions = Conditions { labels: labels.clone(), given: vec![] };
    let strategy = Strategy { method: Method::Wavefront, skipping: Skipping::None };
    let mut run = Run::sample_under(model, draw, conditions, strategy)?;
    run.finish()?;
    Ok(quantize(model, run.pixels(), &labels)?)
}

/// A model of random weights.
fn random(config: &Config, seed: u64, metadata: &[(&str, &str)]) -> Result<Model, Failure> {
    let config = config.clone().checked()?;
    let metadata = [("training", r#"{"data":"none: random weights"}"#)].iter().chain(metadata);
    let weights = Weights::random(&Layers::new(&config), seed);
    Ok(Model::new(config, weights, metadata.map(|(key, value)| (key.to_string(), value.to_string())).collect())?)
}

/// The model of that name, written first where there is none.
fn frozen(name: &str, make: impl FnOnce() -> Result<Model, Failure>) -> Result<Arc<Model>, Failure> {
    let path = format!("test/golden/{name}.safetensors");
    if !Path::new(&path).exists() {
        std::fs::write(&path, make()?.to_bytes(&[])?)?;
    }
    Ok(Arc::new(Model::from_bytes(std::fs::read(path)?)?))
}

/// Count, seed, start index, temperature, and images whose pixels are given, with holes.
type Sample = (usize, u64, u64, f64, usize);

const BINARY: [Sample; 4] = [(3, 1, 0, 1.0, 0), (2, (1 << 53) - 1, (1 << 40) + 7, 1.0, 0), (2, 7, 5, 0.25, 0), (1, 0, 0, 0.0, 0)];
const ANY: [Sample; 3] = [(2, (1 << 53) - 1, (1 << 40) + 7, 1.0, 0), (2, 7, 5, 0.5, 2), (1, 0, 0, 0.0, 1)];

fn freeze(name: &str, model: &Arc<Model>, samples: &[Sample]) -> Result<(), Failure> {
    let config = &model.config;
    let mut words = Words::new(1, Purpose::Binarise, 0, 0);
    let mut below = |count: usize| (words.word() as usize % count) as u16;
    let labels = |first: usize, count: usize| -> Vec<u16> {
        let images = if config.classes > 0 { first..first + count } else { 0..0 };
        images.map(|image| (image % config.classes) as u16).collect()
    };
    let (mut drawn, mut scored) = (Vec::new(), Vec::new());
    for (number, &(count, seed, start_index, temperature, images)) in samples.iter().enumerate() {
        let holes = |level| if level % 3 == 0 { TO_DRAW } else { level % config.levels as u16 };
        let given: Vec<u16> = (0..images * config.pixels()).map(|_| holes(below(3 * config.levels))).collect();
        let head = format!(
            "\"count\": {count}, \"seed\": {seed}, \"startIndex\": {start_index}, \"temperature\": {temperature},\n      "
        );
        let head = head + &if given.is_empty() { String::new() } else { format!("\"given\": \"{}\",\n      ", text(&given)) };
        let conditions = Conditions { labels: labels(number, count), given };
        let known = labels_text(&conditions.labels);
        let draw = Draw { count, seed, start_index, temperature };
        drawn.push(head + &known + &walked(Run::sample_under(model, draw, conditions, ORACLE)?, model)?);
    }
    let images: Vec<u16> = (0..2 * config.pixels()).map(|_| below(config.levels)).collect();
    let known = labels_text(&labels(1, 2));
    scored.push(known + &walked(Run::score_under(model, images, labels(1, 2), ORACLE)?, model)?);
    let list =
        |items: Vec<String>| items.iter().map(|item| format!("    {{\n      {item}\n    }}")).collect::<Vec<_>>().join(",\n");
    let json = format!(
        "{{\n  \"model\": \"{name}.safetensors\",\n  \"samples\": [\n{}\n  ],\n  \"scores\": [\n{}\n  ]\n}}\n",
        list(drawn),
        list(scored)
    );
    std::fs::write(format!("test/golden/{name}.json"), json)?;
    Ok(())
}

/// A character for each level, a dot for one that is to be drawn.
fn text(levels: &[u16]) -> String {
    levels.iter().map(|&level| char::from_digit(level.into(), 36).unwrap_or('.')).collect()
}

fn labels_text(labels: &[u16]) -> String {
    if labels.is_empty() { String::new() } else { format!("\"labels\": \"{}\",\n      ", text(labels)) }
}

/// Levels, logits and costs of a run, in raster order.
fn walked(mut run: Run, model: &Model) -> Result<String, Failure> {
    let each = model.config.logits();
    let mut logits = vec![0; run.pixels().len() * each];
    while run.step()? > 0 {
        for (p, found) in run.front().iter().zip(run.front_logits().chunks_exact(each)) {
            let at = (p.image * model.config.pixels() + p.pixel) * each;
            logits[at..at + each].iter_mut().zip(found).for_each(|(to, logit)| *to = logit.to_bits());
        }
    }
    let hex = |bits: &mut dyn Iterator<Item = u32>| bits.map(|b| format!("{b:08x}")).collect::<String>();
    Ok(format!(
        "\"pixels\": \"{}\",\n      \"logits\": \"{}\",\n      \"nats\": \"{}\"",
        text(run.pixels()),
        hex(&mut logits.into_iter()),
        hex(&mut run.nats().iter().map(|n| n.to_bits())),
    ))
}
