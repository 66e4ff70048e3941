"""Trains nets in Keras on given batches from given weights, and prints the loss of each step and some weights of the end as JSON.

Run by make_keras_steps.ts, which writes for each case of cases.json NAME.safetensors, the weights to begin with, and
NAME.levels.u8 and NAME.labels.u8, the batches in their order, [steps, batch, height, width] and [steps, batch], a byte each.
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import keras_net as example

import keras
import keras_nets as papers
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


def read_bytes(path, *shape):
    return np.fromfile(path, "u1").reshape(shape).astype("int32")


def train_example(case, images):
    """The Keras example as it is; its kernels and biases come layer by layer on both sides."""
    keras.config.set_floatx("float32")
    model = example.build(case["config"], case["batchSize"], case["learningRate"])

    def step(place):
        batch = images[place][..., None].astype("float32")
        model.reset_metrics()  # else the loss is the mean over all steps so far
        return model.train_on_batch(batch, batch)

    return dict(zip(case["tensors"], model.weights, strict=True)), step


def train_paper(case, images, labels):
    """In double precision: what differs then is the rounding of the other side alone."""
    keras.config.set_floatx("float64")
    model = papers.build(case["config"])
    variables = papers.variables_of(model)
    adam = papers.Adam(list(variables.values()), case["learningRate"])

    def step(place):
        inputs = [images[place]] if labels is None else [images[place], labels[place]]
        with tf.GradientTape() as tape:
            loss = papers.nats(model(inputs), images[place])
        gradients = tape.gradient(loss, [variable.value for variable in adam.variables])
        adam.update([tf.convert_to_tensor(gradient) for gradient in gradients])
        return loss

    return variables, step


def train(folder, case):
    config, name, steps, batch = case["config"], case["name"], case["steps"], case["batchSize"]
    images = read_bytes(folder / f"{name}.levels.u8", steps, batch, config["height"], config["width"])
    labels = read_bytes(folder / f"{name}.labels.u8", steps, batch) if config.get("classes") else None
    if case["net"] == "example":
        variables, step = train_example(case, images)
    else:
        variables, step = train_paper(case, images, labels)
    start = read_weights(folder / f"{name}.safetensors")
    if variables.keys() != start.keys():
        raise SystemExit(f"{name}: other tensors than Keras has: {sorted(variables.keys() ^ start.keys())}")
    for tensor, variable in variables.items():
        variable.assign(start[tensor])
    losses = [float(step(place)) for place in range(steps)]
    if case["net"] == "example":  # which lets forbidden weights move between two calls
        return losses, {}
    ends = {tensor: farthest(start[tensor], np.asarray(variable)) for tensor, variable in variables.items()}
    return [ten_digits(loss) for loss in losses], ends


def farthest(start, end):
    """Which weight of a tensor went farthest, in raster order, and where to."""
    at = int(np.abs(end - start).argmax())
    return [at, ten_digits(end.flat[at])]


def ten_digits(value):
    """Those in which all processors agree."""
    return float(f"{value:.10g}")


def main():
    folder = pathlib.Path(sys.argv[1])
    made = {"python": sys.version.split()[0], "keras": keras.__version__, "tensorflow": tf.__version__}
    losses, weights = made["losses"], made["weights"] = {}, {}
    for case in json.loads((folder / "cases.json").read_text()):
        losses[case["name"]], weights[case["name"]] = train(folder, case)
    print(json.dumps(made))


main()
