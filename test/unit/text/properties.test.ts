import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModelFormatError } from '../../../src/core/onnx/decode';
import { dataType, literalCount } from '../../../src/core/onnx/dataTypes';
import type { Model, Node, Tensor, ValueInfo } from '../../../src/core/onnx/model';
import { BuildError } from '../../../src/core/text/build';
import { checkModel } from '../../../src/core/text/check';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { anyModel, anyNode, anyString, anyType } from '../support/arbitraryModel';
import { anyHiddenFields } from '../support/hiddenFields';
import { withUnpackedFloats } from '../support/unpackedFloats';
import { runs } from '../support/runs';
import { build, encode, fileOf, FILE_NAME, parsed, textOf, type MemoryFile } from '../support/textRoundTrip';

const EVERYTHING = 1e9;

/** Fields that the text doesn't show, which refer to the model's own values. */
const hiddenFields = anyHiddenFields(['x', 'y', 'conv.weight', '/a/b_0', 'renamed', 'renamed 1']);
/** Fields that the text doesn't show, which no edit of the text concerns. */
const unrelatedFields = anyHiddenFields(['not a value of the model']);

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

/** A tensor of floats with other values. */
function filled(tensor: Tensor, value: number): Tensor {
  const type = dataType(tensor.dataType);
  if (type?.storage !== 'float_data' && type?.storage !== 'double_data') return tensor;
  const values = Array.from({ length: literalCount(type, tensor.dims) }, (_, i) => value + i);
  return {
    ...tensor,
    data: { kind: 'values', values: type.storage === 'float_data' ? values.map(Math.fround) : values },
  };
}

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
  fc
    .tuple(fc.nat(), fc.float())
    .map(([i, value]) => onInitializers((tensors) => at(tensors, i, (tensor) => filled(tensor, value)))),
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

const someEdits = fc.array(anyEdit, { minLength: 1, maxLength: 3 });

describe('text and file', function () {
  // Many random models: slow where the machine is busy, and as many more as RUNS says.
  this.timeout(60_000 * runs(1).numRuns);

  it('every model comes back byte for byte, whatever is elided, and its text is stable', () => {
    fc.assert(
      fc.property(anyModel, hiddenFields, fc.constantFrom(0, 16, EVERYTHING), (model, addHidden, elideAbove) => {
        const bytes = withUnpackedFloats(addHidden(encode(model)));
        assert.deepEqual(checkModel(bytesSource(bytes), FILE_NAME, { elideAbove }), { identical: true });
        const text = textOf(fileOf(bytes), elideAbove);
        assert.equal(
          printModel(parsed(text), bytesSource(bytes), { fileName: FILE_NAME, elideAbove }).replace(/^#.*\n/gm, ''),
          text.replace(/^#.*\n/gm, ''),
        );
      }),
      runs(150),
    );
  });

  it('so does whatever still reads as a model after bytes were changed', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    let read = 0;
    const changed = fc.array(mutation, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anyModel, hiddenFields, changed, (model, addHidden, mutations) => {
        const bytes = addHidden(encode(model));
        for (const [at, value] of mutations) bytes[at % bytes.length] = value;
        try {
          assert.deepEqual(checkModel(bytesSource(bytes), FILE_NAME), { identical: true });
          read++;
        } catch (error) {
          if (!(error instanceof ModelFormatError)) throw error;
        }
      }),
      runs(150),
    );
    assert.ok(read > 20, `${read} models could be read`);
  });

  it('a truncated model is refused with a reason, or comes back byte for byte', () => {
    fc.assert(
      fc.property(anyModel, hiddenFields, fc.double({ min: 0, max: 1, noNaN: true }), (model, addHidden, part) => {
        const bytes = addHidden(encode(model));
        try {
          const rest = bytes.subarray(0, Math.floor(bytes.length * part));
          assert.deepEqual(checkModel(bytesSource(rest), FILE_NAME), { identical: true });
        } catch (error) {
          if (!(error instanceof ModelFormatError)) throw error;
        }
      }),
      runs(60),
    );
  });

  it('an edit of the text gives the file that states it, and every other node keeps its bytes', () => {
    fc.assert(
      fc.property(anyModel, unrelatedFields, fc.boolean(), someEdits, (model, addHidden, isPacked, edits) => {
        const encoded = isPacked ? encode(model) : withUnpackedFloats(encode(model));
        const { file, elided, edited, result } = buildEdited(addHidden(encoded), edits);
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
      runs(150),
    );
  });

  it('so does one that renames what hidden fields refer to', () => {
    fc.assert(
      fc.property(anyModel, hiddenFields, someEdits, (model, addHidden, edits) => {
        const { file, result } = buildEdited(addHidden(encode(model)), edits);
        assert.deepEqual(checkModel(result.source, FILE_NAME), { identical: true });
        const hidden = (bytes: Uint8Array): string[] =>
          Buffer.from(bytes)
            .toString('latin1')
            .match(/hidden \d+\./g) ?? [];
        const before = new Set(hidden(file.bytes));
        for (const found of hidden(result.bytes)) assert.ok(before.has(found), found);
      }),
      runs(60),
    );
  });
});

/** Nodes that matching may take for one another: same name, or a same output. */
function similarNodes(a: Node, b: Node): boolean {
  return a.name === b.name || a.outputs.some((output) => b.outputs.includes(output)) || a.opType === b.opType;
}

/** The file that an edited text gives, which has to state what was edited. */
function buildEdited(
  bytes: Uint8Array,
  edits: readonly Edit[],
): { file: MemoryFile; elided: Model; edited: Model; result: MemoryFile } {
  const file = fileOf(bytes);
  const apply = (start: Model): Model => edits.reduce((edited, edit) => edit(edited), start);
  const elided = parsed(textOf(file, 8));
  const edited = apply(elided);
  let result: MemoryFile;
  try {
    result = fileOf(build(edited, file).bytes);
  } catch (error) {
    // A random tensor without a location may come to stand for one with data.
    fc.pre(!(error instanceof BuildError && error.message.includes('would lose its data')));
    throw error;
  }
  // All data written out.
  const expected = printModel(apply(parsed(textOf(file, EVERYTHING))), bytesSource(new Uint8Array(0)), {
    fileName: FILE_NAME,
  });
  assert.equal(textOf(result, EVERYTHING).replace(/^#.*\n/gm, ''), expected.replace(/^#.*\n/gm, ''));
  return { file, elided, edited, result };
}
