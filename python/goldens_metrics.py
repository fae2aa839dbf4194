"""Writes metrics/testdata/goldens.json: losses and metrics of Keras 3 and tf_keras on small arrays, for the Go tests.

    .venv/bin/python python/goldens_metrics.py
"""

import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tf_keras

import parity_evaluate as parity

BATCHES = [7, 5]  # examples of each batch


def arrays(kind):
    """True values and predictions in the range of a kind of data."""
    r = np.random.default_rng(17)
    n = sum(BATCHES)
    _, y, _ = parity.data(kind)
    y = y[:n]
    last = {"classes": 5, "classes1": 5, "class_logits": 5, "classes_steep": 5, "classes_late": 5, "sequence": 5, "steps": 5, "masked": 5, "ctc": 5, "circle": 5, "region": 3}.get(kind)
    shape = y.shape if last is None else (*(y.shape[:-1] if kind == "classes1" else y.shape), last)
    if kind == "ctc":
        shape = (n, 6, 5)
    x = r.normal(size=shape)
    soft = lambda v: np.exp(v) / np.exp(v).sum(-1, keepdims=True)
    if kind in ("classes", "classes1", "classes_steep", "classes_late", "onehot", "onehot_steep", "onehot_late", "sequence", "steps", "region", "region_onehot"):
        x = soft(x * (40 if "steep" in kind or "late" in kind else 1))
    elif kind in ("bits", "bits_steep", "bits_late", "binary", "binary1", "pixels"):
        x = 1 / (1 + np.exp(-x))
    elif kind == "positive":
        x = np.abs(x) + 0.1
    elif kind == "signs":
        x = np.tanh(x)
    elif kind == "circle":
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return y, x.astype("float32")


def plain(a):
    a = np.asarray(a)
    return {"shape": list(a.shape), "data": [float(np.float32(v)) for v in a.reshape(-1)]}


def config(K, o):
    if isinstance(o, str):
        return o
    return json.loads(json.dumps(K.saving.serialize_keras_object(o), default=float))


def main():
    out, data = [], {}
    weights = np.random.default_rng(5).uniform(0, 2, sum(BATCHES)).astype("float32")

    def add(K, what, name, kind, o, values):
        data.setdefault(kind, dict(zip(("y", "x"), map(plain, arrays(kind)))))
        out.append({"keras": 3 if K is keras else 2, "what": what, "name": name, "data": kind, "config": config(K, o), "want": values})

    for K in (keras, tf_keras):
        for name, kind, loss in parity.losses(K):
            loss = type(loss).from_config(loss.get_config())  # what the config says
            y, x = arrays(kind)
            want = {"loss": float(loss(y, x))}
            if kind not in ("sequence", "steps", "region_onehot", "ctc"):
                want["weighted"] = float(loss(y, x, sample_weight=weights))
            add(K, "loss", name, kind, loss, want)
        for kind, metrics in parity.metrics(K):
            for m in metrics:
                if isinstance(m, str):
                    continue
                y, x = arrays(kind)
                if K is not keras and y.ndim == 1 and x.ndim == 2:
                    y = y[:, None]  # as its compile does
                at = 0
                for n in BATCHES:
                    m.update_state(y[at:at + n], x[at:at + n])
                    at += n
                add(K, "metric", m.name, kind, m, {"metric": [float(v) for v in np.asarray(m.result()).reshape(-1)]})
    path = pathlib.Path(__file__).resolve().parent.parent / "metrics" / "testdata" / "goldens.json"
    path.parent.mkdir(exist_ok=True)
    lines = [json.dumps(c) for c in out]
    path.write_text('{"batches": %s,\n"weights": %s,\n"data": {\n%s\n},\n"cases": [\n%s\n]}\n' % (
        json.dumps(BATCHES), json.dumps([float(w) for w in weights]),
        ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()), ",\n".join(lines)))
    print(f"{path}: {len(out)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
