//! A net ready to run: its config, its layers, its weights as the file holds them and as the kernels read them.

use crate::arithmetic::{Either, Int16, F32};
use crate::cache::Cache;
use crate::config::Config;
use crate::error::Error;
use crate::format::{self, AnyWeights};
use crate::kernels::{Lanes, PackedLayer};
use crate::layers::Layers;
use crate::reference;
use crate::schedule::Schedule;
use crate::weights::Weights;
use std::sync::{Arc, Mutex};

/// The key of the metadata that names the background level.
pub const BACKGROUND: &str = "background";

/// An immutable net, shared by any number of runs.
#[derive(Debug)]
pub struct Model {
    /// The blueprint.
    pub config: Config,
    /// The net as data.
    pub layers: Layers,
    /// The file's `__metadata__`.
    pub metadata: Vec<(String, String)>,
    /// The weights, in their precision.
    pub net: Either<Arc<Net<F32>>, Arc<Net<Int16>>>,
}

/// A net's weights in one precision.
#[derive(Debug)]
pub struct Net<A: Lanes> {
    /// What the file holds; the reference reads it.
    pub weights: Weights<A::Stored>,
    /// The same, as the kernels read it.
    pub(crate) packed: Vec<PackedLayer<A>>,
    logits: A::Rounding,
    /// The cache of the last run that ended, so that the next need not compute its constants anew.
    spare: Mutex<Option<Cache<A>>>,
}

impl<A: Lanes> Net<A> {
    fn new(layers: &Layers, weights: Weights<A::Stored>) -> Arc<Net<A>> {
        let packed = (0..layers.len()).map(|index| PackedLayer::new(layers, &weights, index)).collect();
        let logits = A::rounding(layers, &weights, layers.len() - 1);
        Arc::new(Net { weights, packed, logits, spare: Mutex::new(None) })
    }

    pub(crate) fn logit(&self, sums: &[A::Value]) -> f32 {
        A::logit(self.logits, A::kept_sum(sums))
    }

    pub(crate) fn take_spare(&self) -> Option<Cache<A>> {
        self.spare.try_lock().ok()?.take()
    }

    pub(crate) fn give_spare(&self, cache: Option<Cache<A>>) {
        if let Ok(mut spare) = self.spare.try_lock() {
            *spare = cache;
        }
    }
}

impl Model {
    /// Packs weights for the kernels. The config's precision becomes that of the weights.
    pub fn new(config: Config, weights: impl Into<AnyWeights>, metadata: Vec<(String, String)>) -> Model {
        let layers = Layers::new(&config);
        let weights = weights.into();
        let config = Config { precision: weights.precision(), ..config };
        let net = match weights {
            Either::F32(weights) => Either::F32(Net::new(&layers, weights)),
            Either::Int16(weights) => Either::Int16(Net::new(&layers, weights)),
        };
        Model { config, layers, metadata, net }
    }

    /// The model file. `metadata` is added to the model's own, and replaces what that says under the same keys.
    ///
    /// # Errors
    /// Those of [`format::write`].
    pub fn to_bytes(&self, metadata: &[(String, String)]) -> Result<Vec<u8>, Error> {
        let kept = |key: &String| !format::OWN_KEYS.contains(&key.as_str()) && metadata.iter().all(|(other, _)| other != key);
        let own = self.metadata.iter().filter(|(key, _)| kept(key));
        let metadata: Vec<(String, String)> = own.chain(metadata).cloned().collect();
        let weights = match &self.net {
            Either::F32(net) => Either::F32(net.weights.clone()),
            Either::Int16(net) => Either::Int16(net.weights.clone()),
        };
        format::write(&self.config, &metadata, &weights)
    }

    /// The same net, said to have another background.
    pub fn with_background(&self, level: u8) -> Model {
        let others = self.metadata.iter().filter(|(key, _)| key != BACKGROUND).cloned();
        let metadata = others.chain([(BACKGROUND.to_string(), level.to_string())]).collect();
        Model { config: self.config.clone(), layers: self.layers.clone(), metadata, net: self.net.clone() }
    }

    /// The logits of every pixel of one image, `[height, width]`, by the plain loops of [`mod@reference`].
    pub fn reference(&self, pixels: &[u8]) -> Vec<f32> {
        match &self.net {
            Either::F32(net) => reference::logits::<F32>(&self.config, &self.layers, &net.weights, pixels),
            Either::Int16(net) => reference::logits::<Int16>(&self.config, &self.layers, &net.weights, pixels),
        }
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// Those of [`format::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, Error> {
        let file = format::read(bytes)?;
        Ok(Model::new(file.config, file.weights, file.metadata))
    }

    /// The level that fills most fields, as the metadata's `background` says; `None` where nobody has found out.
    pub fn background(&self) -> Option<u8> {
        let text = &self.metadata.iter().find(|(key, _)| key == BACKGROUND)?.1;
        text.parse().ok().filter(|&level: &u8| usize::from(level) < self.config.levels)
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
