//! A pixel changes no logit at or before it, and, for generic weights, each later one whose derived field holds it.

mod common;

use common::{Draws, binary_config, random_config, random_images, random_model};
use pixelcnn::config::{Activation, Architecture, Input};
use pixelcnn::field::Field;
use pixelcnn::layers::{Layers, Source, Tap};
use pixelcnn::{Config, Method, Model, Run, Skipping, Strategy};
use std::collections::BTreeSet;
use std::sync::Arc;

const WHOLE: Strategy = Strategy { method: Method::Naive, skipping: Skipping::None };

/// The bits of every logit of an image; of the last class, where the net has classes.
fn logits(model: &Arc<Model>, image: &[u16]) -> Vec<u32> {
    let labels = model.config.classes.checked_sub(1).map(|last| last as u16);
    let mut run = Run::score_under(model, image.to_vec(), labels.into_iter().collect(), WHOLE).unwrap();
    run.finish().unwrap();
    run.logits().unwrap().iter().map(|l| l.to_bits()).collect()
}

/// The pixels of which a logit differs between an image and the image with one pixel at another level.
fn changed(model: &Arc<Model>, image: &[u16], before: &[u32], pixel: usize, draws: &mut Draws) -> BTreeSet<usize> {
    let (levels, each) = (model.config.levels, model.config.logits());
    let mut other = image.to_vec();
    other[pixel] = ((usize::from(image[pixel]) + draws.from(1, levels - 1)) % levels) as u16;
    let pairs = logits(model, &other).into_iter().zip(before.iter().copied()).enumerate();
    pairs.filter(|(_, (a, b))| a != b).map(|(at, _)| at / each).collect()
}

/// The pixels whose derived receptive field holds `pixel`.
fn readers(config: &Config, field: &Field, pixel: usize) -> BTreeSet<usize> {
    let (h, w) = (config.height as i32, config.width as i32);
    let (py, px) = (pixel as i32 / w, pixel as i32 % w);
    let positions = field.taps().map(|tap| (py - tap.dy, px - tap.dx));
    positions.filter(|&(y, x)| y < h && (0..w).contains(&x)).map(|(y, x)| (y * w + x) as usize).collect()
}

fn changes_nothing_else(seed: u64, cases: u64, config: fn(&mut Draws) -> Config) {
    for case in 0..cases {
        let mut draws = Draws::new(seed + case);
        let model = random_model(config(&mut draws), case);
        let field = model.layers.receptive_field(model.config.height, model.config.width);
        let image = random_images(&mut draws, &model.config, 1, 50);
        let before = logits(&model, &image);
        for pixel in 0..model.config.pixels() {
            let changed = changed(&model, &image, &before, pixel, &mut draws);
            let config = &model.config;
            assert!(changed.iter().all(|&at| at > pixel), "case {case}, pixel {pixel}: {changed:?}, {config:?}");
            assert!(changed.is_subset(&readers(config, &field, pixel)), "case {case}, pixel {pixel}: {config:?}");
        }
    }
}

#[test]
fn a_pixel_changes_nothing_at_or_before_it_and_nothing_outside_its_readers() {
    changes_nothing_else(2000, 60, binary_config);
    changes_nothing_else(60_000, 300, random_config);
}

/// The pixels that the logits at each position of an image can depend on, by walking from position to position: what lies
/// outside the image is no way to another pixel.
fn reachable(layers: &Layers, height: usize, width: usize) -> Vec<BTreeSet<usize>> {
    let mut reached: Vec<Vec<BTreeSet<usize>>> = Vec::new(); // (layer, position)
    for layer in layers.iter() {
        let of_position = |position: usize| {
            let (y, x) = ((position / width) as i32, (position % width) as i32);
            let mut found = BTreeSet::new();
            for (source, tap) in layer.reads() {
                let (ty, tx) = (y + tap.dy, x + tap.dx);
                if ty < 0 || !(0..width as i32).contains(&tx) {
                    continue;
                }
                let at = ty as usize * width + tx as usize;
                match source {
                    Source::Pixels => drop(found.insert(at)),
                    Source::Layer(source) => found.extend(&reached[source][at]),
                }
            }
            found
        };
        let all = (0..height * width).map(of_position).collect();
        reached.push(all);
    }
    reached.pop().unwrap()
}

/// On generic weights a pixel changes the logits of exactly those positions from which a walk reaches it: those whose derived
/// field holds it, but for kernels that lean or are dilated, whose only way may lead out of the image.
fn changes_all_readers(config: Config) {
    let model = random_model(config.checked().unwrap(), 4);
    let config = &model.config;
    let field = model.layers.receptive_field(config.height, config.width);
    let reachable = reachable(&model.layers, config.height, config.width);
    let mut draws = Draws::new(3);
    let image = random_images(&mut draws, config, 1, 50);
    let before = logits(&model, &image);
    for pixel in 0..config.pixels() {
        let changed = changed(&model, &image, &before, pixel, &mut draws);
        let wanted: BTreeSet<usize> = (0..config.pixels()).filter(|&at| reachable[at].contains(&pixel)).collect();
        assert_eq!(changed, wanted, "pixel {pixel}: {config:?}");
        let readers = readers(config, &field, pixel);
        let square = config.lean == 0 && config.dilations.iter().all(|&dilation| dilation == 1);
        assert!(if square { wanted == readers } else { wanted.is_subset(&readers) }, "pixel {pixel}: {config:?}");
    }
}

