//! The model file: what is written reads back, and what is wrong is one named error, in bounded memory.
//!
//! The malformed files are those of `test/corpus/corpus.json`, which vitest reads too, through WebAssembly.

mod common;
#[path = "common/counting.rs"]
mod counting;

use common::{Draws, binary_config, random_config};
use counting::{Counting, peak_of};
use pixelcnn::config::{Activation, Architecture, Input, MAX_CONFIG, Precision};
use pixelcnn::describe::describe;
use pixelcnn::format::{MAX_HEADER, MAX_METADATA, metadata_from_json, read, write};
use pixelcnn::json::Json;
use pixelcnn::layers::Layers;
use pixelcnn::rng::{Purpose, Words};
use pixelcnn::tensors::tensor_specs;
use pixelcnn::weights::Weights;
use pixelcnn::{Conditions, Config, Draw, Error, Memory, Method, Model, Run, Skipping, Strategy};
use std::sync::Arc;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What reading a file of a small net may hold beyond the file's size: the list of its layers, a config of at most [`MAX_CONFIG`]
/// bytes as a tree, a message.
const SMALL: usize = 64 << 10;
/// The same for a config of very many layers or taps, which are listed before their weights are counted.
const LARGE: usize = 4 << 20;

/// Reads a file and checks what holds of every file: bounded memory, and a message that fits on a line.
fn read_bounded(name: &str, bytes: &[u8], beyond: usize) -> Result<(), Error> {
    let (result, held, _) = peak_of(|| read(bytes).map(drop));
    // With the file itself, this is twice its size.
    assert!(held as usize <= bytes.len() + beyond, "{name}: {} bytes long, {held} held", bytes.len());
    if let Err(error) = &result {
        let message = error.to_string();
        assert!(message.len() < 500 && !message.chars().any(char::is_control), "{name}: {message}");
    }
    result
}

/// The corpus: name, code of the error or `None` where the file must load, bytes. The first file is the valid one.
fn corpus() -> Vec<(String, Option<String>, Vec<u8>)> {
    corpus_with_runs().into_iter().map(|(name, code, bytes, _)| (name, code, bytes)).collect()
}

/// The code of the error in which a method ends, for those that end in one.
type Runs = Vec<(String, String)>;

fn corpus_with_runs() -> Vec<(String, Option<String>, Vec<u8>, Runs)> {
    let mut files: Vec<(String, Option<String>, Vec<u8>, Runs)> = Vec::new();
    for file in array(&Json::parse(include_str!("../../../test/corpus/corpus.json")).unwrap()) {
        let mut bytes = Vec::new();
        for part in array(field(file, "parts")) {
            match part {
                Json::String(text) => bytes.extend(text.as_bytes()),
                Json::Object(object) => match object.iter().next().unwrap() {
                    ("text", text) => bytes.extend(string(text).repeat(number(field(part, "times"))).as_bytes()),
                    ("u64", text) => bytes.extend(string(text).parse::<u64>().unwrap().to_le_bytes()),
                    ("hex", text) => {
                        let digits: Vec<u8> = string(text).chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
                        bytes.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
                    }
                    (_, range) => bytes.extend(&files[0].2[number(&array(range)[0])..number(&array(range)[1])]),
                },
                other => panic!("{other:?} is no part"),
            }
        }
        let code = match field(file, "code") {
            Json::String(code) => Some(code.clone()),
            _ => None,
        };
        let Json::Object(object) = file else { panic!("{file:?} is no object") };
        let runs = match object.get("runs") {
            Some(Json::Object(runs)) => {
                runs.iter().map(|(method, code)| (method.to_string(), string(code).to_string())).collect()
            }
            _ => Vec::new(),
        };
        files.push((string(field(file, "name")).to_string(), code, bytes, runs));
    }
    files
}

fn field<'a>(json: &'a Json, key: &str) -> &'a Json {
    let Json::Object(object) = json else { panic!("{json:?} is no object") };
    object.get(key).unwrap_or_else(|| panic!("{json:?} has no {key}"))
}

fn array(json: &Json) -> &[Json] {
    let Json::Array(items) = json else { panic!("{json:?} is no array") };
    items
}

fn string(json: &Json) -> &str {
    let Json::String(text) = json else { panic!("{json:?} is no string") };
    text
}

fn number(json: &Json) -> usize {
    let Json::Number(text) = json else { panic!("{json:?} is no number") };
    text.parse().unwrap()
}

fn small_config() -> Config {
    Config { height: 5, width: 4, filters: 2, blocks: 1, first_kernel: 3, head_layers: 1, ..Config::reference() }
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_string(), value.to_string())
}

