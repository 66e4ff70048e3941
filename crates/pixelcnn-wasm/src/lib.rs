//! The WebAssembly face of the `pixelcnn` crate: convert, call, map errors. No arithmetic.
//!
//! Only numbers cross it, so that what JavaScript needs besides is a few lines (`ts/instance.ts`). Arrays and text lie in memory: what
//! a call takes is written into rooms that were asked for before it (`give_bytes` and so on), what it makes lies at `made` until the
//! next call. Models and walks are told by number. A call that fails has made its error's code and sentence, as text, and returns their
//! length below zero.

#![deny(missing_docs)]

mod foreign;
#[cfg(target_arch = "wasm32")]
mod reserve;

use pixelcnn::arithmetic::Either;
use pixelcnn::decimal::Decimal;
use pixelcnn::describe as core_describe;
use pixelcnn::format::MAX_HEADER;
use pixelcnn::layers::Layers;
use pixelcnn::memory::{try_room, try_zeroed};
use pixelcnn::mixture as core_mixture;
use pixelcnn::optimize as core_optimize;
use pixelcnn::quantize as core_quantize;
use pixelcnn::rng::{Purpose, SEED_CONTRACT, Words};
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Error, Memory, Method, Model, Run, Skipping, Strategy, format, json, memory, simd};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static RESERVE: reserve::Reserve = reserve::Reserve::new();

/// All that there is between two calls.
#[derive(Default)]
struct Face {
    models: Vec<Option<Arc<Model>>>,
    runs: Vec<Option<Run>>,
    given: Given,
    made: Made,
    /// Where what was made lies.
    at: usize,
}

thread_local! {
    static FACE: RefCell<Face> = RefCell::default();
}

/// What the next call takes, the first first.
#[derive(Default)]
struct Given {
    bytes: Vec<Vec<u8>>,
    levels: Vec<Vec<u16>>,
    floats: Vec<Vec<f32>>,
    doubles: Vec<Vec<f64>>,
}

/// The next of a list; empty where none was given.
fn next<T>(list: &mut Vec<Vec<T>>) -> Vec<T> {
    if list.is_empty() { Vec::new() } else { list.remove(0) }
}

impl Given {
    /// The next bytes as text. `name` is what it is called where it is too long for anything that has a use for it.
    fn text(&mut self, name: &str) -> Result<String, Refusal> {
        let bytes = next(&mut self.bytes);
        if bytes.len() > MAX_HEADER {
            return Err(invalid(format!("{name} must be at most {MAX_HEADER} long, got {}", bytes.len())));
        }
        String::from_utf8(bytes).map_err(|_| invalid(format!("{name} must be a text")))
    }
}

/// What a call made and nothing else holds.
#[derive(Default)]
enum Made {
    #[default]
    Nothing,
    Bytes(Vec<u8>),
    Words(Vec<u32>),
    Doubles(Vec<f64>),
}

/// What a call returns: a number, or the length of what it has made.
enum Answer {
    Number(f64),
    Made(Made),
    /// Of something that is held.
    Lies(usize, usize),
}

fn lies<T>(values: &[T]) -> Result<Answer, Refusal> {
    Ok(Answer::Lies(values.as_ptr() as usize, values.len()))
}

fn text(text: String) -> Result<Answer, Refusal> {
    Ok(Answer::Made(Made::Bytes(text.into_bytes())))
}

/// An error's code, and its sentence.
struct Refusal(&'static str, String);

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal(error.code(), error.to_string())
    }
}

fn invalid(reason: String) -> Refusal {
    Error::InvalidArgument { reason }.into()
}

/// Every call: with what it is given, and without what the one before made.
fn answer(call: impl FnOnce(&mut Face, Given) -> Result<Answer, Refusal>) -> f64 {
    FACE.with_borrow_mut(|face| {
        let given = face.begin();
        let answer = call(face, given);
        face.put(answer)
    })
}

impl Face {
    #[inline(never)]
    fn begin(&mut self) -> Given {
        self.made = Made::Nothing;
        std::mem::take(&mut self.given)
    }

