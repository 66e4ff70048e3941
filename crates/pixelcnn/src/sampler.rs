//! The sampler: a walk over fronts of pixels whose inputs are all known.
//!
//! Each step computes the logits of one front, then gives each of its pixels a value, drawn or given. Methods differ in
//! what a front is and what is recomputed for it; they give the same bits, of every logit.

use crate::cache::{Cache, Keep};
use crate::distribution;
use crate::error::{try_zeroed, Error};
use crate::model::Model;
use crate::reference;
use crate::rng;
use crate::schedule::Schedule;
use std::ops::Range;
use std::sync::Arc;

/// Images of a run that are computed in step: enough to fill the tiles, few enough for their caches to stay near.
const GROUP: usize = 16;

/// How a run goes over the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All pixels whose inputs are known, at once, with kept activations: the fastest.
    Wavefront,
    /// One pixel at a time in raster order, with kept activations.
    Cached,
    /// The whole image again for each pixel with the same kernels, keeping nothing: what everybody does, as a baseline.
    /// Given pixels are all known, so that the whole image is computed just once.
    Naive,
    /// As naive, by the plain loops of [`mod@reference`]. The oracle; very slow.
    Reference,
}

impl Method {
    /// Every method, by its public name.
    pub const ALL: [(&'static str, Method); 4] = [
        ("wavefront", Method::Wavefront),
        ("cached", Method::Cached),
        ("naive", Method::Naive),
        ("reference", Method::Reference),
    ];

    /// The method of that name.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn from_name(name: &str) -> Result<Method, Error> {
        let found = Method::ALL.iter().find(|m| m.0 == name).map(|m| m.1);
        found.ok_or_else(|| {
            let names: Vec<&str> = Method::ALL.iter().map(|m| m.0).collect();
            Error::InvalidArgument { reason: format!("method must be one of {}, got `{name}`", names.join(", ")) }
        })
    }
}

/// Where the values of pixels come from.
#[derive(Clone, Debug)]
enum Values {
    Drawn { seed: u64, temperature: f64 },
    Given,
}

/// A pixel that got its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// Image, counted from 0 within the run.
    pub image: usize,
    /// Raster index within the image.
    pub pixel: usize,
    /// Its level.
    pub value: u8,
}

/// One walk over some images. Owns all its state; any number may be under way on one model.
#[derive(Clone, Debug)]
pub struct Run {
    model: Arc<Model>,
    values: Values,
    start_index: u64,
    count: usize,
    pixels: Vec<u8>,          // (image, row, column)
    nats: Vec<f32>,           // likewise
    logits: Option<Vec<f32>>, // likewise
    engine: Engine,
    step: usize,         // of the group under way
    group: Range<usize>, // images in step
    front: Vec<Pixel>,
    front_logits: Vec<f32>,
}

impl Run {
    /// Draws `count` images. Image `i` depends on (model, seed, `start_index + i`, temperature) and on nothing else.
    ///
    /// The seed is below 2^53, the temperature finite and at least 0, which is argmax.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::OutOfMemory`].
    pub fn sample(
        model: &Arc<Model>,
        count: usize,
        seed: u64,
        start_index: u64,
        temperature: f64,
        method: Method,
    ) -> Result<Run, Error> {
        let invalid = |reason: String| Err(Error::InvalidArgument { reason });
        if !(temperature >= 0.0 && temperature.is_finite()) {
            return invalid(format!("temperature must be a finite number of at least 0, got {temperature}"));
        }
        if start_index.checked_add(count as u64).is_none() {
            return invalid(format!("start_index plus count must fit in 64 bits, got {start_index} + {count}"));
        }
        let bytes = (count as u64).saturating_mul(model.config.pixels() as u64);
        let pixels = try_zeroed(usize::try_from(bytes).map_err(|_| Error::OutOfMemory { bytes })?)?;
        Run::new(model, pixels, Values::Drawn { seed, temperature }, start_index, false, method)
    }

    /// Walks over given images, `[count, height, width]` of levels, and keeps their logits.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the pixels are not whole images or not levels; [`Error::OutOfMemory`].
    pub fn score(model: &Arc<Model>, pixels: Vec<u8>, method: Method) -> Result<Run, Error> {
        let (size, levels) = (model.config.pixels(), model.config.levels);
        if pixels.is_empty() || pixels.len() % size != 0 {
            let reason = format!("images must hold a whole number of images of {size} pixels, got {} values", pixels.len());
            return Err(Error::InvalidArgument { reason });
        }
        if let Some(at) = pixels.iter().position(|&p| usize::from(p) >= levels) {
            let reason = format!("images must hold levels from 0 to {}, got {} at index {at}", levels - 1, pixels[at]);
            return Err(Error::InvalidArgument { reason });
        }
        Run::new(model, pixels, Values::Given, 0, true, method)
    }

