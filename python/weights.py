"""Weights that matter: random values for every variable of a model, scaled so
that no layer can be wrong unseen and no signal explodes or dies."""

import numpy as np

# Variables a layer computed itself; tf_keras's lookups do not name theirs.
ADAPTED = {"mean", "variance", "count", "summary", "Variable"}


def leaf(variable):
    """The last part of a variable's name: kernel, bias, gamma..."""
    name = getattr(variable, "path", None) or variable.name
    return name.split("/")[-1].split(":")[0]


def he_std(variable, shape):
    """He's standard deviation for the kernel layouts of Keras."""
    name = getattr(variable, "path", None) or variable.name
    if leaf(variable) == "depthwise_kernel" or "depthwise" in name:
        fan_in = np.prod(shape[:-2])  # (kh, kw, cin, multiplier)
    elif "transpose" in name:
        fan_in = np.prod(shape) / shape[-2]  # (kh, kw, filters, cin)
    else:
        fan_in = np.prod(shape[:-1])  # (..., cin, filters)
    return np.sqrt(2.0 / max(fan_in, 1))


def draw(variable, rng):
    """A random value for one variable, or None to leave it as it is."""
    shape, kind = tuple(variable.shape), leaf(variable)
    if kind in ADAPTED:
        return None
    if "variance" in kind or "stddev" in kind:
        return rng.uniform(0.3, 2.0, shape)
    if kind == "gamma" or kind == "scale":
        return rng.uniform(0.5, 1.5, shape)
    if kind == "alpha":
        return rng.uniform(0.05, 0.5, shape)
    if "kernel" in kind:
        return rng.normal(0.0, he_std(variable, shape), shape)
    if "mean" in kind:
        return rng.normal(0.0, 0.5, shape)
    return rng.normal(0.0, 0.3, shape)  # bias, beta, embeddings


def matter(model, rng):
    """Gives every weight of the model a value that matters, in place."""
    if any(type(v).__name__ == "VocabWeightHandler" for v in model.weights):
        return model  # of tf_keras: a vocabulary among the weights
    values = []
    for variable, old in zip(model.weights, model.get_weights()):
        new = draw(variable, rng)
        values.append(old if new is None else new.astype(old.dtype))
    model.set_weights(values)
    return model


def upcast(values):
    """Stored weights as float64; integers and strings stay."""
    return [v.astype("float64") if v.dtype.kind not in "iubOSU" else v for v in values]
