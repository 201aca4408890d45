import assert from 'node:assert/strict';
import fc from 'fast-check';
import { renamableAt, RenameError, renameEdits } from '../../../src/core/language/rename';
import type { TextIndex } from '../../../src/core/language/textIndex';
import { applyEdits } from '../../../src/core/text/edit';
import { parseModel } from '../../../src/core/text/parse';
import { anyModel } from '../support/arbitraryModel';
import { encode, fileOf, textOf } from '../support/textRoundTrip';
import { indexOf, marked, SMALL } from './support';

const rename = (text: string, name: string): string => {
  const { index, offset } = marked(text);
  return applyEdits(index.text, renameEdits(index, offset, name));
};

const refusal = (text: string, name: string): string => {
  try {
    rename(text, name);
  } catch (error) {
    if (error instanceof RenameError) return error.message;
    throw error;
  }
  return 'not refused';
};

describe('rename', () => {
  it('changes a value everywhere, subgraphs and declarations included', () => {
    const result = rename(SMALL.replace('(x, w)', '(x, w)').replace('[first] sum', '[first] ‸sum'), 'total');
    assert.equal(result, SMALL.replaceAll(/\bsum\b/g, 'total'));
  });

  it('quotes what is no identifier, and the names of types', () => {
    assert.match(rename(SMALL.replace('[first] sum', '[first] su‸m'), '/a/b"0'), /\[first\] "\/a\/b\\"0" = Add/);
    assert.match(rename(SMALL.replace('[first] sum', '[first] su‸m'), 'float'), /\[first\] "float" = Add/);
  });

  it('changes nodes and functions', () => {
    assert.match(rename(SMALL.replace('[first]', '[fir‸st]'), 'the first'), /\["the first"\] sum = Add/);
    const result = rename(SMALL.replace('local.Twice', 'local.‸Twice'), 'Double');
    assert.match(result, /twice = local\.Double \(sum\)/);
    assert.match(result, /^Double <factor>/m);
  });

  it('refuses names that are empty, taken or would be captured', () => {
    const value = SMALL.replace('[first] sum', '[first] su‸m');
    assert.match(refusal(value, ''), /empty/);
    assert.match(refusal(value, 'w'), /"w" is taken/);
    assert.match(refusal(value, 'a'), /"a" is taken in a graph inside/);
    assert.match(refusal(SMALL.replace('a = Relu', 'a‸ = Relu'), 'x'), /"x" is taken in the graph around/);
    assert.match(refusal(SMALL.replace('Add (x, w)', 'Add (x‸, w, ghost)'), 'ghost'), /nothing defines it/);
    assert.match(refusal(SMALL.replace('[first]', '[first‸]'), 'call'), /Another node/);
    assert.match(refusal(SMALL.replace('= Add (x', '= Ad‸d (x'), 'Sub'), /isn't a function of this model/);
    assert.match(refusal(SMALL.replace('ir_version', 'ir‸_version'), 'x'), /Only values, nodes and functions/);
  });

  it('offers the name without its quotes', () => {
    const { index, offset } = marked('g (float "a b") => (float y) { y = Neg ("a‸ b") }');
    assert.deepEqual(renamableAt(index, offset), { span: { start: 40, end: 45 }, name: 'a b' });
  });

  it('back to the old name gives the old text, in any model', () => {
    let renamed = 0;
    fc.assert(
      fc.property(anyModel, fc.nat(), fc.constantFrom('fresh', 'a new one', '"\\', 'int64'), (model, pick, name) => {
        const text = textOf(fileOf(encode(model)), 1e9);
        const index = indexOf(text);
        const places = renamable(index);
        const offset = places[pick % Math.max(places.length, 1)];
        if (offset === undefined) return;
        const old = renamableAt(index, offset);
        let edits;
        try {
          edits = renameEdits(index, offset, name);
        } catch (error) {
          if (error instanceof RenameError) return;
          throw error;
        }
        const newText = applyEdits(text, edits);
        const parsed = parseModel(newText);
        assert.deepEqual(parsed.errors, []);
        const moved = edits.filter(({ span }) => span.start < old.span.start);
        const shift = moved.reduce((sum, edit) => sum + edit.newText.length - (edit.span.end - edit.span.start), 0);
        const again = indexOf(newText);
        if (old.name === '') return;
        const back = renameEdits(again, old.span.start + shift, old.name);
        assert.equal(applyEdits(newText, back), text);
        renamed++;
      }),
      { numRuns: 150 },
    );
    assert.ok(renamed > 50, `${renamed} renames tried`);
  }).timeout(60_000);
});

/** Offsets of what can be renamed and back: names that stand for one thing only, as in valid models. */
function renamable(index: TextIndex): number[] {
  const names = index.scopes.map(
    ({ body, values, unresolved }) =>
      new Set([...values.keys(), ...[...unresolved, ...body.valueInfos].map(({ name }) => name)]),
  );
  const isUnique = (name: string) => names.filter((ofScope) => ofScope.has(name)).length === 1;
  const offsets = index.scopes.flatMap((scope) =>
    [...scope.values].flatMap(([name, value]) => {
      const span = index.definitionSpan(scope, name);
      return span && !value.isAmbiguous && name !== '' && isUnique(name) ? [span.start] : [];
    }),
  );
  const nodes = index.scopes.flatMap(({ body }) => {
    const count = (name: string) => body.nodes.filter((node) => node.name === name).length;
    return body.nodes.flatMap((node) => (node.spans?.name && count(node.name) === 1 ? [node.spans.name.start] : []));
  });
  return [...offsets, ...nodes];
}
