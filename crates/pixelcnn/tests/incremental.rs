//! The heart: every method, batch, order, skipping and number of rows that are remembered gives the same bits, of every logit and
//! not only of the pixels.
//!
//! `PIXELCNN_NETS=20000 cargo test --release --test incremental any_form` draws by as many nets of any form.

mod common;

use common::{
    Draws, FASTEST, TABLES, binary_config, integers_of, model_with_background, random_conditions, random_config, random_form,
    random_images, random_labels, random_model, remembering, strategies,
};
use pixelcnn::config::{Activation, Architecture, Input, Precision};
use pixelcnn::layers::Layers;
use pixelcnn::quantize::quantize;
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::tensors::tensor_specs;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Error, Method, Model, Run, Skipping, Strategy};
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

fn sample_under(model: &Arc<Model>, draw: Draw, conditions: &Conditions, strategy: Strategy) -> Walked {
    walk(Run::sample_under(model, draw, conditions.clone(), strategy).unwrap(), model)
}

fn score(model: &Arc<Model>, images: &[u16], strategy: Strategy) -> Walked {
    walk(Run::score(model, images.to_vec(), strategy).unwrap(), model)
}

fn score_under(model: &Arc<Model>, images: &[u16], labels: &[u16], strategy: Strategy) -> Walked {
    walk(Run::score_under(model, images.to_vec(), labels.to_vec(), strategy).unwrap(), model)
}

/// Some of the images of a walk.
fn part(walked: &Walked, size: usize, first: usize, count: usize) -> Walked {
    let at = first * size..(first + count) * size;
    (walked.0[at.clone()].to_vec(), walked.1[at.clone()].to_vec(), walked.2[at].to_vec())
}

/// What is known of some of the images.
fn conditions_of(all: &Conditions, size: usize, first: usize, count: usize) -> Conditions {
    let Conditions { labels, given } = all;
    let labels = if labels.is_empty() { vec![] } else { labels[first..first + count].to_vec() };
    let given = if given.len() <= size { given.clone() } else { given[first * size..(first + count) * size].to_vec() };
    Conditions { labels, given }
}

/// Three images are the same by every strategy, one by one, and inside a larger batch that starts earlier. Returns what is drawn.
fn draws_the_same_bits(case: u64, draws: &mut Draws, model: &Arc<Model>) -> Walked {
    let (config, size) = (&model.config, model.config.pixels());
    let temperature = draws.pick(&[0.0, 0.3, 1.0, 1.0, 2.5]);
    let start_index = draws.pick(&[0, 1, u64::from(u32::MAX) - 1]);
    let draw = Draw { count: 3, seed: (case << 33) ^ case, start_index, temperature };
    let before = draws.from(0, 13).min(start_index as usize);
    let many = draws.pick(&[16, 16, 19]); // as many as are computed in step, and more
    let all = random_conditions(draws, config, many);
    let conditions = conditions_of(&all, size, before, 3);
    let oracle = sample_under(model, draw, &conditions, ORACLE);
    let model = &remembering(model, draws.pick(&TABLES));
    for strategy in strategies() {
        assert_eq!(sample_under(model, draw, &conditions, strategy), oracle, "case {case}, {strategy:?}: {config:?}");
    }
    let draws_alone = |when: &str| {
        for image in 0..3 {
            let one = Draw { count: 1, start_index: start_index + image as u64, ..draw };
            let alone = sample_under(model, one, &conditions_of(&conditions, size, image, 1), FASTEST);
            assert_eq!(alone, part(&oracle, size, image, 1), "case {case}, image {image} alone {when}: {config:?}");
        }
    };
    draws_alone("before a batch");
    // What was remembered of few images serves more.
    let batch = Draw { count: many, start_index: start_index - before as u64, ..draw };
    for method in [Method::Wavefront, Method::Cached] {
        let drawn = sample_under(model, batch, &all, Strategy { method, skipping: Skipping::All });
        assert_eq!(part(&drawn, size, before, 3), oracle, "case {case}, batch of {many} by {method:?}: {config:?}");
    }
    // Room for many serves few.
    draws_alone("after it");
    // What is given is taken.
    for (at, &level) in oracle.1.iter().enumerate().filter(|_| !conditions.given.is_empty()) {
        let given = conditions.given[at % conditions.given.len()];
        assert!(given == TO_DRAW || given == level, "case {case}, pixel {at}: {config:?}");
    }
    oracle
}

