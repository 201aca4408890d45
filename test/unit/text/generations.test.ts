import assert from 'node:assert/strict';
import { decodeModel } from '../../../src/core/onnx/decode';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model } from '../../../src/core/onnx/model';
import { readTensor } from '../../../src/core/onnx/tensor';
import { BuildError } from '../../../src/core/text/build';
import { Generations } from '../../../src/core/text/generations';
import { parseModel } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { rebuild } from '../../../src/core/text/rebuild';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';

const fileName = 'm.onnx';
const TEXT = `<ir_version: 8, opset_import: ["": 17]>
g (float[4] x) => (float[4] y)
<float[4] a = {1.0, 2.0, 3.0, 4.0}, float[4] b = {5.0, 6.0, 7.0, 8.0}, float[4] c = {1.5, 2.5, 3.5, 4.5},
 float[4] d = {0.5, 0.25, 2.0, 4.0}, float[4] e = {9.0, 8.0, 7.0, 6.0}>
{
  t = Add (x, a)
  u = Mul (t, b)
  v = Add (u, c)
  w = Mul (v, d)
  y = Add (w, e)
}`;

interface State {
  readonly source: ByteSource;
  readonly model: Model;
  /** With every tensor as a reference. */
  readonly text: string;
}

function opened(bytes: Uint8Array): State {
  const source = bytesSource(bytes);
  const model = decodeModel(source);
  return { source, model, text: printModel(model, source, { fileName, elideAbove: 0 }) };
}

function original(): State {
  const { model, errors } = parseModel(TEXT);
  assert.deepEqual(errors, []);
  return opened(joinChunks(encodeModel(model), bytesSource(new Uint8Array())));
}

function save(state: State, text: string, generations: Generations): [State, Generations] {
  const { model, errors } = parseModel(text);
  assert.deepEqual(errors, []);
  const chunks = rebuild(model, { model: state.model, source: state.source, fileName }, generations);
  const moved = generations.moved(chunks, state.source);
  const saved = opened(joinChunks(chunks, state.source));
  return [saved, moved(saved.model)];
}

function weights({ model, source }: State): Record<string, unknown> {
  return Object.fromEntries(model.graph.initializers.map((tensor) => [tensor.name, readTensor(tensor, source)]));
}

describe('Generations', () => {
  it('gives text of before a save the data that it meant', () => {
    const before = original();
    const longer = before.text.replace('Add (x, a)', 'Add <a_new_attribute = "which moves all that follows"> (x, a)');
    const [saved, generations] = save(before, longer, Generations.of(before.model));
    assert.notEqual(saved.text.match(/"offset": "\d+"/g)?.join(), before.text.match(/"offset": "\d+"/g)?.join());
    const [undone] = save(saved, before.text, generations);
    assert.deepEqual(weights(undone), weights(before));
    assert.equal(undone.text, before.text);
  });

  it('keeps weights that a save removes, for the text of before', () => {
    const before = original();
    const without = before.text.replace(/,\s*float\[4\] b = \[[^\]]*\]/, '').replace('Mul (t, b)', 'Mul (t, t)');
    const [saved, generations] = save(before, without, Generations.of(before.model));
    assert.deepEqual(Object.keys(weights(saved)), ['a', 'c', 'd', 'e']);
    const [undone] = save(saved, before.text, generations);
    assert.deepEqual(weights(undone), weights(before));
  });

  it('keeps apart two tensors that are renamed to each other', () => {
    const before = original();
    const swapped = before.text.replace(/float\[4\] a = (.*?\]),\s*float\[4\] b = /s, 'float[4] b = $1, float[4] a = ');
    assert.notEqual(swapped, before.text);
    const [saved] = save(before, swapped, Generations.of(before.model));
    assert.deepEqual(weights(saved), { ...weights(before), a: weights(before)['b'], b: weights(before)['a'] });
  });

  it('leaves data where it is when all names are exchanged', () => {
    const before = original();
    const next: Record<string, string> = { a: 'b', b: 'c', c: 'd', d: 'e', e: 'a' };
    const exchanged = before.text.replace(/float\[4\] ([a-e]) = /g, (_, name: string) => `float[4] ${next[name]} = `);
    const [saved] = save(before, exchanged, Generations.of(before.model));
    const expected = Object.entries(weights(before)).map(([name, values]) => [next[name], values]);
    assert.deepEqual(weights(saved), Object.fromEntries(expected));
  });

  it('takes one reference for several tensors', () => {
    const before = original();
    const [, data] = /float\[4\] e = (\[[^\]]*\])/.exec(before.text)!;
    const tied = before.text.replace(
      /float\[4\] ([ab]) = \[[^\]]*\]/g,
      (_, name: string) => `float[4] ${name} = ${data}`,
    );
    const [saved] = save(before, tied, Generations.of(before.model));
    const { e } = weights(before);
    assert.deepEqual(weights(saved), { ...weights(before), a: e, b: e });
  });

  it('finds data by name in a file that another program wrote', () => {
    const before = original();
    const [longer] = save(
      before,
      before.text.replace('ir_version: 8', 'ir_version: 8, producer_name: "another program"'),
      Generations.of(before.model),
    );
    const generations = Generations.of(before.model).replacedBy(longer.model);
    const [overwritten] = save(longer, before.text, generations);
    assert.deepEqual(weights(overwritten), weights(before));
  });

  it('gives a text of an unknown state the data of the same names', () => {
    const before = original();
    const [longer] = save(
      before,
      before.text.replace('ir_version: 8', 'ir_version: 8, producer_name: "which moves all that follows"'),
      Generations.of(before.model),
    );
    const [undone] = save(longer, before.text, Generations.of(longer.model));
    assert.deepEqual(weights(undone), weights(before));
  });

  it('refuses a text of an unknown state whose data is gone', () => {
    const before = original();
    const without = before.text.replace(/,\s*float\[4\] b = \[[^\]]*\]/, '').replace('Mul (t, b)', 'Mul (t, t)');
    const [saved] = save(before, without, Generations.of(before.model));
    assert.throws(() => save(saved, before.text, Generations.of(saved.model)), BuildError);
  });

  it('refuses a reference to bytes that are not a tensor', () => {
    const before = original();
    const shifted = before.text.replace(/"offset": "(\d+)"/, (_, offset) => `"offset": "${Number(offset) + 4}"`);
    assert.throws(() => save(before, shifted, Generations.of(before.model)), BuildError);
  });

  it('knows the file under the name that it had when the text was printed', () => {
    const before = original();
    const { model } = parseModel(before.text);
    const chunks = rebuild(model, { model: before.model, source: before.source, fileName: 'renamed.onnx' });
    assert.deepEqual(chunks, [{ start: 0, end: before.source.size }]);
  });
});
