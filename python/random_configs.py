"""Compares what real Keras and kerasrun make of configs that are wrong, or nearly.

    python random_configs.py DIR --kerasrun FILE [--count N] [--seed S] [--only GLOB]

Each model is a golden case of Keras 3 with one thing in its config changed: a value that is wrong, a value that the key has in
another case, a key that is gone or too much, a list that is longer or shorter. Keras loads and runs it, and so does kerasrun.

Fails when both take a config and their numbers differ, or when one alone takes it for a reason that
random_configs_known.txt does not list. What failed is left in DIR."""

import argparse
import copy
import fnmatch
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="1")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

HERE = Path(__file__).parent
CASES = HERE.parent / "testdata/models"
KNOWN = HERE / "random_configs_known.txt"
WRONG = [-1, 0, 1, 2, 3, 2.5, -0.5, True, False, None, "x", "same", "valid", [], {}, [1, 2], [1, 2, 3]]
SECONDS = 30  # for Keras and a model


def places(config, path=()):
    """All places of a config, those of a layer's options alone."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key not in ("module", "registered_name", "build_config", "inbound_nodes", "input_layers", "output_layers", "compile_config", "name"):
                yield path + (key,)
                yield from places(value, path + (key,))
    elif isinstance(config, list):
        for i, value in enumerate(config):
            yield path + (i,)
            yield from places(value, path + (i,))


def at(config, path):
    for key in path:
        config = config[key]
    return config


def layer_of(config, path):
    """The class whose option a place is, and the option."""
    found = "?"
    option = path[-1]
    for i in range(len(path)):
        here = at(config, path[:i])
        if isinstance(here, dict) and "class_name" in here and i + 1 < len(path) and path[i] == "config":
            found, option = here["class_name"], path[i + 1]
    return f"{found}.{option}"


def change(rng, config, values):
    """A copy with one thing changed, and what that is."""
    config = copy.deepcopy(config)
    every = [p for p in places(config["config"], ("config",)) if len(p) > 3]
    path = rng.choice(every)
    holder, key, where = at(config, path[:-1]), path[-1], layer_of(config, path)
    old = holder[key]
    kind = rng.randrange(10)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
        return config, f"{where} without {key}"
    if kind == 1 and isinstance(holder, dict):
        other = rng.choice(sorted(v for v in values if isinstance(v, str)))
        if other not in holder:
            holder[other] = copy.deepcopy(rng.choice(values[other]))
            return config, f"{where} beside it {other}={holder[other]!r}"
    if kind == 2 and isinstance(holder, list):
        if rng.random() < 0.5:
            del holder[key]
            return config, f"{where} shorter"
        holder.insert(key, copy.deepcopy(old))
        return config, f"{where} longer"
    if kind < 7 and key in values and len(values[key]) > 1:
        holder[key] = copy.deepcopy(rng.choice(values[key]))
    else:
        holder[key] = rng.choice(WRONG)
        if isinstance(old, list) and rng.random() < 0.3:
            holder[key] = [holder[key]] * len(old)
    return config, f"{where}: {'.'.join(map(str, path[-2:]))}={holder[key]!r}"


def write(case, config, folder):
    with zipfile.ZipFile(case / "model.keras") as old, zipfile.ZipFile(folder / "model.keras", "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(config) if name == "config.json" else old.read(name))


def by_keras(folder, inputs):
    """Outputs of the model, or why there are none."""

    def late(*_):
        raise TimeoutError(f"more than {SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        model = keras.models.load_model(folder / "model.keras", compile=False)
        given = [tf.constant(x) if x.dtype.kind == "U" else x for x in inputs]
        feed = keras.tree.pack_sequence_as(model._inputs_struct, given) if hasattr(model, "_inputs_struct") else given[0]
        outputs = keras.tree.flatten(model.predict(feed, batch_size=len(inputs[0]), verbose=0))
        outputs = [np.asarray(x) for x in outputs]
        outputs = [x.astype("float32") if x.dtype.name == "bfloat16" else x for x in outputs]  # as in golden.py
        return [np.array([s.decode() for s in x.flat]).reshape(x.shape) if x.dtype.kind == "O" else x for x in outputs], ""
    except BaseException as e:  # Keras has no class of its own for what is wrong with a file
        if isinstance(e, KeyboardInterrupt):
            raise
        return None, f"{type(e).__name__}: {' '.join(str(e).split())}"
    finally:
        signal.alarm(0)
        keras.backend.clear_session()


def by_kerasrun(kerasrun, folder, inputs, outputs, small):
    """ok, differs, refused or broken, and what kerasrun said; small: some of its numbers have 16 bits or fewer."""
    named = {f"input_{i}": x for i, x in enumerate(inputs)}
    if outputs is not None:
        np.savez(folder / "expect.npz", **named, **{f"output_{i}": x for i, x in enumerate(outputs)})
        command = ["verify", folder / "model.keras", "--expect", folder / "expect.npz", "--atol", "0.03" if small else "1e-4", "--rtol", "1e-3"]
    else:
        np.savez(folder / "input.npz", **named)
        command = ["predict", folder / "model.keras", folder / "input.npz", "-o", folder / "out.npz"]
    done = subprocess.run([kerasrun, "-q", *command], capture_output=True, text=True, timeout=60)
    said = " ".join((done.stderr or done.stdout).split()).replace(str(folder) + "/", "")
    if "internal error" in said or "goroutine" in said or done.returncode not in (0, 1, 2, 3, 4, 5, 6):
        return "broken", f"{done.returncode}: {said}"
    return {0: "ok", 5: "differs"}.get(done.returncode, "refused"), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--kerasrun", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="*")
    args = parser.parse_args()
    kerasrun = args.kerasrun.resolve()
    cases = [p.parent for p in sorted(CASES.glob("*/model.keras"))]
    cases = [c for c in cases if json.loads((c / "case.json").read_text())["keras"].startswith("3.")]
    configs = {}
    for case in cases:
        with zipfile.ZipFile(case / "model.keras") as archive:
            configs[case] = json.loads(archive.read("config.json"))
    values = {}
    for config in configs.values():
        for path in places(config["config"], ("config",)):
            kept = values.setdefault(path[-1], [])
            value = at(config, path)
            if len(json.dumps(value)) < 200 and value not in kept:
                kept.append(value)
    known = [line.split(" | ", 1) for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")]
    cases = [c for c in cases if fnmatch.fnmatch(c.name, args.only)]

    shutil.rmtree(args.dir, ignore_errors=True)
    verdicts, failed = Counter(), 0
    for number in range(args.count):
        rng = random.Random(f"{args.seed} {number}")
        case = rng.choice(cases)
        config, what = change(rng, configs[case], values)
        folder = args.dir / str(number)
        folder.mkdir(parents=True)
        write(case, config, folder)
        with np.load(case / "expect.npz") as arrays:
            inputs = [arrays[f"input_{i}"] for i in range(len(arrays.files)) if f"input_{i}" in arrays]
        outputs, why = by_keras(folder, inputs)
        verdict, said = by_kerasrun(kerasrun, folder, inputs, outputs, bool(re.search("float(16|8)|int[48]", json.dumps(config))))
        verdict = {"ok": "both take it" if outputs is not None else "kerasrun alone takes it",
                   "refused": "Keras alone takes it" if outputs is not None else "both refuse it"}.get(verdict, verdict)
        line = f"{verdict} | {case.name}: {what} | {why or said}"
        listed = verdict in ("both take it", "both refuse it") or any(v == verdict and re.search(p, line) for v, p in known)
        if listed and verdict.endswith("alone takes it"):
            verdict += ", for a known reason"
        verdicts[verdict] += 1
        if listed:
            shutil.rmtree(folder)
        else:
            failed += 1
            print(f"{number}: {line[:600]}", flush=True)
    for verdict, n in verdicts.most_common():
        print(f"{n:6} {verdict}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
