import type { FunctionProto, Node, Tensor } from '../onnx/model';
import { foldedNodes } from './constants';
import { nodeName } from './describe';
import type { Finding } from './finding';
import { droppedInputs, type FusedForm } from './fusedForm';
import { FUSION_DOMAIN } from './fusedOps';
import { definingScope, isDefaultDomain, isFunction, type Scope } from './scope';
import { uniqueName } from './uniqueName';

/**
 * How a fused node keeps what it replaced: a function of the fusion domain
 * that nothing calls, `unfused/` and the name of the node's output. Its first
 * inputs are the fused node's, then what only the replaced nodes read; its
 * nodes are the replaced ones, and the constants that went with them. Runtimes
 * skip a function that isn't called, the official text and checker take it,
 * and data too large for the text stays in the file. Without it, a fused node
 * can still be written out as its function body.
 */
const PREFIX = 'unfused/';

/** Marks a Constant that stands for an initializer, and how many bodies further out that is. */
const INITIALIZER = 'fusionlens.initializer/';
/** Marks a Constant node of a body further out, or a node that computes a constant; its own name follows. */
const OUTER_CONSTANT = 'fusionlens.constant/';

/** A constant that the replaced nodes read, and where it was. */
export interface KeptConstant {
  readonly name: string;
  /** Bodies between the fused node's and the constant's; 0 is the same one. */
  readonly levels: number;
  /** An initializer's data; else `node` is a Constant, or computes one from those before it. */
  readonly tensor?: Tensor | undefined;
  readonly node: Node;
}

/** What a fused node replaced. */
export interface Original {
  readonly function: FunctionProto;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly constants: readonly KeptConstant[];
  /** In the body's order. */
  readonly nodes: readonly Node[];
}

/** The name of the function that keeps what the node with that output replaced. */
export function originalName(scope: Scope, output: string): string {
  const path: string[] = [output];
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    if (at.owner) path.unshift(`${nodeName(at.owner)}.${at.ownerAttribute ?? ''}`);
    else if (isFunction(at.body)) path.unshift(at.body.name);
  }
  return PREFIX + path.join('/');
}

/** Is it a function that keeps what a fused node replaced? */
export const isOriginal = (fn: Pick<FunctionProto, 'domain' | 'name'>): boolean =>
  fn.domain === FUSION_DOMAIN && fn.name.startsWith(PREFIX);

/** The function that keeps the nodes of `finding`. */
export function originalFunction(finding: Finding, scope: Scope, form: FusedForm, name: string): FunctionProto {
  const inputs = formals(form.inputs, finding);
  const constants: Node[] = [];
  const known = new Set<string>();
  const keep = (name: string): void => {
    if (name === '' || known.has(name)) return;
    known.add(name);
    const constant = constantNode(scope, name);
    if (constant) constants.push(constant);
    else inputs.push(name);
  };
  for (const dropped of droppedInputs(finding, form)) {
    for (const node of foldedNodes(scope, dropped)) {
      const output = node.outputs[0]!;
      if (known.has(output)) continue;
      for (const input of node.inputs) if (!known.has(input) && foldedNodes(scope, input).length === 0) keep(input);
      known.add(output);
      constants.push({ ...node, name: `${OUTER_CONSTANT}0/${node.name}` });
    }
    keep(dropped);
  }
  const nodes = [...finding.nodes].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  const references = nodes.flatMap(({ attributes }) =>
    attributes.flatMap(({ value }) => (value.type === 'REFERENCE' ? [value.value] : [])),
  );
  const kept = [...constants, ...nodes];
  // Runtimes look each node's domain up among the function's imports as it is written.
  const domains = ['', ...(kept.some(({ domain }) => domain === 'ai.onnx') ? ['ai.onnx'] : [])];
  return {
    name,
    domain: FUSION_DOMAIN,
    overload: '',
    docString: '',
    opsetImports: domains.map((domain) => ({ domain, version: scope.opset! })),
    inputs,
    // Not the fused node's where a node after it gives the replaced ones' layout.
    outputs: [finding.nodes.at(-1)!.outputs[0]!],
    attributes: [...new Set(references)],
    attributeDefaults: [],
    valueInfos: [],
    nodes: kept,
  };
}

/** The fused node's inputs as names of a function's, which are all different. */
function formals(inputs: readonly string[], finding: Finding): string[] {
  const taken = new Set(finding.nodes.flatMap((node) => [...node.inputs, ...node.outputs]));
  const formal: string[] = [];
  for (const input of inputs) {
    formal.push(uniqueName(input, (name) => formal.includes(name) || (name !== input && taken.has(name))));
  }
  return formal;
}

/** A Constant for the initializer or Constant node called `name`; `undefined` when a caller may set it or it is computed. */
function constantNode(scope: Scope, name: string): Node | undefined {
  const at = definingScope(scope, name);
  const value = at?.values.get(name);
  if (!at || !value || value.isSettable || value.isAmbiguous) return undefined;
  let levels = 0;
  for (let inner = scope; inner !== at && inner.parent; inner = inner.parent) levels++;
  const { producer, initializer } = value;
  if (producer) {
    if (producer.opType !== 'Constant' || !isDefaultDomain(producer.domain)) return undefined;
    return levels === 0 ? producer : { ...producer, name: `${OUTER_CONSTANT}${levels}/${producer.name}` };
  }
  if (!initializer || initializer.data.kind === 'none') return undefined;
  return {
    name: `${INITIALIZER}${levels}`,
    domain: '',
    opType: 'Constant',
    overload: '',
    inputs: [],
    outputs: [name],
    attributes: [{ name: 'value', value: { type: 'TENSOR', value: { ...initializer, name: '' } } }],
  };
}

/** Reads what {@link originalFunction} wrote. */
export function readOriginal(fn: FunctionProto): Original | undefined {
  const constants: KeptConstant[] = [];
  const nodes: Node[] = [];
  for (const node of fn.nodes) {
    const isConstant =
      node.name.startsWith(OUTER_CONSTANT) || (node.opType === 'Constant' && isDefaultDomain(node.domain));
    if (!isConstant || node.outputs.length !== 1) nodes.push(node);
    else constants.push(keptConstant(node));
  }
  const [output] = fn.outputs;
  return output === undefined ? undefined : { function: fn, inputs: fn.inputs, output, constants, nodes };
}

function keptConstant(node: Node): KeptConstant {
  const name = node.outputs[0]!;
  const value = node.attributes[0]?.value;
  if (node.name.startsWith(INITIALIZER) && value?.type === 'TENSOR') {
    return {
      name,
      levels: Number(node.name.slice(INITIALIZER.length)),
      tensor: { ...value.value, name },
      node: { ...node, name: '' },
    };
  }
  const outer = node.name.startsWith(OUTER_CONSTANT)
    ? /^(\d+)\/([^]*)$/.exec(node.name.slice(OUTER_CONSTANT.length))
    : null;
  return outer ? { name, levels: Number(outer[1]), node: { ...node, name: outer[2]! } } : { name, levels: 0, node };
}