    #[inline(never)]
    fn put(&mut self, answer: Result<Answer, Refusal>) -> f64 {
        let (made, failed) = match answer {
            Ok(Answer::Number(number)) => return number,
            Ok(Answer::Lies(at, length)) => {
                self.at = at;
                return length as f64;
            }
            Ok(Answer::Made(made)) => (made, false),
            Err(Refusal(code, sentence)) => (Made::Bytes(format!("{code} {sentence}").into_bytes()), true),
        };
        let length;
        (self.at, length) = match &made {
            Made::Nothing => (0, 0),
            Made::Bytes(values) => (values.as_ptr() as usize, values.len()),
            Made::Words(values) => (values.as_ptr() as usize, values.len()),
            Made::Doubles(values) => (values.as_ptr() as usize, values.len()),
        };
        self.made = made;
        if failed { -(length as f64) } else { length as f64 }
    }

    fn model(&self, model: usize) -> &Arc<Model> {
        self.models[model].as_ref().expect(IN_USE)
    }

    fn run(&mut self, run: usize) -> &mut Run {
        self.runs[run].as_mut().expect(IN_USE)
    }
}

const IN_USE: &str = "what a call is about is in use";

/// What a call leaves behind, unless it has taken the last of the memory, which the next call needs.
fn keep<T>(all: &mut Vec<Option<T>>, made: T) -> Result<Answer, Refusal> {
    // The list must not come to lie in the block: more than that would give at a time.
    #[cfg(target_arch = "wasm32")]
    if !RESERVE.is_whole() || memory::headroom(memory::Bytes(2 * reserve::LARGEST as u64)).is_err() {
        drop(made);
        return Err(Error::OutOfMemory { bytes: size_of::<T>() as u64, limit: None }.into());
    }
    let place = all.iter().position(Option::is_none).unwrap_or(all.len());
    if place == all.len() {
        all.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes: size_of::<T>() as u64, limit: None })?;
        all.push(None);
    }
    all[place] = Some(made);
    Ok(Answer::Number(place as f64))
}

/// A JS number that must be an integer in [0, 2^53).
fn integer(name: &str, value: f64) -> Result<u64, Refusal> {
    if (0.0..9_007_199_254_740_992.0).contains(&value) && value.trunc() == value {
        Ok(value as u64)
    } else {
        Err(invalid(format!("{name} must be an integer from 0 to 2^53 - 1, got {}", Decimal::from(value))))
    }
}

fn small_integer(name: &str, value: f64) -> Result<u32, Refusal> {
    u32::try_from(integer(name, value)?).map_err(|_| invalid(format!("{name} must be below 2^32, got {}", Decimal::from(value))))
}

/// An integer that may be left out, as NaN.
fn optional(name: &str, value: f64) -> Result<Option<u64>, Refusal> {
    if value.is_nan() { Ok(None) } else { integer(name, value).map(Some) }
}

/// The bytes that a model, and each run with it, may take; 4 GiB where none are given.
fn memory(limit: f64) -> Result<Memory, Refusal> {
    Ok(optional("memory_limit", limit)?.map_or(Memory::default(), |limit| Memory { limit }))
}

/// Room for what the next call takes: its address.
fn give<T: Copy + Default>(length: f64, list: impl FnOnce(&mut Given) -> &mut Vec<Vec<T>>) -> f64 {
    answer(|face, given| {
        let none = |_| Error::OutOfMemory { bytes: length as u64 * size_of::<T>() as u64, limit: None };
        let room = try_zeroed(u32::try_from(length as u64).map_err(none)? as usize)?;
        let at = room.as_ptr() as usize;
        face.given = given;
        list(&mut face.given).push(room);
        Ok(Answer::Number(at as f64))
    })
}

/// Room for so many bytes that the next call takes.
#[wasm_bindgen]
pub fn give_bytes(length: f64) -> f64 {
    give(length, |given| &mut given.bytes)
}

/// The same for levels or classes, numbers of 16 bits.
#[wasm_bindgen]
pub fn give_levels(length: f64) -> f64 {
    give(length, |given| &mut given.levels)
}

/// The same for numbers of f32.
#[wasm_bindgen]
pub fn give_floats(length: f64) -> f64 {
    give(length, |given| &mut given.floats)
}

/// The same for numbers of f64.
#[wasm_bindgen]
pub fn give_doubles(length: f64) -> f64 {
    give(length, |given| &mut given.doubles)
}

/// Where what the last call made lies.
#[wasm_bindgen]
pub fn made() -> f64 {
    FACE.with_borrow(|face| face.at as f64)
}

