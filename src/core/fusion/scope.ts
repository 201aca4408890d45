import { initializersOf } from '../onnx/initializers';
import type { Attribute, Dimension, FunctionProto, Graph, Model, Node, Tensor, ValueInfo } from '../onnx/model';

/** Something that holds nodes: the main graph, a subgraph, or a function. */
export type Body = Graph | FunctionProto;

/** One place where a value is read. */
export interface Use {
  /** The reader; absent when the value is an output of `scope`'s body. */
  readonly node?: Node | undefined;
  /** Position among the node's inputs, or among the body's outputs. */
  readonly index: number;
  /** The scope of the reader, which may be nested in the one that defines the value. */
  readonly scope: Scope;
}

const NO_USES: readonly Use[] = [];
const NO_GRAPHS: readonly Graph[] = [];

/** A value by name: what defines it, and who reads it. */
export class Value {
  /** Is the name defined more than once, as valid models never do? */
  isAmbiguous = false;
  /** `TensorProto.DataType` as declared ({@link readDeclarations}), or as `ElementTypes` found it out. */
  elementType: number | undefined = undefined;
  /** As declared ({@link readDeclarations}). */
  shape: readonly Dimension[] | undefined = undefined;
  // The first reader stands here until someone asks: most values have one, and most are never asked for.
  private readerNode: Node | undefined = undefined;
  private readerScope: Scope | undefined = undefined;
  private readerIndex = 0;
  private list: Use[] | undefined = undefined;

  constructor(
    readonly isInput: boolean,
    /** May a caller give it? So it is with inputs, but for those that {@link fixedInputs} gives. */
    readonly isSettable: boolean,
    /** The node that computes it; the last one, should there be several. */
    public producer: Node | undefined,
    /** Its data, or the default of an input. */
    public initializer: Tensor | undefined,
  ) {}

  /** Readers, those in nested subgraphs included. */
  get uses(): readonly Use[] {
    if (!this.readerScope) return NO_USES;
    this.list ??= [{ node: this.readerNode, index: this.readerIndex, scope: this.readerScope }];
    return this.list;
  }

  /** Notes a reader, or an output of the scope's body. */
  addUse(node: Node | undefined, index: number, scope: Scope): void {
    if (this.readerScope) {
      (this.uses as Use[]).push({ node, index, scope });
    } else {
      this.readerNode = node;
      this.readerIndex = index;
      this.readerScope = scope;
    }
  }
}

/** A body with its names resolved: who writes each value, and who reads it. */
export interface Scope {
  readonly model: Model;
  readonly body: Body;
  /** Set for a subgraph: the scope and node that hold it. */
  readonly parent?: Scope | undefined;
  readonly owner?: Node | undefined;
  /** Name of the owner's attribute that holds this subgraph, such as `then_branch`. */
  readonly ownerAttribute?: string | undefined;
  /** Version of the default operator set in force here. */
  readonly opset: number | undefined;
  /** The values this scope defines. */
  readonly values: Map<string, Value>;
  /** Subgraphs by the node that holds them. */
  readonly children: Map<Node, Scope[]>;
  /** Names read here that neither this scope nor one around it defines. */
  readonly unresolved: UnresolvedUse[];
}

export interface UnresolvedUse extends Use {
  readonly name: string;
}

/** Is `domain` the default operator domain, which may also be written out? */
export const isDefaultDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

/** Version of the default operator set among `imports`. */
export function defaultOpset(imports: Model['opsetImports']): number | undefined {
  return imports.find((entry) => isDefaultDomain(entry.domain))?.version;
}

export const isFunction = (body: Body): body is FunctionProto => 'overload' in body;

/** From this IR version on, an initializer that is an input as well is that input's default. */
const DEFAULTS_IR_VERSION = 4;

/**
 * The main graph's inputs that no caller can give: below IR version 4 every
 * initializer has to be an input as well, and runtimes take it as a constant.
 */
export function fixedInputs({ irVersion, graph }: Model): readonly ValueInfo[] {
  if (irVersion < 1 || irVersion >= DEFAULTS_IR_VERSION) return [];
  const names = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.filter(({ name }) => names.has(name));
}

/** Names of a body's inputs. */
export const inputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.inputs : body.inputs.map((input) => input.name);

/** Names of a body's outputs. */
export const outputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.outputs : body.outputs.map((output) => output.name);

/** The graphs an attribute holds. */
export function subgraphsOf(attribute: Attribute): readonly Graph[] {
  if (attribute.value.type === 'GRAPH') return [attribute.value.value];
  return attribute.value.type === 'GRAPHS' ? attribute.value.value : NO_GRAPHS;
}

/** The standard operators that have graphs as attributes. */
const HOLDS_GRAPHS: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/** Can the node have graphs as attributes? */
export const mayHoldGraphs = ({ opType, domain }: Node): boolean =>
  HOLDS_GRAPHS.has(opType) || !isDefaultDomain(domain);

/** Is there such a node in the model, its subgraphs and functions included? Resolves no names. */
export function hasNode(model: Model, test: (node: Node) => boolean): boolean {
  const visit = (body: Body): boolean =>
    body.nodes.some(
      (node) =>
        test(node) || (mayHoldGraphs(node) && node.attributes.some((attribute) => subgraphsOf(attribute).some(visit))),
    );
  return visit(model.graph) || model.functions.some(visit);
}

