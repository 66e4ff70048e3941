//! A net ready to run: its config, its layers, its weights as the file holds them and as the kernels read them.

use crate::arithmetic::{Arithmetic, Either, F32, Int8};
use crate::cache::Cache;
use crate::config::Config;
use crate::error::Error;
use crate::format::{self, AnyWeights};
use crate::layers::Layers;
use crate::memory::{Bytes, Memory, headroom, try_room};
use crate::packed::{self, Units};
use crate::reference;
use crate::schedule::Schedule;
use crate::sharing;
use crate::weights::Weights;
use pixelcnn_kernels::PackedLayer;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// A key of the metadata that named a background level, in files of version 0.1.0. Nothing reads it any more.
pub(crate) const BACKGROUND: &str = "background";

/// An immutable net, shared by any number of runs.
#[derive(Debug)]
pub struct Model {
    /// The blueprint.
    pub config: Config,
    /// The net as data.
    pub layers: Layers,
    /// The file's `__metadata__`.
    pub metadata: Vec<(String, String)>,
    /// The most that a run may take for rows that it remembers ([`crate::sharing`]), in bytes: 0 for none, and `None` for as much as
    /// [`crate::sharing::default_bytes`] says. Where the limit of memory leaves less, a run takes less.
    pub rows: Option<u64>,
    /// The weights, in their precision.
    pub(crate) net: Either<Arc<Net<F32>>, Arc<Net<Int8>>>,
    /// What it and each run over it may take together.
    pub(crate) memory: Memory,
    /// What it takes.
    pub(crate) bytes: Bytes,
}

/// A net's weights in one precision.
#[derive(Debug)]
pub(crate) struct Net<A: Arithmetic> {
    /// What the file holds; the reference reads it.
    pub weights: Weights<A::Stored>,
    /// The same, as the kernels read it.
    pub packed: Vec<PackedLayer<A>>,
    levels: Vec<A::Value>, // (level, value of a pixel's row)
    pixel: usize,          // values of such a row
    scales: Vec<f32>,      // (logit)
    /// The cache of the last run that ended, with all rows that it remembers.
    spare: Mutex<Option<Cache<A>>>,
    /// The first id of rows that are remembered.
    first_id: AtomicU32,
}

impl<A: Arithmetic> Net<A> {
    fn new(config: &Config, layers: &Layers, weights: Weights<A::Stored>) -> Result<Arc<Net<A>>, Error> {
        let guarded = A::can_overflow(layers, &weights)?;
        let mut packed = try_room(layers.len())?;
        for index in 0..layers.len() {
            packed.push(packed::pack(layers, &weights, index, guarded)?);
        }
        let pixel = Units::of::<A>().pixel(config);
        let mut levels = try_room(config.levels * pixel)?;
        (0..config.levels).for_each(|level| A::put_level(config, &weights, level as u16, &mut levels));
        let mut scales = try_room(config.logits())?;
        scales.extend((0..config.logits()).map(|logit| A::scale(&weights, layers.len() - 1, logit)));
        let (spare, first_id) = (Mutex::new(None), AtomicU32::new(0));
        Ok(Arc::new(Net { weights, packed, levels, pixel, scales, spare, first_id }))
    }

    /// The values of a pixel's row, of a level.
    pub fn level(&self, level: u16) -> &[A::Value] {
        &self.levels[usize::from(level) * self.pixel..][..self.pixel]
    }

    /// The logits that the last layer's sums stand for.
    pub fn logits(&self, sums: &[A::Value]) -> impl Iterator<Item = f32> {
        sums.chunks_exact(A::SUM_VALUES).zip(&self.scales).map(|(sum, &scale)| A::logit(A::kept_sum(sum), scale))
    }

    pub fn first_id(&self) -> u32 {
        self.first_id.load(Ordering::Relaxed)
    }

    pub fn take_spare(&self) -> Option<Cache<A>> {
        self.spare.try_lock().ok()?.take()
    }

    pub fn give_spare(&self, cache: Option<Cache<A>>) {
        if let Ok(mut spare) = self.spare.try_lock() {
            *spare = cache;
        }
    }
}