/// What follows from a config: layers, tensors, schedule, cost. JSON in, JSON out.
#[wasm_bindgen]
pub fn describe() -> f64 {
    answer(|_, mut given| {
        let config = Config::from_json(&given.text("config")?)?;
        text(core_describe::describe(&config)?)
    })
}

/// The bytes of a model file. Takes the config as JSON, metadata as a JSON object of strings, and in f32 all tensors in the order of
/// `describe`, logical kernels, one after the other.
#[wasm_bindgen]
pub fn write_model() -> f64 {
    answer(|_, mut given| {
        let (config, metadata) = (given.text("config")?, given.text("metadata")?);
        let config = Config::from_json(&config)?;
        let metadata = format::metadata_from_json(&metadata)?;
        let weights = Weights::new(&Layers::try_new(&config)?, next(&mut given.floats))?;
        Ok(Answer::Made(Made::Bytes(format::write(&config, &metadata, &weights.into())?)))
    })
}

/// The model file with its hidden channels in the order of their activity on images. Takes the file, levels of whole images, and a JSON
/// object of strings, which is added to the file's own metadata. Levels after the images are their classes: without, a net with
/// classes takes one after the other.
#[wasm_bindgen]
pub fn optimize(memory_limit: f64) -> f64 {
    convert(memory_limit, |model, given| {
        let (images, labels) = (next(&mut given.levels), next(&mut given.levels));
        core_optimize::optimize(&Arc::new(model), &images, &labels)
    })
}

/// The model file in integers. Takes the same; the images show how large activations get.
#[wasm_bindgen]
pub fn quantize(memory_limit: f64) -> f64 {
    convert(memory_limit, |model, given| {
        let (images, labels) = (next(&mut given.levels), next(&mut given.levels));
        core_quantize::quantize(&model, &images, &labels)
    })
}

fn convert(memory_limit: f64, convert: impl FnOnce(Model, &mut Given) -> Result<Model, Error>) -> f64 {
    answer(|_, mut given| {
        let (memory, file) = (memory(memory_limit)?, next(&mut given.bytes));
        let metadata = format::metadata_from_json(&given.text("metadata")?)?;
        let converted = convert(Model::from_bytes_within(memory, file)?, &mut given)?;
        Ok(Answer::Made(Made::Bytes(converted.to_bytes(&metadata)?)))
    })
}

/// What bytes are that are no model file, by their beginning; nothing where it says nothing.
#[wasm_bindgen]
pub fn foreign_format() -> f64 {
    answer(|_, mut given| {
        let found = foreign::foreign(&next(&mut given.bytes));
        text(found.map_or(String::new(), |(what, _)| what.into()))
    })
}

/// `count` words of Philox4x32-10 for one item of one epoch; purposes: 1 initialise, 2 shuffle, 3 binarise.
#[wasm_bindgen]
pub fn random_words(seed: f64, purpose: f64, epoch: f64, item: f64, count: f64) -> f64 {
    answer(|_, _| {
        let purpose = match purpose {
            1.0 => Purpose::Initialise,
            2.0 => Purpose::Shuffle,
            3.0 => Purpose::Binarise,
            _ => return Err(invalid(format!("purpose must be 1, 2 or 3, got {}", Decimal::from(purpose)))),
        };
        let (epoch, item) = (small_integer("epoch", epoch)?, small_integer("item", item)?);
        let mut words = Words::new(integer("seed", seed)?, purpose, epoch, item);
        Ok(Answer::Made(Made::Words(words.take(small_integer("count", count)?)?)))
    })
}

/// The version of how seeds become images: see [`pixelcnn::rng::SEED_CONTRACT`].
#[wasm_bindgen]
pub fn seed_contract() -> f64 {
    SEED_CONTRACT.into()
}

/// What images cost whose class is not known. Takes -ln p(x | y) in f64, `[classes, images]`; makes -ln p(x) and then each p(y | x),
/// `[images, 1 + classes]`.
#[wasm_bindgen]
pub fn mixture(classes: f64) -> f64 {
    answer(|_, mut given| {
        let (nats, classes) = (next(&mut given.doubles), small_integer("classes", classes)? as usize);
        if classes == 0 || nats.len() % classes != 0 {
            let got = format!("got {} of {classes}", nats.len());
            return Err(invalid(format!("nats must be as many of each of at least one class, {got}")));
        }
        Ok(Answer::Made(Made::Doubles(core_mixture::mixture(&nats, classes)?)))
    })
}