#[test]
fn all_strategies_and_batches_draw_the_same_bits_on_240_binary_nets_and_their_integers() {
    for case in 0..240 {
        let mut draws = Draws::new(case);
        let config = binary_config(&mut draws);
        let model = match draws.from(0, 2) {
            0 => random_model(config, case),
            background => model_with_background(config, case, background as u16 - 1, draws.from(0, 4) as f32),
        };
        let model = random_form(&mut draws, model);
        draws_the_same_bits(case, &mut draws, &model);
    }
}

/// A net of any form, of which some draw mostly one level, or in integers.
fn any_model(draws: &mut Draws, case: u64) -> Arc<Model> {
    let config = random_config(draws);
    let model = match draws.from(0, 3) {
        0 => random_model(config, case),
        background => model_with_background(config, case, background as u16 % 2, draws.from(0, 3) as f32),
    };
    if draws.from(0, 2) > 0 { model } else { integers_of(draws, &model) }
}

/// What a test of nets of any form has seen, so that it can tell that its cases bite.
#[derive(Debug, Default)]
struct Seen {
    gated: u32,
    softmax: u32,
    wide: u32,
    embedded: u32,
    classes: u32,
    apart: u32,
    narrow: u32,
    integers: u32,
}

impl Seen {
    fn count(&mut self, model: &Model) {
        let config = &model.config;
        for (count, holds) in [
            (&mut self.gated, config.architecture == Architecture::Gated),
            (&mut self.softmax, config.levels > 2),
            (&mut self.wide, config.levels > 255),
            (&mut self.embedded, config.embedding > 0),
            (&mut self.classes, config.classes > 0),
            (&mut self.apart, config.blocks > 0 && (config.lean > 0 || config.dilations != [1])),
            (&mut self.narrow, config.width <= 3),
            (&mut self.integers, config.precision == Precision::Int8),
        ] {
            *count += u32::from(holds);
        }
    }

    fn bites(&self, least: u32) -> bool {
        let Seen { gated, softmax, wide, embedded, classes, apart, narrow, integers } = *self;
        [gated, softmax, wide, embedded, classes, apart, narrow, integers].iter().all(|&count| count >= least)
    }
}

/// Every second net from the first one on: two tests, so that they run side by side.
fn draws_nets_of_any_form(first: u64) {
    let nets = std::env::var("PIXELCNN_NETS").map_or(600, |text| text.parse::<u64>().expect("a number"));
    let mut seen = Seen::default();
    for case in (first..nets).step_by(2) {
        let mut draws = Draws::new(20_000 + case);
        let model = any_model(&mut draws, case);
        draws_the_same_bits(case, &mut draws, &model);
        seen.count(&model);
    }
    assert!(seen.bites(10), "{seen:?}");
}

#[test]
fn all_strategies_and_batches_draw_the_same_bits_on_300_even_nets_of_any_form() {
    draws_nets_of_any_form(0);
}

#[test]
fn all_strategies_and_batches_draw_the_same_bits_on_300_odd_nets_of_any_form() {
    draws_nets_of_any_form(1);
}

