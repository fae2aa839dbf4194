"""Writes the photographs of examples/classify, a keras.applications architecture of
small width with seeded weights, and what Keras says of them. Nobody trained the
model: its classes have no names, and its scores mean nothing but that the whole
way from a photograph to scores is Keras's.

The photographs are scikit-learn's china.jpg and flower.jpg, at half their size and
as PNG, which every decoder reads alike."""

import os
from pathlib import Path

os.environ.update(GOLDEN_ERA="3", TF_DETERMINISTIC_OPS="1")
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

import golden
from golden import K
from parity import calibrate

SEED = 61
OUT = Path(__file__).resolve().parent.parent / "examples" / "classify"
NAMES = ["china", "flower"]


def main():
    K.utils.set_random_seed(SEED)
    model = K.applications.MobileNet((128, 128, 3), alpha=0.125, weights=None, classes=10, name="mobilenet")
    OUT.mkdir(parents=True, exist_ok=True)
    x = []
    for name, pixels in zip(NAMES, load_sample_images().images):
        photo = Image.fromarray(pixels).resize((320, 213), Image.Resampling.LANCZOS)
        photo.save(OUT / f"{name}.png", optimize=True)
        x.append(K.layers.Resizing(128, 128, antialias=True)(np.asarray(photo, "float32")[None])[0])
    x = K.applications.mobilenet.preprocess_input(np.stack(x))
    calibrate(K, model, np.random.default_rng(SEED), x)
    model.save(OUT / "photo.keras")
    golden.same_date(OUT / "photo.keras")
    scores = golden.run(model, [x])[0]
    print(f"{model.count_params()} parameters, scores {scores.round(4)}")
    golden.write_npz(OUT / "photos.npz", {"inputs": x, "scores": scores})


if __name__ == "__main__":
    main()
