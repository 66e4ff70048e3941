//! The heart: every method, batch and order gives the same bits, of every logit and not only of the pixels.

mod common;

use common::{random_config, random_images, random_model, Draws};
use pixelcnn::{reference, Config, Method, Model, Run};
use std::sync::Arc;

/// Every logit (as bits), every pixel and every cost of a run, in raster order whatever the order it was walked in.
fn walk(mut run: Run, model: &Model) -> (Vec<u32>, Vec<u8>, Vec<u32>) {
    let size = model.config.pixels();
    let mut logits = vec![None; run.pixels().len()];
    while run.step().unwrap() > 0 {
        for (p, logit) in run.front().iter().zip(run.front_logits()) {
            let slot = &mut logits[p.image * size + p.pixel];
            assert_eq!(*slot, None, "image {} pixel {} was computed twice", p.image, p.pixel);
            assert_eq!(run.pixels()[p.image * size + p.pixel], p.value);
            *slot = Some(logit.to_bits());
        }
    }
    let logits = logits.into_iter().map(|l| l.expect("every pixel is computed")).collect();
    (logits, run.pixels().to_vec(), run.nats().iter().map(|n| n.to_bits()).collect())
}

fn sample(
    model: &Arc<Model>,
    count: usize,
    seed: u64,
    start: u64,
    temperature: f64,
    method: Method,
) -> (Vec<u32>, Vec<u8>, Vec<u32>) {
    walk(Run::sample(model, count, seed, start, temperature, method).unwrap(), model)
}

#[test]
fn all_methods_and_batches_draw_the_same_bits_on_240_random_nets() {
    for case in 0..240 {
        let mut draws = Draws::new(case);
        let config = random_config(&mut draws);
        let model = random_model(config, case);
        let temperature = draws.pick(&[0.0, 0.3, 1.0, 1.0, 2.5]);
        let seed = (case << 33) ^ case;
        let start = draws.pick(&[0, 1, u64::from(u32::MAX) - 1]);
        let name = |method: Method, count: usize| format!("case {case}, {method:?} x {count}: {:?}", model.config);
        let oracle = sample(&model, 3, seed, start, temperature, Method::Reference);
        for method in [Method::Naive, Method::Cached, Method::Wavefront] {
            assert_eq!(sample(&model, 3, seed, start, temperature, method), oracle, "{}", name(method, 3));
        }
        // One by one, and as the middle of a batch of 16 that starts earlier: only the global index counts.
        let size = model.config.pixels();
        for image in 0..3 {
            let at = image * size..(image + 1) * size;
            let one = sample(&model, 1, seed, start + image as u64, temperature, Method::Wavefront);
            let part = (oracle.0[at.clone()].to_vec(), oracle.1[at.clone()].to_vec(), oracle.2[at].to_vec());
            assert_eq!(one, part, "{}", name(Method::Wavefront, 1));
        }
        let before = draws.from(0, 13).min(start as usize);
        let batch = sample(&model, 16, seed, start - before as u64, temperature, Method::Wavefront);
        let at = before * size..(before + 3) * size;
        let part = (batch.0[at.clone()].to_vec(), batch.1[at.clone()].to_vec(), batch.2[at].to_vec());
        assert_eq!(part, oracle, "{}", name(Method::Wavefront, 16));
    }
}

#[test]
fn all_methods_score_given_images_the_same() {
    for case in 0..60 {
        let mut draws = Draws::new(1000 + case);
        let config = random_config(&mut draws);
        let model = random_model(config, case);
        let count = draws.pick(&[1, 3, 17]);
        let images = random_images(&mut draws, &model.config, count);
        let oracle: Vec<u32> = images
            .chunks(model.config.pixels())
            .flat_map(|image| reference::logits(&model.config, &model.layers, &model.weights, image))
            .map(f32::to_bits)
            .collect();
        for (name, method) in Method::ALL {
            let (logits, pixels, _) = walk(Run::score(&model, images.clone(), method).unwrap(), &model);
            assert_eq!(logits, oracle, "case {case}, {name}: {:?}", model.config);
            assert_eq!(pixels, images);
        }
    }
}

