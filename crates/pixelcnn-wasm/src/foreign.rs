//! Files that are given for models and are something else, told by what they begin with.

use pixelcnn::Error;

/// What a file is, and what to do about it.
pub type Foreign = (&'static str, &'static str);

const OTHERS_MODEL: &str = "no such models can be read; train one with `pixelcnn train`, or use the packaged one";
const IMPORTABLE: &str = "make a model file of it with `pixelcnn import`";
const TRAIN_ON: &str = "images are for `pixelcnn train --data`";
const GET_IT_AGAIN: &str = "copy or download the file itself again";

/// What files begin with; the first that fits counts.
const BEGINNINGS: &[(&[&[u8]], Foreign)] = &[
    (&[b"\x89HDF\r\n\x1a\n"], ("an HDF5 file, such as Keras writes (.h5)", IMPORTABLE)),
    (&[b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"], ("a pickle, such as PyTorch writes (.pt, .pth)", OTHERS_MODEL)),
    (&[b"GGUF"], ("a GGUF model", OTHERS_MODEL)),
    (&[b"\x08\x01\x12"], ("a TensorFlow SavedModel (.pb)", OTHERS_MODEL)),
    (&[b"\x93NUMPY"], ("a NumPy array (.npy)", TRAIN_ON)),
    (&[b"\0\0\x08\x01", b"\0\0\x08\x03"], ("an IDX file, as MNIST comes in", TRAIN_ON)),
    (&[b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"], ("a picture", TRAIN_ON)),
    (&[b"\0asm"], ("a WebAssembly binary", "that is the `module` of createSampler")),
    (&[b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh"], ("a compressed file", "unpack it first")),
];

/// What a zip archive is, by a name in it.
const ARCHIVES: &[(&str, Foreign)] = &[
    ("model.weights.h5", ("a model of Keras (.keras)", IMPORTABLE)),
    ("data.pkl", ("a model of PyTorch (.pt)", OTHERS_MODEL)),
    ("saved_model.pb", ("a zipped SavedModel of TensorFlow", OTHERS_MODEL)),
    (".npy", ("an archive of NumPy arrays (.npz)", TRAIN_ON)),
    ("", ("a zip archive", "unpack it, and give the .safetensors file in it, if it holds one")),
];

/// What bytes are, by their beginning; `None` where it says nothing, and for what begins as a safetensors file does.
pub fn foreign(bytes: &[u8]) -> Option<Foreign> {
    if bytes.is_empty() {
        return Some(("an empty file", GET_IT_AGAIN));
    }
    // A length below 2^32 and then JSON: the length's own bytes may look like anything.
    if bytes.get(4..9) == Some(b"\0\0\0\0{") {
        return None;
    }
    if bytes.starts_with(b"PK\x03\x04") {
        // The names stand at its beginning and again at its end.
        let most = bytes.len().min(1 << 16);
        let ends = [&bytes[..most], &bytes[bytes.len() - most..]];
        return ARCHIVES.iter().find(|(name, _)| ends.iter().any(|end| holds(end, name))).map(|found| found.1);
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some(("a TensorFlow Lite model (.tflite)", OTHERS_MODEL));
    }
    let found = BEGINNINGS.iter().find(|(starts, _)| starts.iter().any(|start| bytes.starts_with(start)));
    if let Some((_, foreign)) = found {
        return Some(*foreign);
    }
    if is_onnx(bytes) {
        return Some(("an ONNX model", OTHERS_MODEL));
    }
    text(&bytes[..bytes.len().min(4096)])
}

/// What text is.
fn text(bytes: &[u8]) -> Option<Foreign> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let begins = |start: &str| text.len() >= start.len() && text[..start.len()].eq_ignore_ascii_case(start.as_bytes());
    if text.starts_with(b"version https://git-lfs") {
        return Some(("a Git LFS pointer, which names the file and does not hold it", "run `git lfs pull`"));
    }
    if ["<!doctype html", "<html", "<head", "<body", "<!--"].iter().any(|start| begins(start)) {
        return Some(("an HTML page", "a server may send one in a file’s place: copy or download the file itself again"));
    }
    if begins("<?xml") || text.first() == Some(&b'<') && text.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return Some(("XML text", "a server may send it in a file’s place: copy or download the file itself again"));
    }
    let (&first, rest) = text.split_first()?;
    if first == b'{' && ["\"modelTopology\"", "\"weightsManifest\""].iter().any(|name| holds(rest, name)) {
        return Some(("a model.json of TensorFlow.js", IMPORTABLE));
    }
    let next = *rest.trim_ascii_start().first()?;
    let is_json = b"{[".contains(&first) && (next.is_ascii_digit() || b"\"{[]}-".contains(&next));
    is_json.then_some(("JSON text", "give the .safetensors file"))
}

/// Protobuf: its version, then the producer's name, version or domain, a number, a text, the graph, or the operators' version.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 2..32, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42, ..])
}

fn holds(bytes: &[u8], name: &str) -> bool {
    name.is_empty() || bytes.windows(name.len()).any(|window| window == name.as_bytes())
}

/// Code and sentence of what the core says of a file: what the file is, where that can be told and it is no safetensors file. Any other
/// complaint is about one.
pub fn refusal(error: &Error, foreign: Option<Foreign>) -> (&'static str, String) {
    let code = error.code();
    let unreadable = ["FILE_TOO_SHORT", "HEADER_TOO_LARGE", "HEADER_NOT_UTF8", "HEADER_NOT_JSON"].contains(&code);
    match foreign {
        Some((what, todo)) if unreadable => {
            let sentence = format!("model file: expected a .safetensors file that pixelcnn wrote, got {what}; {todo}");
            (if what == "an empty file" { code } else { "FOREIGN_FORMAT" }, sentence)
        }
        _ => (code, error.to_string()),
    }
}
