import { encodeEntry, encodeOpset, encodeValueInfo } from '../onnx/encode';
import type {
  FunctionProto,
  Graph,
  Model,
  Node,
  OpsetImport,
  SparseTensor,
  StringEntry,
  Tensor,
  ValueInfo,
} from '../onnx/model';
import type { ByteRange } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { MessageWriter } from '../wire/writer';
import { BuildContext, type BuildBase, type BuildOptions, type Change } from './buildContext';
import { rebuildList, rebuildString, rebuildStrings, type ListBuilder } from './buildList';
import { NodeBuilder } from './buildNode';
import { encodeNewSparseTensor, encodeNewTensor, rebuildSparseTensor, rebuildTensor } from './buildTensor';
import { rebuildValueInfo } from './buildType';
import { ANNOTATION_NAMES, TRAINING_NAMES } from './hiddenNames';
import { followExchanges } from './exchanges';
import { byIndex, matchFunctions, matchNamed, matchNodes } from './match';
import { matchByKeys, matchNeighbours, type Matching } from './pairing';
import { MessageEdit, messageField } from './messageEdit';
import { dataKey } from './references';
import type { MatchedBody, MatchedList } from './matchedBody';
import { RenameScope } from './renames';
import { Uses } from './uses';

export { BuildError, type BuildBase, type BuildOptions, type Change } from './buildContext';

export interface BuildResult {
  /** The new file; ranges are copied from `base.source`. */
  readonly chunks: Chunk[];
  /** What the text changes, in file order; empty exactly when the file stays as it is. */
  readonly changes: readonly Change[];
  /** Every reference of the text to data of the file, by `"offset:length"`, and where in `base.source` (or what) that data is. */
  readonly references: ReadonlyMap<string, ByteRange | Uint8Array>;
}

/**
 * The model file that a text states, as chunks of new bytes and ranges of the
 * file it came from. See {@link buildWithReport}.
 */
export function buildModel(edited: Model, base: BuildBase, options: BuildOptions = {}): Chunk[] {
  return buildWithReport(edited, base, options).chunks;
}

/**
 * Patch the file that a text came from so that it states what the text does.
 * Messages are paired by identity (see match.ts); of a message that the text
 * changes, only the fields that differ are encoded anew, in their places, and
 * everything that the text doesn't show stays. A text without changes gives one
 * range, the whole file.
 *
 * @param edited parsed from the text, without errors.
 * @throws BuildError where the text refers to data that isn't there, or data
 *   doesn't fit its type and dimensions.
 */
export function buildWithReport(edited: Model, base: BuildBase, options: BuildOptions = {}): BuildResult {
  const context = new BuildContext(base, options);
  const chunks = new ModelBuilder(context).rebuildModel(edited, base.model) ?? [{ start: 0, end: base.source.size }];
  return { chunks, changes: context.changes, references: context.resolved };
}

interface MatchedGraph extends MatchedBody {
  readonly inputs: MatchedList<ValueInfo>;
  readonly initializers: MatchedList<Tensor>;
  readonly sparseInitializers: MatchedList<SparseTensor>;
}

const listOf = <T>(edited: readonly T[], base: readonly T[], matching: Matching): MatchedList<T> => ({
  edited,
  base,
  matching,
});

class ModelBuilder {
  private readonly nodes: NodeBuilder;

  constructor(private readonly context: BuildContext) {
    this.nodes = new NodeBuilder(
      {
        encode: (graph) => this.encodeGraph(graph),
        rebuild: (edited, base) => this.rebuildGraph(edited, base),
      },
      context,
    );
  }

