//! Any bytes are a model or an error that fits on a line; what is read is written again, and read equal.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use pixelcnn::format::{read, write};
use pixelcnn::{Config, Model};
use pixelcnn_fuzz::{at_end, mutate_model};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static READ: AtomicU64 = AtomicU64::new(0);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_model(data, size, max_size, seed, false) });

fuzz_target!(init: at_end(|| format!("model: {} read", READ.load(Relaxed))), |bytes: &[u8]| {
    let file = match read(bytes) {
        Ok(file) => file,
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() < 500 && !message.chars().any(char::is_control), "{message}");
            assert!(!error.code().is_empty());
            return;
        }
    };
    READ.fetch_add(1, Relaxed);
    assert_eq!(Config::from_json(&file.config.to_json()).as_ref(), Ok(&file.config));
    let own = write(&file.config, &file.metadata, &file.weights).expect("what was read can be written");
    let again = read(&own).expect("what was written can be read");
    assert_eq!(again.config, file.config);
    assert_eq!(again.weights, file.weights);

    // As a model, with its weights packed for the kernels.
    let model = Model::from_bytes(bytes).expect("what was read is a model");
    assert_eq!(model.config, file.config);
    let written = model.to_bytes(&[]).expect("a model that was read can be written");
    let again = Model::from_bytes(&written).expect("a written model can be read");
    assert_eq!(again.config, model.config);
    assert_eq!(again.to_bytes(&[]).as_ref(), Ok(&written));
});