impl Model {
    /// Packs weights for the kernels. The config's precision becomes that of the weights.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(config: Config, weights: impl Into<AnyWeights>, metadata: Vec<(String, String)>) -> Result<Model, Error> {
        Model::within(Memory::default(), config, weights, metadata)
    }

    /// As [`Model::new`], with another limit to the memory that the model, and with it each run, may take.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn within(
        memory: Memory,
        config: Config,
        weights: impl Into<AnyWeights>,
        metadata: Vec<(String, String)>,
    ) -> Result<Model, Error> {
        let layers = Layers::try_new(&config)?;
        Model::of_layers(memory, config, layers, weights.into(), metadata)
    }

    pub(crate) fn of_layers(
        memory: Memory,
        config: Config,
        layers: Layers,
        weights: AnyWeights,
        metadata: Vec<(String, String)>,
    ) -> Result<Model, Error> {
        let config = Config { precision: weights.precision(), ..config };
        let bytes = packed::planned(&config, &layers, config.precision);
        memory.check(bytes)?;
        let net = bytes.told(match weights {
            Either::F32(weights) => Net::new(&config, &layers, weights).map(Either::F32),
            Either::Int8(weights) => Net::new(&config, &layers, weights).map(Either::Int8),
        })?;
        Ok(Model { config, layers, metadata, rows: None, net, memory, bytes })
    }

    /// The model file. `metadata` is added to the model's own, and replaces what that says under the same keys.
    ///
    /// # Errors
    /// Those of [`format::write`].
    pub fn to_bytes(&self, metadata: &[(String, String)]) -> Result<Vec<u8>, Error> {
        let kept = |key: &String| !format::OWN_KEYS.contains(&key.as_str()) && metadata.iter().all(|(other, _)| other != key);
        let own = || self.metadata.iter().filter(|(key, _)| kept(key)).chain(metadata);
        headroom(format::sizes(own()))?;
        let metadata: Vec<(String, String)> = own().cloned().collect();
        match &self.net {
            Either::F32(net) => format::write_values(&self.config, &metadata, &net.weights),
            Either::Int8(net) => format::write_values(&self.config, &metadata, &net.weights),
        }
    }

    /// The weights, as the file holds them.
    pub fn weights(&self) -> Either<&Weights, &Weights<i32>> {
        match &self.net {
            Either::F32(net) => Either::F32(&net.weights),
            Either::Int8(net) => Either::Int8(&net.weights),
        }
    }

    /// Lets go of what an earlier run has left; whether there was anything.
    pub(crate) fn forget_spare(&self) -> bool {
        match &self.net {
            Either::F32(net) => net.take_spare().is_some(),
            Either::Int8(net) => net.take_spare().is_some(),
        }
    }

    /// Makes sure of room for what is small and made for each layer: layouts, lists, plans. To be called before they are made, and
    /// before what is large is.
    pub(crate) fn room_for_lists(&self) -> Result<(), Error> {
        headroom(Layers::planned(&self.config))
    }

    /// Makes sure of room for a copy of all but its weights.
    pub(crate) fn room_for_copy(&self) -> Result<(), Error> {
        headroom(Layers::planned(&self.config) + format::sizes(self.metadata.iter()))
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes.0
    }

    /// The same net, whose runs take at most so many bytes for rows that they remember.
    pub fn remembering(&self, rows: u64) -> Model {
        let (config, layers, metadata, net) = (self.config.clone(), self.layers.clone(), self.metadata.clone(), self.net.clone());
        Model { config, layers, metadata, rows: Some(rows), net, memory: self.memory, bytes: self.bytes }
    }

    /// What that is.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.unwrap_or_else(|| sharing::default_bytes(&self.layers))
    }

    /// Numbers the rows that are remembered from here on. For tests of what comes when numbers end.
    #[doc(hidden)]
    pub fn number_rows_from(&self, first: u32) {
        self.forget_spare();
        match &self.net {
            Either::F32(net) => net.first_id.store(first, Ordering::Relaxed),
            Either::Int8(net) => net.first_id.store(first, Ordering::Relaxed),
        }
    }

    /// The logits of every pixel of one image, `[height, width, logits]`, by the plain loops of a twin that is easily read. `class` is
    /// 0 where the net has none.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn reference(&self, pixels: &[u16], class: u16) -> Result<Vec<f32>, Error> {
        match &self.net {
            Either::F32(net) => reference::logits::<F32>(&self.config, &self.layers, &net.weights, pixels, class),
            Either::Int8(net) => reference::logits::<Int8>(&self.config, &self.layers, &net.weights, pixels, class),
        }
    }

    /// Reads a model file. Bytes that are given away are let go of before the model is made.
    ///
    /// # Errors
    /// Those of [`format::read`].
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Result<Model, Error> {
        Model::from_bytes_within(Memory::default(), bytes)
    }

    /// As [`Model::from_bytes`], with another limit to the memory that the model, and with it each run, may take.
    ///
    /// # Errors
    /// Those of [`format::read`].
    pub fn from_bytes_within(memory: Memory, bytes: impl AsRef<[u8]>) -> Result<Model, Error> {
        let file = format::read_within(memory, bytes.as_ref())?;
        drop(bytes);
        Model::within(memory, file.config, file.weights, file.metadata)
    }

    /// The schedule with the fewest steps.
    pub fn wavefront(&self) -> Schedule {
        let schedule = Schedule::wavefront(&self.layers, self.config.height, self.config.width);
        schedule.expect("an architecture expands to causal layers")
    }

    /// One pixel a step.
    pub fn raster(&self) -> Schedule {
        let schedule = Schedule::raster(&self.layers, self.config.height, self.config.width);
        schedule.expect("an architecture expands to causal layers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Arithmetic;
    use crate::cell::Cell;
    use crate::layers::{Start, Tap};
    use crate::{Draw, Method, Run, Skipping, Strategy};
    use std::path::Path;

    #[test]
    fn the_packaged_models_are_proven_safe_and_pay_for_no_guard() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect();
        assert!(files.len() >= 3);
        for path in files {
            let model = Model::from_bytes(std::fs::read(&path).unwrap()).unwrap();
            let guarded = match &model.net {
                Either::F32(net) => F32::can_overflow(&model.layers, &net.weights).unwrap(),
                Either::Int8(net) => Int8::can_overflow(&model.layers, &net.weights).unwrap(),
            };
            assert!(!guarded, "{}", path.display());
        }
    }

    #[test]
    fn a_net_is_guarded_where_a_hidden_value_may_overflow() {
        let config = Config { filters: 4, blocks: 1, ..Config::reference() };
        let layers = Layers::new(&config);
        for (factor, wanted) in [(1.0, false), (1e4, false), (1e12, true), (1e36, true)] {
            let values = Weights::random(&layers, 3).values().iter().map(|w| w * factor).collect();
            let weights = Weights::new(&layers, values).unwrap();
            let guarded = F32::can_overflow(&layers, &weights).unwrap();
            assert_eq!(guarded, wanted, "weights of about {factor}");
        }
    }

    #[test]
    fn a_hidden_layer_without_activation_is_the_same_in_lanes_and_in_plain_loops() {
        let (mut drawn, mut failed) = (0, 0);
        for case in 0..60 {
            let config = Config { height: 5, width: 6, filters: 6, blocks: 1, first_kernel: 3, ..Config::reference() };
            let mut layers = Layers::new(&config).to_vec();
            layers.iter_mut().for_each(|layer| layer.cell = Cell::Linear);
            let layers = Layers::from_list(layers);
            let large = f32::powi(10.0, case % 20);
            let values = Weights::random(&layers, case as u64).values().iter().map(|w| w * large).collect();
            let weights = Weights::new(&layers, values).unwrap();
            let model = Model::of_layers(Memory::default(), config, layers, weights.into(), Vec::new());
            let model = Arc::new(model.unwrap());
            let draw = Draw { count: 2, seed: 1, start_index: 0, temperature: 1.0 };
            let results = Method::ALL.iter().map(|&(_, method)| {
                let mut run = Run::sample(&model, draw, Strategy { method, skipping: Skipping::All }).unwrap();
                run.finish().map(|()| (run.pixels().to_vec(), run.nats().to_vec()))
            });
            let results: Vec<_> = results.collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "case {case}: {results:?}");
            (drawn, failed) = if results[0].is_ok() { (drawn + 1, failed) } else { (drawn, failed + 1) };
        }
        assert!(drawn > 10 && failed > 10, "{drawn} drawn, {failed} failed");
    }

    #[test]
    fn a_class_that_comes_through_neighbours_alone_is_told_apart() {
        let config = Config { height: 6, width: 6, filters: 6, blocks: 1, first_kernel: 3, classes: 2, ..Config::reference() };
        let mut layers = Layers::new(&config).to_vec();
        layers.iter_mut().for_each(|layer| layer.residual = None);
        let masked = layers.iter_mut().find(|layer| layer.name == "blocks.0.conv").unwrap();
        masked.start = Start::Bias { class: false };
        masked.inputs[0].terms.retain(|term| term.tap != Tap::HERE);
        let mut layers = Layers::from_list(layers);
        layers.classes = config.classes;
        let weights = Weights::random(&layers, 3);
        let model = Model::of_layers(Memory::default(), config, layers, weights.into(), Vec::new());
        let model = Arc::new(model.unwrap().remembering(1 << 20));
        let [dense, shared] = [Skipping::None, Skipping::All].map(|skipping| {
            let strategy = Strategy { method: Method::Wavefront, skipping };
            let mut run = Run::score_under(&model, vec![0; 72], vec![0, 1], strategy).unwrap();
            run.finish().unwrap();
            run.logits().unwrap().to_vec()
        });
        assert_eq!(shared, dense);
        assert_ne!(dense[..36], dense[36..], "classes that differ");
    }
}
