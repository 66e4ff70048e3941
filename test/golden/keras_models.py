"""Makes what `pixelcnn import` is held to: models as Keras saves them, and what Keras says of a few images.

    PYTHON test/golden/keras_models.py

with a Python that has keras and tensorflow, writes keras_models.json and the folder keras_models/ beside this file. The nets are those
of https://keras.io/examples/generative/pixelcnn/ and of the PixelCNN in https://keras.io/examples/generative/vq_vae/, with few
filters; names of classes and attributes, which decide what a file looks like, are the examples'. As there, a mask is put on a kernel
when a layer is called, so that after the last update of a training forbidden weights are not 0. They are saved like that.
"""

import base64
import gzip
import json
import os
import pathlib
import random
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
FILTERS = 8
CODES = 12
IMAGES = 12  # whose loss and probabilities are kept


def causal_mask(shape, kind):
    """1 for the rows above and what is to the left; with B, for the pixel itself."""
    rows, columns = shape[0], shape[1]
    place = np.arange(rows * columns).reshape(rows, columns, 1, 1)
    centre = rows // 2 * columns + columns // 2
    return np.broadcast_to(place < centre + (kind == "B"), shape).astype("float32")


class PixelConvLayer(keras.layers.Layer):
    def __init__(self, mask_type, **options):
        super().__init__()
        self.mask_type = mask_type
        self.conv = keras.layers.Conv2D(**options)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.mask = causal_mask(tuple(self.conv.kernel.shape), self.mask_type)

    def call(self, x):
        self.conv.kernel.assign(self.conv.kernel * self.mask)
        return self.conv(x)

    def forbidden(self):
        return int(np.count_nonzero(self.conv.kernel.numpy() * (1 - self.mask)))


class ResidualBlock(keras.layers.Layer):
    def __init__(self, filters, **options):
        super().__init__(**options)
        masked = {"kernel_size": 3, "activation": "relu", "padding": "same"}
        self.conv1 = keras.layers.Conv2D(filters, 1, activation="relu")
        self.pixel_conv = PixelConvLayer("B", filters=filters // 2, **masked)
        self.conv2 = keras.layers.Conv2D(filters, 1, activation="relu")

    def call(self, x):
        return x + self.conv2(self.pixel_conv(self.conv1(x)))

    def forbidden(self):
        return self.pixel_conv.forbidden()


def net(inputs, x, blocks, outputs, activation):
    x = PixelConvLayer("A", filters=FILTERS, kernel_size=7, activation="relu", padding="same")(x)
    for _ in range(blocks):
        x = ResidualBlock(FILTERS)(x)
    for _ in range(2):
        x = PixelConvLayer("B", filters=FILTERS, kernel_size=1, strides=1, activation="relu", padding="valid")(x)
    return keras.Model(inputs, keras.layers.Conv2D(outputs, 1, activation=activation)(x))


def forbidden(model):
    return sum(layer.forbidden() for layer in model.layers if hasattr(layer, "forbidden"))


def packed(folder, name, save):
    """Keeps a file as Keras saved it, packed: groups of HDF5 are mostly empty."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, name)
        save(path)
        data = pathlib.Path(path).read_bytes()
    (folder / f"{name}.gz").write_bytes(gzip.compress(data, 9, mtime=0))


def said(model, images, loss):
    """What Keras gives these images: the mean loss of a pixel, and what the model puts out, `[images, height, width, outputs]`."""
    outputs = np.asarray(model.predict(images, batch_size=len(images), verbose=0), "<f4")
    return {
        "shape": list(images.shape[:3]),
        # A level is a character.
        "levels": "".join("0123456789abcdefghijklmnopqrstuvwxyz"[int(level)] for level in images.reshape(-1)),
        "loss": loss(images),
        "outputs": base64.b64encode(outputs.tobytes()).decode(),
    }


def strokes(count, height, width, rng):
    """Images of 0 and 1, each a thick stroke that goes down with a bend."""
    images = np.zeros((count, height, width, 1), "float32")
    for image in images:
        column, bend = rng.integers(1, width - 2), rng.integers(-1, 2)
        for row in range(1, height - 1):
            column = int(np.clip(column + bend * (rng.random() < 0.5), 0, width - 2))
            image[row, column : column + 2] = 1
    return images


def tiles(count, height, width, rng):
    """Images of codes: what stands to the right of a code is mostly the next one."""
    images = rng.integers(0, CODES, (count, height, width))
    for column in range(1, width):
        follows = rng.random((count, height)) < 0.8
        images[:, :, column] = np.where(follows, (images[:, :, column - 1] + 1) % CODES, images[:, :, column])
    return images.astype("int32")


def main():
    random.seed(1)
    keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(1)
    folder = HERE / "keras_models"
    folder.mkdir(exist_ok=True)
    golden = {"keras": keras.__version__, "tensorflow": tf.__version__}

    height, width = 12, 10
    inputs = keras.Input((height, width, 1), batch_size=IMAGES)
    model = net(inputs, inputs, 5, 1, "sigmoid")
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="binary_crossentropy")
    train = strokes(20 * IMAGES, height, width, rng)
    model.fit(train, train, batch_size=IMAGES, epochs=6, verbose=2)
    golden["digits"] = {"forbidden": forbidden(model)}
    packed(folder, "digits.keras", model.save)
    packed(folder, "digits.weights.h5", model.save_weights)
    packed(folder, "digits.h5", model.save)
    images = strokes(IMAGES, height, width, rng)
    golden["digits"] |= said(model, images, lambda x: model.evaluate(x, x, batch_size=IMAGES, verbose=0))

    codes = keras.Input((7, 7), dtype="int32")
    model = net(codes, keras.ops.one_hot(codes, CODES), 2, CODES, None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    train = tiles(40 * IMAGES, 7, 7, rng)
    model.fit(train, train, batch_size=IMAGES, epochs=6, verbose=2)
    golden["codes"] = {"forbidden": forbidden(model)}
    packed(folder, "codes.keras", model.save)
    images = tiles(IMAGES, 7, 7, rng)
    golden["codes"] |= said(model, images, lambda x: model.evaluate(x, x, batch_size=IMAGES, verbose=0))

    (HERE / "keras_models.json").write_text(json.dumps(golden, indent=2) + "\n")


main()
