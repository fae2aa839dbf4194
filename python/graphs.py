"""The models of cases.py that are too long for a line."""

import importlib

import numpy as np

from golden import ERA, SRC, K, L, chain, flat, frozen, ops, seq, tf

# Layers whose constructor differs between the two Kerases -------------------


def leaky(slope):
    return L.LeakyReLU(negative_slope=slope) if ERA == "3" else L.LeakyReLU(alpha=slope)


def layer_scale(value, dim):
    if ERA == "3":
        from keras.src.applications.convnext import LayerScale
    else:
        LayerScale = importlib.import_module(SRC + ".applications.convnext").LayerScale
    return LayerScale(value, dim)


def custom_scale(scale):
    if ERA == "3":
        from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    else:
        CustomScaleLayer = importlib.import_module(SRC + ".applications.inception_resnet_v2").CustomScaleLayer
    return CustomScaleLayer(scale)


def fixed_batch(batch, *shape):
    return L.Input(batch_shape=(batch, *shape)) if ERA == "3" else L.InputLayer(shape, batch)


def op_layers(function, *tensors):
    """function of TensorFlow on tensors in the form of tf.keras 1.13 to 2.3: a TensorFlowOpLayer for each op of its graph."""
    layer = importlib.import_module(SRC + ".engine.base_layer").TensorFlowOpLayer
    with tf.Graph().as_default() as graph:
        inputs = [tf.compat.v1.placeholder(t.dtype, t.shape) for t in tensors]
        results = function(*inputs)
    made = dict(zip((i.name for i in inputs), tensors))
    for op in graph.get_operations():
        if op.type == "Const":
            made[op.outputs[0].name] = tf.make_ndarray(op.get_attr("value"))
        elif op.type != "Placeholder":
            operands = [made[i.name] for i in op.inputs]
            constants = {i: v for i, v in enumerate(operands) if isinstance(v, np.ndarray)}
            called = [v for v in operands if not isinstance(v, np.ndarray)]
            made.update(zip((o.name for o in op.outputs), tf.nest.flatten(
                layer(op.node_def.SerializeToString(), op.name, constants=constants)(called if len(called) > 1 else called[0]))))
    return [made[r.name] for r in results]


# The article's CNN -----------------------------------------------------------

def cnn(shape):
    return seq(L.Input(shape), L.Conv2D(8, (3, 3), activation="relu"), L.MaxPooling2D((2, 2)),
               L.Conv2D(11, (3, 3), activation="relu"), L.MaxPooling2D((2, 2)), L.Flatten(),
               L.Dense(9, activation="relu"), L.Dense(5))


def compiled(model):
    """With the optimizer's variables, which the file then holds too."""
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def regularised(shape):
    l2 = K.regularizers.l2(1e-4)
    return compiled(seq(
        L.Input(shape), L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.1), L.Rescaling(1 / 255),
        L.Conv2D(6, 3, activation="relu", kernel_regularizer=l2, kernel_constraint=K.constraints.MaxNorm(3.0)),
        L.BatchNormalization(), L.MaxPooling2D(), L.Dropout(0.25), L.Flatten(),
        L.Dense(9, activation="relu", kernel_regularizer=K.regularizers.L1L2(1e-5, 1e-4), bias_initializer="ones"),
        L.Dropout(0.5), L.Dense(5)))


def stateful_shared(batch, *shape):
    """One LSTM called twice: the second call begins where the first ended."""
    x = K.Input(batch_shape=(batch, *shape))
    lstm = L.LSTM(6, stateful=True)
    return K.Model(x, L.Concatenate()([lstm(x), lstm(L.Rescaling(0.5)(x))]))


# Ways to build ---------------------------------------------------------------

def input_named():
    x = L.Input((7,), name="pixels")
    return K.Model(x, L.Dense(5, name="scores")(x), name="named_model")


def called(model, *shape):
    model(np.zeros(shape, "float32"))
    return model


def built(model, *shape):
    model.build((None, *shape))
    return model


