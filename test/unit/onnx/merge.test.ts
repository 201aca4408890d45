import assert from 'node:assert/strict';
import type { Type } from '../../../src/core/onnx/model';
import { checkModel } from '../../../src/core/text/check';
import { bytesSource } from '../../../src/core/wire/source';
import { bytesOf, message, type Message } from '../support/message';
import { buildText, fileOf, textOf } from '../support/textRoundTrip';

const sized = (size: number): Message => message([1, message([1, size])]);
const symbolic = (name: string): Message => message([1, message([2, name])]);
const tensor = (...fields: Message['fields']): Message => message([1, message(...fields)]);

/** A model with an input of the type that these TypeProtos make together. */
function modelOf(...types: readonly Message[]): Uint8Array {
  const attribute = message([1, 'type'], ...types.map((type) => [14, type] as const), [20, 13]);
  return bytesOf(
    message(
      [1, 13],
      [
        7,
        message(
          [1, message([2, 'y'], [4, 'Op'], [5, attribute])],
          [2, 'g'],
          [11, message([1, 'x'], ...types.map((type) => [2, type] as const))],
        ),
      ],
    ),
  );
}

/** What protobuf's own library (7.36, through `onnx` 1.23) reads. */
const cases: readonly (readonly [what: string, types: readonly Message[], expected: Type])[] = [
  [
    'a symbol after a size in a dimension',
    [tensor([1, 1], [2, message([1, message([1, 5], [2, 'N'])])])],
    { kind: 'tensor', elementType: 1, shape: ['N'] },
  ],
  [
    'a size after a symbol in a dimension',
    [tensor([1, 1], [2, message([1, message([1, 4], [2, 'N'], [1, 5])])])],
    { kind: 'tensor', elementType: 1, shape: [5] },
  ],
  [
    'an element type given twice',
    [tensor([1, 1], [2, sized(2)], [1, 7])],
    { kind: 'tensor', elementType: 7, shape: [2] },
  ],
  [
    'two shapes',
    [tensor([1, 1], [2, sized(2)], [2, symbolic('N')])],
    { kind: 'tensor', elementType: 1, shape: [2, 'N'] },
  ],
  [
    'two tensor types',
    [message([1, message([1, 1], [2, sized(2)])], [6, 'IMAGE'], [1, message([2, sized(3)])])],
    { kind: 'tensor', elementType: 1, shape: [2, 3] },
  ],
  ['two types', [tensor([1, 1]), tensor([2, sized(3)])], { kind: 'tensor', elementType: 1, shape: [3] }],
  [
    'a type of another kind between',
    [tensor([1, 1]), message([4, message([1, tensor([1, 7])])]), tensor([2, sized(3)])],
    { kind: 'tensor', elementType: 0, shape: [3] },
  ],
  [
    'two element types of a sequence',
    [message([4, message([1, tensor([1, 7])], [1, tensor([2, sized(3)])])])],
    { kind: 'sequence', elementType: { kind: 'tensor', elementType: 7, shape: [3] } },
  ],
  [
    'two parts of a map',
    [message([5, message([1, 8], [2, tensor([1, 7])])], [5, message([2, tensor([2, sized(3)])], [1, 7])])],
    { kind: 'map', keyType: 7, valueType: { kind: 'tensor', elementType: 7, shape: [3] } },
  ],
  [
    'two parts of an opaque type',
    [message([7, message([1, 'd'])]), message([7, message([2, 'n'])])],
    { kind: 'opaque', domain: 'd', name: 'n' },
  ],
];

describe('messages and values that occur more often than declared', () => {
  for (const [what, types, expected] of cases) {
    const bytes = modelOf(...types);
    const file = fileOf(bytes);

    it(`${what}: read as protobuf does, and come back`, () => {
      assert.deepEqual(file.model.graph.inputs[0]!.type, expected);
      assert.deepEqual(file.model.graph.nodes[0]!.attributes[0]!.value, { type: 'TYPE_PROTO', value: expected });
      assert.deepEqual(checkModel(bytesSource(bytes), 'model.onnx'), { identical: true });
    });

    it(`${what}: give what an edited text states`, () => {
      const text = textOf(file);
      for (const type of ['double[2,B,9] x', 'seq(double[7]) x', 'map(string, int64[2]) x', 'opaque(e, m) x', 'x']) {
        const edited = text.replace(/^g \(.* x\)/m, `g (${type})`);
        assert.notEqual(edited, text);
        const result = buildText(edited, file);
        assert.equal(textOf(result), edited);
        assert.deepEqual(
          result.bytes.subarray(result.model.graph.nodes[0]!.origin!.start, result.model.graph.nodes[0]!.origin!.end),
          bytes.subarray(file.model.graph.nodes[0]!.origin!.start, file.model.graph.nodes[0]!.origin!.end),
        );
      }
      const attribute = text.replace(/type = [^<>]*>/, 'type = float[1,2,3]>');
      assert.notEqual(attribute, text);
      assert.equal(textOf(buildText(attribute, file)), attribute);
    });
  }

  it('take no time that grows with the depth of nesting', () => {
    let type = tensor([1, 1]);
    for (let depth = 0; depth < 90; depth++) type = message([4, message([1, type], [1, message()])], [4, message()]);
    const bytes = modelOf(type, message());
    const start = performance.now();
    assert.deepEqual(checkModel(bytesSource(bytes), 'model.onnx'), { identical: true });
    assert.ok(performance.now() - start < 5000);
  });
});
