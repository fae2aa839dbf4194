"""Compare the maps of kerasrun explain with real Keras: occlusion of the digits model on its images and of a
seeded CNN on an image that is not square; Grad-CAM and saliency by TensorFlow's GradientTape of five models.

A map may differ by 1e-4 of its maximum; one of occlusion by 4 roundings of the score more, whose differences it is made of.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf
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


def gradients(model, x, index, layer, logits):
    """The maps of Grad-CAM, as the example of Keras computes it, and of saliency; None where one has no maximum."""
    last = model.layers[-1]
    if logits:
        last.activation = keras.activations.linear
    try:
        both = keras.Model(model.inputs, [model.get_layer(layer).output, model.layers[-1].output])
        if isinstance(model, keras.Sequential):  # of a loaded one layer.output is of another call than the model's
            y = start = keras.Input(x.shape[1:])
            outputs = {l.name: (y := l(y)) for l in model.layers}
            both = keras.Model(start, [outputs[layer], y])
        with tf.GradientTape(persistent=True) as tape:
            image = tf.constant(x)
            tape.watch(image)
            value, scores = both(image, training=False)
            score = scores[:, index]
        weights = tf.reduce_mean(tape.gradient(score, value), axis=(0, 1, 2))
        cam = tf.maximum(tf.reduce_sum(value[0] * weights, axis=-1), 0)
        saliency = tf.reduce_max(tf.abs(tape.gradient(score, image)[0]), axis=-1)
    finally:
        last.activation = keras.activations.softmax
    if not tf.reduce_max(cam) > 0:
        return None  # 0/0 in the example
    return {"gradcam": (cam / tf.reduce_max(cam)).numpy(), "saliency": (saliency / tf.reduce_max(saliency)).numpy()}


def stirred(inputs, y):
    """A model with softmax over 5 classes whose statistics and biases are not those of a new one."""
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(y))
    rng = np.random.default_rng(3)
    for w in model.weights:
        if "variance" in w.path or "gamma" in w.path:
            w.assign(rng.uniform(0.5, 1.5, w.shape))
        elif len(w.shape) == 1:
            w.assign(rng.normal(0, 0.2, w.shape))
    return model


def article_cnn():
    x = inputs = keras.layers.Input((28, 28, 3))
    x = keras.layers.Rescaling(1 / 255)(x)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv{filters}")(x)
        x = keras.layers.MaxPooling2D()(x)
    return stirred(inputs, keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(x))), "conv32"


def residual():
    x = inputs = keras.layers.Input((33, 29, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(12, 7, strides=2, padding="same")(x)
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(keras.layers.ReLU()(keras.layers.BatchNormalization()(x)))
    for i in range(2):
        y = keras.layers.Conv2D(12, 3, padding="same", use_bias=False)(x)
        y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
        y = keras.layers.BatchNormalization()(keras.layers.Conv2D(12, 3, padding="same", name=f"block{i}")(y))
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    return stirred(inputs, keras.layers.GlobalAveragePooling2D()(x)), "block1"


def inverted_residual():
    x = inputs = keras.layers.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    for stride in (2, 1):
        y = keras.layers.Conv2D(24, 1, use_bias=False)(x)
        y = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(y))
        y = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(y) if stride == 2 else y
        y = keras.layers.DepthwiseConv2D(3, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False)(y)
        y = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(y))
        y = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 1, use_bias=False, name=f"project{stride}")(y))
        x = keras.layers.Add()([x, y]) if stride == 1 else y
    return stirred(inputs, keras.layers.GlobalAveragePooling2D()(x)), "project1"


def squeeze_excite():
    x = inputs = keras.layers.Input((24, 30, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(16, 3, padding="same", activation="silu")(x)
    s = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    s = keras.layers.Conv2D(16, 1, activation="sigmoid")(keras.layers.Conv2D(4, 1, activation="silu")(s))
    x = keras.layers.AveragePooling2D(2)(keras.layers.Multiply()([x, s]))
    x = keras.layers.SeparableConv2D(20, 3, activation="silu", name="last")(x)
    return stirred(inputs, keras.layers.GlobalMaxPooling2D()(x)), "last"


def compare_gradients(program, folder):
    """How many maps of gradients differ by more than 1e-4, their maximum being 1."""
    failed = 0
    jobs = [("digits", keras.saving.load_model(ROOT / "testdata/models/digits/model.keras", compile=False), None, ROOT / "testdata/images/digit_7.png", 7)]
    for make in (article_cnn, residual, inverted_residual, squeeze_excite):
        keras.utils.set_random_seed(11)
        model, layer = make()
        height, width = model.input_shape[1:3]
        picture = folder / f"{make.__name__}.png"
        Image.fromarray(np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)).save(picture)
        jobs.append((make.__name__, model, layer, picture, None))
    for name, model, layer, image, known in jobs:
        path, out = folder / f"{name}.keras", folder / "map.npy"
        model.save(path)
        layer = layer or [l.name for l in model.layers if isinstance(l, keras.layers.Conv2D)][-1]
        mode = "L" if model.input_shape[-1] == 1 else "RGB"
        x = np.asarray(Image.open(image).convert(mode), np.float32).reshape(1, *model.input_shape[1:])
        for logits in (True, False):
            if name == "digits" and not logits:
                continue  # a probability of 0.9999: what rounding leaves of its gradient has 3 digits
            indices = range(5) if known is None else [known]
            maps = {i: gradients(model, x, i, layer, logits) for i in indices}
            index = next(i for i in indices if maps[i])
            for method, want in maps[index].items():
                flags = [f"--method={method}", f"--class={index}", f"--map={out}", f"--output={folder / 'out.png'}"]
                flags += [] if logits else ["--output-score"]
                subprocess.run([program, "explain", path, image, *flags], check=True, stdout=subprocess.DEVNULL)
                got = np.load(out)
                off = np.abs(got - want).max() if got.shape == want.shape else np.inf
                failed += not off <= 1e-4
                print(f"{'ok' if off <= 1e-4 else 'FAILED':6} {name} {method} of the {'logit' if logits else 'output'}: off by {off:.2g}, allowed 0.0001")
    return failed


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
        failed += compare_gradients(program, folder)
    sys.exit(f"{failed} maps differ" if failed else 0)


if __name__ == "__main__":
    main()
