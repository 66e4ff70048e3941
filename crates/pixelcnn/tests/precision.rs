//! Models made from models: reordered for skipping, and in integers.

mod common;

use common::{
    Draws, FASTEST, binary_config, model_with_background, random_config, random_form, random_images, random_labels, random_model,
    remembering,
};
use pixelcnn::activity::{Reads, reads};
use pixelcnn::arithmetic::Either;
use pixelcnn::config::Precision;
use pixelcnn::layers::Layers;
use pixelcnn::optimize::optimize;
use pixelcnn::quantize::quantize;
use pixelcnn::tensors::{TensorSpec, tensor_specs};
use pixelcnn::weights::Weights;
use pixelcnn::{Config, Error, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

fn logits(model: &Arc<Model>, images: &[u16], labels: &[u16]) -> Vec<f32> {
    let mut run = Run::score_under(model, images.to_vec(), labels.to_vec(), FASTEST).unwrap();
    run.finish().unwrap();
    run.logits().unwrap().to_vec()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_reordered_model_is_the_same_function() {
    let mut kinds = [0; 4];
    for case in 0..80 {
        let mut draws = Draws::new(2000 + case);
        let config = if case % 2 == 0 { binary_config(&mut draws) } else { random_config(&mut draws) };
        if !config.has_order() {
            continue;
        }
        let model = random_model(config, case);
        let Config { classes, levels, lean, ref dilations, .. } = model.config;
        let own = [classes > 0, levels > 2, lean > 0, dilations[..] != [1]];
        kinds.iter_mut().zip(own).for_each(|(count, is)| *count += u32::from(is));
        let images = random_images(&mut draws, &model.config, 2, 30);
        let labels = random_labels(&mut draws, &model.config, 2);
        let optimised = Arc::new(optimize(&model, &images, &labels).unwrap());
        let difference = worst(&logits(&model, &images, &labels), &logits(&optimised, &images, &labels));
        assert!(difference < 1e-5, "case {case}: {difference}, {:?}", model.config);
    }
    assert!(kinds.iter().all(|&count| count >= 3), "{kinds:?} with classes, levels, lean, dilations");
}

#[test]
fn zeros_gather_at_the_ends_of_rows() {
    let model = random_model(Config { height: 12, width: 12, filters: 64, blocks: 3, ..Config::reference() }, 4);
    let images = random_images(&mut Draws::new(5), &model.config, 4, 30);
    let macs = |model: &Arc<Model>, skipping| {
        let mut run = Run::score(model, images.clone(), Strategy { method: Method::Wavefront, skipping }).unwrap();
        run.finish().unwrap();
        run.macs()
    };
    let optimised = Arc::new(optimize(&model, &images, &[]).unwrap());
    let (dense, before, after) = (macs(&model, Skipping::None), macs(&model, Skipping::All), macs(&optimised, Skipping::All));
    assert!(after < before && before < dense, "{after} of {before} of {dense}");
}

#[test]
fn reads_tell_what_is_issued_where_all_is_skipped() {
    for case in 0..20 {
        let mut draws = Draws::new(6000 + case);
        let config =
            Config { filters: draws.pick(&[16, 18, 34, 140]), height: 7, width: draws.pick(&[3, 6, 9]), ..Config::reference() };
        let model = model_with_background(Config { blocks: draws.from(1, 3), ..config }, case, 1, 2.0);
        let model = remembering(&model, draws.pick(&[0, 1 << 14, 1 << 22]));
        let images = random_images(&mut draws, &model.config, 2, 70);
        let size = model.config.pixels();
        // One after the other: in step they would share tiles.
        let walk = |image: &[u16]| {
            let strategy = Strategy { method: Method::Wavefront, skipping: Skipping::All };
            let mut run = Run::score(&model, image.to_vec(), strategy).unwrap();
            run.finish().unwrap();
            run.layer_macs()[1..].iter().sum::<u64>() // the first layer reads pixels
        };
        walk(&images[..size]);
        let issued = walk(&images[size..]);
        let read = |count: usize| {
            let reads = reads(&model, &images[..count * size], &[]).unwrap();
            let of_stream = |(layer, reads): (usize, &Reads)| {
                let words = model.layers[layer].out_channels.div_ceil(64);
                let depth = |on: &[u64]| (0..64 * words).rev().find(|c| on[c / 64] >> (c % 64) & 1 == 1).unwrap() as u64 + 1;
                reads.on.chunks(words).zip(&reads.costs).map(|(on, cost)| cost * depth(on)).sum::<u64>()
            };
            reads.iter().enumerate().map(of_stream).sum::<u64>()
        };
        assert_eq!(issued, read(2) - read(1), "case {case}: {:?}", model.config);
    }
}

#[test]
fn integers_stay_near_the_model_they_stand_for() {
    let mut shares = 0.0;
    for case in 0..40 {
        let mut draws = Draws::new(3000 + case);
        let model = random_model(binary_config(&mut draws), case);
        let images = random_images(&mut draws, &model.config, 2, 30);
        let integers = Arc::new(quantize(&model, &images, &[]).unwrap());
        assert_eq!(integers.config.precision, Precision::Int8);
        let (was, is) = (logits(&model, &images, &[]), logits(&integers, &images, &[]));
        let square = |x: f32| f64::from(x) * f64::from(x);
        let off: f64 = was.iter().zip(&is).map(|(a, b)| square(a - b)).sum();
        let all: f64 = was.iter().map(|&a| square(a)).sum();
        // The largest activations are cut off: that is most of it.
        let share = (off / all).sqrt();
        assert!(share < 0.5, "case {case}: {share}, {:?}", model.config);
        shares += share / 40.0;
    }
    assert!(shares < 0.2, "{shares}");
}

#[test]
fn integers_hold_for_images_far_from_those_of_calibration() {
    // The oracle adds in 32 bits and stops at an overflow in a debug build; what saturates must do so alike everywhere.
    let config = Config { height: 9, width: 9, filters: 16, blocks: 2, ..Config::reference() };
    let model = model_with_background(config, 7, 0, 0.0);
    let blank = vec![0; model.config.pixels()];
    let integers = Arc::new(quantize(&model, &blank, &[]).unwrap());
    for ink in [50, 100] {
        let image = random_images(&mut Draws::new(1), &model.config, 1, ink);
        assert_eq!(logits(&integers, &image, &[]), integers.reference(&image, 0).unwrap());
    }
}

#[test]
fn every_form_of_a_model_is_written_and_read_again() {
    for case in 0..20 {
        let mut draws = Draws::new(4000 + case);
        let config = binary_config(&mut draws);
        let model = model_with_background(config, case, 1, 0.0);
        let model = random_form(&mut draws, model);
        let bytes = model.to_bytes(&[("source".into(), "abc".into())]).unwrap();
        let again = Arc::new(Model::from_bytes(&bytes).unwrap());
        assert_eq!(again.config, model.config);
        assert_eq!(again.to_bytes(&[]).unwrap(), bytes);
        let image = random_images(&mut draws, &model.config, 1, 30);
        assert_eq!(logits(&again, &image, &[]), logits(&model, &image, &[]));
    }
}

#[test]
fn integers_out_of_range_and_sums_that_can_overflow_are_refused() {
    let config = Config { height: 3, width: 3, filters: 2, blocks: 1, block_kernel: 1, head_layers: 0, ..Config::reference() };
    let layers = Layers::new(&config);
    let model = random_model(config.clone(), 1);
    let integers = quantize(&model, &[0; 9], &[]).unwrap();
    let Either::Int8(weights) = integers.weights() else { panic!("integers") };
    let values = weights.values().to_vec();
    let place = |name: &str| {
        let specs = tensor_specs(&layers, Precision::Int8);
        let found = specs.iter().position(|spec| spec.name == name).unwrap();
        specs[..found].iter().map(TensorSpec::len).sum::<usize>()
    };
    let refused = |name: &str, at: usize, value: i32| {
        let mut bad = values.clone();
        bad[place(name) + at] = value;
        Weights::new(&layers, bad).unwrap_err()
    };
    assert_eq!(refused("stem.kernel", 0, 32_768).code(), "WEIGHT_OUT_OF_RANGE");
    assert_eq!(refused("stem.kernel", 50, 1).code(), "FORBIDDEN_WEIGHT");
    assert_eq!(refused("stem.bias", 0, i32::MAX), Error::IntegerOverflow { layer: "stem".into(), channel: Some(0) });
    assert_eq!(refused("stem.bias", 1, i32::MIN), Error::IntegerOverflow { layer: "stem".into(), channel: Some(1) });
    // Of 8 bits, but the least, whose opposite has 9.
    assert!(refused("logits.kernel", 0, -128).to_string().contains("from -127 to 127, got -128"));
    assert_eq!(refused("logits.bias", 0, i32::MAX), Error::IntegerOverflow { layer: "logits".into(), channel: Some(0) });
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e19, 1e-19] {
        let error = refused("blocks.0.in.scale", 0, scale.to_bits() as i32);
        assert!(error.to_string().starts_with("tensor `blocks.0.in.scale`: expected scales from 1e-18 to 1e18"), "{error}");
    }
    for view in [0, -1, 32_768] {
        assert!(refused("stem.view", 0, view).to_string().contains(&format!("from 1 to 32767, got {view}")));
    }
    assert_eq!(Weights::new(&layers, values[1..].to_vec()).unwrap_err().code(), "WEIGHT_COUNT");
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_layer() {
    let config = Config { height: 3, width: 3, filters: 2, blocks: 0, head_layers: 0, ..Config::reference() };
    let layers = Layers::new(&config);
    let mut values = Weights::random(&layers, 1).values().to_vec();
    values[0] = 1e30; // only one weight: its channel is never on in the images below, so that no scale knows of it
    let model = Arc::new(Model::new(config, Weights::new(&layers, values).unwrap(), Vec::new()).unwrap());
    let error = quantize(&model, &[0; 9], &[]).unwrap_err();
    assert_eq!(error, Error::IntegerOverflow { layer: "stem".into(), channel: None });
    assert!(error.to_string().contains("use the model in f32"), "{error}");
}

#[test]
fn only_whole_images_and_f32_models_are_converted() {
    let model = random_model(Config { height: 3, width: 3, filters: 2, blocks: 0, ..Config::reference() }, 1);
    assert!(quantize(&model, &[0; 5], &[]).unwrap_err().to_string().contains("whole number of images"));
    assert!(optimize(&model, &[2; 9], &[]).unwrap_err().to_string().contains("levels from 0 to 1"));
    let integers = Arc::new(quantize(&model, &[0; 9], &[]).unwrap());
    assert!(quantize(&integers, &[0; 9], &[]).unwrap_err().to_string().contains("precision f32"));
    assert!(optimize(&integers, &[0; 9], &[]).unwrap_err().to_string().contains("precision f32"));
}
