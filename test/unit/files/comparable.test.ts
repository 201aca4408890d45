import assert from 'node:assert/strict';
import { decodeModel } from '../../../src/core/onnx/decode';
import { bytesSource } from '../../../src/core/wire/source';
import { comparableText, textSeenFrom, type OpenedModel } from '../../../src/files/comparable';
import { encode, parsed, textOf } from '../support/textRoundTrip';

const numbers = (seed: number): string => Array.from({ length: 64 }, (_, i) => seed + i / 4).join(', ');

interface Variant {
  readonly producer?: string;
  readonly first?: number;
  readonly second?: number;
  readonly alpha?: number;
  readonly order?: readonly ['a', 'b'] | readonly ['b', 'a'];
}

/** A model with two float tensors and one of int64, none of which is small. */
function modelOf({
  producer = 'p',
  first = 1,
  second = 2,
  alpha = 0.5,
  order = ['a', 'b'],
}: Variant = {}): OpenedModel {
  const tensors = { a: `float[64] a = {${numbers(first)}}`, b: `float[64] b = {${numbers(second)}}` };
  const bytes = encode(
    parsed(`<ir_version: 8, opset_import: ["": 17], producer_name: "${producer}">
g (float[64] x) => (float[64] y)
< ${order.map((name) => tensors[name]).join(', ')}, int64[64] n = {${Array.from({ length: 64 }, (_, i) => i).join(', ')}} >
{
  s = Add (x, a)
  t = LeakyRelu <alpha = ${alpha}> (s)
  y = Mul (t, b)
}`),
  );
  const source = bytesSource(bytes);
  return { model: decodeModel(source), source, fileName: 'model.onnx' };
}

/** The lines that only one of two texts has. */
function differences(one: string, other: string): string[] {
  const lines = (text: string): string[] => text.split('\n');
  const only = (text: string, without: string): string[] =>
    lines(text).filter((line) => !lines(without).includes(line));
  return [...only(one, other), ...only(other, one)].map((line) => line.trim());
}

const seenFrom = (before: OpenedModel, after: OpenedModel): Promise<string[]> => {
  const text = textOf({ ...after, bytes: new Uint8Array(0) });
  return textSeenFrom(before, after, text, 'model.onnx (HEAD)').then((old) => differences(old, text));
};

describe('texts for comparing models', () => {
  it('do not depend on where the weights lie', async () => {
    const moved = modelOf({ producer: 'another producer, which moves every byte behind it' });
    const [one, other] = [await comparableText(modelOf()), await comparableText(moved)];
    assert.match(one, /float\[64\] a = \["bytes": "256", "sha256": "[0-9a-f]{16}"\]/);
    assert.match(one, /int64\[64\] n = \["bytes": "512", "sha256"/);
    assert.deepEqual(differences(one, other), [
      'producer_name: "p"',
      'producer_name: "another producer, which moves every byte behind it"',
    ]);
  });

  it('tell other weights in the same place', async () => {
    const [one, other] = [await comparableText(modelOf()), await comparableText(modelOf({ second: 3 }))];
    const changed = differences(one, other);
    assert.equal(changed.length, 2);
    assert.ok(changed.every((line) => line.startsWith('float[64] b = ["bytes": "256"')));
  });

  it('show the old model as the editable text of the new one has it, but for what changed', async () => {
    const moved = modelOf({ producer: 'moves all', alpha: 0.25 });
    assert.deepEqual(await seenFrom(modelOf(), moved), [
      'producer_name: "p"',
      't = LeakyRelu <alpha = 0.5> (s)',
      'producer_name: "moves all"',
      't = LeakyRelu <alpha = 0.25> (s)',
    ]);
    assert.deepEqual(
      await seenFrom(modelOf(), modelOf({ second: 3 })).then((lines) => lines.map((line) => line.slice(0, 50))),
      ['float[64] b = ["location": "model.onnx (HEAD)", "b', 'float[64] b = ["location": "model.onnx", "offset":'],
    );
    assert.deepEqual(await seenFrom(modelOf(), modelOf()), []);
  });

  it('name weights by the references that an open text still has', async () => {
    const after = modelOf({ alpha: 0.25 });
    const saved = textOf({ ...after, bytes: new Uint8Array(0) });
    const shown = saved.replace(/"offset": "(\d+)"/g, (_, offset) => `"offset": "${Number(offset) + 7}"`);
    assert.notEqual(shown, saved);
    assert.deepEqual(differences(await textSeenFrom(modelOf(), after, shown, 'model.onnx (HEAD)'), shown), [
      't = LeakyRelu <alpha = 0.5> (s)',
      't = LeakyRelu <alpha = 0.25> (s)',
    ]);
  });

  it('take weights that changed places for what they are', async () => {
    assert.deepEqual(await seenFrom(modelOf(), modelOf({ order: ['b', 'a'] })), []);
    assert.equal((await seenFrom(modelOf(), modelOf({ first: 2, second: 1 }))).length, 4);
  });

  it('compare external data by its bytes where it can be read, else by its place', async () => {
    const external = (offset: number, data?: Uint8Array): OpenedModel => {
      const bytes = encode(
        parsed(`<ir_version: 8, opset_import: ["": 17]>
g (float[4] x) => (float[4] y)
< float[4] w = ["location": "w.bin", "offset": "${offset}", "length": "16"] >
{ y = Add (x, w) }`),
      );
      const source = bytesSource(bytes);
      const opened = { model: decodeModel(source), source, fileName: 'model.onnx' };
      return data ? { ...opened, external: () => bytesSource(data) } : opened;
    };
    const data = Uint8Array.from({ length: 48 }, (_, i) => i % 16);
    assert.deepEqual(await seenFrom(external(0, data), external(32, data)), []);
    assert.equal((await seenFrom(external(0, data), external(4, data))).length, 2);
    assert.equal(
      (
        await seenFrom(
          external(0, data),
          external(
            0,
            data.map((byte) => byte + 1),
          ),
        )
      ).length,
      2,
    );
    assert.equal((await seenFrom(external(0), external(32))).length, 2);
    assert.deepEqual(await seenFrom(external(0), external(0)), []);
    assert.match(await comparableText(external(0)), /"location": "w.bin", "offset": "0"/);
  });
});