# Inputs and outputs ----------------------------------------------------------

def dict_inputs(m, n):
    right, left = L.Input((n,), name="right"), L.Input((m,), name="left")
    y = L.Dense(4)(L.Concatenate()([right, L.Dense(3)(left)]))
    return K.Model({"left": left, "right": right}, y)


def dict_outputs(n):
    x = L.Input((n,), name="x")
    return K.Model(x, {"zeta": L.Dense(4, name="first")(x), "alpha": L.Dense(3, name="second")(x)})


def nested_outputs(n):
    x = L.Input((n,))
    a, b, c = L.Dense(4)(x), L.Dense(3)(x), L.Dense(6)(x)
    return K.Model(x, {"pair": [a, b], "inner": {"c": c}})


def nested_inputs(a, b, c):
    a, b, c = L.Input((a,), name="a"), L.Input((b,), name="b"), L.Input((c,), name="c")
    y = L.Dense(4)(L.Concatenate()([c, a, b]))
    return K.Model([a, [b, c]], y)


def same_output_twice(x):
    y = L.Dense(4)(x)
    return [y, L.Dense(3)(y), y]


# Shared layers ---------------------------------------------------------------

def shared_dense(a, b):
    shared = L.Dense(4, activation="relu", name="shared")
    return L.Dense(3)(L.Concatenate()([shared(a), shared(b)]))


def twice(layer, x):
    return L.Dense(3)(layer(layer(x)))


def shared_conv(a, b):
    conv = L.Conv2D(4, 3, activation="relu")
    pool = L.GlobalAveragePooling2D()
    return L.Concatenate()([pool(conv(a)), pool(conv(b))])


def shared_batch_norm(x):
    norm = L.BatchNormalization()
    return L.Add()([norm(L.Conv2D(4, 3)(x)), norm(L.Conv2D(4, 3)(x))])


def conv_two_users(x):
    y = L.Conv2D(4, 3)(x)
    return [L.BatchNormalization()(y), L.ReLU()(y), L.BatchNormalization()(y)]


# Nested models ---------------------------------------------------------------

def inner_sequential(n):
    return seq(L.Input((n,)), L.Dense(5, activation="relu"), L.BatchNormalization(), L.Dense(6), name="inner")


def inner_functional(n):
    x = L.Input((n,))
    y = L.Add()([L.Dense(6)(x), L.Dense(6, activation="tanh")(x)])
    return K.Model(x, L.BatchNormalization()(y), name="inner_functional")


def inner_two_outputs(n):
    x = L.Input((n,))
    return K.Model(x, [L.Dense(4)(x), L.Dense(5)(x)], name="inner_two")


def swap_two(model, x):
    a, b = model(x)
    return [L.Dense(3)(b), a]


def inner_two_inputs(m, n):
    a, b = L.Input((m,)), L.Input((n,))
    return K.Model([a, b], L.Concatenate()([L.Dense(4)(b), L.Dense(3)(a)]), name="inner_pair")


def nested_twice(a, b):
    tower = K.Model(*tower_ends(7), name="tower")
    return L.Dense(3)(L.Concatenate()([tower(a), tower(b)]))


def tower_ends(n):
    x = L.Input((n,))
    return x, L.Dense(4)(L.LayerNormalization()(x))


def outer_model(n):
    x = L.Input((n,))
    y = inner_sequential(6)(inner_functional(n)(x))
    return K.Model(x, L.Multiply()([y, L.Dense(6)(x)]), name="outer")