#[test]
fn each_malformed_file_is_the_error_it_should_be_and_the_next_good_file_loads() {
    let corpus = corpus();
    assert!(corpus.iter().filter(|(_, code, _)| code.is_some()).count() >= 40);
    let valid = &corpus[0].2;
    for (name, code, bytes) in &corpus {
        let beyond = if name.contains("net with most") || name.contains("too many weights") { LARGE } else { SMALL };
        let found = read_bounded(name, bytes, beyond);
        assert_eq!(found.as_ref().err().map(Error::code), code.as_deref(), "{name}: {found:?}");
        assert_eq!(read_bounded("valid", valid, SMALL), Ok(()), "after {name}");
    }
}

#[test]
fn each_good_file_is_described_and_drawn_by_every_method() {
    let mut drawn = 0;
    for (name, code, bytes, runs) in corpus_with_runs() {
        if code.is_some() {
            continue;
        }
        let model = Arc::new(Model::from_bytes_within(Memory { limit: 256 << 20 }, bytes).unwrap());
        assert!(describe(&model.config).unwrap().contains("macsPerImage"), "{name}");
        let mut images = Vec::new();
        for &(method_name, method) in Method::ALL {
            let strategy = Strategy { method, skipping: Skipping::All };
            let labels = if model.config.classes > 0 { vec![0] } else { vec![] };
            let draw = Draw { count: 1, seed: 1, start_index: 0, temperature: 1.0 };
            let run = Run::sample_under(&model, draw, Conditions { labels, given: vec![] }, strategy);
            let small = model.config.pixels() <= 100;
            let result = run.and_then(|mut run| {
                if small { run.finish() } else { run.step().map(drop) }?;
                Ok(run.pixels().to_vec())
            });
            let wanted = runs.iter().find(|(method, _)| method == method_name).map(|(_, code)| code.as_str());
            assert_eq!(result.as_ref().err().map(Error::code), wanted, "{name} by {method_name}");
            images.extend(result.ok().filter(|_| small));
            drawn += 1;
        }
        assert!(images.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
    }
    assert!(drawn >= 80, "{drawn} runs");
}

#[test]
fn every_code_a_file_can_cause_is_in_the_corpus() {
    // The other codes are those of arguments, of runs and of the host's memory.
    let elsewhere = ["WEIGHT_COUNT", "INVALID_ARGUMENT", "NON_FINITE_LOGIT", "OUT_OF_MEMORY"];
    let mut codes: Vec<String> = corpus().into_iter().filter_map(|(_, code, _)| code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 27 - elsewhere.len());
    assert!(codes.iter().all(|code| !elsewhere.contains(&code.as_str())));
}

#[test]
fn the_corpus_valid_file_is_what_the_writer_writes() {
    let valid = &corpus()[0].2;
    let file = read(valid).unwrap();
    assert_eq!(file.config, small_config());
    let record = [pair("training", r#"{"data":"none"}"#)];
    for metadata in [&file.metadata[..], &record] {
        let bytes = write(&file.config, metadata, &file.weights).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(valid));
        assert!(&bytes == valid, "the weights differ");
    }
}

#[test]
fn a_file_cut_off_anywhere_is_too_short() {
    let valid = &corpus()[0].2;
    for length in 0..valid.len() {
        let found = read_bounded(&format!("{length} bytes"), &valid[..length], SMALL);
        assert!(matches!(found, Err(Error::FileTooShort { .. })), "{length} bytes: {found:?}");
    }
}

#[test]
fn random_damage_is_an_error_or_another_valid_file() {
    let all: Vec<Vec<u8>> = corpus().into_iter().filter(|file| file.0.starts_with("valid")).map(|file| file.2).collect();
    assert!(all.len() > 15);
    let mut words = Words::new(6, Purpose::Shuffle, 0, 0);
    let mut below = |bound: usize| words.word() as usize % bound;
    let mut loaded = 0;
    for round in 0..12_000 {
        // Half of them are the first, the others of every form.
        let valid = &all[if round % 2 == 0 { 0 } else { below(all.len()) }];
        let mut bytes = valid.clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            let len = 1 + below(16.min(bytes.len() - at));
            let from = below(bytes.len() - len + 1);
            match below(6) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = below(256) as u8,
                // What a header is made of hits its grammar more often than random bytes do.
                2 => bytes[at] = b"{}[]\":,0123456789-.eE\\u "[below(24)],
                3 => drop(bytes.drain(at..at + len)),
                4 => bytes.copy_within(from..from + len, at),
                _ => {
                    let copied = bytes[from..from + len].to_vec();
                    bytes.splice(at..at, copied);
                }
            }
        }
        if read_bounded(&format!("round {round}"), &bytes, LARGE).is_ok() {
            loaded += 1;
        }
    }
    assert!((1..6000).contains(&loaded), "{loaded} of 12000 damaged files loaded");
    assert_eq!(read_bounded("valid", &all[0], SMALL), Ok(()));
}

