//! The heart: every method, batch, order and skipping gives the same bits, of every logit and not only of the pixels.

mod common;

use common::{Draws, FASTEST, model_with_background, random_config, random_form, random_images, random_model, strategies};
use pixelcnn::quantize::quantize;
use pixelcnn::{Config, Draw, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

const ORACLE: Strategy = Strategy { method: Method::Reference, skipping: Skipping::None };

/// Every logit (as bits), every pixel and every cost (as bits), in raster order.
type Walked = (Vec<Vec<u32>>, Vec<u16>, Vec<u32>);

/// Runs to the end, in whatever order the run has, and checks that each pixel comes once.
fn walk(mut run: Run, model: &Model) -> Walked {
    let size = model.config.pixels();
    let mut logits = vec![None; run.pixels().len()];
    while run.step().unwrap() > 0 {
        let each = run.front_logits().len() / run.front().len();
        for (p, found) in run.front().iter().zip(run.front_logits().chunks_exact(each)) {
            let slot = &mut logits[p.image * size + p.pixel];
            assert_eq!(*slot, None, "image {} pixel {} was computed twice", p.image, p.pixel);
            assert_eq!(run.pixels()[p.image * size + p.pixel], p.value);
            *slot = Some(found.iter().map(|logit| logit.to_bits()).collect());
        }
    }
    let logits = logits.into_iter().map(|l| l.expect("every pixel is computed")).collect();
    (logits, run.pixels().to_vec(), run.nats().iter().map(|n| n.to_bits()).collect())
}

fn sample(model: &Arc<Model>, draw: Draw, strategy: Strategy) -> Walked {
    walk(Run::sample(model, draw, strategy).unwrap(), model)
}

fn score(model: &Arc<Model>, images: &[u16], strategy: Strategy) -> Walked {
    walk(Run::score(model, images.to_vec(), strategy).unwrap(), model)
}

/// Some of the images of a walk.
fn part(walked: &Walked, size: usize, first: usize, count: usize) -> Walked {
    let at = first * size..(first + count) * size;
    (walked.0[at.clone()].to_vec(), walked.1[at.clone()].to_vec(), walked.2[at].to_vec())
}

#[test]
fn all_strategies_and_batches_draw_the_same_bits_on_240_random_nets() {
    for case in 0..240 {
        let mut draws = Draws::new(case);
        let config = random_config(&mut draws);
        let model = match draws.from(0, 2) {
            0 => random_model(config, case),
            background => model_with_background(config, case, background as u16 - 1, draws.from(0, 4) as f32),
        };
        let model = random_form(&mut draws, model);
        let size = model.config.pixels();
        let temperature = draws.pick(&[0.0, 0.3, 1.0, 1.0, 2.5]);
        let start_index = draws.pick(&[0, 1, u64::from(u32::MAX) - 1]);
        let draw = Draw { count: 3, seed: (case << 33) ^ case, start_index, temperature };
        let oracle = sample(&model, draw, ORACLE);
        for strategy in strategies() {
            assert_eq!(sample(&model, draw, strategy), oracle, "case {case}, {strategy:?}: {:?}", model.config);
        }
        // One by one, and inside a batch of 16 that starts earlier: only the global index counts.
        for image in 0..3 {
            let one = Draw { count: 1, start_index: start_index + image, ..draw };
            assert_eq!(sample(&model, one, FASTEST), part(&oracle, size, image as usize, 1), "case {case}, image {image} alone");
        }
        let before = draws.from(0, 13).min(start_index as usize);
        let batch = sample(&model, Draw { count: 16, start_index: start_index - before as u64, ..draw }, FASTEST);
        assert_eq!(part(&batch, size, before, 3), oracle, "case {case}, batch of 16: {:?}", model.config);
    }
}

#[test]
fn all_strategies_score_given_images_the_same() {
    for case in 0..80 {
        let mut draws = Draws::new(1000 + case);
        let config = random_config(&mut draws);
        let model = model_with_background(config, case, draws.from(0, 1) as u16, 0.0);
        let model = random_form(&mut draws, model);
        let count = draws.pick(&[1, 3, 17]);
        let ink = draws.pick(&[2, 10, 50, 97]);
        let images = random_images(&mut draws, &model.config, count, ink);
        let each = model.config.logits();
        let logits = |image: &[u16]| model.reference(image, 0).unwrap();
        let oracle: Vec<Vec<u32>> = images
            .chunks(model.config.pixels())
            .flat_map(|image| {
                logits(image).chunks(each).map(|pixel| pixel.iter().map(|l| l.to_bits()).collect()).collect::<Vec<_>>()
            })
            .collect();
        for strategy in strategies().into_iter().chain([ORACLE]) {
            let (logits, pixels, _) = score(&model, &images, strategy);
            assert_eq!(logits, oracle, "case {case}, {strategy:?}: {:?}", model.config);
            assert_eq!(pixels, images);
        }
    }
}

#[test]
fn skipping_is_exact_on_images_made_to_break_it() {
    let config = Config { height: 14, width: 15, filters: 10, blocks: 2, ..Config::reference() };
    let (h, w) = (config.height, config.width);
    let blank = vec![0u16; h * w];
    let mut images = vec![blank.clone(), vec![1; h * w], (0..h * w).map(|i| ((i / w + i % w) % 2) as u16).collect()];
    for corner in [0, w - 1, (h - 1) * w, h * w - 1, 7 * w + 7] {
        let mut image = blank.clone();
        image[corner] = 1;
        images.push(image);
    }
    let inverted: Vec<Vec<u16>> = images.iter().map(|image| image.iter().map(|p| 1 - p).collect()).collect();
    images.extend(inverted);
    let images = images.concat();
    for background in [0, 1] {
        let model = model_with_background(config.clone(), 3, background, 0.0);
        let integers = Arc::new(quantize(&model, &images).unwrap());
        for model in [model, integers] {
            let oracle = score(&model, &images, ORACLE);
            for strategy in strategies() {
                assert_eq!(score(&model, &images, strategy), oracle, "background {background}, {strategy:?}");
            }
        }
    }
}

#[test]
fn skipping_skips_and_a_blank_image_costs_little_once_constants_are_known() {
    let model = model_with_background(Config { filters: 16, blocks: 3, ..Config::reference() }, 3, 0, 0.0);
    let macs = |images: &[u16], skipping| {
        let mut run = Run::score(&model, images.to_vec(), Strategy { method: Method::Wavefront, skipping }).unwrap();
        run.finish().unwrap();
        run.macs()
    };
    let blank = vec![0; model.config.pixels()];
    let dense = macs(&blank, Skipping::None);
    let taps = |l: &pixelcnn::layers::Layer| l.inputs[0].terms.len() * l.inputs[0].channels * l.out_channels.next_multiple_of(8);
    let all = 784 * model.layers.iter().map(taps).sum::<usize>() as u64;
    // Dense still leaves out a tap that lies outside the image for a whole tile.
    assert!(dense <= all && dense > all / 10 * 9, "{dense} of {all}");
    let first = macs(&blank, Skipping::Background);
    assert!(first > 0 && first < dense / 2, "{first} of {dense}");
    assert_eq!(macs(&blank, Skipping::Background), 0, "the next image finds every constant");
}

#[test]
fn drawn_and_given_pixels_walk_the_same_way() {
    let model = random_model(Config { height: 9, width: 10, filters: 12, blocks: 2, ..Config::reference() }, 5);
    let drawn = sample(&model, Draw { count: 5, seed: 11, start_index: 0, temperature: 1.0 }, FASTEST);
    assert!(drawn.1.contains(&0) && drawn.1.contains(&1), "the case draws both levels");
    let cached = Strategy { method: Method::Cached, skipping: Skipping::None };
    assert_eq!(drawn, score(&model, &drawn.1, cached));
}

#[test]
fn runs_do_not_disturb_each_other() {
    let model = model_with_background(Config { height: 7, width: 8, filters: 8, blocks: 1, ..Config::reference() }, 3, 0, 2.0);
    let draw = |seed| Draw { count: 2, seed, start_index: 0, temperature: 1.0 };
    let alone: Vec<_> = (0..3).map(|seed| sample(&model, draw(seed), FASTEST)).collect();
    let mut runs: Vec<Run> = (0..3).map(|seed| Run::sample(&model, draw(seed), FASTEST).unwrap()).collect();
    // One is given up half-way; its cache serves the next run.
    let mut given_up = Run::sample(&model, draw(9), FASTEST).unwrap();
    for _ in 0..5 {
        given_up.step().unwrap();
    }
    drop(given_up);
    runs.push(Run::sample(&model, draw(0), FASTEST).unwrap());
    while runs.iter_mut().map(|run| run.step().unwrap()).sum::<usize>() > 0 {}
    for (run, alone) in runs.iter().zip([&alone[0], &alone[1], &alone[2], &alone[0]]) {
        assert_eq!(run.pixels(), alone.1);
    }
}

#[test]
fn the_reference_net_agrees_with_its_oracle_on_a_whole_image() {
    let model = model_with_background(Config::reference(), 8, 0, 0.0);
    let mut images = random_images(&mut Draws::new(9), &model.config, 1, 3);
    images[..28 * 14].fill(0);
    let integers = Arc::new(quantize(&model, &images).unwrap());
    for model in [model, integers] {
        let oracle = score(&model, &images, ORACLE);
        for strategy in strategies() {
            assert!(score(&model, &images, strategy) == oracle, "{strategy:?}");
        }
    }
}

#[test]
fn weights_too_large_to_compute_with_are_an_error_that_names_the_pixel() {
    let config = Config { height: 3, width: 3, filters: 2, blocks: 0, head_layers: 0, ..Config::reference() };
    let layers = pixelcnn::layers::Layers::new(&config);
    let small = pixelcnn::weights::Weights::random(&layers, 1);
    let values = small.values().iter().map(|&w| if w == 0.0 { 0.0 } else { f32::MAX }).collect();
    let model = Arc::new(Model::new(config, pixelcnn::weights::Weights::new(&layers, values).unwrap(), Vec::new()).unwrap());
    let draw = Draw { count: 1, seed: 0, start_index: 40, temperature: 1.0 };
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let error = Run::sample(&model, draw, strategy).unwrap().finish().unwrap_err();
        assert_eq!(error, pixelcnn::Error::NonFiniteLogit { image: 40, pixel: 0 });
    }
}