    fn new(
        model: &Arc<Model>,
        pixels: Vec<u8>,
        values: Values,
        start_index: u64,
        keep: bool,
        method: Method,
    ) -> Result<Run, Error> {
        let count = pixels.len() / model.config.pixels();
        if count == 0 {
            return Err(Error::InvalidArgument { reason: "count must be at least 1, got 0".into() });
        }
        let incremental = |schedule: Schedule| {
            let cache = Cache::new(&model.layers, model.config.channels, &schedule, count.min(GROUP), Keep::Needed)?;
            Ok(Engine::Incremental { schedule, cache })
        };
        let engine = match method {
            Method::Wavefront => incremental(model.wavefront())?,
            Method::Cached => incremental(model.raster())?,
            Method::Naive => {
                let schedule = model.raster();
                let cache = Cache::new(&model.layers, model.config.channels, &schedule, 1, Keep::All)?;
                Engine::Whole(Whole::Kernels { schedule, cache })
            }
            Method::Reference => Engine::Whole(Whole::Reference { logits: Vec::new() }),
        };
        let logits = if keep { Some(try_zeroed(pixels.len())?) } else { None };
        let nats = try_zeroed(pixels.len())?;
        let group = 0..engine.group().min(count);
        let (front, front_logits) = (Vec::new(), Vec::new());
        let model = Arc::clone(model);
        Ok(Run { model, values, start_index, count, pixels, nats, logits, engine, step: 0, group, front, front_logits })
    }

    /// Computes the next front; returns how many pixels it held, 0 once all images are done.
    ///
    /// # Errors
    /// [`Error::NonFiniteLogit`]; [`Error::OutOfMemory`] when the last, smaller group starts.
    pub fn step(&mut self) -> Result<usize, Error> {
        self.front.clear();
        self.front_logits.clear();
        // A step may hold no pixel (on images narrower than the slope, or while leading layers start).
        while self.front.is_empty() && self.group.start < self.count {
            let given = matches!(self.values, Values::Given);
            self.engine.compute(
                &self.model,
                self.step,
                given,
                &self.pixels,
                self.group.clone(),
                &mut self.front,
                &mut self.front_logits,
            );
            for (place, &logit) in self.front.iter_mut().zip(&self.front_logits) {
                let image = self.start_index + place.image as u64;
                if !logit.is_finite() {
                    return Err(Error::NonFiniteLogit { image, pixel: place.pixel });
                }
                let at = place.image * self.model.config.pixels() + place.pixel;
                if let Values::Drawn { seed, temperature } = self.values {
                    let u = rng::pixel_uniform(seed, image, place.pixel as u32, 0);
                    self.pixels[at] = distribution::draw(logit, temperature, u);
                }
                place.value = self.pixels[at];
                self.nats[at] = distribution::nats(logit, place.value) as f32;
                if let Some(logits) = &mut self.logits {
                    logits[at] = logit;
                }
                self.engine.put(&self.model, place, self.group.start);
            }
            self.step += 1;
            if self.step == self.engine.steps(&self.model, given) {
                self.next_group()?;
            }
        }
        Ok(self.front.len())
    }

