//! The derived slope is legal, and the least one, by brute force over random nets.

mod common;

use common::{Draws, random_net};
use pixelcnn::Config;
use pixelcnn::config::{Activation, Architecture};
use pixelcnn::layers::{Layers, Source, Tap};
use pixelcnn::schedule::Schedule;

/// Whether some assignment of leads makes every read of every in-image position legal under a slope, found by walking
/// positions and not by the formula under test: leads are raised until nothing moves, then the pixel rule is checked.
fn legal(layers: &Layers, slope: i64, height: i64, width: i64) -> Option<Vec<i64>> {
    let mut leads = vec![0i64; layers.len()];
    let time = |lead: i64, y: i64, x: i64| slope * y + x - lead;
    let reads: Vec<(usize, Source, Tap)> = layers.reads().collect();
    for _ in 0..=layers.len() {
        for &(layer, source, tap) in &reads {
            let Source::Layer(source) = source else { continue };
            for y in 0..height {
                for x in 0..width {
                    let (sy, sx) = (y + i64::from(tap.dy), x + i64::from(tap.dx));
                    if sy >= 0 && (0..width).contains(&sx) {
                        while time(leads[source], sy, sx) > time(leads[layer], y, x) {
                            leads[source] += 1;
                        }
                    }
                }
            }
        }
    }
    for &(layer, source, tap) in &reads {
        if source != Source::Pixels {
            continue;
        }
        for y in 0..height {
            for x in 0..width {
                let (sy, sx) = (y + i64::from(tap.dy), x + i64::from(tap.dx));
                if sy >= 0 && (0..width).contains(&sx) && time(0, sy, sx) >= time(leads[layer], y, x) {
                    return None;
                }
            }
        }
    }
    Some(leads)
}

#[test]
fn the_derived_slope_is_legal_and_one_less_is_not_for_1200_random_tap_sets() {
    let (mut above_one, mut with_leads) = (0, 0);
    for case in 0..1200 {
        let mut draws = Draws::new(3000 + case);
        let layers = random_net(&mut draws);
        let (height, width) = (9, 30); // tall and wide enough for every tap
        let schedule = Schedule::wavefront(&layers, height, width).expect("the net is causal");
        let slope = schedule.slope as i64;
        let leads = legal(&layers, slope, height as i64, width as i64)
            .unwrap_or_else(|| panic!("case {case}: slope {slope} is not legal"));
        assert_eq!(schedule.leads.iter().map(|&l| l as i64).collect::<Vec<_>>(), leads, "case {case}: the least leads");
        if slope > 1 {
            above_one += 1;
            assert_eq!(legal(&layers, slope - 1, height as i64, width as i64), None, "case {case}: slope {} would do", slope - 1);
        }
        with_leads += usize::from(leads.iter().any(|&l| l > 0));
    }
    assert!(above_one > 600 && with_leads > 100, "the cases bite: {above_one} slopes above 1, {with_leads} nets with leads");
}

#[test]
fn the_reference_net_has_slope_4_and_136_fronts() {
    let layers = Layers::new(&Config::reference());
    let schedule = Schedule::wavefront(&layers, 28, 28).unwrap();
    assert_eq!((schedule.slope, schedule.steps(), schedule.lanes()), (4, 136, 7));
    assert!(schedule.leads.iter().all(|&lead| lead == 0));
    let raster = Schedule::raster(&layers, 28, 28).unwrap();
    assert_eq!((raster.slope, raster.steps(), raster.lanes()), (28, 784, 1));
}

#[test]
fn a_slope_is_found_as_fast_however_steep_it_is() {
    // Each of 256 layers adds a lead of 15 * 16; trying slope after slope took 40 seconds.
    let (height, width) = (4096, 4096);
    let steepest = Config {
        architecture: Architecture::Gated,
        activation: Activation::Tanh,
        height,
        width,
        filters: 2,
        blocks: 256,
        first_kernel: 31,
        block_kernel: 31,
        dilations: vec![16],
        ..Config::reference()
    };
    let schedule = Schedule::raster(&Layers::new(&steepest.checked().unwrap()), height, width).unwrap();
    assert_eq!((schedule.slope, schedule.leads.iter().max()), (61_456, Some(&61_440)));
}

#[test]
fn every_position_is_computed_once_by_every_layer() {
    for case in 0..200 {
        let mut draws = Draws::new(5000 + case);
        let layers = random_net(&mut draws);
        let (height, width) = (draws.from(1, 8), draws.from(1, 8));
        for schedule in [Schedule::wavefront(&layers, height, width), Schedule::raster(&layers, height, width)] {
            let schedule = schedule.unwrap_or_else(|| panic!("case {case}: the net is causal"));
            for layer in 0..layers.len() {
                let mut seen = vec![0; height * width];
                for step in 0..schedule.steps() {
                    for (row, columns) in schedule.positions(Source::Layer(layer), step) {
                        columns.for_each(|column| seen[row * width + column] += 1);
                    }
                }
                assert!(seen.iter().all(|&n| n == 1), "case {case}, layer {layer}: {seen:?}");
            }
        }
    }
}

#[test]
fn what_sees_the_rows_above_alone_is_computed_by_whole_rows_where_fronts_are_pixels() {
    let gated = |blocks, width| {
        let config = Config { architecture: Architecture::Gated, blocks, width, ..Config::reference() };
        let layers = Layers::new(&config);
        let schedule = Schedule::wavefront(&layers, 28, width).unwrap();
        let whole: Vec<bool> = (0..layers.len()).map(|layer| schedule.is_whole(Source::Layer(layer))).collect();
        let vertical: Vec<bool> = layers.iter().map(|layer| layer.name.starts_with("v.")).collect();
        (schedule, whole, vertical)
    };
    // Each layer runs a column ahead of the next, so that a row follows the one above after as many columns as there are layers.
    let (schedule, whole, vertical) = gated(30, 28);
    assert_eq!((whole, schedule.steps()), (vertical, 28 * 28));
    assert!(schedule.leads.iter().all(|&lead| lead == 0));
    // Where rows are longer than that, several are in flight, and nothing waits for a row to end.
    let (schedule, whole, _) = gated(3, 28);
    assert!(!whole.contains(&true) && schedule.lanes() > 1 && schedule.steps() < 28 * 28 / 2);
}
