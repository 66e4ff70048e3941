//! The WebAssembly face of the `pixelcnn` crate: convert, call, map errors. No arithmetic.

#![deny(missing_docs)]

mod array;
#[cfg(target_arch = "wasm32")]
mod reserve;

use array::{Float32Array, Float64Array, Levels, Text, Uint8Array, Uint32Array};
use pixelcnn::arithmetic::Either;
use pixelcnn::describe as core_describe;
use pixelcnn::layers::Layers;
use pixelcnn::memory::try_room;
use pixelcnn::mixture as core_mixture;
use pixelcnn::optimize as core_optimize;
use pixelcnn::quantize as core_quantize;
use pixelcnn::rng::{Purpose, SEED_CONTRACT, Words};
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Error, Memory, Method, Model, Skipping, Strategy, format, json, memory, simd};
use std::fmt::Write as _;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static RESERVE: reserve::Reserve = reserve::Reserve::new();

/// What a call leaves behind, unless it has taken the last of the memory, which the next call needs.
fn kept<T>(made: T) -> Result<T, JsValue> {
    // The glue puts it into a box, too, which must not come to lie in the block: more than that would give at a time.
    #[cfg(target_arch = "wasm32")]
    if !RESERVE.is_whole() || memory::headroom(memory::Bytes(2 * reserve::LARGEST as u64)).is_err() {
        drop(made);
        return Err(js_error(Error::OutOfMemory { bytes: size_of::<T>() as u64, limit: None }));
    }
    Ok(made)
}

/// A JS `Error` with the core's sentence as message and its code as `code`.
fn js_error(error: Error) -> JsValue {
    let js: JsValue = JsErrorObject::new(&error.to_string()).into();
    set_code(&js, "code", error.code());
    js
}

#[wasm_bindgen]
extern "C" {
    /// A function that is called with the index of a layer.
    #[wasm_bindgen(typescript_type = "(layer: number) => void")]
    pub type AfterLayer;
    #[wasm_bindgen(method)]
    fn call(this: &AfterLayer, with: &JsValue, layer: u32);

    #[wasm_bindgen(js_name = Error)]
    type JsErrorObject;
    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> JsErrorObject;
    #[wasm_bindgen(js_namespace = Reflect, js_name = set)]
    fn set_code(target: &JsValue, key: &str, value: &str) -> bool;
}

fn invalid(reason: String) -> JsValue {
    js_error(Error::InvalidArgument { reason })
}

/// A JS number that must be an integer in [0, 2^53).
fn integer(name: &str, value: f64) -> Result<u64, JsValue> {
    if (0.0..9_007_199_254_740_992.0).contains(&value) && value.trunc() == value {
        Ok(value as u64)
    } else {
        Err(invalid(format!("{name} must be an integer from 0 to 2^53 - 1, got {value}")))
    }
}

fn small_integer(name: &str, value: f64) -> Result<u32, JsValue> {
    u32::try_from(integer(name, value)?).map_err(|_| invalid(format!("{name} must be below 2^32, got {value}")))
}

/// The bytes that a model, and each run with it, may take; 4 GiB where none are given.
fn memory(limit: Option<f64>) -> Result<Memory, JsValue> {
    limit.map_or(Ok(Memory::default()), |limit| Ok(Memory { limit: integer("memory_limit", limit)? }))
}

/// What follows from a config: layers, tensors, schedule, cost. JSON in, JSON out.
#[wasm_bindgen]
pub fn describe(config_json: &Text) -> Result<String, JsValue> {
    let config = config_json.take("config")?;
    Config::from_json(&config).and_then(|config| core_describe::describe(&config)).map_err(js_error)
}

/// The bytes of a model file. `metadata_json` is an object of strings; `weights` are all tensors in the order of
/// `describe`, logical kernels, one after the other.
#[wasm_bindgen]
pub fn write_model(config_json: &Text, metadata_json: &Text, weights: &Float32Array) -> Result<Uint8Array, JsValue> {
    let (config, metadata) = (config_json.take("config")?, metadata_json.take("metadata")?);
    let weights = weights.take()?;
    let write = || {
        let config = Config::from_json(&config)?;
        let metadata = format::metadata_from_json(&metadata)?;
        let weights = Weights::new(&Layers::try_new(&config)?, weights)?;
        format::write(&config, &metadata, &weights.into())
    };
    Uint8Array::of(&write().map_err(js_error)?)
}

/// The model file with its hidden channels in the order of their activity on images. `images` are levels, whole images; `metadata_json`, an object of strings, is added to the file's own.
#[wasm_bindgen]
pub fn optimize(
    model: &Uint8Array,
    images: &Levels,
    metadata_json: &Text,
    memory_limit: Option<f64>,
) -> Result<Uint8Array, JsValue> {
    convert(model, images, metadata_json, memory_limit, |model, images| core_optimize::optimize(&Arc::new(model), images))
}