#[test]
fn every_net_reads_back_to_the_bit() {
    for seed in 0..150 {
        let mut draws = Draws::new(seed);
        let config = if seed % 3 == 0 { binary_config(&mut draws) } else { random_config(&mut draws) };
        let weights = Weights::random(&Layers::new(&config), seed).into();
        let metadata = [pair("training", "é \"quoted\" \\ \n\u{1} 😀"), pair("", "")];
        let bytes = write(&config, &metadata, &weights).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!((8 + header) % 64, 0, "the data are not aligned");
        let file = read(&bytes).unwrap();
        assert_eq!((&file.config, &file.weights), (&config, &weights));
        assert_eq!(file.metadata[..2], [pair("format", "pixelcnn"), pair("version", "1")]);
        assert_eq!(file.metadata[2], ("config".to_string(), config.to_json()));
        assert_eq!(file.metadata[3..], metadata);
        assert!(write(&file.config, &file.metadata, &file.weights).unwrap() == bytes, "written again it differs: {config:?}");
    }
}

#[test]
fn a_net_of_0_1_0_is_written_in_its_words() {
    let json = small_config().to_json();
    assert_eq!(
        json,
        r#"{"architecture":"plain","height":5,"width":4,"channels":1,"levels":2,"filters":2,"blocks":1,"firstKernel":3,"blockKernel":3,"headLayers":1,"precision":"f32"}"#
    );
    // Fields that say what is so without them are read, and not written again.
    let spelled = r#""input":"ordinal","embedding":0,"classes":0,"activation":"relu","lean":0,"dilations":[1],"precision""#;
    assert_eq!(Config::from_json(&json.replace("\"precision\"", spelled)).unwrap().to_json(), json);
}

#[test]
fn the_largest_net_leaves_room_in_the_header() {
    let plain = Config {
        height: 4096,
        width: 4096,
        filters: 2,
        blocks: 256,
        first_kernel: 31,
        block_kernel: 31,
        head_layers: 256,
        ..Config::reference()
    };
    // Those with the most tensors, and with the longest of all configs.
    let gated = Config {
        architecture: Architecture::Gated,
        activation: Activation::Tanh,
        levels: 512,
        input: Input::Nominal,
        embedding: 512,
        classes: 1024,
        first_kernel: 3,
        block_kernel: 3,
        dilations: vec![16; 8],
        ..plain.clone()
    };
    for config in [plain, gated] {
        let config = config.checked().unwrap();
        let layers = Layers::new(&config);
        let wanted = tensor_specs(&layers, Precision::F32).iter().map(|spec| spec.len()).sum();
        let weights = Weights::new(&layers, vec![0.0; wanted]).unwrap().into();
        let record = "a".repeat(MAX_HEADER / 2);
        let bytes = write(&config, &[pair("training", &record)], &weights).unwrap();
        assert!(read(&bytes).unwrap().weights == weights);
        assert!(config.to_json().len() < MAX_CONFIG / 2, "{}", config.to_json());
        let record = "a".repeat(MAX_HEADER);
        let error = write(&config, &[pair("training", &record)], &weights).unwrap_err();
        assert!(error.to_string().contains("1048576"), "{error}");
    }
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let config = small_config();
    let weights = Weights::random(&Layers::new(&config), 1).into();
    let refused = |metadata: &[(String, String)]| write(&config, metadata, &weights).unwrap_err().to_string();
    assert!(refused(&[pair("version", "2")]).contains("`version`"));
    assert!(refused(&[pair("config", "{}")]).contains("`config`"));
    assert!(refused(&[pair("a", ""), pair("b", ""), pair("a", "")]).contains("`a` twice"));
    let many: Vec<_> = (0..MAX_METADATA - 2).map(|i| pair(&i.to_string(), "")).collect();
    assert!(refused(&many).contains("64 keys"));
    assert!(read(&write(&config, &many[1..], &weights).unwrap()).is_ok());
    // A config that is the same by its fields is not another one.
    let spaced = pair("config", &config.to_json().replace(',', ", "));
    assert!(write(&config, &[spaced], &weights).is_ok());
    let other = Config { filters: 4, ..small_config() };
    assert_eq!(write(&other, &[], &weights).unwrap_err().code(), "WEIGHT_COUNT");
}

#[test]
fn metadata_is_an_object_of_strings() {
    assert_eq!(metadata_from_json(r#" {"b": "1", "a": ""} "#), Ok(vec![pair("b", "1"), pair("a", "")]));
    assert_eq!(metadata_from_json("{}"), Ok(vec![]));
    for text in ["", "[]", "null", r#"{"a":1}"#, r#"{"a":"","a":""}"#, "{} {}", r#"{"a":{}}"#] {
        let error = metadata_from_json(text).unwrap_err();
        assert_eq!(error.code(), "INVALID_ARGUMENT");
        assert!(error.to_string().starts_with("metadata must be a JSON object of strings, but "), "{error}");
    }
}
