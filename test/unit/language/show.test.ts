import assert from 'node:assert/strict';
import { foldsOf } from '../../../src/core/language/folding';
import { hoverAt } from '../../../src/core/language/hover';
import { shapeHints } from '../../../src/core/language/inlayHints';
import { outlineOf, type OutlineSymbol } from '../../../src/core/language/outline';
import { semanticTokens } from '../../../src/core/language/semanticTokens';
import { indexOf, marked, SMALL, textAt } from './support';

const hover = (text: string) => {
  const { index, offset } = marked(text);
  return hoverAt(index, offset)?.markdown ?? '';
};

describe('hover', () => {
  it("shows an op's signature, attributes, types, version and page", () => {
    const text = hover(SMALL.replace('Add (x, w)', 'Ad‸d (x, w)'));
    assert.match(text, /Add \(A: T, B: T\) => \(C: T\)/);
    assert.match(text, /T: .*bfloat16/);
    assert.match(
      text,
      /Since operator set 14 of ai\.onnx · \[Documentation\]\(https:\/\/onnx\.ai\/onnx\/operators\/onnx__Add\.html\)/,
    );
    assert.match(
      hover('<ir_version: 8, opset_import: ["": 17]> g (float x) => (float y) { y = Conv‸ (x, x) }'),
      /auto_pad: string = "NOTSET"/,
    );
  });

  it("shows a value's type and where it comes from", () => {
    assert.match(
      hover(SMALL.replace('Add (x, w)', 'Add (x‸, w)')),
      /x: float\[N,3\]\n```\n\nInput of the graph in line 5\./,
    );
    assert.match(hover(SMALL.replace('Add (x, w)', 'Add (x, w‸)')), /w: float\[3\]\n```\n\nInitializer in line 7\./);
    assert.match(
      hover(SMALL.replace('Twice (sum)', 'Twice (su‸m)')),
      /sum: float\[N,3\]\n```\n\nComputed by Add `first` in line 11\./,
    );
    assert.match(hover(SMALL.replace('Identity (twice)', 'Identity (twice‸)')), /type not declared/);
  });

  it('says what a fused op computes', () => {
    const text = hover('g (float x) => (float y) { y = fusionlens.ConvInst‸anceNormalizationRelu (x, x, x, x) }');
    assert.match(text, /Relu\(InstanceNormalization\(Conv\(X, W\), scale, B\)\)/);
    assert.match(text, /fusionlens\.ConvInstanceNormalizationRelu \(X: tensor\(float\)/);
  });

  it("shows attributes, and the model's own functions", () => {
    assert.match(hover(SMALL.replace('<value =', '<val‸ue =')), /value: tensor/);
    assert.match(hover(SMALL.replace('local.Twice', 'local.Twi‸ce')), /A function of this model/);
    assert.match(hover(SMALL.replace('Twice <factor>', 'Twi‸ce <factor>')), /local\.Twice \(v\?\) => \(r\?\)/);
  });

  it('keeps what a name says from being read as Markdown', () => {
    assert.match(hover('g (float x) => (float y) { ["[a](b)*"] z = Neg (x) y = Neg (z‸) }'), /\\\[a\\\](\\)?\(b\)\\\*/);
  });
});

describe('outline', () => {
  it('has graph, functions, values, nodes and subgraphs, each within its parent', () => {
    const symbols = outlineOf(indexOf(SMALL));
    const show = ({ kind, name, children }: OutlineSymbol): unknown => [kind, name, ...children.map(show)];
    assert.deepEqual(symbols.map(show), [
      [
        'graph',
        'g',
        ['input', 'x'],
        ['output', 'y'],
        ['initializer', 'w'],
        ['node', 'first'],
        ['node', 'call'],
        [
          'node',
          'choice',
          ['graph', 'then_branch', ['output', 'a'], ['node', 'a']],
          ['graph', 'else_branch', ['output', 'b'], ['node', 'b']],
        ],
        ['node', 'flag'],
      ],
      ['function', 'Twice', ['input', 'v'], ['output', 'r'], ['node', 'r']],
    ]);
    const within = (symbol: OutlineSymbol) => {
      assert.ok(symbol.span.start <= symbol.nameSpan.start && symbol.nameSpan.end <= symbol.span.end);
      symbol.children.forEach(within);
    };
    symbols.forEach(within);
  });
});

describe('folding', () => {
  it('folds what is in brackets over lines, and comments, but not strings', () => {
    const text = `# one\n# two\n${SMALL}g2 = "{\n(\n"`;
    const lines = foldsOf(text).map(({ start, end, kind }) => {
      const line = (offset: number) => text.slice(0, offset).split('\n').length - 2;
      return `${kind} ${line(start)}-${line(end)}`;
    });
    assert.deepEqual(lines.sort(), [
      'brackets 1-3',
      'brackets 10-23',
      'brackets 13-21',
      'brackets 15-16',
      'brackets 19-20',
      'brackets 26-28',
      'brackets 31-32',
      'brackets 6-8',
      'comment -1-0',
    ]);
  });
});

describe('semantic tokens', () => {
  it('say what each name is, in order, without overlap', () => {
    const index = indexOf(SMALL);
    const tokens = semanticTokens(index, { start: 0, end: SMALL.length });
    tokens.forEach(({ span }, i) => assert.ok(i === 0 || tokens[i - 1]!.span.end <= span.start));
    const shown = tokens.map(({ span, type, modifiers }) => [textAt(index, span), type, ...modifiers].join(' '));
    for (const expected of [
      'g namespace declaration',
      'x parameter declaration',
      'w variable declaration readonly',
      'first label',
      'sum variable declaration',
      'Add function defaultLibrary',
      'x parameter',
      'w variable readonly',
      'local namespace',
      'Twice function',
      'Twice function declaration',
      'value property',
    ]) {
      assert.ok(shown.includes(expected), `${expected} in ${shown.join('; ')}`);
    }
  });

  it('give a part what they give the whole', () => {
    const index = indexOf(SMALL);
    const range = { start: SMALL.indexOf('[call]'), end: SMALL.indexOf('then_branch') };
    const all = semanticTokens(index, { start: 0, end: SMALL.length });
    assert.deepEqual(
      semanticTokens(index, range),
      all.filter(({ span }) => span.end > range.start && span.start < range.end),
    );
  });
});

describe('shape hints', () => {
  it('stand behind the results whose shape is declared', () => {
    const index = indexOf(SMALL);
    const hints = shapeHints(index, { start: 0, end: SMALL.length });
    assert.deepEqual(
      hints.map(({ offset, label }) => [SMALL.slice(0, offset).split('\n').length, label]),
      [
        [11, '[N,3]'],
        [13, '[N,3]'],
        [16, 'scalar'],
        [20, 'scalar'],
      ],
    );
    const inferred = shapeHints(index, { start: 0, end: SMALL.length }, (_, name) =>
      name === 'twice' ? { kind: 'tensor', elementType: 1, shape: [2, undefined] } : undefined,
    );
    assert.ok(inferred.some(({ label }) => label === '[2,?]'));
  });
});
