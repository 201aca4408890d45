import type { Node } from '../onnx/model';
import { bodyLabel, nodeLabel, placeOfNode } from './describe';
import type { Reason } from './finding';
import type { Scope, Use } from './scope';

/**
 * Why a node beside a pair that fuses doesn't fuse along.
 * @param why continues "Pad `p` stays: ".
 * @param cause another node that causes it.
 */
export const leftReason = (node: Node, why: string, cause?: Node): Reason => ({
  code: 'stays',
  message: `${nodeLabel(node)} stays: ${why}`,
  related: [placeOfNode(node, 'stays as it is'), ...(cause && cause !== node ? [placeOfNode(cause, 'causes it')] : [])],
});

/** That `value` is also needed elsewhere. */
export function otherUse(scope: Scope, value: string, { node, scope: at }: Use): string {
  if (node) return `\`${value}\` is also read by ${nodeLabel(node)}`;
  return `\`${value}\` is also an output of ${bodyLabel(at.owner && at !== scope ? at : scope)}`;
}