    fn next_group(&mut self) -> Result<(), Error> {
        let size = self.group.len();
        let start = self.group.end;
        self.group = start..self.count.min(start + size);
        self.step = 0;
        if let Engine::Incremental { schedule, cache } = &mut self.engine {
            if !self.group.is_empty() && self.group.len() < size {
                *cache = Cache::new(&self.model.layers, self.model.config.channels, schedule, self.group.len(), Keep::Needed)?;
            }
        }
        Ok(())
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// Those of [`Run::step`].
    pub fn finish(&mut self) -> Result<(), Error> {
        while self.step()? > 0 {}
        Ok(())
    }

    /// The pixels of the last step, in no promised order.
    pub fn front(&self) -> &[Pixel] {
        &self.front
    }

    /// Their logits, in the same order.
    pub fn front_logits(&self) -> &[f32] {
        &self.front_logits
    }

    /// All pixels as levels, `[count, height, width]`; 0 where none is drawn yet.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// What each pixel cost: -ln p(value) in nats under the model at temperature 1, `[count, height, width]`.
    pub fn nats(&self) -> &[f32] {
        &self.nats
    }

    /// All logits, `[count, height, width]`; `None` for drawn images, whose logits are those of each front.
    pub fn logits(&self) -> Option<&[f32]> {
        self.logits.as_deref()
    }

    /// Bytes of activations kept.
    pub fn state_bytes(&self) -> usize {
        match &self.engine {
            Engine::Incremental { cache, .. } | Engine::Whole(Whole::Kernels { cache, .. }) => cache.bytes(),
            Engine::Whole(Whole::Reference { .. }) => 0,
        }
    }
}

/// What computes the logits of a front.
#[derive(Clone, Debug)]
enum Engine {
    /// Only what is new at this step.
    Incremental { schedule: Schedule, cache: Cache },
    /// The whole image, from its pixels, at every step: one pixel a step, or all in one when they are given.
    Whole(Whole),
}

#[derive(Clone, Debug)]
enum Whole {
    Kernels { schedule: Schedule, cache: Cache },
    Reference { logits: Vec<f32> },
}

impl Engine {
    /// Images computed in step.
    fn group(&self) -> usize {
        match self {
            Engine::Incremental { .. } => GROUP,
            Engine::Whole(_) => 1,
        }
    }

    fn steps(&self, model: &Model, given: bool) -> usize {
        match self {
            Engine::Incremental { schedule, .. } => schedule.steps(),
            Engine::Whole(_) if given => 1,
            Engine::Whole(_) => model.config.pixels(),
        }
    }

    /// Computes a step of a group of images and lists its pixels and their logits.
    #[allow(clippy::too_many_arguments, reason = "the parts of a run that a step reads and writes, borrowed apart")]
    fn compute(
        &mut self,
        model: &Model,
        step: usize,
        given: bool,
        pixels: &[u8],
        group: Range<usize>,
        front: &mut Vec<Pixel>,
        logits: &mut Vec<f32>,
    ) {
        let width = model.config.width;
        match self {
            Engine::Incremental { schedule, cache } => {
                for (layer, packed) in model.packed.iter().enumerate() {
                    cache.compute(layer, packed, schedule, step..step + 1);
                }
                let last = model.packed.len() - 1;
                let delay = schedule.delay(crate::layers::Source::Layer(last));
                for row in schedule.rows(delay, step) {
                    let column = schedule.column(delay, step, row);
                    for image in group.clone() {
                        front.push(Pixel { image, pixel: row * width + column, value: 0 });
                        logits.push(cache.output(last, schedule, image - group.start, row, column)[0]);
                    }
                }
            }
            Engine::Whole(whole) => {
                let size = model.config.pixels();
                let image = group.start;
                whole.forward(model, &pixels[image * size..(image + 1) * size]);
                for pixel in if given { 0..size } else { step..step + 1 } {
                    front.push(Pixel { image, pixel, value: 0 });
                    logits.push(whole.logit(model, pixel));
                }
            }
        }
    }

    /// Tells the engine a pixel's value.
    fn put(&mut self, model: &Model, pixel: &Pixel, group_start: usize) {
        if let Engine::Incremental { schedule, cache } = self {
            let (row, column) = (pixel.pixel / schedule.width, pixel.pixel % schedule.width);
            let value = reference::level_value(&model.config, pixel.value);
            cache.put_pixel(schedule, pixel.image - group_start, row, column, value);
        }
    }
}

impl Whole {
    /// Computes all logits of one image.
    fn forward(&mut self, model: &Model, pixels: &[u8]) {
        match self {
            Whole::Kernels { schedule, cache } => {
                for (at, &level) in pixels.iter().enumerate() {
                    let value = reference::level_value(&model.config, level);
                    cache.put_pixel(schedule, 0, at / schedule.width, at % schedule.width, value);
                }
                for (layer, packed) in model.packed.iter().enumerate() {
                    cache.compute(layer, packed, schedule, 0..schedule.steps());
                }
            }
            Whole::Reference { logits } => *logits = reference::logits(&model.config, &model.layers, &model.weights, pixels),
        }
    }

    fn logit(&self, model: &Model, pixel: usize) -> f32 {
        match self {
            Whole::Kernels { schedule, cache } => {
                cache.output(model.packed.len() - 1, schedule, 0, pixel / schedule.width, pixel % schedule.width)[0]
            }
            Whole::Reference { logits } => logits[pixel],
        }
    }
}