/// Given images have the logits of the plain loops by every strategy.
fn scores_the_same_bits(case: u64, draws: &mut Draws, model: &Arc<Model>) {
    let count = draws.pick(&[1, 3, 17]);
    let ink = draws.pick(&[2, 10, 50, 97]);
    let model = &remembering(model, draws.pick(&TABLES));
    let images = random_images(draws, &model.config, count, ink);
    let labels = random_labels(draws, &model.config, count);
    let mut oracle: Vec<Vec<u32>> = Vec::new();
    for (number, image) in images.chunks(model.config.pixels()).enumerate() {
        let logits = model.reference(image, labels.get(number).copied().unwrap_or(0)).unwrap();
        oracle.extend(logits.chunks(model.config.logits()).map(|pixel| pixel.iter().map(|l| l.to_bits()).collect::<Vec<_>>()));
    }
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let (logits, pixels, _) = score_under(model, &images, &labels, strategy);
        assert_eq!(logits, oracle, "case {case}, {strategy:?}: {:?}", model.config);
        assert_eq!(pixels, images);
        let mut run = Run::score_under(model, images.clone(), labels.clone(), strategy).unwrap();
        run.finish().unwrap();
        let kept = run.logits().unwrap().iter().map(|l| l.to_bits());
        assert!(kept.eq(oracle.iter().flatten().copied()), "case {case}, {strategy:?}: {:?}", model.config);
    }
}

#[test]
fn all_strategies_score_given_images_the_same() {
    for case in 0..80 {
        let mut draws = Draws::new(1000 + case);
        let config = binary_config(&mut draws);
        let model = model_with_background(config, case, draws.from(0, 1) as u16, 0.0);
        let model = random_form(&mut draws, model);
        scores_the_same_bits(case, &mut draws, &model);
    }
    let mut seen = Seen::default();
    for case in 0..200 {
        let mut draws = Draws::new(30_000 + case);
        let model = any_model(&mut draws, case);
        scores_the_same_bits(case, &mut draws, &model);
        seen.count(&model);
    }
    assert!(seen.bites(10), "{seen:?}");
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
        let integers = Arc::new(quantize(&model, &images, &[]).unwrap());
        for model in [model, integers] {
            let oracle = score(&model, &images, ORACLE);
            for (bytes, strategy) in TABLES.into_iter().flat_map(|bytes| strategies().into_iter().map(move |s| (bytes, s))) {
                let drawn = score(&remembering(&model, bytes), &images, strategy);
                assert_eq!(drawn, oracle, "background {background}, {bytes} bytes, {strategy:?}");
            }
        }
    }
}

/// Of a single row of pixels the first vertical layer reads nothing, so that its key has no words; tables from the least there is on.
#[test]
fn a_row_of_pixels_is_exact_whatever_the_table() {
    let config = Config {
        architecture: Architecture::Gated,
        activation: Activation::Tanh,
        ..Config {
            height: 1,
            width: 20,
            levels: 17,
            filters: 3,
            blocks: 0,
            first_kernel: 7,
            head_layers: 0,
            ..Config::reference()
        }
    };
    let model = random_model(config, 5);
    let draw = Draw { count: 40, seed: 1, start_index: 0, temperature: 1.0 };
    let of = |bytes: u64| {
        let mut run =
            Run::sample(&remembering(&model, bytes), draw, Strategy { method: Method::Wavefront, skipping: Skipping::All })
                .unwrap();
        run.finish().unwrap();
        (run.pixels().to_vec(), run.nats().to_vec(), run.state_bytes().1)
    };
    let (pixels, nats, _) = of(0);
    let mut least = 0;
    for bytes in (300..3000).step_by(20) {
        let drawn = of(bytes);
        assert!(drawn.0 == pixels && drawn.1 == nats, "{bytes} bytes");
        least += u32::from(drawn.2 > 0);
    }
    assert!(least > 50, "{least} of these have a table");
}

#[test]
fn what_was_computed_once_is_not_computed_again() {
    // Wide enough that to look a row up takes less time than to compute it: what does not pay is given up.
    let model = remembering(&random_model(Config { filters: 64, blocks: 3, ..Config::reference() }, 3), 1 << 24);
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
    let first = macs(&blank, Skipping::Rows);
    assert!(first > 0 && first < dense / 2, "{first} of {dense}");
    // What comes once an image is remembered once that was met which it was computed from: a family more with each.
    let again: Vec<u64> = (0..4).map(|_| macs(&blank, Skipping::Rows)).collect();
    assert!(again[0] < first && again.is_sorted_by(|a, b| a >= b), "{first}, {again:?}");
    assert_eq!(again[3], 0, "the last meets every row");
    assert_eq!(macs(&blank, Skipping::None), dense, "a run that remembers nothing");
    assert!(macs(&blank, Skipping::Rows) > 0, "has left nothing");
    // Any texture is remembered, not only what is blank, and in any batch.
    let image = random_images(&mut Draws::new(4), &model.config, 1, 50);
    assert!(macs(&image, Skipping::Rows) > dense / 2);
    let all = macs(&image.repeat(17), Skipping::Rows);
    assert!(all < dense, "{all} of {dense} an image: of those in step one computes for all");
    let again = macs(&image.repeat(17), Skipping::Rows);
    assert!(again < 17 * dense / 100, "{again} of {dense} an image: but for what had no place in its set");
}