  rebuildModel(edited: Model, base: Model): Chunk[] | undefined {
    const { context } = this;
    const edit = new MessageEdit(context.source, base.origin!);
    if (edited.irVersion !== base.irVersion) {
      context.changed('ir_version');
      edit.setInt(1, edited.irVersion);
    }
    rebuildString(edit, 2, edited.producerName, base.producerName, 'producer_name', context);
    rebuildString(edit, 3, edited.producerVersion, base.producerVersion, 'producer_version', context);
    rebuildString(edit, 4, edited.domain, base.domain, 'domain', context);
    if (edited.modelVersion !== base.modelVersion) {
      context.changed('model_version');
      edit.setInt(5, edited.modelVersion);
    }
    rebuildString(edit, 6, edited.docString, base.docString, 'doc_string', context);
    const matched = this.matchGraph(edited.graph, base.graph);
    const scope = new RenameScope(matched, undefined);
    const graph = context.within('graph', edited.graph.name, () =>
      context.inScope(scope, () => this.rebuildMatched(edited.graph, base.graph, matched)),
    );
    if (graph !== undefined) edit.set(7, messageField(7, graph));
    this.rebuildOpsets(edit, 8, edited.opsetImports, base.opsetImports);
    const key = ({ key }: StringEntry) => key;
    const entries = matchByKeys(edited.metadataProps, base.metadataProps, [[key, key]]);
    rebuildList(edit, edited.metadataProps, base.metadataProps, entries, this.entries, context);
    context.inScope(scope, () => {
      context.renameIn(edit, 20, TRAINING_NAMES, 'training_info');
    });
    const functions = matchFunctions(edited.functions, base.functions);
    rebuildList(edit, edited.functions, base.functions, functions, this.functions, context);
    return edit.finish();
  }

  private rebuildOpsets(
    edit: MessageEdit,
    field: number,
    edited: readonly OpsetImport[],
    base: readonly OpsetImport[],
  ): void {
    const key = ({ domain }: OpsetImport) => domain;
    rebuildList(edit, edited, base, matchByKeys(edited, base, [[key, key]]), this.opsets(field), this.context);
  }

  private opsets(field: number): ListBuilder<OpsetImport> {
    return {
      field,
      kind: 'opset import',
      nameOf: ({ domain }) => domain,
      encode: encodeOpset,
      rebuild: (edited, base) => {
        if (edited.version === base.version) return undefined;
        this.context.changed('version');
        const edit = new MessageEdit(this.context.source, base.origin!);
        edit.setInt(2, edited.version);
        return edit.finish();
      },
    };
  }

  private readonly entries: ListBuilder<StringEntry> = {
    field: 14,
    kind: 'metadata entry',
    nameOf: ({ key }) => key,
    encode: encodeEntry,
    rebuild: (edited, base) => {
      if (edited.value === base.value) return undefined;
      this.context.changed('value');
      return encodeEntry(edited);
    },
  };

  private readonly functions: ListBuilder<FunctionProto> = {
    field: 25,
    kind: 'function',
    nameOf: ({ name }) => name,
    encode: (fn) => this.encodeFunction(fn),
    rebuild: (edited, base) => this.rebuildFunction(edited, base),
  };

  private encodeFunction(fn: FunctionProto): Chunk[] {
    const writer = new MessageWriter().string(1, fn.name);
    for (const input of fn.inputs) writer.string(4, input);
    for (const output of fn.outputs) writer.string(5, output);
    for (const attribute of fn.attributes) writer.string(6, attribute);
    for (const node of fn.nodes) writer.message(7, this.nodes.encodeNode(node));
    if (fn.docString !== '') writer.string(8, fn.docString);
    for (const opset of fn.opsetImports) writer.message(9, encodeOpset(opset));
    writer.string(10, fn.domain);
    for (const attribute of fn.attributeDefaults) writer.message(11, this.nodes.encodeAttribute(attribute));
    for (const value of fn.valueInfos) writer.message(12, encodeValueInfo(value));
    if (fn.overload !== '') writer.string(13, fn.overload);
    return writer.finish();
  }

  private rebuildFunction(edited: FunctionProto, base: FunctionProto): Chunk[] | undefined {
    const { context } = this;
    const edit = new MessageEdit(context.source, base.origin!);
    rebuildString(edit, 1, edited.name, base.name, 'name', context);
    rebuildStrings(edit, 4, edited.inputs, base.inputs, 'inputs', context);
    rebuildStrings(edit, 5, edited.outputs, base.outputs, 'outputs', context);
    rebuildStrings(edit, 6, edited.attributes, base.attributes, 'attributes', context);
    const nodes = listOf(edited.nodes, base.nodes, matchNodes(edited.nodes, base.nodes));
    const inputs = listOf(edited.inputs, base.inputs, byIndex(edited.inputs, base.inputs));
    const outputs = listOf(edited.outputs, base.outputs, byIndex(edited.outputs, base.outputs));
    context.inScope(new RenameScope({ nodes, inputs, outputs }, undefined), () => {
      this.rebuildNodes(edit, 7, nodes);
      this.rebuildValues(edit, 12, 'value', edited.valueInfos, base.valueInfos);
    });
    rebuildString(edit, 8, edited.docString, base.docString, 'doc_string', context);
    this.rebuildOpsets(edit, 9, edited.opsetImports, base.opsetImports);
    rebuildString(edit, 10, edited.domain, base.domain, 'domain', context);
    const defaults = matchNamed(edited.attributeDefaults, base.attributeDefaults);
    rebuildList(edit, edited.attributeDefaults, base.attributeDefaults, defaults, this.nodes.attributesIn(11), context);
    rebuildString(edit, 13, edited.overload, base.overload, 'overload', context);
    return edit.finish();
  }

