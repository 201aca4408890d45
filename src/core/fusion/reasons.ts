import type { Attribute, Node } from '../onnx/model';
import { convolutionAttributes, outputChannels } from './convolution';
import { bodyLabel, elementTypeName, nodeLabel, outputPlace, placeOfNode } from './describe';
import { FLOAT, type ElementTypes } from './elementType';
import type { Reason, RelatedPlace } from './finding';
import {
  CONVOLUTION_ATTRIBUTES,
  LEGACY_HINT,
  NORMALIZATION_ATTRIBUTES,
  type ConvolutionType,
  type ForwardedAttribute,
} from './fusedOps';
import { constantTensor, isFunction, usesOf, type Scope, type Use } from './scope';
import type { Path } from './trace';

const reason = (code: string, message: string, ...related: RelatedPlace[]): Reason => ({ code, message, related });

/** The pair lies on both sides of a control-flow node's body. */
export function controlFlowReason(path: Path, normalization: Node): Reason | undefined {
  const { boundary, convolution } = path;
  if (!boundary) return undefined;
  return reason(
    'control-flow',
    `the ${boundary.attribute} of ${nodeLabel(boundary.node)} lies between ${nodeLabel(convolution)} and ${nodeLabel(normalization)}`,
    placeOfNode(boundary.node, `${nodeLabel(boundary.node)} may run its body or not`),
    placeOfNode(normalization, 'the normalisation'),
  );
}

/** GroupNormalization, written as Reshape → InstanceNormalization → Reshape. */
export function groupReason(reshape: Node): Reason {
  return reason(
    'group-normalization',
    `${nodeLabel(reshape)} makes the normalisation work on groups of channels; the fused op normalises each channel alone`,
    placeOfNode(reshape, 'gathers channels into groups'),
  );
}

/** A node between the two that changes values. */
export function nodeBetweenReason(scope: Scope, node: Node, types: ElementTypes): Reason {
  if (node.opType === 'Cast') {
    const to = types.of(scope, node.outputs[0] ?? '');
    return reason(
      'element-type',
      `${nodeLabel(node)} converts the convolution's output${to === undefined ? '' : ` to ${elementTypeName(to)}`}`,
      placeOfNode(node, 'converts the element type'),
    );
  }
  if (node.opType === 'Dropout') {
    return reason(
      'training-dropout',
      `${nodeLabel(node)} isn't known to be in inference form`,
      placeOfNode(node, 'may drop values at random'),
    );
  }
  return reason(
    'node-between',
    `${nodeLabel(node)} stands between the convolution and the normalisation`,
    placeOfNode(node, 'changes the values in between'),
  );
}

/** A node of the chain with fewer inputs or outputs than its operator needs. */
export function missingValueReason(chain: readonly Node[]): Reason | undefined {
  for (const node of chain) {
    const needed = node.opType === 'InstanceNormalization' ? 3 : node.opType.startsWith('Conv') ? 2 : 1;
    for (let index = 0; index < needed; index++) {
      if (!node.inputs[index]) {
        return reason('missing-input', `${nodeLabel(node)} has no input ${index + 1}`, placeOfNode(node, 'incomplete'));
      }
    }
    if (!node.outputs[0]) return reason('missing-output', `${nodeLabel(node)} has no output`);
  }
  return undefined;
}

/** Attributes that the fused op couldn't pass on. */
export function attributeReason(convolution: Node, normalization: Node): Reason | undefined {
  const known = CONVOLUTION_ATTRIBUTES[convolution.opType as ConvolutionType];
  for (const [node, attributes] of [
    [convolution, known],
    [normalization, NORMALIZATION_ATTRIBUTES],
  ] as const) {
    const unknown = unknownAttribute(node, attributes);
    if (!unknown) continue;
    return reason(
      'unknown-attribute',
      `${nodeLabel(node)} has the attribute \`${unknown.name}\`, which the operator doesn't define`,
      { message: 'not an attribute of this operator', span: unknown.span, node },
    );
  }
  return undefined;
}

