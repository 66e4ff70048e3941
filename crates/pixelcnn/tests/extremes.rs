//! Every net that a config can describe is planned, described, and drawn or refused: from tiny to absurd, at bounded cost.
//!
//! `cargo test` draws what takes few multiply-adds; `PIXELCNN_EXTREMES=1000000000 cargo test --release --test extremes` draws
//! what takes up to that many.

mod common;
#[path = "common/counting.rs"]
mod counting;

use common::{Draws, strategies};
use counting::{Counting, peak_of};
use pixelcnn::config::{Activation, Architecture, Input};
use pixelcnn::config::{MAX_BLOCKS, MAX_CLASSES, MAX_DILATION, MAX_FILTERS, MAX_KERNEL, MAX_LEAN, MAX_LEVELS, MAX_SIDE};
use pixelcnn::describe::describe;
use pixelcnn::json::Json;
use pixelcnn::layers::{Layer, Layers};
use pixelcnn::optimize::optimize;
use pixelcnn::quantize::quantize;
use pixelcnn::sampler::TO_DRAW;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Error, Memory, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a plan leaves out: the run itself, a message, the names of a few things.
const SMALL: u64 = 64 << 10;

const LIMIT: Memory = Memory { limit: 64 << 20 };

/// A number from `low` to `high`, small ones as likely as large ones: the exponent is drawn first.
fn steeply(draws: &mut Draws, low: usize, high: usize) -> usize {
    let top = low.max(high >> draws.from(0, high.ilog2() as usize));
    draws.from(low, top)
}

/// Any config that is well formed, each field from its least to its most.
fn any_config(draws: &mut Draws) -> Config {
    loop {
        let gated = draws.from(0, 1) == 1;
        let nominal = draws.from(0, 1) == 1;
        let activations = [Activation::Relu, Activation::Tanh, Activation::Sigmoid];
        let config = Config {
            architecture: if gated { Architecture::Gated } else { Architecture::Plain },
            height: steeply(draws, 1, MAX_SIDE),
            width: steeply(draws, 1, MAX_SIDE),
            levels: steeply(draws, 2, MAX_LEVELS),
            input: if nominal { Input::Nominal } else { Input::Ordinal },
            embedding: if nominal { draws.from(0, 1) * steeply(draws, 1, MAX_LEVELS) } else { 0 },
            classes: draws.from(0, 1) * steeply(draws, 2, MAX_CLASSES),
            activation: draws.pick(&activations[..if gated { 2 } else { 3 }]),
            filters: if gated { steeply(draws, 2, MAX_FILTERS) } else { 2 * steeply(draws, 1, MAX_FILTERS / 2) },
            blocks: steeply(draws, 0, MAX_BLOCKS),
            first_kernel: 2 * steeply(draws, 1, MAX_KERNEL / 2) + 1,
            block_kernel: 2 * steeply(draws, 0, MAX_KERNEL / 2) + 1,
            head_layers: steeply(draws, 0, MAX_BLOCKS),
            lean: if gated { 0 } else { steeply(draws, 0, MAX_LEAN) },
            dilations: (0..steeply(draws, 1, 8)).map(|_| steeply(draws, 1, MAX_DILATION)).collect(),
            ..Config::reference()
        };
        // A net of too many weights is refused once its layers are counted.
        if Layers::try_new(&config).is_ok() {
            return config.checked().unwrap();
        }
    }
}

/// A net of random weights that remembers some rows, or why there is none.
fn model_of(config: &Config, seed: u64) -> Result<Arc<Model>, Error> {
    let layers = Layers::new(config);
    // The weights alone: what is above the limit by them is not made to find it out.
    let bytes = 4 * layers.parameters();
    if bytes > LIMIT.limit {
        return Err(Error::OutOfMemory { bytes, limit: Some(LIMIT.limit) });
    }
    let weights = Weights::random(&layers, seed);
    let model = Model::within(LIMIT, config.clone(), weights, Vec::new())?;
    Ok(Arc::new(model.remembering([0, 1 << 14, 1 << 20, 1 << 30][seed as usize % 4])))
}

