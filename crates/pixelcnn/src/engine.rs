//! What computes the logits of a front: three engines behind one face, under which the sampler does not know them apart.

use crate::cache::{Cache, Keep, Skip};
use crate::error::Error;
use crate::layers::Source;
use crate::model::Model;
use crate::reference;
use crate::schedule::Schedule;
use std::ops::Range;

/// A pixel of a front: image, counted from 0 within the run, raster index within the image, and its logit.
pub type Logit = (usize, usize, f32);

/// Computes logits step by step, for a group of images at once.
pub trait Engine: Send {
    /// Images that are computed in step, at most.
    fn group(&self) -> usize;

    /// Steps of a group.
    fn steps(&self, model: &Model) -> usize;

    /// Computes a step and lists its pixels. `pixels` are all levels of the run, `[images, height, width]`, of which
    /// `group` is under way.
    fn compute(&mut self, model: &Model, step: usize, pixels: &[u8], group: Range<usize>, front: &mut Vec<Logit>);

    /// Tells the level of a pixel of the last step; `image` is counted within the group.
    fn put(&mut self, model: &Model, image: usize, pixel: usize, level: u8);

    /// Its cache, if it keeps one.
    fn cache(&self) -> Option<&Cache>;

    /// Gives its cache back, with the constants it holds.
    fn into_cache(self: Box<Self>) -> Option<Cache>;
}

/// Computes only what is new at a step, from kept activations.
pub struct Incremental(Cache);

impl Incremental {
    /// For up to `images` images in step. A cache left by an earlier run is used again if it fits.
    pub fn new(model: &Model, schedule: Schedule, images: usize, skip: Skip, spare: Option<Cache>) -> Result<Incremental, Error> {
        let fits = |c: &Cache| c.skip() == skip && c.images() >= images && *c.schedule() == schedule;
        match spare {
            Some(mut cache) if fits(&cache) => {
                cache.reset_macs();
                Ok(Incremental(cache))
            }
            _ => Cache::new(&model.layers, model.config.channels, schedule, images, Keep::Needed(skip)).map(Incremental),
        }
    }
}

impl Engine for Incremental {
    fn group(&self) -> usize {
        self.0.images()
    }

    fn steps(&self, _: &Model) -> usize {
        self.0.schedule().steps()
    }

    fn compute(&mut self, model: &Model, step: usize, _: &[u8], group: Range<usize>, front: &mut Vec<Logit>) {
        let cache = &mut self.0;
        for (layer, packed) in model.packed.iter().enumerate() {
            cache.compute(layer, packed, group.len(), step..step + 1);
        }
        let last = model.packed.len() - 1;
        let schedule = cache.schedule();
        let delay = schedule.delay(Source::Layer(last));
        for row in schedule.rows(delay, step) {
            let column = schedule.column(delay, step, row);
            let logit = |image: usize| cache.output(last, image - group.start, row, column)[0];
            front.extend(group.clone().map(|image| (image, row * schedule.width + column, logit(image))));
        }
    }

    fn put(&mut self, model: &Model, image: usize, pixel: usize, level: u8) {
        let width = self.0.schedule().width;
        self.0.put_pixel(image, pixel / width, pixel % width, model.config.level_value(level));
    }

    fn cache(&self) -> Option<&Cache> {
        Some(&self.0)
    }

    fn into_cache(self: Box<Self>) -> Option<Cache> {
        Some(self.0)
    }
}

/// Computes the whole image at every step, one pixel a step, or all in one when they are given.
pub struct Whole {
    given: bool,
    forward: Forward,
}

enum Forward {
    Kernels(Box<Cache>),
    Reference,
}

impl Whole {
    /// By the kernels.
    pub fn kernels(model: &Model, given: bool) -> Result<Whole, Error> {
        let cache = Cache::new(&model.layers, model.config.channels, model.raster(), 1, Keep::All)?;
        Ok(Whole { given, forward: Forward::Kernels(Box::new(cache)) })
    }

    /// By the plain loops of [`mod@reference`].
    pub fn reference(given: bool) -> Whole {
        Whole { given, forward: Forward::Reference }
    }
}

impl Engine for Whole {
    fn group(&self) -> usize {
        1
    }

    fn steps(&self, model: &Model) -> usize {
        if self.given {
            1
        } else {
            model.config.pixels()
        }
    }

    fn compute(&mut self, model: &Model, step: usize, pixels: &[u8], group: Range<usize>, front: &mut Vec<Logit>) {
        let (image, size) = (group.start, model.config.pixels());
        let pixels = &pixels[image * size..(image + 1) * size];
        let wanted = if self.given { 0..size } else { step..step + 1 };
        let width = model.config.width;
        match &mut self.forward {
            Forward::Kernels(cache) => {
                for (pixel, &level) in pixels.iter().enumerate() {
                    cache.put_pixel(0, pixel / width, pixel % width, model.config.level_value(level));
                }
                let steps = 0..cache.schedule().steps();
                for (layer, packed) in model.packed.iter().enumerate() {
                    cache.compute(layer, packed, 1, steps.clone());
                }
                let last = model.packed.len() - 1;
                front.extend(wanted.map(|pixel| (image, pixel, cache.output(last, 0, pixel / width, pixel % width)[0])));
            }
            Forward::Reference => {
                let logits = reference::logits(&model.config, &model.layers, &model.weights, pixels);
                front.extend(wanted.map(|pixel| (image, pixel, logits[pixel])));
            }
        }
    }

    fn put(&mut self, _: &Model, _: usize, _: usize, _: u8) {}

    fn cache(&self) -> Option<&Cache> {
        match &self.forward {
            Forward::Kernels(cache) => Some(cache),
            Forward::Reference => None,
        }
    }

    fn into_cache(self: Box<Self>) -> Option<Cache> {
        None
    }
}
