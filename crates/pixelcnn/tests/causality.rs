//! A pixel changes no logit at or before it, and, for generic weights, each later one whose derived field holds it.

mod common;

use common::{Draws, binary_config, random_images, random_model};
use pixelcnn::field::Field;
use pixelcnn::{Config, Method, Model, Run, Skipping, Strategy};
use std::collections::BTreeSet;
use std::sync::Arc;

const WHOLE: Strategy = Strategy { method: Method::Naive, skipping: Skipping::None };

fn logits(model: &Arc<Model>, image: &[u16]) -> Vec<u32> {
    let mut run = Run::score(model, image.to_vec(), WHOLE).unwrap();
    run.finish().unwrap();
    run.logits().unwrap().iter().map(|l| l.to_bits()).collect()
}

/// The pixels whose logits differ between an image and the image with one pixel flipped.
fn changed(model: &Arc<Model>, image: &[u16], before: &[u32], pixel: usize) -> BTreeSet<usize> {
    let mut other = image.to_vec();
    other[pixel] ^= 1;
    logits(model, &other).iter().zip(before).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect()
}

/// The pixels whose derived receptive field holds `pixel`.
fn readers(config: &Config, field: &Field, pixel: usize) -> BTreeSet<usize> {
    let (h, w) = (config.height as i32, config.width as i32);
    let (py, px) = (pixel as i32 / w, pixel as i32 % w);
    let positions = field.taps().map(|tap| (py - tap.dy, px - tap.dx));
    positions.filter(|&(y, x)| y < h && (0..w).contains(&x)).map(|(y, x)| (y * w + x) as usize).collect()
}

#[test]
fn a_pixel_changes_nothing_at_or_before_it_and_nothing_outside_its_readers() {
    for case in 0..60 {
        let mut draws = Draws::new(2000 + case);
        let config = binary_config(&mut draws);
        let model = random_model(config, case);
        let field = model.layers.receptive_field(model.config.height, model.config.width);
        let image = random_images(&mut draws, &model.config, 1, 50);
        let before = logits(&model, &image);
        for pixel in 0..model.config.pixels() {
            let changed = changed(&model, &image, &before, pixel);
            assert!(changed.iter().all(|&at| at > pixel), "case {case}, pixel {pixel}: {changed:?}");
            assert!(changed.is_subset(&readers(&model.config, &field, pixel)), "case {case}, pixel {pixel}");
        }
    }
}

#[test]
fn on_a_generic_net_a_pixel_changes_each_of_its_readers() {
    // Wide enough that a change never dies in a ReLU on all its paths; a fixed seed, so this cannot flake.
    for (first_kernel, block_kernel, blocks) in [(7, 3, 2), (3, 5, 1), (5, 3, 3), (7, 1, 2)] {
        let config = Config { height: 12, width: 13, filters: 48, blocks, first_kernel, block_kernel, ..Config::reference() };
        let model = random_model(config, 4);
        let field = model.layers.receptive_field(12, 13);
        let image = random_images(&mut Draws::new(3), &model.config, 1, 50);
        let before = logits(&model, &image);
        for pixel in 0..model.config.pixels() {
            assert_eq!(changed(&model, &image, &before, pixel), readers(&model.config, &field, pixel), "pixel {pixel}");
        }
    }
}

#[test]
fn the_reference_net_reads_129_pixels() {
    let model = random_model(Config::reference(), 12);
    let field = model.layers.receptive_field(28, 28);
    assert_eq!(field.len(), 129);
    let image = random_images(&mut Draws::new(6), &model.config, 1, 50);
    let before = logits(&model, &image);
    for pixel in [0, 13, 27, 300, 14 * 28, 14 * 28 + 14, 16 * 28 + 27, 782, 783] {
        assert_eq!(changed(&model, &image, &before, pixel), readers(&model.config, &field, pixel), "pixel {pixel}");
    }
    // From the reader's side: a position with its whole field inside the image depends on exactly 129 pixels.
    let reader = 14 * 28 + 14;
    let read = (0..reader).filter(|&pixel| readers(&model.config, &field, pixel).contains(&reader)).count();
    assert_eq!(read, 129);
}
