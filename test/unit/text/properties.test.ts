import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModelFormatError } from '../../../src/core/onnx/decode';
import type { Attribute, AttributeValue, Located, Model, Node } from '../../../src/core/onnx/model';
import { BuildError } from '../../../src/core/text/build';
import { checkModel } from '../../../src/core/text/check';
import { printModel } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { scanFields } from '../../../src/core/wire/scan';
import { anyEdit, anyListEdit, type Edit } from '../support/arbitraryEdit';
import { anyListNode, anyModel } from '../support/arbitraryModel';
import { anyHiddenFields } from '../support/hiddenFields';
import { withUnpackedFloats } from '../support/unpackedFloats';
import { runs } from '../support/runs';
import { build, encode, fileOf, FILE_NAME, parsed, textOf, type MemoryFile } from '../support/textRoundTrip';

const EVERYTHING = 1e9;

/** Fields that the text doesn't show, which refer to the model's own values. */
const hiddenFields = anyHiddenFields(['x', 'y', 'conv.weight', '/a/b_0', 'renamed', 'renamed 1']);
/** Fields that the text doesn't show, which no edit of the text concerns. */
const unrelatedFields = anyHiddenFields(['not a value of the model']);

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

  it('so does one of the elements of a list, and every other element keeps its bytes', () => {
    const model = fc
      .tuple(anyModel, fc.array(anyListNode, { minLength: 1, maxLength: 3 }))
      .map(([{ graph, ...rest }, nodes]) => ({ ...rest, graph: { ...graph, nodes: [...graph.nodes, ...nodes] } }));
    const edits = fc.array(fc.oneof({ weight: 4, arbitrary: anyListEdit }, anyEdit), { minLength: 1, maxLength: 3 });
    let kept = 0;
    fc.assert(
      fc.property(model, unrelatedFields, fc.boolean(), edits, (before, addHidden, isPacked, chosen) => {
        const encoded = isPacked ? encode(before) : withUnpackedFloats(encode(before));
        kept += checkLists(buildEdited(addHidden(encoded), chosen));
      }),
      runs(100),
    );
    assert.ok(kept > 100, `${kept} elements`);
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

interface Edited {
  readonly file: MemoryFile;
  /** The model of the text before and after the edits; what no edit touched is the same object in both. */
  readonly elided: Model;
  readonly edited: Model;
  readonly result: MemoryFile;
}

/** Check that what no edit of lists touched keeps its bytes; how many elements of lists that were. */
function checkLists({ file, elided, edited, result }: Edited): number {
  const origins = new Map<
    object,
    { readonly origin: Located['origin']; readonly node: number; readonly isTwin: boolean }
  >();
  elided.graph.nodes.forEach((node, i) => {
    node.attributes.forEach(({ value }, j) => {
      const located = elementsOf(file.model.graph.nodes[i]!.attributes[j]!.value);
      const twins = twinsIn(elementsOf(value));
      elementsOf(value).forEach((element, k) =>
        origins.set(element, { origin: located[k]!.origin, node: i, isTwin: twins.has(element) }),
      );
    });
  });
  const bytesOf = ({ bytes }: MemoryFile, { origin }: Located): string =>
    Buffer.from(bytes.subarray(origin!.start, origin!.end)).toString('hex');
  let kept = 0;
  edited.graph.nodes.forEach((node, i) => {
    const before = node.attributes.flatMap(({ value }) =>
      elementsOf(value).map((element) => origins.get(element)?.node),
    );
    const index = before.find((found) => found !== undefined);
    if (index === undefined) return;
    const base = elided.graph.nodes[index]!;
    const others = [
      ...elided.graph.nodes.filter((other) => other !== base),
      ...edited.graph.nodes.filter((other) => other !== node),
    ];
    // Similar nodes may stand in for one another.
    if (
      others.some(
        (other) => other !== node && other !== base && (similarNodes(other, base) || similarNodes(other, node)),
      )
    )
      return;
    node.attributes.forEach(({ value, name }, j) => {
      const elements = elementsOf(value);
      const now = result.model.graph.nodes[i]!.attributes[j]!;
      const located = elementsOf(now.value);
      const twins = twinsIn(elements);
      elements.forEach((element, k) => {
        const was = origins.get(element);
        // Equal elements may stand in for one another.
        if (was === undefined || was.isTwin || twins.has(element)) return;
        assert.equal(bytesOf(result, located[k]!), bytesOf(file, was), `node ${i}, attribute ${name}, element ${k}`);
        kept++;
      });
      const then = file.model.graph.nodes[index]!.attributes.find((attribute) => attribute.name === name);
      if (then?.value.type === value.type && then.value.type.endsWith('S')) {
        assert.deepEqual(otherFields(result, now), otherFields(file, then), `node ${i}, attribute ${name}`);
      }
    });
  });
  return kept;
}

/** The elements of a list that are messages with a place. */
function elementsOf(value: AttributeValue): readonly Located[] {
  return value.type === 'TENSORS' || value.type === 'GRAPHS' || value.type === 'SPARSE_TENSORS' ? value.value : [];
}

/** The elements that say the same as another one. */
function twinsIn(elements: readonly object[]): ReadonlySet<object> {
  const keys = elements.map(contentOf);
  return new Set(elements.filter((_, i) => keys.indexOf(keys[i]!) !== keys.lastIndexOf(keys[i]!)));
}

const contentOf = (element: object): string =>
  JSON.stringify(element, (key, value: unknown) => {
    if (/span/i.test(key)) return undefined;
    return typeof value === 'bigint' || typeof value === 'number' ? String(value) : value;
  });

/** The fields of an attribute that don't hold the elements of its list. */
function otherFields({ source, bytes }: MemoryFile, { origin }: Attribute): string[] {
  return scanFields(source, origin!)
    .filter(({ number }) => ![7, 8, 9, 10, 11, 15, 23].includes(number))
    .map(({ start, end }) => Buffer.from(bytes.subarray(start, end)).toString('hex'));
}

/** The file that an edited text gives, which has to state what was edited. */
function buildEdited(bytes: Uint8Array, edits: readonly Edit[]): Edited {
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
