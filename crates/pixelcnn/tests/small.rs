//! Every strategy, tile, cell and precision on nets small enough for tools that look at each access to memory: AddressSanitizer,
//! valgrind and Miri. What the results are the other tests ask of larger nets; here it is enough that all agree.

mod common;

use common::{Draws, FASTEST, integers_of, model_with_background, random_conditions, random_images, strategies};
use pixelcnn::config::{Activation, Architecture, Input};
use pixelcnn::optimize::optimize;
use pixelcnn::{Conditions, Config, Draw, Method, Model, Run, Skipping, Strategy};
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

/// Of integers too where the form has them, each with the number of images at a time.
fn nets() -> Vec<(Config, usize)> {
    let sizes = NETS.map(|[height, width, filters, blocks, first_kernel, block_kernel, head_layers, count]| {
        (Config { height, width, filters, blocks, first_kernel, block_kernel, head_layers, ..Config::reference() }, count)
    });
    let small = Config { blocks: 1, head_layers: 0, ..sizes[0].0.clone() };
    let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, filters: 3, ..small.clone() };
    let nominal = Config { levels: 3, input: Input::Nominal, ..small.clone() };
    let mut all = vec![
        sizes[0].clone(),
        (Config { classes: 2, levels: 3, input: Input::Nominal, ..gated.clone() }, 2),
        (Config { embedding: 2, activation: Activation::Sigmoid, ..nominal.clone() }, 1),
    ];
    if cfg!(miri) {
        return all; // which has a ten-thousandth of the speed
    }
    all.extend(sizes.into_iter().skip(1));
    all.extend([
        (Config { activation: Activation::Relu, filters: 5, width: 5, dilations: vec![2], ..gated.clone() }, 3),
        (Config { filters: 17, embedding: 9, input: Input::Nominal, levels: 300, ..gated }, 2),
        (Config { classes: 3, filters: 10, width: 4, ..nominal }, 5),
        (Config { classes: 2, levels: 257, activation: Activation::Tanh, lean: 1, dilations: vec![2], width: 5, ..small }, 3),
    ]);
    all
}

/// The bits of every logit in raster order, and the levels.
fn walk(mut run: Run, model: &Model) -> (Vec<u32>, Vec<u16>) {
    let (size, each) = (model.config.pixels(), model.config.logits());
    let mut logits = vec![0; run.pixels().len() * each];
    while run.step().unwrap() > 0 {
        for (p, found) in run.front().iter().zip(run.front_logits().chunks_exact(each)) {
            let at = (p.image * size + p.pixel) * each;
            logits[at..at + each].iter_mut().zip(found).for_each(|(to, logit)| *to = logit.to_bits());
        }
    }
    (logits, run.pixels().to_vec())
}

#[test]
fn every_strategy_agrees_on_nets_of_every_tile() {
    // A run finds the constants of the one before, so each comes twice.
    let times = if cfg!(miri) { 1 } else { 2 };
    for (config, count) in nets() {
        let config = config.checked().unwrap();
        let model = model_with_background(config, count as u64, 0, 0.5);
        let mut draws = Draws::new(1);
        let images = random_images(&mut draws, &model.config, 2, 30);
        let mut forms = vec![Arc::clone(&model)];
        forms.push(integers_of(&mut Draws::new(2), &model));
        if model.config.has_order() {
            forms.push(Arc::new(optimize(&model, &images, &[]).unwrap()));
        }
        for model in forms {
            let bytes = model.to_bytes(&[]).unwrap();
            assert_eq!(Model::from_bytes(&bytes).unwrap().to_bytes(&[]).unwrap(), bytes);
            let draw = Draw { count, seed: 5, start_index: 0, temperature: 1.0 };
            let Conditions { labels, given } = random_conditions(&mut draws, &model.config, count);
            let conditions = Conditions { labels: labels.clone(), given };
            let drawn = walk(Run::sample_under(&model, draw, conditions, FASTEST).unwrap(), &model);
            let oracle = Strategy { method: Method::Reference, skipping: Skipping::None };
            for strategy in strategies().into_iter().chain([oracle]) {
                for _ in 0..times {
                    let run = Run::score_under(&model, drawn.1.clone(), labels.clone(), strategy).unwrap();
                    assert_eq!(walk(run, &model), drawn, "{strategy:?}: {:?}", model.config);
                }
            }
        }
    }
}
