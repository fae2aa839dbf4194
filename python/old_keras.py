"""Golden cases of Keras 1.0 to 2.3, which run on Theano: testdata/models/old_*.

    make goldens-old                              # all of them
    python old_keras.py OUT [--only GLOB]         # those of the Keras on the path

Wants the packages of requirements-old-keras.txt and one Keras on PYTHONPATH. A
case is what cases.py describes: the model as that Keras saved it (.h5, or JSON
and weights for some), what it returned, and the float64 result of the same
weights from a second process; not of convolutions, which take minutes there."""

import argparse
import collections
import collections.abc
import fnmatch
import inspect
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

DATE = (2024, 1, 1, 0, 0, 0)


def start():
    """Imports Keras on Theano, with what Python and SciPy have moved since put back. No C compiler is needed."""
    flags = f"device=cpu,floatX={os.environ.get('OLD_FLOATX', 'float32')},cxx=,blas.ldflags=,mode=FAST_COMPILE"
    os.environ.update(KERAS_BACKEND="theano", THEANO_FLAGS=flags)
    warnings.simplefilter("ignore")
    spec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
    inspect.getargspec = lambda f: spec(*inspect.getfullargspec(f)[:4])
    for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence", "Hashable", "MutableSequence"):
        setattr(collections, name, getattr(collections.abc, name))
    import scipy.signal
    from scipy.signal import _signaltools, _sigtools
    for name, module in (("signaltools", _signaltools), ("sigtools", _sigtools)):
        sys.modules["scipy.signal." + name] = module
        setattr(scipy.signal, name, module)
    import theano.ifelse
    import theano.tensor.nnet.opt
    # Without a compiler, convolutions run in Python, which this check forbids.
    theano.tensor.nnet.opt.local_abstractconv_check.transform = lambda node, *_: False
    import keras
    keras.backend.set_floatx(os.environ.get("OLD_FLOATX", "float32"))
    return keras


def names(keras):
    """Everything the tables below name: the layers, from wherever this Keras keeps them."""
    import importlib
    found = {"Sequential": keras.models.Sequential, "Model": keras.models.Model}
    modules = ["layers"] + ["layers." + m for m in ("core", "convolutional", "recurrent", "wrappers", "normalization",
               "advanced_activations", "noise", "local", "embeddings", "convolutional_recurrent")] + ["legacy.layers"]
    for m in modules:
        try:
            found.update({k: v for k, v in vars(importlib.import_module("keras." + m)).items() if k[0] != "_"})
        except ImportError:
            pass
    return found


def seq(*layers):
    model = L["Sequential"]()
    for layer in layers:
        model.add(layer)
    return model


def nested_partly_frozen():
    dense, norm = Dense(5), BatchNormalization()
    dense.trainable = False
    i, x = Input(shape=(7,)), Input(shape=(7,))
    inner = Model(i, Dense(4)(norm(dense(i))))
    return Model(x, Dense(3)(inner(x)))


def encoder_decoder():
    e, d = Input(shape=(None, 5)), Input(shape=(None, 6))
    _, h, c = LSTM(4, return_state=True)(e)
    y, _, _ = LSTM(4, return_sequences=True, return_state=True)(d, initial_state=[h, c])
    return Model([e, d], Dense(3)(y))


def two(join):
    """join of what two Dense make of two inputs."""
    a, b = Input(shape=(6,)), Input(shape=(6,))
    return Model([a, b], Dense(3)(join([Dense(5)(a), Dense(5)(b)])))


def nested_merges():
    left = seq(Merge([seq(Dense(6, input_dim=5)), seq(Dense(6, input_dim=7), Dense(6))], mode="sum"), Dense(4))
    return seq(Merge([left, seq(Dense(4, input_dim=3))], mode="mul"), Dense(3))


def shared():
    a, b, d = Input(shape=(7,)), Input(shape=(7,)), Dense(5)
    return Model(input=[a, b], output=[d(a), Dense(4)(merge([d(a), d(b)], mode="concat"))])


