//! The sampler: a walk over fronts of pixels whose inputs are all known.
//!
//! Each step computes the logits of one front, then gives each of its pixels a value, drawn or given. Strategies differ in
//! what a front is, what is recomputed for it and what is left out; they give the same bits, of every logit.

use crate::arithmetic::{Arithmetic, Either};
use crate::config::Config;
use crate::decimal::Decimal;
use crate::engine::{self, Engine, Images, Incremental, Kernels, Oracle, Watch, Whole};
use crate::error::Error;
use crate::head::Head;
use crate::layout::{Keep, Layout, Skip};
use crate::memory::{Bytes, product, reserve, try_room, try_zeroed};
use crate::model::{Model, Net};
use crate::packed::Units;
use crate::reference;
use crate::rng;
use crate::schedule::Schedule;
use crate::sharing::Met;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Images of a run that are computed in step: enough to fill the tiles, few enough for their caches to stay near.
const GROUP: usize = 16;

/// Fewer bytes of rows than this are not worth their look-ups.
const LEAST_ROWS: u64 = 1 << 16;

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
    /// As naive, by plain loops over whole images. The oracle; very slow.
    Reference,
}

/// Which work [`Method::Wavefront`] and [`Method::Cached`] leave out. It changes no bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipping {
    /// None: dense arithmetic.
    None,
    /// Rows that were computed before from the same ones, in this image or another.
    Rows,
    /// These, and the channels after the last non-zero one.
    All,
}

/// A public name for each value, and the value of a name.
macro_rules! names {
    ($type:ident, $what:literal, $($name:literal => $value:ident),+) => {
        impl $type {
            /// Every value, by its public name.
            pub const ALL: &'static [(&'static str, $type)] = &[$(($name, $type::$value)),+];

            /// The value of that name.
            ///
            /// # Errors
            /// [`Error::InvalidArgument`].
            pub fn from_name(name: &str) -> Result<$type, Error> {
                let found = $type::ALL.iter().find(|entry| entry.0 == name).map(|entry| entry.1);
                found.ok_or_else(|| {
                    let names: Vec<&str> = $type::ALL.iter().map(|entry| entry.0).collect();
                    Error::InvalidArgument { reason: format!("{} must be one of {}, got `{name}`", $what, names.join(", ")) }
                })
            }
        }
    };
}

names!(Method, "method", "wavefront" => Wavefront, "cached" => Cached, "naive" => Naive, "reference" => Reference);
names!(Skipping, "skipping", "none" => None, "rows" => Rows, "all" => All);

/// How to get to the pixels; no choice changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// The order of the walk.
    pub method: Method,
    /// What is left out.
    pub skipping: Skipping,
}

/// Which images to draw. Image `i` depends on (model, seed, `start_index + i`, temperature) and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// How many, at least 1.
    pub count: usize,
    /// The key of all random numbers.
    pub seed: u64,
    /// Global index of the first image.
    pub start_index: u64,
    /// Divides the logits; 0 is argmax. Finite, at least 0.
    pub temperature: f64,
}

/// Stands for a pixel that is to be drawn, among given ones.
pub const TO_DRAW: u16 = u16::MAX;

/// What is known of images before they are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `[count]`: the class of each image; empty for a net without classes.
    pub labels: Vec<u16>,
    /// `[height, width]` for all images or `[count, height, width]`: levels that are taken as they are, [`TO_DRAW`] for the others;
    /// empty where all are to be drawn. A pixel is drawn given those before it alone: it does not see given ones that come later.
    pub given: Vec<u16>,
}

/// A pixel that got its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// Image, counted from 0 within the run.
    pub image: usize,
    /// Raster index within the image.
    pub pixel: usize,
    /// Its level.
    pub value: u16,
}

