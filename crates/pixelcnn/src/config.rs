//! The blueprint of a net: a handful of numbers from which everything else is derived.

use crate::error::Error;
use crate::json::{Json, Object, clip};

/// Which family of nets a config describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// The net of van den Oord et al. 2016 (arXiv:1601.06759, table 1): one masked stack of residual blocks.
    Plain,
}

/// The element type that weights and activations are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// IEEE single precision.
    F32,
    /// Integers alone: weights and activations of 16 bits, sums of 32 that cannot overflow.
    Int16,
}

impl Precision {
    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Int16 => "int16",
        }
    }
}

/// The blueprint of a net. Made by [`Config::checked`] or [`Config::from_json`], which check it; then immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The family.
    pub architecture: Architecture,
    /// Image height in pixels, 1 to [`MAX_SIDE`].
    pub height: usize,
    /// Image width in pixels, 1 to [`MAX_SIDE`].
    pub width: usize,
    /// Channels of an image. This build: 1.
    pub channels: usize,
    /// Values a channel can take. This build: 2.
    pub levels: usize,
    /// Channels of the residual stream, even, 2 to [`MAX_FILTERS`]; a block's masked convolution has half of them.
    pub filters: usize,
    /// Residual blocks, 0 to [`MAX_BLOCKS`].
    pub blocks: usize,
    /// Kernel size of the first, mask-A convolution: odd, 3 to [`MAX_KERNEL`] (1 would see nothing).
    pub first_kernel: usize,
    /// Kernel size of a block's mask-B convolution: odd, 1 to [`MAX_KERNEL`].
    pub block_kernel: usize,
    /// 1x1 layers between the last block and the logits, 0 to [`MAX_BLOCKS`].
    pub head_layers: usize,
    /// Element type of the weights.
    pub precision: Precision,
}

/// Largest image side in pixels. With it, all sizes and step counts fit in 32 bits.
pub const MAX_SIDE: usize = 4096;
/// Largest number of filters.
pub const MAX_FILTERS: usize = 4096;
/// Largest number of residual blocks, and of head layers.
pub const MAX_BLOCKS: usize = 256;
/// Largest kernel size.
pub const MAX_KERNEL: usize = 31;
/// Most weights a model may have: 1 GiB of f32, what a 32-bit WebAssembly memory can hold beside its packed copy.
pub const MAX_WEIGHTS: usize = 1 << 28;

impl Config {
    /// The net of the reference program: 28x28 binary digits, 128 filters, 5 blocks, 532,673 parameters.
    pub fn reference() -> Config {
        Config {
            architecture: Architecture::Plain,
            height: 28,
            width: 28,
            channels: 1,
            levels: 2,
            filters: 128,
            blocks: 5,
            first_kernel: 7,
            block_kernel: 3,
            head_layers: 2,
            precision: Precision::F32,
        }
    }