TF, TH = dict(dim_ordering="tf"), dict(dim_ordering="th")
ONE = {
    "dense": lambda: seq(Dense(9, input_dim=7, activation="softplus"), Activation("softsign"), Dropout(0.5), Dense(8, bias=False, activation="hard_sigmoid", W_regularizer="l2"), GaussianNoise(0.3), GaussianDropout(0.2), ActivityRegularization(0.1), Dense(5, activation="softmax")),
    "activations": lambda: seq(Dense(9, input_shape=(7,)), LeakyReLU(0.3), PReLU(), ELU(0.7), ThresholdedReLU(0.2), Dense(4), SReLU(), ParametricSoftplus()),
    "maxout": lambda: seq(MaxoutDense(6, nb_feature=3, input_dim=7), Dense(3), MaxoutDense(4, bias=False)),
    "highway": lambda: seq(Highway(input_dim=7, activation="tanh"), Dense(3), Highway(bias=False)),
    "merge_sequential": lambda: seq(Merge([seq(Dense(6, input_dim=5)), seq(Dense(6, input_dim=7), Activation("relu"))], mode="concat"), Dense(3)),
    "merge_nested": nested_merges,
    "merge_dot": lambda: two(lambda ab: merge(ab, mode="dot")),
    "shared": shared,
    "nested_first": lambda: seq(seq(Dense(6, input_dim=7), Dense(5)), Dense(3)),
    "embedding_lstm": lambda: seq(Embedding(11, 6, input_length=5, mask_zero=True), LSTM(4), Dense(3)),
    "recurrent": lambda: seq(LSTM(4, input_shape=(5, 7), go_backwards=True, return_sequences=True, consume_less="mem"), GRU(5, return_sequences=True, consume_less="gpu"), LSTM(3)),
    "bidirectional": lambda: seq(Bidirectional(LSTM(4, return_sequences=True), input_shape=(5, 7)), Bidirectional(GRU(3), merge_mode="sum")),
    "conv1d": lambda: seq(Convolution1D(5, 3, input_shape=(11, 4), border_mode="same", activation="relu", subsample_length=2), ZeroPadding1D(1), Convolution1D(4, 2), UpSampling1D(2), GlobalMaxPooling1D()),
    "bn_mode1": lambda: seq(BatchNormalization(mode=1, input_shape=(5, 7)), Flatten(), Dense(3)),
    "bn_mode2": lambda: seq(Dense(6, input_dim=7), BatchNormalization(mode=2), Dense(3)),
    **{f"{name}_{n}": (lambda b=b, o=o, size=size: b(o, *size)) for n, o, size in (("tf", TF, ((9, 8, 3), (6, 5, 7, 2), (4, 7, 6, 3))), ("th", TH, ((3, 9, 8), (2, 6, 5, 7), (4, 3, 7, 6)))) for name, b in {
        "cnn": lambda o, image, volume, film: seq(Convolution2D(5, 3, 1, input_shape=image, border_mode="same", activation="relu", **o), ZeroPadding2D((1, 2), **o), Convolution2D(4, 3, 3, subsample=(2, 1), bias=False, **o), UpSampling2D((2, 1), **o), Flatten(), Dense(3)),
        "atrous": lambda o, image, volume, film: seq(AtrousConvolution2D(5, 3, 3, atrous_rate=(2, 1), input_shape=image, **o), GlobalMaxPooling2D(**o)),
        "local2d": lambda o, image, volume, film: seq(LocallyConnected2D(4, 3, 2, input_shape=image, **o), Flatten()),
        "conv3d": lambda o, image, volume, film: seq(Convolution3D(3, 3, 2, 2, input_shape=volume, **o), Flatten(), Dense(3)),
        "conv_lstm": lambda o, image, volume, film: seq(ConvLSTM2D(3, 1, 3, input_shape=film, border_mode="same", return_sequences=True, **o), ConvLSTM2D(2, 3, 3, **o), Flatten()),
        "time_distributed": lambda o, image, volume, film: seq(TimeDistributed(Convolution2D(3, 2, 2, **o), input_shape=film), TimeDistributed(Flatten()), LSTM(3)),
    }.items()},
}
TWO = {
    "embedding_lstm": lambda: seq(Embedding(11, 6, input_length=5, mask_zero=True), LSTM(4), Dense(3)),
    "recurrent": lambda: seq(LSTM(4, input_shape=(5, 7), go_backwards=True, return_sequences=True), GRU(5, return_sequences=True), LSTM(3, use_bias=False)),
    "merge": lambda: two(Merge(mode="concat")),
    "maxout": lambda: seq(MaxoutDense(6, nb_feature=3, input_dim=7), Highway()),
    "maxout_options": lambda: seq(MaxoutDense(6, nb_feature=3, bias=False, input_dim=7), Highway(activation="tanh", bias=False)),
    "nested_partly_frozen": nested_partly_frozen,
    "encoder_decoder": encoder_decoder,
}
# The cases of each version; those with /json as an architecture with weights.
CASES = {
    "1.0.8": (ONE, "highway merge_sequential recurrent"),
    "1.2.2": (ONE, "merge_sequential/json cnn_th/json " + " ".join(ONE)),
    "2.0.9": (TWO, "embedding_lstm merge"),
    "2.2.4": (TWO, "maxout maxout_options recurrent/json nested_partly_frozen encoder_decoder"),
}
SLOW = ("cnn", "conv", "atrous", "local2d", "time_distributed")
# What today's Keras calls the classes of Keras 1.
TODAY = {"Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution3D": "Conv3D", "AtrousConvolution2D": "Conv2D"}


