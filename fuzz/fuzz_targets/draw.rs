//! A model that can be read draws an image, by every method and skipping alike in every bit: of a class, where it has classes,
//! and beside given pixels. Nets above a million multiply-adds an image are left out, and counted.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::{Conditions, Draw, Error, Method, Model, Run, Skipping, Strategy};
use pixelcnn_fuzz::{MOST_MACS, Numbers, at_end, macs, mutate_model};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static DRAWN: AtomicU64 = AtomicU64::new(0);
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

fn told() -> String {
    let [drawn, left_out, refused] = [&DRAWN, &LEFT_OUT, &REFUSED].map(|count| count.load(Relaxed));
    format!("draw: {drawn} drawn, {left_out} left out above {MOST_MACS} multiply-adds an image, {refused} refused by the reader")
}

/// Of one pixel: the bits of its logits, its level, and the bits of what it cost.
type Told = (Vec<u32>, u16, u32);

/// All pixels of the images of a run, in raster order; or the error that it ends in.
type Walked = Result<Vec<Told>, Error>;

fn walk(run: Result<Run, Error>, model: &Model) -> Walked {
    let (size, each) = (model.config.pixels(), model.config.logits());
    let mut run = run?;
    let mut logits = vec![None; run.pixels().len()];
    while run.step()? > 0 {
        for (p, found) in run.front().iter().zip(run.front_logits().chunks_exact(each)) {
            let found: Vec<u32> = found.iter().map(|logit| logit.to_bits()).collect();
            let before = logits[p.image * size + p.pixel].replace(found);
            assert_eq!(before, None, "image {} pixel {} was computed twice", p.image, p.pixel);
        }
    }
    let all = logits.into_iter().zip(run.pixels()).zip(run.nats());
    Ok(all.map(|((logits, &pixel), nats)| (logits.expect("every pixel is computed"), pixel, nats.to_bits())).collect())
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_model(data, size, max_size, seed, true) });

fuzz_target!(init: at_end(told), |bytes: &[u8]| -> Corpus {
    let Ok(model) = Model::from_bytes(bytes) else {
        REFUSED.fetch_add(1, Relaxed);
        return Corpus::Reject; // the target of the reader has these
    };
    let (size, cost) = (model.config.pixels(), macs(&model.config, &model.layers));
    if cost > MOST_MACS {
        LEFT_OUT.fetch_add(1, Relaxed);
        return Corpus::Reject;
    }
    DRAWN.fetch_add(1, Relaxed);
    let model = Arc::new(model);
    let mut numbers = Numbers::new(bytes.iter().fold(bytes.len() as u64, |sum, &byte| sum.rotate_left(5) ^ u64::from(byte)));
    let temperature = [0.0, 0.5, 1.0, 1.0, 3.0][numbers.below(5)];
    let draw = Draw { count: 1, seed: numbers.below(1 << 30) as u64, start_index: 7, temperature };
    let labels = |numbers: &mut Numbers, count: usize| -> Vec<u16> {
        (0..if model.config.classes > 0 { count } else { 0 }).map(|_| numbers.below(model.config.classes) as u16).collect()
    };
    let level = |numbers: &mut Numbers| if numbers.below(4) == 0 { numbers.below(model.config.levels) as u16 } else { TO_DRAW };
    let of_three = labels(&mut numbers, 3);
    let given: Vec<u16> = (0..if numbers.below(2) == 0 { 0 } else { size }).map(|_| level(&mut numbers)).collect();
    let label: Vec<u16> = of_three.iter().skip(1).take(1).copied().collect();
    let one = Conditions { labels: label.clone(), given: given.clone() };
    let drawn = |strategy| walk(Run::sample_under(&model, draw, one.clone(), strategy), &model);

    let wanted = drawn(Strategy { method: Method::Cached, skipping: Skipping::None });
    for method in [Method::Wavefront, Method::Cached] {
        for &(_, skipping) in Skipping::ALL {
            let strategy = Strategy { method, skipping };
            assert!(drawn(strategy) == wanted, "{strategy:?} draws another image: {:?}", model.config);
        }
    }
    // Between others of a batch, in tiles of other shapes.
    let batch = Draw { count: 3, start_index: draw.start_index - 1, ..draw };
    let three = Conditions { labels: of_three, given };
    let fastest = Strategy { method: Method::Wavefront, skipping: Skipping::All };
    if let Ok(all) = walk(Run::sample_under(&model, batch, three, fastest), &model) {
        assert!(wanted.as_ref().is_ok_and(|one| all[size..2 * size] == one[..]), "a batch draws another image");
    }
    // These compute the whole image for each pixel, so what is drawn is given to them where that would take long.
    for method in [Method::Naive, Method::Reference] {
        let strategy = Strategy { method, skipping: Skipping::None };
        if cost * size as u64 <= MOST_MACS / 10 {
            assert!(drawn(strategy) == wanted, "{strategy:?} draws another image: {:?}", model.config);
        } else if let Ok(wanted) = &wanted {
            let pixels = wanted.iter().map(|&(_, pixel, _)| pixel).collect();
            let given = walk(Run::score_under(&model, pixels, label.clone(), strategy), &model);
            assert!(given.as_ref() == Ok(wanted), "{strategy:?} scores another image: {:?}", model.config);
        }
    }
    Corpus::Keep
});
