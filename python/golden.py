"""Turns one line of cases.py into a folder of testdata/models.

A case is built and run twice, by the Keras that writes the file: once as it
is, once with every dtype float64 and the stored weights (the exact result).
Keras 3 and tf_keras do not live in one process, so main() starts one each. The
Keras of an older TensorFlow needs an environment of its own, whose Python runs
main() with --era: it makes the cases of tf_keras that cases.py lists for it.

A folder holds the model file, expect.npz (input_i, output_i, exact_i) and
case.json. Everything is seeded by the case's name; zip dates are fixed."""

import argparse
import fnmatch
import gc
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

ERA = os.environ.get("GOLDEN_ERA", "")  # "3", "2" (tf_keras), "2.15", "2.12", or empty in the parent
SRC = "tf_keras.src"  # where Keras 2 keeps what it does not export
K = L = ops = tf = None
if ERA:
    logging.getLogger("absl").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="1")
    import tensorflow as tf
    import exact
    exact.install()
    if ERA == "3":
        import keras as K
        ops = K.ops
        exact.install_keras3()
    else:
        if ERA == "2":
            import tf_keras as K
        else:
            import keras as K
            SRC = "keras" if ERA == "2.12" else "keras.src"
            assert K.__version__.startswith(ERA + "."), f"Keras {K.__version__}, want {ERA}"
        exact.install_keras2(SRC)
    L = K.layers
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    gc.freeze()  # Keras collects garbage at each new model: not among TensorFlow's own million objects

# format: (Keras, suffix of the folder, model file, weights file)
FORMATS = {
    "k3": ("3", "", "model.keras", ""),
    "k3h5": ("3", "_h5", "model.h5", ""),
    "k3json": ("3", "_json", "model.json", "model.weights.h5"),
    "k3shards": ("3", "_shards", "model.json", "model.weights.json"),
    "k3dir": ("3", "_dir", "model", ""),
    "k2": ("2", "_k2", "model.keras", ""),
    "k2h5": ("2", "_k2_h5", "model.h5", ""),
    "k2json": ("2", "_k2_json", "model.json", "weights.h5"),
    "k2list": ("2", "_k2_list", "model.json", "weights.h5"),  # a Sequential's config as a bare list
}
OLDER = ("2.15", "2.12")
FORMATS |= {f + era: (era, s.replace("_k2", "_k" + era.replace(".", "")), *files)
            for era in OLDER for f, (of, s, *files) in FORMATS.items() if of == "2"}
CUSTOM = set()  # classes that a table of cases defines for itself
OTHERS = {"digits"}  # folders of the same place that other scripts make, beside old_*
DATE = (2024, 1, 1, 0, 0, 0)


# The words of the table -------------------------------------------------------

class Spec:
    """One input: its declared shape, the shape of the data (no batch), a dtype."""

    def __init__(self, shape, dtype=None, size=None, high=256, words=(), first=False):
        self.shape, self.dtype, self.high, self.words = tuple(shape), dtype, high, words
        self.first = first
        self.size = tuple(size or shape)

    def data(self, rng, batch, dtype):
        shape = (batch,) + self.size
        if self.words:
            return rng.choice(np.array(self.words), shape)
        if self.dtype == "bool":
            data = rng.random(shape) < 0.5
            data[..., :1] |= self.first
            return data
        if self.dtype and "int" in self.dtype:
            return rng.integers(0, self.high, shape).astype(self.dtype)
        if self.high != 256:
            return rng.uniform(0, self.high, shape).astype(dtype)
        return rng.normal(0.0, 1.5, shape).astype(dtype)


def u8(*shape):
    return Spec(shape, "uint8")


def i32(*shape, high=50):
    return Spec(shape, "int32", high=high)


def bools(*shape):
    """True or false, such as a mask."""
    return Spec(shape, "bool")


def seen(*shape):
    """True or false, the first of each row true: a mask that leaves something."""
    return Spec(shape, "bool", first=True)


def image(*shape):
    """float32 in 0..255."""
    return Spec(shape, None, high=255)


def words(*shape, of):
    """Strings from the list of."""
    return Spec(shape, "string", words=of)


def sized(shape, size):
    """Declared with None dimensions, fed with size."""
    return Spec(shape, None, size=size)


