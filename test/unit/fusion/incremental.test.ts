import assert from 'node:assert/strict';
import fc from 'fast-check';
import { adviceLines } from '../../../src/core/fusion/adviceText';
import { findDegenerate } from '../../../src/core/fusion/degenerate';
import { describeFusion } from '../../../src/core/fusion/describe';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import type { Finding } from '../../../src/core/fusion/finding';
import { checkText } from '../../../src/core/language/check';
import { TextIndex } from '../../../src/core/language/textIndex';
import type { Node, TextSpan } from '../../../src/core/onnx/model';
import { parseModel, reparseModel, type ParsedText } from '../../../src/core/text/parse';
import { fuseText } from './text';
import { randomModel, recipe } from './randomGraphs';

/** What the editor shows of a text: lenses, diagnostics, quick fixes, hovers. */
function shownOf({ text, model }: ParsedText): unknown {
  const at = (span: TextSpan | undefined): unknown => span && [span.start, span.end, lineOf(text, span.start)];
  const nodeAt = (node: Node | undefined): unknown => node && [node.opType, node.name, at(node.span)];
  const related = (places: Finding['left']): unknown =>
    places?.map((reason) => [
      reason.message,
      ...reason.related.map(({ message, span, node }) => [message, at(span), nodeAt(node)]),
    ]);
  const findings = findFusions(model);
  return {
    findings: findings.map((finding) => {
      const { id, kind, fusedOp, form, reason, pad, residual, fusedActivation, left, nodes, convolution } = finding;
      const { isNative, input, output, scale, bias, epsilon, channels, departure } = form;
      return {
        ...{ id, kind, fusedOp, isNative, input, output, scale, bias, epsilon, channels },
        lens: at(convolution.span),
        code: reason?.code,
        because: related(reason && [reason]),
        departure: departure && [departure.code, nodeAt(departure.node)],
        pad: pad && [pad.type, pad.pads, nodeAt(pad.node)],
        residual: residual && [residual.value, nodeAt(residual.node)],
        activation: fusedActivation && [fusedActivation.type, fusedActivation.alpha, nodeAt(fusedActivation.node)],
        left: related(left),
        nodes: nodes.map(nodeAt),
        texts: [describeFusion(finding), ...adviceLines(finding)],
      };
    }),
    fused: findFused(model).map(({ id, op, node }) => [id, op.name, at(node.span)]),
    degenerate: findDegenerate(model, findings).map(({ code, severity, message, span, related: places }) => [
      ...[code, severity, message, at(span)],
      places.map(({ message: why, span: place }) => [why, at(place)]),
    ]),
    problems: checkText(new TextIndex(text, model)).map(({ code, message, span, related: places }) => [
      ...[code, message, at(span)],
      places?.map(({ message: why, span: place }) => [why, at(place)]),
    ]),
  };
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

/** An edit: characters replaced somewhere, or a line removed, doubled or moved, a share of the text each. */
interface Edit {
  readonly kind: 'replace' | 'remove' | 'double' | 'move';
  /** Only behind the declarations, so that these stay the same. */
  readonly isInNodes: boolean;
  readonly at: number;
  readonly to: number;
  readonly length: number;
  readonly piece: string;
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyEdit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'double', 'move'),
  isInNodes: fc.constantFrom(true, true, false),
  at: share,
  to: share,
  length: fc.nat(3),
  piece: fc.constantFrom('', '', 'x', '1', ',', '"', '\n', 'Relu', ' = Relu (x)\n  ', '1.0', 'v2', '# '),
});

function edited(text: string, { kind, isInNodes, at, to, length, piece }: Edit): string {
  if (isInNodes) {
    const body = text.indexOf('{\n') + 2;
    return text.slice(0, body) + edited(text.slice(body), { kind, isInNodes: false, at, to, length, piece });
  }
  const start = Math.floor(at * text.length);
  if (kind === 'replace') return text.slice(0, start) + piece + text.slice(start + length);
  const lines = text.split('\n');
  const index = Math.floor(at * (lines.length - 1));
  const [line] = kind === 'double' ? [lines[index]!] : lines.splice(index, 1);
  if (kind !== 'remove') lines.splice(Math.floor(to * lines.length), 0, line!);
  return lines.join('\n');
}

/** A graph with pairs, some of them fused already. */
const anyText: fc.Arbitrary<string> = fc
  .tuple(recipe, fc.nat(2))
  .map(([graph, every]) => fuseText(randomModel(graph), ({ id }) => every > 0 && id.length % (every + 1) === 0));

const SEED = process.env['SEED'];

describe('what is found after edits', function () {
  this.timeout(120_000);

  it('is what is found in the text read anew', () => {
    let pairs = 0;
    let problems = 0;
    fc.assert(
      fc.property(anyText, fc.array(anyEdit, { minLength: 1, maxLength: 5 }), (text, edits) => {
        let parsed = parseModel(text);
        // The index and what is known of constants are made before the edits, as the editor does.
        shownOf(parsed);
        for (const edit of edits) {
          parsed = reparseModel(parsed, edited(parsed.text, edit));
          const shown = shownOf(parsed);
          assert.deepEqual(shown, shownOf(parseModel(parsed.text)), parsed.text);
          const { findings, problems: checked } = shown as { findings: unknown[]; problems: unknown[] };
          pairs += findings.length;
          problems += checked.length;
        }
        const undone = reparseModel(parsed, text);
        assert.deepEqual(shownOf(undone), shownOf(parseModel(text)));
      }),
      { numRuns: Number(process.env['EDITED_GRAPHS'] ?? 120), ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
    );
    assert.ok(pairs > 200 && problems > 50, `${pairs} pairs and ${problems} problems compared`);
  });

  /** Two pairs whose results are added, one of them after a chain of nodes whose types nothing states. */
  const ADDED = `<ir_version: 10, opset_import: ["" : 17]>
g (float[1, 3, 8, 8] x) => (y) <float[3, 3, 1, 1] w, float[3, 3, 1, 1] v, float[3] s>
{
  f = Cast <to = 1> (x)
  g = Relu (f)
  h = Relu (g)
  a = Conv (h, w)
  i = Identity (a)
  n = InstanceNormalization (i, s, s)
  b = Conv (x, v)
  m = InstanceNormalization (b, s, s)
  z = Add (n, m)
  y = Neg (z)
}
`;

  function findAfter(from: string, to: string): readonly Finding[] {
    const before = parseModel(ADDED);
    findFusions(before.model);
    const after = reparseModel(before, ADDED.replace(from, to));
    assert.notEqual(after.text, ADDED);
    assert.deepEqual(shownOf(after), shownOf(parseModel(after.text)));
    return findFusions(after.model);
  }

  it('heeds an element type that an edit far in front decides', () => {
    assert.deepEqual(
      findAfter('to = 1>', 'to = 11>').map(({ reason }) => reason?.code),
      ['element-type', undefined],
    );
  });

  it('gives an addition to the other pair when an edit keeps the first from fusing', () => {
    const found = findAfter('a = Conv (h, w)', 'a = Conv <other = 1> (h, w)');
    assert.deepEqual(
      found.map(({ fusedOp, fusable }) => fusable && fusedOp),
      [false, 'ConvInstanceNormalizationAdd'],
    );
  });
});
