//! The model file: safetensors with our own rules. The one parser and the one writer.
//!
//! ```text
//! 8 bytes    length of the header, little-endian
//! header     JSON: "__metadata__" (strings: format, version, config, and what the writer adds), then for each tensor
//!            "name": {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, offsets counted from the data
//! data       little-endian, row-major, of the types that the config's precision asks for; the tensors of
//!            `tensor_specs`, each once, end to end, in any order
//! ```
//!
//! A file comes from anyone, so nothing it says is believed: a length counts only once it is checked against the bytes
//! that are there. The config says which tensors there must be, so the table of tensors is as long as the net asks for,
//! however many the header names. Beside the file's own bytes, reading never holds more than as much again (twice as much of
//! integers, which are held in 32 bits), plus the list of layers that the config expands to: under 4 MiB for the largest
//! config, under 64 KiB for the reference's.

use crate::arithmetic::Either;
use crate::config::{Config, Precision};
use crate::error::Error;
use crate::json::{JsonError, Numbers, Reader, clip, quote, write_quoted};
use crate::layers::Layers;
use crate::memory::{Bytes, Memory, Text, headroom, try_room};
use crate::packed;
use crate::tensors::{TensorSpec, tensor_specs};
use crate::weights::{Stored, Weights};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::ops::Range;

/// Value of the metadata's `format`.
pub const FORMAT: &str = "pixelcnn";
/// Value of the metadata's `version`: the one that this build reads and writes.
pub const VERSION: &str = "1";
/// Longest header accepted, in bytes. The largest config has 5,649 tensors of about 80 bytes each, which leaves more than half
/// of it to the training record.
pub const MAX_HEADER: usize = 1 << 20;
/// Most keys in the metadata. Ours has five or so.
pub const MAX_METADATA: usize = 64;

/// Keys of the metadata that are the file's own.
pub const OWN_KEYS: [&str; 3] = ["format", "version", "config"];

/// The data start at a multiple of this, a cache line, so that a file mapped to memory can be read in place.
const ALIGNMENT: usize = 64;
/// More dimensions than any tensor has; keeps a hostile shape short.
const MAX_RANK: usize = 8;
const METADATA: &str = "__metadata__";
/// What lists of metadata, a config as a tree and a message take, in bytes.
const SMALL: u64 = 32 << 10;

/// What a model file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// The blueprint.
    pub config: Config,
    /// All of `__metadata__`, in the order of the file, `format`, `version` and `config` included.
    pub metadata: Vec<(String, String)>,
    /// The weights, checked.
    pub weights: AnyWeights,
}

/// The weights of a file, in the config's precision.
pub type AnyWeights = Either<Weights, Weights<i32>>;

impl From<Weights> for AnyWeights {
    fn from(weights: Weights) -> AnyWeights {
        Either::F32(weights)
    }
}

impl From<Weights<i32>> for AnyWeights {
    fn from(weights: Weights<i32>) -> AnyWeights {
        Either::Int8(weights)
    }
}

/// Reads a model file.
///
/// # Errors
/// One for each way in which a file can be wrong: every [`Error`] but those of arguments and logits.
pub fn read(bytes: &[u8]) -> Result<ModelFile, Error> {
    read_within(Memory::default(), bytes)
}

/// As [`read`], where file and model may take no more than that.
///
/// # Errors
/// Those of [`read`].
pub fn read_within(memory: Memory, bytes: &[u8]) -> Result<ModelFile, Error> {
    let (header, data) = split(bytes)?;
    // What is kept of the header is shorter than it is, but for the lists that hold it.
    headroom(Bytes(header.len() as u64) + Bytes(SMALL))?;
    let metadata = read_metadata(header)?;
    let config = read_config(&metadata)?;
    let layers = Layers::try_new(&config)?;
    let planned = Bytes(bytes.len() as u64) + packed::planned(&config, &layers, config.precision);
    memory.check(planned)?;
    let specs = tensor_specs(&layers, config.precision);
    let ranges = read_ranges(header, &specs)?;
    check_ranges(&specs, &ranges, bytes.len() - data.len(), data.len())?;
    let weights = match config.precision {
        Precision::F32 => Either::F32(Weights::new(&layers, planned.told(read_values(data, &specs, ranges))?)?),
        Precision::Int8 => Either::Int8(Weights::new(&layers, planned.told(read_values(data, &specs, ranges))?)?),
    };
    Ok(ModelFile { config, metadata, weights })
}

