import assert from 'node:assert/strict';
import { completionAt } from '../../../src/core/language/completion';
import { signatureHelpAt } from '../../../src/core/language/signatureHelp';
import { marked, SMALL, textAt } from './support';

const complete = (text: string) => {
  const { index, offset } = marked(text);
  const found = completionAt(index, offset);
  return {
    labels: found?.items.map(({ label }) => label) ?? [],
    items: found?.items ?? [],
    span: found && textAt(index, found.span),
  };
};

const at = (written: string) => SMALL.replace('[first] sum = Add (x, w)', `[first] sum = Add (x, w)\n  ${written}`);

describe('completion', () => {
  it('offers the ops of the imported operator set behind =, and the functions', () => {
    const { labels, span } = complete(at('z = Re‸'));
    assert.equal(span, 'Re');
    assert.ok(labels.includes('Relu') && labels.includes('Conv') && labels.includes('local.Twice'));
    // Not there before operator set 20.
    assert.ok(!labels.includes('Gelu'));
    assert.ok(complete(at('z = ‸')).labels.includes('Relu'));
    assert.deepEqual(complete(at('z = local.‸')).labels, ['Twice']);
    assert.ok(complete(SMALL.replace('= Relu (sum)', '= Re‸ (sum)')).labels.includes('Relu'));
  });

  it('offers the attributes that are not given yet, required ones first', () => {
    const { items } = complete(at('z = Conv <group = 1, ‸'));
    assert.ok(items.some(({ label }) => label === 'strides'));
    assert.ok(!items.some(({ label }) => label === 'group'));
    const cast = complete(at('z = Cast <‸> (x)')).items;
    assert.deepEqual(
      cast.map(({ insertText }) => insertText),
      ['to = '],
    );
    assert.deepEqual(complete(at('z = local.Twice <fa‸> (x)')).labels, ['factor']);
  });

  it('offers default values, references to function attributes, and types of tensors', () => {
    assert.deepEqual(complete(at('z = Conv <auto_pad = ‸')).labels, ['"NOTSET"']);
    assert.ok(complete(SMALL.replace('r = Add (v, v)', 'r = LeakyRelu <alpha: float = ‸')).labels.includes('@factor'));
    assert.ok(complete(at('z = Constant <value = ‸')).labels.includes('float16'));
  });

  it('offers the values defined so far inside the parentheses, the last first', () => {
    const { labels } = complete(at('z = Add (x, ‸'));
    assert.deepEqual(labels, ['sum', 'x', 'w']);
    assert.deepEqual(complete(SMALL.replace('Relu (sum)', 'Relu (‸)')).labels, ['twice', 'sum', 'x', 'w']);
    assert.deepEqual(complete(SMALL.replace('Add (v, v)', 'Add (v, ‸')).labels, ['v']);
  });

  it('replaces the whole of a quoted name', () => {
    const { items, span } = complete('g (float "/a/b", float "/a/c") => (float y) { y = Neg ("/a‸") }');
    assert.equal(span, '"/a"');
    assert.deepEqual(
      items.map(({ insertText }) => insertText),
      ['"/a/b"', '"/a/c"'],
    );
  });

  it('offers types in declarations and keys in the header', () => {
    assert.ok(complete(SMALL.replace('(float[N,3] x)', '(fl‸ x)')).labels.includes('float16'));
    assert.deepEqual(complete(SMALL.replace('["": 17, "local": 1]', '["": 17], prod‸')).labels.slice(0, 2), [
      'producer_name',
      'producer_version',
    ]);
  });

  it('offers nothing in comments, strings of data, and where names are new', () => {
    assert.deepEqual(complete(at('# z = Re‸')).labels, []);
    assert.deepEqual(complete(at('z‸ = Relu (x)')).labels, []);
    assert.deepEqual(complete(SMALL.replace('{1.0, 2.0', '{‸1.0, 2.0')).labels, []);
  });

  it('is not confused by an unfinished node before', () => {
    assert.ok(complete(at('q = Relu (\n  z = Re‸')).labels.includes('Relu'));
    assert.deepEqual(complete(at('q = Add (x,\n  z = Neg (‸')).labels, ['q', 'sum', 'x', 'w']);
  });
});

describe('signature help', () => {
  it('says which input is being written', () => {
    const { index, offset } = marked(at('z = Conv <group = 1> (x, ‸'));
    const help = signatureHelpAt(index, offset)!;
    assert.equal(help.label, 'Conv (X: T, W: T, B?: T) => (Y: T)');
    assert.equal(help.activeInput, 1);
    assert.equal(help.label.slice(...help.inputs[1]!), 'W: T');
  });

  it('says so too in a list that isn’t closed, with other nodes below', () => {
    for (const written of ['z = Conv (x, ‸', 'z = Conv (x,‸', 'z = Conv <group = 1> ("w", ‸']) {
      const { index, offset } = marked(at(written));
      assert.equal(signatureHelpAt(index, offset)?.activeInput, 1, written);
    }
    assert.ok(complete(at('z = Conv (x, ‸')).labels.includes('w'));
    assert.ok(complete(at('z = Conv <group = 1, ‸')).labels.includes('strides'));
  });

  it('stays at a variadic input', () => {
    const { index, offset } = marked(at('z = Concat <axis = 0> (x, x, ‸x)'));
    assert.equal(signatureHelpAt(index, offset)!.activeInput, 0);
  });

  it('is silent elsewhere', () => {
    const { index, offset } = marked(at('z = Conv <group‸ = 1> (x, w)'));
    assert.equal(signatureHelpAt(index, offset), undefined);
  });
});
