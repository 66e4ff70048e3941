//! The blueprint of a net: a handful of numbers from which everything else is derived.

use crate::error::Error;
use crate::json::{Json, Object, clip};

/// Which family of nets a config describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// The net of van den Oord et al. 2016 (arXiv:1601.06759, table 1): one masked stack of residual blocks.
    Plain,
    /// The net of van den Oord et al. 2016b (arXiv:1606.05328, figure 2): a vertical stack that sees all rows above, a horizontal
    /// one that sees the pixel's own row and the vertical stack, gates in both. It has no blind spot.
    Gated,
}

/// Longest config, in bytes of JSON. Ours are under 300.
pub const MAX_CONFIG: usize = 1024;

/// What a level is to a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A grey value: `level / (levels - 1)`.
    Ordinal,
    /// A name: one channel for each level, 1 at its own (or what an embedding makes of it). Outside the image all are 0.
    Nominal,
}

/// What hidden layers do to their sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x > 0 ? x : 0`; as a gate `relu(a) * clamp(b / 4 + 1 / 2, 0, 1)`, which keeps zeros.
    Relu,
    /// The hyperbolic tangent; as a gate `tanh(a) * sigmoid(b)` (arXiv:1606.05328, equation 2).
    Tanh,
    /// The logistic function. No gate.
    Sigmoid,
}

/// The element type that weights and activations are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// IEEE single precision.
    F32,
    /// Integers: weights of 8 bits, activations of 7 or 8 and a sign, sums of 32 that cannot overflow.
    Int8,
}

