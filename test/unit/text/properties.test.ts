import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModelFormatError } from '../../../src/core/onnx/decode';
import type { Model, Node, Tensor, ValueInfo } from '../../../src/core/onnx/model';
import { checkModel } from '../../../src/core/text/check';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { anyModel, anyNode, anyString, anyType } from '../support/arbitraryModel';
import { build, encode, fileOf, FILE_NAME, parsed, textOf } from '../support/textRoundTrip';
import { withUnknownFields } from '../support/unknownFields';

const EVERYTHING = 1e9;

/** A change of the main graph, made to a model parsed from text. */
type Edit = (model: Model) => Model;

const onNodes =
  (change: (nodes: readonly Node[]) => readonly Node[]): Edit =>
  (model) => ({
    ...model,
    graph: { ...model.graph, nodes: change(model.graph.nodes) },
  });

const onInitializers =
  (change: (tensors: readonly Tensor[]) => readonly Tensor[]): Edit =>
  (model) => ({
    ...model,
    graph: { ...model.graph, initializers: change(model.graph.initializers) },
  });

const at = <T>(list: readonly T[], index: number, change: (element: T) => T): T[] =>
  list.map((element, i) => (i === index % list.length ? change(element) : element));

/** A value gets another name wherever the main graph's nodes have it. */
const renameValue = (from: string, to: string): Edit =>
  onNodes((nodes) =>
    nodes.map((node) => {
      const rename = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
      const has = [...node.inputs, ...node.outputs].includes(from);
      return has ? { ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) } : node;
    }),
  );

const onValues =
  (side: 'inputs' | 'outputs', change: (values: readonly ValueInfo[]) => readonly ValueInfo[]): Edit =>
  (model) => ({ ...model, graph: { ...model.graph, [side]: change(model.graph[side]) } });

const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  anyString.map((from) => renameValue(from, 'renamed')),
  fc
    .tuple(fc.constantFrom('inputs' as const, 'outputs' as const), fc.nat(), anyType)
    .map(([side, i, type]) => onValues(side, (values) => at(values, i, (value) => ({ ...value, type })))),
  fc
    .tuple(fc.nat(), fc.double())
    .map(([i, value]) =>
      onInitializers((tensors) =>
        at(tensors, i, ({ name }) => ({ name, dataType: 11, dims: [], data: { kind: 'values', values: [value] } })),
      ),
    ),
  fc.nat().map((i) =>
    onNodes((nodes) =>
      at(nodes, i, (node) => ({
        ...node,
        attributes: at(node.attributes, i, ({ name }) => ({ name, value: { type: 'INTS', value: [BigInt(i), -1n] } })),
      })),
    ),
  ),
  fc.tuple(fc.nat(), fc.string()).map(([i, name]) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, name })))),
  fc.nat().map((i) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, inputs: [...node.inputs, 'added'] })))),
  fc.nat().map((i) => onNodes((nodes) => nodes.filter((_, j) => j !== i % Math.max(nodes.length, 1)))),
  fc
    .tuple(fc.nat(), anyNode)
    .map(([i, node]) =>
      onNodes((nodes) => [...nodes.slice(0, i % (nodes.length + 1)), node, ...nodes.slice(i % (nodes.length + 1))]),
    ),
  fc.constant(onNodes((nodes) => [...nodes].reverse())),
  fc
    .tuple(fc.nat(), anyNode)
    .map(([i, { attributes }]) => onNodes((nodes) => at(nodes, i, (node) => ({ ...node, attributes })))),
  fc
    .nat()
    .map((i) => onInitializers((tensors) => at(tensors, i, (tensor) => ({ ...tensor, name: `renamed ${i % 9}` })))),
  fc.constant(onInitializers((tensors) => [...tensors].reverse())),
  fc.nat().map((i) => onInitializers((tensors) => tensors.filter((_, j) => j !== i % Math.max(tensors.length, 1)))),
  fc.constant<Edit>((model) => ({
    ...model,
    irVersion: model.irVersion + 1,
    functions: [...model.functions].reverse(),
  })),
);

