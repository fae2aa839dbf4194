// Writes the model of convert/testdata/tfjs, as TensorFlow.js itself saves one:
//   NODE_PATH=node_modules node tfjs_make.mjs FOLDER
// model.json with its weights.bin, and io.json with inputs and the outputs of TensorFlow.js.
import {createRequire} from 'node:module';
import {writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';

const tf = createRequire(resolve(process.env.NODE_PATH, 'x.js'))('@tensorflow/tfjs');
await tf.setBackend('cpu');
const L = tf.layers;
const folder = process.argv[2];

const inner = tf.sequential({name: 'inner', layers: [
  L.dense({units: 4, activation: 'hardSigmoid', inputShape: [6], name: 'hidden'}), L.batchNormalization({name: 'norm'})]});
const image = tf.input({shape: [6, 5, 2], name: 'image'}), text = tf.input({shape: [4], name: 'text'});
let a = L.conv2d({filters: 3, kernelSize: 3, padding: 'same', activation: 'relu6', name: 'conv'}).apply(image);
a = L.depthwiseConv2d({kernelSize: [2, 3], depthMultiplier: 2, name: 'depthwise'}).apply(a);
a = L.globalMaxPooling2d({name: 'pool'}).apply(a);
let b = L.embedding({inputDim: 9, outputDim: 3, maskZero: true, name: 'words'}).apply(text);
b = L.bidirectional({layer: L.lstm({units: 2, returnSequences: true, name: 'lstm'}), mergeMode: 'concat', name: 'both'}).apply(b);
b = L.gru({units: 6, recurrentActivation: 'hardSigmoid', name: 'gru'}).apply(b);
const y = L.dense({units: 3, activation: 'softmax', name: 'out'}).apply(
  L.concatenate({name: 'join'}).apply([inner.apply(a), inner.apply(b)]));
const model = tf.model({inputs: [image, text], outputs: y, name: 'made'});
// Weights that are not those of a seed, and moving statistics that are not 0 and 1.
let seed = 1;
const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const fill = (shape, low, high) => tf.tensor(Array.from({length: shape.reduce((p, d) => p * d, 1)}, () => Math.fround(low + (high - low) * next())), shape);
for (const w of model.weights) w.write(fill(w.shape, w.name.includes('variance') ? 0.5 : -0.7, 0.9));
await model.save(tf.io.withSaveHandler(async (s) => {
  writeFileSync(join(folder, 'weights.bin'), Buffer.from(s.weightData));
  writeFileSync(join(folder, 'model.json'), JSON.stringify({
    modelTopology: s.modelTopology, format: s.format, generatedBy: s.generatedBy, convertedBy: s.convertedBy,
    weightsManifest: [{paths: ['weights.bin'], weights: s.weightSpecs}]}));
  return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: 'JSON'}};
}));
const x = [fill([3, 6, 5, 2], -1, 1), tf.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [8, 1, 3, 2]], [3, 4])];
const out = model.predict(x);
writeFileSync(join(folder, 'io.json'), JSON.stringify({inputs: x.map((t) => Array.from(t.dataSync())), output: Array.from(out.dataSync())}));