impl Precision {
    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Int8 => "int8",
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
    /// Values a channel can take, 2 to [`MAX_LEVELS`]. Two have one logit, of a sigmoid; more have one each, of a softmax.
    pub levels: usize,
    /// What a level is to the net.
    pub input: Input,
    /// Channels that a nominal level is embedded in, 0 to [`MAX_LEVELS`]; 0 for one-hot.
    pub embedding: usize,
    /// Classes that images may be drawn of, 2 to [`MAX_CLASSES`]; 0 for a net without.
    pub classes: usize,
    /// What hidden layers do to their sums.
    pub activation: Activation,
    /// Channels of the residual stream, 2 to [`MAX_FILTERS`]. A plain block's masked convolution has half of them, so they are
    /// even there; a gated net's stacks have as many each, its head twice as many.
    pub filters: usize,
    /// Residual blocks, 0 to [`MAX_BLOCKS`]; gated layers after the first.
    pub blocks: usize,
    /// Kernel size of the first, mask-A convolution: odd, 3 to [`MAX_KERNEL`] (1 would see nothing).
    pub first_kernel: usize,
    /// Kernel size of a block's mask-B convolution: odd, 1 to [`MAX_KERNEL`].
    pub block_kernel: usize,
    /// 1x1 layers between the last block and the logits, 0 to [`MAX_BLOCKS`].
    pub head_layers: usize,
    /// How far a plain block's kernel leans, 0 to [`MAX_LEAN`]: a row of it, `dy` above, lies `lean * dy` columns to the right.
    pub lean: usize,
    /// How far apart the taps of a block's kernel lie, 1 to [`MAX_DILATION`]: block `b` has the number at `b % len`. One to 8.
    pub dilations: Vec<usize>,
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
/// Most values a channel can take.
pub const MAX_LEVELS: usize = 512;
/// Most classes.
pub const MAX_CLASSES: usize = 1024;
/// Furthest that a kernel leans.
pub const MAX_LEAN: usize = 8;
/// Largest distance of taps.
pub const MAX_DILATION: usize = 16;
const MAX_DILATIONS: usize = 8;
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
            input: Input::Ordinal,
            embedding: 0,
            classes: 0,
            activation: Activation::Relu,
            filters: 128,
            blocks: 5,
            first_kernel: 7,
            block_kernel: 3,
            head_layers: 2,
            lean: 0,
            dilations: vec![1],
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
        range("levels", self.levels, 2, MAX_LEVELS)?;
        range("embedding", self.embedding, 0, MAX_LEVELS)?;
        range("classes", self.classes, 0, MAX_CLASSES)?;
        range("filters", self.filters, 2, MAX_FILTERS)?;
        range("blocks", self.blocks, 0, MAX_BLOCKS)?;
        range("firstKernel", self.first_kernel, 3, MAX_KERNEL)?;
        range("blockKernel", self.block_kernel, 1, MAX_KERNEL)?;
        range("headLayers", self.head_layers, 0, MAX_BLOCKS)?;
        range("lean", self.lean, 0, MAX_LEAN)?;
        for &dilation in &self.dilations {
            range("dilations", dilation, 1, MAX_DILATION)?;
        }
        let invalid = |reason: String| Err(Error::InvalidConfig { reason });
        if self.dilations.is_empty() || self.dilations.len() > MAX_DILATIONS {
            return invalid(format!("dilations must be a list of 1 to {MAX_DILATIONS} numbers, got {}", self.dilations.len()));
        }
        for (name, size) in [("firstKernel", self.first_kernel), ("blockKernel", self.block_kernel)] {
            if size % 2 == 0 {
                return invalid(format!("{name} must be odd, because the mask needs a centre, got {size}"));
            }
        }
        if self.classes == 1 {
            return invalid("classes must be 0 for a net without classes, or at least 2, got 1".into());
        }
        if self.embedding > 0 && self.input == Input::Ordinal {
            return invalid(format!("embedding must be 0 where input is `ordinal`, got {}", self.embedding));
        }
        match self.architecture {
            Architecture::Plain if self.filters % 2 != 0 => {
                return invalid(format!("filters must be even, because a block halves them, got {}", self.filters));
            }
            Architecture::Gated if self.lean > 0 => {
                return invalid(format!("lean must be 0 in a gated net, which sees every pixel above, got {}", self.lean));
            }
            Architecture::Gated if self.activation == Activation::Sigmoid => {
                return invalid("activation must be `tanh` or `relu` in a gated net, got `sigmoid`".into());
            }
            _ => {}
        }
        let unsupported = |reason: String| Err(Error::UnsupportedModel { reason });
        if self.channels != 1 {
            return unsupported(format!("channels must be 1 in this version, got {}", self.channels));
        }
        Ok(self)
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Logits of a pixel: one, of a sigmoid, for two levels, else one for each, of a softmax.
    pub fn logits(&self) -> usize {
        if self.levels == 2 { 1 } else { self.levels }
    }

    /// Channels that the net sees of a pixel.
    pub fn input_channels(&self) -> usize {
        match self.input {
            Input::Ordinal => self.channels,
            Input::Nominal if self.embedding > 0 => self.embedding,
            Input::Nominal => self.levels,
        }
    }

    /// Whether a pixel's channels are 0 but for one that is 1.
    pub fn is_one_hot(&self) -> bool {
        self.input == Input::Nominal && self.embedding == 0
    }

    /// Whether channels can be put into another order, and it pays: a plain net with relu, whose zeros skipping leaves out.
    pub fn has_order(&self) -> bool {
        (self.architecture, self.activation) == (Architecture::Plain, Activation::Relu)
    }

    /// The activation of a family where none is named.
    fn default_activation(architecture: Architecture) -> Activation {
        match architecture {
            Architecture::Plain => Activation::Relu,
            Architecture::Gated => Activation::Tanh,
        }
    }

