"""Writes index grids, such as the codes of a VQ-VAE, as a folder for `npm run train -- --data FOLDER --nominal --levels K`."""

from pathlib import Path

import numpy as np


def export_codes(folder, grids, labels=None, part=None):
    """`grids`: whole numbers from 0 to K - 1, [rows, columns] an image, all of one size. `labels`: one an image, from 0 on.
    `part`: train, val or test, where these are apart."""
    arrays = {"codes": np.stack([np.asarray(grid) for grid in grids])}
    if labels is not None:
        arrays["labels"] = np.asarray(labels).reshape(len(arrays["codes"]))
    for name, values in arrays.items():
        if not np.array_equal(values, values.astype("uint16")):
            raise ValueError(f"{name}: expected whole numbers from 0 to 65535, got {values.min()} to {values.max()}")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        np.save(Path(folder) / (f"{part}_{name}.npy" if part else f"{name}.npy"), values.astype("<u2"))
