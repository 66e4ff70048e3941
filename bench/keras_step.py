"""One training step of the Keras PixelCNN example, on demand: reads a line from stdin, answers with milliseconds.

The rival of `npm run bench -- train`. Needs keras and tensorflow.
"""

import json
import sys
import time

from keras_net import REFERENCE, build, keras

import numpy as np
import tensorflow as tf

BATCH = 128


def main():
    model = build(REFERENCE, BATCH, 0.0005)
    rng = np.random.default_rng(1)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "parameters": model.count_params()}
    print(json.dumps(versions), flush=True)
    for _ in sys.stdin:
        batch = (rng.random((BATCH, 28, 28, 1)) < 0.13).astype("float32")
        start = time.perf_counter()
        loss = float(model.train_on_batch(batch, batch))
        print(json.dumps({"ms": 1000 * (time.perf_counter() - start), "loss": loss}), flush=True)


main()
