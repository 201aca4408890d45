import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Numbers that are the same each time, between -1 and 1. */
function input(size: number): Float32Array {
  const values = new Float32Array(size);
  let state = 12345;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    values[index] = state / 2 ** 31 - 1;
  }
  return values;
}

async function outputsOf(model: Uint8Array): Promise<Map<string, Float32Array>> {
  const session = await InferenceSession.create(model, { graphOptimizationLevel: 'all' });
  const feeds: Record<string, Tensor> = {};
  for (const { name, ...meta } of session.inputMetadata) {
    assert.ok(meta.isTensor && meta.type === 'float32', `the input ${name} is not a float tensor`);
    const shape = meta.shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? 1 : 64));
    feeds[name] = new Tensor('float32', input(shape.reduce((product, size) => product * size, 1)), shape);
  }
  const results = await session.run(feeds);
  await session.release();
  return new Map(Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array]));
}

/** The largest difference between the outputs of two models in stock ONNX Runtime, for the same inputs. */
export async function largestDifference(one: Uint8Array, other: Uint8Array): Promise<number> {
  const expected = await outputsOf(one);
  const actual = await outputsOf(other);
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  let largest = 0;
  for (const [name, values] of expected) {
    const others = actual.get(name)!;
    assert.equal(others.length, values.length, `sizes of ${name}`);
    assert.ok(
      values.some((value) => value !== 0),
      `${name} is all zeros`,
    );
    for (let index = 0; index < values.length; index++) {
      const difference = Math.abs(values[index]! - others[index]!);
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}
