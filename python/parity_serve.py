"""Have the clients of others talk to kerasrun serve and kerasrun-grpc: tritonclient, Prometheus's parser, a validator of OpenAPI.

The expected numbers are those that Keras wrote into the golden cases; within the tolerance of kerasrun verify.
"""

import argparse
import contextlib
import json
import pathlib
import queue
import signal
import subprocess
import urllib.request

import numpy as np
import openapi_spec_validator
import tritonclient.grpc as grpc
import tritonclient.http as http
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "testdata/models"
CASES = ["digits", "functional_two_inputs", "string_lookup", "integer_lookup", "dtype_float16", "dtype_bfloat16", "lstm"]


@contextlib.contextmanager
def served(*command):
    """A server of models; yields the first line that it prints, and ends it with SIGTERM, which must succeed."""
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, process.returncode


def golden(name):
    """Inputs and expected outputs of a case, by position."""
    arrays = np.load(MODELS / name / "expect.npz", allow_pickle=False)
    pick = lambda kind: [arrays[f"{kind}_{i}"] for i in range(sum(k.startswith(f"{kind}_") and k[len(kind) + 1 :].isdigit() for k in arrays))]
    return pick("input"), pick("output")


def agree(got, want, datatype="FP32"):
    if want.dtype.kind in "US":
        return [x.decode() if isinstance(x, bytes) else x for x in got.reshape(-1)] == list(want.reshape(-1))
    got, want = got.astype(np.float64), want.astype(np.float64)
    step = {"FP16": 2.0**-10, "BF16": 2.0**-7}.get(datatype, 1e-5)
    return got.shape == want.shape and np.all(np.abs(got - want) <= step * np.abs(want).max(initial=0) + 1e-4 * np.abs(want))


def triton_inputs(module, metadata, arrays):
    inputs = []
    for about, x in zip(metadata, arrays):
        if x.dtype.kind == "U":
            x = x.astype(object)
        given = module.InferInput(about["name"], x.shape, about["datatype"])
        dtype = {"FP32": np.float32, "INT64": np.int64, "INT32": np.int32, "FP16": np.float16, "BF16": np.float32, "BYTES": object}[about["datatype"]]
        inputs.append((given, x.astype(dtype)))
    return inputs


def http_suite(client, name, count):
    """All that a client of Triton asks over HTTP, in the JSON and in the binary form."""
    metadata = client.get_model_metadata(name)
    config = client.get_model_config(name)
    assert [x["name"] for x in config["input"]] == [x["name"] for x in metadata["inputs"]]
    assert client.is_model_ready(name) and client.is_model_ready(name, "1")
    arrays, want = golden(name)
    for binary_in in (True, False):
        for binary_out in (True, False):
            if not binary_in and any(x["datatype"] in ("FP16", "BF16") for x in metadata["inputs"]):
                continue  # the client refuses it
            inputs = []
            for given, x in triton_inputs(http, metadata["inputs"], arrays):
                given.set_data_from_numpy(x, binary_data=binary_in)
                inputs.append(given)
            outputs = [http.InferRequestedOutput(x["name"], binary_data=binary_out) for x in metadata["outputs"]]
            for compression in (None, "gzip", "deflate"):
                for chosen in (outputs, None):
                    result = client.infer(name, inputs, outputs=chosen, request_id="7", request_compression_algorithm=compression, response_compression_algorithm=compression)
                    assert result.get_response()["id"] == "7" and result.get_response()["model_name"] == name
                    for x, y in zip(metadata["outputs"], want):
                        got = result.as_numpy(x["name"])
                        assert agree(got, y, x["datatype"]), (name, x, got, y)
                    count()
    pending = [client.async_infer(name, inputs) for _ in range(20)]
    for p in pending:
        assert agree(p.get_result().as_numpy(metadata["outputs"][0]["name"]), want[0], metadata["outputs"][0]["datatype"])
        count()


def grpc_suite(client, name, count):
    """All that a client of Triton asks over gRPC."""
    metadata = client.get_model_metadata(name, as_json=True)
    config = client.get_model_config(name, as_json=True)["config"]
    assert [x["name"] for x in config["input"]] == [x["name"] for x in metadata["inputs"]]
    assert client.is_model_ready(name) and client.is_model_ready(name, "1") and not client.is_model_ready(name, "2")
    arrays, want = golden(name)
    inputs = []
    for given, x in triton_inputs(grpc, metadata["inputs"], arrays):
        given.set_data_from_numpy(x)
        inputs.append(given)
    outputs = [grpc.InferRequestedOutput(x["name"]) for x in metadata["outputs"]]

    def check(result, error=None):
        assert error is None, error
        assert result.get_response().id == "7"
        for x, y in zip(metadata["outputs"], want):
            assert agree(result.as_numpy(x["name"]), y, x["datatype"]), (name, x)
        count()

    for compression in (None, "gzip", "deflate"):
        for chosen in (outputs, None):
            check(client.infer(name, inputs, outputs=chosen, request_id="7", client_timeout=60, compression_algorithm=compression))
    answers = queue.Queue()
    for _ in range(20):
        client.async_infer(name, inputs, lambda result, error: answers.put((result, error)), request_id="7")
    for _ in range(20):
        check(*answers.get(timeout=60))
    client.start_stream(lambda result, error: answers.put((result, error)))
    for _ in range(5):
        client.async_stream_infer(name, inputs, request_id="7")
    for _ in range(5):
        check(*answers.get(timeout=60))
    client.stop_stream()


