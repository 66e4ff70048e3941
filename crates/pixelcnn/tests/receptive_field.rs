//! The receptive field is the set that a walk over all offsets finds, and small to hold whatever the net.

mod common;

use common::{Draws, random_net};
use pixelcnn::Config;
use pixelcnn::config::Architecture;
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
            let config = Config {
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
        with_gaps += usize::from(field.intervals() > field.reach().0 as usize + 1);
    }
    assert!(with_gaps > 100, "the cases bite: {with_gaps} fields have rows with gaps");
}

#[test]
fn the_largest_fields_are_a_few_intervals() {
    let largest = Config { height: 4096, width: 4096, filters: 2, blocks: 256, head_layers: 256, ..Config::reference() };
    for (first_kernel, block_kernel) in [(31, 31), (3, 31), (31, 3), (31, 1)] {
        let config = Config { first_kernel, block_kernel, ..largest.clone() }.checked().unwrap();
        let field = Layers::new(&config).receptive_field(config.height, config.width);
        let (above, left, _) = field.reach();
        let reach = (first_kernel / 2 + 256 * (block_kernel / 2)) as u64;
        assert_eq!((above, left), (reach.min(4095), reach.min(4095)));
        assert!(field.intervals() <= 2 * (above as usize + 1), "{} intervals", field.intervals());
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
