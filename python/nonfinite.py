"""Writes what Keras makes of NaN, infinities, denormals, zeros and large numbers: python/nonfinite.py OUT.json.

For each activation and each layer without weights: the config, and the result for INPUT, element for element as text,
so that NaN, -0.0 and infinities survive JSON. The test is runtime/nonfinite_test.go."""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from cases import ACTIVATIONS_3

L = keras.layers
SPECIAL = ["nan", "inf", "-inf", "-0.0", "0.0", "1e-40", "-1e-40", "3e38", "-3e38", "88.9", "-88.9", "104", "-104", "1e-8", "-20", "20", "1", "-1", "0.5", "-2.5", "6", "-3", "3", "1e20"]


def grid():
    """8 steps of 3 features: the special values, each beside plain ones too."""
    x = np.array([float(s) for s in SPECIAL], "float32").reshape(8, 3)
    y = np.tile(np.array([1, -2, 0.5], "float32"), (8, 1))
    y[np.arange(8), np.arange(8) % 3] = x[:, 0]
    return np.stack([x, y])


def text(a):
    return [repr(float(v)) for v in np.asarray(a, "float32").reshape(-1)]


def main(out):
    x = grid()
    layers = [L.Activation(a) for a in ACTIVATIONS_3] + [
        L.ReLU(), L.ReLU(6.0, 0.1, 0.5), L.LeakyReLU(0.3), L.ELU(0.7), L.Softmax(), L.Softmax(axis=1),
        L.MaxPooling1D(2), L.AveragePooling1D(2), L.MaxPooling1D(3, 1, "same"), L.AveragePooling1D(3, 1, "same"),
        L.GlobalMaxPooling1D(), L.GlobalAveragePooling1D(), L.UpSampling1D(2), L.ZeroPadding1D(1), L.Cropping1D(1), L.Permute((2, 1)),
        L.Rescaling(2.0, 1.0), L.UnitNormalization(), L.LayerNormalization(center=False, scale=False), L.GroupNormalization(1, center=False, scale=False),
        L.RepeatVector(2), L.Flatten(), L.Dropout(0.5), L.GaussianNoise(0.5),
    ]
    rows = []
    for layer in layers:
        given = x.reshape(-1, 3) if isinstance(layer, L.RepeatVector) else x
        got = keras.Sequential([keras.Input(given.shape[1:]), layer]).predict(given, verbose=0)
        config = {"class_name": type(layer).__name__, "config": {**layer.get_config(), "name": "layer", "dtype": "float32"}}
        rows.append({"layer": json.dumps(config), "shape": list(given.shape), "input": text(given), "output": text(got)})
    with open(out, "w") as f:
        json.dump({"keras": keras.__version__, "rows": rows}, f, indent=0)
        f.write("\n")


main(sys.argv[1])