fn read_values<T: Stored>(data: &[u8], specs: &[TensorSpec], ranges: Vec<Range<u64>>) -> Result<Vec<T>, Error> {
    let mut values = try_room(specs.iter().map(TensorSpec::len).sum())?;
    for (spec, range) in specs.iter().zip(ranges) {
        let bytes = &data[range.start as usize..range.end as usize];
        T::read(bytes, spec.dtype, &mut values);
    }
    Ok(values)
}

/// Writes a model file: `format`, `version` and `config`, then `metadata`, then the tensors in the order of
/// [`tensor_specs`]. The same arguments give the same bytes, and what [`read`] gives can be written again.
///
/// # Errors
/// [`Error::InvalidArgument`] where the config is of another precision, or the metadata has a key twice, gives `format`,
/// `version` or `config` another value, or is larger than [`read`] accepts; [`Error::WeightCount`] where the weights are
/// another net's.
pub fn write(config: &Config, metadata: &[(String, String)], weights: &AnyWeights) -> Result<Vec<u8>, Error> {
    match weights {
        Either::F32(weights) => write_values(config, metadata, weights),
        Either::Int8(weights) => write_values(config, metadata, weights),
    }
}

pub(crate) fn write_values<T: Stored>(
    config: &Config,
    metadata: &[(String, String)],
    weights: &Weights<T>,
) -> Result<Vec<u8>, Error> {
    if config.precision != T::PRECISION {
        let (wanted, got) = (T::PRECISION.name(), config.precision.name());
        let reason = format!("config.precision must be `{wanted}`, as the weights are, got `{got}`");
        return Err(Error::InvalidArgument { reason });
    }
    let specs = tensor_specs(&Layers::try_new(config)?, T::PRECISION);
    let wanted = specs.iter().map(TensorSpec::len).sum();
    if weights.values().len() != wanted {
        return Err(Error::WeightCount { wanted, got: weights.values().len() });
    }
    let header = write_header(&specs, &all_metadata(config, metadata)?)?;
    let data = specs.iter().map(|spec| Bytes::of::<u8>(&[spec.dtype.size() as u64, spec.len() as u64])).sum::<Bytes>();
    let size = data + Bytes(8 + header.len() as u64);
    let mut bytes = try_room(usize::try_from(size.0).map_err(|_| Error::OutOfMemory { bytes: size.0, limit: None })?)?;
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    let mut values = weights.values();
    for spec in &specs {
        let (tensor, rest) = values.split_at(spec.len());
        tensor.iter().for_each(|value| value.extend_le(spec.dtype, &mut bytes));
        values = rest;
    }
    Ok(bytes)
}

/// Reads metadata given as a JSON object of strings.
///
/// # Errors
/// [`Error::InvalidArgument`] for any other text, and one that no header has room for; [`Error::OutOfMemory`].
pub fn metadata_from_json(text: &str) -> Result<Vec<(String, String)>, Error> {
    if text.len() > MAX_HEADER {
        let reason = format!("metadata must be at most {MAX_HEADER} bytes of JSON, got {}", text.len());
        return Err(Error::InvalidArgument { reason });
    }
    headroom(Bytes(text.len() as u64) + Bytes(SMALL))?;
    let mut reader = Reader::new(text);
    let metadata = strings(&mut reader).and_then(|strings| reader.end().map(|()| strings));
    metadata.map_err(|e| Error::InvalidArgument { reason: format!("metadata must be a JSON object of strings, but {e}") })
}