fn macs_of_image(config: &Config) -> u64 {
    Layers::new(config).iter().map(Layer::macs).sum::<u64>() * config.pixels() as u64
}

/// The last class for each of some images, where the net has classes, and the last level for the first pixel of all.
fn conditions_of(model: &Model, count: usize) -> Conditions {
    let config = &model.config;
    let labels = if config.classes > 0 { vec![config.classes as u16 - 1; count] } else { Vec::new() };
    let mut given = vec![TO_DRAW; config.pixels()];
    given[0] = config.levels as u16 - 1;
    Conditions { labels, given }
}

/// What lists take that are as long as the net has layers, inputs and terms.
fn lists_of(model: &Model) -> u64 {
    let inputs: u64 = model.layers.iter().map(|layer| layer.inputs.len().max(1) as u64).sum();
    2048 * (inputs + 8) + 12 * model.layers.reads().count() as u64
}

/// Starts a run, and holds it to its plan: refused, it has allocated nothing to speak of, and allowed, no more than planned.
fn start(model: &Arc<Model>, strategy: Strategy) -> Option<Run> {
    model.number_rows_from(0); // forgets what an earlier run has left
    let draw = Draw { count: 1, seed: 5, start_index: 0, temperature: 1.0 };
    let conditions = conditions_of(model, 1);
    let (run, held, _) = peak_of(|| Run::sample_under(model, draw, conditions, strategy));
    match run {
        Ok(run) => {
            assert!(held <= LIMIT.limit - model.bytes() + SMALL, "{held} bytes for {strategy:?}: {:?}", model.config);
            Some(run)
        }
        Err(Error::OutOfMemory { bytes, limit }) => {
            assert!(limit == Some(LIMIT.limit) && bytes > LIMIT.limit);
            let lists = lists_of(model);
            assert!(held <= lists, "{held} bytes before {strategy:?} was refused: {:?}", model.config);
            None
        }
        Err(error) => panic!("{error}: {:?}", model.config),
    }
}

#[test]
fn every_net_is_planned_and_described_at_bounded_cost() {
    let (mut refused, mut largest) = (0, 0);
    for case in 0..2000 {
        let config = any_config(&mut Draws::new(case));
        let (json, held, _) = peak_of(|| describe(&config).unwrap());
        assert!(held < 16 << 20, "{held} bytes to describe {config:?}");
        let Ok(Json::Object(description)) = Json::parse(&json) else { panic!("{config:?}") };
        let number = |key: &str| match description.get(key) {
            Some(Json::Number(text)) => text.parse::<u64>().unwrap(),
            other => panic!("{key} is {other:?}"),
        };
        assert_eq!(number("macsPerImage"), macs_of_image(&config));
        largest = largest.max(number("stateBytes"));
        refused += u64::from(model_bytes(&config) > LIMIT.limit);
    }
    assert!(refused > 100 && largest > 1 << 28, "the cases bite: {refused} models are too large, {largest} bytes of state");
}

#[test]
fn the_deepest_nets_on_the_largest_images_are_described_at_bounded_cost() {
    let largest = Config { height: MAX_SIDE, width: MAX_SIDE, filters: 2, blocks: MAX_BLOCKS, ..Config::reference() };
    let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, ..largest.clone() };
    for form in [largest.clone(), Config { lean: MAX_LEAN, ..largest }, gated] {
        for (first_kernel, block_kernel, dilations) in [(31, 31, vec![1]), (3, 3, vec![16]), (3, 31, vec![16, 15, 13])] {
            let config = Config { first_kernel, block_kernel, dilations, ..form.clone() };
            let (_, held, _) = peak_of(|| Layers::new(&config).receptive_field(config.height, config.width));
            assert!(held < 28 << 20, "{held} bytes for the field of {config:?}");
            let (_, held, _) = peak_of(|| describe(&config).unwrap());
            assert!(held < 40 << 20, "{held} bytes to describe {config:?}");
        }
    }
}