/// One walk over some images. Owns all its state; any number may be under way on one model.
pub struct Run {
    model: Arc<Model>,
    head: Head,
    draw: Option<Draw>, // none where all pixels are given
    count: usize,
    classes: Vec<u16>,        // (image)
    given: Vec<u16>,          // of one image for all, or (image, row, column); empty where none are, or all
    pixels: Vec<u16>,         // (image, row, column)
    nats: Vec<f32>,           // likewise
    logits: Option<Vec<f32>>, // (image, row, column, logit)
    engine: Box<dyn Engine>,
    step: usize,         // of the group under way
    group: Range<usize>, // images in step
    computed: engine::Front,
    front: Vec<Pixel>,
    front_logits: Vec<f32>,         // (pixel of the front, logit)
    broken: Option<(usize, usize)>, // the first image and its first pixel, as far as is known, that have no finite logit
}

/// Where a run's pixels come from.
enum Pixels {
    Drawn(Draw),
    Given(Vec<u16>),
}

impl Run {
    /// Draws images.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::OutOfMemory`].
    pub fn sample(model: &Arc<Model>, draw: Draw, strategy: Strategy) -> Result<Run, Error> {
        Run::sample_under(model, draw, Conditions::default(), strategy)
    }

    /// Draws images of which something is known.
    ///
    /// # Errors
    /// Those of [`Run::sample`].
    pub fn sample_under(model: &Arc<Model>, draw: Draw, conditions: Conditions, strategy: Strategy) -> Result<Run, Error> {
        let invalid = |reason: String| Err(Error::InvalidArgument { reason });
        let Draw { count, start_index, temperature, .. } = draw;
        if count == 0 {
            return invalid("count must be at least 1, got 0".into());
        }
        if !(temperature >= 0.0 && temperature.is_finite()) {
            return invalid(format!("temperature must be a finite number of at least 0, got {}", Decimal::from(temperature)));
        }
        if start_index.checked_add(count as u64).is_none() {
            return invalid(format!("start_index plus count must fit in 64 bits, got {start_index} + {count}"));
        }
        let Conditions { labels, given } = conditions;
        let (size, levels) = (model.config.pixels(), model.config.levels);
        if !given.is_empty() && given.len() != size && given.len() as u64 != product(&[size as u64, count as u64]) {
            let reason =
                format!("given pixels must be one image of {size} pixels or one for each of {count}, got {} values", given.len());
            return invalid(reason);
        }
        if let Some(at) = given.iter().position(|&level| usize::from(level) >= levels && level != TO_DRAW) {
            let most = levels - 1;
            return invalid(format!(
                "given pixels must be levels from 0 to {most}, or {TO_DRAW} where one is to be drawn, got {} at index {at}",
                given[at]
            ));
        }
        Run::new(model, Pixels::Drawn(draw), labels, given, strategy)
    }

    /// Walks over given images, `[count, height, width]` of levels, and keeps their logits.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the pixels are not whole images or not levels, and in a net with classes, which must be known;
    /// [`Error::OutOfMemory`].
    pub fn score(model: &Arc<Model>, pixels: Vec<u16>, strategy: Strategy) -> Result<Run, Error> {
        Run::score_under(model, pixels, Vec::new(), strategy)
    }

    /// As [`Run::score`], with the class of each image.
    ///
    /// # Errors
    /// Those of [`Run::score`].
    pub fn score_under(model: &Arc<Model>, pixels: Vec<u16>, labels: Vec<u16>, strategy: Strategy) -> Result<Run, Error> {
        check_images(&model.config, &pixels)?;
        Run::new(model, Pixels::Given(pixels), labels, Vec::new(), strategy)
    }