  private encodeGraph(graph: Graph): Chunk[] {
    const writer = new MessageWriter();
    for (const node of graph.nodes) writer.message(1, this.nodes.encodeNode(node));
    writer.string(2, graph.name);
    for (const tensor of graph.initializers) writer.message(5, encodeNewTensor(tensor, this.context));
    for (const value of graph.inputs) writer.message(11, encodeValueInfo(value));
    for (const value of graph.outputs) writer.message(12, encodeValueInfo(value));
    for (const value of graph.valueInfos) writer.message(13, encodeValueInfo(value));
    for (const tensor of graph.sparseInitializers ?? []) {
      writer.message(15, encodeNewSparseTensor(tensor, this.context));
    }
    return writer.finish();
  }

  private rebuildGraph(edited: Graph, base: Graph): Chunk[] | undefined {
    if (base.origin === undefined) return this.rebuildAbsentGraph(edited);
    const matched = this.matchGraph(edited, base);
    const { context } = this;
    return context.inScope(new RenameScope(matched, context.scope), () => this.rebuildMatched(edited, base, matched));
  }

  private matchGraph(edited: Graph, base: Graph): MatchedGraph {
    const { context } = this;
    const inputNames = (): (readonly [string, string])[] => [
      ...namesByPlace(edited.inputs, base.inputs),
      ...namesByPlace(edited.initializers, base.initializers),
    ];
    const nodes = listOf(edited.nodes, base.nodes, matchNodes(edited.nodes, base.nodes, inputNames));
    const outputs = listOf(edited.outputs, base.outputs, byIndex(edited.outputs, base.outputs));
    const sparse = edited.sparseInitializers ?? [];
    const baseSparse = base.sparseInitializers ?? [];
    const values = (tensors: readonly SparseTensor[]): Tensor[] => tensors.map((tensor) => tensor.values);
    return {
      nodes,
      outputs,
      inputs: listOf(edited.inputs, base.inputs, matchInputs(edited.inputs, base.inputs, { nodes, outputs })),
      initializers: listOf(
        edited.initializers,
        base.initializers,
        matchInitializers(edited.initializers, base.initializers, context),
      ),
      sparseInitializers: listOf(sparse, baseSparse, matchInitializers(values(sparse), values(baseSparse), context)),
    };
  }

  private rebuildMatched(edited: Graph, base: Graph, matched: MatchedGraph): Chunk[] | undefined {
    const { context } = this;
    const { nodes, inputs, initializers: tensors, sparseInitializers: sparse } = matched;
    const edit = new MessageEdit(context.source, base.origin!);
    this.rebuildNodes(edit, 1, nodes);
    rebuildString(edit, 2, edited.name, base.name, 'name', context);
    rebuildList(edit, tensors.edited, tensors.base, tensors.matching, this.initializers, context);
    this.rebuildValues(edit, 11, 'input', inputs.edited, inputs.base, inputs.matching);
    this.rebuildValues(edit, 12, 'output', edited.outputs, base.outputs);
    this.rebuildValues(edit, 13, 'value', edited.valueInfos, base.valueInfos);
    context.renameIn(edit, 14, ANNOTATION_NAMES, 'quantization_annotation');
    rebuildList(edit, sparse.edited, sparse.base, sparse.matching, this.sparseInitializers, context);
    return edit.finish();
  }

  private readonly sparseInitializers: ListBuilder<SparseTensor> = {
    field: 15,
    kind: 'sparse initializer',
    nameOf: ({ values }) => values.name,
    encode: (tensor) => encodeNewSparseTensor(tensor, this.context),
    rebuild: (edited, base) => rebuildSparseTensor(edited, base, this.context),
  };

  /** An attribute that says it is a graph but has none reads as an empty one. */
  private rebuildAbsentGraph(edited: Graph): Chunk[] | undefined {
    const { name, inputs, outputs, valueInfos, initializers, sparseInitializers = [], nodes } = edited;
    const lists = [inputs, outputs, valueInfos, initializers, sparseInitializers, nodes];
    if (name === '' && lists.every(({ length }) => length === 0)) {
      return undefined;
    }
    this.context.changed('new');
    return this.encodeGraph(edited);
  }