#[test]
fn drawn_and_given_pixels_walk_the_same_way() {
    let model = random_model(Config { height: 9, width: 10, filters: 12, blocks: 2, ..Config::reference() }, 5);
    let drawn = sample(&model, 5, 11, 0, 1.0, Method::Wavefront);
    assert!(drawn.1.contains(&0) && drawn.1.contains(&1), "the case draws both levels");
    let given = walk(Run::score(&model, drawn.1.clone(), Method::Cached).unwrap(), &model);
    assert_eq!(drawn, given);
}

#[test]
fn runs_do_not_disturb_each_other() {
    let model = random_model(Config { height: 7, width: 8, filters: 8, blocks: 1, ..Config::reference() }, 3);
    let alone: Vec<_> = (0..3).map(|seed| sample(&model, 2, seed, 0, 1.0, Method::Wavefront)).collect();
    let mut runs: Vec<Run> = (0..3).map(|seed| Run::sample(&model, 2, seed, 0, 1.0, Method::Wavefront).unwrap()).collect();
    while runs.iter_mut().map(|run| run.step().unwrap()).sum::<usize>() > 0 {}
    for (run, alone) in runs.iter().zip(alone) {
        assert_eq!(run.pixels(), alone.1);
    }
}

#[test]
fn the_reference_net_agrees_with_its_oracle_on_a_whole_image() {
    let model = random_model(Config::reference(), 8);
    let images = random_images(&mut Draws::new(9), &model.config, 1);
    let oracle = reference::logits(&model.config, &model.layers, &model.weights, &images);
    for method in [Method::Naive, Method::Cached, Method::Wavefront] {
        let mut run = Run::score(&model, images.clone(), method).unwrap();
        run.finish().unwrap();
        let same = run.logits().unwrap().iter().zip(&oracle).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{method:?}");
    }
}

#[test]
fn weights_too_large_to_compute_with_are_an_error_that_names_the_pixel() {
    let config = Config { height: 3, width: 3, filters: 2, blocks: 0, head_layers: 0, ..Config::reference() };
    let layers = pixelcnn::layers::Layers::new(&config);
    let values =
        pixelcnn::weights::Weights::random(&layers, 1).values().iter().map(|&w| if w == 0.0 { 0.0 } else { f32::MAX }).collect();
    let weights = pixelcnn::weights::Weights::new(&layers, values).unwrap();
    let model = Arc::new(Model::new(config, weights, Vec::new()));
    for (_, method) in Method::ALL {
        let error = Run::sample(&model, 1, 0, 40, 1.0, method).unwrap().finish().unwrap_err();
        assert_eq!(error, pixelcnn::Error::NonFiniteLogit { image: 40, pixel: 0 });
    }
}

#[test]
fn bad_arguments_are_named() {
    let model = random_model(Config { height: 2, width: 2, filters: 2, ..Config::reference() }, 1);
    let message = |run: Result<Run, pixelcnn::Error>| run.unwrap_err().to_string();
    let w = Method::Wavefront;
    assert!(message(Run::sample(&model, 0, 1, 0, 1.0, w)).contains("count"));
    assert!(message(Run::sample(&model, 1, 1, 0, -1.0, w)).contains("temperature"));
    assert!(message(Run::sample(&model, 1, 1, 0, f64::NAN, w)).contains("temperature"));
    assert!(message(Run::sample(&model, 1, 1, u64::MAX, 1.0, w)).contains("start_index"));
    assert!(message(Run::score(&model, vec![0; 5], w)).contains("whole number of images"));
    assert!(message(Run::score(&model, vec![], w)).contains("whole number of images"));
    assert!(message(Run::score(&model, vec![0, 1, 2, 0], w)).contains("got 2 at index 2"));
    assert!(Method::from_name("fast").unwrap_err().to_string().contains("`fast`"));
}