/// Twice the weights: at least what a model takes.
fn model_bytes(config: &Config) -> u64 {
    let layers = Layers::new(config);
    8 * (0..layers.len()).map(|layer| layers.non_zero_parameters(layer)).sum::<u64>()
}

#[test]
fn every_net_is_drawn_or_begun_or_refused_by_every_method() {
    let budget = std::env::var("PIXELCNN_EXTREMES").map_or(1_000_000, |text| text.parse::<u64>().expect("a number"));
    let cases = if budget > 1_000_000 { 2000 } else { 160 };
    let (mut drawn, mut begun, mut refused) = (0, 0, 0);
    for case in 0..cases {
        let config = any_config(&mut Draws::new(case));
        let model = match model_of(&config, case) {
            Ok(model) => model,
            Err(Error::OutOfMemory { .. }) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{error}: {config:?}"),
        };
        let image = macs_of_image(&config);
        // Those that compute the whole image for each pixel.
        let whole = image.saturating_mul(config.pixels() as u64);
        let mut images = Vec::new();
        let oracle = Strategy { method: Method::Reference, skipping: Skipping::None };
        for strategy in strategies().into_iter().chain([oracle]) {
            let Some(mut run) = start(&model, strategy) else {
                refused += 1;
                continue;
            };
            let kept = matches!(strategy.method, Method::Wavefront | Method::Cached);
            if if kept { image } else { whole } <= budget {
                run.finish().unwrap();
                images.push((run.pixels().to_vec(), run.nats().to_vec()));
                drawn += 1;
            } else if kept || image <= budget {
                let ((), held, made) = peak_of(|| assert!(run.step().unwrap() > 0));
                assert!(!kept || made == 0, "a step of {strategy:?} allocates {held} bytes: {config:?}");
                begun += 1;
            }
        }
        assert!(images.windows(2).all(|pair| pair[0] == pair[1]), "methods differ: {config:?}");
    }
    assert!(drawn > cases / 2 && begun > cases / 4 && refused > cases / 10, "{drawn} drawn, {begun} begun, {refused} refused");
}

/// Nets of every form, of middling size.
fn forms() -> Vec<Config> {
    let plain = Config { height: 30, width: 33, filters: 40, blocks: 2, ..Config::reference() };
    let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, filters: 24, ..plain.clone() };
    let nominal = Config { levels: 7, input: Input::Nominal, ..plain.clone() };
    vec![
        Config { activation: Activation::Tanh, classes: 3, lean: 2, dilations: vec![1, 3], ..plain.clone() },
        Config { levels: 512, ..plain.clone() },
        Config { levels: 512, embedding: 24, classes: 5, height: 12, width: 14, ..nominal.clone() },
        nominal,
        plain,
        Config { levels: 300, input: Input::Nominal, classes: 11, activation: Activation::Relu, ..gated.clone() },
        Config { height: 40, width: 5, blocks: 6, dilations: vec![2, 1, 4], ..gated.clone() },
        gated,
    ]
}

