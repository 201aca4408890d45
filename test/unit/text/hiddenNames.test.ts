import assert from 'node:assert/strict';
import { bytesOf, entry, message, type Message } from '../support/message';
import { build, fileOf, parsed, textOf } from '../support/textRoundTrip';
import { withUnknownFields } from '../support/unknownFields';

const tensorType = message([1, message([1, 1])]);
const value = (name: string): Message => message([1, name], [2, tensorType]);
const floats = (name: string): Message => message([1, 1], [2, 1], [8, name], [9, new Uint8Array(4)]);
const sparse = (name: string): Message =>
  message([1, floats(name)], [2, message([1, 1], [2, 7], [9, new Uint8Array(8)])], [3, 4]);
const sharded = (...names: string[]): Message =>
  message([1, 'two'], ...names.map((name) => [2, message([1, name], [2, 0])] as const));
const annotation = (name: string, scale: string, zero: string): Message =>
  message([1, name], [2, entry('SCALE_TENSOR', scale)], [2, entry('hidden', zero)]);

const usual = {
  input: 'input',
  weight: 'weight',
  sparse: 'sparse_weight',
  hidden: 'hidden',
  inner: 'inner',
  result: 'result',
  argument: 'argument',
  middle: 'middle',
};
type Names = typeof usual;

/** A model that has names in every field that the text doesn't show; those that belong to another scope are written out. */
function modelOf(changed: Partial<Names> = {}): Uint8Array {
  const names: Names = { ...usual, ...changed };
  const branch = message(
    [1, message([1, names.hidden], [2, names.inner], [4, 'Relu'], [10, sharded(names.hidden, names.inner)])],
    [2, 'branch'],
    [12, value(names.inner)],
    [14, annotation(names.inner, names.weight, 'nothing')],
  );
  // Its own `hidden` and `weight`.
  const shadow = message(
    [1, message([1, 'weight'], [2, 'hidden'], [4, 'Relu'], [10, sharded('hidden', names.input)])],
    [2, 'shadow'],
    [5, floats('weight')],
    [12, value('hidden')],
    [14, annotation('hidden', 'weight', names.result)],
  );
  const graph = message(
    [
      1,
      message(
        [1, names.input],
        [1, names.weight],
        [1, names.sparse],
        [2, names.hidden],
        [3, 'first'],
        [4, 'Op'],
        [10, sharded(names.input, names.hidden)],
        [10, sharded('elsewhere', names.sparse)],
      ),
    ],
    [
      1,
      message(
        [1, names.hidden],
        [2, names.result],
        [4, 'If'],
        [5, message([1, 'then'], [6, branch], [20, 5])],
        [5, message([1, 'more'], [11, shadow], [11, branch], [20, 10])],
      ),
    ],
    [2, 'main'],
    [5, floats(names.weight)],
    [11, value(names.input)],
    [12, value(names.result)],
    [14, annotation(names.hidden, names.weight, names.sparse)],
    [14, annotation(names.input, names.result, 'nothing')],
    [15, sparse(names.sparse)],
  );
  const loss = message(
    [1, message([1, 'own'], [1, names.hidden], [2, 'loss_inner'], [4, 'Sub'])],
    [2, 'loss'],
    [12, value(names.weight)],
  );
  const initialization = message(
    [1, message([2, 'weight'], [4, 'RandomNormal'])],
    [2, 'initialization'],
    [12, value('weight')],
  );
  const algorithm = message(
    [
      1,
      message(
        [1, names.hidden],
        [1, 'own'],
        [1, names.weight],
        [2, 'step'],
        [3, 'hidden'],
        [4, 'hidden'],
        [5, message([1, 'hidden'], [6, loss], [20, 5])],
        [10, sharded(names.hidden, 'own')],
      ),
    ],
    [2, 'hidden'],
    [5, floats('own')],
    [12, value('step')],
    [13, value(names.hidden)],
    [14, annotation(names.result, 'own', names.sparse)],
  );
  const training = message(
    [1, initialization],
    [2, algorithm],
    [3, entry(names.weight, 'weight')],
    [4, entry(names.weight, 'step')],
    [4, entry('own', names.result)],
    [4, entry(names.sparse, names.hidden)],
  );
  const fn = message(
    [1, 'Op'],
    [4, names.argument],
    [4, 'hidden'],
    [5, 'out'],
    [
      7,
      message(
        [1, names.argument],
        [1, 'hidden'],
        [2, names.middle],
        [4, 'Add'],
        [10, sharded(names.argument, names.middle, 'hidden')],
      ),
    ],
    [7, message([1, names.middle], [2, 'out'], [4, 'Relu'], [10, sharded(names.middle)])],
    [9, message([1, ''], [2, 21])],
    [10, 'my.domain'],
  );
  return withUnknownFields(
    bytesOf(message([1, 13], [7, graph], [8, message([1, ''], [2, 21])], [20, training], [25, fn])),
  );
}

