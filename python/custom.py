"""Golden cases of layers that Keras does not have, in testdata/custom: one line
each, as in cases.py. Their classes and functions are written here after the
sources that thirdparty.py names, or are examples of a user's own; the tests
supply them in Go."""

from golden import CUSTOM, ERA, Case, K, L, chain, i32, main, ops, tf

ALL = "k3 k3h5 k2 k2h5"
MAIN = "k3 k2h5"

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

if __name__ == "__main__":
    main(CASES, "custom")
