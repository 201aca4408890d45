import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bytesOf, entry, message, type Message } from '../support/message';
import { runs } from '../support/runs';
import { build, fileOf, parsed, textOf } from '../support/textRoundTrip';

/** A node of a random graph; values are numbered. */
interface Step {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

interface Graph {
  readonly inputs: readonly number[];
  /** Which of them are as long as to be elided. */
  readonly initializers: readonly (readonly [number, boolean])[];
  readonly steps: readonly Step[];
  readonly outputs: readonly number[];
}

const anyGraph: fc.Arbitrary<Graph> = fc
  .record({
    inputs: fc.integer({ min: 1, max: 2 }),
    initializers: fc.array(fc.boolean(), { maxLength: 3 }),
    steps: fc.array(
      fc.record({
        isNamed: fc.boolean(),
        op: fc.constantFrom('Conv', 'Relu', 'Add'),
        inputs: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
        outputs: fc.integer({ min: 1, max: 2 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
  })
  .map(({ inputs, initializers, steps, outputs }) => {
    let count = 0;
    const next = (): number => count++;
    const any = (choice: number): number => choice % count;
    return {
      inputs: Array.from({ length: inputs }, next),
      initializers: initializers.map((isLong) => [next(), isLong] as const),
      steps: steps.map(({ isNamed, op, inputs: read, outputs: written }, i) => {
        const values = read.map(any);
        return { name: isNamed ? `node ${i}` : '', op, inputs: values, outputs: Array.from({ length: written }, next) };
      }),
      outputs: [...new Set(outputs.map(any))],
    };
  });

/** Whether two nodes compute the same, so that each may stand in for the other. */
const hasTwins = ({ steps }: Graph): boolean =>
  new Set(steps.map(({ op, inputs }) => [op, ...inputs].join())).size < steps.length;

const tensorType = message([1, message([1, 1])]);

/** The file of a graph, with values under these names, and fields all over that the text doesn't show. */
function encoded({ inputs, initializers, steps, outputs }: Graph, names: readonly string[]): Uint8Array {
  const name = (value: number): string => names[value]!;
  const about = (value: number): Message =>
    message([1, name(value)], [2, tensorType], [3, `about ${value}`], [4, entry('key', String(value))]);
  const graph = message(
    ...steps.map(({ name: own, op, inputs: read, outputs: written }, i) => {
      const sharded = [...read, ...written].map((value) => [2, message([1, name(value)], [2, 0])] as const);
      return [
        1,
        message(
          ...read.map((value) => [1, name(value)] as const),
          ...written.map((value) => [2, name(value)] as const),
          ...(own === '' ? [] : [[3, own] as const]),
          [4, op],
          [6, `about node ${i}`],
          [10, message([1, 'two'], ...sharded)],
        ),
      ] as const;
    }),
    [2, 'main'],
    ...initializers.map(([value, isLong]) => {
      const floats = Float32Array.from({ length: isLong ? 64 : 2 }, (_, i) => value + i / 64);
      const data = new Uint8Array(floats.buffer);
      return [5, message([1, floats.length], [2, 1], [8, name(value)], [9, data], [12, `about ${value}`])] as const;
    }),
    ...inputs.map((value) => [11, about(value)] as const),
    ...outputs.map((value) => [12, about(value)] as const),
    ...steps.flatMap((step) => step.outputs.map((value) => [13, about(value)] as const)),
    ...names.map((own, i) => [14, annotationOf(own, name((i + 1) % names.length))] as const),
  );
  const training = message(...names.map((own, i) => [4, entry(own, name((i + 2) % names.length))] as const));
  return bytesOf(message([1, 13], [7, graph], [8, message([1, ''], [2, 21])], [20, training]));
}

function annotationOf(name: string, scale: string): Message {
  return message([1, name], [2, entry('SCALE_TENSOR', scale)]);
}

const valueCount = ({ inputs, initializers, steps }: Graph): number =>
  inputs.length + initializers.length + steps.reduce((sum, { outputs }) => sum + outputs.length, 0);

/** A graph, the usual names of its values, and new ones: some of them those that others had. */
const anyRenaming = anyGraph
  .filter((graph) => !hasTwins(graph))
  .chain((graph) => {
    const usual = Array.from({ length: valueCount(graph) }, (_, i) => `v${i}`);
    const read = new Set([...graph.steps.flatMap(({ inputs }) => inputs), ...graph.outputs]);
    const candidates = usual.map((_, i) => i).filter((i) => read.has(i));
    return fc
      .tuple(fc.shuffledSubarray(candidates, { maxLength: Math.min(4, candidates.length) }), fc.boolean())
      .map(([chosen, isRing]) => {
        const names = [...usual];
        chosen.forEach(
          (value, i) => (names[value] = usual[chosen[i + 1] ?? -1] ?? (isRing ? usual[chosen[0]!]! : 'new')),
        );
        return { graph, usual, names };
      });
  });

const linesOf = ({ steps }: Graph, names: readonly string[]): string[] =>
  steps.map(({ name, op, inputs, outputs }) =>
    JSON.stringify([name, op, inputs.map((value) => names[value]), outputs.map((value) => names[value])]),
  );

describe('values that get the names of others', function () {
  this.timeout(20_000 * runs(1).numRuns);

  it('take along all that the text does not show', () => {
    fc.assert(
      fc.property(anyRenaming, ({ graph, usual, names }) => {
        // A node may come to read as another one did, which it then is.
        const before = linesOf(graph, usual);
        fc.pre(!linesOf(graph, names).some((line, i) => before.indexOf(line) >= 0 && before.indexOf(line) !== i));
        const file = fileOf(encoded(graph, usual));
        const to = new Map(usual.map((name, i) => [name, names[i]!]));
        const text = textOf(file).replaceAll(/\bv\d+\b/g, (name) => to.get(name)!);
        const { bytes } = build(parsed(text), file);
        assert.equal(textOf(fileOf(bytes), 0), textOf(fileOf(encoded(graph, names)), 0));
        assert.ok(Buffer.from(bytes).equals(encoded(graph, names)), text);
      }),
      runs(300),
    );
  });

  const convolutions: Graph = {
    inputs: [0],
    initializers: [
      [1, true],
      [2, true],
    ],
    steps: [
      { name: '', op: 'Conv', inputs: [0, 1], outputs: [3] },
      { name: '', op: 'Conv', inputs: [0, 2], outputs: [4] },
      { name: '', op: 'Add', inputs: [3, 4], outputs: [5] },
    ],
    outputs: [5],
  };
  const usual = ['v0', 'v1', 'v2', 'v3', 'v4', 'v5'];
  const file = fileOf(encoded(convolutions, usual));

  /** The file after its text was edited; what it has behind the nodes has to be as it was, but for these declarations. */
  function edited(...replacements: readonly (readonly [string, string])[]): Buffer {
    let text = textOf(file);
    for (const [from, to] of replacements) {
      assert.equal(text.split(from).length, 2, from);
      text = text.replace(from, to);
    }
    const { bytes } = build(parsed(text), file);
    const hidden = Buffer.from(file.bytes).indexOf(Buffer.from(bytesOf(message([14, annotationOf('v0', 'v1')]))));
    assert.ok(hidden > 0);
    const tail = Buffer.from(file.bytes).subarray(hidden, file.model.graph.origin!.end);
    assert.ok(Buffer.from(bytes).includes(tail), 'the annotations');
    return Buffer.from(bytes);
  }

  it('are no exchange where weights change places', () => {
    const bytes = edited(['v3 = Conv (v0, v1)', 'v3 = Conv (v0, v2)'], ['v4 = Conv (v0, v2)', 'v4 = Conv (v0, v1)']);
    const { nodes } = fileOf(bytes).model.graph;
    assert.deepEqual(
      nodes.map(({ outputs, origin }) => [
        outputs[0],
        /about node \d/.exec(bytes.toString('latin1', origin!.start, origin!.end))![0],
      ]),
      [
        ['v3', 'about node 0'],
        ['v4', 'about node 1'],
        ['v5', 'about node 2'],
      ],
    );
  });

  it('are no rename where what reads them still reads them by the old names', () => {
    edited(['v3 = Conv (v0, v1)', 'v4 = Conv (v0, v1)'], ['v4 = Conv (v0, v2)', 'v3 = Conv (v0, v2)']);
  });

  it('are no rename where one of them is defined anew', () => {
    edited(['v3 = Conv (v0, v1)', 'v3 = Relu (v0)\n  n = Conv (v0, v1)']);
  });
});
