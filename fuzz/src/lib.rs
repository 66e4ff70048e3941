//! What the fuzz targets share: how a model file is changed so that most of what comes out is still one, and what is told at
//! the end.

#![warn(missing_docs)]

use libfuzzer_sys::fuzzer_mutate;
use pixelcnn::arithmetic::Either;
use pixelcnn::config::{Activation, Architecture, Input, Precision};
use pixelcnn::format::{read, write};
use pixelcnn::layers::Layers;
use pixelcnn::quantize::quantize;
use pixelcnn::weights::{Stored, Weights};
use pixelcnn::{Config, Model};
use std::sync::OnceLock;

/// Multiply-adds of an image, above which a net is not drawn.
pub const MOST_MACS: u64 = 1_000_000;

/// Multiply-adds of one image by plain loops, which add the zeros of a one-hot level too, as the taps allow them.
pub fn macs(config: &Config, layers: &Layers) -> u64 {
    let weights: u64 = (0..layers.len()).map(|layer| layers.non_zero_parameters(layer)).sum();
    weights * config.pixels() as u64
}

/// Numbers from a seed (Steele et al. 2014, SplitMix64).
pub struct Numbers(u64);

impl Numbers {
    /// Starts the sequence.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    /// The next number below `below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ x >> 31) % below as u64) as usize
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Changes a model file of `size` bytes in place; returns its new size. Blind changes seldom get past the first eight bytes,
/// the header's length, so it is kept true: header and data are changed apart, or the net is changed and written anew. Where
/// files are wanted that can be read, `valid`, only the last is done, and single values are changed.
pub fn mutate_model(data: &mut [u8], size: usize, max_size: usize, seed: u32, valid: bool) -> usize {
    let mut numbers = Numbers::new(seed.into());
    let bytes = &data[..size];
    let how = if valid { 8 + numbers.below(10) } else { numbers.below(18) };
    let changed = match (split(bytes), how) {
        (_, 0) => None,
        (Some((header, values)), 1..6) => {
            let text = mutated(header, max_size.saturating_sub(8 + values.len()));
            Some(framed(&text, values))
        }
        (Some((header, values)), 6..8) => {
            let mut changed = mutated(values, max_size.saturating_sub(8 + header.len()));
            if numbers.below(4) > 0 {
                changed.resize(values.len(), 0);
            }
            Some(framed(header, &changed))
        }
        (Some((header, values)), 8..9) => Some(framed(header, &with_edge_value(values, &mut numbers))),
        (Some(_), 9..15) => other_weights(bytes, &mut numbers),
        _ => other_net(bytes, &mut numbers),
    };
    match changed {
        Some(bytes) if bytes.len() <= max_size => {
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

/// Header and data, if the length says where they part.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

fn framed(header: &[u8], values: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, values].concat()
}

/// Changed by libFuzzer's own ways, to at most `most` bytes.
fn mutated(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut room = bytes.to_vec();
    room.resize(most.max(bytes.len()).max(1), 0);
    let most = room.len();
    let size = fuzzer_mutate(&mut room, bytes.len(), most);
    room.truncate(size);
    room
}

/// The data with a number at the edge of its type in one place, or in some neighbours.
fn with_edge_value(values: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut values = values.to_vec();
    let (wide, narrow): (u32, u16) = (
        numbers.pick(&[
            0,
            1,
            0x8000_0000,
            0x7fff_ffff,
            0xffff_ffff,
            f32::MAX.to_bits(),
            f32::MIN.to_bits(),
            f32::MIN_POSITIVE.to_bits(),
            f32::INFINITY.to_bits(),
            f32::NAN.to_bits(),
            1e30f32.to_bits(),
            (-1e19f32).to_bits(),
        ]),
        numbers.pick(&[0, 1, 0x8000, 0x7fff, 0xffff]),
    );
    let bytes = if numbers.below(2) == 0 { wide.to_le_bytes().to_vec() } else { narrow.to_le_bytes().to_vec() };
    let places = values.len() / bytes.len();
    if places > 0 {
        let (first, count) = (numbers.below(places), numbers.pick(&[1, 1, 2, 8]));
        for place in values.chunks_exact_mut(bytes.len()).skip(first).take(count) {
            place.copy_from_slice(&bytes);
        }
    }
    values
}

/// The same net with some of its weights replaced by numbers that may stand in a file.
fn other_weights(bytes: &[u8], numbers: &mut Numbers) -> Option<Vec<u8>> {
    let file = read(bytes).ok()?;
    let layers = Layers::new(&file.config);
    let weights = match &file.weights {
        Either::F32(weights) => Either::F32(replaced(&layers, weights, numbers, |old, numbers| {
            numbers.pick(&[0.0, 1.0, -1.0, 0.1, -3.0, 1e-42, 1e19, -1e30, f32::MAX, -old, old * 2.0, old * -1e9, old + 1e-3])
        })?),
        Either::Int8(weights) => Either::Int8(replaced(&layers, weights, numbers, |old, numbers| {
            numbers.pick(&[
                0,
                1,
                -1,
                5,
                30,
                100,
                0x7fff,
                -0x8000,
                1 << 20,
                -(1 << 30),
                !old,
                old / 2,
                old.saturating_mul(3),
                old.saturating_add(1),
                1e-18f32.to_bits() as i32,
                1e18f32.to_bits() as i32,
            ])
        })?),
    };
    write(&file.config, &file.metadata, &weights).ok()
}

fn replaced<T: Stored>(
    layers: &Layers,
    weights: &Weights<T>,
    numbers: &mut Numbers,
    new: fn(T, &mut Numbers) -> T,
) -> Option<Weights<T>> {
    // A masked tap takes no weight, and most sums have their limits: some tries fail.
    (0..8).find_map(|_| {
        let mut values = weights.values().to_vec();
        for _ in 0..numbers.pick(&[1, 1, 2, 6]) {
            let at = numbers.below(values.len());
            values[at] = new(values[at], numbers);
        }
        Weights::new(layers, values).ok()
    })
}

/// A net like the one in the file, or like a small one, but for a field of its config, with weights drawn anew.
fn other_net(bytes: &[u8], numbers: &mut Numbers) -> Option<Vec<u8>> {
    let small = || Config { height: 5, width: 4, filters: 2, blocks: 1, first_kernel: 3, head_layers: 1, ..Config::reference() };
    let mut config = Model::from_bytes(bytes).map_or_else(|_| small(), |model| model.config);
    match numbers.below(16) {
        0 => config.height = numbers.pick(&[1, 2, 3, 4, 5, 6, 8, 30, 300]),
        1 => config.width = numbers.pick(&[1, 2, 3, 4, 5, 6, 7, 9, 13, 40, 4096]),
        2 => config.filters = numbers.pick(&[2, 3, 4, 5, 6, 8, 10, 16, 18]),
        3 => config.blocks = numbers.below(5),
        4 => config.first_kernel = numbers.pick(&[3, 5, 7, 9, 31]),
        5 => config.block_kernel = numbers.pick(&[1, 3, 5, 9]),
        6 => config.head_layers = numbers.below(4),
        7 => config.levels = numbers.pick(&[2, 3, 4, 7, 17, 255, 256, 257, 300, 512]),
        8 => (config.input, config.embedding) = (Input::Ordinal, 0),
        9 => (config.input, config.embedding) = (Input::Nominal, numbers.pick(&[0, 0, 1, 3, 8, 9])),
        10 => config.classes = numbers.pick(&[0, 2, 3, 7, 100]),
        11 => config.activation = numbers.pick(&[Activation::Relu, Activation::Tanh, Activation::Sigmoid]),
        12 => config.lean = numbers.pick(&[0, 1, 2, 8]),
        13 => config.dilations = (0..=numbers.below(8)).map(|_| numbers.pick(&[1, 1, 2, 3, 16])).collect(),
        14 => {
            (config.architecture, config.activation, config.lean) = match config.architecture {
                Architecture::Plain => (Architecture::Gated, numbers.pick(&[Activation::Relu, Activation::Tanh]), 0),
                Architecture::Gated => (Architecture::Plain, Activation::Relu, 0),
            }
        }
        _ => (),
    }
    config.precision = Precision::F32;
    let config = config.checked().ok()?;
    let layers = Layers::new(&config);
    let metadata = match numbers.below(3) {
        0 => Vec::new(),
        level => vec![("background".to_string(), (level - 1).to_string())],
    };
    let weights = Weights::random(&layers, numbers.below(1 << 20) as u64);
    let bytes = write(&config, &metadata, &Either::F32(weights)).ok()?;
    if config.pixels() > 200 || numbers.below(2) == 0 {
        return Some(bytes);
    }
    let integers = quantize(&Model::from_bytes(&bytes).ok()?, &vec![0; config.pixels()], &[]).ok()?;
    integers.to_bytes(&[]).ok()
}

/// Writes a line when the fuzzer ends, whether or not it found something.
pub fn at_end(line: fn() -> String) {
    static LINE: OnceLock<fn() -> String> = OnceLock::new();
    unsafe extern "C" {
        /// Of C's standard library.
        safe fn atexit(call: extern "C" fn()) -> std::ffi::c_int;
    }
    extern "C" fn tell() {
        if let Some(line) = LINE.get() {
            eprintln!("{}", line());
        }
    }
    if LINE.set(line).is_ok() {
        atexit(tell);
    }
}
