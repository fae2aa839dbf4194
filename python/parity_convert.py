"""Converts golden cases with kerasrun and gives the results to their real
consumers, which must compute what the expected outputs say.

    python parity_convert.py KERASRUN [--formats keras,h5] [--cases GLOB] [--files DIR]...

A case counts as agreed, as refused by kerasrun (exit code 3), or as failed; the
last line counts them, and the exit code is 1 if one failed. Refusals are
compared with parity_convert_refused.txt: one that is not in the list is a
failure, and so is a listed one that converts. A reason that begins with
"consumer:" excuses a consumer that cannot read what Keras itself wrote.

--files takes the model files of a folder that have NAME.npz beside them instead,
with input_0... and output_0...; an architecture's weights are named by the
folder's index.json. Refusals are counted and printed there.

A consumer is a function of (path, inputs, outputs) that returns the outputs of
the file; CONSUMERS makes them. Keras 2 and 3 do not live in one process, and
those of onnx and tflite need the packages of requirements-bench.txt."""

import argparse
import base64
import fnmatch
import functools
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="1")  # without it Conv3D is wrong where strides exceed the kernel
HERE = Path(__file__).parent
CASES = HERE.parent / "testdata" / "models"
REFUSED = HERE / "parity_convert_refused.txt"
ATOL, RTOL = 1e-5, 1e-4  # of kerasrun verify: relative to the largest number, and to each


def predict(model, x, inputs, tf):
    """What model.predict returns. Eagerly, as a graph for each case would take most
    of the time, but where that is something else: integers are cast in graphs
    alone, and channels first runs there alone. What TensorFlow lacks on CPUs even so
    is what the golden cases were made with."""
    model.run_eagerly = all(a.dtype != np.uint8 for a in inputs)
    for last in (False, False, True):
        try:
            return model.predict(x, verbose=0)
        except (tf.errors.OpError, NotImplementedError):
            if last:
                raise
            if not model.run_eagerly:
                stand_in()
            model.run_eagerly = False
            model.predict_function = None


@functools.cache
def stand_in():
    import exact
    exact.install()


@functools.cache
def keras3():
    """Keras 3 opens .keras and .h5."""
    import keras
    import tensorflow as tf

    def run(path, inputs, outputs):
        keras.backend.clear_session()
        model = keras.models.load_model(path, compile=False)
        text = any(a.dtype.kind in "US" for a in inputs)
        x = [tf.constant(a) for a in inputs] if text else inputs
        order = model.inputs
        if isinstance(getattr(model, "_inputs_struct", None), dict):
            x = dict(zip(sorted(model._inputs_struct), x))
        else:
            assert len(order) == len(x), f"{len(order)} inputs, want {len(x)}"
            x = x[0] if len(x) == 1 else x
        if text:
            y = model(x, training=False)
        else:
            y = predict(model, x, inputs, tf)
        return [np.asarray(a) for a in tf.nest.flatten(y)]

    return run


def keras2():
    """tf_keras opens .h5 of Keras 2."""
    import tensorflow as tf
    import tf_keras

    def run(path, inputs, outputs):
        tf_keras.backend.clear_session()
        model = tf_keras.models.load_model(path, compile=False)
        x = inputs
        if isinstance(getattr(model, "_nested_inputs", None), dict):
            x = dict(zip(sorted(model._nested_inputs), x))
        elif len(x) == 1:
            x = x[0]
        y = predict(model, x, inputs, tf)
        return [np.asarray(a) for a in tf.nest.flatten(y)]

    return run


