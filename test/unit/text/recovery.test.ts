import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkText } from '../../../src/core/language/check';
import { TextIndex } from '../../../src/core/language/textIndex';
import { tokenize } from '../../../src/core/language/tokens';
import type { Model, Node, TextSpan } from '../../../src/core/onnx/model';
import { parseModel } from '../../../src/core/text/parse';
import { printModel } from '../../../src/core/text/print';
import { sampleModel } from '../support/models';
import { runs } from '../support/runs';

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

/** Text of a real style-transfer model, with a node that has subgraphs and a function added. */
function realText(): string {
  const { model, source } = sampleModel();
  const text = printModel(model, source, { fileName: 'm.onnx', elideAbove: 0 });
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.pop(), '}');
  const value = model.graph.outputs[0]!.name;
  return `${lines.join('\n')}
  [chooser] chosen = If (${value}) <
    then_branch = yes () => (float[N] a)
    {
      a1 = Neg (${value})
      a = Abs (a1)
    },
    else_branch = no () => (float[N] b)
    {
      b = Identity (${value})
    }
  >
  ["after"] scaled = local.Scaled <alpha = 0.5> (chosen, ${value})
}
${FUNCTION}`;
}

const names = ({ graph, functions }: Model): string[] => [graph, ...functions].flatMap(({ nodes }) => nodes.map(keyOf));

const keyOf = ({ name, outputs }: Node): string => name || outputs.join();

interface Element {
  readonly what: string;
  readonly span: TextSpan;
  /** What may change by the mistake. */
  readonly key?: string | undefined;
  /** The share of mistakes that recovery may make more of than there is. */
  readonly tolerated: number;
}

const INSERTED = ['(', ')', '[', ']', '<', '>', '{', '}', '"', ',', '=', ':', '@', '$', '?', '%', '1', 'x'];

/** Every text that differs from `text` by one token of `element`, or one put in front of it. */
function* mutations(text: string, { span }: Element): Generator<{ text: string; what: string; at: number }> {
  for (const [i, { start, end }] of tokenize(text, span.start, span.end).entries()) {
    const token = text.slice(start, end);
    yield { text: text.slice(0, start) + text.slice(end), what: `without ${token}`, at: start };
    if (token.startsWith('"')) {
      yield {
        text: text.slice(0, start) + text.slice(start + 1),
        what: `without the quote before ${token}`,
        at: start,
      };
      yield { text: text.slice(0, end - 1) + text.slice(end), what: `without the quote behind ${token}`, at: end };
    }
    // Each token gets some of the pieces, each piece comes before many tokens.
    for (const piece of INSERTED.filter((_, j) => (i + j) % 4 === 0)) {
      yield {
        text: `${text.slice(0, start)}${piece} ${text.slice(start)}`,
        what: `${piece} before ${token}`,
        at: start,
      };
    }
  }
}

