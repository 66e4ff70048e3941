//! What computes the logits of a front: engines behind one face, under which the sampler knows neither them nor their
//! precision apart.

use crate::cache::{Cache, Keep, Skip};
use crate::error::Error;
use crate::kernels::Lanes;
use crate::layers::Source;
use crate::model::{Model, Net};
use crate::reference;
use crate::schedule::Schedule;
use std::ops::Range;
use std::sync::Arc;

/// A pixel of a front: image, counted from 0 within the run, raster index within the image, and its logit.
pub type Logit = (usize, usize, f32);

/// Is told the index of each layer once it is computed.
pub type Watch<'a> = &'a mut dyn FnMut(usize);

/// Computes logits step by step, for a group of images at once.
pub trait Engine: Send {
    /// Images that are computed in step, at most.
    fn group(&self) -> usize;

    /// Steps of a group.
    fn steps(&self, model: &Model) -> usize;

    /// Computes a step and lists its pixels. `pixels` are all levels of the run, `[images, height, width]`, of which
    /// `group` is under way. `watch` is told of each layer that is done, where layers are done one by one.
    fn compute(&mut self, model: &Model, step: usize, pixels: &[u8], group: Range<usize>, front: &mut Vec<Logit>, watch: Watch);

    /// Tells the level of a pixel of the last step; `image` is counted within the group.
    fn put(&mut self, model: &Model, image: usize, pixel: usize, level: u8);

    /// Multiply-adds issued by each layer: a product with a zero that was not skipped counts. Empty where none are counted.
    fn macs(&self) -> Vec<u64>;

    /// Bytes of activations kept for its images, and bytes of constants.
    fn bytes(&self) -> (usize, usize);
}

/// Computes only what is new at a step, from kept activations.
pub struct Incremental<A: Lanes> {
    net: Arc<Net<A>>,
    cache: Option<Cache<A>>, // taken only when it is dropped
}

impl<A: Lanes> Incremental<A> {
    /// For up to `images` images in step. The cache left by an earlier run is used again if it fits.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(model: &Model, net: &Arc<Net<A>>, schedule: Schedule, images: usize, skip: Skip) -> Result<Self, Error> {
        let fits = |c: &Cache<A>| c.skip() == skip && c.images() >= images && *c.schedule() == schedule;
        let cache = match net.take_spare() {
            Some(mut cache) if fits(&cache) => {
                cache.reset_macs();
                cache
            }
            _ => Cache::new(&model.config, &model.layers, schedule, images, Keep::Needed(skip))?,
        };
        Ok(Incremental { net: Arc::clone(net), cache: Some(cache) })
    }

    fn cache(&self) -> &Cache<A> {
        self.cache.as_ref().expect(HAS_CACHE)
    }
}

const HAS_CACHE: &str = "an engine has its cache until it is dropped";

impl<A: Lanes> Engine for Incremental<A> {
    fn group(&self) -> usize {
        self.cache().images()
    }

    fn steps(&self, _: &Model) -> usize {
        self.cache().schedule().steps()
    }

    fn compute(&mut self, _: &Model, step: usize, _: &[u8], group: Range<usize>, front: &mut Vec<Logit>, watch: Watch) {
        let cache = self.cache.as_mut().expect(HAS_CACHE);
        for (layer, packed) in self.net.packed.iter().enumerate() {
            cache.compute(layer, packed, group.len(), step..step + 1);
            watch(layer);
        }
        let last = self.net.packed.len() - 1;
        let schedule = cache.schedule();
        let delay = schedule.delay(Source::Layer(last));
        for row in schedule.rows(delay, step) {
            let column = schedule.column(delay, step, row);
            let logit = |image: usize| self.net.logit(cache.output(last, image - group.start, row, column));
            front.extend(group.clone().map(|image| (image, row * schedule.width + column, logit(image))));
        }
    }

    fn put(&mut self, _: &Model, image: usize, pixel: usize, level: u8) {
        let cache = self.cache.as_mut().expect(HAS_CACHE);
        let width = cache.schedule().width;
        cache.put_pixel(image, pixel / width, pixel % width, level);
    }