#[test]
fn a_run_takes_what_is_planned_and_its_steps_nothing() {
    for config in forms() {
        let model = model_of(&config, 1).unwrap();
        for strategy in strategies() {
            for count in [1, 5, 40] {
                // The least limit under which it begins is what it says it takes.
                let draw = Draw { count, seed: 5, start_index: 0, temperature: 1.0 };
                let tight = |limit| {
                    let weights = Weights::random(&model.layers, 1);
                    Model::within(Memory { limit }, config.clone(), weights, model.metadata.clone()).map(Arc::new)
                };
                let sample = |model: &Arc<Model>| {
                    let conditions = conditions_of(model, count);
                    peak_of(|| Run::sample_under(model, draw, conditions, strategy))
                };
                let Err(Error::OutOfMemory { bytes, limit }) = sample(&tight(model.bytes()).unwrap()).0 else {
                    panic!("{strategy:?}")
                };
                assert_eq!(limit, Some(model.bytes()));
                assert!(sample(&tight(bytes - 1).unwrap()).0.is_err());
                let model = tight(bytes).unwrap();
                let (run, held, _) = sample(&model);
                let mut run = run.unwrap();
                let planned = bytes - model.bytes();
                assert!(held <= planned + SMALL, "{held} of {planned} bytes planned, {strategy:?}, {count} images: {config:?}");
                assert!(held * 2 >= planned, "{planned} bytes planned, {held} taken, {strategy:?}, {count} images: {config:?}");
                if strategy.method != Method::Naive {
                    // Of many images to the middle of them, as the rest is the same again.
                    let steps = if count == 1 { usize::MAX } else { 100 };
                    let ((), held, made) = peak_of(|| (0..steps).take_while(|_| run.step().unwrap() > 0).for_each(drop));
                    assert_eq!((held, made), (0, 0), "steps allocate: {strategy:?}, {count} images: {config:?}");
                }
            }
        }
    }
}

#[test]
fn labels_and_given_pixels_are_part_of_a_plan() {
    let config = Config { height: 100, width: 100, filters: 2, blocks: 0, classes: 3, ..Config::reference() };
    let weights = Weights::random(&Layers::new(&config), 1);
    let planned = |count: usize, images: usize| {
        let model = Model::within(Memory { limit: 1 << 18 }, config.clone(), weights.clone(), Vec::new()).map(Arc::new).unwrap();
        let draw = Draw { count, seed: 5, start_index: 0, temperature: 1.0 };
        let conditions = Conditions { labels: vec![0; count], given: vec![TO_DRAW; images * config.pixels()] };
        match Run::sample_under(&model, draw, conditions, common::FASTEST) {
            Err(Error::OutOfMemory { bytes, .. }) => bytes,
            other => panic!("{other:?}"),
        }
    };
    let pixels = config.pixels() as u64;
    assert_eq!(planned(50, 1) - planned(50, 0), 2 * pixels);
    assert_eq!(planned(50, 50) - planned(50, 0), 2 * 50 * pixels);
    // A level, what it costs and a class; the rest is of 16 images at a time.
    assert_eq!(planned(51, 0) - planned(50, 0), (2 + 4) * pixels + 2);
}

#[test]
fn a_model_takes_what_is_planned() {
    let deep = Config { height: 9, width: 9, filters: 2, blocks: MAX_BLOCKS, head_layers: 0, ..Config::reference() };
    let gated = Config { architecture: Architecture::Gated, activation: Activation::Tanh, ..deep.clone() };
    let wide = Config { filters: 16, blocks: 1, ..deep.clone() };
    let extreme = [
        Config { head_layers: MAX_BLOCKS, ..deep.clone() },
        Config { classes: MAX_CLASSES, ..deep.clone() },
        Config { block_kernel: MAX_KERNEL, filters: 4, ..deep },
        Config { classes: 100, ..gated.clone() },
        Config { first_kernel: MAX_KERNEL, block_kernel: 9, ..gated },
        Config { levels: MAX_LEVELS, input: Input::Nominal, first_kernel: 15, ..wide.clone() },
        Config { levels: MAX_LEVELS, input: Input::Nominal, embedding: MAX_LEVELS, ..wide.clone() },
        Config { levels: MAX_LEVELS, input: Input::Nominal, embedding: 1, classes: MAX_CLASSES, ..wide },
    ];
    let mut draws = Draws::new(9000);
    let any = |_| {
        loop {
            let config = any_config(&mut draws);
            let config = Config { filters: config.filters.min(96), blocks: config.blocks % 8, ..config }.checked().unwrap();
            if model_bytes(&config) < LIMIT.limit / 4 {
                break config;
            }
        }
    };
    for (case, config) in extreme.into_iter().chain((0..60).map(any)).enumerate() {
        let model = model_of(&config, case as u64).unwrap();
        let file = model.to_bytes(&[]).unwrap();
        let (read, held, _) = peak_of(|| Model::from_bytes_within(LIMIT, &file[..]).unwrap());
        let bytes = read.bytes();
        assert!(held <= bytes + SMALL, "{held} bytes where {bytes} were planned: {config:?}");
        let refused = |limit| {
            let (result, held, _) = peak_of(|| Model::from_bytes_within(Memory { limit }, &file[..]).map(drop));
            let wanted = bytes + file.len() as u64;
            assert_eq!(result, Err(Error::OutOfMemory { bytes: wanted, limit: Some(limit) }));
            assert!(held <= lists_of(&read) + SMALL, "{held} bytes before a file was refused: {config:?}");
        };
        refused(bytes + file.len() as u64 - 1);
        refused(1);
    }
}