    /// Plans all that the run will take, and only then allocates any of it. What is left for its steps allocates nothing, but
    /// for the oracle's, which is planned all the same.
    fn new(model: &Arc<Model>, pixels: Pixels, labels: Vec<u16>, given: Vec<u16>, strategy: Strategy) -> Result<Run, Error> {
        let (size, head) = (model.config.pixels(), Head::of(&model.config));
        let (draw, count) = match &pixels {
            Pixels::Drawn(draw) => (Some(*draw), draw.count),
            Pixels::Given(pixels) => (None, pixels.len() / size),
        };
        check_labels(&model.config, &labels, count)?;
        let all_given = draw.is_none();
        model.room_for_lists()?;
        let (all, each) = ([count as u64, size as u64], head.logits() as u64);
        let logits = if all_given { Bytes::of::<f32>(&[count as u64, size as u64, each]) } else { Bytes(0) };
        let known = Bytes::of::<u16>(&[count as u64]) + Bytes::of::<u16>(&[given.len() as u64]);
        let kept = Bytes::of::<u16>(&all) + Bytes::of::<f32>(&all) + logits + known;
        let plan = |rows: u64| {
            let blueprint = Blueprint::of(model, count, all_given, strategy, rows);
            // Computed, and told of.
            let pixel = Bytes::of::<(usize, usize)>(&[blueprint.step]) + Bytes::of::<Pixel>(&[blueprint.step]);
            let step = pixel + Bytes::of::<[f32; 2]>(&[blueprint.step, each]);
            let planned = model.bytes + kept + step + blueprint.bytes;
            (blueprint, planned)
        };
        // What is remembered is what the limit leaves room for.
        let mut rows = model.rows();
        let (blueprint, planned) = loop {
            let (blueprint, planned) = plan(rows);
            match model.memory.check(planned) {
                Ok(()) => break (blueprint, planned),
                Err(error) if rows == 0 => return Err(error),
                Err(_) => rows = if rows < LEAST_ROWS { 0 } else { rows / 2 },
            }
        };

        let allocate = |pixels: Pixels| {
            let engine = match blueprint.engine(model) {
                // What an earlier run has left may be what is missing, or what this one was to remember.
                Err(Error::OutOfMemory { .. }) if model.forget_spare() => blueprint.engine(model),
                engine => engine,
            };
            let engine = match engine {
                Err(Error::OutOfMemory { .. }) if rows > 0 => plan(0).0.engine(model)?,
                engine => engine?,
            };
            let len = count * size;
            let pixels = match pixels {
                Pixels::Drawn(_) => try_zeroed(len)?,
                Pixels::Given(pixels) => pixels,
            };
            let classes = if labels.is_empty() { try_zeroed(count)? } else { labels };
            let (nats, mut kept) = (try_zeroed(len)?, None);
            if all_given {
                let mut logits = Vec::new();
                reserve(&mut logits, &[len, head.logits()])?;
                logits.resize(len * head.logits(), 0.0);
                kept = Some(logits);
            }
            let group = 0..engine.group().min(count);
            let room = blueprint.step as usize;
            let (mut computed, mut front_logits) = (engine::Front::default(), Vec::new());
            computed.pixels = try_room(room)?;
            reserve(&mut computed.logits, &[room, head.logits()])?;
            reserve(&mut front_logits, &[room, head.logits()])?;
            let front = try_room(room)?;
            let (model, logits, step, broken) = (Arc::clone(model), kept, 0, None);
            let run = Run {
                model,
                head,
                draw,
                count,
                classes,
                given,
                pixels,
                nats,
                logits,
                engine,
                step,
                group,
                computed,
                front,
                front_logits,
                broken,
            };
            Ok(run)
        };
        planned.told(allocate(pixels))
    }

    /// Computes the next front; returns how many pixels it held, 0 once all images are done.
    ///
    /// # Errors
    /// [`Error::NonFiniteLogit`].
    pub fn step(&mut self) -> Result<usize, Error> {
        self.step_watched(&mut |_| ())
    }

