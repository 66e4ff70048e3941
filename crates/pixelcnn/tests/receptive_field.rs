//! The receptive field is the set that a walk over all offsets finds, and small to hold whatever the net.

mod common;

use common::{Draws, random_net};
use pixelcnn::Config;
use pixelcnn::config::{Activation, Architecture};
use pixelcnn::layers::{Layers, Source, Tap};
use std::collections::BTreeSet;

/// The field by its definition: a set of offsets for each layer.
fn walked(layers: &Layers, height: usize, width: usize) -> BTreeSet<Tap> {
    let (h, w) = (height as i32, width as i32);
    let mut fields: Vec<BTreeSet<Tap>> = Vec::new();
    for layer in layers.iter() {
        let mut field = BTreeSet::new();
        for (source, tap) in layer.reads() {
            let own = BTreeSet::from([Tap::HERE]);
            let source = match source {
                Source::Pixels => &own,
                Source::Layer(source) => &fields[source],
            };
            let seen = source.iter().map(|t| Tap { dy: t.dy + tap.dy, dx: t.dx + tap.dx });
            field.extend(seen.filter(|t| t.dy > -h && t.dx > -w && t.dx < w));
        }
        fields.push(field);
    }
    fields.pop().unwrap()
}

#[test]
fn a_field_is_what_a_walk_over_offsets_finds() {
    let mut with_gaps = 0;
    for case in 0..1000 {
        let mut draws = Draws::new(7000 + case);
        let layers = if case % 3 == 0 {
            let architecture = draws.pick(&[Architecture::Plain, Architecture::Gated]);
            let config = Config {
                architecture,
                lean: if architecture == Architecture::Plain { draws.pick(&[0, 0, 1, 8]) } else { 0 },
                dilations: (0..draws.from(1, 3)).map(|_| draws.pick(&[1, 1, 2, 7])).collect(),
                filters: 2,
                blocks: draws.from(0, 5),
                first_kernel: draws.pick(&[3, 5, 7, 31]),
                block_kernel: draws.pick(&[1, 3, 5, 9]),
                ..Config::reference()
            };
            Layers::new(&config)
        } else {
            random_net(&mut draws)
        };
        let (height, width) = (draws.from(1, 30), draws.from(1, 30));
        let (field, wanted) = (layers.receptive_field(height, width), walked(&layers, height, width));
        assert_eq!(field.taps().collect::<BTreeSet<_>>(), wanted, "case {case}: {height} x {width}");
        assert_eq!(field.len(), wanted.len() as u64, "case {case}: each offset once");
        assert_eq!(field.is_empty(), wanted.is_empty());
        let most = |distance: fn(&Tap) -> i32| wanted.iter().map(distance).max().unwrap_or(0).max(0) as u64;
        assert_eq!(field.reach(), (most(|t| -t.dy), most(|t| -t.dx), most(|t| t.dx)), "case {case}");
        // Neighbours in a row, one fewer than a row without gaps has pixels.
        let rows = wanted.iter().map(|tap| tap.dy).collect::<BTreeSet<_>>().len();
        let neighbours = wanted.iter().filter(|t| wanted.contains(&Tap { dy: t.dy, dx: t.dx + 1 })).count();
        with_gaps += usize::from(neighbours + rows < wanted.len());
    }
    assert!(with_gaps > 100, "the cases bite: {with_gaps} fields have rows with gaps");
}

#[test]
fn the_largest_fields_take_no_time_to_speak_of() {
    let largest = Config { height: 4096, width: 4096, filters: 2, blocks: 256, head_layers: 256, ..Config::reference() };
    for (first_kernel, block_kernel, dilation, lean) in
        [(31, 31, 1, 0), (3, 31, 1, 0), (31, 3, 1, 0), (31, 1, 1, 0), (3, 31, 16, 0), (3, 3, 16, 0), (3, 31, 16, 8), (5, 5, 9, 3)]
    {
        let config = Config { first_kernel, block_kernel, lean, dilations: vec![dilation], ..largest.clone() }.checked().unwrap();
        let (above, left, right) = Layers::new(&config).receptive_field(config.height, config.width).reach();
        let [first, block] = [first_kernel as u64 / 2, 256 * dilation as u64 * (block_kernel as u64 / 2)];
        assert_eq!(left, (first + block).min(4095), "{config:?}");
        if first + block < 4096 {
            assert_eq!((above, right), (first + block, (first + block * (1 + lean as u64)).min(4095)), "{config:?}");
        }
        assert!(lean > 0 || above > 4000.min(first + block - 1), "{config:?}");
        if lean == 0 {
            let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, ..config };
            assert_eq!(Layers::new(&gated.checked().unwrap()).receptive_field(4096, 4096).reach().0, above);
        }
    }
    // 12 blocks of 31 x 31 once took a set of offsets for each layer, and 17 seconds.
    let config = Config { height: 256, width: 256, blocks: 12, block_kernel: 31, ..Config::reference() };
    assert_eq!(Layers::new(&config).receptive_field(256, 256).len(), 66_306);
}

#[test]
fn a_gated_net_sees_every_earlier_pixel_and_a_plain_one_does_not() {
    let (height, width) = (12, 13);
    let config = Config { height, width, filters: 2, blocks: 9, ..Config::reference() };
    // Offsets as seen from anywhere: whole rows above, each as far as the image is wide, and what is left of the pixel.
    let earlier = (height as u64 - 1) * (2 * width as u64 - 1) + width as u64 - 1;
    let gated = Config { architecture: Architecture::Gated, ..config.clone() };
    assert_eq!(Layers::new(&gated).receptive_field(height, width).len(), earlier);
    assert!(Layers::new(&config).receptive_field(height, width).len() < earlier);
}
