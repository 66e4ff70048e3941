//! What computes the logits of a front: engines behind one face, under which the sampler knows neither them nor their
//! precision apart.

use crate::arithmetic::Arithmetic;
use crate::cache::Cache;
use crate::error::Error;
use crate::layers::Source;
use crate::layout::{Keep, Layout};
use crate::memory::Bytes;
use crate::model::{Model, Net};
use crate::packed::Units;
use crate::reference;
use crate::sharing::Met;
use std::ops::Range;
use std::sync::Arc;

/// The pixels of a front, with their logits.
#[derive(Debug, Default)]
pub struct Front {
    /// Image, counted from 0 within the run, and raster index within the image.
    pub pixels: Vec<(usize, usize)>,
    /// `[pixel][logits]`.
    pub logits: Vec<f32>,
}

/// The images of a run.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// All levels, `[images, height, width]`.
    pub pixels: &'a [u16],
    /// `[images]`: the class of each; 0 where the net has none.
    pub classes: &'a [u16],
}

/// Is told the index of each layer once it is computed.
pub type Watch<'a> = &'a mut dyn FnMut(usize);

/// Computes logits step by step, for a group of images at once.
pub trait Engine: Send {
    /// Images that are computed in step, at most.
    fn group(&self) -> usize;

    /// Steps of a group.
    fn steps(&self, model: &Model) -> usize;

    /// Computes a step and lists its pixels. Of the images `group` is under way. `watch` is told of each layer that is done,
    /// where layers are done one by one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn compute(
        &mut self,
        model: &Model,
        step: usize,
        images: Images,
        group: Range<usize>,
        front: &mut Front,
        watch: Watch,
    ) -> Result<(), Error>;

    /// Pixels, from an image's first in raster order on, that are done after a step.
    fn settled(&self, model: &Model, step: usize) -> usize;

    /// Tells the level of a pixel of the last step; `image` is counted within the group.
    fn put(&mut self, model: &Model, image: usize, pixel: usize, level: u16);

    /// Multiply-adds issued by each layer: a product with a zero that was not skipped counts. Empty where none are counted.
    fn macs(&self) -> Vec<u64>;

    /// Bytes of activations kept for its images, and the most that rows take which are remembered.
    fn bytes(&self) -> (u64, u64);

    /// What each layer looked up. Empty where nothing is.
    fn met(&self) -> Vec<Met>;
}

/// Computes only what is new at a step, from kept activations.
pub struct Incremental<A: Arithmetic> {
    net: Arc<Net<A>>,
    cache: Option<Cache<A>>, // taken only when it is dropped
}

impl<A: Arithmetic> Incremental<A> {
    /// The cache left by an earlier run is used again if it fits; else what it remembers is, where there is room for both meanwhile.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(model: &Model, net: &Arc<Net<A>>, layout: &Layout) -> Result<Self, Error> {
        let engine = |cache| Ok(Incremental { net: Arc::clone(net), cache: Some(cache) });
        let mut spare = net.take_spare();
        if let Some(mut cache) = spare.take_if(|cache| cache.has_room_of(layout)) {
            if cache.lay_out(&model.layers, layout).is_ok() {
                cache.reset_counts();
                return engine(cache);
            }
        }
        let both = |spare: &mut Cache<A>| model.memory.check(model.bytes + layout.bytes() + Bytes(spare.bytes().1)).is_ok();
        // One that is of no use is gone before the new one comes.
        drop(spare.take_if(|spare| !(spare.remembers_as(layout) && both(spare))));
        let (first_id, alone) = (net.first_id(), spare.is_none());
        match Cache::new(&model.layers, layout, &mut spare, first_id) {
            Err(Error::OutOfMemory { .. }) if !alone => {
                drop(spare.take());
                engine(Cache::new(&model.layers, layout, &mut None, first_id)?)
            }
            made => engine(made?),
        }
    }

    fn cache(&self) -> &Cache<A> {
        self.cache.as_ref().expect(HAS_CACHE)
    }
}

const HAS_CACHE: &str = "an engine has its cache until it is dropped";

impl<A: Arithmetic> Engine for Incremental<A> {
    fn group(&self) -> usize {
        self.cache().images()
    }

    fn steps(&self, _: &Model) -> usize {
        self.cache().schedule().steps()
    }

    fn compute(
        &mut self,
        _: &Model,
        step: usize,
        images: Images,
        group: Range<usize>,
        front: &mut Front,
        watch: Watch,
    ) -> Result<(), Error> {
        let cache = self.cache.as_mut().expect(HAS_CACHE);
        if step == 0 {
            cache.begin_images();
        }
        for (layer, packed) in self.net.packed.iter().enumerate() {
            cache.compute(layer, packed, &images.classes[group.clone()], step..step + 1);
            watch(layer);
        }
        let last = self.net.packed.len() - 1;
        let schedule = cache.schedule();
        let delay = schedule.delay(Source::Layer(last));
        for row in schedule.rows(delay, step) {
            let column = schedule.column(delay, step, row);
            for image in group.clone() {
                front.pixels.push((image, row * schedule.width + column));
                front.logits.extend(self.net.logits(cache.output(last, image - group.start, row, column)));
            }
        }
        Ok(())
    }

    fn settled(&self, model: &Model, step: usize) -> usize {
        let schedule = self.cache().schedule();
        let delay = schedule.delay(Source::Layer(model.layers.len() - 1));
        // All rows above the first in flight are done. There may be none: where leads make the slope steeper than the image is
        // wide, a row ends before the next begins.
        let rows = schedule.rows(delay, step);
        rows.start * schedule.width + if rows.is_empty() { 0 } else { schedule.column(delay, step, rows.start) + 1 }
    }

