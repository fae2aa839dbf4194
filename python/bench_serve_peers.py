"""A server in Python, as one would write it: FastAPI on uvicorn, uvloop and httptools, with Keras or onnxruntime behind it.

    python bench_serve_peers.py keras|onnxruntime MODEL PORT WORKERS THREADS

POST /json takes {"instances": [...]} and answers {"predictions": [...]}; POST /binary takes and answers float32, little endian.
Keras's model is a compiled function, JSON is orjson's, and what a request does runs without a pool of threads
between: all of that is quicker than model.predict, json and a plain def."""

import gc
import os
import sys

import numpy as np
import orjson
from fastapi import FastAPI, Request, Response


def by_keras(path, threads):
    os.environ.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras
    model = keras.models.load_model(path, compile=False)
    shape = model.inputs[0].shape[1:]
    spec = tf.TensorSpec((None, *shape), "float32")
    function = tf.function(lambda x: model(x, training=False), input_signature=[spec]).get_concrete_function()
    return shape, lambda x: function(tf.constant(x)).numpy()


def by_onnxruntime(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    output = session.get_outputs()[0].name
    return given.shape[1:], lambda x: session.run([output], {given.name: x})[0]


def make_app():
    engine, path, threads = os.environ["BENCH_SERVE"].split("|")
    shape, run = {"keras": by_keras, "onnxruntime": by_onnxruntime}[engine](path, int(threads))
    run(np.zeros((1, *shape), np.float32))
    gc.collect()
    gc.freeze()  # else the lists of a request's JSON have all that was imported searched for garbage, which takes 30 ms
    app = FastAPI()

    @app.get("/ready")
    async def ready():
        return Response()

    @app.post("/json")
    async def of_json(request: Request):
        x = np.asarray(orjson.loads(await request.body())["instances"], np.float32)
        return Response(orjson.dumps({"predictions": run(x)}, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

    @app.post("/binary")
    async def of_bytes(request: Request):
        x = np.frombuffer(await request.body(), np.float32).reshape(-1, *shape)
        return Response(run(x).tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    import uvicorn
    engine, path, port, workers, threads = sys.argv[1:]
    os.environ["BENCH_SERVE"] = f"{engine}|{path}|{threads}"
    uvicorn.run("bench_serve_peers:make_app", factory=True, port=int(port), workers=int(workers), loop="uvloop", http="httptools",
                access_log=False, log_level="warning", app_dir=os.path.dirname(os.path.abspath(__file__)))
