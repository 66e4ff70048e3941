"""One training step of the Keras PixelCNN example, on demand: reads a line from stdin, answers with milliseconds.

The rival of `npm run bench -- train`. Needs keras and tensorflow. The net, the optimiser and the loss are those of
https://keras.io/examples/generative/pixelcnn/: masks are assigned to the kernel inside call(), and full kernels are
convolved.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

BATCH = 128


class MaskedConv(keras.layers.Layer):
    def __init__(self, mask, filters, size, **options):
        super().__init__()
        self.kind = mask
        self.conv = keras.layers.Conv2D(filters, size, activation="relu", padding="same", **options)

    def build(self, input_shape):
        self.conv.build(input_shape)
        rows, columns = self.conv.kernel.shape[:2]
        mask = np.zeros(self.conv.kernel.shape, "float32")
        mask[: rows // 2] = 1
        mask[rows // 2, : columns // 2 + (self.kind == "B")] = 1
        self.mask = mask

    def call(self, inputs):
        self.conv.kernel.assign(self.conv.kernel * self.mask)
        return self.conv(inputs)


def build():
    pixels = keras.Input((28, 28, 1), batch_size=BATCH)
    x = MaskedConv("A", 128, 7)(pixels)
    for _ in range(5):
        y = keras.layers.Conv2D(128, 1, activation="relu")(x)
        y = MaskedConv("B", 64, 3)(y)
        y = keras.layers.Conv2D(128, 1, activation="relu")(y)
        x = keras.layers.add([x, y])
    for _ in range(2):
        x = MaskedConv("B", 128, 1)(x)
    model = keras.Model(pixels, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile(optimizer=keras.optimizers.Adam(0.0005), loss="binary_crossentropy")
    return model


def main():
    model = build()
    rng = np.random.default_rng(1)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "parameters": model.count_params()}
    print(json.dumps(versions), flush=True)
    for _ in sys.stdin:
        batch = (rng.random((BATCH, 28, 28, 1)) < 0.13).astype("float32")
        start = time.perf_counter()
        loss = float(model.train_on_batch(batch, batch))
        print(json.dumps({"ms": 1000 * (time.perf_counter() - start), "loss": loss}), flush=True)


main()
