"""Makes the large models that are not committed, with Keras's outputs and the
float64 result: the article's CNN at 224x224 and keras.applications, those of
tf_keras with the suffix _k2.

    python parity.py DIR [--models slice|all|Name,Name] [--force]

Each model is made in a process of its own and lands in DIR/<Name>/ as
model.keras (of tf_keras model.h5), expect.npz (batch 2) and case.json. A folder
that is complete is left alone."""

import argparse
import os
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

SLICE = ["Article", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ResNet50", "DenseNet121", "ConvNeXtTiny",
         "NASNetMobile", "Xception"]
BOTH = [*(f"ConvNeXt{s}" for s in ("Tiny", "Small", "Base", "Large", "XLarge")),
       *(f"DenseNet{n}" for n in (121, 169, 201)), *(f"EfficientNetB{n}" for n in range(8)),
       *(f"EfficientNetV2{s}" for s in ("B0", "B1", "B2", "B3", "S", "M", "L")), "InceptionResNetV2", "InceptionV3",
       "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetLarge", "NASNetMobile",
        *(f"ResNet{n}{v}" for n in (50, 101, 152) for v in ("", "V2")), "VGG16", "VGG19", "Xception"]
OLD = "_k2"  # the suffix of tf_keras's
OF_TF_KERAS = [*(f"RegNet{k}{n:03}" for k in "XY" for n in (2, 4, 6, 8, 16, 32, 40, 64, 80, 120, 160, 320)),
               *(f"ResNetRS{n}" for n in (50, 101, 152, 200, 270, 350, 420))]
ALL = ["Article", *BOTH, *(n + OLD for n in BOTH + OF_TF_KERAS)]


def size_of(name):
    """The height and width of name's input, None for its default. The slice has
    the sizes that people use; the rest are small, those of tf_keras odd as well,
    since padding depends on that."""
    if name in SLICE:
        return 224 if name == "MobileNetV3Small" else None  # which has no default
    return 107 if name.endswith(OLD) else 128


def article(K):
    """As the article prints it: 44.4 million parameters, nearly all in the first Dense."""
    L = K.layers
    model = K.Sequential([
        L.Input((224, 224, 3)),
        L.Conv2D(32, (3, 3), activation="relu"),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(64, (3, 3), activation="relu"),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(128, (3, 3), activation="relu"),
        L.Flatten(),
        L.Dense(128, activation="relu"),
        L.Dense(10, activation="softmax"),
    ])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build(K, name):
    if name == "Article":
        return article(K)
    size = size_of(name)
    shape = {"input_shape": (size, size, 3)} if size else {}
    return getattr(K.applications, name.removesuffix(OLD))(weights=None, classifier_activation=None, **shape)


def pictures(rng, batch, height, width, channels):
    """Smooth random pictures in 0..255 with some noise, float32."""
    import numpy as np
    from PIL import Image
    out = np.zeros((batch, height, width, channels))
    for image in out:
        for c in range(channels):
            coarse = Image.fromarray(rng.uniform(0, 255, (5, 7)).astype("float32"))
            image[..., c] = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(out + rng.normal(0, 20, out.shape), 0, 255).astype("float32")