/// Whatever was drawn before: what many have left is laid out for few, and what it remembers stays.
#[test]
fn a_run_keeps_what_as_many_images_take() {
    let fresh = || remembering(&random_model(Config { filters: 64, blocks: 3, ..Config::reference() }, 3), 1 << 24);
    let drawn = |model: &Arc<Model>, count: usize| {
        let draw = Draw { count, seed: 1, start_index: 0, temperature: 1.0 };
        let mut run = Run::sample(model, draw, FASTEST).unwrap();
        run.finish().unwrap();
        (run.state_bytes(), run.macs())
    };
    let alone: Vec<_> = [1, 3, 16].iter().map(|&count| drawn(&fresh(), count)).collect();
    assert!(alone[0].0.0 * 14 < alone[2].0.0, "{alone:?}");
    let model = fresh();
    for place in [2, 0, 1, 2, 1, 0, 0] {
        let (count, (bytes, macs)) = ([1, 3, 16][place], alone[place]);
        let (now, spared) = drawn(&model, count);
        assert_eq!(now, bytes, "{count} images");
        assert!(spared <= macs, "{count} images: {spared} of {macs}");
    }
    let (_, macs) = drawn(&model, 1);
    assert!(macs < alone[0].1 / 2, "{macs} of {}: rows are still there", alone[0].1);
}

#[test]
fn zeros_that_gates_keep_are_left_out_exactly_in_f32() {
    let config = Config { architecture: Architecture::Gated, activation: Activation::Relu, filters: 8, ..Config::reference() };
    let model = random_model(config, 3);
    let images = random_images(&mut Draws::new(4), &model.config, 1, 50);
    let macs = |skipping| {
        let mut run = Run::score(&model, images.clone(), Strategy { method: Method::Wavefront, skipping }).unwrap();
        run.finish().unwrap();
        run.layer_macs()
    };
    let (rows, all) = (macs(Skipping::Rows), macs(Skipping::All));
    // What a first horizontal layer puts out is its gates', and nothing is added.
    let out = model.layers.iter().position(|layer| layer.name == "h.0.out").expect("a layer that reads gates");
    assert!(all[out] < rows[out], "{} of {}", all[out], rows[out]);
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
    // One is given up half-way; what it remembers serves the next run.
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
    let integers = Arc::new(quantize(&model, &images, &[]).unwrap());
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
    let layers = Layers::new(&config);
    let small = Weights::random(&layers, 1);
    let values = small.values().iter().map(|&w| if w == 0.0 { 0.0 } else { f32::MAX }).collect();
    let model = Arc::new(Model::new(config, Weights::new(&layers, values).unwrap(), Vec::new()).unwrap());
    let draw = Draw { count: 1, seed: 0, start_index: 40, temperature: 1.0 };
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let error = Run::sample(&model, draw, strategy).unwrap().finish().unwrap_err();
        assert_eq!(error, Error::NonFiniteLogit { image: 40, pixel: 0 });
    }
}

