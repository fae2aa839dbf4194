"""One peer in a process of its own, driven by bench_peers.py over its streams.

    python bench_engines.py ENGINE DIR NAME BATCH THREADS CPUS

loads the model, compares its output with Keras's and writes a line of JSON.
Each line it then reads is a number of seconds; it answers with the least and
the median of the times of one run in ms, the number of runs, how many CPUs they
kept busy, and the most memory it ever had resident. Inputs and outputs stay
bound, and a run calls the function of the peer's library below its Python
interface, so that a run is the peer's and not Python's: what Python adds is
then below a microsecond (1.5 us for OpenVINO, some 20 us for TensorFlow)."""

import json
import os
import statistics
import sys
import time
from pathlib import Path


def tensorflow(folder, batch, threads, cpus, x):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    from tensorflow.python.eager import context as tfe
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    x = tf.constant(x)
    start = time.perf_counter()
    module = tf.saved_model.load(str(folder / f"b{batch}.tf"))
    function = module.f.get_concrete_function()
    function(x)  # optimizes the graph
    name, operands, context = function._inference_function.name, [x, *function.captured_inputs], tfe.context()

    def run():
        return context.call_function(name, operands, 1)

    run.keeps = module  # which owns the function
    return tf.__version__, start, run, lambda kept: kept[0].numpy()


def onnxruntime(folder, batch, threads, cpus, x):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if threads > 1 and len(cpus) >= threads:  # numbered from 1; the calling thread is not one of them
        options.add_session_config_entry("session.intra_op_thread_affinities", ";".join(str(c + 1) for c in cpus[1:threads]))
    start = time.perf_counter()
    session = ort.InferenceSession(str(folder / f"b{batch}.onnx"), options, providers=["CPUExecutionProvider"])
    bound = session.io_binding()
    value = ort.OrtValue.ortvalue_from_numpy(x)
    bound.bind_ortvalue_input(session.get_inputs()[0].name, value)
    bound.bind_output(session.get_outputs()[0].name)
    run, binding = session._sess.run_with_iobinding, bound._iobinding
    return ort.__version__, start, lambda: run(binding, None), lambda _: bound.copy_outputs_to_cpu()[0]


def openvino(folder, batch, threads, cpus, x):
    import openvino as ov
    start = time.perf_counter()
    model = ov.Core().compile_model(str(folder / f"b{batch}.xml"), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": True, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32"})
    request = model.create_infer_request()
    request.set_tensor(model.inputs[0], ov.Tensor(x, shared_memory=True))  # converted models may have more, that lead nowhere
    run = ov._pyopenvino.InferRequest.infer  # of the class that InferRequest wraps
    return (ov.__version__.split("-")[0], start, lambda: run(request, {}, True, False),
            lambda _: request.get_output_tensor().data.copy())


def litert(folder, batch, threads, cpus, x):
    from importlib.metadata import version
    from ai_edge_litert.interpreter import Interpreter
    start = time.perf_counter()
    model = Interpreter(str(folder / f"b{batch}.tflite"), num_threads=threads)
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], x)
    result = model.get_output_details()[0]["index"]
    return version("ai-edge-litert"), start, model._interpreter.Invoke, lambda _: model.get_tensor(result)


ENGINES = {"tensorflow": tensorflow, "onnxruntime": onnxruntime, "openvino": openvino, "litert": litert}


def compare(got, data):
    """Whether an output agrees with Keras: its error against float64 is at most 3 times
    Keras's own (rms; 5 times the largest), or a few steps of float32."""
    import numpy as np
    want, truth = data["output_0"].astype("float64"), data["exact_0"]
    errors = np.abs(np.asarray(got).reshape(truth.shape).astype("float64") - truth), np.abs(want - truth)
    floor = 4 * 2.0**-23 * np.sqrt((truth**2).mean())
    rms = [np.sqrt((e**2).mean()) for e in errors]
    agrees = rms[0] <= max(3 * rms[1], floor) and errors[0].max() <= max(5 * errors[1].max(), floor)
    return {"agrees": bool(agrees), "error": float(errors[0].max())}


def peak_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0


def measure(run, seconds, last):
    """Times runs for some seconds, warm-ups first, but none where the last run took longer than a quarter of that."""
    for _ in range(3):
        if last > seconds / 4:
            break
        begin = time.perf_counter()
        run()
        last = time.perf_counter() - begin
    times, start, cpu = [], time.perf_counter(), time.process_time()
    end = start + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - begin)
    cpus = (time.process_time() - cpu) / (time.perf_counter() - start)
    return {"min_ms": min(times) / 1e6, "median_ms": statistics.median(times) / 1e6, "runs": len(times), "cpus": cpus, "peak_rss_mb": peak_mb()}


def main():
    engine, folder, batch, threads = sys.argv[1], Path(sys.argv[2]) / sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    cpus = [int(c) for c in sys.argv[6].split(",") if c]
    if cpus:
        os.sched_setaffinity(0, cpus)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the log
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import numpy as np
    data = np.load(folder / f"b{batch}.npz")
    x = data["input_0"]
    version, start, run, result = ENGINES[engine](folder, batch, threads, cpus, x)
    load = (time.perf_counter() - start) * 1e3
    begin = time.perf_counter()
    kept = run()
    last = time.perf_counter() - begin
    print(json.dumps({"version": version, "load_ms": load, **compare(result(kept), data)}), file=answers, flush=True)
    for line in sys.stdin:
        turn = measure(run, float(line), last)
        last = turn["median_ms"] / 1e3
        print(json.dumps(turn), file=answers, flush=True)


if __name__ == "__main__":
    main()
