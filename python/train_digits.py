"""Trains the article's CNN on scikit-learn's handwritten digits and writes
testdata/models/digits and testdata/images: about a minute on two cores. With
--small it trains one of a quarter of the width, and writes it for examples/embed.

The digits are 8x8 images of 0..16, enlarged to 32x32 of 0..255. The test split
(360 images) takes no part in training or early stopping."""

import argparse
import os
import shutil
from pathlib import Path

os.environ.update(GOLDEN_ERA="3", TF_DETERMINISTIC_OPS="1")
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import golden
from golden import K, L
from weights import upcast

SEED = 20
GOAL = 0.98
SMALL = {"filters": (8, 16, 32), "units": 32}


def enlarge(image):
    """An 8x8 image of 0..16 as 32x32x1 of 0..255."""
    small = Image.fromarray(np.round(image * (255 / 16)).astype("uint8"))
    return np.asarray(small.resize((32, 32), Image.Resampling.BILINEAR))[..., None]


def split():
    digits = load_digits()
    x = np.stack([enlarge(image) for image in digits.images])
    return train_test_split(x, digits.target, test_size=360, stratify=digits.target, random_state=SEED)


def network(filters=(32, 64, 128), units=128):
    """The article's stack with its advice against overfitting."""
    l2 = K.regularizers.L2(1e-4)
    return K.Sequential([
        L.Input((32, 32, 1), name="image"),
        L.RandomTranslation(0.06, 0.06, fill_mode="constant"),
        L.RandomRotation(0.03, fill_mode="constant"),
        L.RandomZoom(0.08, fill_mode="constant"),
        L.Rescaling(1 / 255),
        L.Conv2D(filters[0], (3, 3), activation="relu"),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(filters[1], (3, 3), activation="relu", kernel_regularizer=l2),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(filters[2], (3, 3), activation="relu", kernel_regularizer=l2),
        L.Flatten(),
        L.Dense(units, activation="relu", kernel_regularizer=l2),
        L.Dropout(0.5),
        L.Dense(10, activation="softmax", name="digit"),
    ], name="digits")


def compile_(model):
    model.compile(optimizer=K.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def train(x, y, **size):
    K.utils.set_random_seed(SEED)
    x, x_val, y, y_val = train_test_split(x, y, test_size=200, stratify=y, random_state=SEED)
    model = network(**size)
    compile_(model)
    stop = K.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    slow = K.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=4)
    model.fit(x.astype("float32"), y, validation_data=(x_val.astype("float32"), y_val), batch_size=32, epochs=60,
              callbacks=[stop, slow], verbose=2)
    compile_(model)  # a new optimizer without moments: a third of the file
    return model


def float64_outputs(model, x):
    K.backend.set_floatx("float64")
    K.config.set_dtype_policy("float64")
    twin = network()
    twin.set_weights(upcast(model.get_weights()))
    return golden.run(twin, [x.astype("float64")])[0]


def rate(model, x, y):
    """Scores of the test split, which are right, and the share of those."""
    scores = model.predict(x.astype("float32"), batch_size=len(x), verbose=0)
    right = scores.argmax(axis=1) == y
    accuracy = float(right.mean())
    print(f"test accuracy {accuracy:.4f} ({right.sum()} of {len(y)})")
    if accuracy < GOAL:
        raise SystemExit(f"below {GOAL}: nothing written")
    return scores, right, accuracy


def write_small(model, x, y, folder):
    scores, _, accuracy = rate(model, x, y)
    folder.mkdir(parents=True, exist_ok=True)
    plain = network(**SMALL)  # not compiled: no optimizer in the file
    plain.set_weights(model.get_weights())
    plain.save(folder / "digits.keras")
    golden.same_date(folder / "digits.keras")
    golden.write_npz(folder / "expect.npz", {"scores": scores, "accuracy": np.array([accuracy])})


def write(model, x, y, folder, images):
    scores, right, accuracy = rate(model, x, y)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    golden.same_date(folder / "model.keras")
    golden.write_npz(folder / "split.npz", {"x_test": x, "y_test": y.astype("int64")})
    some = x[:32].astype("float32")
    expect = {"input_0": some, "output_0": golden.run(model, [some])[0], "exact_0": float64_outputs(model, some)}
    print(f"{golden.ulps([expect['output_0']], [expect['exact_0']]):.2f} ulp")
    golden.write_npz(folder / "expect.npz", expect)
    (folder / "labels.txt").write_text("".join(f"{d}\n" for d in range(10)))
    found, _ = golden.classes(model)
    golden.write_case(folder, {
        "name": "digits", "keras": golden.version(), "model": "model.keras", "weights": "", "seed": SEED,
        "dtype": "float32", "classes": found, "operations": [],
        "note": "trained by python/train_digits.py; split.npz holds the test split",
        "test_images": len(y), "test_accuracy": round(accuracy, 6)})
    images.mkdir(parents=True, exist_ok=True)
    for digit in range(10):  # the first of each in the test split that the model reads right
        first = int(np.flatnonzero((y == digit) & right)[0])
        Image.fromarray(x[first, :, :, 0]).save(images / f"digit_{digit}.png")
        print(f"digit_{digit}.png is test image {first}, read as {scores[first].argmax()}, {scores[first].max():.4f}")


def main():
    testdata = Path(__file__).resolve().parent.parent / "testdata"
    args = argparse.ArgumentParser(description="Trains and writes the digits model.")
    args.add_argument("--out", type=Path, default=testdata, help="folder holding models/ and images/")
    args.add_argument("--small", type=Path, metavar="DIR", help="write the small model instead, and its scores, to DIR")
    args = args.parse_args()
    x_train, x_test, y_train, y_test = split()
    if args.small:
        return write_small(train(x_train, y_train, **SMALL), x_test, y_test, args.small)
    write(train(x_train, y_train), x_test, y_test, args.out / "models" / "digits", args.out / "images")


if __name__ == "__main__":
    main()
