import type { Attribute, FunctionProto, Model, Node } from '../onnx/model';
import {
  ACTIVATION_ATTRIBUTES,
  CONVOLUTION_ATTRIBUTES,
  FUSION_DOMAIN,
  NORMALIZATION_ATTRIBUTES,
  fusedAttributes,
  fusedOp,
  type ForwardedAttribute,
  type FusedOp,
} from './fusedOps';
import { defaultOpset, isDefaultDomain } from './scope';

/** The fused ops' function body without an op's attributes reads as if the attribute were absent (ONNX functions). */
const forward = (attributes: readonly ForwardedAttribute[]): readonly Attribute[] =>
  attributes.map(({ name, type }) => ({ name, value: { type: 'REFERENCE', value: name, attributeType: type } }));

const bodyNode = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly ForwardedAttribute[],
): Node => ({ name: '', domain: '', opType, overload: '', inputs, outputs: [output], attributes: forward(attributes) });

/**
 * The model-local function that makes `op` run in any ONNX runtime: the
 * convolution without a bias, InstanceNormalization, and the activation.
 * @param name the function's name, where it can't be the op's own.
 * @param opset version of the default operator set that the body means.
 */
export function fusedFunction(op: FusedOp, name: string, opset: number): FunctionProto {
  const normalized = op.activation ? 'normalized' : 'Y';
  return {
    name,
    domain: FUSION_DOMAIN,
    overload: '',
    docString: '',
    opsetImports: [{ domain: '', version: opset }],
    inputs: ['X', 'W', 'scale', 'B'],
    outputs: ['Y'],
    attributes: fusedAttributes(op).map((attribute) => attribute.name),
    attributeDefaults: [],
    valueInfos: [],
    nodes: [
      bodyNode(op.convolution, ['X', 'W'], 'convolved', CONVOLUTION_ATTRIBUTES[op.convolution]),
      bodyNode('InstanceNormalization', ['convolved', 'scale', 'B'], normalized, NORMALIZATION_ATTRIBUTES),
      ...(op.activation ? [bodyNode(op.activation, [normalized], 'Y', ACTIVATION_ATTRIBUTES[op.activation])] : []),
    ],
  };
}

/**
 * Operator sets between which the body's operators are defined alike for
 * float32. The convolutions' `auto_pad` was restated in version 11; later
 * versions only add element types.
 */
const generation = (opset: number): number => (opset < 11 ? 1 : 11);

/** Is `fn` the function of `op`, for a body that means operator set `opset`? Names of values don't matter. */
export function isFusedFunction(fn: FunctionProto, op: FusedOp, opset: number | undefined): boolean {
  const own = defaultOpset(fn.opsetImports);
  if (own === undefined || (opset !== undefined && generation(own) !== generation(opset))) return false;
  const expected = fusedFunction(op, fn.name, own);
  return (
    fn.domain === FUSION_DOMAIN &&
    fn.overload === '' &&
    fn.attributeDefaults.length === 0 &&
    sameNames(fn.attributes, expected.attributes) &&
    sameBody(fn, expected)
  );
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((name) => a.includes(name));
}

function sameBody(a: FunctionProto, b: FunctionProto): boolean {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const bind = (from: readonly string[], to: readonly string[]): boolean => {
    if (from.length !== to.length) return false;
    return from.every((name, index) => {
      if (names.has(name) || taken.has(to[index]!)) return false;
      names.set(name, to[index]!);
      taken.add(to[index]!);
      return true;
    });
  };
  if (!bind(a.inputs, b.inputs) || a.nodes.length !== b.nodes.length) return false;
  for (const [index, node] of a.nodes.entries()) {
    const other = b.nodes[index]!;
    if (!isDefaultDomain(node.domain) || node.opType !== other.opType) return false;
    if (node.inputs.length !== other.inputs.length || !sameAttributes(node.attributes, other.attributes)) return false;
    if (!node.inputs.every((name, at) => names.get(name) === other.inputs[at])) return false;
    if (!bind(node.outputs, other.outputs)) return false;
  }
  return a.outputs.length === b.outputs.length && a.outputs.every((name, at) => names.get(name) === b.outputs[at]);
}

function sameAttributes(a: readonly Attribute[], b: readonly Attribute[]): boolean {
  if (a.length !== b.length) return false;
  return b.every(({ name }) => {
    const value = a.find((attribute) => attribute.name === name)?.value;
    return value?.type === 'REFERENCE' && value.value === name;
  });
}

/** The fused op that a node's type in the fusion domain stands for, if it is one. */
export function fusedOpOf(model: Model, opType: string): FusedOp | undefined {
  const op = fusedOp(opType) ?? fusedOp(opType.replace(/_.*$/, ''));
  if (!op) return undefined;
  const fn = model.functions.find((candidate) => candidate.domain === FUSION_DOMAIN && candidate.name === opType);
  // Without a function it is the op that a kernel was registered for, under its own name only.
  if (!fn) return op.name === opType ? op : undefined;
  return isFusedFunction(fn, op, undefined) ? op : undefined;
}

/**
 * Chooses names for the functions of fused ops: the op's own name, unless the
 * body means other operators than the model's or a function of the user's has
 * that name.
 */
export class FunctionNames {
  private readonly functions: FunctionProto[];
  private readonly modelOpset: number | undefined;

  constructor(model: Model) {
    this.functions = [...model.functions];
    this.modelOpset = defaultOpset(model.opsetImports);
  }

  /** Counts `fn` among the model's functions from now on. */
  add(fn: FunctionProto): void {
    this.functions.push(fn);
  }

  /** The function for `op` in a body with operator set `opset`, and whether the model lacks it still. */
  choose(op: FusedOp, opset: number): { readonly name: string; readonly opset: number; readonly isNew: boolean } {
    const modelOpset = this.modelOpset ?? opset;
    const alike = generation(modelOpset) === generation(opset);
    const base = alike ? op.name : `${op.name}_opset${generation(opset)}`;
    const version = alike ? modelOpset : opset;
    for (let count = 1; ; count++) {
      const name = count === 1 ? base : `${base}_${count}`;
      const taken = this.functions.filter((fn) => fn.domain === FUSION_DOMAIN && fn.name === name);
      if (taken.length === 0) return { name, opset: version, isNew: true };
      if (taken.length === 1 && isFusedFunction(taken[0]!, op, opset)) return { name, opset: version, isNew: false };
    }
  }
}
