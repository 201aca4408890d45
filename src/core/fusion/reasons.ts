import type { Attribute, Node } from '../onnx/model';
import { convolutionAttributes, outputChannels } from './convolution';
import { bodyLabel, elementTypeName, nodeLabel, outputPlace, placeOfNode } from './describe';
import { FLOAT, type ElementTypes } from './elementType';
import type { Shapes } from './advice';
import type { Reason, RelatedPlace } from './finding';
import type { Departure, Normalization, Parameter } from './normalization';
import {
  CONVOLUTION_ATTRIBUTES,
  LEGACY_HINT,
  NORMALIZATION_ATTRIBUTES,
  type ConvolutionType,
  type ForwardedAttribute,
} from './fusedOps';
import { constantTensor, definingScope, isFunction, type Scope, type Use } from './scope';
import type { Path } from './trace';

/** `TensorProto.DataType` of the integers that shapes are. */
const INT64 = 7;

const reason = (code: string, message: string, ...related: RelatedPlace[]): Reason => ({ code, message, related });

/** The pair lies on both sides of a control-flow node's body, or of a function's boundary. */
export function boundaryReason(path: Path, normalization: Node): Reason | undefined {
  const { boundary, convolution } = path;
  if (!boundary) return undefined;
  const pair = `${nodeLabel(convolution)} and ${nodeLabel(normalization)}`;
  if (boundary.kind === 'function') {
    return reason(
      'function-boundary',
      `the boundary of function \`${boundary.name}\` lies between ${pair}`,
      placeOfNode(boundary.node, `calls \`${boundary.name}\``),
      placeOfNode(convolution, 'the convolution'),
      placeOfNode(normalization, 'the normalisation'),
    );
  }
  return reason(
    'control-flow',
    `the ${boundary.attribute} of ${nodeLabel(boundary.node)} lies between ${pair}`,
    placeOfNode(boundary.node, `${nodeLabel(boundary.node)} may run its body or not`),
    placeOfNode(normalization, 'the normalisation'),
  );
}

/** The normalisation isn't the one that the fused op computes. */
export function departureReason(scope: Scope, { code, node, axes = [], value }: Departure): Reason {
  const label = nodeLabel(node);
  switch (code) {
    case 'axes':
      return reason(
        code,
        `${label} takes its mean over ${axes.length === 1 ? 'axis' : 'the axes'} ${axes.join(', ')}; the fused op normalises over all spatial axes, and only those`,
        placeOfNode(node, 'normalises over other axes'),
      );
    case 'dynamic-rank':
      return reason(
        code,
        `nothing tells how many dimensions the convolution has, so the axes of ${label} may not be its spatial ones`,
        placeOfNode(node, 'normalises over these axes'),
      );
    case 'element-scale': {
      const which = value === node.inputs[1] ? 'scale' : 'bias';
      return reason(
        code,
        `the ${which} \`${value ?? ''}\` of ${label} isn't one known number for all elements of a plane; the fused op has one for each channel`,
        placeOfNode(node, `reads \`${value ?? ''}\``),
      );
    }
    case 'epsilon-outside':
      return reason(
        code,
        `${label} adds the epsilon to the standard deviation; the fused op adds it to the variance`,
        placeOfNode(node, 'has its epsilon outside the square root'),
      );
    case 'epsilon-unknown':
      return epsilonReason(scope, node, value);
    case 'group-normalization':
      return groupReason(node);
    case 'training-form':
      return reason(
        code,
        `${label} is an instance normalisation in training form; export the model in evaluation mode, without running statistics`,
        placeOfNode(node, 'trains on its input'),
      );
    case 'variance-factor':
      return reason(
        code,
        `${label} scales the variance before the square root, as an unbiased estimate is; the fused op takes the mean of squares`,
        placeOfNode(node, 'scales the variance'),
      );
  }
}

