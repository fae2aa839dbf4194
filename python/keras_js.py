"""Turns the layer cases of keras-js into model files that internal/compat tries.

    python keras_js.py cases.json OUT && go run ./internal/compat OUT

A case has params (one layer's class and config, branches that a layer merges,
or a list of layers), inputs, weights and the expected output, in six digits.
Each becomes OUT/<id>.h5 as Keras 2.0 wrote it and OUT/<id>.h5.npz. keras-js calls a
stateful layer twice and keeps the second result: here the sequence is given twice
in a row. Needs h5py and NumPy, no Keras."""

import argparse
import json
from pathlib import Path

import h5py
import numpy as np


def array(tensor):
    return np.array(tensor["data"], "float32").reshape(tensor["shape"])


def weight_count(kind, config):
    """How many weights a layer of a list has."""
    if kind == "BatchNormalization":
        return 2 + config.get("scale", True) + config.get("center", True)
    kernels = {"Conv2D": 1, "Dense": 1, "SeparableConv2D": 2}.get(kind, 0)
    return kernels and kernels + config.get("use_bias", True)


def graph(case, inputs):
    """The layers of a case: name, class, config and the names of what they are called on."""
    params = case["params"]
    if "layers" in params:
        for l in params["layers"]:
            branch = l.get("branch", 0)
            yield l["attrs"]["name"], l["layerClass"], l["attrs"], l["inbound"] or [inputs[branch]]
        return
    kind = case["id"].split(".")[1]
    if "numBranches" in params:
        names = [f"branch_{i}" for i in range(params["numBranches"])]
        for name in names:
            yield name, "Dense", dict(params["attrs"], name=name), inputs
        yield "merge", kind, {"name": "merge"}, names
        return
    config = params.get("attrs", {})
    yield "layer", kind, dict(config, name="layer"), inputs
    if config.get("stateful") and config["return_sequences"]:
        yield "second", "Cropping1D", {"name": "second", "cropping": [case["input"]["shape"][0], 0]}, ["layer"]


def write(case, out):
    arrays = [array(i) for i in case.get("inputs") or [case["input"]]]
    if case["params"].get("attrs", {}).get("stateful"):
        arrays = [np.concatenate([a, a]) for a in arrays]
    weights = [array(w) for w in case.get("weights", [])]
    inputs = [f"input_{i}" for i in range(len(arrays))]
    layers = [{"class_name": "InputLayer", "name": n, "inbound_nodes": [],
               "config": {"name": n, "batch_input_shape": [None, *a.shape], "dtype": "float32", "sparse": False}}
              for n, a in zip(inputs, arrays)]
    path = out / (case["id"] + ".h5")
    with h5py.File(path, "w") as f:
        groups = f.create_group("model_weights")
        names = list(inputs)
        for name, kind, config, inbound in graph(case, inputs):
            layers.append({"class_name": kind, "name": name, "config": config,
                           "inbound_nodes": [[[n, 0, 0, {}] for n in inbound]]})
            count = weight_count(kind, config) if "." not in case["id"] or name.startswith("branch") else len(weights)
            own, weights = weights[:count], weights[count:]
            group = groups.create_group(name)
            stored = [f"{name}/weight_{i}:0" for i in range(len(own))]
            group.attrs["weight_names"] = [s.encode() for s in stored]
            for s, w in zip(stored, own):
                group[s] = w
            names.append(name)
        assert not weights, f"{case['id']}: {len(weights)} weights are left"
        for g in inputs:
            groups.create_group(g).attrs["weight_names"] = []
        groups.attrs["layer_names"] = [n.encode() for n in names]
        config = {"name": "model", "layers": layers, "input_layers": [[n, 0, 0] for n in inputs],
                  "output_layers": [[layers[-1]["name"], 0, 0]]}
        f.attrs["model_config"] = json.dumps({"class_name": "Model", "config": config}).encode()
        f.attrs["keras_version"], f.attrs["backend"] = b"2.0.8", b"tensorflow"
    np.savez(path.with_suffix(".h5.npz"), output_0=array(case["expected"])[None],
             **{n: a[None] for n, a in zip(inputs, arrays)})


def main():
    args = argparse.ArgumentParser(description="Makes models of the cases of keras-js.")
    args.add_argument("cases", type=Path)
    args.add_argument("out", type=Path)
    args = args.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = json.loads(args.cases.read_text())
    for case in cases:
        write(case, args.out)
    print(f"{len(cases)} cases in {args.out}")


if __name__ == "__main__":
    main()