class Case:
    """after is done to the model once its weights are random, such as quantizing
    it. With reloaded, the outputs are those of the file that was written, for
    what a file does not keep. calls is the number of batches, predicted one after the other."""

    def __init__(self, name, inputs, build, formats="k3", dtype="float32", note="", batch=0, after=None, reloaded=False, calls=1):
        if isinstance(inputs, (Spec, tuple)):
            inputs = [inputs]
        self.name, self.build, self.dtype, self.note = name, build, dtype, note
        self.after, self.reloaded = after or (lambda model: None), reloaded
        self.inputs = [i if isinstance(i, Spec) else Spec(i) for i in inputs]
        self.formats = formats.split()
        self.seed, self.calls = zlib.crc32(name.encode()), calls
        dims = {d for s in self.inputs for d in s.size}
        self.batch = batch or next(n for n in range(2, 99) if n not in dims)

    def model(self, floatx, policy):
        """A fresh model. build takes the symbolic inputs and returns outputs, or
        takes nothing and returns the model."""
        K.backend.clear_session()
        K.backend.set_floatx(floatx)
        set_policy(policy)
        K.utils.set_random_seed(self.seed % 2**31)
        code, defaults = self.build.__code__, self.build.__defaults__ or ()
        if code.co_argcount == len(defaults):
            return self.build()
        inputs = [K.Input(s.shape, dtype=s.dtype) for s in self.inputs]
        return K.Model(inputs if len(inputs) > 1 else inputs[0], self.build(*inputs))


def set_policy(name):
    if ERA == "3":
        K.config.set_dtype_policy(name)
    else:
        K.mixed_precision.set_global_policy(name)


def seq(*layers, **kw):
    return K.Sequential(list(layers), **kw)


def adapted(layer, *shape):
    """layer after seeing seeded data of shape."""
    layer.adapt(np.random.default_rng(7).normal(2.0, 3.0, shape))
    return layer


def learnt(layer, data):
    """layer with the vocabulary of data."""
    layer.adapt(np.array(data))
    return layer


def frozen(layer):
    layer.trainable = False
    return layer


def chain(x, *layers):
    """layers one after the other on x."""
    for layer in layers:
        x = layer(x)
    return x


# Running ----------------------------------------------------------------------

def flat(x):
    return K.tree.flatten(x) if ERA == "3" else tf.nest.flatten(x)


def feed(model, arrays):
    """arrays, in the order of model.inputs, in the structure the model takes."""
    if ERA == "3":
        struct = getattr(model, "_inputs_struct", None)
        return arrays[0] if struct is None else K.tree.pack_sequence_as(struct, arrays)
    struct = getattr(model, "_nested_inputs", None)
    return arrays[0] if struct is None or len(arrays) == 1 else tf.nest.pack_sequence_as(struct, arrays)


def run(model, arrays):
    """Keras's outputs, in the order of model.outputs, in one batch."""
    if any(a.dtype.kind == "U" for a in arrays):
        arrays = [tf.constant(a) for a in arrays]
    y = model.predict(feed(model, arrays), batch_size=len(arrays[0]), verbose=0)
    return [np.asarray(a) for a in flat(y)]


def storable(a):
    """npy has no bfloat16; float32 holds it exactly. Strings are Unicode."""
    if a.dtype.kind in "OS":
        return np.array([x.decode() if isinstance(x, bytes) else x for x in a.ravel()]).reshape(a.shape)
    return a.astype("float32") if a.dtype.name == "bfloat16" else a


def finalize(model):
    """Normalization keeps its weights in a second form, made from the first."""
    for layer in model._flatten_layers():
        if layer.__class__.__name__ == "Normalization":
            layer.finalize_state()


def run64(case, model, batches):
    """The outputs of the same model with the same weights in float64, batch after batch."""
    from weights import upcast
    twin = case.model("float64", "float64")
    case.after(twin)
    twin.set_weights(upcast(model.get_weights()))
    for layer, other in zip(model._flatten_layers(), twin._flatten_layers()):
        if getattr(layer, "quantization_mode", None) == "float8" and layer.compute_dtype == "float32":
            other.bias.assign(ops.cast(ops.cast(layer.bias, "bfloat16"), "float64"))
    finalize(twin)
    return [run(twin, [a if a.dtype.kind in "uibU" else a.astype("float64") for a in arrays]) for arrays in batches]


# Writing ----------------------------------------------------------------------

def same_ids(text):
    """shared_object_id is an address of the process: numbers of the same length instead."""
    ids = {}

    def number(match):
        old = match.group(2)
        return match.group(1) + ids.setdefault(old, b"%0*d" % (len(old), 10 ** (len(old) - 1) + len(ids)))
    return re.sub(rb'(\\?"shared_object_id\\?": ?)(\d+)', number, text)