/** An ε that the model doesn't state: where it comes from. */
function epsilonReason(scope: Scope, node: Node, value: string | undefined): Reason {
  const code = 'epsilon-unknown';
  const attribute = 'the fused op has it as an attribute';
  const label = nodeLabel(node);
  if (value === undefined) {
    const message = `the epsilon of ${label} is given where the function is called; ${attribute}`;
    return reason(code, message, placeOfNode(node, 'refers to an attribute of the function'));
  }
  const at = definingScope(scope, value);
  const known = at?.values.get(value);
  const producer = known?.producer;
  const body = at ? bodyLabel(at) : 'the graph';
  const computes = producer && producer.opType !== 'Constant' ? producer : undefined;
  let source = 'has more than one number, or more dimensions than the variance';
  if (computes) source = `is computed by ${nodeLabel(computes)}`;
  else if (known?.isInput === true)
    source = `is an input of ${body}${known.initializer ? ', which a caller may set' : ''}`;
  else if (!known) source = 'is defined nowhere';
  return reason(
    code,
    `the epsilon \`${value}\` that ${label} adds ${source}; ${attribute}`,
    placeOfNode(node, `adds \`${value}\` to the variance`),
    ...(computes ? [placeOfNode(computes, `computes \`${value}\``)] : []),
    ...(at && known?.isInput === true ? inputPlaces(at, value) : []),
  );
}

/** Where in the text a body's input is declared. */
function inputPlaces({ body }: Scope, name: string): RelatedPlace[] {
  if (isFunction(body)) return [{ message: 'an input', span: body.nameSpan }];
  const input = body.inputs.find((candidate) => candidate.name === name);
  return input ? [{ message: 'an input', span: input.nameSpan ?? input.span }] : [];
}

