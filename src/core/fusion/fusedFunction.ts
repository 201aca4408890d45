import type { Attribute, AttributeValue, FunctionProto, Model, Node } from '../onnx/model';
import { decodeUtf8, encodeUtf8 } from '../wire/utf8';
import {
  ACTIVATION_ATTRIBUTES,
  CONVOLUTION_ATTRIBUTES,
  FUSION_DOMAIN,
  NORMALIZATION_ATTRIBUTES,
  PADDED_ATTRIBUTES,
  PAD_MODES,
  fusedAttributes,
  fusedInputs,
  fusedOp,
  type ForwardedAttribute,
  type FusedOp,
  type PadType,
} from './fusedOps';
import { defaultOpset, isDefaultDomain } from './scope';

/** A function's body node reads as if the attribute were absent where the caller doesn't give it (ONNX functions). */
const forward = (attributes: readonly ForwardedAttribute[]): readonly Attribute[] =>
  attributes.map(({ name, type }) => ({ name, value: { type: 'REFERENCE', value: name, attributeType: type } }));

const bodyNode = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Attribute[] = [],
): Node => ({ name: '', domain: '', opType, overload: '', inputs, outputs: [output], attributes });

const integers = (output: string, ...values: readonly bigint[]): Node =>
  bodyNode('Constant', [], output, [{ name: 'value_ints', value: { type: 'INTS', value: values } }]);

/**
 * The model-local function that makes `op` run in any ONNX runtime: the pad,
 * the convolution without a bias, InstanceNormalization, the addition and the
 * activation.
 * @param name the function's name, where it can't be the op's own.
 * @param opset version of the default operator set that the body means.
 */
export function fusedFunction(op: FusedOp, name: string, opset: number): FunctionProto {
  return {
    name,
    domain: FUSION_DOMAIN,
    overload: '',
    docString: '',
    opsetImports: [{ domain: '', version: opset }],
    inputs: fusedInputs(op),
    outputs: ['Y'],
    attributes: fusedAttributes(op).map((attribute) => attribute.name),
    attributeDefaults: [],
    valueInfos: [],
    nodes: [...(op.pad ? padNodes(op.pad) : []), ...fusedChain(op)],
  };
}

/** The convolution and what follows it in a fused op's body. */
function fusedChain(op: FusedOp): Node[] {
  const { convolution, activation } = op;
  const forwarded = op.pad ? PADDED_ATTRIBUTES : CONVOLUTION_ATTRIBUTES[convolution];
  const normalized = op.add || activation ? 'normalized' : 'Y';
  const nodes = [
    bodyNode(convolution, [op.pad ? 'padded' : 'X', 'W'], 'convolved', forward(forwarded)),
    bodyNode('InstanceNormalization', ['convolved', 'scale', 'B'], normalized, forward(NORMALIZATION_ATTRIBUTES)),
  ];
  const added = op.add && activation ? 'added' : 'Y';
  if (op.add) nodes.push(bodyNode('Add', [normalized, 'residual'], added));
  if (activation) {
    nodes.push(bodyNode(activation, [op.add ? added : normalized], 'Y', forward(ACTIVATION_ATTRIBUTES[activation])));
  }
  return nodes;
}

/**
 * Pads X by `pads`, which has begins and ends of the spatial axes alone:
 * Pad wants those of batch and channels too. Runtimes fold all but the Pad.
 */
function padNodes(pad: PadType): Node[] {
  return [
    bodyNode('Constant', [], 'border', [
      { name: 'value_ints', value: { type: 'REFERENCE', value: 'pads', attributeType: 'INTS' } },
    ]),
    integers('beginsAndEnds', 2n, -1n),
    integers('zeros', 0n, 0n, 0n, 0n),
    integers('flat', -1n),
    bodyNode('Reshape', ['border', 'beginsAndEnds'], 'spatial'),
    bodyNode('Reshape', ['zeros', 'beginsAndEnds'], 'batchAndChannels'),
    bodyNode('Concat', ['batchAndChannels', 'spatial'], 'rows', [{ name: 'axis', value: { type: 'INT', value: 1n } }]),
    bodyNode('Reshape', ['rows', 'flat'], 'allPads'),
    bodyNode('Pad', ['X', 'allPads'], 'padded', [
      { name: 'mode', value: { type: 'STRING', value: encodeUtf8(PAD_MODES[pad]) } },
    ]),
  ];
}

/**
 * The operator sets from which on the body's operators are defined alike for
 * float32, the newest that `opset` reaches. The convolutions' `auto_pad` was
 * restated in version 11; Add broadcasts since 7; Constant has `value_ints`
 * since 12. Later versions only add element types.
 */
function generation(op: FusedOp, opset: number): number {
  const changes = [1, ...(op.add ? [ADD_OPSET] : []), 11, ...(op.pad ? [PAD_OPSET] : [])];
  return changes.findLast((version) => version <= opset) ?? 1;
}

/** Operator set from which on Add broadcasts as numpy does: no addition fuses below it. */
export const ADD_OPSET = 7;
/** Operator set from which on the pads' function body can be written. */
export const PAD_OPSET = 12;

/** Is `fn` the function of `op`, for a body that means operator set `opset`? Names of values don't matter. */
export function isFusedFunction(fn: FunctionProto, op: FusedOp, opset: number | undefined): boolean {
  const own = defaultOpset(fn.opsetImports);
  if (own === undefined || (opset !== undefined && generation(op, own) !== generation(op, opset))) return false;
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
  return b.every(({ name, value: expected }) => {
    const value = a.find((attribute) => attribute.name === name)?.value;
    return value !== undefined && valueKey(value) === valueKey(expected);
  });
}

/** Equal for equal values, of the kinds that bodies have. */
function valueKey(value: AttributeValue): string | undefined {
  switch (value.type) {
    case 'REFERENCE':
      return `@${value.value}`;
    case 'STRING':
      return `STRING ${decodeUtf8(value.value)}`;
    case 'INT':
      return `INT ${value.value}`;
    case 'INTS':
      return `INTS ${value.value.join()}`;
    default:
      return undefined;
  }
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
    const alike = generation(op, modelOpset) === generation(op, opset);
    const base = alike ? op.name : `${op.name}_opset${generation(op, opset)}`;
    const version = alike ? modelOpset : opset;
    for (let count = 1; ; count++) {
      const name = count === 1 ? base : `${base}_${count}`;
      const taken = this.functions.filter((fn) => fn.domain === FUSION_DOMAIN && fn.name === name);
      if (taken.length === 0) return { name, opset: version, isNew: true };
      if (taken.length === 1 && isFusedFunction(taken[0]!, op, opset)) return { name, opset: version, isNew: false };
    }
  }
}
