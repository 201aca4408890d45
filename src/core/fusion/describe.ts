import { dataType } from '../onnx/dataTypes';
import type { Node, TextSpan } from '../onnx/model';
import type { Finding, RelatedPlace } from './finding';
import { isFunction, type Body, type Scope } from './scope';

/** How messages call a node: its operator and its name, or its first output where it has none. */
export function nodeLabel(node: Node): string {
  const name = node.name || node.outputs.find((output) => output !== '');
  return name === undefined ? node.opType : `${node.opType} \`${name}\``;
}

/** The node's own name, or what stands for it. */
export const nodeName = (node: Node): string => node.name || node.outputs[0] || node.opType;

/** Where in the text a message about the node points: its operator. */
export const nodeSpan = (node: Node): TextSpan | undefined => node.spans?.opType ?? node.span;

export const placeOfNode = (node: Node, message: string): RelatedPlace => ({ message, node, span: nodeSpan(node) });

/** How messages call a body. */
export function bodyLabel(scope: Scope): string {
  const { body, owner, ownerAttribute } = scope;
  if (isFunction(body)) return `function \`${body.name}\``;
  return owner ? `the ${ownerAttribute ?? 'body'} of ${nodeLabel(owner)}` : 'the graph';
}

/** Where in the text a body's output is declared. */
export function outputPlace(body: Body, index: number, message: string): RelatedPlace {
  if (isFunction(body)) return { message, span: body.nameSpan };
  const output = body.outputs[index];
  return { message, span: output?.nameSpan ?? output?.span };
}

/** Name of an element type as the ONNX text syntax has it. */
export const elementTypeName = (number: number): string => dataType(number)?.name ?? `element type ${number}`;

/** The pair as a short chain, such as `Conv → InstanceNormalization → Relu`. */
export function chainOf(finding: Finding): string {
  const { pad, convolution, residual, activation, kind } = finding;
  return [
    ...(pad ? ['Pad'] : []),
    convolution.opType,
    kind === 'ConvGroupNormalization' ? 'GroupNormalization' : 'InstanceNormalization',
    ...(residual ? ['Add'] : []),
    ...(activation ? [activation.opType] : []),
  ].join(' → ');
}

/** One sentence for diagnostics, hovers and lens titles: what can fuse, or why it can't. */
export function describeFusion(finding: Finding): string {
  const chain = chainOf(finding);
  if (finding.reason) return `${chain} can't fuse: ${finding.reason.message}`;
  const { bytesSaved, bytesSavedFormula } = finding.advice;
  const saved = bytesSaved === undefined ? bytesSavedFormula && `${bytesSavedFormula} bytes` : formatBytes(bytesSaved);
  const left = (finding.left ?? []).map(({ message }) => `; ${message}`).join('');
  return `${chain} can fuse into ${finding.fusedOp}${saved ? `; saves ${saved} of memory traffic` : ''}${left}`;
}

/** A size with a binary unit and two or three digits: `96 KiB`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]!}`;
}

/** A count with a decimal unit: `850 k`, `1.2 G`. */
export function formatCount(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}${units[unit]!}`;
}