/// Header and data.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), Error> {
    let too_short = |wanted| Error::FileTooShort { wanted, got: bytes.len() as u64 };
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or(too_short(8))?;
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER as u64 {
        return Err(Error::HeaderTooLarge { length, cap: MAX_HEADER as u64 });
    }
    let (header, data) = rest.split_at_checked(length as usize).ok_or(too_short(8 + length))?;
    let header = std::str::from_utf8(header).map_err(|e| Error::HeaderNotUtf8 { offset: e.valid_up_to() })?;
    if !header.starts_with('{') {
        return Err(Error::HeaderNotJson { reason: "it does not begin with `{`".into(), offset: 0 });
    }
    Ok((header, data))
}

/// The header's `__metadata__`, wherever it stands; on the way, checks that all of the header is JSON.
fn read_metadata(header: &str) -> Result<Vec<(String, String)>, Error> {
    let mut reader = Reader::new(header);
    let mut metadata = None;
    let mut walk = || {
        reader.open(b'{')?;
        while let Some(key) = reader.key()? {
            if key != METADATA {
                reader.skip()?;
            } else if metadata.is_some() {
                return Err(reader.duplicate(METADATA));
            } else {
                metadata = Some(strings(&mut reader)?);
            }
        }
        reader.end()
    };
    walk().map_err(|e| match e.duplicate {
        Some(key) => Error::DuplicateKey { key },
        None => Error::HeaderNotJson { reason: e.reason, offset: e.offset },
    })?;
    metadata.ok_or_else(|| Error::NotAModel { reason: "the header has no `__metadata__`".into() })
}

fn strings(reader: &mut Reader) -> Result<Vec<(String, String)>, JsonError> {
    let mut strings: Vec<(String, String)> = Vec::new();
    reader.open(b'{')?;
    while let Some(key) = reader.key()? {
        if strings.iter().any(|(k, _)| *k == key) {
            return Err(reader.duplicate(&key));
        }
        if strings.len() == MAX_METADATA {
            return Err(reader.error(format!("the metadata has more than {MAX_METADATA} keys")));
        }
        strings.push((key.into_owned(), reader.string()?.into_owned()));
    }
    Ok(strings)
}

fn read_config(metadata: &[(String, String)]) -> Result<Config, Error> {
    let get = |wanted: &str| {
        let found = metadata.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
        found.ok_or_else(|| Error::NotAModel { reason: format!("the metadata has no `{wanted}`") })
    };
    let format = get("format")?;
    if format != FORMAT {
        return Err(Error::NotAModel { reason: format!("the metadata names the format `{}`", clip(format)) });
    }
    let version = get("version")?;
    if version != VERSION {
        return Err(Error::UnsupportedVersion { version: clip(version) });
    }
    let config = get("config")?;
    Config::from_json(config)
}

/// A part of a header whose syntax was checked. (`expect` would bring all that can print an error of JSON.)
fn checked<T>(part: Result<T, JsonError>) -> T {
    part.unwrap_or_else(|_| unreachable!("read_metadata has checked the header's syntax"))
}

/// Where in the data each tensor lies, in the order of `specs`; of the size that its shape needs, and not yet known to be
/// inside the file.
fn read_ranges(header: &str, specs: &[TensorSpec]) -> Result<Vec<Range<u64>>, Error> {
    // A string that holds escapes is decoded once more where it is passed over; and the lists of tensors.
    headroom(Bytes(header.len() as u64 + 128 * specs.len() as u64) + Bytes(SMALL))?;
    // A heap, here and below, takes a twentieth of the code of a sort or a tree.
    let index: BinaryHeap<(&str, usize)> = specs.iter().enumerate().map(|(i, spec)| (spec.name.as_str(), i)).collect();
    let index = index.into_sorted_vec();
    let mut ranges = vec![None; specs.len()];
    let mut reader = Reader::new(header);
    checked(reader.open(b'{'));
    while let Some(name) = checked(reader.key()) {
        if name == METADATA {
            checked(reader.skip());
            continue;
        }
        let Ok(place) = index.binary_search_by_key(&name.as_ref(), |&(name, _)| name) else {
            return Err(Error::UnexpectedTensor { tensor: clip(&name) });
        };
        let (_, i) = index[place];
        if ranges[i].is_some() {
            return Err(Error::DuplicateKey { key: name.into_owned() });
        }
        let entry = Entry::read(&mut reader).map_err(|e| match e.duplicate {
            Some(key) => Error::DuplicateKey { key: format!("{name}.{key}") },
            None => Error::InvalidTensorEntry { tensor: specs[i].name.clone(), reason: format!("its entry is wrong: {e}") },
        })?;
        ranges[i] = Some(entry.range(&specs[i])?);
    }
    let found = ranges.into_iter().zip(specs);
    found.map(|(range, spec)| range.ok_or_else(|| Error::MissingTensor { tensor: spec.name.clone() })).collect()
}