describe('text and file', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000);

  it('every model comes back byte for byte, whatever is elided, and its text is stable', () => {
    fc.assert(
      fc.property(anyModel, fc.constantFrom(0, 16, EVERYTHING), (model, elideAbove) => {
        const bytes = encode(model);
        assert.deepEqual(checkModel(bytesSource(bytes), FILE_NAME, { elideAbove }), { identical: true });
        const text = textOf(fileOf(bytes), elideAbove);
        assert.equal(
          printModel(parsed(text), bytesSource(bytes), { fileName: FILE_NAME, elideAbove }).replace(/^#.*\n/gm, ''),
          text.replace(/^#.*\n/gm, ''),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('so does one with unknown fields in every message', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = withUnknownFields(encode(model));
        assert.deepEqual(checkModel(bytesSource(bytes), FILE_NAME), { identical: true });
      }),
      { numRuns: 60 },
    );
  });

  it('so does whatever still reads as a model after bytes were changed', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    let read = 0;
    fc.assert(
      fc.property(anyModel, fc.array(mutation, { minLength: 1, maxLength: 3 }), (model, mutations) => {
        const bytes = encode(model);
        for (const [at, value] of mutations) bytes[at % bytes.length] = value;
        try {
          assert.deepEqual(checkModel(bytesSource(bytes), FILE_NAME), { identical: true });
          read++;
        } catch (error) {
          if (!(error instanceof ModelFormatError)) throw error;
        }
      }),
      { numRuns: 150 },
    );
    assert.ok(read > 20, `${read} models could be read`);
  });

  it('a truncated model is refused with a reason, or comes back byte for byte', () => {
    fc.assert(
      fc.property(anyModel, fc.double({ min: 0, max: 1, noNaN: true }), (model, part) => {
        const bytes = withUnknownFields(encode(model));
        try {
          const rest = bytes.subarray(0, Math.floor(bytes.length * part));
          assert.deepEqual(checkModel(bytesSource(rest), FILE_NAME), { identical: true });
        } catch (error) {
          if (!(error instanceof ModelFormatError)) throw error;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('an edit of the text gives the file that states it, and every other node keeps its bytes', () => {
    fc.assert(
      fc.property(anyModel, fc.array(anyEdit, { minLength: 1, maxLength: 3 }), (model, edits) => {
        const file = fileOf(withUnknownFields(encode(model)));
        const apply = (start: Model) => edits.reduce((edited, edit) => edit(edited), start);
        const elided = parsed(textOf(file, 8));
        const edited = apply(elided);
        const result = fileOf(build(edited, file).bytes);
        // What it states, all data written out.
        const expected = printModel(apply(parsed(textOf(file, EVERYTHING))), bytesSource(new Uint8Array(0)), {
          fileName: FILE_NAME,
        });
        assert.equal(textOf(result, EVERYTHING).replace(/^#.*\n/gm, ''), expected.replace(/^#.*\n/gm, ''));
        // Nodes that no edit touched are the same objects still.
        const indexOf = new Map(elided.graph.nodes.map((node, i) => [node, i]));
        edited.graph.nodes.forEach((node, i) => {
          const before = indexOf.get(node);
          if (before === undefined) return;
          const { origin } = result.model.graph.nodes[i]!;
          const { origin: was } = file.model.graph.nodes[before]!;
          const now = Buffer.from(result.bytes.subarray(origin!.start, origin!.end));
          const then = file.bytes.subarray(was!.start, was!.end);
          // Similar nodes may stand in for one another.
          const similar = new Set(
            [...elided.graph.nodes, ...edited.graph.nodes].filter((other) => similarNodes(other, node)),
          );
          if (similar.size === 1) assert.ok(now.equals(then), `node ${i}`);
        });
      }),
      { numRuns: 150 },
    );
  });
});

/** Nodes that matching may take for one another: same name, or a same output. */
function similarNodes(a: Node, b: Node): boolean {
  return a.name === b.name || a.outputs.some((output) => b.outputs.includes(output)) || a.opType === b.opType;
}