/// A net of weights of all magnitudes, some so large that sums overflow and cancel to NaN, some so that a cell would hide it.
fn overflowing_model(config: Config, draws: &mut Draws, case: u64) -> Arc<Model> {
    let layers = Layers::new(&config);
    let small = Weights::random(&layers, case);
    let large = f32::powi(10.0, draws.from(0, 38) as i32);
    let rare = draws.pick(&[3, 40, 200]);
    let values = small.values().iter().map(|&w| if draws.from(0, rare) == 0 { (w * large).clamp(f32::MIN, f32::MAX) } else { w });
    let weights = Weights::new(&layers, values.collect()).unwrap();
    remembering(&Arc::new(Model::new(config, weights, Vec::new()).unwrap()), draws.pick(&TABLES))
}

/// Nets of such weights end in the same way by every strategy and batch: drawn, or with the same pixel named.
fn ends_alike(seed: u64, cases: u64, config: fn(&mut Draws) -> Config) {
    let (mut failed, mut drawn, mut behind) = (0, 0, 0);
    for case in 0..cases {
        let mut draws = Draws::new(seed + case);
        let config = config(&mut draws);
        let model = overflowing_model(config, &mut draws, case);
        let labels = random_labels(&mut draws, &model.config, 3);
        let result = |first: usize, count, strategy| {
            let draw = Draw { count, seed: case, start_index: first as u64, temperature: 1.0 };
            let labels = labels[first.min(labels.len())..(first + count).min(labels.len())].to_vec();
            let mut run = Run::sample_under(&model, draw, Conditions { labels, given: vec![] }, strategy).unwrap();
            let result = run.finish();
            assert!(result.is_ok() || run.step() == result.clone().map(|()| 0), "a run that failed stays so");
            result.map(|()| run.pixels().to_vec())
        };
        let oracle = result(0, 3, ORACLE);
        for strategy in strategies() {
            assert_eq!(result(0, 3, strategy), oracle, "case {case}, {strategy:?}: {:?}", model.config);
        }
        // One by one the same image is the first to fail, and at the same pixel.
        let alone = (0..3).map(|image| result(image, 1, FASTEST)).collect::<Result<Vec<_>, _>>().map(|images| images.concat());
        assert_eq!(alone, oracle, "case {case}: {:?}", model.config);
        let images = random_images(&mut draws, &model.config, 3, 40);
        let scored = |strategy| {
            let mut run = Run::score_under(&model, images.clone(), labels.clone(), strategy).unwrap();
            run.finish().map(|()| run.logits().unwrap().iter().map(|l| l.to_bits()).collect::<Vec<_>>())
        };
        let oracle_score = scored(ORACLE);
        for strategy in strategies() {
            assert_eq!(scored(strategy), oracle_score, "case {case}, {strategy:?}: {:?}", model.config);
        }
        match oracle_score {
            Ok(_) => drawn += 1,
            Err(Error::NonFiniteLogit { image, pixel }) => {
                failed += 1;
                behind += u64::from(image > 0 || pixel > model.config.width);
            }
            Err(error) => panic!("{error}"),
        }
    }
    let bites = failed > cases / 5 && drawn > cases / 5 && behind > cases / 100;
    assert!(bites, "{failed} failed, {behind} of them late, {drawn} did not");
}

#[test]
fn a_hidden_value_that_is_not_finite_is_one_error_by_every_strategy_and_batch() {
    ends_alike(8000, 200, binary_config);
}

#[test]
fn a_hidden_value_that_is_not_finite_is_one_error_in_nets_of_any_form() {
    ends_alike(40_000, 300, random_config);
}

/// A net on images of 2 x 2 whose weights are 0, but for some tensors that have one value throughout their first sums.
fn set_model(config: &Config, tensors: &[(&str, std::ops::Range<usize>, f32)]) -> Arc<Model> {
    let layers = Layers::new(config);
    let mut values = Vec::new();
    let mut found = 0;
    for spec in tensor_specs(&layers, Precision::F32) {
        let start = values.len();
        values.resize(start + spec.len(), 0.0);
        for (_, range, value) in tensors.iter().filter(|(name, ..)| *name == spec.name) {
            values[start..][range.clone()].fill(*value);
            found += 1;
        }
    }
    assert_eq!(found, tensors.len());
    let weights = Weights::new(&layers, values).unwrap();
    remembering(&Arc::new(Model::new(config.clone(), weights, Vec::new()).unwrap()), 1 << 16)
}

