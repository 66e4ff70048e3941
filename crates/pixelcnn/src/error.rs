//! Everything that can go wrong with input from outside, each with a stable code and one sentence.
//!
//! A message says what was wanted and what came. What only a bug of ours can reach is an `assert!` instead.

use crate::decimal::Decimal;
use crate::json::Numbers;
use std::fmt;

/// An error that input can cause. [`Error::code`] is the stable name; `Display` is the sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The file ends before its header or its last tensor does.
    FileTooShort {
        /// Bytes the file would need at least.
        wanted: u64,
        /// Bytes it has.
        got: u64,
    },
    /// The header's stated length is over the cap.
    HeaderTooLarge {
        /// The stated length in bytes.
        length: u64,
        /// The largest length accepted.
        cap: u64,
    },
    /// The header is not UTF-8.
    HeaderNotUtf8 {
        /// Offset of the first bad byte within the header.
        offset: usize,
    },
    /// The header is not a JSON object of the form wanted.
    HeaderNotJson {
        /// What is wrong.
        reason: String,
        /// Offset within the header.
        offset: usize,
    },
    /// The header names one thing twice.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A tensor's entry lacks a field, has one too many, or one of the wrong kind.
    InvalidTensorEntry {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// The product of a shape, or its size in bytes, does not fit.
    ShapeOverflow {
        /// The tensor.
        tensor: String,
    },
    /// A tensor's bytes are not as many as its shape needs.
    SizeMismatch {
        /// The tensor.
        tensor: String,
        /// Bytes the shape needs.
        wanted: u64,
        /// Bytes between its offsets.
        got: u64,
    },
    /// Tensors overlap, leave a hole, run backwards or past the end of the file.
    InvalidOffsets {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// Bytes follow the last tensor.
    TrailingBytes {
        /// How many.
        count: u64,
    },
    /// A tensor's element type is not the model's.
    UnsupportedDtype {
        /// The tensor.
        tensor: String,
        /// The type that its precision asks for.
        wanted: &'static str,
        /// The type found.
        dtype: String,
    },
    /// The file is valid safetensors and not a model of ours.
    NotAModel {
        /// What is missing.
        reason: String,
    },
    /// The file's format version is not one this build reads.
    UnsupportedVersion {
        /// The version found.
        version: String,
    },
    /// The config is not valid.
    InvalidConfig {
        /// What was wanted and what came.
        reason: String,
    },
    /// The config is valid and asks for what this build does not have.
    UnsupportedModel {
        /// What was asked for.
        reason: String,
    },
    /// A tensor that the config calls for is not there.
    MissingTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor is there that the config does not call for.
    UnexpectedTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the config calls for.
    WrongShape {
        /// The tensor.
        tensor: String,
        /// The shape wanted.
        wanted: Vec<usize>,
        /// The shape found.
        got: Vec<u64>,
    },
    /// A weight is NaN or infinite.
    NonFiniteWeight {
        /// The tensor.
        tensor: String,
        /// Index of the weight in the tensor's data.
        index: usize,
    },
    /// A weight that the mask forbids is not zero.
    ForbiddenWeight {
        /// The tensor.
        tensor: String,
        /// Index of the weight in the tensor's data.
        index: usize,
    },
    /// A number of an integer net is beyond what the net computes with.
    WeightOutOfRange {
        /// The tensor.
        tensor: String,
        /// Index of the number in the tensor's data.
        index: usize,
        /// The number.
        value: i32,
        /// The least that is allowed.
        low: i32,
        /// The most that is allowed.
        high: i32,
    },
    /// A scale of an integer net is none that its sums can have.
    ScaleOutOfRange {
        /// The tensor.
        tensor: String,
        /// Index of the number in the tensor's data.
        index: usize,
        /// The number.
        value: f32,
    },
    /// A sum of an integer net could leave 32 bits.
    IntegerOverflow {
        /// The layer.
        layer: String,
        /// The output channel, where the weights are given; none where no scale would do.
        channel: Option<usize>,
    },
    /// The weights given are not as many as the config calls for.
    WeightCount {
        /// How many the config calls for.
        wanted: usize,
        /// How many came.
        got: usize,
    },
    /// An argument of a call is out of its range.
    InvalidArgument {
        /// What was wanted and what came.
        reason: String,
    },
    /// A logit came out NaN or infinite: the weights are too large.
    NonFiniteLogit {
        /// Global index of the image.
        image: u64,
        /// Raster index of the pixel.
        pixel: usize,
    },
    /// The memory that something takes is not to be had.
    OutOfMemory {
        /// Bytes that it would take.
        bytes: u64,
        /// The limit that these are above; none where the host has no more to give.
        limit: Option<u64>,
    },
}

impl Error {
    /// The stable name of the kind, one for each variant.
    pub fn code(&self) -> &'static str {
        match self {
            Error::FileTooShort { .. } => "FILE_TOO_SHORT",
            Error::HeaderTooLarge { .. } => "HEADER_TOO_LARGE",
            Error::HeaderNotUtf8 { .. } => "HEADER_NOT_UTF8",
            Error::HeaderNotJson { .. } => "HEADER_NOT_JSON",
            Error::DuplicateKey { .. } => "DUPLICATE_KEY",
            Error::InvalidTensorEntry { .. } => "INVALID_TENSOR_ENTRY",
            Error::ShapeOverflow { .. } => "SHAPE_OVERFLOW",
            Error::SizeMismatch { .. } => "SIZE_MISMATCH",
            Error::InvalidOffsets { .. } => "INVALID_OFFSETS",
            Error::TrailingBytes { .. } => "TRAILING_BYTES",
            Error::UnsupportedDtype { .. } => "UNSUPPORTED_DTYPE",
            Error::NotAModel { .. } => "NOT_A_MODEL",
            Error::UnsupportedVersion { .. } => "UNSUPPORTED_VERSION",
            Error::InvalidConfig { .. } => "INVALID_CONFIG",
            Error::UnsupportedModel { .. } => "UNSUPPORTED_MODEL",
            Error::MissingTensor { .. } => "MISSING_TENSOR",
            Error::UnexpectedTensor { .. } => "UNEXPECTED_TENSOR",
            Error::WrongShape { .. } => "WRONG_SHAPE",
            Error::NonFiniteWeight { .. } => "NON_FINITE_WEIGHT",
            Error::ForbiddenWeight { .. } => "FORBIDDEN_WEIGHT",
            Error::WeightOutOfRange { .. } => "WEIGHT_OUT_OF_RANGE",
            Error::ScaleOutOfRange { .. } => "SCALE_OUT_OF_RANGE",
            Error::IntegerOverflow { .. } => "INTEGER_OVERFLOW",
            Error::WeightCount { .. } => "WEIGHT_COUNT",
            Error::InvalidArgument { .. } => "INVALID_ARGUMENT",
            Error::NonFiniteLogit { .. } => "NON_FINITE_LOGIT",
            Error::OutOfMemory { .. } => "OUT_OF_MEMORY",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::FileTooShort { wanted, got } => {
                write!(f, "model file: expected at least {wanted} bytes, got {got}; the file is cut off or not a model")
            }
            Error::HeaderTooLarge { length, cap } => {
                write!(
                    f,
                    "model file: expected a header of at most {cap} bytes, got a stated length of {length}; this is not a safetensors file of ours"
                )
            }
            Error::HeaderNotUtf8 { offset } => {
                write!(f, "model file: expected a header in UTF-8, got a bad byte at offset {offset} of the header")
            }
            Error::HeaderNotJson { reason, offset } => {
                write!(f, "model file: expected a JSON object as header, but {reason} at offset {offset}")
            }
            Error::DuplicateKey { key } => {
                write!(f, "model file: expected each key once, got `{key}` twice")
            }
            Error::InvalidTensorEntry { tensor, reason } => write!(f, "tensor `{tensor}`: {reason}"),
            Error::ShapeOverflow { tensor } => {
                write!(f, "tensor `{tensor}`: its shape's size in bytes does not fit in 64 bits")
            }
            Error::SizeMismatch { tensor, wanted, got } => {
                write!(f, "tensor `{tensor}`: expected {wanted} bytes by its shape, got {got} by its offsets")
            }
            Error::InvalidOffsets { tensor, reason } => write!(f, "tensor `{tensor}`: {reason}"),
            Error::TrailingBytes { count } => {
                write!(f, "model file: expected the last tensor to end the file, got {count} bytes after it")
            }
            Error::UnsupportedDtype { tensor, wanted, dtype } => {
                write!(f, "tensor `{tensor}`: expected element type {wanted}, got {dtype}")
            }
            Error::NotAModel { reason } => {
                write!(f, "model file: {reason}; expected a .safetensors file written by pixelcnn")
            }
            Error::UnsupportedVersion { version } => {
                write!(f, "model file: expected format version 1, got {version}; use a pixelcnn that is as new as the file")
            }
            Error::InvalidConfig { reason } => write!(f, "config: {reason}"),
            Error::UnsupportedModel { reason } => write!(f, "config: {reason}"),
            Error::MissingTensor { tensor } => {
                write!(f, "model file: expected a tensor `{tensor}`, which the config calls for, got none")
            }
            Error::UnexpectedTensor { tensor } => {
                write!(f, "model file: got a tensor `{tensor}` that the config does not call for")
            }
            Error::WrongShape { tensor, wanted, got } => {
                write!(f, "tensor `{tensor}`: expected shape {}, got {}", Numbers(wanted), Numbers(got))
            }
            Error::NonFiniteWeight { tensor, index } => {
                write!(f, "tensor `{tensor}`: expected finite weights, got NaN or infinity at index {index}")
            }
            Error::ForbiddenWeight { tensor, index } => {
                write!(f, "tensor `{tensor}`: expected 0 where the mask forbids a weight, got another value at index {index}")
            }
            Error::WeightOutOfRange { tensor, index, value, low, high } => {
                write!(f, "tensor `{tensor}`: expected integers from {low} to {high}, got {value} at index {index}")
            }
            Error::ScaleOutOfRange { tensor, index, value } => {
                write!(
                    f,
                    "tensor `{tensor}`: expected scales from 1e-18 to 1e18, got {:e} at index {index}",
                    Decimal::from(*value)
                )
            }
            Error::IntegerOverflow { layer, channel } => {
                write!(f, "layer `{layer}`: expected sums that stay in 32 bits for any image, got ")?;
                match channel {
                    Some(channel) => write!(f, "channel {channel}, whose can overflow"),
                    None => f.write_str("weights so large that no scale makes them; use the model in f32"),
                }
            }
            Error::WeightCount { wanted, got } => {
                write!(f, "weights: expected {wanted} values, got {got}")
            }
            Error::InvalidArgument { reason } => f.write_str(reason),
            Error::NonFiniteLogit { image, pixel } => {
                write!(
                    f,
                    "image {image}, pixel {pixel}: the logit is not finite; the model's weights are too large to compute with"
                )
            }
            Error::OutOfMemory { bytes, limit: Some(limit) } => {
                write!(
                    f,
                    "memory: expected to need at most the limit of {limit} bytes, got a need of {bytes}; ask for fewer images at once, use a smaller model or allow more"
                )
            }
            Error::OutOfMemory { bytes, limit: None } => {
                write!(
                    f,
                    "memory: expected {bytes} bytes, got less from this host; ask for fewer images at once or use a smaller model"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// One of each variant. The match has no wildcard: a new variant does not compile until it is here too.
    fn one_of_each() -> Vec<Error> {
        let (tensor, reason) = (|| "stem.kernel".to_string(), || "something must be otherwise".to_string());
        let all = vec![
            Error::FileTooShort { wanted: 8, got: 7 },
            Error::HeaderTooLarge { length: 1 << 63, cap: 1 << 20 },
            Error::HeaderNotUtf8 { offset: 0 },
            Error::HeaderNotJson { reason: reason(), offset: 0 },
            Error::DuplicateKey { key: tensor() },
            Error::InvalidTensorEntry { tensor: tensor(), reason: reason() },
            Error::ShapeOverflow { tensor: tensor() },
            Error::SizeMismatch { tensor: tensor(), wanted: 8, got: 4 },
            Error::InvalidOffsets { tensor: tensor(), reason: reason() },
            Error::TrailingBytes { count: 1 },
            Error::UnsupportedDtype { tensor: tensor(), wanted: "F32", dtype: "F16".into() },
            Error::NotAModel { reason: reason() },
            Error::UnsupportedVersion { version: "2".into() },
            Error::InvalidConfig { reason: reason() },
            Error::UnsupportedModel { reason: reason() },
            Error::MissingTensor { tensor: tensor() },
            Error::UnexpectedTensor { tensor: tensor() },
            Error::WrongShape { tensor: tensor(), wanted: vec![2], got: vec![3] },
            Error::NonFiniteWeight { tensor: tensor(), index: 0 },
            Error::ForbiddenWeight { tensor: tensor(), index: 0 },
            Error::WeightOutOfRange { tensor: tensor(), index: 0, value: 40_000, low: -32_767, high: 32_767 },
            Error::ScaleOutOfRange { tensor: tensor(), index: 0, value: 0.0 },
            Error::IntegerOverflow { layer: tensor(), channel: Some(0) },
            Error::WeightCount { wanted: 2, got: 1 },
            Error::InvalidArgument { reason: reason() },
            Error::NonFiniteLogit { image: 0, pixel: 0 },
            Error::OutOfMemory { bytes: 1, limit: None },
        ];
        for (index, error) in all.iter().enumerate() {
            let wanted = match error {
                Error::FileTooShort { .. } => 0,
                Error::HeaderTooLarge { .. } => 1,
                Error::HeaderNotUtf8 { .. } => 2,
                Error::HeaderNotJson { .. } => 3,
                Error::DuplicateKey { .. } => 4,
                Error::InvalidTensorEntry { .. } => 5,
                Error::ShapeOverflow { .. } => 6,
                Error::SizeMismatch { .. } => 7,
                Error::InvalidOffsets { .. } => 8,
                Error::TrailingBytes { .. } => 9,
                Error::UnsupportedDtype { .. } => 10,
                Error::NotAModel { .. } => 11,
                Error::UnsupportedVersion { .. } => 12,
                Error::InvalidConfig { .. } => 13,
                Error::UnsupportedModel { .. } => 14,
                Error::MissingTensor { .. } => 15,
                Error::UnexpectedTensor { .. } => 16,
                Error::WrongShape { .. } => 17,
                Error::NonFiniteWeight { .. } => 18,
                Error::ForbiddenWeight { .. } => 19,
                Error::WeightOutOfRange { .. } => 20,
                Error::ScaleOutOfRange { .. } => 21,
                Error::IntegerOverflow { .. } => 22,
                Error::WeightCount { .. } => 23,
                Error::InvalidArgument { .. } => 24,
                Error::NonFiniteLogit { .. } => 25,
                Error::OutOfMemory { .. } => 26,
            };
            assert_eq!(index, wanted, "{error:?}");
        }
        all
    }

    #[test]
    fn each_variant_has_a_code_of_its_own() {
        let errors = one_of_each();
        let codes: BTreeSet<&str> = errors.iter().map(Error::code).collect();
        assert_eq!(codes.len(), errors.len());
        for code in codes {
            assert!(code.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9' | '_')), "{code}");
        }
    }

    #[test]
    fn each_message_is_one_sentence() {
        for error in one_of_each() {
            let message = error.to_string();
            assert!(message.len() > 10 && !message.ends_with('.') && !message.contains(['\n', '\r']), "{message}");
            assert!(!message.contains(". "), "{message}: more than one sentence");
            assert!(message.starts_with(char::is_lowercase), "{message}: messages begin in lower case");
        }
    }
}