    /// Checks every field and their product; returns the config unchanged.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] naming the field, its range and what came; [`Error::UnsupportedModel`] where the
    /// value makes sense and this build cannot run it.
    pub fn checked(self) -> Result<Config, Error> {
        let range = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(Error::InvalidConfig { reason: format!("{name} must be an integer from {low} to {high}, got {value}") })
            }
        };
        range("height", self.height, 1, MAX_SIDE)?;
        range("width", self.width, 1, MAX_SIDE)?;
        range("channels", self.channels, 1, 4)?;
        range("levels", self.levels, 2, 256)?;
        range("filters", self.filters, 2, MAX_FILTERS)?;
        range("blocks", self.blocks, 0, MAX_BLOCKS)?;
        range("firstKernel", self.first_kernel, 3, MAX_KERNEL)?;
        range("blockKernel", self.block_kernel, 1, MAX_KERNEL)?;
        range("headLayers", self.head_layers, 0, MAX_BLOCKS)?;
        for (name, size) in [("firstKernel", self.first_kernel), ("blockKernel", self.block_kernel)] {
            if size % 2 == 0 {
                let reason = format!("{name} must be odd, because the mask needs a centre, got {size}");
                return Err(Error::InvalidConfig { reason });
            }
        }
        if self.filters % 2 != 0 {
            let reason = format!("filters must be even, because a block halves them, got {}", self.filters);
            return Err(Error::InvalidConfig { reason });
        }
        if self.channels != 1 {
            let reason = format!("channels must be 1 in this version, got {}", self.channels);
            return Err(Error::UnsupportedModel { reason });
        }
        if self.levels != 2 {
            let reason = format!("levels must be 2 in this version, got {}", self.levels);
            return Err(Error::UnsupportedModel { reason });
        }
        // Within the ranges above a layer has at most 31 * 31 * 4096 * 4096 weights: no overflow in 64 bits.
        let (f, h) = (self.filters as u64, self.filters as u64 / 2);
        let kernel = |k: usize| (k * k) as u64;
        let weights = kernel(self.first_kernel) * f
            + self.blocks as u64 * (f * f + kernel(self.block_kernel) * f * h + h * f)
            + self.head_layers as u64 * f * f;
        if weights > MAX_WEIGHTS as u64 {
            let reason = format!("the net must have at most {MAX_WEIGHTS} weights, got {weights}");
            return Err(Error::UnsupportedModel { reason });
        }
        Ok(self)
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Logits of a pixel: one (of a sigmoid) for binary images.
    pub fn logits(&self) -> usize {
        1
    }

    /// What a level is to the net: 0 for the lowest, 1 for the highest.
    pub fn level_value(&self, level: u8) -> f32 {
        f32::from(level) / (self.levels - 1) as f32
    }

    /// Reads and checks a config; every field is wanted, none other is known.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] or [`Error::UnsupportedModel`].
    pub fn from_json(text: &str) -> Result<Config, Error> {
        let invalid = |reason: String| Error::InvalidConfig { reason };
        let json = Json::parse(text).map_err(|e| invalid(format!("not valid JSON: {e}")))?;
        let Json::Object(object) = json else {
            return Err(invalid("must be a JSON object".into()));
        };
        for (key, _) in object.iter() {
            if !FIELDS.contains(&key) {
                let (key, known) = (clip(key), FIELDS.join(", "));
                return Err(invalid(format!("has a field `{key}` that this version does not know; known are {known}")));
            }
        }
        let string = |name: &str| match object.get(name) {
            Some(Json::String(value)) => Ok(value.as_str()),
            _ => Err(invalid(format!("{name} must be a string"))),
        };
        let number = |name: &str| integer(&object, name);
        let architecture = match string("architecture")? {
            "plain" => Architecture::Plain,
            other => {
                return Err(Error::UnsupportedModel {
                    reason: format!("architecture must be `plain` in this version, got `{}`", clip(other)),
                });
            }
        };
        let precision = match string("precision")? {
            "f32" => Precision::F32,
            "int16" => Precision::Int16,
            other => {
                return Err(Error::UnsupportedModel {
                    reason: format!("precision must be `f32` or `int16` in this version, got `{}`", clip(other)),
                });
            }
        };
        Config {
            architecture,
            height: number("height")?,
            width: number("width")?,
            channels: number("channels")?,
            levels: number("levels")?,
            filters: number("filters")?,
            blocks: number("blocks")?,
            first_kernel: number("firstKernel")?,
            block_kernel: number("blockKernel")?,
            head_layers: number("headLayers")?,
            precision,
        }
        .checked()
    }

    /// The config as JSON, fields in their fixed order.
    pub fn to_json(&self) -> String {
        let Architecture::Plain = self.architecture;
        format!(
            concat!(
                r#"{{"architecture":"plain","height":{},"width":{},"channels":{},"levels":{},"filters":{},"#,
                r#""blocks":{},"firstKernel":{},"blockKernel":{},"headLayers":{},"precision":"{}"}}"#
            ),
            self.height,
            self.width,
            self.channels,
            self.levels,
            self.filters,
            self.blocks,
            self.first_kernel,
            self.block_kernel,
            self.head_layers,
            self.precision.name()
        )
    }
}

const FIELDS: [&str; 11] = [
    "architecture",
    "height",
    "width",
    "channels",
    "levels",
    "filters",
    "blocks",
    "firstKernel",
    "blockKernel",
    "headLayers",
    "precision",
];

fn integer(object: &Object, name: &str) -> Result<usize, Error> {
    let value = match object.get(name) {
        Some(Json::Number(text)) => text.parse::<u32>().ok(),
        _ => None,
    };
    value.map(|v| v as usize).ok_or_else(|| Error::InvalidConfig {
        reason: format!("{name} must be a whole number, got {}", object.get(name).map_or("nothing".into(), Json::brief)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trips() {
        for precision in [Precision::F32, Precision::Int16] {
            let config = Config { precision, ..Config::reference() };
            assert_eq!(Config::from_json(&config.to_json()), Ok(config));
        }
    }

    #[test]
    fn each_bad_field_is_named() {
        let good = Config::reference().to_json();
        for (from, to, word) in [
            ("\"height\":28", "\"height\":0", "height"),
            ("\"width\":28", "\"width\":5000", "width"),
            ("\"width\":28", "\"width\":28.5", "width"),
            ("\"width\":28", "\"width\":-1", "width"),
            ("\"width\":28", "\"width\":1e300", "width"),
            ("\"channels\":1", "\"channels\":3", "channels"),
            ("\"levels\":2", "\"levels\":256", "levels"),
            ("\"filters\":128", "\"filters\":127", "filters"),
            ("\"filters\":128", "\"filters\":\"128\"", "filters"),
            ("\"blocks\":5", "\"blocks\":257", "blocks"),
            ("\"firstKernel\":7", "\"firstKernel\":1", "firstKernel"),
            ("\"firstKernel\":7", "\"firstKernel\":6", "firstKernel"),
            ("\"blockKernel\":3", "\"blockKernel\":2", "blockKernel"),
            ("\"headLayers\":2", "\"headLayers\":null", "headLayers"),
            ("\"headLayers\":2", "\"heads\":2", "heads"),
            ("\"plain\"", "\"gated\"", "architecture"),
            ("\"f32\"", "\"f16\"", "precision"),
            ("\"filters\":128,\"blocks\":5", "\"filters\":4096,\"blocks\":256", "weights"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            let message = Config::from_json(&bad).unwrap_err().to_string();
            assert!(message.contains(word), "{bad}: {message}");
        }
    }
}
