"""Golden cases of layers that Keras does not have, in testdata/custom: one line
each, as in cases.py. Their classes and functions are written here after the
sources that thirdparty.py names, or are examples of a user's own; the tests
supply them in Go."""

import math

import numpy as np

from golden import CUSTOM, ERA, Case, K, L, chain, i32, main, ops, tf

ALL = "k3 k3h5 k2 k2h5"
MAIN = "k3 k2h5"
CF = "channels_first"

if ERA == "3":
    matmul, sigmoid, softplus, transpose = ops.matmul, ops.sigmoid, ops.softplus, ops.transpose
    reshape = ops.reshape
elif ERA == "2":
    matmul, sigmoid, softplus, transpose = tf.matmul, tf.sigmoid, tf.math.softplus, tf.transpose
    reshape = tf.reshape
Layer = L.Layer if ERA else object


def register(package):
    """The decorator that puts a class into a package; the golden then lists it."""
    def decorate(cls):
        CUSTOM.add(cls.__name__)
        if not ERA or package is None:
            return cls
        where = K.saving if ERA == "3" else K.utils
        return where.register_keras_serializable(package=package)(cls)
    return decorate


# A user's own ----------------------------------------------------------------

@register("Mine")
class Shift(Layer):
    """x·scale + offset, of which offset is not trained."""

    def __init__(self, by=1.0, **kw):
        super().__init__(**kw)
        self.by = by

    def build(self, shape):
        self.offset = self.add_weight(name="offset", shape=(shape[-1],), trainable=False, initializer="zeros")
        self.factor = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")
        self.built = True

    def call(self, x, gain=1.0):
        return (x * self.factor + self.offset) * self.by * gain

    def get_config(self):
        return {**super().get_config(), "by": self.by}


@register("Mine")
class TransformerBlock(Layer):
    """Attention and a product, each with a residual and a normalization."""

    def __init__(self, embed_dim, num_heads, ff_dim, **kw):
        super().__init__(**kw)
        self.embed_dim, self.num_heads, self.ff_dim = embed_dim, num_heads, ff_dim
        self.att = L.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn1 = L.Dense(ff_dim, activation="relu")
        self.ffn2 = L.Dense(embed_dim)
        self.norm1 = L.LayerNormalization(epsilon=1e-6)
        self.norm2 = L.LayerNormalization(epsilon=1e-6)

    def build(self, shape):
        if ERA == "3":  # tf_keras builds them when they are called
            self.att.build(shape, shape)
            self.ffn1.build(shape)
            self.ffn2.build((*shape[:-1], self.ff_dim))
            self.norm1.build(shape)
            self.norm2.build(shape)
        self.built = True

    def call(self, x):
        x = self.norm1(x + self.att(x, x))
        return self.norm2(x + self.ffn2(self.ffn1(x)))

    def get_config(self):
        return {**super().get_config(), "embed_dim": self.embed_dim, "num_heads": self.num_heads, "ff_dim": self.ff_dim}


