"""One entry a class: what a random layer of it can stand on, and its random options.

An option that Keras demands is always there; others come by some(), in half of
the layers none of them. Where Keras itself is wrong or refuses, a comment says so."""

from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np

from golden import ERA
from program import Ref, Sub

CF = "channels_first"
ACTIVATIONS = {
    "3": "celu elu exponential gelu hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid mish relu relu6 selu "
         "sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid squareplus tanh tanh_shrink",
    "2": "elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid silu softmax softplus softsign tanh",
    "": "",
}[ERA].split()
# Of recurrent layers: what grows without bound makes the states a matter of rounding.
GATES = ["sigmoid", "hard_sigmoid", "tanh"]
STATES = ["tanh", "sigmoid", "softsign", "elu", "relu"]
RESIZE = {"3": ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"],
          "2": ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area", "gaussian", "mitchellcubic"], "": []}[ERA]
WORDS = ["cat", "dog", "bird", "", "Cat", "häß 日本", "seventeen letters", "thirty-three letters, or so they say"]
# What hands on its input's very numbers: a jump after it falls the same in every precision.
EXACT = set("""Identity Reshape Flatten Permute RepeatVector Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D MaxPooling1D MaxPooling2D MaxPooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    Concatenate Maximum Minimum Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise
    GaussianDropout AlphaDropout ActivityRegularization CenterCrop Embedding ReversibleEmbedding""".split())


class Draw:
    """A seeded source of choices."""

    def __init__(self, *seed):
        self.rng = np.random.default_rng(seed)
        self.plain = False  # whether the layer at hand has defaults only

    def int(self, low, high):
        """low to high, both included."""
        return int(self.rng.integers(low, max(low, high) + 1))

    def chance(self, p):
        return bool(self.rng.random() < p)

    def pick(self, choices):
        return choices[self.int(0, len(choices) - 1)]

    def float(self, low, high):
        return round(float(self.rng.uniform(low, high)), 3)

    def some(self, **choices):
        """A random part of the options, each with one of its values."""
        return {k: self.pick(v) for k, v in choices.items() if not self.plain and self.chance(0.5)}

    def each(self, n, low, high):
        """A number, or n of them."""
        return self.int(low, high) if self.chance(0.5) else tuple(self.int(low, high) for _ in range(n))

    def normals(self, n):
        return [self.float(-1, 1) for _ in range(n)]


@dataclass
class Value:
    """A tensor of the model being made."""

    ref: Ref
    tensor: object  # Keras's
    kind: str  # float, int, string
    exact: bool = True  # the same in every precision
    picture: bool = False  # in 0..255
    high: int = 0  # of kind int: below it, or 0 when unknown

    @property
    def shape(self):
        return tuple(self.tensor.shape)[1:]

    @property
    def rank(self):
        return len(self.shape)

    @property
    def fixed(self):
        return None not in self.shape

    def dims(self):
        """The shape with small numbers for what is open."""
        return [d or 5 for d in self.shape]


@dataclass
class Entry:
    options: Optional[Callable] = None  # of a Draw and a Value: the options, or None for "not on this"
    ranks: tuple = (1, 2, 3, 4)
    eras: str = "32"
    takes: str = "float"
    jump: bool = False  # not continuous: on exact values only
    place: Optional[Callable] = None  # of a Builder and a Value, where one call on one tensor is not enough
    weight: float = 1.0
    picture: bool = False

    def fits(self, v):
        kinds = self.takes.split()
        return (v.rank in self.ranks and v.kind in kinds and (v.exact or not self.jump) and (v.picture or not self.picture)
                and (v.kind != "int" or "any" in kinds or v.high > 0))


CLASSES = {}


def entry(names, *args, **kw):
    for name in names.split():
        CLASSES[name] = Entry(*args, **kw)


def no_options(r, v):
    return {}


def units(r):
    return r.int(2, 9)


def channels(r, v, data_format):
    return v.dims()[0] if data_format == CF else v.dims()[-1]


def spatial(v, o):
    """The spatial dimensions under the options."""
    return v.dims()[1:] if o.get("data_format") == CF else v.dims()[:-1]


# Core and activations ---------------------------------------------------------

def einsum_dense(r, v):
    n, m = units(r), r.int(2, 4)
    forms = [("...x,xy->...y", n, ["y"])]
    if v.rank == 1:
        forms += [("ab,bc->ac", n, ["c"]), ("ab,bcd->acd", (m, n), ["d", "cd"])]
    if v.rank == 2:
        forms += [("abc,cd->abd", (None, n), ["d"]), ("abc,cde->abde", (None, m, n), ["de", "e", "d"])]
        if v.fixed:
            forms += [("abc,bd->adc", (n, v.shape[1]), ["dc", "c", "d"]), ("abc,bcd->ad", n, ["d"])]
    equation, shape, biases = r.pick(forms)
    return dict(equation=equation, output_shape=shape, **r.some(bias_axes=biases, activation=ACTIVATIONS))


def softmax(r, v):
    axes = [a for a in range(1, v.rank + 1)]
    pairs = [[a, b] for a in axes for b in axes if a < b]
    return r.some(axis=axes + pairs + [-1])


def prelu(r, v):
    axes = [a for a in range(1, v.rank + 1) if r.chance(0.5)]
    need = [i + 1 for i, d in enumerate(v.shape) if d is None]
    axes = sorted({*axes, *need})
    return dict(shared_axes=axes) if need or axes and not r.plain else {}


def relu(r, v):
    jumps = {"threshold": [0.5, 1.0]} if v.exact else {}
    return r.some(max_value=[1.5, 6.0], negative_slope=[0.1, 0.25], **jumps)


def masking(b, v):
    """After a ReLU of few features, so that there are steps to mask."""
    if v.shape[-1] > 2:
        return None
    v = b.add("ReLU", {}, [v])[0]
    return b.add("Masking", b.draw.some(mask_value=[0.0]), [v])


def embedding(r, v):
    return dict(input_dim=v.high + r.int(0, 3), output_dim=units(r), **r.some(mask_zero=[True]))


def reversible_embedding(b, v):
    r, n = b.draw, units(b.draw)
    options = dict(input_dim=v.high, output_dim=n, **r.some(tie_weights=[False], logit_soft_cap=[2.0], mask_zero=[True]))
    y = b.add("ReversibleEmbedding", options, [v])
    if r.chance(0.6):
        z = b.add("Dense", {"units": n}, y)[0]
        return b.add("ReversibleEmbedding", {}, [z], share=y[0].ref.node, kw={"reverse": True})
    return y


entry("Dense", lambda r, v: dict(units=units(r), **r.some(activation=ACTIVATIONS, use_bias=[False])), weight=3)
entry("EinsumDense", einsum_dense, ranks=(1, 2, 3))
entry("Activation", lambda r, v: dict(activation=r.pick(ACTIVATIONS)), weight=2)
entry("Embedding", embedding, ranks=(1, 2), takes="int", weight=3)
entry("ReversibleEmbedding", ranks=(1,), takes="int", eras="3", place=reversible_embedding)
entry("Identity", no_options)
entry("Masking", ranks=(2,), jump=True, place=masking)
entry("ReLU", relu)
entry("Softmax", softmax)
entry("LeakyReLU", lambda r, v: r.some(**{"negative_slope" if ERA == "3" else "alpha": [0.1, 0.25]}))
entry("PReLU", prelu)
entry("ELU", lambda r, v: r.some(alpha=[0.4, 1.3]))
entry("ThresholdedReLU", lambda r, v: r.some(theta=[0.3, 0.7]), eras="2", jump=True)


# Convolution -----------------------------------------------------------------

def kernel(r, o, v, dilation=1):
    """A kernel that fits even a valid convolution."""
    most = [min(4, (d - 1) // dilation + 1) for d in spatial(v, o)]
    return tuple(r.int(1, m) for m in most) if r.chance(0.6) else r.int(1, min(most))


def window(r, n, low=1, high=3):
    return [r.each(n, low, high) for _ in range(2)]


def conv(n, transpose=False, depthwise=False, separable=False):
    def options(r, v):
        o = r.some(padding=["same"] * 3 + (["causal"] if n == 1 and not (transpose or depthwise or separable) else []),
                   activation=ACTIVATIONS, use_bias=[False])
        # TensorFlow's CPU has channels_first of two dimensions only (exact.py computes it).
        if n == 2 and not r.plain and r.chance(0.25):
            o["data_format"] = CF
        # TensorFlow refuses strides with dilation.
        spread = r.pick([1, 1, 2, 3]) if not r.plain else 1
        if spread > 1 and min(spatial(v, o)) > 2:
            o["dilation_rate"] = spread
        elif not r.plain and r.chance(0.5):
            # TensorFlow has depthwise convolution of equal strides only (exact.py computes it in two dimensions).
            o["strides"] = r.int(2, 3) if n != 2 and (depthwise or separable) else r.each(n, 1, 3)
        # tf_keras takes dilation of a transposed convolution of two dimensions only.
        if transpose and n != 2 and ERA == "2":
            o.pop("dilation_rate", None)
        o["kernel_size"] = kernel(r, o, v, o.get("dilation_rate", 1))
        cin = channels(r, v, o.get("data_format"))
        if not depthwise:
            o["filters"] = units(r)
            if not transpose and not separable and not r.plain and r.chance(0.3):
                groups = r.pick([g for g in range(1, cin + 1) if cin % g == 0])
                if groups > 1:
                    o.update(groups=groups, filters=groups * r.int(1, 3))
        if (depthwise or separable) and not r.plain and r.chance(0.5):
            o["depth_multiplier"] = r.int(2, 3)
        if transpose and "strides" in o and r.chance(0.4):
            s = o["strides"]
            o["output_padding"] = s - 1 if isinstance(s, int) else tuple(x - 1 for x in s)
            k = o["kernel_size"]
            # output_padding is below strides, and Keras 3 wants it below the kernel's size too.
            if min((k,) if isinstance(k, int) else k) <= max((s,) if isinstance(s, int) else s):
                o.pop("output_padding")
        # Keras 3 adds the bias along the width where that has as many elements as there are channels.
        if o.get("data_format") == CF and o.get("use_bias", True):
            width = spatial(v, o)[-1]
            if transpose or depthwise or "groups" in o:
                o["use_bias"] = False
            elif o["filters"] <= width:
                o["filters"] = width + 1
        return o
    return options


def locally_connected(n):
    def options(r, v):
        if not v.fixed:
            return None
        o = dict(filters=r.int(2, 5), **r.some(activation=ACTIVATIONS, use_bias=[False], implementation=[2, 3]))
        if not r.plain and r.chance(0.3):
            o["data_format"] = CF
        if n == 2 and o.get("implementation", 1) != 1 and r.chance(0.5):
            o["padding"] = "same"  # Keras refuses it with implementation 1
        if not r.plain and r.chance(0.5):
            o["strides"] = r.each(n, 1, 3)
        return dict(o, kernel_size=kernel(r, o, v))
    return options


for n in (1, 2, 3):
    entry(f"Conv{n}D", conv(n), ranks=(n + 1,), weight=1.5)
    entry(f"Conv{n}DTranspose", conv(n, transpose=True), ranks=(n + 1,))
for n in (1, 2):
    entry(f"SeparableConv{n}D", conv(n, separable=True), ranks=(n + 1,))
    entry(f"DepthwiseConv{n}D", conv(n, depthwise=True), ranks=(n + 1,))
    entry(f"LocallyConnected{n}D", locally_connected(n), ranks=(n + 1,), eras="2")


# Pooling ---------------------------------------------------------------------

def pooling(n):
    def options(r, v):
        o = r.some(padding=["same"])
        if n == 2 and not r.plain and r.chance(0.25):
            o["data_format"] = CF
        if not r.plain and r.chance(0.6):
            o["pool_size"] = kernel(r, o, v)
        if not r.plain and r.chance(0.5):
            o["strides"] = r.each(n, 1, 3)
        if min(spatial(v, o)) < 2:
            o["padding"] = "same"
        return o
    return options


def adaptive(n):
    def options(r, v):
        o = r.some(data_format=[CF])
        if not v.fixed:
            return None
        # Keras 3.15 pools with windows one larger than needed too: it fails when the result is 1.
        most = spatial(v, o)
        if min(most) < 2:
            return None
        return dict(o, output_size=tuple(r.int(2, m) for m in most) if n > 1 and r.chance(0.6) else r.int(2, min(most)))
    return options


def global_pooling(r, v):
    return r.some(data_format=[CF], keepdims=[True])


for n in (1, 2, 3):
    for kind in ("Max", "Average"):
        entry(f"{kind}Pooling{n}D", pooling(n), ranks=(n + 1,))
        entry(f"Adaptive{kind}Pooling{n}D", adaptive(n), ranks=(n + 1,), eras="3")
        entry(f"Global{kind}Pooling{n}D", global_pooling, ranks=(n + 1,))


# Recurrent -------------------------------------------------------------------

def recurrent(cls, states=True):
    def options(r, v):
        o = dict(units=units(r), **r.some(
            activation=STATES, use_bias=[False], return_sequences=[True], go_backwards=[True], zero_output_for_mask=[True]))
        if cls != "SimpleRNN":
            o.update(r.some(recurrent_activation=GATES))
        if cls == "GRU":
            o.update(r.some(reset_after=[False]))
        if v.fixed:
            o.update(r.some(unroll=[True]))
        if states:
            o.update(r.some(return_state=[True]))
        return o
    return options


def cell(r):
    cls = r.pick(["LSTMCell", "GRUCell", "SimpleRNNCell"])
    o = dict(units=units(r), **r.some(activation=STATES, use_bias=[False]))
    if cls != "SimpleRNNCell":
        o.update(r.some(recurrent_activation=GATES))
    if cls == "GRUCell":
        o.update(r.some(reset_after=[False]))
    return Sub(cls, o)


def rnn(r, v):
    cells = cell(r) if r.chance(0.6) else [cell(r) for _ in range(r.int(2, 3))]
    return dict(cell=cells, **r.some(return_sequences=[True], return_state=[True], go_backwards=[True]))


def with_states(cls):
    """The layer, sometimes with initial states that other layers make."""
    def place(b, v):
        r = b.draw
        options = recurrent(cls)(r, v)
        kw = {}
        if not r.plain and r.chance(0.3):
            kw["initial_state"] = [b.vector(options["units"], v).ref for _ in range(2 if cls == "LSTM" else 1)]
        return b.add(cls, options, [v], kw=kw)
    return place


def conv_lstm(n):
    def options(r, v):
        o = dict(filters=r.int(2, 4), **r.some(
            activation=STATES, recurrent_activation=GATES, use_bias=[False], return_sequences=[True], go_backwards=[True],
            return_state=[True], padding=["same"]))
        inner = v.dims()[1:-1]
        spread = r.pick([1, 1, 2]) if not r.plain else 1
        if spread > 1 and min(inner) > 2 and n < 3:
            o["dilation_rate"] = spread
        elif not r.plain and r.chance(0.4):
            o["strides"] = r.each(n, 1, 2)
        most = [min(3, (d - 1) // o.get("dilation_rate", 1) + 1) for d in inner]
        return dict(o, kernel_size=tuple(r.int(1, m) for m in most))
    return options


def sub(r, cls, v, **fixed):
    """A layer of cls to be wrapped, with options as on v."""
    options = CLASSES[cls].options(r, v)
    return None if options is None else Sub(cls, dict(options, **fixed))


class Step:
    """What a wrapped layer sees of a value: one time step."""

    def __init__(self, v):
        self.shape, self.rank, self.exact, self.kind, self.high = v.shape[1:], v.rank - 1, v.exact, v.kind, v.high
        self.fixed, self.picture = None not in self.shape, False

    dims = Value.dims


def time_distributed(r, v):
    at = Step(v)
    inside = {1: ["Dense", "Activation", "BatchNormalization", "LayerNormalization", "RepeatVector", "ELU", "LeakyReLU", "Dropout"],
              2: ["LSTM", "GRU", "Conv1D", "Flatten", "GlobalMaxPooling1D", "GlobalAveragePooling1D", "Dense", "Permute", "UpSampling1D"],
              3: ["Conv2D", "Flatten", "GlobalAveragePooling2D", "MaxPooling2D", "DepthwiseConv2D", "BatchNormalization", "ZeroPadding2D"]}
    layer = sub(r, r.pick(inside[at.rank]), at)
    if layer is not None:
        layer.options.pop("return_state", None)  # Keras: one result a step
    return layer and dict(layer=layer)


def bidirectional(r, v):
    layer = sub(r, r.pick(["LSTM", "GRU", "SimpleRNN"]), v)
    o = dict(layer=layer, **r.some(merge_mode=["concat", "sum", "mul", "ave", None]))
    layer.options.pop("go_backwards", None)
    if r.chance(0.2) and o.get("merge_mode", "concat") == "concat" and "return_state" not in layer.options:
        # Of as many units: Keras 3.15 tells the shape by the forward layer alone.
        back = sub(r, r.pick(["LSTM", "GRU", "SimpleRNN"]), v, go_backwards=True, units=layer.options["units"])
        for key in ("return_sequences", "return_state", "zero_output_for_mask", "unroll"):
            back.options.pop(key, None)
            if key in layer.options:
                back.options[key] = layer.options[key]
        o["backward_layer"] = back
    return o


for name in ("LSTM", "GRU", "SimpleRNN"):
    entry(name, recurrent(name), ranks=(2,), place=with_states(name), weight=2)
for n in (1, 2, 3):
    entry(f"ConvLSTM{n}D", conv_lstm(n), ranks=(n + 2,))
entry("RNN", rnn, ranks=(2,))
entry("TimeDistributed", time_distributed, ranks=(2, 3, 4))
entry("Bidirectional", bidirectional, ranks=(2,), weight=2)


# Preprocessing -----------------------------------------------------------------

def normalization(r, v):
    if not v.fixed:
        return None
    o = r.some(invert=[True]) if ERA == "3" else {}
    if not r.plain and r.chance(0.3):
        return dict(o, axis=None, mean=r.float(-1, 1), variance=r.float(0.3, 3))
    if r.chance(0.5):
        n = v.shape[-1]
        return dict(o, mean=r.normals(n), variance=[r.float(0.3, 3) for _ in range(n)])
    return dict(o, adapt=(4, *v.shape), **r.some(axis=[v.rank, -1]))


def lookup(words):
    def options(r, v):
        names = WORDS if words else list(range(v.high or 12))
        known = [names[i] for i in r.rng.permutation(len(names))[:r.int(3, 5)]]
        known = [k for k in known if k not in ("", 0)] or known
        o = dict(vocabulary=known, **r.some(num_oov_indices=[2, 3], mask_token=["" if words else 0]))
        mode = r.pick(["int", "int", "multi_hot", "count", "one_hot"]) if not r.plain else "int"
        if mode != "int":
            o["output_mode"] = mode
            if mode == "one_hot" and v.rank != 1:
                return None
        return o
    return options


def category_encoding(r, v):
    if v.high < 2:
        return None
    # Keras 3 treats a rank of 1 that is not (batch, 1) as several categories in every mode.
    return dict(num_tokens=v.high + r.int(0, 2), **r.some(output_mode=["count", "multi_hot"]))


def discretization(r, v):
    bounds = sorted({r.float(-1.5, 1.5) for _ in range(r.int(2, 5))})
    return dict(bin_boundaries=bounds, **r.some(output_mode=["multi_hot", "count"] if v.rank == 1 else ["int"]))


def hashing(r, v):
    o = dict(num_bins=r.int(3, 9), **r.some(salt=[133, [133, 137]]))
    if v.kind == "string":
        o.update(r.some(mask_value=["dog", ""]))
    return o


def hashed_crossing(b, v):
    if v.shape[-1:] != (1,) or v.rank != 1:
        return None
    other = b.twin(v)
    return b.add("HashedCrossing", dict(num_bins=b.draw.int(3, 9), **b.draw.some(output_mode=["one_hot"])), [v, other], form="list")


TEXTS = ["The cat sat.", "a DOG, a bird", "", "cat cat dog", "Häß; 日本 bird"]


def text_vectorization(r, v):
    o = dict(vocabulary=["cat", "dog", "bird", "a"][:r.int(2, 4)], **r.some(standardize=["lower", "strip_punctuation"], split=["character"], ngrams=[2]))
    # Of (batch, 1), Keras 3.15 takes the counts for an array of rank 3.
    mode = r.pick(["int", "multi_hot", "count"]) if ERA == "2" or v.rank == 0 else "int"
    return dict(o, output_sequence_length=r.int(3, 6)) if mode == "int" else dict(o, output_mode=mode)


def mel(b, v):
    """Without decibels, made small: powers in the hundreds saturate what follows, and show only how their last digits were rounded."""
    if v.shape[0] < 150:
        return None
    r = b.draw
    o = dict(fft_length=32, sequence_stride=r.int(12, 20), num_mel_bins=r.int(4, 9), sampling_rate=8000,
             **r.some(sequence_length=[24, 32], power_to_db=[False], mag_exp=[1.0], max_freq=[3000], min_freq=[200.0]))
    y = b.add("MelSpectrogram", o, [v])
    return b.add("Rescaling", dict(scale=0.01), y) if "power_to_db" in o else y


def pipeline(r, v):
    inside = ["Rescaling", "RandomFlip", "CenterCrop", "AutoContrast", "Equalization", "Resizing", "RandomRotation"]
    return dict(layers=[sub(r, n, v) for n in r.rng.choice(inside, r.int(1, 2), replace=False).tolist()])


def equalization(b, v):
    """Inside a Pipeline: Keras 3.15 cannot say its shape by itself."""
    return b.add("Pipeline", dict(layers=[Sub("Equalization", CLASSES["Equalization"].options(b.draw, v))]), [v])


def clahe(r, v):
    if v.shape[0] < 6 or v.shape[1] < 6:
        return None
    return dict(tile_grid_size=(r.int(1, 3), r.int(1, 3)), **r.some(clip_limit=[0.0, 1.5], value_range=[(-10, 400)]))


def stft(r, v):
    if not v.fixed or v.shape[0] < 12:
        return None
    o = dict(mode=r.pick(["magnitude", "psd", "real", "imag", "stft"]), frame_length=r.int(5, 12))
    return dict(o, **r.some(frame_step=[3, 5], fft_length=[16, 19], window=["hamming", None], periodic=[True], scaling=["spectrum", None],
                            padding=["same"], expand_dims=[True]))


def resizing(r, v):
    o = dict(height=r.int(2, 11), width=r.int(2, 11), **r.some(interpolation=RESIZE))
    if r.chance(0.2) and not r.plain:
        o["crop_to_aspect_ratio"] = True
    elif ERA == "3":
        o.update(r.some(antialias=[True]))
        if r.chance(0.2) and not r.plain:
            o.update(pad_to_aspect_ratio=True, **r.some(fill_value=[2.5]))
    if o.get("interpolation") == "nearest" and not v.exact:
        o.pop("antialias", None)
    if ERA == "3" and not r.plain and r.chance(0.2):
        o["data_format"] = CF
    return o


def rescaling(r, v):
    o = dict(scale=1 / 255 if v.picture else r.float(0.2, 1.5))
    return dict(o, **r.some(offset=[-1.0, 0.5]))


def crop_size(r, v):
    o = r.some(data_format=[CF]) if ERA == "3" else {}
    h, w = spatial(v, o)
    return dict(o, height=r.int(1, h), width=r.int(1, w))


entry("Normalization", normalization, ranks=(1, 2, 3))
entry("Discretization", discretization, ranks=(1, 2), jump=True)
entry("Hashing", hashing, ranks=(1, 2), takes="int string any")
entry("HashedCrossing", ranks=(1,), takes="int string any", place=hashed_crossing)
entry("IntegerLookup", lookup(False), ranks=(1, 2), takes="int any")
entry("StringLookup", lookup(True), ranks=(1, 2), takes="string")
entry("CategoryEncoding", category_encoding, ranks=(1,), takes="int")
entry("TextVectorization", text_vectorization, ranks=(0, 1), takes="text")
entry("MelSpectrogram", ranks=(1,), eras="3", place=mel)
entry("STFTSpectrogram", stft, ranks=(2,), eras="3")
entry("Resizing", resizing, ranks=(3,))
entry("Rescaling", rescaling)
entry("CenterCrop", crop_size, ranks=(3,), picture=True)
# Keras 3.15 crops nothing at inference and yet tells the crop's shape.
entry("RandomCrop", lambda r, v: dict(height=v.shape[0], width=v.shape[1]) if ERA == "3" else crop_size(r, v), ranks=(3,), picture=True)
entry("AutoContrast", lambda r, v: r.some(value_range=[(-20, 300)], data_format=[CF]), ranks=(3,), eras="3", picture=True, jump=True)
entry("Equalization", lambda r, v: r.some(bins=[7], value_range=[(0, 300)], data_format=[CF]), ranks=(3,), eras="3",
      picture=True, jump=True, place=equalization)
entry("ContrastLimitedAdaptiveHistogramEqualization", clahe, ranks=(3,), eras="3", picture=True, jump=True)
entry("MaxNumBoundingBoxes", lambda r, v: dict(max_number=r.int(2, 5)), ranks=(3,), eras="3", picture=True)
entry("Pipeline", pipeline, ranks=(3,), eras="3", picture=True, jump=True)


def factor(**more):
    def options(r, v):
        return dict(factor=r.float(0.1, 0.5), **r.some(**more))
    return options


FILLS = dict(fill_mode=["constant", "nearest", "reflect", "wrap"], interpolation=["nearest"], fill_value=[3.0])
AUGMENTATIONS = {
    "RandomFlip": ("32", lambda r, v: r.some(mode=["horizontal", "vertical"], seed=[3])),
    "RandomTranslation": ("32", lambda r, v: dict(height_factor=0.2, width_factor=r.pick([0.1, (-0.2, 0.3)]), **r.some(**FILLS))),
    "RandomRotation": ("32", factor(**FILLS)),
    "RandomZoom": ("32", lambda r, v: dict(height_factor=0.2, **r.some(width_factor=[0.1, (-0.2, 0.3)], **FILLS))),
    "RandomHeight": ("2", factor(interpolation=["nearest"])),
    "RandomWidth": ("2", factor(interpolation=["nearest"])),
    "RandomContrast": ("32", factor(seed=[5])),
    "RandomBrightness": ("32", factor(value_range=[(0, 255)])),
    "RandomShear": ("3", lambda r, v: r.some(x_factor=[0.2], y_factor=[0.2], fill_mode=["constant"])),
    "RandomHue": ("3", factor()),
    "RandomErasing": ("3", factor(scale=[(0.1, 0.2)], fill_value=[3.0])),
    "RandomGrayscale": ("3", factor()),
    "RandomInvert": ("3", factor()),
    "Solarization": ("3", lambda r, v: r.some(addition_factor=[0.2], threshold_factor=[0.3])),
    "RandomPosterization": ("3", lambda r, v: dict(factor=r.int(1, 8))),
    "RandomSharpness": ("3", factor()),
    "RandomSaturation": ("3", factor()),
    "RandomColorDegeneration": ("3", factor()),
    "RandomColorJitter": ("3", lambda r, v: r.some(brightness_factor=[0.2], contrast_factor=[0.3], saturation_factor=[0.3], hue_factor=[0.1])),
    "RandomGaussianBlur": ("3", factor(kernel_size=[5], sigma=[0.5])),
    "RandomPerspective": ("3", factor(scale=[0.5], interpolation=["nearest"])),
    "RandomElasticTransform": ("3", factor(scale=[0.5], fill_mode=["constant"])),
    "RandAugment": ("3", lambda r, v: r.some(num_ops=[3], factor=[0.3])),
    "AugMix": ("3", lambda r, v: r.some(num_chains=[2], chain_depth=[2], alpha=[0.5], all_ops=[False])),
    "CutMix": ("3", factor()),
    "MixUp": ("3", lambda r, v: r.some(alpha=[0.4])),
}
for name, (eras, options) in AUGMENTATIONS.items():
    entry(name, options, ranks=(3,), eras=eras, picture=True, weight=0.3)


# Normalization and regularization ------------------------------------------------

def batch_normalization(r, v):
    axes = [a for a in range(1, v.rank + 1) if v.shape[a - 1] is not None]
    if v.shape[-1] is None:
        return None
    return r.some(axis=axes, epsilon=[1e-5, 0.01], center=[False], scale=[False])


def layer_normalization(r, v):
    axes = [a for a in range(1, v.rank + 1) if v.shape[a - 1] is not None]
    if v.shape[-1] is None:
        return None
    o = r.some(epsilon=[1e-6, 0.01], center=[False], scale=[False])
    if not r.plain and r.chance(0.4):
        o["axis"] = r.pick(axes + [axes[-2:]])
    if ERA == "3":
        o.update(r.some(rms_scaling=[True]) if "axis" not in o else {})
    return o


def group_normalization(r, v):
    o = r.some(epsilon=[1e-5, 0.01], center=[False], scale=[False])
    axis = r.int(1, v.rank) if not r.plain and r.chance(0.3) else -1
    n = v.shape[axis - 1 if axis > 0 else -1]
    if n is None:
        return None
    if axis > 0:
        o["axis"] = axis
    return dict(o, groups=r.pick([g for g in range(1, n + 1) if n % g == 0] + ([-1] if v.rank > 1 else [])))


def unit_axes(r, v):
    axes = [a for a in range(1, v.rank + 1)]
    return r.some(axis=axes + [axes[-2:]])


def spectral(r, v):
    cls = r.pick({1: ["Dense"], 2: ["Dense", "Conv1D"], 3: ["Conv2D", "Dense"], 4: ["Conv3D", "Dense"]}[v.rank])
    layer = sub(r, cls, v)
    return layer and dict(layer=layer, **r.some(power_iterations=[2]))


entry("BatchNormalization", batch_normalization, weight=2)
entry("LayerNormalization", layer_normalization)
entry("UnitNormalization", unit_axes)
entry("SpectralNormalization", spectral)
entry("GroupNormalization", group_normalization)
entry("RMSNormalization", lambda r, v: r.some(epsilon=[1e-4], axis=[-1]), eras="3")
entry("Dropout", lambda r, v: dict(rate=r.float(0.1, 0.5), **r.some(seed=[3])))
for n in (1, 2, 3):
    formats = {"data_format": [CF]} if n > 1 else {}
    entry(f"SpatialDropout{n}D", lambda r, v, f=formats: dict(rate=0.3, **r.some(**f)), ranks=(n + 1,))
entry("GaussianDropout AlphaDropout", lambda r, v: dict(rate=r.float(0.1, 0.5)))
entry("GaussianNoise", lambda r, v: dict(stddev=r.float(0.1, 0.5)))
entry("ActivityRegularization", lambda r, v: r.some(l1=[0.1], l2=[0.2]))


# Attention -------------------------------------------------------------------

def attention(b, v):
    r = b.draw
    value = b.twin(v) if r.chance(0.6) else v
    args = [v, value] + ([b.twin(value)] if r.chance(0.3) else [])
    if b.entry == "Attention":
        options = r.some(use_scale=[True], score_mode=["concat"], dropout=[0.2])
    else:
        options = r.some(use_scale=[False], dropout=[0.2])
    return b.add(b.entry, options, args, form="list", kw=r.some(use_causal_mask=[True], return_attention_scores=[True]))


def multi_head_attention(b, v):
    r = b.draw
    value = b.twin(v) if r.chance(0.5) else v
    options = dict(num_heads=r.int(1, 3), key_dim=r.int(2, 5), **r.some(value_dim=[3, 6], use_bias=[False], output_shape=[7], dropout=[0.2]))
    kw = r.some(use_causal_mask=[True], return_attention_scores=[True])
    if ERA == "3":
        options.update(r.some(use_gate=[True]))
    if v.rank == 3 and r.chance(0.6):
        options["attention_axes"] = (r.int(1, 2),)
    if v.rank == 3 and "attention_axes" not in options:
        kw.pop("use_causal_mask", None)  # Keras makes that mask of the second dimension alone
    return b.add("MultiHeadAttention", options, [v, value] + ([b.twin(value)] if r.chance(0.3) else []), form="args", kw=kw)


def group_query_attention(b, v):
    r = b.draw
    value = b.twin(v) if r.chance(0.5) else v
    groups = r.int(1, 3)
    options = dict(head_dim=r.int(2, 5), num_query_heads=groups * r.int(1, 3), num_key_value_heads=groups,
                   **r.some(use_bias=[False], use_gate=[True], dropout=[0.2]))
    return b.add("GroupQueryAttention", options, [v, value], form="args", kw=r.some(use_causal_mask=[True], return_attention_scores=[True]))


entry("MultiHeadAttention", ranks=(2, 3), place=multi_head_attention)
entry("Attention AdditiveAttention", ranks=(2,), place=attention)
entry("GroupQueryAttention", ranks=(2,), eras="3", place=group_query_attention)


# Reshaping -------------------------------------------------------------------

def reshape(r, v):
    if not v.fixed:
        return None
    n = int(np.prod(v.shape))
    dims, rest = [], n
    for _ in range(r.int(0, 2)):
        d = r.pick([d for d in range(1, rest + 1) if rest % d == 0 and d <= 12])
        dims.append(d)
        rest //= d
    dims.append(rest)
    if r.chance(0.3):
        dims[r.int(0, len(dims) - 1)] = -1
    return dict(target_shape=tuple(dims))


def repeat(r, v):
    return dict(n=r.int(2, 5)) if v.shape[-1] is not None else None


def permute(r, v):
    return dict(dims=tuple(int(i) + 1 for i in r.rng.permutation(v.rank)))


def margins(n, name, least=0):
    def options(r, v):
        o = r.some(data_format=[CF]) if n > 1 else {}
        cut = [(min(3, d) - 1) // 2 if name == "cropping" else 3 for d in spatial(v, o)]
        if min(spatial(v, o)) < 3 and name == "cropping" or r.plain and n != 2:
            return o if not (name == "cropping" and min(spatial(v, o)) < 3) else None
        if n == 1:
            return {name: (r.int(0, cut[0]), r.int(0, cut[0]))}
        forms = [r.int(0, min(cut)), tuple(r.int(0, c) for c in cut), tuple((r.int(0, c), r.int(0, c)) for c in cut)]
        return dict(o, **r.some(**{name: forms}))
    return options


def up_sampling(n):
    def options(r, v):
        o = r.some(size=[r.int(1, 3) if n == 1 else r.each(n, 1, 3)])
        if n > 1:
            o.update(r.some(data_format=[CF]))
        if n == 2:
            # Keras 3 resizes other data by way of uint8... none of these: each is computed in the float type.
            o.update(r.some(interpolation=RESIZE))
        return o
    return options


entry("Reshape", reshape, weight=1.5)
entry("Flatten", lambda r, v: r.some(data_format=[CF]) if v.fixed else None, ranks=(1, 2, 3, 4))
entry("RepeatVector", repeat, ranks=(1,), weight=2)
entry("Permute", permute, ranks=(2, 3, 4))
for n in (1, 2, 3):
    entry(f"Cropping{n}D", margins(n, "cropping"), ranks=(n + 1,))
    entry(f"UpSampling{n}D", up_sampling(n), ranks=(n + 1,))
    entry(f"ZeroPadding{n}D", margins(n, "padding"), ranks=(n + 1,))


# Merging -----------------------------------------------------------------------

def merge(most=4):
    def place(b, v):
        args = [v] + [b.twin(v) for _ in range(b.draw.int(1, most - 1) if b.draw.chance(0.4) and most > 2 else 1)]
        return b.add(b.entry, {}, args, form="list")
    return place


def concatenate(b, v):
    args = [v] + [b.twin(v) for _ in range(b.draw.int(1, 2))]
    return b.add("Concatenate", b.draw.some(axis=[*range(1, v.rank + 1), -1]), args, form="list")


def dot(b, v):
    r = b.draw
    other = b.twin(v)
    axes = [1, -1] if v.rank == 1 else [1, 2, -1]
    if not v.fixed:
        return None
    return b.add("Dot", dict(axes=r.pick(axes), **r.some(normalize=[True])), [v, other], form="list")


def layer_scale(r, v):
    return dict(init_values=0.1, projection_dim=v.shape[-1]) if v.shape[-1] else None


def custom_scale(b, v):
    return b.add("CustomScaleLayer", dict(scale=b.draw.float(0.1, 0.5)), [v, b.twin(v)], form="list")


entry("Concatenate", place=concatenate, weight=2)
entry("Add Multiply Average Maximum Minimum", place=merge())
entry("Subtract", place=merge(2))
entry("Dot", ranks=(1, 2), place=dot)
entry("LayerScale", layer_scale)
entry("CustomScaleLayer", place=custom_scale)