def conv_block(filters):
    return seq(L.Conv2D(filters, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
               L.MaxPooling2D())


def transfer(x):
    base_in = L.Input((17, 19, 3))
    y = chain(base_in, L.Conv2D(6, 3, strides=2), L.BatchNormalization(), L.ReLU())
    base = frozen(K.Model(base_in, y, name="base"))
    return chain(base(L.Rescaling(1 / 127.5, offset=-1)(x), training=False), L.GlobalAveragePooling2D(), L.Dense(5))


# Frozen layers: legacy .h5 stores a nested model's trainable weights first ----

def frozen_nested(x):
    inner = seq(L.Input((7,)), frozen(L.Dense(5, name="d1")), L.BatchNormalization(name="bn"), L.Dense(6, name="d2"),
                name="half_frozen")
    return L.Dense(3)(inner(x))


def frozen_batch_norm(x):
    inner_in = L.Input((9, 7, 3))
    y = chain(inner_in, L.Conv2D(4, 3), frozen(L.BatchNormalization()), L.Conv2D(5, 3), L.BatchNormalization())
    return L.Flatten()(K.Model(inner_in, y, name="inner")(x))


def frozen_all():
    return frozen(seq(L.Input((7,)), L.Dense(5), L.BatchNormalization(), L.Dense(3)))


# Small nets ------------------------------------------------------------------

def many_kinds(x):
    y = chain(x, L.Conv2D(4, 3), L.BatchNormalization(), L.PReLU(shared_axes=[1, 2]), L.DepthwiseConv2D(3),
              L.SeparableConv2D(6, (1, 2), depth_multiplier=2), L.LayerNormalization(), L.GroupNormalization(2),
              L.Conv2DTranspose(5, 2), L.Conv2D(4, 1), L.BatchNormalization(scale=False))
    return L.Dense(3)(L.Flatten()(y))


def residual(x):
    y = chain(x, L.Conv2D(5, 3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
              L.Conv2D(5, 3, padding="same", use_bias=False), L.BatchNormalization())
    return L.ReLU()(L.Add()([x, y]))


def unet(x):
    def block(x, n):
        return chain(x, L.Conv2D(n, 3, padding="same"), L.BatchNormalization(), L.Activation("relu"))
    a = block(x, 4)
    b = block(L.MaxPooling2D()(a), 6)
    c = block(L.MaxPooling2D()(b), 8)
    d = block(L.Concatenate()([L.Conv2DTranspose(6, 2, strides=2, padding="same")(c), b]), 6)
    e = block(L.Concatenate()([L.UpSampling2D(2)(d), a]), 4)
    return L.Conv2D(2, 1)(e)


def skip(x):
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(5, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    return L.Conv2D(2, 1)(L.Concatenate()([L.UpSampling2D(2, interpolation="bilinear")(b), a]))


def inverted_residual(x):
    x = chain(x, L.Conv2D(6, 3, strides=2, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0))
    y = chain(x, L.Conv2D(18, 1, use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
              L.DepthwiseConv2D(3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
              L.Conv2D(6, 1, use_bias=False), L.BatchNormalization())
    y = L.Add()([x, y])
    return chain(y, L.ZeroPadding2D(((0, 1), (0, 1))), L.DepthwiseConv2D(3, strides=2, use_bias=False),
                 L.BatchNormalization(), L.ReLU(6.0), L.GlobalAveragePooling2D(), L.Dropout(0.2), L.Dense(5))


def squeeze_excite(x):
    s = chain(x, L.GlobalAveragePooling2D(), L.Reshape((1, 1, 6)), L.Conv2D(3, 1, activation="swish"),
              L.Conv2D(6, 1, activation="sigmoid"))
    return L.Multiply()([x, s])


def inception(x):
    a = L.Conv2D(4, 1, activation="relu")(x)
    b = chain(x, L.Conv2D(3, 1, activation="relu"), L.Conv2D(5, (1, 3), padding="same"), L.Conv2D(5, (3, 1), padding="same"))
    c = chain(x, L.AveragePooling2D(3, strides=1, padding="same"), L.Conv2D(2, 1))
    return L.Concatenate(axis=3)([a, b, c])


def dense_block(x):
    for _ in range(2):
        y = chain(x, L.BatchNormalization(epsilon=1.001e-5), L.ReLU(), L.Conv2D(5, 1, use_bias=False),
                  L.BatchNormalization(), L.ReLU(), L.Conv2D(3, 3, padding="same", use_bias=False))
        x = L.Concatenate()([x, y])
    return chain(x, L.BatchNormalization(), L.ReLU(), L.Conv2D(4, 1), L.AveragePooling2D(2, strides=2))


def convnext_block(x):
    y = chain(x, L.DepthwiseConv2D(7, padding="same"), L.LayerNormalization(epsilon=1e-6), L.Dense(24),
              L.Activation("gelu"), L.Dense(6), layer_scale(0.1, 6))
    return L.Add()([x, y])


def autoencoder(x):
    return chain(x, L.Conv2D(6, 3, strides=2, padding="same", activation="relu"), L.Conv2D(4, 3, strides=2, padding="same"),
                 L.LeakyReLU(), L.Flatten(), L.Dense(8), L.Dense(3 * 4 * 4), L.Reshape((3, 4, 4)),
                 L.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu"),
                 L.Conv2DTranspose(1, 4, strides=2, padding="same"))


def two_heads(x):
    y = chain(x, L.Conv2D(6, 3, strides=2, padding="same", activation="relu"), L.Conv2D(8, 3, padding="same"), L.ReLU())
    boxes = chain(y, L.Conv2D(8, 3, padding="same"), L.Reshape((-1, 4)))
    scores = chain(y, L.Conv2D(6, 1), L.Reshape((-1, 3)), L.Softmax())
    return [boxes, scores]


def patch_mixer(x):
    x = chain(x, L.Conv2D(10, 4, strides=4), L.Reshape((6, 10)))
    y = chain(x, L.LayerNormalization(), L.Permute((2, 1)), L.Dense(7, activation="gelu"), L.Dense(6), L.Permute((2, 1)))
    return L.Add()([x, y])


def fully_convolutional(x):
    return chain(x, L.Conv2D(5, 3, padding="same", activation="relu"), L.MaxPooling2D(2, padding="same"),
                 L.BatchNormalization(), L.Conv2D(4, (3, 2), strides=2), L.GlobalAveragePooling2D(), L.Dense(3))


def small_net(x):
    return chain(x, L.Conv2D(5, 3, padding="same", activation="relu"), L.BatchNormalization(), L.MaxPooling2D(),
                 L.DepthwiseConv2D(2), L.ReLU(6.0), L.Flatten(), L.Dense(4))


# Recurrent ---------------------------------------------------------------------

def rough(seed):
    """Numbers to learn from, in a column, as many below zero as above."""
    return np.random.default_rng(seed).standard_normal((1000, 1)).astype("float32")


def time_first(x):
    """A sequence with the time before the batch, or the other way round."""
    return tf.transpose(x, [1, 0, *range(2, len(x.shape))])


def time_major(layer, x, **kwargs):
    """The results of a layer with time_major, the batch first."""
    results = flat(layer(time_first(x), **kwargs))
    return [time_first(y) if len(y.shape) > 2 else y for y in results]


def encoder_decoder(x, y):
    """The states of one LSTM start another."""
    _, h, c = L.LSTM(6, return_state=True)(x)
    z, _, _ = L.LSTM(6, return_sequences=True, return_state=True)(y, initial_state=[h, c])
    return L.Dense(5, activation="softmax")(z)


def shared_lstm(x, y):
    lstm = L.LSTM(6)
    return L.Dense(3)(L.Concatenate()([lstm(x), lstm(y)]))


def time_distributed_model():
    """A nested model at every time step, by class and by structure."""
    inside = K.Input((8, 3))
    net = K.Model(inside, L.GlobalMaxPooling1D()(L.Conv1D(4, 3)(inside)), name="net")
    x = K.Input((5, 8, 3))
    y = L.TimeDistributed(net)(x)
    flat = K.Sequential([K.Input((4,)), L.Dense(6, activation="tanh"), L.BatchNormalization()], name="flat")
    return K.Model(x, L.LSTM(2)(L.TimeDistributed(flat)(y)))


def masked_images(x):
    """Recurrences over images of which some time steps are masked."""
    x = L.TimeDistributed(L.Reshape((4, 5, 2)))(L.Embedding(3, 40, mask_zero=True)(x))
    return [L.ConvLSTM2D(3, 3, padding="same", return_sequences=s, zero_output_for_mask=z)(x) for s in (False, True) for z in (False, True)]


def zero_masked(x):
    """Outputs of masked steps: repeated, and zero."""
    x = L.Embedding(3, 7, mask_zero=True)(x)
    return [L.LSTM(6, return_sequences=True, zero_output_for_mask=z)(x) for z in (False, True)]


def masked_merge(x, y):
    """What a mask is after the merging of two masked inputs."""
    table = L.Embedding(3, 7, mask_zero=True)
    a, b = table(x), table(y)
    merged = [merge()([a, b]) for merge in (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Subtract, L.Concatenate)]
    return [L.LSTM(4, return_sequences=True)(m) for m in merged]


def masked_merge_one(x, y):
    """The same when only one of them is."""
    a = L.Embedding(3, 7, mask_zero=True)(x)
    merged = [L.Add()([a, y]), L.Concatenate()([a, y]), L.Multiply()([a, y]), L.Multiply()([y, a]), L.Maximum()([a, y]), L.Minimum()([y, a])]
    return [L.LSTM(4, return_sequences=True)(m) for m in merged]


def masked_nested(x):
    """A mask goes into a nested model."""
    inside = K.Input((9, 7))
    net = K.Model(inside, L.LSTM(6, return_sequences=True)(L.Dense(5)(inside)), name="net")
    return L.GRU(4)(net(L.Embedding(3, 7, mask_zero=True)(x)))


def masked_encoder_decoder(x, y):
    """Both sides masked; the decoder has initial states."""
    _, h, c = L.LSTM(6, return_state=True)(L.Embedding(3, 7, mask_zero=True)(x))
    z = L.LSTM(6, return_sequences=True)(L.Embedding(3, 5, mask_zero=True)(y), initial_state=[h, c])
    return L.TimeDistributed(L.Dense(5))(z)


# Attention -------------------------------------------------------------------

def masked_attention(x, y):
    x, y = L.Embedding(3, 7, mask_zero=True)(x), L.Embedding(3, 7, mask_zero=True)(y)
    return [L.Attention()([x, y]), L.AdditiveAttention()([x, y], use_causal_mask=True), L.LSTM(4)(L.Attention()([x, y]))]


def masked_heads(x, y):
    """Keras 3.15 takes the masks off the inputs of a call: each call gets its own."""
    def tables():
        return L.Embedding(3, 8, mask_zero=True)(x), L.Embedding(3, 8, mask_zero=True)(y)

    a, b = tables()
    c, _ = tables()
    d, e = tables()
    f, _ = tables()
    return [L.MultiHeadAttention(2, 3)(a, b), L.MultiHeadAttention(2, 3, dropout=0.1)(c, c, use_causal_mask=True),
            L.LSTM(4)(L.MultiHeadAttention(2, 3)(d, e)), L.LSTM(4)(L.Add()([f, L.MultiHeadAttention(2, 4)(f, f)]))]


def transformer_block(x):
    x = L.LayerNormalization(epsilon=1e-6)(L.Add()([x, L.Dropout(0.1)(L.MultiHeadAttention(2, 4)(x, x))]))
    y = L.Dense(8)(L.Dense(16, activation="gelu")(x))
    return L.Dense(3)(L.GlobalAveragePooling1D()(L.LayerNormalization(epsilon=1e-6)(L.Add()([x, y]))))


def reversible(x):
    tied = L.ReversibleEmbedding(9, 4, logit_soft_cap=2.0)
    apart = L.ReversibleEmbedding(9, 4, tie_weights=False)
    y, z = tied(x), apart(x)
    return [tied(L.Dense(4)(y), reverse=True), apart(z, reverse=True), y]


# Quantized models -------------------------------------------------------------

def quantized(mode, inputs=(), **config):
    """Quantizes a model. inputs is the range and epsilon of the quantizer of the
    layers' inputs, or None for none."""
    def quantize(model):
        if inputs != ():
            config["activation_quantizer"] = inputs and K.quantizers.AbsMaxQuantizer(value_range=inputs[:2], epsilon=inputs[2])
        if not config:
            return model.quantize(mode)
        kinds = {"int8": K.quantizers.Int8QuantizationConfig, "int4": K.quantizers.Int4QuantizationConfig}
        return model.quantize(config=kinds[mode](**config))
    return quantize


def float8(model):
    """Quantizes a model and gives its scales values of trained ones."""
    model.quantize("float8")
    scales = [0.011, 0.0042, 0.3]
    for layer in model._flatten_layers():
        if layer.dtype_policy.quantization_mode == "float8":
            for i, name in enumerate(("inputs_scale", "kernel_scale", "outputs_grad_scale")):
                getattr(layer, name).assign(scales[i])
                scales[i] *= 1.7


def calibrated(kind, **config):
    """Quantizes every kernel with GPTQ or AWQ on random inputs. The .keras files
    of Keras 3.14 and 3.15 lack their zero points; its .h5 files have them."""
    def quantize(model):
        from keras.src.quantizers.awq import AWQ
        from keras.src.quantizers.gptq import GPTQ
        configure = K.quantizers.GPTQConfig if kind == "gptq" else K.quantizers.AWQConfig
        rng = np.random.default_rng(11)
        for layer in model._flatten_layers():
            if not isinstance(layer, (L.Dense, L.EinsumDense)):
                continue
            options = configure(dataset=None, tokenizer=None, **config)
            layer.quantize(kind, config=options)
            if layer.compute_dtype == "float64":  # AWQ has no such form; the weights follow
                del layer._kernel
                setattr(layer, f"is_{kind}_calibrated", True)
                continue
            tool = (GPTQ if kind == "gptq" else AWQ)(layer, options)
            x = rng.normal(0, rng.uniform(0.2, 3.0, tool.rows), (64, tool.rows)).astype(layer.compute_dtype)
            if kind == "gptq":
                tool.update_hessian_with_batch(ops.convert_to_tensor(x))
                tool.quantize_and_correct_layer()
            else:
                tool.update_activation_magnitudes(ops.convert_to_tensor(x))
                tool.quantize_layer()
    return quantize


def lora(rank, alpha=None, then=None):
    """Gives a model LoRA adapters with weights that matter, then quantizes it."""
    def adapt(model):
        rng = np.random.default_rng(13)
        for layer in model._flatten_layers():
            if not hasattr(layer, "enable_lora"):
                continue
            layer.enable_lora(rank, lora_alpha=alpha)
            for w in layer.trainable_weights:
                if "lora" in w.name:
                    w.assign(rng.normal(0, 0.3, w.shape))
        if then:
            model.quantize(then)
    return adapt


def text_net(x):
    """Ids through an Embedding, an EinsumDense and a Dense."""
    return chain(x, L.Embedding(11, 7, mask_zero=True), L.EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d", activation="tanh"), L.Dense(3))


def einsum_denses(x):
    """EinsumDense with the kernel's axes in many places; x is (batch, 5, 7). Keras
    does not quantize one with "..." in its equation."""
    return [L.EinsumDense("abc,cde->abde", output_shape=(None, 4, 3), bias_axes="de")(x),
            L.EinsumDense("abc,bcd->abd", output_shape=(5, 4), bias_axes="bd")(x),
            L.EinsumDense("abc,bd->adc", output_shape=(4, 7))(x),
            L.EinsumDense("abc,bcd->ad", output_shape=(6,), bias_axes="d")(x),
            L.EinsumDense("abc,cd->adb", output_shape=(4, 5), bias_axes="d")(x)]