/// The model file in integers. `images` are levels, whole images, that show how large activations get, and `labels` their classes;
/// without them a net with classes takes one after the other. `metadata_json`, an object of strings, is added to the file's own.
#[wasm_bindgen]
pub fn quantize(
    model: &Uint8Array,
    images: &Levels,
    metadata_json: &Text,
    memory_limit: Option<f64>,
    labels: Option<Levels>,
) -> Result<Uint8Array, JsValue> {
    let labels = taken(labels)?;
    convert(model, images, metadata_json, memory_limit, |model, images| core_quantize::quantize(&model, images, &labels))
}

fn convert(
    model: &Uint8Array,
    images: &Levels,
    metadata_json: &Text,
    memory_limit: Option<f64>,
    convert: impl FnOnce(Model, &[u16]) -> Result<Model, Error>,
) -> Result<Uint8Array, JsValue> {
    let (memory, metadata) = (memory(memory_limit)?, metadata_json.take("metadata")?);
    let (file, images) = (model.take()?, images.take()?);
    let converted = || {
        let metadata = format::metadata_from_json(&metadata)?;
        convert(Model::from_bytes_within(memory, file)?, &images)?.to_bytes(&metadata)
    };
    Uint8Array::of(&converted().map_err(js_error)?)
}

/// `count` words of Philox4x32-10 for one item of one epoch; purposes: 1 initialise, 2 shuffle, 3 binarise.
#[wasm_bindgen]
pub fn random_words(seed: f64, purpose: u32, epoch: f64, item: f64, count: f64) -> Result<Uint32Array, JsValue> {
    let purpose = match purpose {
        1 => Purpose::Initialise,
        2 => Purpose::Shuffle,
        3 => Purpose::Binarise,
        _ => return Err(invalid(format!("purpose must be 1, 2 or 3, got {purpose}"))),
    };
    let mut words = Words::new(integer("seed", seed)?, purpose, small_integer("epoch", epoch)?, small_integer("item", item)?);
    Uint32Array::of(&words.take(small_integer("count", count)?).map_err(js_error)?)
}

/// The version of how seeds become images: see [`pixelcnn::rng::SEED_CONTRACT`].
#[wasm_bindgen]
pub fn seed_contract() -> u32 {
    SEED_CONTRACT
}

/// What images cost whose class is not known: of -ln p(x | y), `[classes, images]`, -ln p(x) and then each p(y | x), `[images,
/// 1 + classes]`.
#[wasm_bindgen]
pub fn mixture(nats: &Float64Array, classes: f64) -> Result<Float64Array, JsValue> {
    let (nats, classes) = (nats.take()?, small_integer("classes", classes)? as usize);
    if classes == 0 || nats.len() % classes != 0 {
        return Err(invalid(format!("nats must be as many of each of at least one class, got {} of {classes}", nats.len())));
    }
    Float64Array::of(&core_mixture::mixture(&nats, classes).map_err(js_error)?)
}

/// `simd128`, or `scalar` where the build lost its flag.
#[wasm_bindgen]
pub fn simd_backend() -> String {
    simd::BACKEND.into()
}

/// A model, ready to run.
#[wasm_bindgen]
pub struct Sampler {
    model: Arc<Model>,
}

#[wasm_bindgen]
impl Sampler {
    /// Reads a model file. The model, and each run with it, may take `memory_limit` bytes; 4 GiB where none are given. Of these `rows`
    /// at most are for rows that are remembered; as many as the core thinks best where none are given.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &Uint8Array, memory_limit: Option<f64>, rows: Option<f64>) -> Result<Sampler, JsValue> {
        let memory = memory(memory_limit)?;
        let rows = rows.map(|rows| integer("rows", rows)).transpose()?;
        let mut model = Model::from_bytes_within(memory, model.take()?).map_err(js_error)?;
        model.rows = rows;
        kept(Sampler { model: Arc::new(model) })
    }

    /// The config, as JSON.
    pub fn config(&self) -> String {
        self.model.config.to_json()
    }

    /// The file's metadata, as JSON.
    pub fn metadata(&self) -> Result<String, JsValue> {
        let json = memory::Text::written(|to| {
            to.write_str("{")?;
            for (number, (key, value)) in self.model.metadata.iter().enumerate() {
                to.write_str(if number > 0 { "," } else { "" })?;
                json::write_quoted(to, key)?;
                to.write_str(":")?;
                json::write_quoted(to, value)?;
            }
            to.write_str("}")
        });
        json.map_err(js_error)
    }

    /// What follows from the config, as JSON.
    pub fn describe(&self) -> Result<String, JsValue> {
        core_describe::describe(&self.model.config).map_err(js_error)
    }

    /// All tensors in the order of `describe`, logical kernels, one after the other; only in f32.
    pub fn weights(&self) -> Result<Float32Array, JsValue> {
        match self.model.weights() {
            Either::F32(weights) => Float32Array::of(weights.values()),
            Either::Int8(_) => Err(invalid("weights are to be had of a model of precision f32, got one of int8".into())),
        }
    }

    /// Starts drawing images. `skipping` is `none`, `rows` or `all`, the default. `labels` are the classes of images, one for
    /// each, in a net with classes; `given` are the levels of one image for all, or of each, 65535 where one is to be drawn.
    #[allow(clippy::too_many_arguments, reason = "JavaScript passes numbers and arrays, and makes no structs")]
    pub fn sample(
        &self,
        count: f64,
        seed: f64,
        start_index: f64,
        temperature: f64,
        method: &str,
        skipping: Option<String>,
        labels: Option<Levels>,
        given: Option<Levels>,
    ) -> Result<Run, JsValue> {
        let count = small_integer("count", count)? as usize;
        let (seed, start_index) = (integer("seed", seed)?, integer("start_index", start_index)?);
        let draw = Draw { count, seed, start_index, temperature };
        let conditions = Conditions { labels: taken(labels)?, given: taken(given)? };
        let run = pixelcnn::Run::sample_under(&self.model, draw, conditions, strategy(method, skipping)?);
        kept(Run(run.map_err(js_error)?))
    }

    /// Starts a walk over given images, of these classes in a net with classes.
    pub fn score(&self, pixels: &Levels, method: &str, skipping: Option<String>, labels: Option<Levels>) -> Result<Run, JsValue> {
        let strategy = strategy(method, skipping)?;
        let run = pixelcnn::Run::score_under(&self.model, pixels.take()?, taken(labels)?, strategy);
        kept(Run(run.map_err(js_error)?))
    }
}

