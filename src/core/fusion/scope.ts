import type { Attribute, FunctionProto, Graph, Model, Node, Tensor } from '../onnx/model';

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

/** A body with its names resolved: who writes each value, and who reads it. */
export interface Scope {
  readonly body: Body;
  /** Set for a subgraph: the scope and node that hold it. */
  readonly parent?: Scope | undefined;
  readonly owner?: Node | undefined;
  /** Name of the owner's attribute that holds this subgraph, such as `then_branch`. */
  readonly ownerAttribute?: string | undefined;
  /** Version of the default operator set in force here. */
  readonly opset: number | undefined;
  readonly producers: ReadonlyMap<string, Node>;
  readonly inputs: ReadonlySet<string>;
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Readers of the values this scope defines, those in nested subgraphs included. */
  readonly uses: ReadonlyMap<string, readonly Use[]>;
  /** Names defined more than once here, which valid models never have. */
  readonly duplicates: ReadonlySet<string>;
  /** Subgraphs by the node that holds them. */
  readonly children: ReadonlyMap<Node, readonly Scope[]>;
  readonly model: Model;
}

const NO_USES: readonly Use[] = [];

/** Is `domain` the default operator domain, which may also be written out? */
export const isDefaultDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

/** Version of the default operator set among `imports`. */
export function defaultOpset(imports: Model['opsetImports']): number | undefined {
  return imports.find((entry) => isDefaultDomain(entry.domain))?.version;
}

export const isFunction = (body: Body): body is FunctionProto => 'overload' in body;

/** Names of a body's inputs. */
export const inputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.inputs : body.inputs.map((input) => input.name);

/** Names of a body's outputs. */
export const outputNames = (body: Body): readonly string[] =>
  isFunction(body) ? body.outputs : body.outputs.map((output) => output.name);

/** The graphs an attribute holds. */
export function subgraphsOf(attribute: Attribute): readonly Graph[] {
  if (attribute.value.type === 'GRAPH') return [attribute.value.value];
  return attribute.value.type === 'GRAPHS' ? attribute.value.value : [];
}

interface OpenScope extends Scope {
  readonly producers: Map<string, Node>;
  readonly inputs: Set<string>;
  readonly initializers: Map<string, Tensor>;
  readonly uses: Map<string, Use[]>;
  readonly duplicates: Set<string>;
  readonly children: Map<Node, Scope[]>;
}

/**
 * Every body of the model with its names resolved, outer before inner: the
 * main graph, its subgraphs, then each function with its own.
 */
export function indexScopes(model: Model): readonly Scope[] {
  const scopes: Scope[] = [];
  openScope(model, model.graph, defaultOpset(model.opsetImports), undefined, scopes);
  for (const fn of model.functions) openScope(model, fn, defaultOpset(fn.opsetImports), undefined, scopes);
  return scopes;
}

interface Holder {
  readonly scope: OpenScope;
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
  const scope: OpenScope = {
    body,
    parent: holder?.scope,
    owner: holder?.node,
    ownerAttribute: holder?.attribute,
    opset,
    producers: new Map(),
    inputs: new Set(inputNames(body)),
    initializers: new Map(),
    uses: new Map(),
    duplicates: new Set(),
    children: new Map(),
    model,
  };
  scopes.push(scope);
  if (holder) {
    const siblings = holder.scope.children.get(holder.node);
    if (siblings) siblings.push(scope);
    else holder.scope.children.set(holder.node, [scope]);
  }
  if (!isFunction(body)) for (const tensor of body.initializers) scope.initializers.set(tensor.name, tensor);
  for (const node of body.nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (defines(scope, output)) scope.duplicates.add(output);
      scope.producers.set(output, node);
    }
  }
  for (const node of body.nodes) {
    node.inputs.forEach((name, index) => addUse(scope, name, { node, index, scope }));
    for (const attribute of node.attributes) {
      for (const graph of subgraphsOf(attribute)) {
        openScope(model, graph, opset, { scope, node, attribute: attribute.name }, scopes);
      }
    }
  }
  outputNames(body).forEach((name, index) => addUse(scope, name, { index, scope }));
}

/** Record a reader with the innermost scope that defines the name. */
function addUse(from: OpenScope, name: string, use: Use): void {
  if (name === '') return;
  let scope: OpenScope = from;
  while (!defines(scope, name) && scope.parent) scope = scope.parent as OpenScope;
  const uses = scope.uses.get(name);
  if (uses) uses.push(use);
  else scope.uses.set(name, [use]);
}

/** Does this very scope define the name? */
export const defines = (scope: Scope, name: string): boolean =>
  scope.producers.has(name) || scope.inputs.has(name) || scope.initializers.has(name);

/** The scope that defines what `name` means in `scope`: itself or one around it. */
export function definingScope(scope: Scope, name: string): Scope | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (defines(at, name)) return at;
  return undefined;
}

/** The readers of a value that `scope` defines. */
export const usesOf = (scope: Scope, name: string): readonly Use[] => scope.uses.get(name) ?? NO_USES;

/** The tensor that `name` stands for in `scope`, if it is an initializer or the value of a Constant node. */
export function constantTensor(scope: Scope, name: string): Tensor | undefined {
  const at = definingScope(scope, name);
  const producer = at?.producers.get(name);
  if (!producer) return at?.initializers.get(name);
  if (producer.opType !== 'Constant' || !isDefaultDomain(producer.domain)) return undefined;
  const value = producer.attributes.find((attribute) => attribute.name === 'value')?.value;
  return value?.type === 'TENSOR' ? value.value : undefined;
}