def space_to_depth(x):
    """Blocks of 2x2 pixels, row by row, become channels."""
    h, w, c = x.shape[1:]
    x = transpose(reshape(x, (-1, h // 2, 2, w // 2, 2, c)), (0, 1, 3, 2, 4, 5))
    return reshape(x, (-1, h // 2, w // 2, 4 * c))


def curve(x):
    return x * sigmoid(1.5 * x)


def masked_lambda(x):
    """The mask goes through a Lambda in Keras 3 and ends there in Keras 2."""
    return chain(x, L.Embedding(9, 4, mask_zero=True), L.Lambda(lambda v: v * 2.0, name="double"), L.LSTM(5))


# Third parties: after the sources that runtime/layers/thirdparty names ------------

class Plain(Layer):
    """A layer whose config is what keys says, with defaults."""
    keys = {}

    def __init__(self, **kw):
        self.conf = {k: kw.pop(k, v) for k, v in self.keys.items()}
        super().__init__(**kw)

    def get_config(self):
        return {**super().get_config(), **self.conf}


class Normalization(Plain):
    def build(self, shape):
        axis = self.conf["axis"]
        size = (1,) if axis is None else (shape[axis],)
        self.gamma = self.add_weight(name="gamma", shape=size, initializer="ones") if self.conf["scale"] else None
        self.beta = self.add_weight(name="beta", shape=size, initializer="zeros") if self.conf["center"] else None
        self.wide = [1] * len(shape)
        if axis is not None:
            self.wide[axis] = shape[axis]
        self.supports_masking = True
        self.built = True

    def affine(self, x):
        if self.gamma is not None:
            x = x * reshape(self.gamma, self.wide)
        return x if self.beta is None else x + reshape(self.beta, self.wide)


class ContribInstanceNormalization(Normalization):
    keys = dict(axis=None, epsilon=1e-3, center=True, scale=True)

    def call(self, x):
        axes = [i for i in range(1, len(x.shape)) if self.conf["axis"] is None or i != self.conf["axis"] % len(x.shape)]
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        return self.affine((x - mean) / (tf.sqrt(variance) + self.conf["epsilon"]))


@register("Addons")
class GroupNormalization(Normalization):
    keys = dict(groups=2, axis=-1, epsilon=1e-3, center=True, scale=True)

    def call(self, x):
        rank, n = len(x.shape), self.conf["groups"]
        axis = self.conf["axis"] % rank
        n = x.shape[axis] if n == -1 else n
        shape = list(x.shape)
        y = reshape(x, [-1, *shape[1:axis], n, shape[axis] // n, *shape[axis + 1:]])
        mean, variance = tf.nn.moments(y, [i for i in range(1, rank + 1) if i != axis], keepdims=True)
        y = (y - mean) * tf.math.rsqrt(variance + self.conf["epsilon"])
        return self.affine(reshape(y, [-1, *shape[1:]]))


@register("Addons")
class InstanceNormalization(GroupNormalization):
    keys = dict(GroupNormalization.keys, groups=-1)


class Adaptive(Plain):
    keys = dict(output_size=None, data_format="channels_last")
    reduce = "mean"

    def call(self, x):
        first = 1 if self.conf["data_format"] == "channels_last" else 2
        f = {"mean": tf.reduce_mean, "max": tf.reduce_max}[self.reduce]
        for axis, n in enumerate(self.conf["output_size"], first):
            step, index = np.float32(x.shape[axis] / n), np.arange(n, dtype="float32")
            begin, end = (index * step).astype(int), np.ceil((index + 1) * step).astype(int)
            x = tf.concat([f(tf.gather(x, range(b, e), axis=axis), axis=axis, keepdims=True) for b, e in zip(begin, end)], axis)
        return x


@register("Addons")
class AdaptiveAveragePooling1D(Adaptive):
    pass


@register("Addons")
class AdaptiveAveragePooling2D(Adaptive):
    pass


@register("Addons")
class AdaptiveMaxPooling1D(Adaptive):
    reduce = "max"


@register("Addons")
class AdaptiveMaxPooling2D(Adaptive):
    reduce = "max"


@register("Addons")
class StochasticDepth(Plain):
    keys = dict(survival_probability=0.5)

    def call(self, x):
        return x[0] + x[1] * self.conf["survival_probability"]


class RateStochasticDepth(Plain):
    keys = dict(rate=0.5)

    def call(self, x):
        return x[0] + x[1] * (1 - self.conf["rate"])


class PassStochasticDepth(Plain):
    keys = dict(drop_path_rate=0.5)

    def call(self, x):
        return x


@register("keras_cv")
class DropPath(Plain):
    keys = dict(rate=0.5, seed=None)

    def call(self, x):
        return x


@register(None)
class FixedDropout(L.Dropout if ERA else object):
    pass


@register(None)
class Scale(Plain):
    keys = dict(axis=-1, momentum=0.9)

    def build(self, shape):
        n = shape[self.conf["axis"]]
        self.gamma = self.add_weight(name="gamma", shape=(n,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(n,), initializer="zeros")
        self.wide = [1] * len(shape)
        self.wide[self.conf["axis"]] = n
        self.supports_masking = True
        self.built = True

    def call(self, x):
        return x * reshape(self.gamma, self.wide) + reshape(self.beta, self.wide)


@register(None)
class LRN(Plain):
    keys = dict(depth_radius=2, bias=1.0, alpha=2e-1, beta=0.75)

    def call(self, x):  # as tf.nn.local_response_normalization, which lacks float64
        r, n = self.conf["depth_radius"], x.shape[-1]
        s = tf.pad(x * x, [[0, 0]] * 3 + [[r, r]])
        s = sum(s[..., i:i + n] for i in range(2 * r + 1))
        return x * tf.pow(self.conf["bias"] + self.conf["alpha"] * s, -self.conf["beta"])


@register(None)
class SeqSelfAttention(Plain):
    keys = dict(units=32, attention_width=None, attention_type="additive", return_attention=False, history_only=False,
                use_additive_bias=True, use_attention_bias=True, attention_activation="linear", attention_regularizer_weight=0.0)

    def build(self, shape):
        c, d, u = self.conf, shape[-1], self.conf["units"]
        add = lambda name, *s: self.add_weight(name=name, shape=s)
        if c["attention_type"] == "additive":
            self.Wt, self.Wx = add("Add_Wt_kernel", d, u), add("Add_Wx_kernel", d, u)
            self.bh = add("Add_bh", u) if c["use_additive_bias"] else 0.0
            self.Wa = add("Add_Wa_kernel", u, 1)
        else:
            self.Wa = add("Mul_Wa_kernel", d, d)
        self.ba = add("ba", 1) if c["use_attention_bias"] else 0.0
        self.supports_masking = True
        self.built = True

    def call(self, x, mask=None):
        c = self.conf
        if c["attention_type"] == "additive":
            h = tf.tanh(tf.expand_dims(x @ self.Wt, 2) + tf.expand_dims(x @ self.Wx, 1) + self.bh)
            e = tf.squeeze(h @ self.Wa, -1)
        else:
            e = tf.matmul(x @ self.Wa, x, transpose_b=True)
        e = K.activations.get(c["attention_activation"])(e + self.ba)
        e = tf.exp(e - tf.reduce_max(e, -1, keepdims=True))
        width = 10**10 if c["history_only"] and c["attention_width"] is None else c["attention_width"]
        if width is not None:
            n = x.shape[1]
            below, above = (width - 1, 0) if c["history_only"] else (width // 2, (width - 1) // 2)
            e = e * tf.linalg.band_part(tf.ones((n, n), e.dtype), min(n, below), min(n, above))
        if mask is not None:
            m = tf.cast(mask, e.dtype)
            e = e * tf.expand_dims(m, 2) * tf.expand_dims(m, 1)
        a = e / (tf.reduce_sum(e, -1, keepdims=True) + 1e-7)
        return [a @ x, a] if c["return_attention"] else a @ x

    def compute_mask(self, x, mask=None):
        return [mask, None] if self.conf["return_attention"] else mask


def named(cls, name):
    """cls under the name that files have."""
    if not ERA:
        return cls
    CUSTOM.add(name)
    return type(name, (cls,), {})


def softplus2(x):
    return softplus(x) - math.log(2.0)


def lisht(x):
    return x * tf.tanh(x)


def addons(f):
    return K.utils.register_keras_serializable(package="Addons")(f)


Instance = named(ContribInstanceNormalization, "InstanceNormalization")
RateDepth = named(RateStochasticDepth, "StochasticDepth")
PassDepth = named(PassStochasticDepth, "StochasticDepth")

CASES = [
    Case("lambda", (5, 7), lambda x: chain(x, L.Dense(6), L.Lambda(lambda v: v * v + 1.0, name="square"), L.Dense(3)), ALL),
    Case("lambda_function", (4, 6, 3), lambda x: chain(x, L.Conv2D(5, 1), L.Lambda(space_to_depth, output_shape=(2, 3, 20), name="space_to_depth")), MAIN),
    Case("lambda_arguments", (5,), lambda x: L.Lambda(lambda v, by: v * by, arguments={"by": 2.5}, name="times")(x), MAIN),
    Case("lambda_masked", i32(6, high=3), lambda x: masked_lambda(x), MAIN),
    Case("own_layer", (5, 7), lambda x: chain(x, L.Dense(6), Shift(0.5), L.Dense(3)), ALL),
    Case("own_layer_keyword", [(7,), (7,)], lambda x, y: Shift(name="shift")(x, gain=y), MAIN),
    Case("own_block", (5, 8), lambda x: TransformerBlock(8, 2, 12)(x), ALL),
    Case("own_activation", (9, 7, 3), lambda x: chain(x, L.Conv2D(4, 3, activation=curve), L.Flatten(), L.Dense(5, activation=curve), L.Activation(curve)), ALL),
]

CASES += [
    *[Case(f"tp_instance_contrib_{n}", (5, 6, 4), lambda x, kw=kw: chain(x, L.Conv2D(4, 1), Instance(**kw)), "k2h5 k2")
      for n, kw in (("none", dict()), ("last", dict(axis=-1, epsilon=0.1)), ("first", dict(axis=1, scale=False)), ("bare", dict(axis=3, center=False, scale=False)))],
    *[Case(f"tp_instance_addons_{n}", (5, 6, 4), lambda x, kw=kw: chain(x, L.Conv2D(4, 1), InstanceNormalization(**kw)), "k2h5 k2")
      for n, kw in (("last", dict()), ("first", dict(axis=1, epsilon=0.1)))],
    *[Case(f"tp_group_{n}", (4, 6, 8), lambda x, kw=kw: chain(x, L.Conv2D(8, 1), GroupNormalization(**kw)), "k2h5 k2")
      for n, kw in (("default", dict()), ("four", dict(groups=4, axis=3, center=False)), ("first", dict(axis=1, groups=2, epsilon=0.1)), ("all", dict(groups=-1, scale=False)))],
    Case("tp_instance_masked", (5, 4), lambda x: chain(x, L.Masking(0.0), InstanceNormalization(), Instance(axis=-1), L.LSTM(3)), "k2h5"),
    Case("tp_adaptive_1d", (7, 3), lambda x: [AdaptiveAveragePooling1D(output_size=(3,))(x), AdaptiveMaxPooling1D(output_size=(5,))(x)], "k2h5 k2"),
    Case("tp_adaptive_2d", (7, 9, 3), lambda x: [AdaptiveAveragePooling2D(output_size=(3, 4))(x), AdaptiveMaxPooling2D(output_size=(2, 5))(x)], "k2h5 k2"),
    Case("tp_adaptive_first", (3, 7, 9), lambda x: [AdaptiveAveragePooling2D(output_size=(3, 4), data_format=CF)(x), AdaptiveMaxPooling2D(output_size=(2, 9), data_format=CF)(x)], "k2h5"),
    Case("tp_depth", (5,), lambda x: StochasticDepth(survival_probability=0.8)([x, L.Dense(5)(x)]), "k2h5 k2"),
    Case("tp_depth_rate", (5,), lambda x: RateDepth(rate=0.3)([x, L.Dense(5)(x)]), "k2 k3"),
    Case("tp_depth_pass", (5,), lambda x: L.Add()([x, PassDepth()(L.Dense(5)(x))]), "k2h5 k3"),
    Case("tp_drop_path", (5,), lambda x: L.Add()([x, DropPath()(L.Dense(5)(x))]), "k2h5 k3"),
    Case("tp_fixed_dropout", (5, 4), lambda x: chain(x, L.Conv1D(4, 1), FixedDropout(0.4, noise_shape=(None, 1, 1))), "k2h5 k3"),
    Case("tp_scale", (5, 6, 4), lambda x: [Scale()(x), Scale(axis=1)(x)], "k2h5 k3"),
    Case("tp_lrn", (5, 6, 9), lambda x: [LRN()(x), LRN(depth_radius=1, bias=2.0, alpha=0.5, beta=0.5)(x)], "k2h5"),
    *[Case(f"tp_attention_{n}", (6, 4), lambda x, kw=kw: SeqSelfAttention(**kw)(x), "k2h5")
      for n, kw in (("additive", dict(units=5)), ("multiplicative", dict(attention_type="multiplicative", attention_activation="sigmoid")),
                    ("width", dict(units=3, attention_width=3, use_attention_bias=False)), ("even", dict(units=3, attention_width=4, return_attention=True)),
                    ("history", dict(attention_type="multiplicative", history_only=True, use_attention_bias=False)), ("past", dict(units=3, history_only=True, attention_width=2, use_additive_bias=False)))],
    Case("tp_attention_masked", i32(6, high=3), lambda x: chain(x, L.Embedding(9, 4, mask_zero=True), SeqSelfAttention(units=5), L.LSTM(3)), "k2h5"),
    Case("tp_activations", (7,), lambda x: [L.Dense(5, activation=softplus2)(x), L.Activation(softplus2)(x)], MAIN),
    Case("tp_activations_addons", (7,), lambda x: [L.Dense(5, activation=addons(lisht))(x)], "k2h5 k2"),
]

if __name__ == "__main__":
    main(CASES, "custom")