#[test]
fn the_first_pixel_to_fail_is_told_of_where_no_row_is_in_flight_for_a_step() {
    // A lead of 1 makes the slope 3 on images 2 wide, pixel by pixel.
    let config = Config {
        architecture: Architecture::Gated,
        activation: Activation::Tanh,
        height: 2,
        width: 2,
        classes: 2,
        filters: 2,
        blocks: 1,
        first_kernel: 3,
        head_layers: 0,
        ..Config::reference()
    };
    let row = ("v.0.conv.kernel", 4..8, f32::MAX); // of the pixel above
    let model = set_model(&config, &[("v.0.conv.bias", 0..4, f32::MAX), ("v.0.conv.class", 4..8, f32::MAX), row]);
    assert_eq!(model.raster().slope, 3);
    // The first image fails below its one pixel, the second, by its class, from its first pixel on.
    let (images, labels) = (vec![1, 0, 0, 0, 0, 0, 0, 0], vec![0, 1]);
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let mut run = Run::score_under(&model, images.clone(), labels.clone(), strategy).unwrap();
        assert_eq!(run.finish(), Err(Error::NonFiniteLogit { image: 0, pixel: 2 }), "{strategy:?}");
    }
}

/// Two of them are beyond f32, and one is no reason to look at sums.
const LARGE: f32 = f32::MAX / 4.0 * 3.0;

#[test]
fn no_cell_hides_an_overflow() {
    let error = |model: &Arc<Model>, class: u16, strategy| {
        let draw = Draw { count: 1, seed: 0, start_index: 7, temperature: 1.0 };
        let labels = if model.config.classes > 0 { vec![class] } else { vec![] };
        Run::sample_under(model, draw, Conditions { labels, given: vec![] }, strategy).unwrap().finish()
    };
    let all = || strategies().into_iter().chain([ORACLE]);
    let broken = Err(Error::NonFiniteLogit { image: 7, pixel: 0 });
    let base = Config { height: 2, width: 2, filters: 2, blocks: 0, head_layers: 1, first_kernel: 3, ..Config::reference() };
    for activation in [Activation::Relu, Activation::Tanh, Activation::Sigmoid] {
        let config = Config { activation, classes: 3, ..base.clone() };
        for (bias, class, is_broken) in [
            (f32::MAX, f32::MAX, true),
            (-f32::MAX, -f32::MAX, true), // -infinity would be 0, -1 or 0
            (LARGE, LARGE, true),         // each of which is far from the end
            (f32::MAX, -f32::MAX, false),
            (f32::MAX, 0.0, false),
        ] {
            // Of the second class alone.
            let model = set_model(&config, &[("stem.bias", 0..2, bias), ("stem.class", 2..4, class)]);
            for strategy in all() {
                assert_eq!(
                    error(&model, 1, strategy),
                    if is_broken { broken.clone() } else { Ok(()) },
                    "{activation:?}, {strategy:?}"
                );
                assert_eq!(error(&model, 0, strategy), Ok(()), "{activation:?}, {strategy:?}");
            }
        }
    }
    // The sums of a gate: the first half of them are what it lets through, the second how far it opens.
    for activation in [Activation::Tanh, Activation::Relu] {
        let config = Config { architecture: Architecture::Gated, activation, ..base.clone() };
        for half in [0..2, 2..4] {
            for sign in [1.0, -1.0] {
                // The link is a kernel of [4, 4].
                let link: Vec<_> = (0..4).map(|k| ("h.0.vertical.kernel", 4 * k + half.start..4 * k + half.end, sign)).collect();
                let finite = set_model(&config, &[&[("v.0.conv.bias", 0..1, LARGE)][..], &link].concat());
                let infinite = set_model(&config, &[&[("v.0.conv.bias", 0..2, LARGE)][..], &link].concat());
                for strategy in all() {
                    let hidden = "a gate that is wide open, or shut";
                    assert_eq!(error(&finite, 0, strategy), Ok(()), "{activation:?}, {half:?}, {sign}, {strategy:?}: {hidden}");
                    assert_eq!(error(&infinite, 0, strategy), broken, "{activation:?}, {half:?}, {sign}, {strategy:?}: {hidden}");
                }
            }
        }
    }
}

