//! The frozen models give the frozen bits, by every method. The WebAssembly build is held to the same files.

use pixelcnn::json::{Json, Object};
use pixelcnn::{Draw, Method, Model, Run, Skipping, Strategy};
use std::path::Path;
use std::sync::Arc;

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    match object.get(key) {
        Some(Json::String(text) | Json::Number(text)) => text,
        _ => panic!("golden: no {key}"),
    }
}

#[test]
fn the_frozen_model_gives_the_frozen_bits() {
    gives_the_frozen_bits("tiny.json");
}

#[test]
fn the_frozen_model_of_integers_gives_the_frozen_bits() {
    gives_the_frozen_bits("tiny-int16.json");
}

fn gives_the_frozen_bits(file: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/golden");
    let golden = std::fs::read_to_string(folder.join(file)).unwrap();
    let Ok(Json::Object(golden)) = Json::parse(&golden) else { panic!("{file} is an object") };
    let model = Arc::new(Model::from_bytes(std::fs::read(folder.join(text(&golden, "model"))).unwrap()).unwrap());
    let Some(Json::Array(samples)) = golden.get("samples") else { panic!("{file} has samples") };
    assert_eq!(samples.len(), 4);
    for sample in samples {
        let Json::Object(sample) = sample else { panic!("a sample is an object") };
        let number = |key: &str| text(sample, key).parse::<u64>().unwrap();
        let temperature = text(sample, "temperature").parse().unwrap();
        for &(name, method) in Method::ALL {
            let (count, seed, start) = (number("count") as usize, number("seed"), number("startIndex"));
            let draw = Draw { count, seed, start_index: start, temperature };
            let mut run = Run::sample(&model, draw, Strategy { method, skipping: Skipping::All }).unwrap();
            let mut logits = vec![0; run.pixels().len()];
            while run.step().unwrap() > 0 {
                for (p, logit) in run.front().iter().zip(run.front_logits()) {
                    logits[p.image * model.config.pixels() + p.pixel] = logit.to_bits();
                }
            }
            let hex = |bits: &mut dyn Iterator<Item = u32>| bits.map(|b| format!("{b:08x}")).collect::<String>();
            let pixels: String = run.pixels().iter().map(|&p| char::from(b'0' + p as u8)).collect();
            assert_eq!(pixels, text(sample, "pixels"), "{name}");
            assert_eq!(hex(&mut logits.into_iter()), text(sample, "logits"), "{name}");
            assert_eq!(hex(&mut run.nats().iter().map(|n| n.to_bits())), text(sample, "nats"), "{name}");
        }
    }
}
