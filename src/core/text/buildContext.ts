import type { Attribute, Graph, Model, Node, StringEntry, Tensor, TextSpan } from '../onnx/model';
import { blockSource } from '../wire/blocks';
import { bytesSource, type ByteRange, type ByteSource } from '../wire/source';
import { readTensorProto } from '../onnx/decodeTensor';
import { readTensor } from '../onnx/tensor';
import type { Chunk } from '../wire/splice';
import { WireReader } from '../wire/reader';
import { renameIn, type NameFields } from './hiddenNames';
import { messageField, type MessageEdit } from './messageEdit';
import { dataKey, referenceKey, referenceOf, type Reference } from './references';
import type { RenameScope } from './renames';

/** The text can't become a model: `message` says why, `span` which part of the text is concerned. */
export class BuildError extends Error {
  override readonly name = 'BuildError';

  constructor(
    message: string,
    readonly span: TextSpan | undefined,
  ) {
    super(message);
  }
}

/** The file that a text came from. */
export interface BuildBase {
  /** Decoded from `source`. */
  readonly model: Model;
  readonly source: ByteSource;
  /** Name under which the text refers to the file. */
  readonly fileName: string;
}

export interface BuildOptions {
  /** Further names under which the text may refer to the file. */
  readonly otherNames?: readonly string[] | undefined;
  /**
   * Where the data now is that the text refers to, by `"offset:length"`, for a
   * text that is older than the file: a range of `base.source`, or the bytes;
   * `undefined` where it is nowhere. What isn't listed must be a tensor's data
   * in `base.model` at the offset stated.
   */
  readonly aliases?: ReadonlyMap<string, ByteRange | Uint8Array | undefined> | undefined;
}

/** Something that the text changes in the file. */
export interface Change {
  /** From outside to inside, such as `["graph main", "node Conv_0", "inputs"]`. */
  readonly path: readonly string[];
}

/** Data of the model file that a tensor of the text refers to. */
export type Resolved =
  | { readonly kind: 'range'; readonly bytes: ByteRange }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A whole tensor, whose typed fields hold the data: in the base file, or else by its values. */
  | { readonly kind: 'tensor'; readonly tensor: Tensor };

/** What the parts of one build share. */
export class BuildContext {
  readonly source: ByteSource;
  readonly changes: Change[] = [];
  /** Every reference that the text makes, and where its data is. */
  readonly resolved = new Map<string, ByteRange | Uint8Array>();
  /** Of the graph or function that is being built. */
  scope: RenameScope | undefined;
  private readonly path: string[] = [];
  private readonly names: ReadonlySet<string>;
  private isTrying = false;
  private typedTensors: Map<number, Tensor> | undefined;
  private dataKeys: Set<string> | undefined;
  private ownEntries: Set<string> | undefined;

  constructor(
    private readonly base: BuildBase,
    private readonly options: BuildOptions,
  ) {
    this.source = blockSource(base.source);
    this.names = new Set([base.fileName, ...(options.otherNames ?? [])]);
  }

  /** Run `build` as being about `part`, for the list of changes. */
  within<T>(kind: string, name: string, build: () => T): T {
    this.path.push(name === '' ? kind : `${kind} ${name}`);
    const result = build();
    this.path.pop();
    return result;
  }

  /**
   * Whether `rebuild`, which is only tried, has nothing to change. Within a
   * trial every answer is no: elements that are equal have equal ones at the
   * same places, and trials in trials would take time exponential in depth.
   */
  wouldKeep(rebuild: () => Chunk[] | undefined): boolean {
    if (this.isTrying) return false;
    const { scope, changes, path } = this;
    const [changeCount, depth] = [changes.length, path.length];
    this.isTrying = true;
    try {
      return rebuild() === undefined;
    } catch (error) {
      if (error instanceof BuildError) return false;
      throw error;
    } finally {
      this.isTrying = false;
      this.scope = scope;
      changes.length = changeCount;
      path.length = depth;
    }
  }

  /** Run `build` for what is in a graph or function whose values are renamed by `scope`. */
  inScope<T>(scope: RenameScope, build: () => T): T {
    const outer = this.scope;
    this.scope = scope;
    const result = build();
    this.scope = outer;
    return result;
  }

  /** Rename values in the messages of a field that the text doesn't show. */
  renameIn(edit: MessageEdit, field: number, names: NameFields, what: string): void {
    const { scope } = this;
    if (scope === undefined || scope.isEmpty) return;
    const occurrences = edit.fieldsOf(field).map(({ payload }, base) => {
      const renamed = renameIn(this.source, payload, names, (name) => scope.newName(name));
      return { base, field: renamed && messageField(field, renamed) };
    });
    if (occurrences.every((occurrence) => occurrence.field === undefined)) return;
    this.changed(what);
    edit.list(field, occurrences);
  }

  changed(what: string): void {
    this.changes.push({ path: [...this.path, what] });
  }