/** The first attribute that the operator doesn't have. */
export function unknownAttribute(node: Node, known: readonly ForwardedAttribute[]): Attribute | undefined {
  return node.attributes.find(
    ({ name }) => name !== LEGACY_HINT && !known.some((attribute) => attribute.name === name),
  );
}

/** The body doesn't say which version of the operators it means. */
export function opsetReason(scope: Scope): Reason | undefined {
  if (scope.opset !== undefined) return undefined;
  const whose = isFunction(scope.body) ? `function \`${scope.body.name}\`` : 'the model';
  return reason('opset', `${whose} doesn't import the default operator set`);
}

/** A value that isn't float32. */
export function elementTypeReason(scope: Scope, chain: readonly Node[], types: ElementTypes): Reason | undefined {
  for (const node of chain) {
    const inputs = node.opType === 'Dropout' ? node.inputs.slice(0, 1) : node.inputs;
    for (const value of [...inputs, node.outputs[0]!]) {
      const type = types.of(scope, value);
      if (type === undefined || type === FLOAT) continue;
      return reason(
        'element-type',
        `\`${value}\` is ${elementTypeName(type)}; the fused op computes in float32`,
        placeOfNode(node, `has the ${elementTypeName(type)} value \`${value}\``),
      );
    }
  }
  return undefined;
}

/** Scale or bias of another length than the convolution has channels. */
export function channelReason(scope: Scope, convolution: Node, normalization: Node): Reason | undefined {
  const weights = constantTensor(scope, convolution.inputs[1]!);
  const channels =
    weights && outputChannels(convolution.opType, weights.dims, convolutionAttributes(convolution).group);
  if (channels === undefined) return undefined;
  for (const name of normalization.inputs.slice(1, 3)) {
    const tensor = constantTensor(scope, name);
    if (!tensor || (tensor.dims.length === 1 && tensor.dims[0] === channels)) continue;
    return reason(
      'channel-count',
      `\`${name}\` has shape [${tensor.dims.join(', ')}], but the convolution has ${channels} output channels`,
      placeOfNode(normalization, `reads \`${name}\``),
    );
  }
  return undefined;
}

/**
 * A value inside the chain that something else also needs. `chain` runs from
 * the convolution to the normalisation, each node reading the first output of
 * the one before as its first input.
 */
export function sharedValueReason(scope: Scope, chain: readonly Node[]): Reason | undefined {
  for (let index = 0; index + 1 < chain.length; index++) {
    const node = chain[index]!;
    for (const value of node.outputs) {
      if (value === '') continue;
      if (scope.values.get(value)?.isAmbiguous) {
        return reason('duplicate-name', `more than one value is called \`${value}\``, placeOfNode(node, 'one of them'));
      }
      const next = value === node.outputs[0] ? chain[index + 1] : undefined;
      const others = usesOf(scope, value).filter((use) => use.node !== next || use.node === undefined || use.index > 0);
      if (others.length > 0) return otherUseReason(scope, node, value, others);
    }
  }
  return undefined;
}

function otherUseReason(scope: Scope, node: Node, value: string, others: readonly Use[]): Reason {
  const isConvolution = node.opType.startsWith('Conv');
  const what = isConvolution
    ? `the convolution's output \`${value}\``
    : `\`${value}\`, an output of ${nodeLabel(node)},`;
  const output = others.find((use) => use.node === undefined && use.scope === scope);
  if (output) {
    return reason(
      'graph-output',
      `${what} is also an output of ${bodyLabel(scope)}`,
      outputPlace(scope.body, output.index, `\`${value}\` must be computed for this output`),
    );
  }
  const first = others[0]!;
  const reader = first.node ?? first.scope.owner!;
  const inside = first.scope === scope ? '' : ` in ${bodyLabel(first.scope)}`;
  const more = others.length > 1 ? ` and ${others.length - 1} more` : '';
  return reason(
    'other-consumer',
    `${what} is also read by ${nodeLabel(reader)}${inside}${more}`,
    ...others.slice(0, 8).map((use) => placeOfNode(use.node ?? use.scope.owner!, `reads \`${value}\` too`)),
  );
}