  private readonly initializers: ListBuilder<Tensor> = {
    field: 5,
    kind: 'initializer',
    nameOf: ({ name }) => name,
    encode: (tensor) => encodeNewTensor(tensor, this.context),
    rebuild: (edited, base) => rebuildTensor(edited, base, this.context),
  };

  private rebuildNodes(edit: MessageEdit, field: number, { edited, base, matching }: MatchedList<Node>): void {
    const builder: ListBuilder<Node> = {
      field,
      kind: 'node',
      nameOf: ({ name, outputs }) => (name === '' ? (outputs[0] ?? '') : name),
      encode: (node) => this.nodes.encodeNode(node),
      rebuild: (node, before) => this.nodes.rebuildNode(node, before),
    };
    rebuildList(edit, edited, base, matching, builder, this.context);
  }

  /** Pair values by name, renamed ones by their new name, then as {@link matchNamed} does. */
  private matchValues(edited: readonly ValueInfo[], base: readonly ValueInfo[]): Matching {
    const { scope } = this.context;
    if (scope === undefined || scope.isEmpty) return matchNamed(edited, base);
    const renamed = base.map((value) => ({ ...value, name: scope.newName(value.name) ?? value.name }));
    return matchNamed(edited, renamed);
  }

  private rebuildValues(
    edit: MessageEdit,
    field: number,
    kind: string,
    edited: readonly ValueInfo[],
    base: readonly ValueInfo[],
    matching = this.matchValues(edited, base),
  ): void {
    const builder: ListBuilder<ValueInfo> = {
      field,
      kind,
      nameOf: ({ name }) => name,
      encode: encodeValueInfo,
      rebuild: (value, before) => rebuildValueInfo(value, before, this.context),
    };
    rebuildList(edit, edited, base, matching, builder, this.context);
  }
}

interface Named {
  readonly name: string;
}

/** The base's names and those at the same places, where the lists are equally long. */
const namesByPlace = (edited: readonly Named[], base: readonly Named[]): (readonly [string, string])[] =>
  edited.length === base.length ? base.map(({ name }, i) => [name, edited[i]!.name] as const) : [];

/** Pair graph inputs by name, those that change names by what reads them. */
function matchInputs(
  edited: readonly ValueInfo[],
  base: readonly ValueInfo[],
  readers: Pick<MatchedBody, 'nodes' | 'outputs'>,
): Matching {
  const matching = matchNamed(edited, base);
  let uses: Uses | undefined;
  const isRenamed = (after: ValueInfo, before: ValueInfo): boolean => {
    uses ??= new Uses(readers);
    return uses.count(before.name, after.name) > uses.count(before.name, before.name);
  };
  if (!isInOrder(matching)) {
    followExchanges(matching, edited, base, {
      isDoubtful: (after, before) => !isRenamed(after, before),
      mayBe: isRenamed,
      likenessIn: () => (after, before) => (isRenamed(after, before) ? 1 : 0),
    });
  }
  return matching;
}

/** Whether each element is the base's at the same place. */
const isInOrder = (matching: Matching): boolean => matching.every((index, i) => index === i);

/**
 * Pair initializers by name, then by the data they refer to, then by place and
 * type: a renamed one keeps what the text doesn't show.
 */
function matchInitializers(edited: readonly Tensor[], base: readonly Tensor[], context: BuildContext): Matching {
  if (edited.length === base.length && edited.every(({ name }, i) => name === base[i]!.name)) {
    return Int32Array.from(edited, (_, i) => i);
  }
  const name = (tensor: Tensor) => tensor.name;
  const matching = matchByKeys(edited, base, [
    [name, name],
    [(tensor) => context.keyOf(tensor), dataKey],
  ]);
  matchNeighbours(matching, edited, base, (a, b) => a.dataType === b.dataType);
  const isSame = (a: Tensor, b: Tensor): boolean =>
    context.wouldKeep(() => rebuildTensor({ ...a, name: b.name }, b, context));
  followExchanges(matching, edited, base, {
    isDoubtful: (a, b) => !isSame(a, b),
    mayBe: isSame,
    likenessIn: () => (a, b) => (isSame(a, b) ? 1 : 0),
  });
  return matching;
}