describe('parseModel after one mistake', function () {
  this.timeout(60_000 * runs(1).numRuns);
  const text = realText();
  const { model, errors } = parseModel(text);
  const before = names(model);
  const problemsBefore = checkText(new TextIndex(text, model)).map(({ message }) => message);
  const { graph, functions } = model;
  const conv = graph.nodes.find(({ opType }) => opType === 'Conv')!;
  const choosing = graph.nodes.find(({ name }) => name === 'chooser')!;
  const fn = functions[0]!;
  const elements: readonly Element[] = [
    { what: 'a node', tolerated: 0, span: conv.span!, key: keyOf(conv) },
    { what: 'the first node', tolerated: 0.005, span: graph.nodes[0]!.span!, key: keyOf(graph.nodes[0]!) },
    { what: 'the last node', tolerated: 0, span: graph.nodes.at(-1)!.span!, key: keyOf(graph.nodes.at(-1)!) },
    { what: 'a node with subgraphs', tolerated: 0.07, span: choosing.span!, key: 'chooser' },
    { what: "the model's header", tolerated: 0.07, span: model.headerSpan! },
    { what: 'an initializer', tolerated: 0.01, span: graph.initializers[1]!.span! },
    {
      what: "the graph's signature",
      tolerated: 0.1,
      span: { start: graph.nameSpan!.start, end: text.indexOf('\n', graph.nameSpan!.start) },
    },
    {
      what: "a function's header and signature",
      tolerated: 0.1,
      span: { start: fn.span!.start, end: fn.bodySpan!.start },
    },
    { what: "a function's node", tolerated: 0, span: fn.nodes[0]!.span!, key: keyOf(fn.nodes[0]!) },
  ];

  it('has a text without mistakes to start from', () => assert.deepEqual(errors, []));

  for (const element of elements) {
    it(`in ${element.what}: keeps everything else, says once what is wrong, and nothing that follows from it`, () => {
      const bad: string[] = [];
      let count = 0;
      for (const mutation of mutations(text, element)) {
        count++;
        const complaint = complaintAbout(mutation.text, element);
        if (complaint !== undefined) bad.push(`${mutation.what} at ${mutation.at}: ${complaint}`);
      }
      assert.ok(count > 40);
      assert.ok(bad.length <= count * element.tolerated, `${bad.length} of ${count}:\n${bad.slice(0, 20).join('\n')}`);
    });
  }

  /** What is wrong with what is read of a text with one mistake in `element`, or `undefined` where it is as it should be. */
  function complaintAbout(mutated: string, element: Element): string | undefined {
    const result = parseModel(mutated);
    if (result.errors.length === 0) return undefined;
    const found = new Set(names(result.model));
    const lost = before.filter((name) => name !== element.key && !found.has(name));
    if (lost.length > 0) return `loses ${lost.length} nodes: ${lost.slice(0, 3).join(', ')}`;
    const messages = result.errors.map(({ message }) => message);
    if (messages.length > 1) return `reports ${messages.join(' | ')}`;
    const { start } = result.errors[0]!.span;
    if (start < element.span.start - 1 || start > element.span.end + 3) return `reports elsewhere: ${messages[0]!}`;
    const problems = checkText(new TextIndex(mutated, result.model)).filter(
      ({ message }) => !problemsBefore.includes(message),
    );
    return problems[0] && `entails: ${problems[0].message}`;
  }
});

describe('parseModel after several mistakes', function () {
  this.timeout(60_000 * runs(1).numRuns);

  it('ends, throws nothing, keeps spans in the text, and keeps the nodes that are some lines away', () => {
    const text = realText();
    const { model } = parseModel(text);
    const edit = fc.tuple(fc.nat(), fc.constantFrom('delete', 'double', ...INSERTED));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const places = edits.map(([at, how]) => ({
          at: model.graph.bodySpan!.start + (at % model.graph.bodySpan!.end),
          how,
        }));
        const inBody = places
          .map(({ at, how }) => ({ at: Math.min(at, model.graph.bodySpan!.end - 200), how }))
          .sort((a, b) => b.at - a.at);
        let edited = text;
        for (const { at, how } of inBody) {
          const token = tokenize(edited, edited.lastIndexOf('\n', at) + 1, at + 1).at(-1);
          if (token === undefined) continue;
          const piece = how === 'delete' ? '' : how === 'double' ? edited.slice(token.start, token.end).repeat(2) : how;
          edited =
            edited.slice(0, token.start) +
            piece +
            edited.slice(how === 'delete' || how === 'double' ? token.end : token.start);
        }
        const { model: result, errors } = parseModel(edited);
        for (const { span, message } of errors) {
          assert.ok(span.start >= 0 && span.start <= span.end && span.end <= edited.length, message);
        }
        const found = new Set(names(result));
        for (const node of model.graph.nodes) {
          const near = inBody.some(({ at }) => Math.abs(lineOf(text, at) - lineOf(text, node.span!.start)) <= 12);
          assert.ok(near || found.has(keyOf(node)), `${keyOf(node)} is lost after ${JSON.stringify(inBody)}`);
        }
      }),
      runs(150),
    );
  });
});

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;
