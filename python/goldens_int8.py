"""Makes convert/testdata/int8: a model, and what Keras's quantize("int8") makes of it.

    python goldens_int8.py"""

import os
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
import keras
import numpy as np

HERE = Path(__file__).parent.parent / "convert" / "testdata" / "int8"
L = keras.layers


def main():
    keras.utils.set_random_seed(7)
    ids = keras.Input((4,), dtype="int32")
    x = L.Embedding(11, 6)(ids)
    words = L.ReversibleEmbedding(11, 6, tie_weights=False)
    y = words(L.Dense(6, use_bias=False)(words(ids)), reverse=True)
    a = L.EinsumDense("abc,cde->abde", output_shape=(None, 3, 5), bias_axes="de")(x)
    b = L.EinsumDense("abcd,cde->abe", output_shape=(None, 7), bias_axes="e", activation="tanh")(a)
    c = L.EinsumDense("abc,bc->ab", output_shape=(4,))(x)  # which Keras quantizes and cannot run
    d = L.Dense(3)(L.GlobalMaxPooling1D()(L.Conv1D(4, 2, padding="same")(b)))
    model = keras.Model(ids, [y, c, d])
    for w in model.weights:
        w.assign(np.random.standard_normal(w.shape))
    HERE.mkdir(parents=True, exist_ok=True)
    model.save(HERE / "model.keras")
    for layer in model.layers:
        if isinstance(layer, (L.Dense, L.EinsumDense, L.Embedding)) and getattr(layer, "equation", "") != "abc,bc->ab":
            layer.quantize("int8")
    model.save(HERE / "quantized.keras")


main()
