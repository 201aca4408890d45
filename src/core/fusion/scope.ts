import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from '../onnx/model';
import { LookUps } from './lookUps';
import { Scope, type Body, type Holder, type Use, type Value } from './values';

export {
  inputNames,
  isFunction,
  outputNames,
  type Body,
  type Scope,
  type UnresolvedUse,
  type Use,
  type Value,
} from './values';

const NO_USES: readonly Use[] = [];
const NO_GRAPHS: readonly Graph[] = [];

/** Is `domain` the default operator domain, which may also be written out? */
export const isDefaultDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

/** Version of the default operator set among `imports`. */
export function defaultOpset(imports: Model['opsetImports']): number | undefined {
  return imports.find((entry) => isDefaultDomain(entry.domain))?.version;
}

/** From this IR version on, an initializer that is an input as well is that input's default. */
const DEFAULTS_IR_VERSION = 4;

/** Does an initializer of the main graph keep callers from giving the input of its name? */
const fixesInputs = ({ irVersion }: Model): boolean => irVersion >= 1 && irVersion < DEFAULTS_IR_VERSION;

/**
 * The main graph's inputs that no caller can give: below IR version 4 every
 * initializer has to be an input as well, and runtimes take it as a constant.
 */
export function fixedInputs(model: Model): readonly ValueInfo[] {
  if (!fixesInputs(model)) return [];
  const { initializers, inputs } = model.graph;
  const names = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => names.has(name));
}

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
  const lookUps = new LookUps();
  openScope(model, model.graph, defaultOpset(model.opsetImports), undefined, lookUps, scopes);
  for (const fn of model.functions) openScope(model, fn, defaultOpset(fn.opsetImports), undefined, lookUps, scopes);
  indexed.set(model, scopes);
  return scopes;
}

/** Adds the scope of a body and those of the bodies that it holds. */
function openScope(
  model: Model,
  body: Body,
  opset: number | undefined,
  holder: Holder | undefined,
  lookUps: LookUps,
  scopes: Scope[],
): void {
  const scope = new Scope(model, body, opset, body === model.graph && fixesInputs(model), lookUps, holder);
  scopes.push(scope);
  if (holder) {
    const siblings = holder.scope.children.get(holder.node);
    if (siblings) siblings.push(scope);
    else holder.scope.children.set(holder.node, [scope]);
  }
  for (const node of body.nodes) {
    if (!mayHoldGraphs(node)) continue;
    for (const attribute of node.attributes) {
      for (const graph of subgraphsOf(attribute)) {
        openScope(model, graph, opset, { scope, node, attribute: attribute.name }, lookUps, scopes);
      }
    }
  }
  if (!holder) scope.noteReads();
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
export const definingScope = (scope: Scope, name: string): Scope | undefined => lookUp(scope, name)?.scope;

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
