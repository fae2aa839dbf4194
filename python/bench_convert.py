"""Converts a model of bench_models.py for one peer.

    python bench_convert.py DIR NAME BATCH tensorflow|onnxruntime|openvino|litert

writes DIR/NAME/bBATCH.{tf,onnx,xml,tflite}. All have the batch fixed, which
helps every peer, and inputs as Keras has them: (batch, rows, columns, channels)."""

import os
import sys
from pathlib import Path

RESULT = {"tensorflow": "tf", "onnxruntime": "onnx", "openvino": "xml", "litert": "tflite"}


def load(folder):
    import keras as K
    return K.models.load_model(folder / "model.keras", compile=False)


def frozen(model, batch):
    """The model as a TensorFlow function whose weights are constants, so that TensorFlow folds them."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    spec = tf.TensorSpec((batch, *model.inputs[0].shape[1:]), model.inputs[0].dtype, name="x")
    f = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    return spec, convert_variables_to_constants_v2(f)


def to_tensorflow(folder, batch, out):
    import tensorflow as tf
    spec, f = frozen(load(folder), batch)
    module = tf.Module()
    module.f = tf.function(lambda x: f(x)[0], input_signature=[spec])
    tf.saved_model.save(module, str(out), options=tf.saved_model.SaveOptions(experimental_custom_gradients=False))


def to_litert(folder, batch, out):
    import tensorflow as tf
    _, f = frozen(load(folder), batch)  # with variables in the function the outputs are NaN
    out.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([f]).convert())


def to_onnx(folder, batch, out):
    import onnx
    model = load(folder)
    simple = {"InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dropout", "Embedding", "Bidirectional"}
    if {type(layer).__name__ for layer in model.layers} <= simple:
        onnx.save(chain(model, batch), str(out))
        return
    import keras as K
    shape = (batch, *model.inputs[0].shape[1:])
    model.export(str(out), format="onnx", verbose=False,
                 input_signature=[K.InputSpec(shape=shape, dtype=model.inputs[0].dtype, name="x")])


def chain(model, batch):
    """A chain of these layers as ONNX. tf2onnx needs tens of GB for VGG16, and
    makes of Keras 3's LSTM a Loop that is eight times as slow as ONNX's LSTM."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper
    nodes, weights = [], []
    shape = (batch, *model.inputs[0].shape[1:])
    x, channels_first = "x", False

    def node(op, *operands, **attributes):
        nonlocal x
        y = f"v{len(nodes)}"
        nodes.append(helper.make_node(op, [x, *operands], [y], **attributes))
        x = y

    def weight(value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), f"w{len(weights)}"))
        return weights[-1].name

    if len(shape) == 4:
        node("Transpose", perm=[0, 3, 1, 2])
        channels_first = True
    flat = None  # (h, w, c) before Flatten, while no Dense has followed
    for layer in model.layers:
        kind = type(layer).__name__
        pad = {"same": "SAME_UPPER", "valid": "VALID"}.get(getattr(layer, "padding", ""))
        if kind == "Conv2D":
            node("Conv", weight(np.array(layer.kernel).transpose(3, 2, 0, 1)), weight(np.array(layer.bias)),
                 strides=list(layer.strides), auto_pad=pad)
        elif kind == "MaxPooling2D":
            node("MaxPool", kernel_shape=list(layer.pool_size), strides=list(layer.strides), auto_pad=pad)
        elif kind == "Flatten":
            flat = layer.input.shape[1:] if channels_first else None
            node("Flatten")
        elif kind == "Dense":
            kernel = np.array(layer.kernel)
            if flat:  # rows in the order of channels-first data
                kernel = kernel.reshape(*flat, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                flat = None
            node("Gemm", weight(kernel), weight(np.array(layer.bias)))
        elif kind == "Embedding":
            nodes.append(helper.make_node("Gather", [weight(np.array(layer.embeddings)), x], ["rows"]))
            x = "rows"
        elif kind == "Bidirectional":  # of LSTMs that return their last output
            cells = [lstm_weights(r.cell) for r in (layer.forward_layer, layer.backward_layer)]
            node("Transpose", perm=[1, 0, 2])
            nodes.append(helper.make_node("LSTM", [x, *(weight(np.stack(w)) for w in zip(*cells))], ["", "last"],
                                          direction="bidirectional", hidden_size=layer.forward_layer.units))
            x = "last"  # (2, batch, units)
            node("Transpose", perm=[1, 0, 2])
            node("Flatten")
        if (act := getattr(layer, "activation", None)) is not None and act.__name__ != "linear":
            node({"relu": "Relu", "softmax": "Softmax", "sigmoid": "Sigmoid"}[act.__name__])
    result = (batch, *model.outputs[0].shape[1:])
    kind = TensorProto.INT32 if model.inputs[0].dtype == "int32" else TensorProto.FLOAT
    graph = helper.make_graph(nodes, "model", [helper.make_tensor_value_info("x", kind, shape)],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, result)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def lstm_weights(cell):
    """Kernel, recurrent kernel and biases of a Keras cell as ONNX has them: gates i, o, f, c in rows."""
    import numpy as np

    def gates(w):
        i, f, c, o = np.split(np.array(w), 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1).T

    bias = gates(cell.bias)
    return gates(cell.kernel), gates(cell.recurrent_kernel), np.concatenate([bias, np.zeros_like(bias)])


def to_openvino(folder, batch, out):
    import openvino as ov
    ov.save_model(ov.convert_model(str(folder / f"b{batch}.onnx")), str(out), compress_to_fp16=False)


def main():
    os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    folder, batch, engine = Path(sys.argv[1]) / sys.argv[2], int(sys.argv[3]), sys.argv[4]
    convert = {"tensorflow": to_tensorflow, "onnxruntime": to_onnx, "openvino": to_openvino, "litert": to_litert}[engine]
    convert(folder, batch, folder / f"b{batch}.{RESULT[engine]}")


if __name__ == "__main__":
    main()
