//! The derived slope is legal, and the least one, by brute force over random nets.

mod common;

use common::Draws;
use pixelcnn::layers::{Activation, Input, Layer, Layers, Source, Tap};
use pixelcnn::schedule::Schedule;
use pixelcnn::Config;

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

fn layer(inputs: Vec<(Source, Vec<Tap>)>, residual: Option<usize>) -> Layer {
    let inputs = inputs.into_iter().map(|(source, taps)| Input {
        source,
        kernel: String::new(),
        kernel_size: 9,
        mask: None,
        channels: 1,
        taps,
    });
    Layer {
        name: String::new(),
        group: String::new(),
        inputs: inputs.collect(),
        bias: String::new(),
        out_channels: 1,
        activation: Activation::None,
        residual,
    }
}

/// Random causal taps, at least one. `ahead` lets a tap on features look to the right in its own row, as the vertical
/// stack of a gated net does.
fn random_taps(draws: &mut Draws, pixels: bool, ahead: bool) -> Vec<Tap> {
    let mut taps = Vec::new();
    for _ in 0..draws.from(1, 4) {
        let dy = -(draws.from(0, 3) as i32);
        let dx = draws.from(0, 8) as i32 - 4;
        let limit = if pixels {
            -1
        } else if ahead {
            4
        } else {
            0
        };
        taps.push(Tap { dy, dx: if dy == 0 { dx.min(limit) } else { dx } });
    }
    taps.sort_unstable();
    taps.dedup();
    taps
}

/// A random net of one or two stacks. In a net that looks ahead only the layers that read pixels of the rows above do.
fn random_net(draws: &mut Draws) -> Layers {
    let mut layers = Vec::new();
    let ahead = draws.from(0, 2) == 0;
    let above = |taps: Vec<Tap>| taps.into_iter().map(|t| Tap { dy: t.dy.min(-1), dx: t.dx }).collect();
    layers.push(layer(
        vec![(Source::Pixels, if ahead { above(random_taps(draws, true, false)) } else { random_taps(draws, true, false) })],
        None,
    ));
    for index in 1..draws.from(2, 5) {
        let mut inputs = vec![(Source::Layer(draws.from(0, index - 1)), random_taps(draws, false, ahead))];
        if draws.from(0, 2) == 0 {
            inputs.push((Source::Layer(draws.from(0, index - 1)), random_taps(draws, false, false)));
        }
        if draws.from(0, 3) == 0 && !ahead {
            inputs.push((Source::Pixels, random_taps(draws, true, false)));
        }
        let residual = (draws.from(0, 1) == 0).then(|| draws.from(0, index - 1));
        layers.push(layer(inputs, residual));
    }
    Layers::from_list(layers)
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
fn every_position_is_computed_once_by_every_layer() {
    for case in 0..200 {
        let mut draws = Draws::new(5000 + case);
        let layers = random_net(&mut draws);
        let (height, width) = (draws.from(1, 8), draws.from(1, 8));
        for schedule in [Schedule::wavefront(&layers, height, width), Schedule::raster(&layers, height, width)] {
            let schedule = schedule.unwrap_or_else(|| panic!("case {case}: the net is causal"));
            for layer in 0..layers.len() {
                let delay = schedule.delay(Source::Layer(layer));
                let mut seen = vec![0; height * width];
                for step in 0..schedule.steps() {
                    for row in schedule.rows(delay, step) {
                        seen[row * width + schedule.column(delay, step, row)] += 1;
                    }
                }
                assert!(seen.iter().all(|&n| n == 1), "case {case}, layer {layer}: {seen:?}");
            }
        }
    }
}