def refusals(module, client, expect):
    """Errors come as the exception that the client has for them."""
    x = np.zeros((1, 32, 32, 1), np.float32)

    def infer(name="digits", input_name="image", dtype="FP32", value=x, output="digit", **options):
        given = module.InferInput(input_name, value.shape, dtype)
        given.set_data_from_numpy(value)
        return client.infer(name, [given], outputs=[module.InferRequestedOutput(output)], **options)

    infer()
    for wrong, text in [
        ({"name": "nobody"}, "unknown model"),
        ({"model_version": "9"}, "version 9"),
        ({"input_name": "pixels"}, "unexpected inference input 'pixels'"),
        ({"output": "scores"}, "unexpected inference output 'scores'"),
        ({"value": x[:, :31]}, "unexpected shape for input 'image'"),
        ({"value": x.astype(np.float64), "dtype": "FP64"}, "data-type is 'FP64'"),
        ({"sequence_id": 5}, "sequences are not supported"),
    ]:
        try:
            infer(**wrong)
        except InferenceServerException as error:
            assert text in error.message(), error
            expect(error)
        else:
            raise AssertionError(f"{wrong}: no error")


def classes(module, client):
    """The classification extension."""
    arrays, want = golden("digits")
    given = module.InferInput("image", arrays[0].shape, "FP32")
    given.set_data_from_numpy(arrays[0].astype(np.float32))
    result = client.infer("digits", [given], outputs=[module.InferRequestedOutput("digit", class_count=3)])
    best = [[int(text.decode().split(":")[1]) for text in row] for row in result.as_numpy("digit")]
    assert best == [list(np.argsort(-row, kind="stable")[:3]) for row in want[0]], best


def http_statuses(error):
    assert error.status() in ("400", "404", None), error.status()


def grpc_statuses(error):
    assert error.status() in ("StatusCode.INVALID_ARGUMENT", "StatusCode.NOT_FOUND"), error.status()


def page(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
        return answer.read().decode()


def tensorflow_serving(url):
    """TensorFlow Serving's REST API, by row and by column."""
    arrays, want = golden("digits")
    for key, answer in (("instances", "predictions"), ("inputs", "outputs")):
        got = json.loads(page(f"{url}/v1/models/digits:predict", json.dumps({key: arrays[0].tolist()}).encode()))
        assert agree(np.array(got[answer], np.float32), want[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kerasrun", type=pathlib.Path)
    parser.add_argument("--grpc", type=pathlib.Path, help="the program kerasrun-grpc")
    args = parser.parse_args()
    program = args.kerasrun.resolve()
    requests = 0

    def count():
        nonlocal requests
        requests += 1

    models = [f"{c}={MODELS / c / 'model.keras'}" for c in CASES]
    for options in ([], ["--batch-wait", "2ms"]):
        with served(program, "serve", *models, "--addr", "127.0.0.1:0", "--log", "json", "-q", *options) as url:
            client = http.InferenceServerClient(url.removeprefix("http://"), concurrency=4)
            assert client.is_server_live() and client.is_server_ready()
            assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
            assert {x["name"] for x in client.get_model_repository_index()} == set(CASES)
            for c in CASES:
                http_suite(client, c, count)
            refusals(http, client, http_statuses)
            classes(http, client)
            tensorflow_serving(url)
            metrics = {s.name: s for f in text_string_to_metric_families(page(f"{url}/metrics")) for s in f.samples}
            assert metrics["kerasrun_request_seconds_count"].value > 0
            openapi_spec_validator.validate(json.loads(page(f"{url}/openapi.json")))
            client.close()
    print(f"{len(CASES)} models, {requests} predictions by tritonclient over HTTP, metrics and OpenAPI valid")
    if args.grpc:
        requests = 0
        for options in ([], ["-batch-wait", "2ms"]):
            command = [args.grpc.resolve(), "-addr", "127.0.0.1:0", "-grpc-addr", "127.0.0.1:0", "-log-level", "ERROR", *options, *models]
            with served(*command) as urls:
                web, calls = urls.split()
                client = grpc.InferenceServerClient(calls.removeprefix("grpc://"))
                assert client.is_server_live() and client.is_server_ready()
                assert client.get_server_metadata().name == "kerasrun"
                assert {x.name for x in client.get_model_repository_index().models} == set(CASES)
                for c in CASES:
                    grpc_suite(client, c, count)
                refusals(grpc, client, grpc_statuses)
                classes(grpc, client)
                tensorflow_serving(web)
                client.close()
        print(f"{len(CASES)} models, {requests} predictions by tritonclient over gRPC")


if __name__ == "__main__":
    main()
