//! Any text is JSON or an error with a place in it; the tree and the reader that only skips agree; what is read, quoted and
//! read again, is equal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pixelcnn::Config;
use pixelcnn::format::metadata_from_json;
use pixelcnn::json::{Json, JsonError, Reader, quote};
use pixelcnn_fuzz::at_end;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static READ: AtomicU64 = AtomicU64::new(0);

fn skip(text: &str) -> Result<(), JsonError> {
    let mut reader = Reader::new(text);
    reader.skip()?;
    reader.end()
}

fn written(json: &Json) -> String {
    let list = |items: Vec<String>| items.join(",");
    match json {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string(),
        Json::Number(text) => text.clone(),
        Json::String(text) => quote(text),
        Json::Array(items) => format!("[{}]", list(items.iter().map(written).collect())),
        Json::Object(object) => {
            format!("{{{}}}", list(object.iter().map(|(key, value)| format!("{}:{}", quote(key), written(value))).collect()))
        }
    }
}

fn check_error(error: &JsonError, text: &str) {
    let message = error.to_string();
    assert!(message.len() < 500 && !message.chars().any(char::is_control), "{message}");
    assert!(error.offset <= text.len());
}

fuzz_target!(init: at_end(|| format!("json: {} read", READ.load(Relaxed))), |bytes: &[u8]| {
    // A text is UTF-8 by its type: of other bytes, what comes before the first bad one.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there"),
    };
    let skipped = skip(text);
    if let Err(error) = &skipped {
        check_error(error, text);
    }
    match Json::parse(text) {
        Ok(json) => {
            READ.fetch_add(1, Relaxed);
            assert_eq!(skipped, Ok(()));
            assert!(json.brief().len() < 300);
            assert_eq!(Json::parse(&written(&json)).as_ref(), Ok(&json));
        }
        Err(error) => {
            check_error(&error, text);
            assert!(skipped.is_err() || error.duplicate.is_some(), "the tree alone refuses {error}");
        }
    }
    if let Ok(config) = Config::from_json(text) {
        assert_eq!(Config::from_json(&config.to_json()), Ok(config));
    }
    if let Err(error) = metadata_from_json(text) {
        assert!(error.to_string().len() < 500);
    }
});
