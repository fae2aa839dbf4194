"""Writes the architectures that docs/plots.md shows to testdata/plots, without what no drawing has: python/plots.py."""
import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
from keras import layers as L

OUT = pathlib.Path(__file__).parent.parent / "testdata" / "plots"
DROPPED = ("build_config", "registered_name", "trainable", "compile_config", "seed")


def small(v):
    """A config without initializers, regularizers and constraints."""
    if isinstance(v, dict):
        return {k: small(x) for k, x in v.items()
                if k not in DROPPED and not k.endswith(("_initializer", "_regularizer", "_constraint")) and x is not None}
    return [small(x) for x in v] if isinstance(v, list) else v


def save(name, model):
    config = small(json.loads(model.to_json()))
    (OUT / f"{name}.json").write_text(json.dumps(config, separators=(",", ":")) + "\n")


def cnn():
    """The CNN of the article: 224x224x3, Conv2D 32-64-128, Dense 128."""
    return keras.Sequential([
        L.Input((224, 224, 3), name="image"), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D(),
        L.Conv2D(128, 3, activation="relu"), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax", name="class")], name="cnn")


def digits():
    x = image = keras.Input((32, 32, 1), name="image")
    x = L.RandomZoom(0.1)(L.RandomRotation(0.05)(L.RandomTranslation(0.1, 0.1)(x)))
    x = L.Rescaling(1 / 255)(x)
    x = L.MaxPooling2D()(L.Conv2D(32, 3, activation="relu")(x))
    x = L.MaxPooling2D()(L.Conv2D(64, 3, activation="relu")(x))
    x = L.Flatten()(L.Conv2D(128, 3, activation="relu")(x))
    x = L.Dropout(0.5)(L.Dense(128, activation="relu")(x))
    return keras.Model(image, L.Dense(10, activation="softmax", name="digit")(x), name="digits")


def unet():
    def block(x, filters, name):
        for k in (1, 2):
            x = L.Conv2D(filters, 3, padding="same", name=f"{name}_conv{k}")(x)
            x = L.Activation("relu", name=f"{name}_relu{k}")(L.BatchNormalization(name=f"{name}_bn{k}")(x))
        return x

    x = image = keras.Input((256, 256, 3), name="image")
    skips = []
    for d, filters in enumerate((32, 64, 128), 1):
        skips.append(block(x, filters, f"down{d}"))
        x = L.MaxPooling2D(name=f"pool{d}")(skips[-1])
    x = block(x, 256, "bottom")
    for d, filters in ((3, 128), (2, 64), (1, 32)):
        x = L.Conv2DTranspose(filters, 2, strides=2, name=f"rise{d}")(x)
        x = block(L.Concatenate(name=f"join{d}")([x, skips[d - 1]]), filters, f"up{d}")
    return keras.Model(image, L.Conv2D(1, 1, activation="sigmoid", name="mask")(x), name="unet")


def sentiment():
    x = words = keras.Input((None,), dtype="int32", name="words")
    x = L.SpatialDropout1D(0.2)(L.Embedding(20000, 128, mask_zero=True)(x))
    x = L.Bidirectional(L.LSTM(64, return_sequences=True))(x)
    x = L.Dropout(0.5)(L.LSTM(64)(x))
    return keras.Model(words, L.Dense(1, activation="sigmoid", name="sentiment")(x), name="sentiment")


def siamese():
    encoder = keras.Sequential([
        keras.Input((64, 64, 1), name="picture"), L.Conv2D(16, 5, strides=2, activation="relu"), L.BatchNormalization(),
        L.Conv2D(32, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(64)], name="encoder")
    left, right = keras.Input((64, 64, 1), name="left"), keras.Input((64, 64, 1), name="right")
    x = L.Subtract(name="difference")([encoder(left), encoder(right)])
    x = L.Dense(32, activation="relu")(x)
    return keras.Model([left, right], L.Dense(1, activation="sigmoid", name="same")(x), name="siamese")


def listing():
    photo, title = keras.Input((96, 96, 3), name="photo"), keras.Input((20,), dtype="int32", name="title")
    numbers = keras.Input((6,), name="numbers")
    x = L.MaxPooling2D()(L.Conv2D(32, 3, activation="relu")(photo))
    x = L.GlobalMaxPooling2D()(L.Conv2D(64, 3, activation="relu")(x))
    y = L.GRU(32)(L.Embedding(5000, 32)(title))
    x = L.Concatenate()([x, y, L.Normalization(name="scale")(numbers)])
    x = L.Dropout(0.3)(L.Dense(128, activation="relu")(x))
    ends = [L.Dense(1, name="price")(x), L.Dense(12, activation="softmax", name="category")(x)]
    return keras.Model([photo, title, numbers], ends, name="listing")


def transformer():
    tokens = keras.Input((128,), dtype="int32", name="tokens")
    x = L.Embedding(8000, 96, name="embed")(tokens) * 96**0.5
    for k in (1, 2):
        y = L.LayerNormalization(name=f"norm{k}a")(x)
        x = x + L.MultiHeadAttention(4, 24, name=f"attention{k}")(y, y)
        y = L.Dense(384, activation="gelu", name=f"wide{k}")(L.LayerNormalization(name=f"norm{k}b")(x))
        x = x + L.Dense(96, name=f"narrow{k}")(y)
    x = L.GlobalAveragePooling1D()(x)
    return keras.Model(tokens, L.Dense(5, activation="softmax", name="topic")(x), name="transformer")


def wave():
    x = sound = keras.Input((16000, 1), name="sound")
    x = L.Conv1D(32, 1, padding="causal", name="first")(x)
    skips = []
    for d in (1, 2, 4, 8):
        y = L.Multiply(name=f"gated{d}")([
            L.Conv1D(32, 2, dilation_rate=d, padding="causal", activation="tanh", name=f"filter{d}")(x),
            L.Conv1D(32, 2, dilation_rate=d, padding="causal", activation="sigmoid", name=f"gate{d}")(x)])
        skips.append(L.Conv1D(32, 1, name=f"skip{d}")(y))
        x = L.Add(name=f"residual{d}")([x, L.Conv1D(32, 1, name=f"out{d}")(y)])
    x = L.ReLU()(L.Add(name="skips")(skips))
    return keras.Model(sound, L.Conv1D(256, 1, activation="softmax", name="next")(x), name="wave")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for make in (cnn, digits, unet, sentiment, siamese, listing, transformer, wave):
        keras.backend.clear_session()
        save(make.__name__, make())
    for name, make in (("resnet50", keras.applications.ResNet50), ("mobilenet_v2", keras.applications.MobileNetV2)):
        keras.backend.clear_session()
        save(name, make(weights=None))
