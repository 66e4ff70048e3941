//! Writes `test/golden/tiny.*` and `test/golden/tiny-int16.*`: frozen models and what they must give, to the bit.
//!
//! `cargo run --release --example make_golden`, from the root of the repository. Everything comes from the oracle,
//! [`Method::Reference`]. A change of these files is a break of the promise that one seed gives one image: it needs a
//! commit of its own that says why.

use pixelcnn::layers::Layers;
use pixelcnn::quantize::quantize;
use pixelcnn::weights::Weights;
use pixelcnn::{Config, Draw, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let config = Config { height: 12, width: 11, filters: 12, blocks: 2, head_layers: 1, ..Config::reference() }.checked()?;
    let metadata =
        [("training", r#"{"data":"none: random weights"}"#), ("background", "0")].map(|(k, v)| (k.to_string(), v.to_string()));
    let model = Arc::new(Model::new(config.clone(), Weights::random(&Layers::new(&config), 20), metadata.to_vec())?);
    freeze("tiny", &model.to_bytes(&[])?)?;

    let draw = Draw { count: 20, seed: 3, start_index: 0, temperature: 1.0 };
    let mut run = Run::sample(&model, draw, Strategy { method: Method::Wavefront, skipping: Skipping::None })?;
    run.finish()?;
    freeze("tiny-int16", &quantize(&model, run.pixels())?.to_bytes(&[])?)
}

fn freeze(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(format!("test/golden/{name}.safetensors"), bytes)?;
    let model = Arc::new(Model::from_bytes(bytes)?);
    let mut samples = Vec::new();
    for (count, seed, start_index, temperature) in
        [(3, 1u64, 0u64, 1.0), (2, (1 << 53) - 1, (1 << 40) + 7, 1.0), (2, 7, 5, 0.25), (1, 0, 0, 0.0)]
    {
        let draw = Draw { count, seed, start_index, temperature };
        let mut run = Run::sample(&model, draw, Strategy { method: Method::Reference, skipping: Skipping::None })?;
        let mut logits = vec![0; run.pixels().len()];
        while run.step()? > 0 {
            for (p, logit) in run.front().iter().zip(run.front_logits()) {
                logits[p.image * model.config.pixels() + p.pixel] = logit.to_bits();
            }
        }
        let pixels: String = run.pixels().iter().map(|&p| char::from(b'0' + p as u8)).collect();
        let hex = |bits: &mut dyn Iterator<Item = u32>| bits.map(|b| format!("{b:08x}")).collect::<String>();
        samples.push(format!(
            "    {{\n      \"count\": {count}, \"seed\": {seed}, \"startIndex\": {start_index}, \"temperature\": {temperature},\n      \
             \"pixels\": \"{pixels}\",\n      \"logits\": \"{}\",\n      \"nats\": \"{}\"\n    }}",
            hex(&mut logits.into_iter()),
            hex(&mut run.nats().iter().map(|n| n.to_bits())),
        ));
    }
    let json = format!("{{\n  \"model\": \"{name}.safetensors\",\n  \"samples\": [\n{}\n  ]\n}}\n", samples.join(",\n"));
    std::fs::write(format!("test/golden/{name}.json"), json)?;
    Ok(())
}
