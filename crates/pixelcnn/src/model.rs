//! A net ready to run: its config, its layers, its weights as the file holds them and as the kernels read them.

use crate::cache::Cache;
use crate::config::Config;
use crate::error::Error;
use crate::format;
use crate::kernels::PackedLayer;
use crate::layers::Layers;
use crate::schedule::Schedule;
use crate::weights::Weights;
use std::sync::Mutex;

/// An immutable net, shared by any number of runs.
#[derive(Debug)]
pub struct Model {
    /// The blueprint.
    pub config: Config,
    /// The net as data.
    pub layers: Layers,
    /// What the file holds; the reference reads it.
    pub weights: Weights,
    /// The same, as the kernels read it.
    pub(crate) packed: Vec<PackedLayer>,
    /// The file's `__metadata__`.
    pub metadata: Vec<(String, String)>,
    /// The cache of the last run that ended, so that the next need not compute its constants anew.
    spare: Mutex<Option<Cache>>,
}

impl Model {
    /// Packs weights for the kernels.
    pub fn new(config: Config, weights: Weights, metadata: Vec<(String, String)>) -> Model {
        let layers = Layers::new(&config);
        let pack = |(index, layer)| PackedLayer::new(layer, |input| weights.kernel(index, input), weights.bias(index));
        let packed = layers.iter().enumerate().map(pack).collect();
        Model { config, layers, weights, packed, metadata, spare: Mutex::new(None) }
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
        let text = &self.metadata.iter().find(|(key, _)| key == "background")?.1;
        text.parse().ok().filter(|&level: &u8| usize::from(level) < self.config.levels)
    }

    pub(crate) fn take_spare(&self) -> Option<Cache> {
        self.spare.try_lock().ok()?.take()
    }

    pub(crate) fn give_spare(&self, cache: Cache) {
        if let Ok(mut spare) = self.spare.try_lock() {
            *spare = Some(cache);
        }
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