    /// Reads and checks a config. Fields that nets of version 0.1.0 had not may be missing; all others are wanted, none other is
    /// known.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] or [`Error::UnsupportedModel`].
    pub fn from_json(text: &str) -> Result<Config, Error> {
        let invalid = |reason: String| Error::InvalidConfig { reason };
        // Each key of an object is held against all before it.
        if text.len() > MAX_CONFIG {
            return Err(invalid(format!("must be at most {MAX_CONFIG} bytes of JSON, got {}", text.len())));
        }
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
        let optional = |name: &str| if object.get(name).is_none() { Ok(0) } else { number(name) };
        let architecture = named(string("architecture")?, "architecture", &ARCHITECTURES)?;
        let precision = string("precision")?;
        if precision == "int16" {
            let reason = "precision must be `f32` or `int8` in this version, got `int16`; quantize the f32 model again".into();
            return Err(Error::UnsupportedModel { reason });
        }
        let precision = named(precision, "precision", &[("f32", Precision::F32), ("int8", Precision::Int8)])?;
        let choice = |name: &str| if object.get(name).is_none() { Ok(None) } else { string(name).map(Some) };
        Config {
            architecture,
            height: number("height")?,
            width: number("width")?,
            channels: number("channels")?,
            levels: number("levels")?,
            input: choice("input")?.map_or(Ok(Input::Ordinal), |name| named(name, "input", &INPUTS))?,
            embedding: optional("embedding")?,
            classes: optional("classes")?,
            activation: choice("activation")?
                .map_or(Ok(Config::default_activation(architecture)), |name| named(name, "activation", &ACTIVATIONS))?,
            filters: number("filters")?,
            blocks: number("blocks")?,
            first_kernel: number("firstKernel")?,
            block_kernel: number("blockKernel")?,
            head_layers: number("headLayers")?,
            lean: optional("lean")?,
            dilations: dilations(&object)?,
            precision,
        }
        .checked()
    }

