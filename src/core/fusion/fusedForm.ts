import type { Attribute, Node } from '../onnx/model';
import type { Finding, FusedActivation } from './finding';
import { LEGACY_HINT } from './fusedOps';
import type { Parameter } from './normalization';

/** The node that a finding becomes. */
export interface FusedForm {
  /** The op, such as `ConvInstanceNormalizationRelu`. */
  readonly op: string;
  /** The first of the replaced nodes' names, `''` where none has one. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Those that the replaced nodes have are taken over with their places in the text. */
  readonly attributes: readonly Attribute[];
}

/** The node that the finding, which can fuse, becomes. */
export function fusedForm(finding: Finding): FusedForm {
  const { convolution, normalization, form, pad, residual, fusedActivation, nodes } = finding;
  const [x = '', w = ''] = convolution.inputs;
  const named = [convolution, normalization, ...(fusedActivation ? [fusedActivation.node] : [])];
  const output = nodes.at(-1)!.outputs[0]!;
  const scale = parameterName(form.scale, `${output}_scale`);
  const bias = parameterName(form.bias, `${output}_bias`);
  return {
    op: finding.fusedOp,
    name: named.find((node) => node.name !== '')?.name ?? '',
    inputs: [pad?.node.inputs[0] ?? x, w, scale, bias, ...(residual ? [residual.value] : [])],
    output,
    attributes: [
      ...convolutionAttributes(finding),
      ...(form.isNative ? attributesOf(normalization) : [epsilonAttribute(form.epsilon)]),
      ...(fusedActivation ? activationAttributes(fusedActivation) : []),
    ],
  };
}

/** The name of the vector that the fused node reads; another one is taken where it isn't free. */
function parameterName(parameter: Parameter, unnamed: string): string {
  if (parameter.kind === 'filled') return unnamed;
  return parameter.kind === 'vector' ? parameter.name : `${parameter.name}_vector`;
}

const epsilonAttribute = (epsilon: number): Attribute => ({
  name: 'epsilon',
  value: { type: 'FLOAT', value: Math.fround(epsilon) },
});

const attributesOf = (node: Node): Attribute[] => node.attributes.filter(({ name }) => name !== LEGACY_HINT);

/** The convolution's attributes, with the border that a Pad adds. */
function convolutionAttributes({ convolution, pad }: Finding): Attribute[] {
  if (!pad) return attributesOf(convolution);
  const kept = attributesOf(convolution).filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
  return [...kept, { name: 'pads', value: { type: 'INTS', value: pad.pads.map(BigInt) } }];
}

function activationAttributes({ node, type, alpha }: FusedActivation): Attribute[] {
  if (alpha !== undefined) return [{ name: 'alpha', value: { type: 'FLOAT', value: Math.fround(alpha) } }];
  return node.opType === type ? attributesOf(node) : [];
}

/**
 * What the replaced nodes read and the fused one doesn't, once for each use:
 * the convolution's bias, amounts of padding, slopes and bounds, and inputs
 * beyond the first of links.
 */
export function droppedInputs({ nodes }: Finding, form: FusedForm): string[] {
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  const dropped = (name: string): boolean => name !== '' && !inside.has(name) && !form.inputs.includes(name);
  return nodes.flatMap((node) => node.inputs.filter(dropped));
}
