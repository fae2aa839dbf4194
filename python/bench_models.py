"""The ten models of docs/performance.md, with weights that matter: those of
applications as keras.applications makes them, 1000 classes for 224x224 images.

    python bench_models.py DIR NAME BATCH

writes DIR/NAME/model.keras and DIR/NAME/bBATCH.npz, an input and what Keras
answers in float32 and float64. Weights are calibrated
as in parity.py, so that outputs say something; architectures are as usual."""

import json
import os
import sys
import zlib
from pathlib import Path

ORDER = ["article", "vgg16", "resnet50", "unet", "mobilenetv2", "efficientnetb0", "mnist", "conv1d", "lstm", "mlp"]

TITLES = {
    "article": "CNN 32-64-128, 224x224x3",
    "vgg16": "VGG16",
    "resnet50": "ResNet50",
    "unet": "U-Net 128x128x3, base 32",
    "mobilenetv2": "MobileNetV2",
    "efficientnetb0": "EfficientNetB0",
    "mnist": "CNN 32-64, 28x28x1",
    "conv1d": "3 x Conv1D 64 k5, 1000x8",
    "lstm": "Bidirectional LSTM 64, 100 steps",
    "mlp": "MLP 784-512-256-10",
}


def stack(K, shape, filters):
    """The usual beginner's CNN: convolutions with poolings between, two Dense."""
    L = K.layers
    layers = [K.Input(shape)]
    for i, n in enumerate(filters):
        layers.append(L.Conv2D(n, 3, activation="relu"))
        if i < 2:
            layers.append(L.MaxPooling2D(2))
    return K.Sequential([*layers, L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")])


def unet(K, base=32, depth=4):
    L = K.layers

    def block(x, filters):
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    x = image = K.Input((128, 128, 3))
    skips = []
    for level in range(depth):
        skips.append(block(x, base << level))
        x = L.MaxPooling2D(2)(skips[-1])
    x = block(x, base << depth)
    for level in reversed(range(depth)):
        x = L.Conv2DTranspose(base << level, 2, strides=2, padding="same")(x)
        x = block(L.Concatenate()([x, skips[level]]), base << level)
    return K.Model(image, L.Conv2D(1, 1, activation="sigmoid")(x))


def conv1d(K):
    L = K.layers
    layers = [K.Input((1000, 8))]
    for _ in range(3):
        layers += [L.Conv1D(64, 5, activation="relu"), L.MaxPooling1D(2)]
    return K.Sequential([*layers, L.GlobalAveragePooling1D(), L.Dense(10)])


def lstm(K):
    L = K.layers
    return K.Sequential([K.Input((100,), dtype="int32"), L.Embedding(5000, 64), L.Bidirectional(L.LSTM(64)),
                         L.Dense(1, activation="sigmoid")])


def mlp(K):
    L = K.layers
    return K.Sequential([K.Input((784,)), L.Dense(512, activation="relu"), L.Dense(256, activation="relu"),
                         L.Dense(10, activation="relu")])


def build(K, name):
    of = {"article": lambda: stack(K, (224, 224, 3), (32, 64, 128)), "mnist": lambda: stack(K, (28, 28, 1), (32, 64)),
          "unet": lambda: unet(K), "conv1d": lambda: conv1d(K), "lstm": lambda: lstm(K), "mlp": lambda: mlp(K)}
    if name in of:
        return of[name]()
    classes = {"vgg16": "VGG16", "resnet50": "ResNet50", "mobilenetv2": "MobileNetV2", "efficientnetb0": "EfficientNetB0"}
    return getattr(K.applications, classes[name])(weights=None, input_shape=(224, 224, 3))


def draw_input(model, name, batch, rng):
    shape = (batch, *model.inputs[0].shape[1:])
    if name == "lstm":
        return rng.integers(0, 5000, shape).astype("int32")
    high = 255 if name == "efficientnetb0" else 1  # it rescales inside
    return rng.uniform(0, high, shape).astype("float32")


def exact(K, model, x):
    """What the model computes in float64, against which every engine's error is
    measured, Keras's own as well."""
    import numpy as np
    config = json.loads(json.dumps(model.get_config()).replace('"float32"', '"float64"'))
    K.backend.set_floatx("float64")
    twin = type(model).from_config(config)
    twin.set_weights([w.astype("float64") for w in model.get_weights()])
    for layer in twin.layers:
        if hasattr(layer, "finalize_state"):  # Normalization keeps what it makes of its weights
            layer.finalize_state()
    x = x if x.dtype.kind == "i" else x.astype("float64")
    y = np.concatenate([np.asarray(twin(x[i:i + 4], training=False)) for i in range(0, len(x), 4)])
    K.backend.set_floatx("float32")
    return y


def make(folder, name, batch):
    os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    import keras as K
    import numpy as np
    from parity import calibrate
    folder.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(name.encode())
    K.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    file = folder / "model.keras"
    if file.exists():
        model = K.models.load_model(file)
    else:
        model = build(K, name)
        calibrate(K, model, rng, draw_input(model, name, 4, rng))
        model.save(file)
    x = draw_input(model, name, batch, np.random.default_rng(seed + batch))
    y = np.concatenate([np.asarray(model(x[i:i + 8], training=False)) for i in range(0, batch, 8)])
    truth = exact(K, model, x)
    spread = y.std() if y.size > 1 else min(y.max(), 1 - y.min())  # one sigmoid must not be saturated
    if not np.isfinite(y).all() or spread < 1e-4:
        raise SystemExit(f"{name}: outputs say nothing: spread {spread:.3g}")
    part = folder / f"b{batch}.part.npz"
    np.savez(part, input_0=x, output_0=y, exact_0=truth)
    part.rename(folder / f"b{batch}.npz")


if __name__ == "__main__":
    make(Path(sys.argv[1]) / sys.argv[2], sys.argv[2], int(sys.argv[3]))
