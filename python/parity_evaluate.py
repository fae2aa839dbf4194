"""Compare kerasrun evaluate with model.evaluate of Keras 3 and tf_keras: every loss and metric, the forms of compile configs,
weights of examples, masks and regularizers.

A number may differ by 1e-5 of Keras's, plus 1e-6. Losses and metrics that no case covers stand in EXCEPTIONS, with the reason.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import keras
import numpy as np
import tf_keras

EXCEPTIONS = {
    "Loss": "the base class",
    "LossFunctionWrapper": "what functions are wrapped in",
    "Metric": "the base class",
    "Mean": "takes one array of values: compile cannot use it",
    "Sum": "takes one array of values: compile cannot use it",
    "MeanMetricWrapper": "what functions are wrapped in",
    "R2Score with num_regressors": "Keras cannot compile it; the Go tests hold it to Keras without a model",
}
# Keras 3 and Keras 2 name metrics that were given as strings otherwise after reading an .h5.
ALIASES = {"mae": "mean_absolute_error", "mse": "mean_squared_error", "MSE": "mean_squared_error", "AUC": "auc"}
RTOL, ATOL = 1e-5, 1e-6
N = 50  # examples: the last batch of 32 is smaller


def rng(seed=3):
    return np.random.default_rng(seed)


def data(kind):
    """Inputs, true values and the last layers of a kind of model; K is the Keras."""
    r = rng()
    x = r.normal(size=(N, 6)).astype("float32")
    classes = r.integers(0, 5, N)
    positive = lambda *s: r.uniform(0.1, 3, s).astype("float32")
    L = lambda K: K.layers
    dense = lambda units, act=None: lambda K: [L(K).Dense(units, activation=act)]
    onehot = np.eye(5, dtype="float32")[classes]
    bits = r.integers(0, 2, (N, 4)).astype("float32")
    steep = lambda units, act: lambda K: [L(K).Rescaling(40.0), L(K).Dense(units), L(K).Activation(act)]
    seq = r.normal(size=(N, 7, 6)).astype("float32")
    image = r.normal(size=(N, 4, 4, 3)).astype("float32")
    region = r.integers(0, 3, (N, 4, 4))
    return {
        "binary": (x, bits[:, :1], dense(1, "sigmoid")),
        "binary1": (x, bits[:, 0].astype("int64"), dense(1, "sigmoid")),
        "bits": (x, bits, dense(4, "sigmoid")),
        "bit_logits": (x, bits, dense(4)),
        "bits_steep": (x, bits, steep(4, "sigmoid")),
        "bits_late": (x, bits, lambda K: [L(K).Rescaling(900.0), L(K).Dense(4, activation="sigmoid"), L(K).Reshape((4,))]),
        "classes": (x, classes, dense(5, "softmax")),
        "classes1": (x, classes[:, None], dense(5, "softmax")),
        "class_logits": (x, classes, dense(5)),
        "classes_steep": (x, classes, steep(5, "softmax")),
        "classes_late": (x, classes, lambda K: [L(K).Rescaling(40.0), L(K).Dense(5, activation="softmax"), L(K).Reshape((5,))]),
        "onehot": (x, onehot, dense(5, "softmax")),
        "onehot_logits": (x, onehot, dense(5)),
        "onehot_steep": (x, onehot, steep(5, "softmax")),
        "onehot_late": (x, onehot, lambda K: [L(K).Rescaling(40.0), L(K).Dense(5, activation="softmax"), L(K).Reshape((5,))]),
        "signs": (x, 2 * bits - 1, dense(4, "tanh")),
        "numbers": (x, r.normal(size=(N, 3)).astype("float32"), dense(3)),
        "number": (x, r.normal(size=N).astype("float32"), dense(1)),
        "positive": (x, positive(N, 3), dense(3, "softplus")),
        "sequence": (seq, r.integers(0, 5, (N, 7)), lambda K: [L(K).LSTM(4, return_sequences=True), L(K).Dense(5, activation="softmax")]),
        "steps": (seq, r.integers(0, 5, (N, 7)), lambda K: [L(K).TimeDistributed(L(K).Dense(5, activation="softmax"))]),
        "masked": (masked(seq), r.integers(0, 5, (N, 7)), lambda K: [L(K).Masking(), L(K).LSTM(4, return_sequences=True), L(K).Dense(5, activation="softmax")]),
        "masked_numbers": (masked(seq), r.normal(size=(N, 7, 2)).astype("float32"), lambda K: [L(K).Masking(), L(K).GRU(4, return_sequences=True), L(K).Dense(2)]),
        "ctc": (seq, padded_labels(r), dense(5)),
        "circle": (x, classes, lambda K: [L(K).Dense(5), L(K).UnitNormalization()]),
        "region": (image, region, lambda K: [L(K).Conv2D(3, 3, padding="same", activation="softmax")]),
        "region_onehot": (image, np.eye(3, dtype="float32")[region], lambda K: [L(K).Conv2D(3, 3, padding="same", activation="softmax")]),
        "pixels": (image, r.integers(0, 2, (N, 4, 4, 1)), lambda K: [L(K).Conv2D(1, 3, padding="same", activation="sigmoid")]),
    }[kind]


def masked(seq):
    seq = seq.copy()
    for i, row in enumerate(seq):
        row[2 + i % 6:] = 0
    return seq


def padded_labels(r):
    y = np.zeros((N, 3), "int64")
    for row, n in zip(y, r.integers(1, 4, N)):
        row[:n] = r.integers(1, 5, n)
    return y


def sequential(K, layers, shape):
    K.utils.set_random_seed(11)
    return K.Sequential([K.layers.Input(shape), *layers])


class Case:
    def __init__(self, name, K, model, x, y, weights=None, batch=32, form=".keras", **compiled):
        self.name, self.K, self.model, self.x, self.y, self.weights, self.batch, self.form = name, K, model, x, y, weights, batch, form
        self.compiled = compiled


def simple(name, K, kind, weights=None, batch=32, form=".keras", **compiled):
    """A case of one input and output."""
    x, y, last = data(kind)
    return Case(name, K, lambda: sequential(K, last(K), x.shape[1:]), x, y, weights, batch, form, **compiled)


def example_weights():
    return rng(9).uniform(0, 2, N).astype("float32")


def losses(K):
    """(name, data, loss) of every loss; K is Keras 3 or tf_keras."""
    C = K.losses
    v3 = K is keras
    out = [
        ("MeanSquaredError", "numbers", C.MeanSquaredError()),
        ("MeanAbsoluteError", "numbers", C.MeanAbsoluteError()),
        ("MeanAbsolutePercentageError", "numbers", C.MeanAbsolutePercentageError()),
        ("MeanSquaredLogarithmicError", "positive", C.MeanSquaredLogarithmicError()),
        ("CosineSimilarity", "numbers", C.CosineSimilarity()),
        ("Huber", "numbers", C.Huber(delta=0.7)),
        ("LogCosh", "numbers", C.LogCosh()),
        ("Hinge", "signs", C.Hinge()),
        ("Hinge of 0 and 1", "bits", C.Hinge()),
        ("SquaredHinge", "signs", C.SquaredHinge()),
        ("CategoricalHinge", "onehot", C.CategoricalHinge()),
        ("KLDivergence", "onehot", C.KLDivergence()),
        ("Poisson", "positive", C.Poisson()),
        ("BinaryCrossentropy", "bits", C.BinaryCrossentropy(label_smoothing=0.1)),
        ("BinaryCrossentropy steep", "bits_steep", C.BinaryCrossentropy()),
        ("BinaryCrossentropy clipped", "bits_late", C.BinaryCrossentropy()),
        ("BinaryCrossentropy logits", "bit_logits", C.BinaryCrossentropy(from_logits=True)),
        ("BinaryFocalCrossentropy", "bits", C.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5, label_smoothing=0.1)),
        ("BinaryFocalCrossentropy steep", "bits_steep", C.BinaryFocalCrossentropy()),
        ("BinaryFocalCrossentropy logits", "bit_logits", C.BinaryFocalCrossentropy(from_logits=True)),
        ("CategoricalCrossentropy", "onehot", C.CategoricalCrossentropy(label_smoothing=0.2)),
        ("CategoricalCrossentropy steep", "onehot_steep", C.CategoricalCrossentropy()),
        ("CategoricalCrossentropy clipped", "onehot_late", C.CategoricalCrossentropy()),
        ("CategoricalCrossentropy logits", "onehot_logits", C.CategoricalCrossentropy(from_logits=True)),
        ("CategoricalFocalCrossentropy", "onehot", C.CategoricalFocalCrossentropy(alpha=0.4, gamma=1.5)),
        ("CategoricalFocalCrossentropy list", "onehot", C.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.3, 0.4, 0.5], label_smoothing=0.1)),
        ("CategoricalFocalCrossentropy logits", "onehot_logits", C.CategoricalFocalCrossentropy(from_logits=True)),
        ("SparseCategoricalCrossentropy", "classes", C.SparseCategoricalCrossentropy()),
        ("SparseCategoricalCrossentropy column", "classes1", C.SparseCategoricalCrossentropy()),
        ("SparseCategoricalCrossentropy steep", "classes_steep", C.SparseCategoricalCrossentropy()),
        ("SparseCategoricalCrossentropy clipped", "classes_late", C.SparseCategoricalCrossentropy()),
        ("SparseCategoricalCrossentropy logits", "class_logits", C.SparseCategoricalCrossentropy(from_logits=True)),
        ("SparseCategoricalCrossentropy ignore", "sequence", C.SparseCategoricalCrossentropy(ignore_class=2)),
        ("SparseCategoricalCrossentropy steps", "steps", C.SparseCategoricalCrossentropy()),
        ("reduction sum", "numbers", C.MeanSquaredError(reduction="sum")),
    ]
    if v3:
        out += [
            ("CTC", "ctc", C.CTC()),
            ("Dice", "region_onehot", C.Dice()),
            ("Dice axis", "region_onehot", C.Dice(axis=(1, 2, 3))),
            ("Tversky", "region_onehot", C.Tversky(alpha=0.3, beta=0.7)),
            ("Tversky axis", "region_onehot", C.Tversky(axis=[1, 2])),
            ("Circle", "circle", C.Circle(gamma=10.0, margin=0.3)),
            ("Circle diagonal", "circle", C.Circle(gamma=10.0, remove_diagonal=False)),
            ("CategoricalGeneralizedCrossEntropy", "classes", C.CategoricalGeneralizedCrossEntropy(q=0.6)),
            ("reduction mean_with_sample_weight", "numbers", C.MeanSquaredError(reduction="mean_with_sample_weight")),
        ]
    return out


def metrics(K):
    """(data, metrics) by kind of data; names are those of the classes."""
    M = K.metrics
    v3 = K is keras
    thresholds = lambda: [
        M.TruePositives(), M.TrueNegatives(), M.FalsePositives(), M.FalseNegatives(thresholds=[0.3, 0.6]), M.Precision(), M.Precision(thresholds=[0.2, 0.5, 0.8], name="precisions"),
        M.Recall(), M.Recall(top_k=2, name="recall_top"), M.Precision(class_id=1, name="precision_class"), M.AUC(), M.AUC(curve="PR", name="auc_pr"),
        M.AUC(summation_method="majoring", name="auc_major"), M.AUC(curve="PR", summation_method="minoring", name="auc_minor"), M.AUC(thresholds=[0.2, 0.45, 0.7], name="auc_some"),
        M.AUC(multi_label=True, num_thresholds=50, name="auc_labels"), M.AUC(multi_label=True, num_labels=4, label_weights=[0.1, 0.2, 0.3, 0.4], name="auc_weights"),
        M.SensitivityAtSpecificity(0.5), M.SpecificityAtSensitivity(0.5), M.PrecisionAtRecall(0.5), M.RecallAtPrecision(0.5, num_thresholds=1),
        M.SensitivityAtSpecificity(0.4, class_id=2, name="sas_class"),
        M.BinaryAccuracy(threshold=0.4), M.BinaryCrossentropy(label_smoothing=0.1), M.Hinge(), M.SquaredHinge(), M.Poisson(), M.FBetaScore(beta=2.0, threshold=0.5, average="weighted"),
        M.F1Score(threshold=0.4, average="micro"), M.F1Score(threshold=0.4, name="f1_all"), M.F1Score(average="macro", name="f1_macro"), M.Accuracy(),
    ] + ([M.AUC(curve="PRGAIN", name="auc_gain")] if v3 else [])
    out = [
        ("bits", thresholds()),
        ("bit_logits", [M.AUC(from_logits=True), M.BinaryCrossentropy(from_logits=True)]),
        ("binary", ["accuracy", "AUC", M.Precision(), M.Recall(), M.BinaryIoU(threshold=0.45), M.BinaryIoU(target_class_ids=[1], name="iou_one")]),
        ("bits_steep", [M.BinaryCrossentropy(), M.AUC()]),
        ("classes", ["accuracy", M.SparseCategoricalAccuracy(), M.SparseTopKCategoricalAccuracy(k=2), M.SparseCategoricalCrossentropy(), M.MeanIoU(5, sparse_y_pred=False), M.IoU(5, [1, 3], sparse_y_pred=False)]),
        ("classes1", ["acc", M.SparseTopKCategoricalAccuracy(k=3)]),
        ("onehot", ["accuracy", M.CategoricalAccuracy(), M.TopKCategoricalAccuracy(k=2), M.CategoricalCrossentropy(label_smoothing=0.1), M.CategoricalHinge(), M.KLDivergence(), M.F1Score(average="weighted"),
                    M.OneHotIoU(5, [0, 2]), M.OneHotMeanIoU(5), M.Precision(top_k=2, class_id=3), M.Recall(class_id=0)]),
        ("onehot_steep", [M.CategoricalCrossentropy()]),
        ("numbers", [M.MeanSquaredError(), M.MeanAbsoluteError(), M.MeanAbsolutePercentageError(), M.RootMeanSquaredError(), M.CosineSimilarity(), M.LogCoshError(), M.R2Score(),
                     M.R2Score(class_aggregation=None, name="r2_all"), M.R2Score(class_aggregation="variance_weighted_average", num_regressors=2, name="r2_weighted")]
         + ([M.PearsonCorrelation(), M.ConcordanceCorrelation()] if v3 else [])),
        ("positive", [M.MeanSquaredLogarithmicError(), M.Poisson()]),
        ("sequence", ["accuracy", M.SparseTopKCategoricalAccuracy(k=2), M.SparseCategoricalCrossentropy(ignore_class=1)]),
        ("region", ["accuracy", M.MeanIoU(3, sparse_y_pred=False), M.MeanIoU(3, ignore_class=0, sparse_y_pred=False, name="iou_ignore")]),
        ("region_onehot", ["accuracy", M.OneHotMeanIoU(3), M.CategoricalCrossentropy()]),
        ("pixels", ["accuracy", M.BinaryIoU()]),
    ]
    return out


def regularized(K):
    """Cases of regularizers: (name, model)."""
    L, R, I = K.layers, K.regularizers, K.layers.Input
    v3 = K is keras

    def of(shape, *layers):
        return lambda: sequential(K, [l() for l in layers], shape)

    def frozen():
        model = sequential(K, [L.Dense(4, kernel_regularizer="l2", name="a"), L.Dense(3, kernel_regularizer="l1", name="b")], (6,))
        model.layers[0].trainable = False
        return model

    def nested():
        K.utils.set_random_seed(2)
        i = I((6,))
        shared = L.Dense(6, activity_regularizer=R.L2(0.01), kernel_regularizer=R.L1(0.02))
        inner = K.Model(i, L.Dense(5, bias_regularizer="l2", bias_initializer="ones", activity_regularizer="l1")(shared(shared(i))), name="inner")
        o = I((6,))
        return K.Model(o, L.Dense(3, kernel_regularizer="l2")(inner(o)))

    out = [
        ("kernel and bias", (6,), of((6,), lambda: L.Dense(5, "relu", kernel_regularizer=R.L1L2(0.01, 0.02), bias_regularizer="l2", bias_initializer="ones"), lambda: L.Dense(3, kernel_regularizer=R.L1L2() if v3 else "l1_l2"))),
        ("orthogonal", (6,), of((6,), lambda: L.Dense(5, kernel_regularizer=R.OrthogonalRegularizer(0.1)), lambda: L.Dense(3, kernel_regularizer=R.OrthogonalRegularizer(0.2, mode="columns")))),
        ("activity", (6,), of((6,), lambda: L.Dense(5, "relu", activity_regularizer=R.L1L2(0.1, 0.2)), lambda: L.ActivityRegularization(l1=0.01, l2=0.03), lambda: L.Dense(3))),
        ("normalization", (6,), of((6,), lambda: L.BatchNormalization(gamma_regularizer="l2", beta_regularizer="l1", beta_initializer="ones"), lambda: L.LayerNormalization(gamma_regularizer="l1"), lambda: L.PReLU(alpha_regularizer="l2", alpha_initializer="ones"), lambda: L.Dense(3))),
        ("recurrent", (7, 6), of((7, 6), lambda: L.LSTM(4, return_sequences=True, kernel_regularizer="l2", recurrent_regularizer="l1", bias_regularizer="l2", activity_regularizer="l2"),
                                 lambda: L.Bidirectional(L.GRU(3, recurrent_regularizer="l2")), lambda: L.Dense(3))),
        ("separable", (8, 8, 3), of((8, 8, 3), lambda: L.SeparableConv2D(4, 3, depthwise_regularizer="l2", pointwise_regularizer="l1"), lambda: L.DepthwiseConv2D(3, depthwise_regularizer="l1"),
                                    lambda: L.Conv2D(3, 3, kernel_regularizer="l2", activity_regularizer="l2"), lambda: L.GlobalAveragePooling2D())),
        ("time distributed", (7, 6), of((7, 6), lambda: L.TimeDistributed(L.Dense(4, kernel_regularizer="l2")), lambda: L.Flatten(), lambda: L.Dense(3))),
        ("frozen", (6,), frozen),
        ("nested and shared", (6,), nested),
        ("attention", (7, 6), of((7, 6), lambda: L.Dense(4), lambda: L.Flatten(), lambda: L.Dense(3, kernel_regularizer="l2"))),
    ]
    return [(name, shape, make) for name, shape, make in out]


def several(K):
    """Models of two outputs with compile configs of all forms."""
    r = rng(5)
    x = r.normal(size=(N, 6)).astype("float32")
    y = [r.normal(size=(N, 2)).astype("float32"), r.integers(0, 3, N)]

    def model():
        K.utils.set_random_seed(4)
        i = K.layers.Input((6,))
        h = K.layers.Dense(8, "relu")(i)
        return K.Model(i, [K.layers.Dense(2, name="u")(h), K.layers.Dense(3, "softmax", name="v")(h)])

    forms = {
        "list": dict(loss=["mse", "sparse_categorical_crossentropy"], loss_weights=[0.3, 2.0], metrics=[["mae", "mse"], ["accuracy"]]),
        "dict": dict(loss={"u": "mae", "v": K.losses.SparseCategoricalCrossentropy()}, loss_weights={"u": 0.5, "v": 1.5}, metrics={"v": ["accuracy", K.metrics.SparseTopKCategoricalAccuracy(k=2)]},
                     weighted_metrics={"u": ["mae"], "v": ["accuracy"]}),
        "one without metrics": dict(loss=["mse", "sparse_categorical_crossentropy"], metrics=[None, ["accuracy"]]),
    }
    if K is not keras:
        forms["broadcast"] = dict(loss={"u": "mse", "v": "sparse_categorical_crossentropy"}, metrics=["mse"])
        y2 = [y[0], r.integers(0, 2, (N, 3)).astype("float32")]
        yield Case("outputs: broadcast", K, model, x, y2, loss=["mse", "mae"], metrics=["mae"])
        del forms["broadcast"]
    for name, compiled in forms.items():
        for form in (".keras", ".h5"):
            if name == "dict" and form == ".h5" and K is keras:
                continue  # Keras 3 does not write objects inside of dicts to an .h5
            yield Case(f"outputs: {name}{form}", K, model, x, y, form=form, weights=example_weights() if name == "dict" else None, **compiled)


def cases():
    for K in (keras, tf_keras):
        for name, kind, loss in losses(K):
            yield simple(name, K, kind, loss=loss)
            if not name.startswith(("CTC", "Dice", "Tversky")):
                yield simple(f"{name}, weights", K, kind, weights=example_weights() if kind not in ("sequence", "steps") else np.tile(example_weights()[:, None], (1, 7)), loss=loss)
        for name, form in (("mse", ".keras"), ("mean_absolute_error", ".h5"), ("MeanSquaredError", ".h5"), ("huber", ".h5"), ("kl_divergence", ".keras"), ("cosine_similarity", ".h5")):
            yield simple(f"loss by name: {name}", K, "numbers" if name != "kl_divergence" else "onehot", form=form, loss=name, metrics=["mae", "MSE"] if name != "kl_divergence" else ["accuracy"])
        yield simple("loss as a function", K, "numbers", loss=K.losses.mean_absolute_error, metrics=[K.metrics.mean_squared_error, K.losses.cosine_similarity])
        for index, (kind, _) in enumerate(metrics(K)):
            fresh = lambda: [m for m in metrics(K)[index][1] if not getattr(m, "num_regressors", 0)]  # without state
            plain = {"numbers": "mse", "positive": "mse", "onehot": "mse", "region_onehot": "mse"}.get(kind, "mse" if kind.startswith(("bit", "onehot", "pixels")) or kind == "binary" else "sparse_categorical_crossentropy")
            for form in (".keras", ".h5"):
                # Keras 3 cannot write label_weights to an .h5
                some = [m for m in fresh() if form == ".keras" or getattr(m, "label_weights", None) is None]
                yield simple(f"metrics of {kind}{form}", K, kind, form=form, loss=plain, metrics=some)
            if kind in ("bits", "numbers", "onehot", "classes", "binary"):
                weighted = [m for m in fresh() if K is keras or "F1" not in type(m).__name__ and "FBeta" not in type(m).__name__]
                yield simple(f"weighted metrics of {kind}", K, kind, weights=example_weights(), loss=plain, weighted_metrics=weighted)
        yield simple("numbers in a column", K, "number", loss="mse", metrics=["mae", K.metrics.RootMeanSquaredError()])
        yield simple("binary labels", K, "binary1", loss="binary_crossentropy", metrics=["accuracy", K.metrics.AUC()])
        yield simple("batch of 7", K, "region_onehot", batch=7, loss=K.losses.CategoricalCrossentropy(), metrics=["accuracy"])
        yield simple("mask", K, "masked", loss="sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
        yield simple("mask of numbers", K, "masked_numbers", loss="mse", metrics=["mae", K.metrics.RootMeanSquaredError()])
        yield simple("mask and weights", K, "masked", weights=np.tile(example_weights()[:, None], (1, 7)), loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        yield simple("weights and metrics twice", K, "numbers", weights=example_weights(), loss="mse", metrics=["mae"], weighted_metrics=["mae"])
        yield simple("loss_weights of one output", K, "numbers", loss="mse", loss_weights=[0.25], metrics=["mae"])
        r = rng(8)
        for name, shape, make in regularized(K):
            for form in (".keras", ".h5"):
                yield Case(f"regularizers: {name}{form}", K, make, r.normal(size=(N, *shape)).astype("float32"), r.normal(size=(N, 3)).astype("float32"), form=form, loss="mse", metrics=["mae"])
        yield from several(K)


def covered(name, seen):
    return name in seen or name in EXCEPTIONS


def names_of(case):
    """Names of the classes of losses and metrics that a case has."""
    out = set()

    def walk(v):
        if isinstance(v, (list, tuple)):
            [walk(i) for i in v]
        elif isinstance(v, dict):
            [walk(i) for i in v.values()]
        elif v is not None and not isinstance(v, (str, float, int)):
            out.add(getattr(v, "__name__", type(v).__name__))

    walk(list(case.compiled.values()))
    return out


def run(program, case, folder):
    """The rows (name, Keras's, ours) of a case."""
    model = case.model()
    model.compile(**case.compiled)
    weights = case.weights
    several = isinstance(case.y, list)
    if several and weights is not None:
        weights = [weights, weights]
    path, arrays = folder / f"model{case.form}", folder / "data.npz"
    path.unlink(missing_ok=True)
    evaluate = lambda m: m.evaluate(case.x, case.y, sample_weight=weights, batch_size=case.batch, verbose=0, return_dict=True)
    if case.K is tf_keras and case.form == ".h5":
        evaluate(model)  # as training does: tf_keras writes "accuracy" as categorical_accuracy before it has seen true values
    model.save(path)
    try:  # Keras does not write all options: the file has the last word
        want = evaluate(case.K.models.load_model(path))
    except (ValueError, TypeError, AttributeError):  # Keras cannot read all that it writes
        want = evaluate(model)
    saved = {"x": case.x}
    for i, y in enumerate(case.y if several else [case.y]):
        saved[f"y_{i}" if several else "y"] = y
    if case.weights is not None:
        saved["sample_weight"] = case.weights
    np.savez(arrays, **saved)
    done = subprocess.run([program, "evaluate", path, "--data", arrays, "--batch", str(case.batch), "--json"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    want = {ALIASES.get(name, name): v for name, v in want.items()}
    got = {ALIASES.get(r["name"], r["name"]): r["value"] for r in json.loads(done.stdout)["results"]}
    return [(name, np.asarray(v, "float64").reshape(-1), got.pop(name, None)) for name, v in want.items()] + [(name, None, v) for name, v in got.items()]


def write_table(path, worst, count, numbers):
    """Put the table between the marks of a page."""
    lines = [f"{count} models, {numbers} numbers; keras {keras.__version__}, tf_keras {tf_keras.__version__}.", "",
             "| loss or metric | Keras 3: numbers | largest difference | tf_keras: numbers | largest difference |", "| --- | ---: | ---: | ---: | ---: |"]
    for cls, by in sorted(worst.items()):
        cells = [f"{by[K][0]} | {by[K][1]:.1e}" if by[K][0] else "- | -" for K in (keras, tf_keras)]
        lines.append(f"| {cls} | " + " | ".join(cells) + " |")
    lines += ["", "Left out:", "", *(f"- {name}: {reason}" for name, reason in EXCEPTIONS.items())]
    head, _, rest = path.read_text().partition("<!-- table -->\n")
    _, _, tail = rest.partition("<!-- end -->")
    path.write_text(head + "<!-- table -->\n" + "\n".join(lines) + "\n<!-- end -->" + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kerasrun", type=pathlib.Path)
    parser.add_argument("--only", default="", help="part of the names of cases")
    parser.add_argument("--table", type=pathlib.Path, help="write the table of docs/metrics.md between its marks")
    parser.add_argument("--quiet", action="store_true", help="print only what differs and the sums")
    args = parser.parse_args()
    program = args.kerasrun.resolve()
    failed = numbers = count = 0
    seen = {keras: set(), tf_keras: set()}
    worst = {}  # by class: numbers compared and the largest difference, of Keras 3 and of tf_keras
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            label = f"{'keras 3 ' if case.K is keras else 'tf_keras'} {case.name}"
            seen[case.K] |= names_of(case)
            if args.only not in label:
                continue
            count += 1
            try:
                rows = run(program, case, pathlib.Path(folder))
            except Exception as e:  # noqa: BLE001
                failed += 1
                print(f"FAILED {label}: {type(e).__name__}: {str(e)[:300]}", flush=True)
                continue
            for name, want, got in rows:
                numbers += 1
                have = None if got is None else np.asarray([float(g) for g in (got if isinstance(got, list) else [got])])
                ok = want is not None and have is not None and want.shape == have.shape and np.allclose(have, want, rtol=RTOL, atol=ATOL, equal_nan=True)
                failed += not ok
                for cls in names_of(case) if ok else ():
                    cells = worst.setdefault(cls, {keras: [0, 0.0], tf_keras: [0, 0.0]})[case.K]
                    off = np.nanmax(np.abs(have - want) / np.maximum(np.abs(want), 0.1), initial=0.0)
                    cells[0], cells[1] = cells[0] + 1, max(cells[1], float(off))
                if not ok or not args.quiet:
                    print(f"{'ok    ' if ok else 'FAILED'} {label}: {name}: Keras {want}, kerasrun {have}", flush=True)
            case.K.backend.clear_session()
    missing = [c.__name__ for module in (keras.losses, keras.metrics) for c in vars(module).values()
               if isinstance(c, type) and not covered(c.__name__, seen[keras])]
    if missing:
        failed += len(missing)
        print("FAILED without a case:", ", ".join(missing))
    for name, reason in EXCEPTIONS.items():
        print(f"left out {name}: {reason}")
    print(f"{count} models, {numbers} numbers")
    if args.table and not failed:
        write_table(args.table, worst, count, numbers)
    sys.exit(f"{failed} differ" if failed else 0)


if __name__ == "__main__":
    main()