/// `simd128`, `relaxed`, or `relaxed, by fours` where the host multiplies and adds four bytes at once; `scalar` where the build lost its
/// flag.
#[wasm_bindgen]
pub fn simd_backend() -> f64 {
    answer(|_, _| text(simd::backend_in_use().into()))
}

/// From now on models of integers are multiplied as a host that has, or has not, an instruction for four products would: for tests of both,
/// on any chip.
#[wasm_bindgen]
pub fn add_by_fours(fours: bool) {
    simd::small::add_by_fours(fours);
}

/// A model, of a file that is given: its number. The model, and each run with it, may take `memory_limit` bytes; 4 GiB where that is
/// NaN. Of these `rows` at most are for rows that are remembered; as many as the core thinks best where that is NaN.
#[wasm_bindgen]
pub fn sampler_new(memory_limit: f64, rows: f64) -> f64 {
    answer(|face, mut given| {
        let (memory, rows) = (memory(memory_limit)?, optional("rows", rows)?);
        let file = next(&mut given.bytes);
        let foreign = foreign::foreign(&file);
        let model = Model::from_bytes_within(memory, file);
        let mut model = model.map_err(|error| {
            let (code, sentence) = foreign::refusal(&error, foreign);
            Refusal(code, sentence)
        })?;
        model.rows = rows;
        keep(&mut face.models, Arc::new(model))
    })
}

/// Ends a model. Its runs go on.
#[wasm_bindgen]
pub fn sampler_free(model: usize) {
    FACE.with_borrow_mut(|face| face.models[model] = None);
}

/// The config, as JSON.
#[wasm_bindgen]
pub fn sampler_config(model: usize) -> f64 {
    answer(|face, _| text(face.model(model).config.to_json()))
}

/// The file's metadata, as JSON.
#[wasm_bindgen]
pub fn sampler_metadata(model: usize) -> f64 {
    answer(|face, _| {
        text(memory::Text::written(|to| {
            to.write_str("{")?;
            for (number, (key, value)) in face.model(model).metadata.iter().enumerate() {
                to.write_str(if number > 0 { "," } else { "" })?;
                json::write_quoted(to, key)?;
                to.write_str(":")?;
                json::write_quoted(to, value)?;
            }
            to.write_str("}")
        })?)
    })
}

/// What follows from the config, as JSON.
#[wasm_bindgen]
pub fn sampler_describe(model: usize) -> f64 {
    answer(|face, _| text(core_describe::describe(&face.model(model).config)?))
}

/// All tensors in the order of `describe`, logical kernels, one after the other; only in f32.
#[wasm_bindgen]
pub fn sampler_weights(model: usize) -> f64 {
    answer(|face, _| match face.model(model).weights() {
        Either::F32(weights) => lies(weights.values()),
        Either::Int8(_) => Err(invalid("weights are to be had of a model of precision f32, got one of int8".into())),
    })
}

/// Starts drawing images: the run's number. `method` and `skipping` are places in the lists of their names. Takes classes of images,
/// one for each, in a net with classes, and levels of one image for all or of each, 65535 where one is to be drawn; either may be empty.
#[allow(clippy::too_many_arguments, reason = "JavaScript passes numbers")]
#[wasm_bindgen]
pub fn sampler_sample(
    model: usize,
    count: f64,
    seed: f64,
    start_index: f64,
    temperature: f64,
    method: usize,
    skipping: usize,
) -> f64 {
    answer(|face, mut given| {
        let count = small_integer("count", count)? as usize;
        let (seed, start_index) = (integer("seed", seed)?, integer("start_index", start_index)?);
        let draw = Draw { count, seed, start_index, temperature };
        let conditions = Conditions { labels: next(&mut given.levels), given: next(&mut given.levels) };
        let run = Run::sample_under(face.model(model), draw, conditions, strategy(method, skipping))?;
        keep(&mut face.runs, run)
    })
}