    fn put(&mut self, _: &Model, image: usize, pixel: usize, level: u16) {
        let cache = self.cache.as_mut().expect(HAS_CACHE);
        let width = cache.schedule().width;
        cache.put_pixel(image, pixel / width, pixel % width, level, self.net.level(level));
    }

    fn macs(&self) -> Vec<u64> {
        self.cache().macs().collect()
    }

    fn bytes(&self) -> (u64, u64) {
        self.cache().bytes()
    }

    fn met(&self) -> Vec<Met> {
        self.cache().met().collect()
    }
}

impl<A: Arithmetic> Drop for Incremental<A> {
    fn drop(&mut self) {
        self.net.give_spare(self.cache.take());
    }
}

/// Computes the whole image at every step, one pixel a step, or all in one when they are given.
pub struct Whole {
    given: bool,
    forward: Box<dyn Forward>,
}

/// The net over a whole image.
pub trait Forward: Send {
    /// Appends the logits of some pixels of an image, given all its levels and its class.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn logits(
        &mut self,
        model: &Model,
        pixels: &[u16],
        class: u16,
        wanted: Range<usize>,
        logits: &mut Vec<f32>,
    ) -> Result<(), Error>;

    /// As [`Engine::macs`].
    fn macs(&self) -> Vec<u64>;
}

impl Whole {
    /// `given` where all pixels are.
    pub fn new(given: bool, forward: Box<dyn Forward>) -> Whole {
        Whole { given, forward }
    }
}

impl Engine for Whole {
    fn group(&self) -> usize {
        1
    }

    fn steps(&self, model: &Model) -> usize {
        if self.given { 1 } else { model.config.pixels() }
    }

    fn compute(
        &mut self,
        model: &Model,
        step: usize,
        images: Images,
        group: Range<usize>,
        front: &mut Front,
        _: Watch,
    ) -> Result<(), Error> {
        let (image, size) = (group.start, model.config.pixels());
        let wanted = if self.given { 0..size } else { step..step + 1 };
        let levels = &images.pixels[image * size..(image + 1) * size];
        front.pixels.extend(wanted.clone().map(|pixel| (image, pixel)));
        self.forward.logits(model, levels, images.classes[image], wanted, &mut front.logits)
    }

    fn settled(&self, model: &Model, step: usize) -> usize {
        if self.given { model.config.pixels() } else { step + 1 }
    }

    fn put(&mut self, _: &Model, _: usize, _: usize, _: u16) {}

    fn macs(&self) -> Vec<u64> {
        self.forward.macs()
    }

    fn bytes(&self) -> (u64, u64) {
        (0, 0)
    }

    fn met(&self) -> Vec<Met> {
        Vec::new()
    }
}

/// Layer by layer, by the kernels.
pub struct Kernels<A: Arithmetic> {
    net: Arc<Net<A>>,
    cache: Cache<A>,
}

impl<A: Arithmetic> Kernels<A> {
    /// How its cache will lie.
    pub fn layout(model: &Model) -> Layout {
        Layout::new(Units::of::<A>(), &model.config, &model.layers, model.raster(), 1, Keep::All)
    }

    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(model: &Model, net: &Arc<Net<A>>, layout: &Layout) -> Result<Self, Error> {
        Ok(Kernels { net: Arc::clone(net), cache: Cache::new(&model.layers, layout, &mut None, 0)? })
    }

    /// Computes every layer at every position, and returns the cache that holds them.
    pub fn forward(&mut self, pixels: &[u16], class: u16) -> &Cache<A> {
        let width = self.cache.schedule().width;
        for (pixel, &level) in pixels.iter().enumerate() {
            self.cache.put_pixel(0, pixel / width, pixel % width, level, self.net.level(level));
        }
        let steps = 0..self.cache.schedule().steps();
        for (layer, packed) in self.net.packed.iter().enumerate() {
            self.cache.compute(layer, packed, &[class], steps.clone());
        }
        &self.cache
    }
}

impl<A: Arithmetic> Forward for Kernels<A> {
    fn logits(
        &mut self,
        model: &Model,
        pixels: &[u16],
        class: u16,
        wanted: Range<usize>,
        logits: &mut Vec<f32>,
    ) -> Result<(), Error> {
        let net = Arc::clone(&self.net);
        let (cache, width, last) = (self.forward(pixels, class), model.config.width, net.packed.len() - 1);
        wanted.for_each(|pixel| logits.extend(net.logits(cache.output(last, 0, pixel / width, pixel % width))));
        Ok(())
    }

    fn macs(&self) -> Vec<u64> {
        self.cache.macs().collect()
    }
}

/// The plain loops of [`mod@reference`].
pub struct Oracle<A: Arithmetic>(pub Arc<Net<A>>);

impl<A: Arithmetic> Forward for Oracle<A> {
    fn logits(
        &mut self,
        model: &Model,
        pixels: &[u16],
        class: u16,
        wanted: Range<usize>,
        logits: &mut Vec<f32>,
    ) -> Result<(), Error> {
        let all = reference::logits::<A>(&model.config, &model.layers, &self.0.weights, pixels, class)?;
        let each = model.config.logits();
        logits.extend_from_slice(&all[each * wanted.start..each * wanted.end]);
        Ok(())
    }

    fn macs(&self) -> Vec<u64> {
        Vec::new()
    }
}