const file = fileOf(modelOf());

/** The file after names were replaced in its text, those of other scopes excepted. */
function renamed(...renames: readonly (readonly [string, string])[]): Buffer {
  let text = textOf(file);
  const [start, end] = [text.indexOf('shadow ('), text.indexOf('branch (', text.indexOf('shadow ('))];
  const fn = text.indexOf('domain: "my.domain"');
  const to = new Map(renames);
  const replace = (part: string, only: (name: string) => boolean): string =>
    part.replaceAll(/\b\w+\b/g, (name) => (only(name) ? (to.get(name) ?? name) : name));
  const outside = (name: string): boolean => name !== 'hidden' && name !== 'weight';
  text =
    replace(text.slice(0, start), () => true) +
    replace(text.slice(start, end), outside) +
    replace(text.slice(end, fn), () => true) +
    replace(text.slice(fn), outside);
  return Buffer.from(build(parsed(text), file).bytes);
}

describe('names in fields that the text does not show', () => {
  for (const [key, name] of Object.entries(usual) as [keyof Names, string][]) {
    it(`follow a rename of ${name}, and no other byte changes`, () => {
      const result = renamed([name, 'a_rather_long_new_name']);
      assert.ok(result.equals(modelOf({ [key]: 'a_rather_long_new_name' })));
      assert.ok(!result.equals(file.bytes));
    });
  }

  it('follow several renames at once', () => {
    const result = renamed(['hidden', 'h'], ['weight', 'w'], ['input', '"in put"'], ['middle', 'm']);
    assert.ok(result.equals(modelOf({ hidden: 'h', weight: 'w', input: 'in put', middle: 'm' })));
  });

  const pairsOf = (keys: readonly (keyof Names)[]): (readonly [keyof Names, keyof Names])[] =>
    keys.flatMap((one, i) => keys.slice(i + 1).map((other) => [one, other] as const));
  for (const [one, other] of [
    ...pairsOf(['input', 'weight', 'sparse', 'hidden', 'result']),
    ...pairsOf(['argument', 'middle']),
    ['hidden', 'inner'] as const,
  ]) {
    it(`follow an exchange of ${one} and ${other}, and no other byte changes`, () => {
      const result = renamed([usual[one], usual[other]], [usual[other], usual[one]]);
      assert.ok(result.equals(modelOf({ [one]: usual[other], [other]: usual[one] })));
      assert.ok(!result.equals(file.bytes));
    });

    it(`follow ${one} to the name of ${other}, which gets a new one`, () => {
      const result = renamed([usual[one], usual[other]], [usual[other], 'new_name']);
      assert.ok(result.equals(modelOf({ [one]: usual[other], [other]: 'new_name' })));
    });
  }

  it('follow a ring of three names, and a chain of all', () => {
    const { input, weight, hidden, sparse, result } = usual;
    assert.ok(
      renamed([hidden, result], [result, weight], [weight, hidden]).equals(
        modelOf({ hidden: result, result: weight, weight: hidden }),
      ),
    );
    const chain = renamed([input, weight], [weight, sparse], [sparse, hidden], [hidden, result], [result, 'last']);
    assert.ok(chain.equals(modelOf({ input: weight, weight: sparse, sparse: hidden, hidden: result, result: 'last' })));
  });

  it('stay when a value goes or gets a name that another one had', () => {
    const without = textOf(file).replace(/ {2}\[first\].*\n/, '');
    const text = without.replace('If (hidden)', 'If (input)');
    const { bytes } = build(parsed(text), file);
    const annotations = Buffer.from(bytes).toString('latin1');
    assert.ok(annotations.includes('SCALE_TENSOR'));
    // Of the two annotations of the main graph, the algorithm's and the bindings nothing changes.
    const tail = Buffer.from(file.bytes).indexOf('initialization');
    assert.ok(Buffer.from(bytes).includes(Buffer.from(file.bytes.subarray(tail))));
  });

  it('that are not readable as such stay as they are', () => {
    const broken = fileOf(
      bytesOf(
        message(
          [1, 13],
          [
            7,
            message(
              [1, message([1, 'x'], [2, 'y'], [4, 'Relu'], [10, Uint8Array.of(0xff)])],
              [2, 'g'],
              [14, 'y'],
              [14, annotation('y', 's', 'z')],
            ),
          ],
        ),
      ),
    );
    const { bytes, changes } = build(parsed(textOf(broken).replace('y =', 'renamed =')), broken);
    assert.deepEqual(
      changes.map(({ path }) => path.join(' › ')),
      ['graph g › node renamed › outputs', 'graph g › quantization_annotation'],
    );
    assert.ok(Buffer.from(bytes).includes(Buffer.from(bytesOf(annotation('renamed', 's', 'z')))));
  });
});
