"""What TensorFlow lacks on a CPU, so that every case has a golden and every
golden has a float64 result: resizing and pooling of volumes in float64,
channels_first through its channels_last twin, unequal depthwise strides, dilated
transposed convolution, strided convolution of volumes in float64.

install() replaces the functions of tf.nn and tf.image that Keras calls. Calls
TensorFlow can serve go to it unchanged; `used` names the detours taken."""

import importlib
import inspect

import numpy as np
import tensorflow as tf

used = set()


# Resizing -------------------------------------------------------------------

def _keys(a):
    def kernel(x):
        x = np.abs(x)
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))
    return kernel


def _mitchell(x):
    x = np.abs(x)
    near = (7 * x**3 - 12 * x**2 + 16 / 3) / 6
    far = (-7 / 3 * x**3 + 12 * x**2 - 20 * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(radius):
    return lambda x: np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


def _gaussian(x):  # radius 1.5, sigma 0.5
    return np.where(np.abs(x) < 1.5, np.exp(-x**2 / (2 * 0.5**2)), 0.0)


KERNELS = {
    "bilinear": (1.0, lambda x: np.maximum(0.0, 1 - np.abs(x))),
    "bicubic": (2.0, _keys(-0.5)),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
    "gaussian": (1.5, _gaussian),
    "mitchellcubic": (2.0, _mitchell),
}


def resize_matrix(n_in, n_out, method, antialias=False):
    """The (n_out, n_in) float64 matrix that resizes one axis as tf.image.resize."""
    m = np.zeros((n_out, n_in))
    scale = n_in / n_out
    if method == "nearest":
        for o in range(n_out):
            m[o, min(int(np.floor((o + 0.5) * scale)), n_in - 1)] = 1
        return m
    if method == "area":
        for o in range(n_out):
            for i in range(n_in):
                m[o, i] = max(0.0, min(i + 1, (o + 1) * scale) - max(i, o * scale)) / scale
        return m
    radius, kernel = KERNELS[method]
    if method == "bilinear" and not antialias:
        for o in range(n_out):
            x = (o + 0.5) * scale - 0.5
            low = int(np.floor(x))
            m[o, min(max(low, 0), n_in - 1)] += 1 - (x - low)
            m[o, min(max(low + 1, 0), n_in - 1)] += x - low
        return m
    if method == "bicubic" and not antialias:  # the kernel is a table of 1024 entries
        for o in range(n_out):
            x = (o + 0.5) * scale - 0.5
            low = int(np.floor(x))
            t = np.rint((x - low) * 1024) / 1024
            for tap in range(-1, 3):
                if 0 <= low + tap < n_in:
                    m[o, low + tap] = kernel(np.float64(tap - t))
        return m / m.sum(axis=1, keepdims=True)
    stretch = max(scale, 1.0) if antialias else 1.0
    for o in range(n_out):
        x = (o + 0.5) * scale
        first = max(0, int(np.ceil(x - radius * stretch - 0.5)))
        last = min(n_in, int(np.floor(x + radius * stretch - 0.5)) + 1)
        taps = np.arange(first, last)
        m[o, first:last] = kernel((taps + 0.5 - x) / stretch)
    return m / m.sum(axis=1, keepdims=True)


def resize64(x, size, method, antialias):
    """tf.image.resize of (..., h, w, c) in float64."""
    rows = resize_matrix(x.shape[-3], int(size[0]), method, antialias)
    cols = resize_matrix(x.shape[-2], int(size[1]), method, antialias)
    return np.einsum("oh,...hwc,pw->...opc", rows, x.astype("float64"), cols, optimize=True)


def _resize(native):
    def resize(images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, **kw):
        images = tf.convert_to_tensor(images)
        if images.dtype != tf.float64:
            return native(images, size, method=method, preserve_aspect_ratio=preserve_aspect_ratio,
                          antialias=antialias, **kw)
        y = tf.numpy_function(
            lambda x, s: resize64(x, s, method, antialias), [images, tf.convert_to_tensor(size)], tf.float64)
        fixed = tf.get_static_value(tf.convert_to_tensor(size))
        fixed = [None, None] if fixed is None else [int(n) for n in fixed]
        y.set_shape(images.shape[:-3].as_list() + fixed + [images.shape[-1]])
        return y
    return resize


# Convolution and pooling ----------------------------------------------------

def _pair(v):
    """The spatial numbers of a scalar, a list of them, or a list of four or five under NHWC or NDHWC."""
    if v is None or isinstance(v, int):
        return [v or 1] * 2
    v = list(v)
    return v * 2 if len(v) == 1 else v[1:-1] if len(v) > 3 else v


def _last(v, rank):
    """A list of rank numbers, channels first, in the order channels last; anything else unchanged."""
    order = [0, *range(2, rank), 1]
    if isinstance(v, (list, tuple)) and len(v) == rank:
        return [v[i] for i in order]
    if tf.is_tensor(v) and v.shape == (rank,):
        return tf.gather(v, order)
    return v


FIRST = {"NCW": "NWC", "NCHW": "NHWC", "NCDHW": "NDHWC"}


def _twin(native):
    """native under NC..., computed under N...C between two transposes."""
    def op(*args, **kw):
        x, *args = args or [kw.pop("input")]
        if not any(isinstance(v, str) and v in FIRST for v in (*args, *kw.values())):
            return native(x, *args, **kw)
        used.add("channels_first computed by the channels_last twin")
        rank = len(x.shape)
        args = [FIRST.get(a, a) if isinstance(a, str) else _last(a, rank) for a in args]
        kw = {k: FIRST.get(v, v) if isinstance(v, str) else _last(v, rank) for k, v in kw.items()}
        y = native(tf.transpose(x, [0, *range(2, rank), 1]), *args, **kw)
        return tf.transpose(y, [0, rank - 1, *range(1, rank - 1)])
    return op


def _same_pads(n, k, s, d):
    total = np.maximum((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return [int(total // 2), int(total - total // 2)]


def _unequal_strides(native):
    """Depthwise convolution with sh != sw: stride 1 over explicit padding, then sampled."""
    signature = inspect.signature(native)

    def op(*args, **kw):
        call = signature.bind(*args, **kw).arguments
        sh, sw = _pair(call["strides"])
        if sh == sw:
            return native(*args, **kw)
        used.add("unequal depthwise strides computed at stride 1 and sampled")
        d = _pair(call.get("dilations"))
        x, kernel = (call[k] for k in list(call)[:2])
        if call["padding"].upper() == "SAME":
            x = tf.pad(x, [[0, 0], _same_pads(x.shape[1], kernel.shape[0], sh, d[0]),
                           _same_pads(x.shape[2], kernel.shape[1], sw, d[1]), [0, 0]])
        call.update({"input": x, "strides": [1, 1, 1, 1], "padding": "VALID"})
        return native(**call)[:, ::sh, ::sw, :]
    return op


def _dilated_transpose(native):
    """Transposed convolution with dilation: zeros between the kernel's taps."""
    def op(x, filters, output_shape, strides, padding="SAME", data_format=None, dilations=None, name=None, **kw):
        d = _pair(dilations)[:len(x.shape) - 2]
        if d != [1] * len(d):
            used.add("dilated transposed convolution computed with zeros in the kernel")
            f = tf.convert_to_tensor(filters)
            for axis, step in enumerate(d):
                n = f.shape[axis]
                grid = np.zeros(((n - 1) * step + 1, n))
                grid[np.arange(n) * step, np.arange(n)] = 1
                f = tf.tensordot(tf.constant(grid, f.dtype), f, [[1], [axis]])
                f = tf.transpose(f, [*range(1, axis + 1), 0, *range(axis + 1, len(f.shape))])
            filters = f
        return native(x, filters, output_shape, strides, padding=padding, data_format=data_format, name=name)
    return op


def install_keras2(src):
    """Keras 2, whose modules are those of src, casts images to float32 before it resizes them, and its augmentation
    layers cannot be traced in float64: both are replaced in float64 models only."""
    module = importlib.import_module(src + ".layers.preprocessing.image_preprocessing")
    native = module.convert_inputs

    def convert_inputs(inputs, dtype=None):
        if dtype == tf.float32 and getattr(inputs, "dtype", None) == tf.float64:
            dtype = tf.float64
        return native(inputs, dtype=dtype)
    module.convert_inputs = convert_inputs

    def identity(native):
        def call(self, inputs, training=True):
            if self.compute_dtype == "float64":
                return tf.cast(inputs, "float64")
            return native(self, inputs, training=training)
        return call
    for name in ("Flip", "Rotation", "Zoom", "Translation", "Contrast", "Brightness", "Height", "Width"):
        layer = getattr(module, "Random" + name)
        layer.call = identity(layer.call)


def install_keras3():
    """Keras 3 hands grouped convolutions to XLA, which is very slow in float64
    when every channel is a group (ConvNeXt): that one is a depthwise convolution."""
    from keras.src.backend.tensorflow import nn
    native = nn.conv

    def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
        groups, multiplier = inputs.shape[-1], kernel.shape[-1]
        depthwise = (inputs.dtype == "float64" and data_format == "channels_last" and len(kernel.shape) == 4
                     and kernel.shape[-2] == 1 and groups == multiplier > 1)
        if not depthwise:
            return native(inputs, kernel, strides, padding, data_format, dilation_rate)
        return tf.nn.depthwise_conv2d(inputs, tf.transpose(tf.convert_to_tensor(kernel), [0, 1, 3, 2]),
                                      [1, *_pair(strides), 1], padding.upper(), dilations=_pair(dilation_rate))
    nn.conv = conv

    from keras.src.layers import MelSpectrogram
    matrix = MelSpectrogram.linear_to_mel_weight_matrix

    def linear_to_mel_weight_matrix(self, *args, **kw):
        """Its dtype is float32 whatever the layer's is."""
        return matrix(self, *args, **(kw | {"dtype": "float64"} if self.compute_dtype == "float64" else kw))
    MelSpectrogram.linear_to_mel_weight_matrix = linear_to_mel_weight_matrix
    decibels = MelSpectrogram._dbscale

    def _dbscale(self, inputs):
        """Makes float32 of a Python number, ref_power."""
        self.ref_power = tf.cast(self.ref_power, inputs.dtype)
        return decibels(self, inputs)
    MelSpectrogram._dbscale = _dbscale


def _pool3d(native, kind=""):
    """Pooling of volumes in float64, channels_last, which TensorFlow lacks."""
    signature = inspect.signature(native)

    def op(*args, **kw):
        call = signature.bind(*args, **kw)
        call.apply_defaults()
        x, call = call.args[0], call.arguments
        if x.dtype != tf.float64 or x.shape.rank != 5:
            return native(*args, **kw)
        used.add("pooling of volumes computed in NumPy")
        size = _pair(call.get("ksize", call.get("window_shape")))
        strides = _pair(call["strides"])
        highest = (kind or call["pooling_type"]) == "MAX"
        pads = [_same_pads(n, k, s, 1) if call["padding"] == "SAME" else [0, 0]
                for n, k, s in zip(x.shape[1:4], size, strides)]

        def pool(x):
            x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=np.nan)
            step = tuple(slice(None, None, n) for n in strides)
            windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2, 3))[(slice(None), *step)]
            return (np.nanmax if highest else np.nanmean)(windows, axis=(-3, -2, -1))
        y = tf.numpy_function(pool, [x], tf.float64)
        y.set_shape([x.shape[0], *(None if n is None else (n + sum(p) - k) // s + 1
                                   for n, p, k, s in zip(x.shape[1:4], pads, size, strides)), x.shape[4]])
        return y
    return op


def _conv3d(native):
    """Convolution of volumes in float64, whose padding "same" TensorFlow gets wrong
    along axes with a stride above the kernel's size: with the padding spelt out."""
    signature = inspect.signature(native)

    def op(*args, **kw):
        call = signature.bind(*args, **kw)
        call.apply_defaults()
        values = list(call.arguments.values())
        x, kernel, call = values[0], values[1], call.arguments
        if x.dtype != tf.float64 or x.shape.rank != 5 or call["padding"] != "SAME":
            return native(*args, **kw)
        each = [v * 3 if len(v) == 1 else v for v in ([v] if isinstance(v, int) else list(v or [1]) for v in (call["strides"], call["dilations"]))]
        if all(k >= s for k, s in zip(kernel.shape[:3], each[0])):
            return native(*args, **kw)
        pads = [_same_pads(n, k, s, d) for n, k, s, d in zip(x.shape[1:4], kernel.shape[:3], *each)]
        call.update({next(iter(call)): tf.pad(x, [[0, 0], *pads, [0, 0]]), "padding": "VALID"})
        return native(**{k: v for k, v in call.items() if v is not None})
    return op


def install():
    done = set()
    for api in (tf, tf.compat.v1, tf.compat.v2, tf.compat.v2.compat.v1):
        if id(api.image) not in done:
            api.image.resize = _resize(api.image.resize)
        nn = api.nn
        if id(nn) not in done:
            nn.depthwise_conv2d = _twin(_unequal_strides(nn.depthwise_conv2d))
            nn.separable_conv2d = _twin(_unequal_strides(nn.separable_conv2d))
            nn.pool = _pool3d(nn.pool)
            nn.convolution = _twin(_conv3d(nn.convolution))
            for name in ("conv_transpose", "conv1d_transpose", "conv2d_transpose", "conv3d_transpose"):
                if hasattr(nn, name):
                    setattr(nn, name, _twin(_dilated_transpose(getattr(nn, name))))
            for name in ("max_pool", "avg_pool", "max_pool3d", "avg_pool3d"):
                setattr(nn, name, _twin(_pool3d(getattr(nn, name), name[:3].upper())))
        done |= {id(api.image), id(nn)}
