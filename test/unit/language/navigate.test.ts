import assert from 'node:assert/strict';
import { definitionAt, highlightsAt, referencesAt } from '../../../src/core/language/navigate';
import { marked, SMALL, textAt } from './support';

const line = (text: string, offset: number) => text.slice(0, offset).split('\n').length;

describe('definition, references, highlights', () => {
  it('lead from a captured value in a subgraph to the node around it', () => {
    const { index, offset } = marked(SMALL.replace('Relu (sum)', 'Relu (s‸um)'));
    const span = definitionAt(index, offset)!;
    assert.equal(textAt(index, span), 'sum');
    assert.equal(line(index.text, span.start), 11);
  });

  it('find each place of a value once, its declaration too', () => {
    const { index, offset } = marked(SMALL.replace('[first] sum', '[first] ‸sum'));
    const lines = referencesAt(index, offset, true).map(({ start }) => line(index.text, start));
    assert.deepEqual(lines, [8, 11, 12, 16]);
    assert.deepEqual(
      highlightsAt(index, offset).map(({ isWrite }) => isWrite),
      [false, true, false, false],
    );
    assert.equal(referencesAt(index, offset, false).length, 3);
  });

  it('keep values of the same name in different bodies apart', () => {
    const { index, offset } = marked(
      'g (float x) => (float y) { y = If (x) <then_branch = t () => (float a) { a = Neg (x) }, else_branch = e () => (float a) { ‸a = Abs (x) }> }',
    );
    assert.equal(referencesAt(index, offset, true).length, 2);
  });

  it('lead from a call to the function, and back to its calls', () => {
    const call = marked(SMALL.replace('local.Twice', 'local.Tw‸ice'));
    const span = definitionAt(call.index, call.offset)!;
    assert.equal(line(call.index.text, span.start), 30);
    const fn = marked(SMALL.replace('Twice <factor>', 'Tw‸ice <factor>'));
    assert.deepEqual(
      referencesAt(fn.index, fn.offset, true).map(({ start }) => line(fn.index.text, start)),
      [12, 30],
    );
  });

  it('find the inputs, outputs and attributes of functions', () => {
    const input = marked(SMALL.replace('Add (v, v)', 'Add (v, ‸v)'));
    assert.equal(referencesAt(input.index, input.offset, true).length, 3);
    const attribute = marked(SMALL.replace('r = Add (v, v)', 'r = LeakyRelu <alpha: float = @fac‸tor> (v)'));
    assert.equal(textAt(attribute.index, definitionAt(attribute.index, attribute.offset)), 'factor');
  });

  it('say nothing where nothing is named', () => {
    const { index, offset } = marked(SMALL.replace('17, "local"', '1‸7, "local"'));
    assert.equal(definitionAt(index, offset), undefined);
    assert.deepEqual(highlightsAt(index, offset), []);
  });
});
