"""Compare the maps of kerasrun explain with occlusion by real Keras: the digits model on its images, and a
seeded CNN on an image that is not square.

A map may differ by 1e-4 of its maximum, plus 4 roundings of the score, whose differences it is made of.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent


def occlusion(model, x, index, patch, stride):
    """The map of the class index for the image x of shape (1, height, width, channels)."""
    height, width = x.shape[1:3]
    squares = [
        (slice(i, i + patch), slice(j, j + patch)) for i in starts(height, patch, stride) for j in starts(width, patch, stride)
    ]
    hidden = np.repeat(x, len(squares), axis=0)
    for h, (rows, columns) in zip(hidden, squares):
        h[rows, columns] = x.mean(axis=(0, 1, 2), dtype=np.float64)
    base = float(model.predict(x, verbose=0)[0, index])
    fall, covers = np.zeros((height, width)), np.zeros((height, width))
    for score, square in zip(model.predict(hidden, verbose=0)[:, index], squares):
        fall[square] += base - float(score)
        covers[square] += 1
    return fall / covers, base


def starts(size, patch, stride):
    """Where the squares along an axis begin; the last ends with the axis."""
    last = max(0, size - patch)
    return [*range(0, last, stride), last]


def small_cnn():
    keras.utils.set_random_seed(7)
    return keras.Sequential([
        keras.layers.Input((21, 34, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.DepthwiseConv2D(3, strides=2),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(5),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kerasrun", type=pathlib.Path)
    program = parser.parse_args().kerasrun.resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        digits = ROOT / "testdata/models/digits/model.keras"
        small, picture = folder / "small.keras", folder / "picture.png"
        small_cnn().save(small)
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (21, 34, 3), np.uint8)).save(picture)
        jobs = [(digits, ROOT / f"testdata/images/digit_{i}.png", i, 4, 2) for i in (3, 7, 9)]  # whose scores fall
        jobs += [(small, picture, 0, 3, 1), (small, picture, 4, 8, 5), (small, picture, 2, 30, 30)]
        models = {path: keras.saving.load_model(path, compile=False) for path in (digits, small)}
        for path, image, index, patch, stride in jobs:
            mode = "L" if path == digits else "RGB"
            model, out = models[path], folder / "map.npy"
            x = np.asarray(Image.open(image).convert(mode), np.float32).reshape(1, *model.input_shape[1:])
            want, base = occlusion(model, x, index, patch, stride)
            flags = {"class": index, "patch": patch, "stride": stride, "map": out, "output": folder / "out.png"}
            subprocess.run([program, "explain", path, image, *(f"--{k}={v}" for k, v in flags.items())], check=True, stdout=subprocess.DEVNULL)
            got = np.load(out)
            off = np.abs(got - want).max() if got.shape == want.shape else np.inf
            limit = 1e-4 * np.abs(want).max() + 4 * np.finfo(np.float32).eps * abs(base)
            verdict = "ok" if off <= limit else "FAILED"
            failed += verdict != "ok"
            print(f"{verdict:6} {path.name} {image.name} class {index} patch {patch} stride {stride}: off by {off:.2g}, allowed {limit:.2g}")
    sys.exit(f"{failed} maps differ" if failed else 0)


if __name__ == "__main__":
    main()