#[test]
fn a_relu_hides_no_overflow() {
    // The head's sum is MAX * MAX * 2 - MAX * MAX * 2, which is infinity less infinity, and 0 after a relu.
    let config = Config { height: 2, width: 2, filters: 2, blocks: 0, head_layers: 1, first_kernel: 3, ..Config::reference() };
    // -infinity alone is 0 after a relu, too.
    for head in [[2.0, 2.0, -2.0, -2.0], [-2.0; 4]] {
        let head: Vec<_> = head.iter().enumerate().map(|(at, &weight)| ("heads.0.kernel", at..at + 1, weight)).collect();
        let model = set_model(&config, &[&[("stem.bias", 0..2, f32::MAX)][..], &head].concat());
        for strategy in strategies().into_iter().chain([ORACLE]) {
            let mut run = Run::sample(&model, Draw { count: 1, seed: 0, start_index: 7, temperature: 1.0 }, strategy).unwrap();
            assert_eq!(run.finish(), Err(Error::NonFiniteLogit { image: 7, pixel: 0 }), "{strategy:?}");
        }
        assert_eq!(quantize(&model, &[0; 4], &[]).unwrap_err().code(), "NON_FINITE_LOGIT");
    }
}

#[test]
fn what_a_pixel_costs_is_finite_whatever_its_logits() {
    let config = Config { height: 2, width: 2, levels: 3, filters: 2, blocks: 0, head_layers: 0, ..Config::reference() };
    let biases = [("logits.bias", 0..1, f32::MAX), ("logits.bias", 1..2, -f32::MAX)];
    let model = set_model(&config, &biases);
    for strategy in strategies().into_iter().chain([ORACLE]) {
        let mut run = Run::score(&model, vec![0, 1, 2, 1], strategy).unwrap();
        run.finish().unwrap();
        assert_eq!(run.nats(), [0.0, f32::MAX, f32::MAX, f32::MAX], "{strategy:?}");
    }
}

/// Rows that walks of all kinds over one net met, were new, or were kept apart: one walk after the other, so that each meets what
/// others have left.
fn walks_meet_what_others_left(case: u64, draws: &mut Draws, model: &Arc<Model>, rounds: usize) -> [u64; 3] {
    let dense = Arc::new(Model::from_bytes(model.to_bytes(&[]).unwrap()).unwrap().remembering(0));
    let mut counts = [0; 3];
    for round in 0..rounds {
        let count = draws.pick(&[1, 1, 2, 5, 16, 21]);
        let method = draws.pick(&[Method::Wavefront, Method::Wavefront, Method::Cached]);
        let skipping = draws.pick(&[Skipping::Rows, Skipping::All, Skipping::All, Skipping::All]);
        let (labels, ink) = (random_labels(draws, &model.config, count), draws.pick(&[1, 5, 30, 60]));
        let images = random_images(draws, &model.config, count, ink);
        let none = Strategy { method: Method::Cached, skipping: Skipping::None };
        let wanted = score_under(&dense, &images, &labels, none);
        let run = Run::score_under(model, images.clone(), labels.clone(), Strategy { method, skipping }).unwrap();
        assert!(walk(run, model) == wanted, "case {case}, round {round}, {method:?}: {:?}", model.config);
        // The same images again, and one of them given up.
        let mut run = Run::score_under(model, images, labels, Strategy { method, skipping }).unwrap();
        for _ in 0..draws.pick(&[2, 10, usize::MAX]) {
            if run.step().unwrap() == 0 {
                break;
            }
        }
        for rows in run.layer_rows() {
            counts = [counts[0] + rows.met, counts[1] + rows.new, counts[2] + rows.apart];
        }
    }
    counts
}

