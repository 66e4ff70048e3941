//! The frozen models give the frozen bits, by every method. The WebAssembly build is held to the same files.

use pixelcnn::json::{Json, Object};
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::{Conditions, Draw, Method, Model, Run, Skipping, Strategy};
use std::path::Path;
use std::sync::Arc;

fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    match object.get(key) {
        Some(Json::String(text) | Json::Number(text)) => Some(text),
        _ => None,
    }
}

/// The objects of a list.
fn list<'a>(object: &'a Object, key: &str) -> Vec<&'a Object> {
    let Some(Json::Array(items)) = object.get(key) else { panic!("golden: no {key}") };
    let objects = items.iter().map(|item| if let Json::Object(item) = item { item } else { panic!("{item:?} is no object") });
    objects.collect()
}

/// Levels, of which each is a character.
fn levels(text: &str) -> Vec<u16> {
    text.chars().map(|c| c.to_digit(36).map_or(TO_DRAW, |level| level as u16)).collect()
}

#[test]
fn the_frozen_model_gives_the_frozen_bits() {
    gives_the_frozen_bits("tiny", 4);
}

#[test]
fn the_frozen_model_of_integers_gives_the_frozen_bits() {
    gives_the_frozen_bits("tiny-int8", 4);
}

#[test]
fn the_frozen_models_of_integers_of_every_form_give_the_frozen_bits() {
    for name in ["gated-int8", "nominal-int8", "embedded-int8", "leaning-int8"] {
        gives_the_frozen_bits(name, 3);
    }
}

#[test]
fn the_frozen_gated_net_with_classes_gives_the_frozen_bits() {
    gives_the_frozen_bits("gated", 3);
}

#[test]
fn the_frozen_net_of_nominal_levels_gives_the_frozen_bits() {
    gives_the_frozen_bits("nominal", 3);
}

#[test]
fn the_frozen_net_with_an_embedding_gives_the_frozen_bits() {
    gives_the_frozen_bits("embedded", 3);
}

#[test]
fn the_frozen_net_that_leans_and_is_dilated_gives_the_frozen_bits() {
    gives_the_frozen_bits("leaning", 3);
}

fn gives_the_frozen_bits(name: &str, wanted: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/golden");
    let golden = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    let Ok(Json::Object(golden)) = Json::parse(&golden) else { panic!("{name} is an object") };
    let bytes = std::fs::read(folder.join(text(&golden, "model").unwrap())).unwrap();
    let model = Arc::new(Model::from_bytes(&bytes).unwrap());
    assert!(model.to_bytes(&[]).unwrap() == bytes, "{name} is written as it was");
    let (samples, scores) = (list(&golden, "samples"), list(&golden, "scores"));
    assert_eq!((samples.len(), scores.len()), (wanted, 1));
    for &(method_name, method) in Method::ALL {
        let strategy = Strategy { method, skipping: Skipping::All };
        for sample in &samples {
            let number = |key: &str| text(sample, key).unwrap().parse::<u64>().unwrap();
            let (count, seed, start_index) = (number("count") as usize, number("seed"), number("startIndex"));
            let draw = Draw { count, seed, start_index, temperature: text(sample, "temperature").unwrap().parse().unwrap() };
            let known = |key: &str| text(sample, key).map_or(Vec::new(), levels);
            let conditions = Conditions { labels: known("labels"), given: known("given") };
            is_frozen(&model, Run::sample_under(&model, draw, conditions, strategy).unwrap(), sample, method_name);
        }
        for score in &scores {
            let labels = text(score, "labels").map_or(Vec::new(), levels);
            let run = Run::score_under(&model, levels(text(score, "pixels").unwrap()), labels, strategy);
            is_frozen(&model, run.unwrap(), score, method_name);
        }
    }
}

fn is_frozen(model: &Model, mut run: Run, golden: &Object, method: &str) {
    let (size, each) = (model.config.pixels(), model.config.logits());
    let mut logits = vec![0; run.pixels().len() * each];
    while run.step().unwrap() > 0 {
        for (p, found) in run.front().iter().zip(run.front_logits().chunks_exact(each)) {
            let at = (p.image * size + p.pixel) * each;
            logits[at..at + each].iter_mut().zip(found).for_each(|(to, logit)| *to = logit.to_bits());
        }
    }
    let hex = |bits: &mut dyn Iterator<Item = u32>| bits.map(|b| format!("{b:08x}")).collect::<String>();
    assert_eq!(run.pixels(), levels(text(golden, "pixels").unwrap()), "{method}");
    assert_eq!(Some(&hex(&mut logits.into_iter())[..]), text(golden, "logits"), "{method}");
    assert_eq!(Some(&hex(&mut run.nats().iter().map(|n| n.to_bits()))[..]), text(golden, "nats"), "{method}");
}