/// What may not be given.
fn taken(array: Option<Levels>) -> Result<Vec<u16>, JsValue> {
    array.map_or(Ok(Vec::new()), |array| array.take())
}

fn strategy(method: &str, skipping: Option<String>) -> Result<Strategy, JsValue> {
    let parse = || {
        Ok(Strategy {
            method: Method::from_name(method)?,
            skipping: skipping.map_or(Ok(Skipping::All), |name| Skipping::from_name(&name))?,
        })
    };
    parse().map_err(js_error)
}

/// One walk over some images.
#[wasm_bindgen]
pub struct Run(pixelcnn::Run);

#[wasm_bindgen]
impl Run {
    /// Computes the next front; how many pixels it held, 0 once all is done.
    pub fn step(&mut self) -> Result<usize, JsValue> {
        self.0.step().map_err(js_error)
    }

    /// As `step`; calls `after` with the index of each layer once it is computed. For profiles: the caller has the clock.
    pub fn step_layers(&mut self, after: &AfterLayer) -> Result<usize, JsValue> {
        self.0.step_watched(&mut |layer| after.call(&JsValue::UNDEFINED, layer as u32)).map_err(js_error)
    }

    /// Runs to the end.
    pub fn finish(&mut self) -> Result<(), JsValue> {
        self.0.finish().map_err(js_error)
    }

    /// The last front: image (from 0 within the run), pixel (raster index), value, one after the other.
    pub fn front(&self) -> Result<Uint32Array, JsValue> {
        let mut front = try_room(3 * self.0.front().len()).map_err(js_error)?;
        front.extend(self.0.front().iter().flat_map(|p| [p.image as u32, p.pixel as u32, u32::from(p.value)]));
        Uint32Array::of(&front)
    }

    /// The logits of the last front, pixel by pixel.
    pub fn front_logits(&self) -> Result<Float32Array, JsValue> {
        Float32Array::of(self.0.front_logits())
    }

    /// All pixels as levels.
    pub fn pixels(&self) -> Result<Levels, JsValue> {
        Levels::of(self.0.pixels(), self.0.levels())
    }

    /// What each pixel cost, in nats at temperature 1.
    pub fn nats(&self) -> Result<Float32Array, JsValue> {
        Float32Array::of(self.0.nats())
    }

    /// All logits of given images; empty for drawn ones.
    pub fn logits(&self) -> Result<Float32Array, JsValue> {
        Float32Array::of(self.0.logits().unwrap_or_default())
    }

    /// Multiply-adds issued so far.
    pub fn macs(&self) -> f64 {
        self.0.macs() as f64
    }

    /// Multiply-adds issued so far by each layer.
    pub fn layer_macs(&self) -> Result<Float64Array, JsValue> {
        Float64Array::of(&self.0.layer_macs().iter().map(|&macs| macs as f64).collect::<Vec<_>>())
    }

    /// Bytes of activations kept for its images, and the most that rows take which are remembered.
    pub fn state_bytes(&self) -> Result<Float64Array, JsValue> {
        let (images, rows) = self.0.state_bytes();
        Float64Array::of(&[images as f64, rows as f64])
    }

    /// Rows of each layer that were met, that were new, and that were kept apart, `[layer, 3]`; 0 for a layer whose rows follow from
    /// another's.
    pub fn layer_rows(&self) -> Result<Float64Array, JsValue> {
        let rows = self.0.layer_rows();
        Float64Array::of(&rows.iter().flat_map(|rows| [rows.met, rows.new, rows.apart].map(|n| n as f64)).collect::<Vec<_>>())
    }
}
