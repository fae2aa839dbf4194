"""Writes activations.json: what Keras's activations give in float64.

Run with Keras 3 on the TensorFlow backend. Three are formulas instead: the hard
sigmoid of Keras 1 and 2, which Keras 3 does not have, and both kinds of gelu,
whose constants tf.nn.gelu rounds to float32 even in float64.
"""
import json
import math
import os

import keras
import numpy as np
from keras import activations as a, ops

points = [0.0, -0.0, 1e-8, -1e-8, 1e-4, -1e-4]
points += [s * v for v in (0.01, 0.3, 0.5, 0.51, 0.99, 1, 1.01, 1.7, 2.5, 3, 3.01, 5, 6, 6.5, 9, 15, 20, 40, 88, 100, 1000) for s in (1, -1)]
points += [math.inf, -math.inf, math.nan]
x = np.array(points, np.float32)

cases = {
    "relu": a.relu,
    "relu_slope": lambda v: a.relu(v, negative_slope=0.125),
    "relu_max": lambda v: a.relu(v, max_value=2.5),
    "relu_threshold": lambda v: a.relu(v, threshold=1.0),
    "relu_threshold_negative": lambda v: a.relu(v, threshold=-1.0),
    "relu_threshold_negative_max": lambda v: a.relu(v, threshold=-1.0, max_value=6.0),
    "relu_all": lambda v: a.relu(v, negative_slope=0.125, max_value=6.0, threshold=1.0),
    "relu_slope_max": lambda v: a.relu(v, negative_slope=0.125, max_value=2.5),
    "relu6": a.relu6,
    "leaky_relu": lambda v: a.leaky_relu(v, negative_slope=0.25),
    "hard_tanh": a.hard_tanh,
    "hard_sigmoid": a.hard_sigmoid,
    "hard_sigmoid_2": lambda v: np.clip(0.2 * np.asarray(v) + 0.5, 0, 1),
    "hard_silu": a.hard_silu,
    "hard_shrink": a.hard_shrink,
    "soft_shrink": a.soft_shrink,
    "threshold": lambda v: a.threshold(v, 1.0, -7.0),
    "sparse_plus": a.sparse_plus,
    "sparse_sigmoid": a.sparse_sigmoid,
    "exponential": a.exponential,
    "sigmoid": a.sigmoid,
    "log_sigmoid": a.log_sigmoid,
    "tanh": a.tanh,
    "tanh_shrink": a.tanh_shrink,
    "silu": a.silu,
    "mish": a.mish,
    "softplus": a.softplus,
    "softsign": a.softsign,
    "squareplus": a.squareplus,
    "gelu": lambda v: [0.5 * t * math.erfc(-t / math.sqrt(2)) for t in map(float, v)],
    "gelu_tanh": lambda v: [0.5 * t * (1 + math.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3))) for t in map(float, v)],
    "elu": lambda v: a.elu(v, alpha=0.5),
    "selu": a.selu,
    "celu": lambda v: a.celu(v, alpha=2.0),
}

rows = [[0.5, 0.4], [1, 0.9, 0.8], [3, 1, 0.2], [0, 0, 0, 0], [-1, 2, 2.5, -3, 0.1], [100, -100, 99.5],
        [math.inf, 1], [math.nan, 1], [-math.inf, 1, 2], [-math.inf, -math.inf], [1000, 1000]]
along = {"softmax": a.softmax, "log_softmax": a.log_softmax, "sparsemax": a.sparsemax}


def plain(values):
    return [repr(float(v)) for v in np.asarray(values).ravel()]


out = {
    "keras": keras.__version__,
    "x": plain(x),
    "elementwise": {n: plain(f(ops.convert_to_tensor(x.astype(np.float64)))) for n, f in cases.items()},
    "rows": [plain(np.array(r, np.float32)) for r in rows],
    "along": {n: [plain(f(ops.convert_to_tensor(np.array([r], np.float32).astype(np.float64)))) for r in rows] for n, f in along.items()},
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "activations.json"), "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
