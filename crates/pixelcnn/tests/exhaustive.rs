//! Nets so small that every image is listed: all probabilities sum to 1, those of classes by Bayes' theorem too, and what is
//! drawn is drawn as often as they say. Seeds are fixed, so nothing here can flake.

mod common;

use common::{Draws, FASTEST, random_config};
use pixelcnn::config::{Activation, Architecture, Input};
use pixelcnn::layers::Layers;
use pixelcnn::mixture::mixture;
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Model, Run};
use std::sync::Arc;

/// Every image of a config: the first pixel counts fastest.
fn all_images(config: &Config) -> Vec<Vec<u16>> {
    let (pixels, levels) = (config.pixels() as u32, config.levels);
    (0..levels.pow(pixels)).map(|n| (0..pixels).map(|pixel| (n / levels.pow(pixel) % levels) as u16).collect()).collect()
}

/// The number of an image among all.
fn number_of(config: &Config, image: &[u16]) -> usize {
    image.iter().rev().fold(0, |number, &level| number * config.levels + usize::from(level))
}

/// -ln p of some images under a class.
fn nats(model: &Arc<Model>, images: &[Vec<u16>], class: u16) -> Vec<f64> {
    let labels = if model.config.classes > 0 { vec![class; images.len()] } else { vec![] };
    let mut run = Run::score_under(model, images.concat(), labels, FASTEST).unwrap();
    run.finish().unwrap();
    run.nats().chunks(model.config.pixels()).map(|nats| nats.iter().map(|&n| f64::from(n)).sum()).collect()
}

/// Draws images, as many as there are labels in a net with classes, and counts how often each came.
fn counts(model: &Arc<Model>, count: usize, conditions: Conditions) -> Vec<u64> {
    let config = &model.config;
    let draw = Draw { count, seed: 12, start_index: 3, temperature: 1.0 };
    let mut run = Run::sample_under(model, draw, conditions, FASTEST).unwrap();
    run.finish().unwrap();
    let mut counts = vec![0; config.levels.pow(config.pixels() as u32)];
    run.pixels().chunks(config.pixels()).for_each(|image| counts[number_of(config, image)] += 1);
    counts
}

/// Holds counts to probabilities by chi-square: such a sum is exceeded once in 10,000 times. What is expected less than five
/// times is taken together.
fn follow(what: &str, counts: &[u64], probabilities: &[f64]) {
    let n: u64 = counts.iter().sum();
    let (mut square, mut cells, mut rare) = (0.0, 0, (0.0, 0.0));
    let mut add = |expected: f64, count: f64| {
        square += (count - expected).powi(2) / expected;
        cells += 1;
    };
    for (&count, p) in counts.iter().zip(probabilities) {
        assert!(*p > 0.0 || count == 0, "{what}: drawn without probability");
        if p * n as f64 >= 5.0 {
            add(p * n as f64, count as f64);
        } else {
            rare = (rare.0 + p * n as f64, rare.1 + count as f64);
        }
    }
    if rare.0 >= 5.0 {
        add(rare.0, rare.1);
    } else {
        assert!(rare.1 <= 25.0, "{what}: {} draws of what is expected {} times", rare.1, rare.0);
    }
    assert!(cells >= 3, "{what}: {cells} cells");
    // Wilson and Hilferty 1931: the cube root of chi-square over its degrees of freedom is nearly normal.
    let df = f64::from(cells - 1);
    let most = df * (1.0 - 2.0 / (9.0 * df) + 3.719 * (2.0 / (9.0 * df)).sqrt()).powi(3);
    assert!(square < most, "{what}: chi-square {square} of {df} degrees of freedom");
}

/// A net of 2 x 2 pixels whose weights are somewhat larger than others', so that no image is as likely as the next.
fn small_model(config: Config, seed: u64) -> Arc<Model> {
    let config = Config { height: 2, width: 2, first_kernel: 3, ..config }.checked().unwrap();
    let layers = Layers::new(&config);
    let values = Weights::random(&layers, seed).values().iter().map(|w| 1.3 * w).collect();
    Arc::new(Model::new(config, Weights::new(&layers, values).unwrap(), Vec::new()).unwrap())
}

/// Forms of a net, each with a name.
fn forms() -> Vec<(&'static str, Config)> {
    let plain = Config { filters: 8, blocks: 1, head_layers: 1, ..Config::reference() };
    let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, ..plain.clone() };
    vec![
        ("plain", plain.clone()),
        ("sigmoid, one-hot", Config { activation: Activation::Sigmoid, input: Input::Nominal, ..plain.clone() }),
        ("tanh, embedded", Config { activation: Activation::Tanh, input: Input::Nominal, embedding: 2, ..plain.clone() }),
        ("leaning, dilated", Config { lean: 1, dilations: vec![1, 2], blocks: 2, ..plain }),
        ("gated", gated.clone()),
        ("hard gates, one-hot", Config { activation: Activation::Relu, input: Input::Nominal, ..gated }),
    ]
}

#[test]
fn all_81_grids_of_three_levels_share_all_probability_and_are_drawn_as_often() {
    for (seed, (name, config)) in forms().into_iter().enumerate() {
        let model = small_model(Config { levels: 3, ..config }, seed as u64);
        let images = all_images(&model.config);
        assert_eq!(images.len(), 81);
        let probabilities: Vec<f64> = nats(&model, &images, 0).iter().map(|nats| (-nats).exp()).collect();
        let sum: f64 = probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6, "{name}: {sum}");
        let (least, most) = probabilities.iter().fold((1f64, 0f64), |(least, most), &p| (least.min(p), most.max(p)));
        assert!(most > 2.0 * least, "{name}: the net knows images apart, {least} to {most}");
        follow(name, &counts(&model, 20_000, Conditions::default()), &probabilities);
    }
}