def tfjs():
    """TensorFlow.js in Node; NODE_PATH is the node_modules that has @tensorflow/tfjs."""
    node = subprocess.Popen(["node", str(HERE / "tfjs_run.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    names = {"float32": "<f4", "int32": "<i4", "bool": "u1"}

    def run(path, inputs, outputs):
        sent = []
        for a in inputs:
            dtype = a.dtype.name if a.dtype.name in names else "float32" if a.dtype.kind == "f" else "int32"
            data = base64.b64encode(np.ascontiguousarray(a, names[dtype]).tobytes()).decode()
            sent.append({"shape": a.shape, "dtype": dtype, "data": data})
        node.stdin.write(json.dumps({"model": path, "inputs": sent}) + "\n")
        node.stdin.flush()
        answer = json.loads(node.stdout.readline())
        for shard in Path(path).parent.glob(Path(path).name.removesuffix(".tfjs.json") + "-group1-*.bin"):
            shard.unlink()
        if "error" in answer:
            raise ValueError(answer["error"])
        return [np.frombuffer(base64.b64decode(y["data"]), names[y["dtype"]]).reshape(y["shape"]) for y in answer["outputs"]]

    return run


def onnx_runtime():
    """onnx checks the model in full, onnxruntime runs it on the CPU."""
    import ml_dtypes
    import onnx
    import onnxruntime as ort

    def run(path, inputs, outputs):
        onnx.checker.check_model(path, full_check=True)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        for i in session.get_inputs()[len(inputs):]:  # states, which are outputs too
            shape = [len(inputs[0]) if d == "batch" else d for d in i.shape]
            inputs = inputs + [np.zeros(shape, {"tensor(float16)": "float16", "tensor(double)": "float64"}.get(i.type, "float32"))]
        assert len(names) == len(inputs), f"{len(names)} inputs, want {len(inputs)}"
        results = [o.name for o in session.get_outputs()][:len(outputs)]
        # NumPy has no bfloat16, so that values of it go in and out as bits.
        bits = onnx.TensorProto.BFLOAT16
        types = {"tensor(int32)": "int32", "tensor(float)": "float32"}  # Keras casts what it is given
        feed = {i.name: a.astype(types.get(i.type, a.dtype)) for i, a in zip(session.get_inputs(), inputs)}
        for i in session.get_inputs():
            if i.type == "tensor(bfloat16)":
                raw = feed[i.name].astype(ml_dtypes.bfloat16).view("int16")
                feed[i.name] = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, bits)
        if not any("bfloat16" in v.type for v in session.get_inputs() + session.get_outputs()):
            return session.run(results, feed)
        feed = {n: a if isinstance(a, ort.OrtValue) else ort.OrtValue.ortvalue_from_numpy(a) for n, a in feed.items()}
        return [np.from_dlpack(v) if v.element_type() != bits else bfloats(v) for v in session.run_with_ort_values(results, feed)]

    def bfloats(v):
        import ctypes
        n = int(np.prod(v.shape()))
        raw = np.frombuffer((ctypes.c_uint16 * n).from_address(v.data_ptr()), "uint16") if n else np.zeros(0, "uint16")
        return raw.copy().view(ml_dtypes.bfloat16).reshape(v.shape())

    return run


def tflite():
    """LiteRT's interpreter, with the batch of the inputs."""
    from ai_edge_litert.interpreter import Interpreter

    def run(path, inputs, outputs):
        model = Interpreter(model_path=path)
        details = model.get_input_details()
        assert len(details) == len(inputs), f"{len(details)} inputs, want {len(inputs)}"
        for d, a in zip(details, inputs):
            model.resize_tensor_input(d["index"], a.shape)
        model.allocate_tensors()
        for d, a in zip(details, inputs):
            model.set_tensor(d["index"], np.ascontiguousarray(a, d["dtype"]))
        model.invoke()
        return [model.get_tensor(d["index"]) for d in model.get_output_details()]

    return run


# By name: the consumer, kerasrun's format, and more flags.
CONSUMERS = {
    "keras": (keras3, "keras", []),
    "h5": (keras3, "h5", []),
    "keras2": (keras2, "h5", ["--keras", "2"]),
    "keras-pruned": (keras3, "keras", ["--prune-optimizer"]),
    "keras-fold": (keras3, "keras", ["--fold"]),
    "keras-f16": (keras3, "keras", ["--smaller", "f16"]),
    "keras-bf16": (keras3, "keras", ["--smaller", "bf16"]),
    "keras-int8": (keras3, "keras", ["--smaller", "int8"]),
    "h5-f16": (keras3, "h5", ["--smaller", "f16"]),
    "h5-int8": (keras3, "h5", ["--smaller", "int8"]),
    "keras2-f16": (keras2, "h5", ["--keras", "2", "--smaller", "f16"]),
    "tfjs": (tfjs, "tfjs", []),
    "tfjs-f16": (tfjs, "tfjs", ["--smaller", "f16"]),
    "onnx": (onnx_runtime, "onnx", ["--verify=false"]),
    "onnx18": (onnx_runtime, "onnx", ["--verify=false", "--opset", "18"]),
    "onnx23": (onnx_runtime, "onnx", ["--verify=false", "--opset", "23"]),
    "tflite": (tflite, "tflite", []),
}


def coarseness(dtype):
    """How much farther apart results of a small type are."""
    return 512 if "bfloat16" in dtype else 64 if "float16" in dtype else 1


def compare(got, want, dtype=""):
    """What differs, or None; dtype is that in which other than Keras computes."""
    coarse = coarseness(dtype)
    if got.shape != want.shape:
        return f"shape {got.shape}, want {want.shape}"
    if got.dtype.name == "bfloat16" and want.dtype.name == "float32":  # .npz has no bfloat16
        got, coarse = got.astype("float32"), 512
    if got.dtype.kind != want.dtype.kind and not (got.dtype.kind in "OSU" and want.dtype.kind in "OSU"):
        return f"dtype {got.dtype}, want {want.dtype}"
    if want.dtype.kind in "OSU":
        text = lambda a: [x.decode() if isinstance(x, bytes) else str(x) for x in a.reshape(-1).tolist()]
        return None if text(got) == text(want) else "strings differ"
    if want.dtype.kind != "f" and want.dtype.name != "bfloat16":
        return None if np.array_equal(got, want) else "integers differ"
    coarse = max(coarse, {"float16": 64}.get(got.dtype.name, 1))
    a, b = got.astype("float64"), want.astype("float64")
    if (np.isfinite(a) != np.isfinite(b)).any():
        return "not finite at other places"
    with np.errstate(invalid="ignore"):
        error = np.where(np.isfinite(b), np.abs(a - b), 0)
        scale = np.max(np.abs(np.where(np.isfinite(b), b, 0)), initial=0)
        bad = error > coarse * (ATOL * scale + RTOL * np.where(np.isfinite(b), np.abs(b), 0))
    return f"largest difference {error.max():.3g} of {scale:.3g}" if bad.any() else None


def as_near(got, want, exact):
    """Whether got is as near the result in float64 as want, which Keras computed in a small type."""
    if exact is None or got.shape != exact.shape or want.dtype.kind != "f":
        return False
    far = lambda a: np.max(np.abs(a.astype("float64") - exact), initial=0)
    return bool(far(got) <= far(want))


def numbered(z, prefix):
    out = []
    while f"{prefix}_{len(out)}" in z:
        out.append(z[f"{prefix}_{len(out)}"])
    return out


class Case:
    """A model, the file of its weights where that is another one, and what it computes."""

    def __init__(self, name, model, weights, expect, dtype=""):
        self.name, self.model, self.weights, self.expect, self.dtype = name, model, weights, expect, dtype


def golden_cases(globs):
    for path in sorted(CASES.glob("*/case.json")):
        if any(fnmatch.fnmatch(path.parent.name, g) for g in globs):
            about = json.loads(path.read_text())
            weights = path.parent / about["weights"] if about["weights"] else None
            yield Case(path.parent.name, path.parent / about["model"], weights, path.parent / "expect.npz", about.get("dtype", ""))


def file_cases(folder, globs):
    index = {}
    if (folder / "index.json").exists():
        listed = json.loads((folder / "index.json").read_text())
        entries = listed.items() if isinstance(listed, dict) else ((e.get("file") or e.get("name"), e) for e in listed)
        index = {k: e for k, e in entries if isinstance(e, dict)}
    for path in sorted(folder.iterdir()):
        expect = next((p for p in (path.with_name(path.name + ".npz"), path.with_suffix(".npz")) if p.exists()), None)
        if path.suffix not in (".h5", ".hdf5", ".keras", ".json") or not expect or path.name == "index.json":
            continue
        if any(fnmatch.fnmatch(path.name, g) for g in globs):
            weights = index.get(path.name, {}).get("weights_file")
            with np.load(expect, allow_pickle=False) as z:
                if "output_0" not in z:
                    continue
            yield Case(path.name, path, folder / weights if weights else None, expect)


def smaller(kerasrun, path, consumer, inputs, outputs, dtype):
    """What differs between what a consumer and kerasrun compute of a model with smaller weights, or None."""
    got = consumer(str(path), inputs, outputs)
    with tempfile.NamedTemporaryFile(suffix=".npz") as f:
        np.savez(f, **{f"input_{i}": a for i, a in enumerate(inputs)}, **{f"output_{i}": plain(a) for i, a in enumerate(got)})
        f.flush()
        tolerance = ["--atol", str(coarseness(dtype) * ATOL), "--rtol", str(coarseness(dtype) * RTOL)]
        p = subprocess.run([kerasrun, "verify", str(path), "--expect", f.name, *tolerance], capture_output=True, text=True)
    return None if p.returncode == 0 else (p.stdout + p.stderr).strip()


def quantized_otherwise(kerasrun, case, path):
    """What differs between the int8 weights of a file and those that Keras makes of the case's model, or None."""
    import keras
    with tempfile.TemporaryDirectory() as temp:
        whole = Path(temp) / "model.keras"
        code, text = convert(kerasrun, case, "keras", [], whole)
        if code:
            return text
        want = keras.models.load_model(whole, compile=False)
    got = keras.models.load_model(path, compile=False)
    for a, b in zip(got._flatten_layers(), want._flatten_layers(), strict=True):
        if getattr(a, "quantization_mode", None) == "int8" and not b.quantization_mode:
            b.quantize("int8")
            for v, w in zip(a.weights, b.weights, strict=True):
                x, y = keras.ops.convert_to_numpy(v), keras.ops.convert_to_numpy(w)
                if v.name != w.name or x.dtype != y.dtype or not np.array_equal(x, y):
                    return f"{a.name}: {v.name} is another than Keras makes it"
    return None


def plain(a):
    """a in a type that NumPy can store."""
    return a.astype("float32") if a.dtype.name == "bfloat16" else a


def convert(kerasrun, case, fmt, flags, to):
    command = [kerasrun, "convert", "-q", "--overwrite", "--to", fmt, str(case.model), str(to), *flags]
    if case.weights:
        command += ["--weights", str(case.weights)]
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode == 4:  # random inputs do not do where a word must be in a vocabulary
        p = subprocess.run([*command, "--samples", str(case.expect)], capture_output=True, text=True)
    return p.returncode, p.stderr.strip()


def check(kerasrun, case, path, consumer, flags, done):
    code, text = done.result()
    if code in (3, 5):  # by name, or because the result was found to differ
        return "refused", text
    if code:
        return "failed", text
    with np.load(case.expect, allow_pickle=False) as z:
        inputs, outputs = numbered(z, "input"), numbered(z, "output")
        exacts = [z[f"exact_{i}"] if f"exact_{i}" in z else None for i in range(len(outputs))]
    try:
        if "--smaller" in flags:  # what is expected is of the model as it was
            wrong = smaller(kerasrun, path, consumer, inputs, outputs, case.dtype)
            if not wrong and "int8" in flags:
                wrong = quantized_otherwise(kerasrun, case, path)
            return ("failed", wrong) if wrong else ("agreed", "")
        got = consumer(str(path), inputs, outputs)
    except Exception as e:  # whatever a consumer raises is what it says of the file
        return "failed", f"{type(e).__name__}: " + " ".join(str(e).split())[-400:]
    finally:
        path.unlink(missing_ok=True)
    if len(got) != len(outputs):
        return "failed", f"{len(got)} outputs, want {len(outputs)}"
    # onnxruntime rounds fewer of the results between, oneDNN those of bfloat16
    dtype = case.dtype if path.suffix == ".onnx" or "bfloat16" in case.dtype else ""
    wrong = [f"output {i}: {d}" for i, (g, w) in enumerate(zip(got, outputs)) if (d := compare(g, w, dtype)) and not (dtype and as_near(g, w, exacts[i]))]
    return ("failed", "; ".join(wrong)) if wrong else ("agreed", "")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kerasrun")
    p.add_argument("--formats", default="keras,h5")
    p.add_argument("--cases", default="*", help="glob of the names of cases; several with commas")
    p.add_argument("--files", action="append", default=[], type=Path, help="a folder of model files, instead of the golden cases")
    p.add_argument("--every", type=int, default=1, help="one case of so many")
    args = p.parse_args()
    globs = args.cases.split(",")
    cases = [c for d in args.files for c in file_cases(d, globs)] if args.files else list(golden_cases(globs))
    cases = cases[::args.every]
    listed = []
    if REFUSED.exists():
        for line in REFUSED.read_text().splitlines():
            if line and not line.startswith("#"):
                listed.append(line.split(maxsplit=2))
    bad = 0
    for fmt in args.formats.split(","):
        make, to_format, flags = CONSUMERS[fmt]
        consumer = make()
        counts = {"agreed": 0, "refused": 0, "excused": 0, "failed": 0}
        with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(2) as pool:
            jobs = []
            for n, c in enumerate(cases):
                if "--smaller" in flags and c.dtype not in ("", "float32"):
                    continue  # steps of its type are larger than what is to be seen
                to = Path(temp) / (f"{n}.tfjs.json" if to_format == "tfjs" else f"{n}.{to_format}")
                jobs.append((c, to, pool.submit(convert, args.kerasrun, c, to_format, flags, to)))
            for c, to, done in jobs:
                verdict, text = check(args.kerasrun, c, to, consumer, flags, done)
                reasons = [why for f, g, why in listed if (fnmatch.fnmatch(fmt, f) or fnmatch.fnmatch(fmt.split("-")[0], f)) and fnmatch.fnmatch(c.name, g)]
                excused = any(why.startswith("consumer:") for why in reasons)
                expected = bool(reasons) and not excused
                if excused and verdict == "failed":
                    verdict = "excused"
                if args.files and verdict == "refused":
                    print(f"refused {fmt} {c.name}: {text[:300]}", flush=True)
                elif verdict != "excused" and (verdict == "refused") != expected:
                    verdict, text = "failed", (text if verdict != "agreed" else "listed as refused, but it agrees")
                counts[verdict] += 1
                if verdict == "failed":
                    print(f"FAILED {fmt} {c.name}: {text[:600]}", flush=True)
        bad += counts["failed"]
        print(f"{fmt}: " + ", ".join(f"{n} {v}" for v, n in counts.items()), flush=True)
    sys.exit(bad > 0)


main()
