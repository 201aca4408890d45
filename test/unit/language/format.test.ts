import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatText } from '../../../src/core/language/format';
import { tokenize } from '../../../src/core/language/tokens';
import { applyEdits } from '../../../src/core/text/edit';
import { anyModel } from '../support/arbitraryModel';
import { encode, fileOf, textOf } from '../support/textRoundTrip';
import { SMALL } from './support';

const format = (text: string) => applyEdits(text, formatText(text));
const tokensOf = (text: string) => tokenize(text).map(({ start, end }) => text.slice(start, end));

/** White space between the tokens anew, with comments on lines of their own and at the ends of others. */
const mangled = (text: string, gaps: readonly string[], comments: readonly boolean[]): string => {
  let result = '';
  tokenize(text).forEach((token, i) => {
    const previous = result.at(-1) ?? '';
    const gap = comments[i % comments.length] ? ' # comment\n' : gaps[i % gaps.length]!;
    const content = text.slice(token.start, token.end);
    if (token.kind === 'comment') result += `\n${content}\n`;
    // Two words, numbers or strings in a row stay two.
    else result += (gap === '' && /[\w"$]/.test(previous) && /[\w"$]/.test(content[0]!) ? ' ' : gap) + content;
  });
  return result;
};

describe('formatting', () => {
  it('leaves what was printed as it is', () => {
    assert.deepEqual(formatText(SMALL), []);
    fc.assert(
      fc.property(anyModel, (model) => assert.deepEqual(formatText(textOf(fileOf(encode(model)), 1e9)), [])),
      { numRuns: 100 },
    );
  }).timeout(60_000);

  it('brings any text into shape, changes no token, and is done after one time', () => {
    const gaps = fc.array(fc.constantFrom('', ' ', '   ', '\t'), { minLength: 1, maxLength: 7 });
    const comments = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(anyModel, gaps, comments, (model, spaces, marks) => {
        const text = mangled(textOf(fileOf(encode(model)), 1e9), spaces, marks);
        const once = format(text);
        assert.deepEqual(tokensOf(once), tokensOf(text));
        assert.equal(format(once), once);
      }),
      { numRuns: 100 },
    );
  }).timeout(60_000);

  it('gives squeezed text the shape that the printer gives', () => {
    assert.equal(format(SMALL.replace(/\s+/g, ' ')), SMALL);
    assert.equal(format(SMALL.replaceAll('\n', '\r\n')), SMALL.replaceAll('\n', '\r\n'));
  });

  it('keeps comments, blank lines between nodes, and breaks in lists', () => {
    const text = `# top
<
  ir_version: 8, # the IR
  opset_import: ["": 17]
>
g (float x) => (float y)
<
  # weights
  float[2,2] w = {
    1.0, 2.0,
    3.0, 4.0
  }
>
{
  # first
  a = Relu (x) # trailing

  b = Gemm <
    alpha = 1.0,
    beta = 2.0
  > (a, w)
  # last
}
# end
`;
    assert.deepEqual(formatText(text), []);
    assert.equal(format(text.replaceAll(/^ +/gm, '')), text);
  });

  it('does nothing to text that it does not understand', () => {
    assert.deepEqual(formatText('g (float x) => { y = '), []);
    assert.deepEqual(formatText(''), []);
  });
});