/// Starts a walk over images: its number. Takes their levels, and their classes in a net with classes.
#[wasm_bindgen]
pub fn sampler_score(model: usize, method: usize, skipping: usize) -> f64 {
    answer(|face, mut given| {
        let (levels, labels) = (next(&mut given.levels), next(&mut given.levels));
        let run = Run::score_under(face.model(model), levels, labels, strategy(method, skipping))?;
        keep(&mut face.runs, run)
    })
}

fn strategy(method: usize, skipping: usize) -> Strategy {
    Strategy { method: Method::ALL[method].1, skipping: Skipping::ALL[skipping].1 }
}

/// Ends a run.
#[wasm_bindgen]
pub fn run_free(run: usize) {
    FACE.with_borrow_mut(|face| face.runs[run] = None);
}

/// Computes the next front; how many pixels it held, 0 once all is done.
#[wasm_bindgen]
pub fn run_step(run: usize) -> f64 {
    answer(|face, _| Ok(Answer::Number(face.run(run).step()? as f64)))
}

/// As `run_step`; calls `after_layer` with the index of each layer once it is computed. For profiles: the caller has the clock.
#[wasm_bindgen]
pub fn run_step_layers(run: usize) -> f64 {
    answer(|face, _| Ok(Answer::Number(face.run(run).step_watched(&mut |layer| after_layer(layer as u32))? as f64)))
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "an import")]
#[link(wasm_import_module = "host")]
unsafe extern "C" {
    safe fn after_layer(layer: u32);
}

#[cfg(not(target_arch = "wasm32"))]
fn after_layer(_: u32) {}

/// Runs to the end.
#[wasm_bindgen]
pub fn run_finish(run: usize) -> f64 {
    answer(|face, _| {
        face.run(run).finish()?;
        Ok(Answer::Number(0.0))
    })
}

/// The last front: image (from 0 within the run), pixel (raster index), value, one after the other.
#[wasm_bindgen]
pub fn run_front(run: usize) -> f64 {
    answer(|face, _| {
        let run = face.run(run);
        let mut front = try_room(3 * run.front().len())?;
        front.extend(run.front().iter().flat_map(|p| [p.image as u32, p.pixel as u32, u32::from(p.value)]));
        Ok(Answer::Made(Made::Words(front)))
    })
}

/// The logits of the last front in f32, pixel by pixel.
#[wasm_bindgen]
pub fn run_front_logits(run: usize) -> f64 {
    answer(|face, _| lies(face.run(run).front_logits()))
}

/// All pixels as levels of 16 bits.
#[wasm_bindgen]
pub fn run_pixels(run: usize) -> f64 {
    answer(|face, _| lies(face.run(run).pixels()))
}

/// What each pixel cost in f32, in nats at temperature 1.
#[wasm_bindgen]
pub fn run_nats(run: usize) -> f64 {
    answer(|face, _| lies(face.run(run).nats()))
}

/// All logits of given images in f32; empty for drawn ones.
#[wasm_bindgen]
pub fn run_logits(run: usize) -> f64 {
    answer(|face, _| lies(face.run(run).logits().unwrap_or_default()))
}

/// Multiply-adds issued so far.
#[wasm_bindgen]
pub fn run_macs(run: usize) -> f64 {
    answer(|face, _| Ok(Answer::Number(face.run(run).macs() as f64)))
}

/// Multiply-adds issued so far by each layer, in f64.
#[wasm_bindgen]
pub fn run_layer_macs(run: usize) -> f64 {
    doubles(run, |run| run.layer_macs().into_iter().map(|macs| macs as f64).collect())
}

/// Bytes of activations kept for its images, and the most that rows take which are remembered, in f64.
#[wasm_bindgen]
pub fn run_state_bytes(run: usize) -> f64 {
    doubles(run, |run| <[u64; 2]>::from(run.state_bytes()).map(|bytes| bytes as f64).to_vec())
}

/// Rows of each layer that were met, that were new, and that were kept apart, `[layer, 3]` in f64; 0 for a layer whose rows follow from
/// another's.
#[wasm_bindgen]
pub fn run_layer_rows(run: usize) -> f64 {
    doubles(run, |run| run.layer_rows().iter().flat_map(|rows| [rows.met, rows.new, rows.apart].map(|n| n as f64)).collect())
}

fn doubles(run: usize, of: impl FnOnce(&mut Run) -> Vec<f64>) -> f64 {
    answer(|face, _| Ok(Answer::Made(Made::Doubles(of(face.run(run))))))
}
