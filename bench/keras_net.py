"""The Keras PixelCNN example's net, loss and optimiser, https://keras.io/examples/generative/pixelcnn/, at any size.

As there, masks are assigned to the kernel inside call(), and full kernels are convolved. Importing this sets Keras to
TensorFlow on the CPU.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np

REFERENCE = {
    "height": 28,
    "width": 28,
    "filters": 128,
    "blocks": 5,
    "firstKernel": 7,
    "blockKernel": 3,
    "headLayers": 2,
}


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


def build(config, batch, learning_rate):
    """A compiled model of binary images; `config` is named as in a model file of ours."""
    filters = config["filters"]
    pixels = keras.Input((config["height"], config["width"], 1), batch_size=batch)
    x = MaskedConv("A", filters, config["firstKernel"])(pixels)
    for _ in range(config["blocks"]):
        y = keras.layers.Conv2D(filters, 1, activation="relu")(x)
        y = MaskedConv("B", filters // 2, config["blockKernel"])(y)
        y = keras.layers.Conv2D(filters, 1, activation="relu")(y)
        x = keras.layers.add([x, y])
    for _ in range(config["headLayers"]):
        x = MaskedConv("B", filters, 1)(x)
    model = keras.Model(pixels, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="binary_crossentropy")
    return model