#[test]
fn thousands_of_images_fill_and_empty_a_table_and_change_no_bit() {
    let mut counts = [0; 3];
    for case in 0..40 {
        let mut draws = Draws::new(50_000 + case);
        let model = match case % 2 {
            0 => random_model(random_config(&mut draws), case),
            _ => {
                let model = random_model(binary_config(&mut draws), case);
                random_form(&mut draws, model)
            }
        };
        let model = remembering(&model, draws.pick(&TABLES[..3]));
        let seen = walks_meet_what_others_left(case, &mut draws, &model, 16);
        (0..3).for_each(|which| counts[which] += seen[which]);
    }
    assert!(counts.iter().all(|&count| count > 2_000), "{counts:?}");
}

/// Looking up what is new does not pay in a deep net whose positions see nearly all of an image: what comes again is met all the same.
#[test]
fn what_is_blank_is_met_where_looking_up_what_is_new_does_not_pay() {
    let config = Config { height: 12, width: 12, filters: 24, blocks: 6, block_kernel: 5, ..Config::reference() };
    let layers = Layers::new(&config);
    let model = remembering(&random_model(config.clone(), 1), 1 << 22);
    let mut draws = Draws::new(1);
    for count in [1, 16] {
        let mut met = vec![0; layers.len()];
        for first in (0..480).step_by(count) {
            // The upper half is blank, the lower is noise.
            let mut images = random_images(&mut draws, &config, count, 50);
            images.chunks_exact_mut(144).for_each(|image| image[..72].fill(0));
            let mut run = Run::score(&model, images, Strategy { method: Method::Wavefront, skipping: Skipping::Rows }).unwrap();
            run.finish().unwrap();
            if first >= 320 {
                met.iter_mut().zip(run.layer_rows()).for_each(|(met, rows)| *met += rows.met);
            }
        }
        let blank = 160 * 72;
        let looked_up: Vec<u64> = met.into_iter().filter(|&met| met > 0).collect();
        assert_eq!(looked_up.len(), 1 + config.blocks, "the stem and each block's convolution");
        assert!(looked_up.iter().all(|&met| met >= blank), "{count} in step: of {blank} blank positions {looked_up:?}");
    }
}

#[test]
fn an_image_that_is_blank_is_computed_once_for_each_class() {
    // Of numbers and of codes; narrower and wider than what a layer sees; of one stack and of two.
    for case in 0..16 {
        let pick = |divisor: usize| case / divisor % 2;
        let config = Config {
            architecture: [Architecture::Plain, Architecture::Gated][pick(1)],
            input: [Input::Ordinal, Input::Nominal][pick(2)],
            width: [5, 40][pick(4)],
            classes: [0, 3][pick(8)],
            height: 9,
            levels: 3,
            filters: 8,
            blocks: 2,
            ..Config::reference()
        };
        let model = remembering(&random_model(config.clone(), case as u64), 1 << 23);
        let kinds = config.classes.max(1);
        for round in 0..3 {
            // One by one, and side by side.
            let count = [kinds, 2 * kinds, kinds][round];
            let labels = if config.classes > 0 { (0..count).map(|image| (image % kinds) as u16).collect() } else { vec![] };
            let mut run = Run::score_under(&model, vec![0; count * config.pixels()], labels, FASTEST).unwrap();
            run.finish().unwrap();
            let macs = run.macs();
            assert_eq!(macs > 0, round == 0, "{macs} in round {round}: {config:?}");
        }
    }
}

#[test]
fn numbers_of_rows_end_and_begin_anew_and_change_no_bit() {
    let mut counts = [0; 3];
    for case in 0..60 {
        let mut draws = Draws::new(60_000 + case);
        let model = remembering(&random_model(random_config(&mut draws), case), 1 << 20);
        // Within an image, a batch, or a walk; each time that they begin anew they end as soon.
        model.number_rows_from(u32::MAX - draws.pick(&[0, 1, 50, 500, 3000]));
        let seen = walks_meet_what_others_left(case, &mut draws, &model, 6);
        (0..3).for_each(|which| counts[which] += seen[which]);
    }
    assert!(counts.iter().all(|&count| count > 1000), "{counts:?}");
}