#[test]
fn conversions_take_what_is_planned() {
    let config = Config { height: 40, width: 37, filters: 24, blocks: 2, ..Config::reference() };
    let images = common::random_images(&mut Draws::new(1), &config, 12, 20);
    let weights = Weights::random(&Layers::new(&config), 1);
    let limit = 40 << 20;
    let within = |limit| Arc::new(Model::within(Memory { limit }, config.clone(), weights.clone(), Vec::new()).unwrap());
    let model = within(limit);
    let (result, held, _) = peak_of(|| quantize(&model, &images, &[]).map(drop));
    assert!(result.is_ok() && held <= limit, "{held}");
    let (result, held, _) = peak_of(|| optimize(&model, &images, &[]).map(drop));
    assert!(result.is_ok() && held <= limit, "{held}");
    // Under any limit they succeed, or are refused with what they would take.
    let mut refused = 0;
    for limit in (model.bytes()..limit / 4).step_by(1 << 19) {
        for to_integers in [true, false] {
            let model = within(limit);
            let convert = || if to_integers { quantize(&model, &images, &[]) } else { optimize(&model, &images, &[]) };
            let (result, held, _) = peak_of(|| convert().map(drop));
            let left = limit - model.bytes();
            assert!(held <= left + SMALL, "{held} bytes where {left} are left, to integers: {to_integers}");
            if let Err(error) = result {
                assert_eq!(error.code(), "OUT_OF_MEMORY");
                refused += 1;
            }
        }
    }
    assert!(refused > 4, "the limits bite: {refused} refused");
}

#[test]
fn sizes_beyond_32_bits_are_told_as_they_are() {
    // 256 blocks that read as far as any may.
    let far = Config {
        height: 4096,
        width: 4096,
        filters: 10,
        blocks: 256,
        block_kernel: 31,
        dilations: vec![16],
        ..Config::reference()
    };
    let layers = Layers::new(&far);
    let weights = Weights::new(&layers, vec![0.0; layers.parameters() as usize]).unwrap();
    let model = Arc::new(Model::new(far, weights, Vec::new()).unwrap());
    let draw = Draw { count: 1, seed: 0, start_index: 0, temperature: 1.0 };
    let (result, held, _) = peak_of(|| Run::sample(&model, draw, common::FASTEST).map(drop));
    let Err(Error::OutOfMemory { bytes, limit: Some(4_294_967_296) }) = result else { panic!("{result:?}") };
    assert!(bytes > 1 << 33 && held < 4 << 20, "{bytes} bytes, {held} held");
    // All images of a run, counted beyond what any host has.
    let model = model_of(&Config { height: 4096, width: 4096, filters: 2, blocks: 0, ..Config::reference() }, 1).unwrap();
    let draw = Draw { count: u32::MAX as usize, seed: 0, start_index: 0, temperature: 1.0 };
    let error = Run::sample(&model, draw, common::FASTEST).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { bytes, .. } if bytes > 1 << 58), "{error}");
}