    fn macs(&self) -> Vec<u64> {
        self.cache().macs().collect()
    }

    fn bytes(&self) -> (usize, usize) {
        self.cache().bytes()
    }
}

impl<A: Lanes> Drop for Incremental<A> {
    fn drop(&mut self) {
        self.net.give_spare(self.cache.take());
    }
}

/// Computes the whole image at every step, one pixel a step, or all in one when they are given.
pub struct Whole<F> {
    given: bool,
    forward: F,
}

/// The net over a whole image.
pub trait Forward: Send {
    /// The logits of some pixels of an image, given all its levels.
    fn logits(&mut self, model: &Model, pixels: &[u8], wanted: Range<usize>) -> Vec<f32>;

    /// As [`Engine::macs`].
    fn macs(&self) -> Vec<u64>;
}

impl<F: Forward> Whole<F> {
    /// `given` where all pixels are.
    pub fn new(given: bool, forward: F) -> Whole<F> {
        Whole { given, forward }
    }
}

impl<F: Forward> Engine for Whole<F> {
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

    fn compute(&mut self, model: &Model, step: usize, pixels: &[u8], group: Range<usize>, front: &mut Vec<Logit>, _: Watch) {
        let (image, size) = (group.start, model.config.pixels());
        let wanted = if self.given { 0..size } else { step..step + 1 };
        let logits = self.forward.logits(model, &pixels[image * size..(image + 1) * size], wanted.clone());
        front.extend(wanted.zip(logits).map(|(pixel, logit)| (image, pixel, logit)));
    }

    fn put(&mut self, _: &Model, _: usize, _: usize, _: u8) {}

    fn macs(&self) -> Vec<u64> {
        self.forward.macs()
    }

    fn bytes(&self) -> (usize, usize) {
        (0, 0)
    }
}

/// Layer by layer, by the kernels.
pub struct Kernels<A: Lanes> {
    net: Arc<Net<A>>,
    cache: Cache<A>,
}

impl<A: Lanes> Kernels<A> {
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(model: &Model, net: &Arc<Net<A>>) -> Result<Self, Error> {
        let cache = Cache::new(&model.config, &model.layers, model.raster(), 1, Keep::All)?;
        Ok(Kernels { net: Arc::clone(net), cache })
    }

    /// Computes every layer at every position, and returns the cache that holds them.
    pub fn forward(&mut self, pixels: &[u8]) -> &Cache<A> {
        let width = self.cache.schedule().width;
        for (pixel, &level) in pixels.iter().enumerate() {
            self.cache.put_pixel(0, pixel / width, pixel % width, level);
        }
        let steps = 0..self.cache.schedule().steps();
        for (layer, packed) in self.net.packed.iter().enumerate() {
            self.cache.compute(layer, packed, 1, steps.clone());
        }
        &self.cache
    }
}

impl<A: Lanes> Forward for Kernels<A> {
    fn logits(&mut self, model: &Model, pixels: &[u8], wanted: Range<usize>) -> Vec<f32> {
        let net = Arc::clone(&self.net);
        let (cache, width, last) = (self.forward(pixels), model.config.width, net.packed.len() - 1);
        wanted.map(|pixel| net.logit(cache.output(last, 0, pixel / width, pixel % width))).collect()
    }

    fn macs(&self) -> Vec<u64> {
        self.cache.macs().collect()
    }
}

/// The plain loops of [`mod@reference`].
pub struct Oracle<A: Lanes>(pub Arc<Net<A>>);

impl<A: Lanes> Forward for Oracle<A> {
    fn logits(&mut self, model: &Model, pixels: &[u8], wanted: Range<usize>) -> Vec<f32> {
        reference::logits::<A>(&model.config, &model.layers, &self.0.weights, pixels)[wanted].to_vec()
    }

    fn macs(&self) -> Vec<u64> {
        Vec::new()
    }
}
