import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TextSpan } from '../../../src/core/onnx/model';
import { parseModel, reparseModel, type ParsedText } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { sampleModel } from '../support/models';
import { plain } from '../support/plain';

const HEADER = '<\n  ir_version: 8,\n  opset_import: ["": 17, "local": 1]\n>\n';

const FUNCTION = `
<
  domain: "local",
  opset_import: ["": 17]
>
Scaled <alpha, beta: float = 2.0> (X, S) => (Y)
{
  Z = Mul (X, S)
  [last] Y = LeakyRelu <alpha: float = @alpha> (Z)
}
`;

const SUBGRAPHS = `
  [chooser] chosen = If (c) <
    then_branch = yes () => (float[N] a)
    <
      float[2] w1 = {1.0, 2.0},
      float[N] a1
    >
    {
      # why
      a1 = Neg <many = [1, 2], text = "a
b"> (x)
      a = Abs (a1)
    },
    else_branch = no () => (float[N] b) { b = Identity (x) }
  >`;

/** A text with everything in it that the parser treats differently. */
const SMALL = `${HEADER}g (float[N] x, bool c = {1}) => (float[N] y)
<
  float[2] w = {1.0, 2.0},
  sparse[4] s = (float[1] {1.0}, int64[1] {2}),
  float[N] h
>
{
  # the first
  ["n 1"] h = Conv <pads = [0, 0], value = float[2] named {1, 2}> (x, w)
  [n2] "a/b" = Relu (h)  # behind
  "c", d = d.Split:o ("a/b", , s) <axis = 0>
${SUBGRAPHS}
  e = Add (chosen, d) f = Neg (e)
  y = local.Scaled <alpha = 0.5> (f, w)
}
${FUNCTION}
<domain: "local", overload: "o", opset_import: ["": 17]>
Other (a) => (b) { b = Neg (a) c = Neg (b) }
`;

/** Text of a real style-transfer model, with a node that has subgraphs and a function added. */
function realText(): string {
  const { model, source } = sampleModel();
  const text = printModel(model, source, { fileName: 'm.onnx', elideAbove: 0 });
  return `${text.trimEnd().slice(0, -1)}${SUBGRAPHS}\n}\n${FUNCTION}`;
}

function assertSame(found: ParsedText): void {
  const expected = parseModel(found.text);
  const [a, b] = [plain(found), plain(expected)];
  if (JSON.stringify(a) !== JSON.stringify(b)) assert.deepEqual(a, b);
}

/** Replace the characters from `at` on, a share of the text. */
interface Replacement {
  readonly at: number;
  readonly length: number;
  readonly piece: string;
}

const anyPiece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'(){}[]<>",=#:@$?%.\\-\n x1'.split('')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '\n',
      '# ',
      '=>',
      ' = Relu (x)',
      '\n  added = Relu (x)\n',
      '}\n',
      '\n<\n  domain: "d",\n',
      '}\n<domain: "l">\nF (a) => (b)\n{ b = Neg (a) }\n',
      SUBGRAPHS,
      FUNCTION,
    ),
  },
);

const anyReplacement: fc.Arbitrary<Replacement> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(300) }),
  piece: anyPiece,
});

function replace(text: string, { at, length, piece }: Replacement): string {
  const start = Math.floor(at * text.length);
  return text.slice(0, start) + piece + text.slice(start + length);
}

describe('reparseModel', function () {
  // Parses many texts: slow where the machine is busy.
  this.timeout(120_000);

  for (const [what, text, numRuns] of [
    ['a small model', SMALL, 400],
    ['a real model', realText(), 25],
  ] as const) {
    const whole = parseModel(text);

    it(`reads ${what} after any edits as parseModel does`, () => {
      assert.deepEqual(whole.errors, []);
      fc.assert(
        fc.property(fc.array(anyReplacement, { minLength: 1, maxLength: 6 }), (replacements) => {
          let parsed = whole;
          for (const replacement of replacements) {
            parsed = reparseModel(parsed, replace(parsed.text, replacement));
            assertSame(parsed);
          }
          assertSame(reparseModel(parsed, text));
        }),
        { numRuns },
      );
    });
  }

  it('reads a text typed letter by letter', () => {
    const at = SMALL.indexOf('  e = Add');
    let parsed = parseModel(SMALL);
    for (let i = 0; i < SUBGRAPHS.length; i++) {
      parsed = reparseModel(parsed, SMALL.slice(0, at) + SUBGRAPHS.slice(0, i + 1) + SMALL.slice(at));
      assertSame(parsed);
    }
  });

  it('keeps what the edit leaves alone', () => {
    const text = realText();
    const before = parseModel(text);
    const { nodes } = before.model.graph;
    const middle = nodes[nodes.length >> 1]!;
    const { start } = middle.spans!.opType;
    const after = reparseModel(before, `${text.slice(0, start)}My${text.slice(start)}`);
    const { graph } = after.model;
    assert.equal(graph.initializers, before.model.graph.initializers);
    for (const [i, node] of graph.nodes.entries()) {
      const old = nodes[i]!;
      if (i < nodes.indexOf(middle) - 1) assert.equal(node, old);
      else if (old !== middle && i > nodes.indexOf(middle)) assert.equal(node.inputs, old.inputs);
    }
    const at = (span: TextSpan | undefined) => after.text.slice(span!.start, span!.end);
    assert.equal(at(graph.nodes[nodes.indexOf(middle)]!.spans!.opType), `My${middle.opType}`);
    assert.equal(at(graph.nodes.at(-1)!.spans!.opType), nodes.at(-1)!.opType);
    assert.equal(reparseModel(after, after.text), after);
  });
});
