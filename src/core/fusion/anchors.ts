import type { Model, Node } from '../onnx/model';
import { integer } from './attributes';
import { FUSION_DOMAIN } from './fusedOps';
import { defaultOpset, isDefaultDomain, mayHoldGraphs, subgraphsOf, type Body } from './scope';

/**
 * What an operator says of the body that holds it: it may be a normalisation
 * by itself (`layer`), or the mean or the root of the variance of one that is
 * written out.
 */
const ROLES: ReadonlyMap<string, 'convolution' | 'layer' | 'batch' | 'mean' | 'root'> = new Map([
  ['Conv', 'convolution'],
  ['ConvTranspose', 'convolution'],
  ['ATen', 'layer'],
  ['BatchNormalization', 'batch'],
  ['GroupNormalization', 'layer'],
  ['InstanceNormalization', 'layer'],
  ['LayerNormalization', 'layer'],
  ['MeanVarianceNormalization', 'layer'],
  ['GlobalAveragePool', 'mean'],
  ['ReduceMean', 'mean'],
  ['ReduceSum', 'mean'],
  ['Pow', 'root'],
  ['Sqrt', 'root'],
]);
/** Since then BatchNormalization says by an attribute that it is in training form. */
const TRAINING_MODE_OPSET = 14;

/**
 * The nodes by which a normalisation after a convolution may be recognised, by
 * the body that holds them, in order. One pass without names: most models that
 * hold no pair are known by that. Empty when nothing convolves; a mean counts
 * only in a body that also takes a root.
 */
export function anchorsOf(model: Model): ReadonlyMap<Body, readonly Node[]> {
  const found = new Map<Body, readonly Node[]>();
  /** Notes the anchors of the body and those in it. @returns whether they hold a convolution. */
  const visit = (body: Body, opset: number | undefined): boolean => {
    const anchors: Node[] = [];
    let hasRoot = false;
    let convolves = false;
    for (const node of body.nodes) {
      const role = ROLES.get(node.opType);
      if (role === 'convolution') convolves = true;
      else if (role === 'root') hasRoot = true;
      else if (role && (role !== 'batch' || isTraining(node, opset))) anchors.push(node);
      if (!mayHoldGraphs(node)) continue;
      for (const attribute of node.attributes) {
        for (const graph of subgraphsOf(attribute)) convolves = visit(graph, opset) || convolves;
      }
    }
    const kept = hasRoot ? anchors : anchors.filter(({ opType }) => ROLES.get(opType) !== 'mean');
    if (kept.length > 0) found.set(body, kept);
    return convolves;
  };
  // The bodies of the fused ops themselves hold unfused pairs.
  const functions = model.functions.filter(({ domain }) => domain !== FUSION_DOMAIN);
  const convolving = [
    visit(model.graph, defaultOpset(model.opsetImports)),
    ...functions.map((fn) => visit(fn, defaultOpset(fn.opsetImports))),
  ];
  return convolving.includes(true) ? found : new Map();
}

/** Is it BatchNormalization over the input's own statistics? */
export function isTraining(node: Node, opset = 0): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  if (opset >= TRAINING_MODE_OPSET) return integer(node, 'training_mode') === 1;
  return node.outputs.slice(1).some((name) => name !== '') || (opset < 7 && integer(node, 'is_test') !== 1);
}