const indexed = new WeakMap<Model, readonly Scope[]>();

/**
 * Every body of the model with its names resolved, outer before inner: the
 * main graph, its subgraphs, then each function with its own. Worked out once
 * for each model.
 */
export function indexScopes(model: Model): readonly Scope[] {
  const known = indexed.get(model);
  if (known) return known;
  const scopes: Scope[] = [];
  openScope(model, model.graph, defaultOpset(model.opsetImports), undefined, scopes);
  for (const fn of model.functions) openScope(model, fn, defaultOpset(fn.opsetImports), undefined, scopes);
  indexed.set(model, scopes);
  return scopes;
}

interface Holder {
  readonly scope: Scope;
  readonly node: Node;
  readonly attribute: string;
}

function openScope(
  model: Model,
  body: Body,
  opset: number | undefined,
  holder: Holder | undefined,
  scopes: Scope[],
): void {
  const values = new Map<string, Value>();
  const scope: Scope = {
    model,
    body,
    parent: holder?.scope,
    owner: holder?.node,
    ownerAttribute: holder?.attribute,
    opset,
    values,
    children: new Map(),
    unresolved: [],
  };
  scopes.push(scope);
  if (holder) {
    const siblings = holder.scope.children.get(holder.node);
    if (siblings) siblings.push(scope);
    else holder.scope.children.set(holder.node, [scope]);
  }
  const fixed = new Set(body === model.graph ? fixedInputs(model).map(({ name }) => name) : []);
  for (const name of inputNames(body)) {
    const value = new Value(true, !fixed.has(name), undefined, undefined);
    value.isAmbiguous = values.has(name);
    values.set(name, value);
  }
  if (!isFunction(body)) {
    for (const tensor of initializersOf(body)) {
      const value = values.get(tensor.name);
      if (value) value.initializer = tensor;
      else values.set(tensor.name, new Value(false, false, undefined, tensor));
    }
  }
  for (const node of body.nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      const value = values.get(name);
      if (value) {
        value.isAmbiguous = true;
        value.producer = node;
      } else {
        values.set(name, new Value(false, false, node, undefined));
      }
    }
  }
  for (const node of body.nodes) {
    const { inputs } = node;
    for (let index = 0; index < inputs.length; index++) {
      const name = inputs[index]!;
      if (name === '') continue;
      const value = lookUp(scope, name);
      if (value) value.addUse(node, index, scope);
      else scope.unresolved.push({ name, node, index, scope });
    }
    for (const attribute of node.attributes) {
      for (const graph of subgraphsOf(attribute)) {
        openScope(model, graph, opset, { scope, node, attribute: attribute.name }, scopes);
      }
    }
  }
  outputNames(body).forEach((name, index) => {
    const value = lookUp(scope, name);
    if (value) value.addUse(undefined, index, scope);
    else if (name !== '') scope.unresolved.push({ name, index, scope });
  });
}

const declared = new WeakSet<Scope>();

/** Gives a scope's values the element types and shapes that its body declares; does so once. */
export function readDeclarations(scope: Scope): void {
  if (declared.has(scope)) return;
  declared.add(scope);
  const { body, values } = scope;
  for (const infos of isFunction(body) ? [body.valueInfos] : [body.inputs, body.outputs, body.valueInfos]) {
    for (const { name, type } of infos) {
      const value = type?.kind === 'tensor' ? values.get(name) : undefined;
      if (!value || type?.kind !== 'tensor') continue;
      if (type.elementType !== 0) value.elementType = type.elementType;
      if (type.shape) value.shape = type.shape;
    }
  }
}

/** What `name` means in `scope`: a value of its own or of one around it. */
export function lookUp(scope: Scope, name: string): Value | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const value = at.values.get(name);
    if (value) return value;
  }
  return undefined;
}

/** The scope that defines what `name` means in `scope`: itself or one around it. */
export function definingScope(scope: Scope, name: string): Scope | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at.values.has(name)) return at;
  return undefined;
}

/** The node of `scope`'s own body that a use belongs to: the reader, or the node whose subgraph holds it. */
export function readerIn(scope: Scope, use: Use): Node | undefined {
  let reader = use.node;
  for (let at: Scope | undefined = use.scope; at && at !== scope; at = at.parent) reader = at.owner;
  return reader;
}

/** The readers of a value that `scope` defines. */
export const usesOf = (scope: Scope, name: string): readonly Use[] => scope.values.get(name)?.uses ?? NO_USES;

/** The node that computes a value that `scope` defines. */
export const producerOf = (scope: Scope, name: string): Node | undefined => scope.values.get(name)?.producer;

/** The tensor that `name` stands for in `scope`, if it is an initializer or the value of a Constant node. */
export const constantTensor = (scope: Scope, name: string): Tensor | undefined => constantOf(lookUp(scope, name));

/** The tensor that a value is, if it is an initializer or the value of a Constant node. */
export function constantOf(value: Value | undefined): Tensor | undefined {
  if (!value?.producer) return value?.initializer;
  if (value.producer.opType !== 'Constant' || !isDefaultDomain(value.producer.domain)) return undefined;
  const constant = value.producer.attributes.find((attribute) => attribute.name === 'value')?.value;
  return constant?.type === 'TENSOR' ? constant.value : undefined;
}