def same_date(path):
    """Rewrites a .keras zip with one fixed date inside and out."""
    with zipfile.ZipFile(path) as z:
        entries = [(i, z.read(i)) for i in z.infolist()]
    with zipfile.ZipFile(path, "w") as z:
        for info, data in entries:
            if info.filename == "metadata.json":
                data = undated(data)
            if info.filename == "config.json":
                data = same_ids(data)
            fixed = zipfile.ZipInfo(info.filename, DATE)
            fixed.compress_type, fixed.external_attr = info.compress_type, info.external_attr
            z.writestr(fixed, data)


def rewrite(path):
    path.write_bytes(same_ids(path.read_bytes()))


def undated(metadata):
    return json.dumps(dict(json.loads(metadata), date_saved="2024-01-01@00:00:00")).encode()


def bare_list(architecture):
    """A Sequential as Keras 1 to 2.2.2 wrote it: the config is the list of layers,
    no InputLayer, batch_input_shape in the first layer."""
    model = json.loads(architecture)
    layers = model["config"]["layers"]
    if layers[0]["class_name"] == "InputLayer":
        shape = layers.pop(0)["config"]["batch_input_shape"]
        layers[0]["config"]["batch_input_shape"] = shape
    return json.dumps(dict(model, config=layers))


def save(model, fmt, folder):
    era, _, file, weights = FORMATS[fmt]
    path = folder / file
    if fmt == "k3dir":
        K.saving.save_model(model, path, zipped=False)
        meta = path / "metadata.json"
        meta.write_bytes(undated(meta.read_bytes()))
        rewrite(path / "config.json")
    elif weights:
        path.write_text(bare_list(model.to_json()) if fmt == "k2list" else model.to_json())
        size = {"max_shard_size": 4e-6} if fmt == "k3shards" else {}  # GB
        rewrite(path)
        model.save_weights(folder / weights, **size)
    else:
        zipped = ERA == "2.12" and file.endswith(".keras")  # which saves HDF5 under that name otherwise
        model.save(path, **({"save_format": "keras_v3"} if zipped else {}))
        if file.endswith(".keras"):
            same_date(path)
        else:
            rewrite(path)


def classes(model):
    """The Keras classes of the model's graph and the operations among them."""
    found, nodes = set(), set()

    def walk(v):
        if isinstance(v, list):
            for item in v:
                walk(item)
        if not isinstance(v, dict):
            return
        name, config = v.get("class_name"), v.get("config")
        if isinstance(name, str) and "config" in v:
            module = v.get("module") or ""
            if module.startswith("keras.src.ops"):
                nodes.add(name)
            elif name == "TFOpLambda" or name == "SlicingOpLambda":
                found.add(name)
                nodes.add(config["function"])
            elif not any(w in module for w in ("initializers", "regularizers", "constraints", "optimizers")) \
                    and hasattr(L, name) or name.split(">")[-1] in CUSTOM | {"Sequential", "Functional", "LayerScale", "CustomScaleLayer"}:
                found.add(name.split(">")[-1])
        for key, item in v.items():
            if key != "build_config" and key != "compile_config":
                walk(item)

    walk(json.loads(model.to_json()))
    return sorted(found), sorted(nodes)


def version():
    return ("tf_keras " if ERA == "2" else "") + K.__version__


def write_npz(path, arrays):
    """An npz with fixed dates."""
    with zipfile.ZipFile(path, "w") as z:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array).reshape(array.shape))
            info = zipfile.ZipInfo(name + ".npy", DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data.getvalue())


def write_case(folder, fields):
    (folder / "case.json").write_text(json.dumps(fields, indent=1) + "\n")


def ulps(outputs, exacts):
    """The largest rms error of an output, in units of 2^-23 of its rms."""
    worst = 0.0
    for a, b in zip(outputs, exacts):
        if a.dtype.kind != "f" and a.dtype.name != "bfloat16":
            continue
        a = a.astype("float64")
        if not np.isfinite(a).all() or a.shape != b.shape:
            return float("inf")
        rms = np.sqrt(np.mean(b**2))
        worst = max(worst, np.sqrt(np.mean((a - b) ** 2)) / max(rms, 1e-30) * 2**23)
    return worst