/// What the header says of a tensor.
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    offsets: Range<u64>,
}

impl Entry {
    fn read(reader: &mut Reader) -> Result<Entry, JsonError> {
        let (mut dtype, mut shape, mut offsets) = (None, None, None);
        reader.open(b'{')?;
        while let Some(key) = reader.key()? {
            let twice = match key.as_ref() {
                "dtype" => dtype.replace(clip(&reader.string()?)).is_some(),
                "shape" => shape.replace(integers(reader)?).is_some(),
                "data_offsets" => offsets.replace(integers(reader)?).is_some(),
                _ => return Err(reader.error(format!("the field `{}` is not known", clip(&key)))),
            };
            if twice {
                return Err(reader.duplicate(&key));
            }
        }
        let missing = |field: &str| reader.error(format!("the field `{field}` is missing"));
        let offsets: [u64; 2] = offsets
            .ok_or_else(|| missing("data_offsets"))?
            .try_into()
            .map_err(|_| reader.error("`data_offsets` was expected to hold two numbers".into()))?;
        Ok(Entry {
            dtype: dtype.ok_or_else(|| missing("dtype"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
            offsets: offsets[0]..offsets[1],
        })
    }

    /// Where the tensor lies, if this is the one that the net calls for.
    fn range(self, spec: &TensorSpec) -> Result<Range<u64>, Error> {
        let tensor = || spec.name.clone();
        let Range { start, end } = self.offsets;
        if self.dtype != spec.dtype.name() {
            return Err(Error::UnsupportedDtype { tensor: tensor(), wanted: spec.dtype.name(), dtype: self.dtype });
        }
        let size = self.shape.iter().try_fold(spec.dtype.size() as u64, |size, &side| size.checked_mul(side));
        let wanted = size.ok_or_else(|| Error::ShapeOverflow { tensor: tensor() })?;
        if self.shape.iter().copied().ne(spec.shape.iter().map(|&side| side as u64)) {
            return Err(Error::WrongShape { tensor: tensor(), wanted: spec.shape.clone(), got: self.shape });
        }
        if start > end {
            let reason = format!("expected offsets that do not run backwards, got {start} to {end}");
            return Err(Error::InvalidOffsets { tensor: tensor(), reason });
        }
        if end - start != wanted {
            return Err(Error::SizeMismatch { tensor: tensor(), wanted, got: end - start });
        }
        Ok(start..end)
    }
}

fn integers(reader: &mut Reader) -> Result<Vec<u64>, JsonError> {
    let mut integers = Vec::new();
    reader.open(b'[')?;
    while reader.item()? {
        if integers.len() == MAX_RANK {
            return Err(reader.error(format!("a list has more than {MAX_RANK} numbers")));
        }
        let number = reader.number()?;
        let Ok(integer) = number.parse() else {
            return Err(reader.error(format!("a whole number in 64 bits was expected, got {}", clip(number))));
        };
        integers.push(integer);
    }
    Ok(integers)
}

/// Checks that the tensors fill the data from its first byte to its last.
fn check_ranges(specs: &[TensorSpec], ranges: &[Range<u64>], data_start: usize, data_len: usize) -> Result<(), Error> {
    // A heap, of which the code is a tenth of a sort's.
    let mut order: BinaryHeap<Reverse<(u64, usize)>> = ranges.iter().enumerate().map(|(i, r)| Reverse((r.start, i))).collect();
    let mut end = 0;
    while let Some(Reverse((_, i))) = order.pop() {
        if ranges[i].start != end {
            let fault = if ranges[i].start < end { "overlap" } else { "leave a hole" };
            let reason = format!("expected its data to begin at {end}, got {}: tensors must not {fault}", ranges[i].start);
            return Err(Error::InvalidOffsets { tensor: specs[i].name.clone(), reason });
        }
        end = ranges[i].end;
    }
    let len = data_len as u64;
    if end > len {
        let start = data_start as u64;
        return Err(Error::FileTooShort { wanted: start + end, got: start + len });
    }
    if end < len {
        return Err(Error::TrailingBytes { count: len - end });
    }
    Ok(())
}

/// What a copy of metadata takes.
pub(crate) fn sizes<'a>(metadata: impl Iterator<Item = &'a (String, String)>) -> Bytes {
    metadata.map(|(key, value)| Bytes((key.len() + value.len() + 128) as u64)).sum()
}

/// The writer's own keys, then the caller's.
fn all_metadata(config: &Config, metadata: &[(String, String)]) -> Result<Vec<(String, String)>, Error> {
    headroom(sizes(metadata.iter()) + Bytes(SMALL))?;
    let own = [FORMAT.to_string(), VERSION.to_string(), config.to_json()];
    let mut all: Vec<(String, String)> = OWN_KEYS.map(str::to_string).into_iter().zip(own).collect();
    for (i, (key, value)) in metadata.iter().enumerate() {
        let own = all[..3].iter().find(|(k, _)| k == key);
        let same_config = || key == "config" && Config::from_json(value).as_ref() == Ok(config);
        if own.is_some_and(|(_, v)| v != value && !same_config()) {
            let reason = format!("metadata must not set `{key}`, which is the file's own, got `{}`", clip(value));
            return Err(Error::InvalidArgument { reason });
        }
        if metadata[..i].iter().any(|(k, _)| k == key) {
            let reason = format!("metadata must hold each key once, got `{}` twice", clip(key));
            return Err(Error::InvalidArgument { reason });
        }
        if own.is_none() {
            all.push((key.clone(), value.clone()));
        }
    }
    if all.len() > MAX_METADATA {
        let reason = format!("metadata must have at most {MAX_METADATA} keys with the file's own three, got {}", all.len());
        return Err(Error::InvalidArgument { reason });
    }
    Ok(all)
}

fn write_header(specs: &[TensorSpec], metadata: &[(String, String)]) -> Result<String, Error> {
    let header = Text::written(|header| {
        write!(header, "{{{}:{{", quote(METADATA))?;
        for (number, (key, value)) in metadata.iter().enumerate() {
            header.write_str(if number > 0 { "," } else { "" })?;
            write_quoted(header, key)?;
            header.write_str(":")?;
            write_quoted(header, value)?;
        }
        header.write_str("}")?;
        let mut start = 0;
        for spec in specs {
            let end = start + spec.dtype.size() as u64 * spec.len() as u64;
            let (name, shape) = (quote(&spec.name), Numbers(&spec.shape).to_string().replace(' ', ""));
            let dtype = spec.dtype.name();
            write!(header, r#",{name}:{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)?;
            start = end;
        }
        header.write_str("}")?;
        let padded = (8 + header.len()).next_multiple_of(ALIGNMENT) - 8;
        write!(header, "{:1$}", "", padded - header.len())
    })?;
    if header.len() > MAX_HEADER {
        let reason = format!("metadata must leave the header at most {MAX_HEADER} bytes, got a header of {}", header.len());
        return Err(Error::InvalidArgument { reason });
    }
    Ok(header)
}
