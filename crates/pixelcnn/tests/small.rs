//! Every strategy, tile and precision on nets small enough for tools that look at each access to memory: AddressSanitizer,
//! valgrind and Miri. What the results are the other tests ask of larger nets; here it is enough that all agree.

mod common;

use common::{Draws, model_with_background, random_images, strategies};
use pixelcnn::optimize::optimize;
use pixelcnn::quantize::quantize;
use pixelcnn::{Config, Draw, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

/// Height, width, filters, blocks, both kernels, head layers, images at a time. With 34 filters a layer has 5 panels, so that
/// tiles of one and of two positions take some panels together and are left with one; the images at a time and the widths
/// make fronts of 1 to 12 positions.
const NETS: [[usize; 8]; 7] = [
    [2, 2, 6, 1, 3, 3, 0, 2],
    [2, 3, 10, 1, 3, 3, 0, 2],
    [2, 3, 34, 0, 3, 1, 1, 2],
    [1, 6, 2, 2, 5, 5, 0, 3],
    [5, 1, 6, 0, 3, 3, 2, 3],
    [4, 9, 4, 1, 3, 3, 0, 5],
    [1, 1, 18, 1, 31, 3, 1, 1],
];

/// The bits of every logit in raster order, and the levels.
fn walk(mut run: Run, model: &Model) -> (Vec<u32>, Vec<u16>) {
    let mut logits = vec![0; run.pixels().len()];
    while run.step().unwrap() > 0 {
        for (p, logit) in run.front().iter().zip(run.front_logits()) {
            logits[p.image * model.config.pixels() + p.pixel] = logit.to_bits();
        }
    }
    (logits, run.pixels().to_vec())
}

#[test]
fn every_strategy_agrees_on_nets_of_every_tile() {
    // A run finds the constants of the one before, so each comes twice. Miri has a ten-thousandth of the speed.
    let (nets, times) = if cfg!(miri) { (&NETS[..1], 1) } else { (&NETS[..], 2) };
    for &[height, width, filters, blocks, first_kernel, block_kernel, head_layers, count] in nets {
        let config = Config { height, width, filters, blocks, first_kernel, block_kernel, head_layers, ..Config::reference() };
        let config = config.checked().unwrap();
        let model = model_with_background(config, filters as u64, 0, 0.5);
        let images = random_images(&mut Draws::new(1), &model.config, 2, 30);
        for model in [Arc::new(quantize(&model, &images).unwrap()), Arc::new(optimize(&model, &images).unwrap()), model] {
            let bytes = model.to_bytes(&[]).unwrap();
            assert_eq!(Model::from_bytes(&bytes).unwrap().to_bytes(&[]).unwrap(), bytes);
            let draw = Draw { count, seed: 5, start_index: 0, temperature: 1.0 };
            let fastest = Strategy { method: Method::Wavefront, skipping: Skipping::All };
            let drawn = walk(Run::sample(&model, draw, fastest).unwrap(), &model);
            let oracle = Strategy { method: Method::Reference, skipping: Skipping::None };
            for strategy in strategies().into_iter().chain([oracle]) {
                for _ in 0..times {
                    let given = walk(Run::score(&model, drawn.1.clone(), strategy).unwrap(), &model);
                    assert_eq!(given, drawn, "{strategy:?}: {:?}", model.config);
                }
            }
        }
    }
}