#[test]
fn all_16_binary_grids_share_all_probability_in_each_of_three_classes_and_are_drawn_as_often() {
    for (seed, (name, config)) in forms().into_iter().enumerate() {
        let model = small_model(Config { classes: 3, ..config }, seed as u64);
        let images = all_images(&model.config);
        assert_eq!(images.len(), 16);
        let mut all = Vec::new();
        for class in 0..3 {
            let of_class = nats(&model, &images, class);
            let probabilities: Vec<f64> = of_class.iter().map(|nats| (-nats).exp()).collect();
            let sum: f64 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{name}, class {class}: {sum}");
            let drawn = counts(&model, 10_000, Conditions { labels: vec![class; 10_000], given: vec![] });
            follow(&format!("{name}, class {class}"), &drawn, &probabilities);
            all.extend(of_class);
        }
        // Whatever the class: every image's p(x) and p(y | x), by the definitions of both.
        let rows = mixture(&all, 3).unwrap();
        let (mut sum, mut apart) = (0.0, 0.0f64);
        let mut whole = Vec::new();
        for (image, row) in rows.chunks(4).enumerate() {
            let given: Vec<f64> = (0..3).map(|class| (-all[class * 16 + image]).exp()).collect();
            let p = given.iter().sum::<f64>() / 3.0;
            assert!(((-row[0]).exp() - p).abs() < 1e-12, "{name}, image {image}: {row:?}");
            for (class, (found, of_class)) in row[1..].iter().zip(&given).enumerate() {
                assert!((found - of_class / 3.0 / p).abs() < 1e-12, "{name}, image {image}, class {class}: {row:?}");
                apart = apart.max((found - 1.0 / 3.0).abs());
            }
            sum += p;
            whole.push(p);
        }
        assert!((sum - 1.0).abs() < 1e-6, "{name}: {sum}");
        assert!(apart > 0.005, "{name}: classes differ by {apart}");
        let labels: Vec<u16> = (0..30_000).map(|image| image % 3).collect();
        follow(name, &counts(&model, 30_000, Conditions { labels, given: vec![] }), &whole);
    }
}

#[test]
fn what_is_drawn_beside_given_pixels_follows_the_product_of_conditionals_in_raster_order() {
    for (seed, (name, config)) in forms().into_iter().enumerate() {
        let model = small_model(Config { levels: 3, classes: if seed % 2 == 0 { 0 } else { 2 }, ..config }, seed as u64);
        let config = &model.config;
        let images = all_images(config);
        let class = (seed % 2) as u16;
        let labels = |count| if config.classes > 0 { vec![class; count] } else { vec![] };
        let mut run = Run::score_under(&model, images.concat(), labels(81), FASTEST).unwrap();
        run.finish().unwrap();
        let n = 6000;
        for known in [[true, false, false, false], [false, true, false, true], [false, false, true, true], [true; 4]] {
            let values = [1u16, 2, 0, 2];
            let given: Vec<u16> = (0..4).map(|pixel| if known[pixel] { values[pixel] } else { TO_DRAW }).collect();
            // Of the images that agree with what is given: the product over pixels that are not, each given all before it.
            let of_image = |image: usize| {
                let agrees = (0..4).all(|pixel| !known[pixel] || images[image][pixel] == values[pixel]);
                let drawn = (0..4).filter(|&pixel| !known[pixel]);
                let nats: f64 = drawn.map(|pixel| f64::from(run.nats()[4 * image + pixel])).sum();
                if agrees { (-nats).exp() } else { 0.0 }
            };
            let probabilities: Vec<f64> = (0..81).map(of_image).collect();
            let sum: f64 = probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{name}, {known:?}: {sum}");
            // One image for all and one for each are the same.
            let one = counts(&model, n, Conditions { labels: labels(n), given: given.clone() });
            let each = counts(&model, n, Conditions { labels: labels(n), given: given.repeat(n) });
            assert_eq!(one, each, "{name}, {known:?}");
            if known == [true; 4] {
                assert_eq!(one[number_of(config, &values)], n as u64, "{name}: all are given");
            } else {
                follow(&format!("{name}, {known:?}"), &one, &probabilities);
            }
        }
    }
}

#[test]
fn the_levels_of_every_pixel_share_all_probability_whatever_the_net() {
    for case in 0..300 {
        let mut draws = Draws::new(50_000 + case);
        let config = random_config(&mut draws);
        if config.levels * config.pixels() > 2000 {
            continue;
        }
        let model = common::random_model(config, case);
        let (size, levels) = (model.config.pixels(), model.config.levels);
        // One pixel of an image at all its levels: what comes before it stays, so its costs are those of one distribution.
        let image = common::random_images(&mut draws, &model.config, 1, 60);
        let pixel = draws.from(0, size - 1);
        let mut images = image.repeat(levels);
        (0..levels).for_each(|level| images[level * size + pixel] = level as u16);
        let labels = common::random_labels(&mut draws, &model.config, 1).repeat(levels);
        let mut run = Run::score_under(&model, images, labels, FASTEST).unwrap();
        run.finish().unwrap();
        let sum: f64 = (0..levels).map(|level| (-f64::from(run.nats()[level * size + pixel])).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "case {case}: {sum}, {:?}", model.config);
    }
}