  /** The data of the model file that a tensor refers to, or `undefined` when it doesn't refer to it. */
  resolve(tensor: Tensor): Resolved | undefined {
    const reference = referenceOf(tensor);
    if (reference === undefined || !this.names.has(reference.location)) return undefined;
    const key = referenceKey(reference.range);
    // The model may state a place in its own file, which then is external data like any other.
    if (!this.isData(reference.range) && this.statesEntries(tensor)) return undefined;
    const place = this.options.aliases?.has(key) ? this.options.aliases.get(key) : reference.range;
    if (place === undefined) throw this.notFound(tensor, reference);
    const isBytes = place instanceof Uint8Array;
    if (!isBytes && !this.isData(place)) throw this.notFound(tensor, reference);
    this.resolved.set(key, place);
    if (!reference.isMessage) return isBytes ? { kind: 'bytes', bytes: place } : { kind: 'range', bytes: place };
    if (!isBytes) {
      const found = this.findTyped(place);
      if (found === undefined) throw this.notFound(tensor, reference);
      return { kind: 'tensor', tensor: found };
    }
    const source = bytesSource(place);
    const found = readTensorProto(new WireReader(source), place.length);
    const values = readTensor(found, source);
    if (values === undefined) throw this.notFound(tensor, reference);
    return { kind: 'tensor', tensor: { ...found, data: { kind: 'values', values }, origin: undefined } };
  }

  /** The {@link dataKey} of the base's tensor whose data an edited tensor refers to. */
  keyOf(tensor: Tensor): string | undefined {
    const resolved = this.resolve(tensor);
    if (resolved?.kind === 'range') return referenceKey(resolved.bytes);
    return resolved?.kind === 'tensor' ? dataKey(resolved.tensor) : undefined;
  }

  private notFound(tensor: Tensor, { location, range }: Reference): BuildError {
    return new BuildError(
      `The data of ${describeTensor(tensor)} isn't at offset ${range.start} of ${location} (${range.end - range.start} bytes). Undo the change of the reference; or, where the text is older than the file, revert the text. Where no data is found, this may not be the model that the text was printed from.`,
      tensor.span,
    );
  }

  /** Whether a tensor of the base has the entries of this one, which has external data. */
  statesEntries(tensor: Tensor): boolean {
    if (this.ownEntries === undefined) {
      const entries = new Set<string>();
      forEachTensor(this.base.model, ({ data }) => {
        if (data.kind === 'external') entries.add(entriesKey(data.entries));
      });
      this.ownEntries = entries;
    }
    return tensor.data.kind === 'external' && this.ownEntries.has(entriesKey(tensor.data.entries));
  }

  /** Whether a range is the data of one of the base's tensors, whole: other bytes would be read as weights. */
  private isData(range: ByteRange): boolean {
    if (this.dataKeys === undefined) {
      const keys = new Set<string>();
      forEachTensor(this.base.model, (tensor) => keys.add(dataKey(tensor) ?? ''));
      this.dataKeys = keys;
    }
    return this.dataKeys.has(referenceKey(range));
  }

  /** The base's tensor whose message lies at this range. */
  private findTyped(range: ByteRange): Tensor | undefined {
    this.typedTensors ??= indexTensors(this.base.model);
    const tensor = this.typedTensors.get(range.start);
    return tensor?.origin?.end === range.end ? tensor : undefined;
  }
}

const entriesKey = (entries: readonly StringEntry[]): string =>
  JSON.stringify(entries.map(({ key, value }) => [key, value]));

export function describeTensor(tensor: Tensor): string {
  return tensor.name === '' ? 'this tensor' : `"${tensor.name}"`;
}

/** All tensors of a model by where their messages start. */
function indexTensors(model: Model): Map<number, Tensor> {
  const tensors = new Map<number, Tensor>();
  const add = (tensor: Tensor): void => {
    if (tensor.origin !== undefined) tensors.set(tensor.origin.start, tensor);
  };
  forEachTensor(model, add);
  return tensors;
}

/** Visit every tensor of a model: initializers and attributes, in subgraphs and functions too. */
export function forEachTensor(model: Model, visit: (tensor: Tensor) => void): void {
  const attribute = ({ value }: Attribute): void => {
    if (value.type === 'TENSOR') visit(value.value);
    else if (value.type === 'TENSORS') value.value.forEach(visit);
    else if (value.type === 'GRAPH') graph(value.value);
    else if (value.type === 'GRAPHS') value.value.forEach(graph);
    else if (value.type === 'SPARSE_TENSOR') [value.value.values, value.value.indices].forEach(visit);
    else if (value.type === 'SPARSE_TENSORS') value.value.forEach((item) => [item.values, item.indices].forEach(visit));
  };
  const node = ({ attributes }: Node): void => attributes.forEach(attribute);
  const graph = ({ initializers, sparseInitializers, nodes }: Graph): void => {
    initializers.forEach(visit);
    sparseInitializers?.forEach(({ values, indices }) => [values, indices].forEach(visit));
    nodes.forEach(node);
  };
  graph(model.graph);
  for (const fn of model.functions) {
    fn.attributeDefaults.forEach(attribute);
    fn.nodes.forEach(node);
  }
}
