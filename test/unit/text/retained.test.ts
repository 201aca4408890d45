import assert from 'node:assert/strict';
import type { Model } from '../../../src/core/onnx/model';
import { scanFields, type WireField } from '../../../src/core/wire/scan';
import type { ByteRange } from '../../../src/core/wire/source';
import { everyMessage } from '../support/everyMessage';
import { buildText, fileOf, textOf, type MemoryFile } from '../support/textRoundTrip';

/** Numbers of the fields that the text doesn't show, by what has them (onnx.proto). */
const hidden = {
  model: [20, 26], // training_info, configuration
  graph: [10, 14, 16], // doc_string, quantization_annotation, metadata_props
  node: [6, 9, 10], // doc_string, metadata_props, device_configurations
  attribute: [13], // doc_string
  tensor: [3, 12, 16], // segment, doc_string, metadata_props
  value: [3, 4], // doc_string, metadata_props
  function: [14], // metadata_props
} as const;

interface Element {
  readonly origin?: ByteRange | undefined;
}

function hiddenOf(file: MemoryFile, kind: keyof typeof hidden, { origin }: Element): string[] {
  const numbers: readonly number[] = hidden[kind];
  return scanFields(file.source, origin!)
    .filter(({ number }) => numbers.includes(number))
    .map(({ start, end }: WireField) => Buffer.from(file.bytes.subarray(start, end)).toString('latin1'));
}

/** The hidden fields of everything in the model, in file order. */
function allHidden(file: MemoryFile, { graph, functions }: Model = file.model): string[][] {
  return [
    hiddenOf(file, 'model', file.model),
    hiddenOf(file, 'graph', graph),
    ...graph.nodes.flatMap((node) => [
      hiddenOf(file, 'node', node),
      ...node.attributes.map((attribute) => hiddenOf(file, 'attribute', attribute)),
    ]),
    ...graph.initializers.map((tensor) => hiddenOf(file, 'tensor', tensor)),
    ...(graph.sparseInitializers ?? []).flatMap(({ values, indices }) => [
      hiddenOf(file, 'tensor', values),
      hiddenOf(file, 'tensor', indices),
    ]),
    ...[...graph.inputs, ...graph.outputs, ...graph.valueInfos].map((value) => hiddenOf(file, 'value', value)),
    ...functions.flatMap((fn) => [
      hiddenOf(file, 'function', fn),
      ...fn.nodes.map((node) => hiddenOf(file, 'node', node)),
      ...fn.valueInfos.map((value) => hiddenOf(file, 'value', value)),
    ]),
  ];
}

const file = fileOf(everyMessage);

function edited(...replacements: readonly (readonly [RegExp | string, string])[]): MemoryFile {
  let text = textOf(file);
  for (const [from, to] of replacements) {
    const next = text.replaceAll(from instanceof RegExp ? new RegExp(from.source, 'g') : from, to);
    assert.notEqual(next, text, String(from));
    text = next;
  }
  return buildText(text, file);
}

describe('what the text does not show', () => {
  it('is there in the first place', () => {
    const before = allHidden(file);
    assert.ok(before.flat().length > 50);
    for (const what of ['GPUs', 'step_y', 'SCALE_TENSOR', 'about first', 'about main', 'about w', 'about x']) {
      assert.ok(
        before.flat().some((bytes) => bytes.includes(what)),
        what,
      );
    }
  });

  for (const [what, ...replacements] of [
    ['an attribute of the same node', ['i = 5', 'i = 6']],
    ['the type of an attribute', ['alpha = 1', 'alpha = 0.5']],
    ['the name of the node', ['[first]', '[renamed]']],
    ['the op of the node', ['my.domain.Op:v2 (x)', 'Gelu (x)']],
    ['the inputs of the node', ['(h)', '(h, w)']],
    ['initializer values', ['{1.0, 2.0, 3.0}', '{4.0, 5.0, 6.0}']],
    ['strings', ['{"a", "b"}', '{"c", "d"}']],
    ['the shape of an initializer and its values', ['float[3] w = {1.0, 2.0, 3.0}', 'float[1] w = {0.5}']],
    ['the name of an initializer', [' elsewhere = ', ' there = ']],
    ['sparse values', ['sw = (float[2] {1.0, 2.0}', 'sw = (float[2] {7.0, 8.0}']],
    ['the name of a sparse initializer', [' sw = ', ' sparse_weights = ']],
    ['the dimensions of a sparse initializer', ['sparse[2,2] sw', 'sparse[4,1] sw']],
    ['where external data is', ['weights.bin', 'moved.bin']],
    ['the type of an input', ['(float[N,2] x)', '(float[N,3] x)']],
    ['types of declared values', ['map(string, float[N,2]) v2', 'map(int64, float[N,2]) v2']],
    ['the name of a declared value', [' v3', ' renamed']],
    ['the header', ['producer_version: "1"', 'producer_version: "2"'], ['"my.domain": 1', '"my.domain": 2']],
    ['an opset', ['["": 21, ', '["": 22, ']],
    ['the attribute default of a function', ['Op <alpha, i = 5>', 'Op <alpha, i = 7>']],
    ['the inputs of a function', [/\(a\) => \(b\)/, '(a, c) => (b)']],
  ] as const) {
    it(`survives a change of ${what}`, () => {
      const after = edited(...(replacements as readonly (readonly [RegExp | string, string])[]));
      assert.notDeepEqual(Buffer.from(after.bytes), Buffer.from(file.bytes));
      assert.deepEqual(allHidden(after), allHidden(file));
    });
  }

  it('survives the deletion, insertion and reordering of neighbours', () => {
    const { nodes } = file.model.graph;
    const of = (result: MemoryFile, name: string): unknown => {
      const node = result.model.graph.nodes.find((other) => other.name === name)!;
      return Buffer.from(result.bytes.subarray(node.origin!.start, node.origin!.end)).toString('latin1');
    };
    const text = textOf(file);
    const line = (name: string): string => new RegExp(` {2}\\[${name}\\].*\n`).exec(text)![0];
    const [second, third] = [line('second'), line('third')];
    const results = [
      [buildText(text.replace(second, ''), file), ['first', 'third']],
      [
        buildText(text.replace(second, third).replace(third + third, third + second), file),
        ['first', 'second', 'third'],
      ],
      [buildText(text.replace(second, `  [new] k = Relu (h)\n${second}`), file), ['first', 'second', 'third']],
    ] as const;
    assert.equal(nodes.length, 3);
    for (const [result, names] of results) for (const name of names) assert.equal(of(result, name), of(file, name));
  });

  it('survives the deletion of an initializer, a value, a function and an opset beside it', () => {
    const without = edited([/ {2}string\[2\] words = .*\n/, ''], [/ {2}seq\(float\[N,2\]\) v1,\n/, '']);
    const expected = new Set(allHidden(without).map((fields) => fields.join()));
    const lost = allHidden(file).filter((fields) => !expected.has(fields.join()));
    assert.deepEqual(
      lost.map((fields) => /about \w+/.exec(fields.join())![0]),
      ['about words', 'about v1'],
    );
  });
});