/** GroupNormalization, by its operator or written as Reshape → InstanceNormalization → Reshape. */
export function groupReason(node: Node): Reason {
  return reason(
    'group-normalization',
    `${nodeLabel(node)} makes the normalisation work on groups of channels; the fused op normalises each channel alone`,
    placeOfNode(node, 'gathers channels into groups'),
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

/** A node with fewer inputs or outputs than its operator needs. */
export function missingValueReason(node: Node): Reason | undefined {
  const needed = node.opType === 'InstanceNormalization' ? 3 : node.opType.startsWith('Conv') ? 2 : 1;
  for (let index = 0; index < needed; index++) {
    if (!node.inputs[index]) {
      return reason('missing-input', `${nodeLabel(node)} has no input ${index + 1}`, placeOfNode(node, 'incomplete'));
    }
  }
  if (node.outputs[0]) return undefined;
  return reason('missing-output', `${nodeLabel(node)} has no output`, placeOfNode(node, 'incomplete'));
}

/** Attributes of a convolution that the fused op couldn't pass on. */
export const convolutionAttributeReason = (node: Node): Reason | undefined =>
  attributeReason(node, CONVOLUTION_ATTRIBUTES[node.opType as ConvolutionType]);

/** The same of an InstanceNormalization. */
export const normalizationAttributeReason = (node: Node): Reason | undefined =>
  attributeReason(node, NORMALIZATION_ATTRIBUTES);

function attributeReason(node: Node, known: readonly ForwardedAttribute[]): Reason | undefined {
  const unknown = unknownAttribute(node, known);
  if (!unknown) return undefined;
  return reason(
    'unknown-attribute',
    `${nodeLabel(node)} has the attribute \`${unknown.name}\`, which the operator doesn't define`,
    { message: 'not an attribute of this operator', span: unknown.span, node },
  );
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
  const { body, model } = scope;
  const whose = isFunction(body) ? `function \`${body.name}\`` : 'the model';
  return reason('opset', `${whose} doesn't import the default operator set`, {
    message: 'lacks the import',
    span: isFunction(body) ? body.nameSpan : model.headerSpan,
  });
}

/** A value that isn't float32. */
export function elementTypeReason(
  scope: Scope,
  chain: readonly Node[],
  form: Normalization,
  types: ElementTypes,
): Reason | undefined {
  for (const node of chain) {
    const { inputs } = node;
    const isWritten = !form.isNative && form.nodes.includes(node);
    const read = node.opType === 'Dropout' ? Math.min(1, inputs.length) : inputs.length;
    for (let index = 0; index <= read; index++) {
      const value = index < read ? inputs[index]! : node.outputs[0]!;
      if (isWritten && index < read && !isParameter(form, value)) continue;
      const type = types.of(scope, value);
      // What computes a Reshape's target works on integers.
      if (type === undefined || type === FLOAT || (type === INT64 && isWritten)) continue;
      return reason(
        'element-type',
        `\`${value}\` is ${elementTypeName(type)}; the fused op computes in float32`,
        placeOfNode(node, `has the ${elementTypeName(type)} value \`${value}\``),
      );
    }
  }
  return undefined;
}

/** Scale or bias of another length than the convolution has channels, or of a length that nothing tells. */
export function channelReason(
  scope: Scope,
  convolution: Node,
  form: Normalization,
  shapes: Shapes,
): Reason | undefined {
  const channels = channelsOf(scope, convolution, shapes);
  if (channels === undefined) {
    // Only InstanceNormalization's own operands have as many elements as there are channels by its definition.
    const operands = form.anchor.opType === 'InstanceNormalization' ? form.anchor.inputs.slice(1) : [];
    const isOperand = (parameter: Parameter): boolean =>
      parameter.kind === 'vector' && operands.includes(parameter.name);
    if (isOperand(form.scale) && isOperand(form.bias)) return undefined;
    return reason(
      'weights-unknown',
      `nothing tells how many output channels ${nodeLabel(convolution)} has, and so how long scale and bias must be`,
      placeOfNode(convolution, 'has weights of unknown shape'),
    );
  }
  return parameterReason(scope, form, form.scale, channels) ?? parameterReason(scope, form, form.bias, channels);
}

function parameterReason(
  scope: Scope,
  form: Normalization,
  parameter: Parameter,
  channels: number,
): Reason | undefined {
  if (parameter.kind === 'filled') return undefined;
  const dims = parameter.kind === 'reshaped' ? parameter.dims : constantTensor(scope, parameter.name)?.dims;
  const isVector = parameter.kind === 'reshaped' || dims?.length === 1;
  const length = dims?.reduce((product, size) => product * size, 1);
  if (!dims || (isVector && length === channels)) return undefined;
  return reason(
    'channel-count',
    `\`${parameter.name}\` has shape [${dims.join(', ')}], but the convolution has ${channels} output channels`,
    placeOfNode(form.anchor, `reads \`${parameter.name}\``),
  );
}

/** How many channels the convolution puts out, as far as its weights tell. */
export function channelsOf(scope: Scope, convolution: Node, shapes: Shapes): number | undefined {
  const dims = shapes.of(scope, convolution.inputs[1] ?? '');
  const channels = dims && outputChannels(convolution.opType, dims, convolutionAttributes(convolution).group);
  return Number.isInteger(channels) ? channels : undefined;
}

/** A value between the convolution and the result of the normalisation that something else also needs. */
export function sharedValueReason(scope: Scope, chain: readonly Node[], form: Normalization): Reason | undefined {
  for (const node of chain) {
    for (const value of node.outputs) {
      if (value === '' || value === form.output) continue;
      const known = scope.values.get(value);
      if (known?.isAmbiguous === true) {
        return reason('duplicate-name', `more than one value is called \`${value}\``, placeOfNode(node, 'one of them'));
      }
      const uses = known?.uses ?? [];
      const mayBelong = !isParameter(form, value);
      const isOther = (use: Use): boolean =>
        !mayBelong || !use.node || use.scope !== scope || !chain.includes(use.node);
      if (uses.some(isOther)) return otherUseReason(scope, node, value, uses.filter(isOther));
    }
  }
  return undefined;
}

/** Is it the normalisation's scale or its bias? */
const isParameter = ({ scale, bias }: Normalization, name: string): boolean =>
  (scale.kind !== 'filled' && scale.name === name) || (bias.kind !== 'filled' && bias.name === name);

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
