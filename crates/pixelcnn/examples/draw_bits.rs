//! Draws 16 images of seed 1 and scores them, and writes the bits of all of it: levels, what each image cost, ln p of each.
//!
//! `cargo run --release --example draw_bits -- MODEL`. What `test/everywhere/draw.js` makes its sha256 of on every other host.

use pixelcnn::{Draw, Method, Model, Run, Skipping, Strategy};
use std::io::Write;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected the path of a model file")?;
    let model = Arc::new(Model::from_bytes(std::fs::read(path)?)?);
    let strategy = Strategy { method: Method::Wavefront, skipping: Skipping::All };
    let mut drawn = Run::sample(&model, Draw { count: 16, seed: 1, start_index: 0, temperature: 1.0 }, strategy)?;
    drawn.finish()?;
    let mut scored = Run::score(&model, drawn.pixels().to_vec(), strategy)?;
    scored.finish()?;

    let levels = drawn.pixels().iter().map(|&level| u8::try_from(level)).collect::<Result<Vec<u8>, _>>()?;
    let bits = |sums: Vec<f64>| sums.into_iter().flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
    let mut out = std::io::stdout().lock();
    out.write_all(&levels)?;
    out.write_all(&bits(costs(&drawn, model.config.pixels())))?;
    out.write_all(&bits(costs(&scored, model.config.pixels()).into_iter().map(|nats| -nats).collect()))?;
    Ok(())
}

/// -ln p of each image, summed in raster order.
fn costs(run: &Run, pixels: usize) -> Vec<f64> {
    run.nats().chunks_exact(pixels).map(|image| image.iter().map(|&nats| f64::from(nats)).sum()).collect()
}
