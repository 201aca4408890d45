import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { decodeModel } from '../../src/core/onnx/decode';
import { encodeModel } from '../../src/core/onnx/encode';
import { bytesSource } from '../../src/core/wire/source';
import { joinChunks } from '../../src/core/wire/splice';
import { convolutionalNetwork, decoderStack } from './largeModels';

const root = path.resolve(__dirname, '../..');
const realModel = path.join(root, '../shared/models/pytorch/fns_small_static_op17.onnx');
const realDynamicModel = path.join(root, '../shared/models/pytorch/fns_small_dynamic_op16.onnx');
const sampleModel = path.join(root, 'media/samples/style-transfer.onnx');

/** Bytes without structure, the same each time (xorshift32). */
function noise(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 2463534242;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** A model whose input has symbolic height and width: a real export, else the sample with its input so declared. */
function dynamicModel(): Uint8Array {
  if (existsSync(realDynamicModel)) return readFileSync(realDynamicModel);
  const source = bytesSource(readFileSync(sampleModel));
  const model = decodeModel(source);
  const inputs = model.graph.inputs.map(({ name, type }) =>
    type?.kind === 'tensor' ? { name, type: { ...type, shape: ['batch', 3, 'height', 'width'] } } : { name, type },
  );
  return joinChunks(encodeModel({ ...model, graph: { ...model.graph, inputs } }, source), source);
}

/**
 * Fills an empty folder with what the suite opens: `model.onnx` (a real export where there is one, else the sample),
 * the sample, large models, files named .onnx that hold no model, and a folder of models to fuse at once.
 */
export function fillWorkspace(folder: string): void {
  const model = existsSync(realModel) ? realModel : sampleModel;
  const file = (name: string): string => path.join(folder, name);
  // Not copied: the originals may be write-protected, and a copy would be too.
  writeFileSync(file('model.onnx'), readFileSync(model));
  writeFileSync(file('sample.onnx'), readFileSync(sampleModel));
  writeFileSync(file('dynamic.onnx'), dynamicModel());
  writeFileSync(file('fixes.onnx'), readFileSync(sampleModel));
  mkdirSync(file('zoo'));
  writeFileSync(file('zoo/first.onnx'), readFileSync(sampleModel));
  writeFileSync(file('zoo/second.onnx'), readFileSync(model));
  writeFileSync(file('zoo/unreadable.onnx'), 'Not a model.\n');
  writeFileSync(file('large-network.onnx'), convolutionalNetwork(10_000));
  writeFileSync(file('large-decoder.onnx'), decoderStack(84));
  const bytes = readFileSync(model);
  writeFileSync(file('bad-truncated.onnx'), bytes.subarray(0, Math.floor(bytes.length * 0.6)));
  writeFileSync(file('bad-text.onnx'), 'These are notes about a model, not a model.\n'.repeat(20));
  writeFileSync(file('bad-empty.onnx'), '');
  writeFileSync(file('bad-random.onnx'), noise(10 * 1024 * 1024));
}