    /// The config as JSON, fields in their fixed order. One that version 0.1.0 had not is left out where it says nothing new.
    pub fn to_json(&self) -> String {
        let mut json = format!(
            r#"{{"architecture":"{}","height":{},"width":{},"channels":{},"levels":{}"#,
            name_of(self.architecture, &ARCHITECTURES),
            self.height,
            self.width,
            self.channels,
            self.levels,
        );
        let mut add = |differs: bool, text: String| json.push_str(if differs { &text } else { "" });
        add(self.input != Input::Ordinal, format!(r#","input":"{}""#, name_of(self.input, &INPUTS)));
        add(self.embedding > 0, format!(r#","embedding":{}"#, self.embedding));
        add(self.classes > 0, format!(r#","classes":{}"#, self.classes));
        let usual = Config::default_activation(self.architecture);
        add(self.activation != usual, format!(r#","activation":"{}""#, name_of(self.activation, &ACTIVATIONS)));
        add(
            true,
            format!(
                r#","filters":{},"blocks":{},"firstKernel":{},"blockKernel":{},"headLayers":{}"#,
                self.filters, self.blocks, self.first_kernel, self.block_kernel, self.head_layers
            ),
        );
        add(self.lean > 0, format!(r#","lean":{}"#, self.lean));
        let dilations: Vec<String> = self.dilations.iter().map(usize::to_string).collect();
        add(self.dilations != [1], format!(r#","dilations":[{}]"#, dilations.join(",")));
        add(true, format!(r#","precision":"{}"}}"#, self.precision.name()));
        json
    }
}

const ARCHITECTURES: [(&str, Architecture); 2] = [("plain", Architecture::Plain), ("gated", Architecture::Gated)];
const INPUTS: [(&str, Input); 2] = [("ordinal", Input::Ordinal), ("nominal", Input::Nominal)];
const ACTIVATIONS: [(&str, Activation); 3] =
    [("relu", Activation::Relu), ("tanh", Activation::Tanh), ("sigmoid", Activation::Sigmoid)];

/// The value of a name.
fn named<T: Copy>(name: &str, field: &str, names: &[(&str, T)]) -> Result<T, Error> {
    names.iter().find(|entry| entry.0 == name).map(|entry| entry.1).ok_or_else(|| {
        let known: Vec<String> = names.iter().map(|entry| format!("`{}`", entry.0)).collect();
        let reason = format!("{field} must be {} in this version, got `{}`", known.join(" or "), clip(name));
        Error::UnsupportedModel { reason }
    })
}

/// The name of a value.
fn name_of<T: Copy + PartialEq>(value: T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|entry| entry.1 == value).map_or("", |entry| entry.0)
}

const FIELDS: [&str; 17] = [
    "architecture",
    "height",
    "width",
    "channels",
    "levels",
    "input",
    "embedding",
    "classes",
    "activation",
    "filters",
    "blocks",
    "firstKernel",
    "blockKernel",
    "headLayers",
    "lean",
    "dilations",
    "precision",
];

fn dilations(object: &Object) -> Result<Vec<usize>, Error> {
    let invalid = |got: String| Error::InvalidConfig { reason: format!("dilations must be a list of whole numbers, got {got}") };
    match object.get("dilations") {
        None => Ok(vec![1]),
        Some(Json::Array(items)) => {
            let number = |item: &Json| match item {
                Json::Number(text) => text.parse::<u32>().ok().map(|n| n as usize),
                _ => None,
            };
            items.iter().map(|item| number(item).ok_or_else(|| invalid(format!("one with {}", item.brief())))).collect()
        }
        Some(other) => Err(invalid(other.brief())),
    }
}

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
        for precision in [Precision::F32, Precision::Int8] {
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
            ("\"levels\":2", "\"levels\":513", "levels"),
            ("\"levels\":2", "\"levels\":2,\"embedding\":4", "embedding"),
            ("\"levels\":2", "\"levels\":2,\"classes\":1", "classes"),
            ("\"levels\":2", "\"levels\":2,\"input\":\"rgb\"", "input"),
            ("\"levels\":2", "\"levels\":2,\"activation\":\"gelu\"", "activation"),
            ("\"headLayers\":2", "\"headLayers\":2,\"lean\":9", "lean"),
            ("\"headLayers\":2", "\"headLayers\":2,\"dilations\":[]", "dilations"),
            ("\"headLayers\":2", "\"headLayers\":2,\"dilations\":[1,0]", "dilations"),
            ("\"headLayers\":2", "\"headLayers\":2,\"dilations\":2", "dilations"),
            ("\"headLayers\":2", "\"headLayers\":2,\"dilations\":[\"2\"]", "dilations"),
            ("\"precision\":\"f32\"", "\"precision\":\"int16\"", "quantize the f32 model again"),
            ("\"filters\":128", "\"filters\":127", "filters"),
            ("\"filters\":128", "\"filters\":\"128\"", "filters"),
            ("\"blocks\":5", "\"blocks\":257", "blocks"),
            ("\"firstKernel\":7", "\"firstKernel\":1", "firstKernel"),
            ("\"firstKernel\":7", "\"firstKernel\":6", "firstKernel"),
            ("\"blockKernel\":3", "\"blockKernel\":2", "blockKernel"),
            ("\"headLayers\":2", "\"headLayers\":null", "headLayers"),
            ("\"headLayers\":2", "\"heads\":2", "heads"),
            ("\"plain\"", "\"fancy\"", "architecture"),
            ("\"plain\"", "\"gated\",\"lean\":1", "lean"),
            ("\"plain\"", "\"gated\",\"activation\":\"sigmoid\"", "activation"),
            ("\"f32\"", "\"f16\"", "precision"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            let message = Config::from_json(&bad).unwrap_err().to_string();
            assert!(message.contains(word), "{bad}: {message}");
        }
    }

    #[test]
    fn a_text_that_is_longer_than_any_config_is_not_read() {
        let members: Vec<String> = (0..80_000).map(|key| format!("\"{key}\": 0")).collect();
        let error = Config::from_json(&format!("{{{}}}", members.join(", "))).unwrap_err();
        assert!(error.to_string().contains("at most 1024 bytes"), "{error}");
    }
}
