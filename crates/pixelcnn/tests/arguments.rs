//! A wrong argument is one sentence that says what was wanted and what came, before anything is computed.

mod common;

use common::{FASTEST, random_model};
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::{Conditions, Config, Draw, Error, Method, Model, Run, Skipping};
use std::sync::Arc;

const DRAW: Draw = Draw { count: 2, seed: 1, start_index: 0, temperature: 1.0 };

fn model(changes: Config) -> Arc<Model> {
    random_model(Config { height: 2, width: 2, filters: 2, ..changes }.checked().unwrap(), 1)
}

/// The sentence of an argument's error.
fn sentence<T>(result: Result<T, Error>) -> String {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.code(), "INVALID_ARGUMENT", "{error}");
    error.to_string()
}

fn drawn(model: &Arc<Model>, draw: Draw, labels: &[u16], given: &[u16]) -> Result<Run, Error> {
    Run::sample_under(model, draw, Conditions { labels: labels.to_vec(), given: given.to_vec() }, FASTEST)
}

#[test]
fn counts_indices_and_temperatures() {
    let model = model(Config::reference());
    let of = |draw| sentence(Run::sample(&model, draw, FASTEST));
    assert_eq!(of(Draw { count: 0, ..DRAW }), "count must be at least 1, got 0");
    for (temperature, text) in
        [(-1.0, "-1"), (-1e-300, "-0."), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-f64::INFINITY, "-inf")]
    {
        let found = of(Draw { temperature, ..DRAW });
        assert!(found.starts_with(&format!("temperature must be a finite number of at least 0, got {text}")), "{found}");
    }
    assert!(Run::sample(&model, Draw { temperature: -0.0, ..DRAW }, FASTEST).is_ok());
    assert_eq!(
        of(Draw { start_index: u64::MAX - 1, ..DRAW }),
        "start_index plus count must fit in 64 bits, got 18446744073709551614 + 2"
    );
    assert!(Run::sample(&model, Draw { start_index: u64::MAX - 2, ..DRAW }, FASTEST).unwrap().finish().is_ok());
}

#[test]
fn names() {
    assert_eq!(sentence(Method::from_name("fast")), "method must be one of wavefront, cached, naive, reference, got `fast`");
    assert_eq!(sentence(Skipping::from_name("some")), "skipping must be one of none, rows, all, got `some`");
}

#[test]
fn images() {
    let of = |model: &Arc<Model>, pixels: &[u16]| sentence(Run::score(model, pixels.to_vec(), FASTEST));
    let binary = model(Config::reference());
    assert_eq!(of(&binary, &[0; 5]), "images must hold a whole number of images of 4 pixels, got 5 values");
    assert_eq!(of(&binary, &[]), "images must hold a whole number of images of 4 pixels, got 0 values");
    assert_eq!(of(&binary, &[0, 1, 2, 0]), "images must hold levels from 0 to 1, got 2 at index 2");
    // A hole is no level: what is scored is all known.
    let wide = model(Config { levels: 512, ..Config::reference() });
    assert!(Run::score(&wide, vec![0, 511, 1, 2], FASTEST).is_ok());
    assert_eq!(of(&wide, &[0, 0, 0, 0, 512, 0, 0, 0]), "images must hold levels from 0 to 511, got 512 at index 4");
    assert_eq!(of(&wide, &[TO_DRAW; 4]), "images must hold levels from 0 to 511, got 65535 at index 0");
}

#[test]
fn labels() {
    let without = model(Config::reference());
    let unwanted = "labels must be empty, because the net has no classes, got 2";
    assert_eq!(sentence(drawn(&without, DRAW, &[0, 0], &[])), unwanted);
    assert_eq!(sentence(Run::score_under(&without, vec![0; 8], vec![0, 0], FASTEST)), unwanted);

    let with = model(Config { classes: 3, ..Config::reference() });
    for count in [0, 1, 3] {
        let wanted = format!("labels must be as many as images, 2, because the net has 3 classes, got {count}");
        assert_eq!(sentence(drawn(&with, DRAW, &vec![0; count], &[])), wanted);
        assert_eq!(sentence(Run::score_under(&with, vec![0; 8], vec![0; count], FASTEST)), wanted);
    }
    assert_eq!(
        sentence(Run::score(&with, vec![0; 4], FASTEST)),
        "labels must be as many as images, 1, because the net has 3 classes, got 0"
    );
    for label in [3, u16::MAX] {
        let wanted = format!("labels must be classes from 0 to 2, got {label} at index 1");
        assert_eq!(sentence(drawn(&with, DRAW, &[2, label], &[])), wanted);
        assert_eq!(sentence(Run::score_under(&with, vec![0; 8], vec![2, label], FASTEST)), wanted);
    }
    assert!(drawn(&with, DRAW, &[2, 0], &[]).is_ok());
}

#[test]
fn given_pixels() {
    let model = model(Config { levels: 3, ..Config::reference() });
    let of = |given: &[u16]| sentence(drawn(&model, Draw { count: 3, ..DRAW }, &[], given));
    for len in [1, 3, 5, 8, 13] {
        let wanted = format!("given pixels must be one image of 4 pixels or one for each of 3, got {len} values");
        assert_eq!(of(&vec![0; len]), wanted);
    }
    let wrong = "given pixels must be levels from 0 to 2, or 65535 where one is to be drawn, got";
    assert_eq!(of(&[0, TO_DRAW, 2, 3]), format!("{wrong} 3 at index 3"));
    assert_eq!(of(&[TO_DRAW, 65534, 2, 1]), format!("{wrong} 65534 at index 1"));
    for given in [&[][..], &[0, TO_DRAW, 2, 1], &[TO_DRAW; 12]] {
        assert!(drawn(&model, Draw { count: 3, ..DRAW }, &[], given).is_ok());
    }
    // So many that their pixels are more than 64 bits count.
    let of = drawn(&model, Draw { count: usize::MAX / 2, ..DRAW }, &[], &[0; 5]);
    assert!(sentence(of).starts_with("given pixels must be one image of 4 pixels or one for each of "));
}
