import assert from 'node:assert/strict';
import { everyMessage } from '../support/everyMessage';
import { buildText, fileOf, textOf } from '../support/textRoundTrip';
import { addFields } from '../support/unknownFields';

const DOUBLE_DATA = 10;
const EVERYTHING = 1e9;

/** A field of each number that ONNX has, of a wire type that none is declared with: to protobuf, unknown fields. */
const file = fileOf(
  addFields(everyMessage, (name, writer) => {
    for (let number = 1; number <= 26; number++) {
      if (!(name === 'TensorProto' && number === DOUBLE_DATA)) writer.double(number, number);
    }
  }),
);

describe('fields of another wire type than declared', () => {
  const text = textOf(file, EVERYTHING);

  it('are not read', () => {
    assert.equal(text, textOf(fileOf(everyMessage), EVERYTHING));
  });

  for (const [from, to] of [
    ['i = 5', 'i = 6'],
    ['(h)', '(h, w)'],
    ['[second]', '[renamed]'],
    ['float[3] w = {1.0, 2.0, 3.0}', 'float[2] w = {4.0, 5.0}'],
    ['{"a", "b"}', '{"c", "b"}'],
    ['(float[N,2] x)', '(double[N,3,M] x)'],
    ['map(string, float[N,2]) v2', 'map(int64, float[N,4]) v2'],
    ['  [second]', '  q = Neg (x)\n  [second]'],
    ['producer_version: "1"', 'producer_version: "2"'],
    ['"my.domain": 1', '"my.domain": 2'],
    ['sparse[2,2] sw', 'sparse[4,1] sw'],
    ['strings = ["a", "b"]', 'strings = ["a", "c"]'],
    ['alpha = 1', 'alpha = [1, 2]'],
  ] as const) {
    it(`do not stand in the way of ${from} → ${to}`, () => {
      const edited = text.replace(from, to);
      assert.notEqual(edited, text);
      assert.equal(textOf(buildText(edited, file), EVERYTHING), edited);
    });
  }
});