#[test]
fn far_from_all_borders_the_derived_field_is_what_a_walk_reaches() {
    for case in 0..100 {
        let mut draws = Draws::new(70_000 + case);
        let config = Config {
            architecture: draws.pick(&[Architecture::Plain, Architecture::Gated]),
            filters: 2,
            blocks: draws.from(0, 3),
            first_kernel: draws.pick(&[3, 5, 7]),
            block_kernel: draws.pick(&[1, 3, 5]),
            dilations: vec![draws.from(1, 3), draws.from(1, 2)],
            head_layers: 0,
            ..Config::reference()
        };
        let lean = if config.architecture == Architecture::Plain { draws.from(0, 2) } else { 0 };
        let layers = Layers::new(&Config { lean, ..config });
        let (above, left, right) = layers.receptive_field(4096, 4096).reach();
        // Room on both sides for all that the kernels can do, one after the other.
        let (height, margin) = (above as usize + 1, 2 * (left + right) as usize + 1);
        let width = 2 * margin + 1;
        let position = (height - 1) * width + margin;
        let from = reachable(&layers, height, width).swap_remove(position);
        let (y, x) = (height as i32 - 1, margin as i32);
        let walked = from.into_iter().map(|at| Tap { dy: (at / width) as i32 - y, dx: (at % width) as i32 - x });
        let field: BTreeSet<Tap> = layers.receptive_field(4096, 4096).taps().collect();
        assert_eq!(walked.collect::<BTreeSet<_>>(), field, "case {case}");
    }
}

#[test]
fn on_a_generic_net_a_pixel_changes_each_of_its_readers() {
    // Wide enough that a change never dies in a ReLU on all its paths; a fixed seed, so this cannot flake.
    for (first_kernel, block_kernel, blocks) in [(7, 3, 2), (3, 5, 1), (5, 3, 3), (7, 1, 2)] {
        changes_all_readers(Config {
            height: 12,
            width: 13,
            filters: 48,
            blocks,
            first_kernel,
            block_kernel,
            ..Config::reference()
        });
    }
}

#[test]
fn on_a_generic_net_that_leans_or_is_dilated_or_gated_a_pixel_changes_each_of_its_readers() {
    let plain = Config { height: 9, width: 13, filters: 40, blocks: 2, first_kernel: 5, ..Config::reference() };
    let gated = Config { architecture: Architecture::Gated, filters: 24, ..plain.clone() };
    for lean in [1, 3, 8] {
        changes_all_readers(Config { lean, ..plain.clone() });
    }
    for dilations in [vec![2], vec![1, 3], vec![5, 2]] {
        changes_all_readers(Config { dilations: dilations.clone(), ..plain.clone() });
        changes_all_readers(Config { dilations: dilations.clone(), lean: 2, ..plain.clone() });
        changes_all_readers(Config { dilations, activation: Activation::Tanh, ..gated.clone() });
    }
    for activation in [Activation::Tanh, Activation::Relu] {
        for (first_kernel, block_kernel, blocks) in [(3, 3, 0), (7, 3, 1), (3, 5, 1), (5, 1, 2)] {
            changes_all_readers(Config { activation, first_kernel, block_kernel, blocks, ..gated.clone() });
        }
    }
    for (levels, input, embedding) in [(5, Input::Ordinal, 0), (5, Input::Nominal, 0), (5, Input::Nominal, 4)] {
        for config in [&plain, &gated] {
            changes_all_readers(Config { levels, input, embedding, classes: 2, ..config.clone() });
        }
        changes_all_readers(Config { levels, input, embedding, activation: Activation::Sigmoid, ..plain.clone() });
    }
}

#[test]
fn a_deep_gated_net_reads_every_earlier_pixel_and_a_plain_one_does_not() {
    let (height, width) = (6, 7);
    let plain = Config { height, width, filters: 24, blocks: 6, first_kernel: 3, head_layers: 0, ..Config::reference() };
    for (architecture, activation, all) in [
        (Architecture::Gated, Activation::Tanh, true),
        (Architecture::Gated, Activation::Relu, true),
        (Architecture::Plain, Activation::Relu, false),
    ] {
        let model = random_model(Config { architecture, activation, ..plain.clone() }.checked().unwrap(), 4);
        let mut draws = Draws::new(3);
        let image = random_images(&mut draws, &model.config, 1, 50);
        let before = logits(&model, &image);
        let read = (0..height * width).all(|pixel| {
            let later: BTreeSet<usize> = (pixel + 1..height * width).collect();
            changed(&model, &image, &before, pixel, &mut draws) == later
        });
        assert_eq!(read, all, "{architecture:?}, {activation:?}");
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
        assert_eq!(
            changed(&model, &image, &before, pixel, &mut Draws::new(0)),
            readers(&model.config, &field, pixel),
            "pixel {pixel}"
        );
    }
    // From the reader's side: a position with its whole field inside the image depends on exactly 129 pixels.
    let reader = 14 * 28 + 14;
    let read = (0..reader).filter(|&pixel| readers(&model.config, &field, pixel).contains(&reader)).count();
    assert_eq!(read, 129);
}