/// A net of weights of all magnitudes, some so large that sums overflow and cancel to NaN, some so that a relu would hide it.
fn overflowing_model(draws: &mut Draws, case: u64) -> Arc<Model> {
    let config = random_config(draws);
    let layers = pixelcnn::layers::Layers::new(&config);
    let small = pixelcnn::weights::Weights::random(&layers, case);
    let large = f32::powi(10.0, draws.from(0, 38) as i32);
    let rare = draws.pick(&[3, 40, 200]);
    let values = small.values().iter().map(|&w| if draws.from(0, rare) == 0 { (w * large).clamp(f32::MIN, f32::MAX) } else { w });
    let weights = pixelcnn::weights::Weights::new(&layers, values.collect()).unwrap();
    Arc::new(Model::new(config, weights, vec![("background".into(), draws.from(0, 1).to_string())]).unwrap())
}

#[test]
fn a_hidden_value_that_is_not_finite_is_one_error_by_every_strategy_and_batch() {
    let (mut failed, mut drawn, mut behind) = (0, 0, 0);
    for case in 0..200 {
        let mut draws = Draws::new(8000 + case);
        let model = overflowing_model(&mut draws, case);
        let result = |count, start_index, strategy| {
            let mut run = Run::sample(&model, Draw { count, seed: case, start_index, temperature: 1.0 }, strategy).unwrap();
            let result = run.finish();
            assert!(result.is_ok() || run.step() == result.clone().map(|()| 0), "a run that failed stays so");
            result.map(|()| run.pixels().to_vec())
        };
        let oracle = result(3, 0, ORACLE);
        for strategy in strategies() {
            assert_eq!(result(3, 0, strategy), oracle, "case {case}, {strategy:?}: {:?}", model.config);
        }
        // One by one the same image is the first to fail, and at the same pixel.
        let alone = (0..3).map(|image| result(1, image, FASTEST)).collect::<Result<Vec<_>, _>>().map(|images| images.concat());
        assert_eq!(alone, oracle, "case {case}: {:?}", model.config);
        let images = random_images(&mut draws, &model.config, 3, 40);
        let scored = |strategy| {
            let mut run = Run::score(&model, images.clone(), strategy).unwrap();
            run.finish().map(|()| run.logits().unwrap().iter().map(|l| l.to_bits()).collect::<Vec<_>>())
        };
        let oracle_score = scored(ORACLE);
        for strategy in strategies() {
            assert_eq!(scored(strategy), oracle_score, "case {case}, {strategy:?}: {:?}", model.config);
        }
        match oracle_score {
            Ok(_) => drawn += 1,
            Err(pixelcnn::Error::NonFiniteLogit { image, pixel }) => {
                failed += 1;
                behind += u32::from(image > 0 || pixel > model.config.width);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed > 40 && drawn > 40 && behind > 5, "{failed} failed, {behind} of them late, {drawn} did not");
}

#[test]
fn a_relu_hides_no_overflow() {
    // The head's sum is MAX * MAX * 2 - MAX * MAX * 2, which is infinity less infinity, and 0 after a relu.
    let config = Config { height: 2, width: 2, filters: 2, blocks: 0, head_layers: 1, first_kernel: 3, ..Config::reference() };
    let layers = pixelcnn::layers::Layers::new(&config);
    let mut values = vec![0.0; layers.parameters() as usize];
    values[18..20].fill(f32::MAX); // the stem's biases
    values[20..24].copy_from_slice(&[2.0, 2.0, -2.0, -2.0]); // the head's kernel
    let model = |values: &[f32]| {
        let weights = pixelcnn::weights::Weights::new(&layers, values.to_vec()).unwrap();
        Arc::new(Model::new(config.clone(), weights, vec![("background".into(), "0".into())]).unwrap())
    };
    let error = |model: &Arc<Model>, strategy| {
        let mut run = Run::sample(model, Draw { count: 1, seed: 0, start_index: 7, temperature: 1.0 }, strategy).unwrap();
        run.finish().unwrap_err()
    };
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let wanted = pixelcnn::Error::NonFiniteLogit { image: 7, pixel: 0 };
        assert_eq!(error(&model(&values), strategy), wanted, "{strategy:?}");
        values[20..24].copy_from_slice(&[-2.0, -2.0, -2.0, -2.0]); // -infinity alone is 0 after a relu, too
        assert_eq!(error(&model(&values), strategy), wanted, "{strategy:?}");
    }
    assert_eq!(quantize(&model(&values), &[0; 4]).unwrap_err().code(), "NON_FINITE_LOGIT");
}

#[test]
fn bad_arguments_are_named() {
    let model = random_model(Config { height: 2, width: 2, filters: 2, ..Config::reference() }, 1);
    let message = |run: Result<Run, pixelcnn::Error>| run.unwrap_err().to_string();
    let draw = |count, start_index, temperature| {
        message(Run::sample(&model, Draw { count, seed: 1, start_index, temperature }, FASTEST))
    };
    assert!(draw(0, 0, 1.0).contains("count"));
    assert!(draw(1, 0, -1.0).contains("temperature"));
    assert!(draw(1, 0, f64::NAN).contains("temperature"));
    assert!(draw(1, u64::MAX, 1.0).contains("start_index"));
    assert!(message(Run::score(&model, vec![0; 5], FASTEST)).contains("whole number of images"));
    assert!(message(Run::score(&model, vec![], FASTEST)).contains("whole number of images"));
    assert!(message(Run::score(&model, vec![0, 1, 2, 0], FASTEST)).contains("got 2 at index 2"));
    assert!(Method::from_name("fast").unwrap_err().to_string().contains("`fast`"));
    assert!(Skipping::from_name("some").unwrap_err().to_string().contains("none, background, all"));
}