def make(case, formats, out):
    from weights import matter
    exact.used.clear()
    floatx = case.dtype if case.dtype in ("float64", "float16") else "float32"
    rng = np.random.default_rng(case.seed)
    model = case.model(floatx, case.dtype)
    matter(model, rng)
    finalize(model)
    case.after(model)
    batches = [[s.data(rng, case.batch, floatx) for s in case.inputs] for _ in range(case.calls)]
    for fmt in formats:
        folder = out / (case.name + FORMATS[fmt][1])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        save(model, fmt, folder)
    found, nodes = classes(model)
    if case.reloaded:
        fmt = formats[0]
        model = K.saving.load_model(out / (case.name + FORMATS[fmt][1]) / FORMATS[fmt][2])
    results, exact_results, error, expects = [run(model, b) for b in batches], run64(case, model, batches), 0.0, []
    for arrays, outputs, exacts in zip(batches, results, exact_results):
        exacts = [e if o.dtype.kind == "f" or o.dtype.name == "bfloat16" else o for o, e in zip(outputs, exacts)]
        error = max(error, ulps(outputs, exacts))
        expects.append({f"{k}_{i}": storable(a) for k, v in (("input", arrays), ("output", outputs), ("exact", exacts))
                        for i, a in enumerate(v)})
    note = "; ".join([n for n in [case.note] if n] + sorted(exact.used))
    for fmt in formats:
        _, suffix, file, weights = FORMATS[fmt]
        folder = out / (case.name + suffix)
        for call, expect in enumerate(expects):
            write_npz(folder / (f"expect_{call}.npz" if call else "expect.npz"), expect)
        write_case(folder, {"name": folder.name, "keras": version(), "model": file, "weights": weights,
                            "seed": case.seed, "dtype": case.dtype, "classes": found, "operations": nodes,
                            "note": note})
    return error


# The command ------------------------------------------------------------------

def wanted(case, era, only):
    return [f for f in case.formats if FORMATS[f][0] == era
            and any(fnmatch.fnmatch(case.name + FORMATS[f][1], g) for g in only)]


def prune(out, names):
    """Removes the folders of cases the table no longer has."""
    for folder in out.iterdir() if out.exists() else ():
        if folder.name not in names and folder.name not in OTHERS and not folder.name.startswith("old_"):
            shutil.rmtree(folder)


def again(cases, older):
    """Gives the cases of tf_keras whose folders older names for an era the format of that era too."""
    folders = {c.name + FORMATS[f][1]: (c, f) for c in cases for f in c.formats}
    for era, names in older.items():
        for name in names.split():
            case, f = folders[name]
            case.formats.append(f + era)


def main(cases, folder="models", older={}):
    again(cases, older)
    here = Path(__file__).resolve().parent
    args = argparse.ArgumentParser(description="Rewrites the golden cases.")
    args.add_argument("--only", action="append", help="glob over folder names, may be repeated")
    args.add_argument("--era", choices=OLDER, help="make the cases of this Keras, which must be the one installed")
    args.add_argument("--out", type=Path, default=here.parent / "testdata" / folder)
    args = args.parse_args()
    only = args.only or ["*"]
    names = [c.name + FORMATS[f][1] for c in cases for f in c.formats]
    assert len(names) == len(set(names)), "two cases have one name"
    if not ERA:
        if not args.only and not args.era:
            prune(args.out, names)
        codes = [subprocess.run([sys.executable, *sys.argv], env=dict(os.environ, GOLDEN_ERA=era)).returncode
                 for era in ([args.era] if args.era else "32") if any(wanted(c, era, only) for c in cases)]
        sys.exit(max(codes, default=1))
    failed = 0
    for case in cases:
        formats = wanted(case, ERA, only)
        if not formats:
            continue
        try:
            error = make(case, formats, args.out)
        except Exception as e:  # the table goes on; the exit code tells
            failed += 1
            for fmt in formats:
                shutil.rmtree(args.out / (case.name + FORMATS[fmt][1]), ignore_errors=True)
            print(f"FAIL {case.name} {' '.join(formats)}: {type(e).__name__}: {str(e)[:600]}", flush=True)
            if os.environ.get("GOLDEN_TRACE"):
                raise
            continue
        mark = "LOOK" if error > 64 and case.dtype in ("float32", "float64") else "ok  "
        print(f"{mark} {case.name:36} {' '.join(formats):20} {error:10.2f} ulp", flush=True)
    sys.exit(1 if failed else 0)