def calibrate(K, model, rng, x):
    """Weights that matter and, for every BatchNormalization, statistics near the
    real ones, so that hundreds of layers neither explode nor die."""
    import numpy as np
    from weights import matter
    matter(model, rng)
    for layer in model._flatten_layers():
        if isinstance(layer, K.layers.Normalization) and layer.input_mean is None:
            layer.adapt_mean.assign(rng.uniform(0.4, 0.5, layer.adapt_mean.shape))
            layer.adapt_variance.assign(rng.uniform(0.05, 0.3, layer.adapt_variance.shape))
            layer.finalize_state()
    norms = [l for l in model._flatten_layers() if isinstance(l, K.layers.BatchNormalization)]
    # Statistics of what inference sees: dropping whole branches would bend them.
    drops = [(l, l.rate) for l in model._flatten_layers() if isinstance(l, K.layers.Dropout)]
    for layer, _ in drops:
        layer.rate = 0.0
    # Wide swings through silu make a deep net of random weights chaotic: its float32 result would say nothing.
    gain = 0.25 if model.name.startswith("efficientnet") else 1.0
    for layer in norms:
        layer.momentum = 0.0
        n = layer.moving_mean.shape
        if layer.scale:
            layer.gamma.assign(gain * rng.uniform(0.8, 1.2, n))
        if layer.center:
            layer.beta.assign(gain * rng.normal(0, 0.1, n))
    if norms:
        model(x, training=True)
    for layer, rate in drops:
        layer.rate = rate
    for layer in norms:
        layer.momentum = 0.99
        mean, variance = (np.array(v) for v in (layer.moving_mean, layer.moving_variance))
        n = mean.shape
        variance = np.maximum(variance, 0.03 * max(variance.mean(), 1e-6))
        layer.moving_mean.assign(mean + 0.1 * np.sqrt(variance) * rng.normal(size=n))
        layer.moving_variance.assign(variance * rng.uniform(0.8, 1.25, n))
    # The class scores centred and of one size.
    head = model.layers[-1]
    if model.name != "sequential" and isinstance(head, K.layers.Dense):
        features = np.asarray(K.Model(model.inputs, head.input).predict(x, verbose=0))
        head.kernel.assign(np.array(head.kernel) / max(features.std(), 1e-3) / 2)


def make(name, out):
    os.environ["GOLDEN_ERA"], file = ("2", "model.h5") if name.endswith(OLD) else ("3", "model.keras")
    import numpy as np
    import golden
    from golden import K
    from weights import upcast
    start = time.time()
    seed = zlib.crc32(name.encode())
    rng = np.random.default_rng(seed)
    K.utils.set_random_seed(seed % 2**31)
    model = build(K, name)
    x = pictures(rng, 2, *model.inputs[0].shape[1:])
    if name == "Article":
        from weights import matter
        matter(model, rng)
        x = (x / 255).astype("float32")
    else:
        calibrate(K, model, rng, x)
    part = out / (name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    model.save(part / file)
    found, nodes = golden.classes(model)
    output = golden.run(model, [x])[0]
    values, parameters = upcast(model.get_weights()), model.count_params()
    del model
    K.backend.clear_session()
    K.backend.set_floatx("float64")
    golden.set_policy("float64")
    twin = build(K, name)
    twin.set_weights(values)
    del values
    golden.finalize(twin)
    exact = golden.run(twin, [x.astype("float64")])[0]
    if not np.isfinite(exact).all() or exact.std() < 1e-3 or abs(exact[0] - exact[1]).max() < 1e-3 * abs(exact).max():
        raise SystemExit(f"{name}: outputs say nothing: std {exact.std():.3g}")
    golden.write_npz(part / "expect.npz", {"input_0": x, "output_0": output, "exact_0": exact})
    golden.write_case(part, {"name": name, "keras": golden.version(), "model": file, "weights": "",
                             "seed": seed, "dtype": "float32", "classes": found, "operations": nodes,
                             "note": "made by python/parity.py", "parameters": int(parameters)})
    shutil.rmtree(out / name, ignore_errors=True)
    part.rename(out / name)
    apart = np.sqrt(np.mean((exact[0] - exact[1]) ** 2)) / exact.std()
    print(f"{name:20} {x.shape[1]}x{x.shape[2]} {parameters:12,d} parameters {golden.ulps([output], [exact]):8.2f} ulp, "
          f"std {exact.std():.3g}, images {apart:.2f} apart, {time.time() - start:.0f} s", flush=True)


def main():
    args = argparse.ArgumentParser(description="Makes the large models for make parity.")
    args.add_argument("dir", type=Path)
    args.add_argument("--models", default="slice", help="slice, all, or names with commas")
    args.add_argument("--force", action="store_true", help="make again what is there")
    args.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = args.parse_args()
    names = {"slice": SLICE, "all": ALL}.get(args.models) or args.models.split(",")
    if args.one:
        return make(names[0], args.dir)
    failed = []
    for name in names:
        if (args.dir / name / "expect.npz").exists() and not args.force:
            continue
        one = [sys.executable, __file__, str(args.dir), "--one", "--models", name]
        if subprocess.run(one).returncode:
            failed.append(name)
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