    /// As [`Run::step`]; `watch` is told the index of each layer once it is computed, so that a caller with a clock can tell
    /// where time goes. Only [`Method::Wavefront`] and [`Method::Cached`] tell.
    ///
    /// # Errors
    /// [`Error::NonFiniteLogit`].
    pub fn step_watched(&mut self, watch: Watch) -> Result<usize, Error> {
        self.front.clear();
        self.front_logits.clear();
        let engine = &mut self.engine;
        let (size, each) = (self.model.config.pixels(), self.head.logits());
        let first = self.draw.map_or(0, |draw| draw.start_index);
        // A step may hold no pixel: on images narrower than the slope, and while leading layers start.
        while (self.front.is_empty() || self.broken.is_some()) && self.group.start < self.count {
            self.computed.pixels.clear();
            self.computed.logits.clear();
            let images = Images { pixels: &self.pixels, classes: &self.classes };
            engine.compute(&self.model, self.step, images, self.group.clone(), &mut self.computed, watch)?;
            for (&(image, pixel), logits) in self.computed.pixels.iter().zip(self.computed.logits.chunks_exact(each)) {
                let at = image * size + pixel;
                if !logits.iter().all(|logit| logit.is_finite()) {
                    self.broken = Some(self.broken.map_or((image, pixel), |before| before.min((image, pixel))));
                    engine.put(&self.model, image - self.group.start, pixel, self.pixels[at]);
                    continue;
                }
                let given = self.given.get(if self.given.len() == size { pixel } else { at }).copied();
                let (value, nats) = match (self.draw, given.filter(|&level| level != TO_DRAW)) {
                    (Some(Draw { seed, temperature, .. }), None) => {
                        let u = rng::pixel_uniform(seed, first + image as u64, pixel as u32, 0);
                        self.head.draw_with_nats(logits, temperature, u)
                    }
                    (_, given) => {
                        let value = given.unwrap_or(self.pixels[at]);
                        (value, self.head.nats(logits, value))
                    }
                };
                self.pixels[at] = value;
                // Two finite logits may lie further apart than an f32 reaches.
                self.nats[at] = nats.min(f32::MAX.into()) as f32;
                if let Some(kept) = &mut self.logits {
                    kept[at * each..][..each].copy_from_slice(logits);
                }
                engine.put(&self.model, image - self.group.start, pixel, value);
                self.front.push(Pixel { image, pixel, value });
                logits.iter().for_each(|&logit| self.front_logits.push(logit));
            }
            // The first of all is told of, so that no method, batch or skipping tells of another: the walk goes on until none
            // can come before it. What is drawn meanwhile depends on a pixel without a value, and is behind it.
            if let Some((image, pixel)) = self.broken {
                let settled = engine.settled(&self.model, self.step);
                if settled == size || image == self.group.start && settled > pixel {
                    self.front.clear();
                    self.front_logits.clear();
                    self.group = self.count..self.count;
                }
            }
            self.step += 1;
            if self.step == engine.steps(&self.model) {
                self.group = self.group.end..self.count.min(self.group.end + engine.group());
                self.step = 0;
            }
        }
        match self.broken {
            Some((image, pixel)) => Err(Error::NonFiniteLogit { image: first + image as u64, pixel }),
            None => Ok(self.front.len()),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// Those of [`Run::step`].
    pub fn finish(&mut self) -> Result<(), Error> {
        while self.step()? > 0 {}
        Ok(())
    }

    /// Values that a pixel can take.
    pub fn levels(&self) -> usize {
        self.head.levels()
    }

    /// The pixels of the last step, in no promised order.
    pub fn front(&self) -> &[Pixel] {
        &self.front
    }

    /// Their logits, `[pixel][logits]`.
    pub fn front_logits(&self) -> &[f32] {
        &self.front_logits
    }

    /// All pixels as levels, `[count, height, width]`; 0 where none is drawn yet.
    pub fn pixels(&self) -> &[u16] {
        &self.pixels
    }

    /// What each pixel cost: -ln p(value) in nats under the model at temperature 1, `[count, height, width]`.
    pub fn nats(&self) -> &[f32] {
        &self.nats
    }

    /// All logits, `[count, height, width, logits]`; `None` for drawn images, whose logits are those of each front.
    pub fn logits(&self) -> Option<&[f32]> {
        self.logits.as_deref()
    }

    /// Multiply-adds issued by each layer: a product with a zero that was not skipped counts. Empty for
    /// [`Method::Reference`], uncounted.
    pub fn layer_macs(&self) -> Vec<u64> {
        self.engine.macs()
    }

    /// The sum of [`Run::layer_macs`].
    pub fn macs(&self) -> u64 {
        self.layer_macs().iter().sum()
    }

    /// Bytes of activations kept for its images, and the most that rows take which are remembered; 0 where nothing is kept.
    pub fn state_bytes(&self) -> (u64, u64) {
        self.engine.bytes()
    }

    /// How many rows of each layer were met and how many were new; 0 for a layer whose rows follow from another's. Empty where nothing
    /// is kept.
    pub fn layer_rows(&self) -> Vec<Met> {
        self.engine.met()
    }
}

/// Checks that pixels are whole images of levels, and at least one.
pub(crate) fn check_images(config: &Config, pixels: &[u16]) -> Result<(), Error> {
    let (size, levels) = (config.pixels(), config.levels);
    if pixels.is_empty() || pixels.len() % size != 0 {
        let reason = format!("images must hold a whole number of images of {size} pixels, got {} values", pixels.len());
        return Err(Error::InvalidArgument { reason });
    }
    if let Some(at) = pixels.iter().position(|&p| usize::from(p) >= levels) {
        let reason = format!("images must hold levels from 0 to {}, got {} at index {at}", levels - 1, pixels[at]);
        return Err(Error::InvalidArgument { reason });
    }
    Ok(())
}

/// Checks that there is a class for each image where the net has classes, and none where it has none.
pub(crate) fn check_labels(config: &Config, labels: &[u16], count: usize) -> Result<(), Error> {
    let invalid = |reason: String| Err(Error::InvalidArgument { reason });
    let wanted = if config.classes > 0 { count } else { 0 };
    if labels.len() != wanted {
        return match config.classes {
            0 => invalid(format!("labels must be empty, because the net has no classes, got {}", labels.len())),
            classes => invalid(format!(
                "labels must be as many as images, {count}, because the net has {classes} classes, got {}",
                labels.len()
            )),
        };
    }
    match labels.iter().position(|&label| usize::from(label) >= config.classes) {
        Some(at) => invalid(format!("labels must be classes from 0 to {}, got {} at index {at}", config.classes - 1, labels[at])),
        None => Ok(()),
    }
}

/// An engine that is planned.
struct Blueprint {
    method: Method,
    given: bool,
    layout: Option<Layout>,
    step: u64, // pixels of a step, at most
    bytes: Bytes,
}

impl Blueprint {
    /// Of a strategy's engine. `given` where all pixels are.
    fn of(model: &Model, count: usize, given: bool, Strategy { method, skipping }: Strategy, rows: u64) -> Blueprint {
        let skip = match skipping {
            Skipping::None => Skip::default(),
            Skipping::Rows => Skip { rows, tails: false },
            Skipping::All => Skip { rows, tails: true },
        };
        let (config, layers, images) = (&model.config, &model.layers, count.min(GROUP));
        let units = Units::of_precision(config.precision);
        let incremental = |schedule: Schedule| {
            let pixels = product(&[images as u64, schedule.lanes() as u64]);
            (Some(Layout::new(units, config, layers, schedule, images, Keep::Needed(skip))), pixels)
        };
        let whole = if given { config.pixels() as u64 } else { 1 };
        let (layout, step) = match method {
            Method::Wavefront => incremental(model.wavefront()),
            Method::Cached => incremental(model.raster()),
            Method::Naive => (Some(Layout::new(units, config, layers, model.raster(), 1, Keep::All)), whole),
            Method::Reference => (None, whole),
        };
        let bytes = layout.as_ref().map_or_else(|| reference::planned(config, layers), Layout::bytes);
        Blueprint { method, given, layout, step, bytes }
    }

    fn engine(&self, model: &Model) -> Result<Box<dyn Engine>, Error> {
        match &model.net {
            Either::F32(net) => self.engine_of(model, net),
            Either::Int8(net) => self.engine_of(model, net),
        }
    }

    fn engine_of<A: Arithmetic>(&self, model: &Model, net: &Arc<Net<A>>) -> Result<Box<dyn Engine>, Error> {
        Ok(match (self.method, &self.layout) {
            (Method::Wavefront | Method::Cached, Some(layout)) => Box::new(Incremental::new(model, net, layout)?),
            (_, Some(layout)) => Box::new(Whole::new(self.given, Box::new(Kernels::new(model, net, layout)?))),
            (_, None) => Box::new(Whole::new(self.given, Box::new(Oracle(Arc::clone(net))))),
        })
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("draw", &self.draw)
            .field("group", &self.group)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
