// Runs layers models with TensorFlow.js: node tfjs_run.mjs, with @tensorflow/tfjs
// to be found by NODE_PATH. Each line of the input is a request,
//   {"model": "model.json", "inputs": [{"shape", "dtype", "data"}]}
// and each line of the output its answer, {"outputs": [...]} or {"error": "..."}.
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import {createInterface} from 'node:readline';

console.warn = () => {};
console.log = () => {};
const tf = createRequire(resolve(process.env.NODE_PATH, 'x.js'))('@tensorflow/tfjs');
await tf.setBackend('cpu');
// Tensors hold what Float32Array does, and JSON has no NaN: numbers go as base64.
const bytes = (a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString('base64');
const arrays = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};

function load(path) {
  const json = JSON.parse(readFileSync(path, 'utf8'));
  return {load: async () => {
    const files = json.weightsManifest.flatMap((g) => g.paths).map((p) => readFileSync(join(dirname(path), p)));
    const data = Buffer.concat(files);
    return {
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest.flatMap((g) => g.weights),
      weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength),
    };
  }};
}

async function run(request) {
  tf.engine().startScope();
  try {
    const model = await tf.loadLayersModel(load(request.model));
    const x = request.inputs.map((i) => {
      const b = Buffer.from(i.data, 'base64');
      const raw = b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength);
      return tf.tensor(new arrays[i.dtype](raw), i.shape, i.dtype);
    });
    const y = model.predict(x.length == 1 ? x[0] : x, {batchSize: x[0].shape[0]});
    return {outputs: [y].flat().map((t) => ({shape: t.shape, dtype: t.dtype, data: bytes(t.dataSync())}))};
  } catch (e) {
    return {error: String(e.message ?? e).slice(0, 400)};
  } finally {
    tf.engine().endScope();
    tf.disposeVariables();
  }
}

for await (const line of createInterface({input: process.stdin})) {
  process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + '\n');
}