def weights_of(model, rng):
    """Random values that matter."""
    out = []
    for variable, old in zip(model.weights, model.get_weights()):
        w = rng.normal(0, 0.4, old.shape)
        out.append(abs(w) + 0.5 if any(k in variable.name for k in ("std", "variance")) else w)
    return [w.astype("float32") for w in out]


def inputs_of(name, model, rng):
    tensors = model.inputs if hasattr(model, "inputs") else [model.input]
    shapes = [[4] + [d or 5 for d in t._keras_shape[1:]] for t in tensors]
    return [(rng.integers(0, 11, s) if name.startswith("embedding") else rng.normal(0, 1, s)).astype("float32") for s in shapes]


def predict(model, inputs):
    y = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=4)
    return y if isinstance(y, list) else [y]


def classes(value, found):
    """The classes that a config names, in today's words."""
    if isinstance(value, dict):
        if "config" in value and isinstance(value.get("class_name"), str) and value["class_name"] in L:
            found.add(TODAY.get(value["class_name"], value["class_name"]))
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            classes(v, found)
    return found - {"Merge", "Sequential", "Model"}


def write_npz(path, arrays):
    with zipfile.ZipFile(path, "w") as z:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array))
            info = zipfile.ZipInfo(name + ".npy", DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data.getvalue())


def make(version, table, name, form, out):
    seed = zlib.crc32(f"{version} {name}".encode())
    rng = np.random.default_rng(seed)
    model = table[name]()
    values = weights_of(model, rng)
    model.set_weights(values)
    inputs = inputs_of(name, model, rng)
    folder = out / "_".join(["old", version.replace(".", ""), name] + ([form] if form else []))
    folder.mkdir(parents=True, exist_ok=True)
    for f in folder.iterdir():
        f.unlink()
    file, weights = ("model.json", "weights.h5") if form else ("model.h5", "")
    if form:
        (folder / file).write_text(model.to_json())
        model.save_weights(str(folder / weights))
    else:
        model.save(str(folder / file))
    exact = [] if name.startswith(SLOW) else exact_of(name, values, inputs)
    arrays = {f"{k}_{i}": v for k, vs in (("input", inputs), ("output", predict(model, inputs)), ("exact", exact)) for i, v in enumerate(vs)}
    write_npz(folder / "expect.npz", arrays)
    found = sorted(classes(json.loads(model.to_json()), set()))
    (folder / "case.json").write_text(json.dumps({"name": folder.name, "keras": version, "model": file, "weights": weights, "seed": seed,
                                                  "dtype": "float32", "classes": found, "operations": [], "note": "on Theano"}, indent=1) + "\n")
    print("ok", folder.name, flush=True)


def exact_of(name, values, inputs):
    """The outputs in float64, from a second process."""
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(scratch) / "in.npz"
        np.savez(given, **{f"w{i}": v for i, v in enumerate(values)}, **{f"x{i}": v for i, v in enumerate(inputs)})
        subprocess.run([sys.executable, __file__, scratch, "--exact", name], env=dict(os.environ, OLD_FLOATX="float64"), check=True, stdout=subprocess.DEVNULL)
        with np.load(Path(scratch) / "out.npz") as z:
            return [z[f"y{i}"] for i in range(len(z.files))]


def run_exact(table, name, scratch):
    """The outputs in float64 of the weights and inputs in scratch."""
    model = table[name]()
    with np.load(scratch / "in.npz") as z:
        values = {k: z[k].astype("float64") for k in z.files}
    model.set_weights([values[f"w{i}"] for i in range(sum(k[0] == "w" for k in values))])
    y = predict(model, [values[f"x{i}"] for i in range(sum(k[0] == "x" for k in values))])
    np.savez(scratch / "out.npz", **{f"y{i}": v for i, v in enumerate(y)})


def main():
    args = argparse.ArgumentParser(description="Makes the golden cases of an old Keras.")
    args.add_argument("out", type=Path)
    args.add_argument("--only", default="*")
    args.add_argument("--exact", help=argparse.SUPPRESS)
    args = args.parse_args()
    keras = start()
    global L
    L = names(keras)
    globals().update(L)
    table, wanted = CASES[keras.__version__]
    if args.exact:
        return run_exact(table, args.exact, args.out)
    for case in wanted.split():
        name, _, form = case.partition("/")
        if fnmatch.fnmatch(name, args.only):
            make(keras.__version__, table, name, form, args.out)


if __name__ == "__main__":
    main()
