import assert from 'node:assert/strict';
import { Constants } from '../../../src/core/fusion/constants';
import { indexScopes } from '../../../src/core/fusion/scope';
import { runModel } from '../support/runtime';
import { bytesOf, modelText, parse } from './text';

const DECLARED = [
  'int64[6] six = {0, 1, 2, 3, 4, 5}',
  'int64[3,2] table = {10, 11, 12, 13, 14, 15}',
  'int64[1] one = {1}',
  'int64 two = {2}',
  'int64[1] zero = {0}',
  'int64[1] last = {-1}',
  'int64[1] far = {-9223372036854775807}',
  'int64[1] most = {9223372036854775807}',
  'int64[2] pair = {-1, 2}',
  'float[2] halves = {0.5, 1.5}',
];

/** The value `v` of these statements, as it is found out. */
function numbersOf(nodes: readonly string[], opset: number, inputs = '') {
  const model = parse(modelText({ inputs, outputs: 'float[] y', declared: DECLARED, nodes, opset }));
  const [scope] = indexScopes(model);
  return new Constants(undefined).numbers(scope!, 'v');
}

describe('constants that nodes compute', () => {
  const cases: Record<string, [opset: number, ...nodes: string[]]> = {
    Identity: [13, 'v = Identity (six)'],
    'Cast to a type of integers and back': [13, 'f = Cast <to = 1> (six)', 'v = Cast <to = 7> (f)'],
    'ConstantOfShape of zeros': [13, 'v = ConstantOfShape (pairs)', 'pairs = Constant <value = int64[2] {2, 3}> ()'],
    'ConstantOfShape of a number': [13, 'v = ConstantOfShape <value = int64[1] {7}> (six1)', 'six1 = Identity (one)'],
    'Concat along the first axis': [13, 'v = Concat <axis = 0> (six, one)'],
    'Concat along the last axis': [13, 'v = Concat <axis = -1> (table, table)'],
    'Concat along the second axis': [13, 't = Transpose (table)', 'v = Concat <axis = 1> (t, t)'],
    'Reshape with an open axis': [13, 'v = Reshape (six, pair)'],
    'Reshape with an axis kept': [13, 's = Constant <value = int64[2] {0, -1}> ()', 'v = Reshape (table, s)'],
    Transpose: [13, 'v = Transpose (table)'],
    'Transpose by a permutation': [
      13,
      's = Constant <value = int64[3] {1, 2, 3}> ()',
      'r = Reshape (six, s)',
      'v = Transpose <perm = [2, 0, 1]> (r)',
    ],
    'Slice backwards, as PyTorch turns pads round': [13, 'v = Slice (table, last, far, zero, last)'],
    'Slice from the front': [13, 'v = Slice (six, one, most)'],
    'Slice of the last': [13, 'v = Slice (six, last, most, zero)'],
    'Slice by two': [13, 's = Constant <value = int64[1] {2}> ()', 'v = Slice (six, zero, last, last, s)'],
    'Slice of old': [9, 'v = Slice <axes = [1], starts = [0], ends = [-1]> (table)'],
    'Slice of old along the first axes': [9, 'v = Slice <starts = [1, 1], ends = [3, 9]> (table)'],
    Shape: [13, 'v = Shape (table)'],
    'Gather of one': [13, 'i = Constant <value = int64 {1}> ()', 's = Shape (table)', 'v = Gather (s, i)'],
    'Gather of several': [13, 'v = Gather (six, pair)'],
    'Mul, Add and Sub': [13, 'm = Mul (six, two)', 'a = Add (m, six)', 'v = Sub (a, six)'],
    'the pads of PyTorch': [
      13,
      'p = Constant <value = int64[4] {1, 2, 3, 4}> ()',
      's = Constant <value = int64[1] {4}> ()',
      'z = ConstantOfShape <value = int64[1] {0}> (s)',
      'c = Concat <axis = 0> (p, z)',
      'r = Reshape (c, pair)',
      'b = Slice (r, last, far, zero, last)',
      't = Transpose <perm = [1, 0]> (b)',
      'f = Reshape (t, last)',
      'v = Cast <to = 7> (f)',
    ],
  };
  for (const [name, [opset, ...nodes]] of Object.entries(cases)) {
    it(`are what ONNX Runtime computes: ${name}`, async () => {
      const ordered = name.startsWith('ConstantOfShape') ? [...nodes].reverse() : nodes;
      const found = numbersOf(ordered, opset);
      const text = modelText({
        inputs: '',
        outputs: 'float[] y',
        declared: DECLARED,
        nodes: [...ordered, 'y = Cast <to = 1> (v)'],
        opset,
      });
      const { dims, data } = (await runModel(bytesOf(text), {})).get('y')!;
      assert.deepEqual([found?.dims, found?.values.map(Math.fround)], [[...dims], [...data]]);
    });
  }

  it('aren’t known where they may be another', () => {
    const unknown: Record<string, [nodes: string[], inputs?: string]> = {
      'a caller’s value': [['v = Identity (given)'], 'int64[1] given'],
      'what depends on the input’s size': [['v = Shape (x)'], 'float[N] x'],
      'a number that a type of integers hasn’t': [['v = Cast <to = 7> (halves)']],
      'an operator that isn’t looked at': [['v = Abs (six)']],
      'a difference below zero, which a type without sign hasn’t': [['v = Sub (one, two)']],
      'a reshape that doesn’t fit': [['v = Reshape (six, far)']],
      'a cycle': [['v = Identity (u)', 'u = Identity (v)']],
      'more than a few elements': [['s = Constant <value = int64[1] {1000000}> ()', 'v = ConstantOfShape (s)']],
    };
    for (const [name, [nodes, inputs]] of Object.entries(unknown))
      assert.equal(numbersOf(nodes, 13, inputs), undefined, name);
  });
});
