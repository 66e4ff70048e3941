"""Trains the Keras example's net on given batches from given weights, and prints the loss of each step as JSON.

Run by make_keras_steps.ts, which writes for each case of cases.json NAME.safetensors, the weights to begin with, and
NAME.u8, the batches in their order, [steps, batch, height, width, 1], a byte a pixel.
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from keras_net import build, keras

import numpy as np
import tensorflow as tf


def read_weights(path):
    """The tensors of a .safetensors file of float32, in the order of the file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    data = content[8 + length :]
    entries = sorted(header.items(), key=lambda entry: entry[1]["data_offsets"])
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in entries
    }


def losses(folder, case):
    config, batch, steps = case["config"], case["batchSize"], case["steps"]
    model = build(config, batch, case["learningRate"])
    tensors = read_weights(folder / f"{case['name']}.safetensors")
    # set_weights refuses what differs in shape; kernels and biases come layer by layer on both sides.
    model.set_weights([tensors[name] for name in case["tensors"]])
    pixels = np.fromfile(folder / f"{case['name']}.u8", "u1").reshape(steps, batch, config["height"], config["width"], 1)
    for images in pixels.astype("float32"):
        model.reset_metrics()  # else the loss is the mean over all steps so far
        yield float(model.train_on_batch(images, images))


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text())
    versions = {"python": sys.version.split()[0], "keras": keras.__version__, "tensorflow": tf.__version__}
    print(json.dumps({**versions, "losses": {case["name"]: list(losses(folder, case)) for case in cases}}))


main()
