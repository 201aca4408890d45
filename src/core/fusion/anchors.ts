import type { Model, Node } from '../onnx/model';
import { FUSION_DOMAIN, isConvolution } from './fusedOps';
import { integer } from './planeValues';
import { defaultOpset, isDefaultDomain, subgraphsOf, type Body } from './scope';

/** Operators that are a normalisation by themselves, or an exporter's own. */
const LAYERS: ReadonlySet<string> = new Set([
  'ATen',
  'GroupNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'MeanVarianceNormalization',
]);
/** Operators that take the mean of a normalisation that is written out. */
const MEANS: ReadonlySet<string> = new Set(['GlobalAveragePool', 'ReduceMean', 'ReduceSum']);
/** Operators that make its deviation of the variance. */
const ROOTS: ReadonlySet<string> = new Set(['Pow', 'Sqrt']);
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
  let convolves = false;
  const visit = (body: Body, opset: number | undefined): void => {
    const anchors: Node[] = [];
    let hasRoot = false;
    for (const node of body.nodes) {
      const { opType, attributes } = node;
      if (isConvolution(opType)) convolves = true;
      else if (ROOTS.has(opType)) hasRoot = true;
      else if (LAYERS.has(opType) || MEANS.has(opType)) anchors.push(node);
      else if (opType === 'BatchNormalization' && isTraining(node, opset)) anchors.push(node);
      for (const attribute of attributes) for (const graph of subgraphsOf(attribute)) visit(graph, opset);
    }
    const kept = hasRoot ? anchors : anchors.filter(({ opType }) => !MEANS.has(opType));
    if (kept.length > 0) found.set(body, kept);
  };
  visit(model.graph, defaultOpset(model.opsetImports));
  for (const fn of model.functions) {
    // The bodies of the fused ops themselves hold unfused pairs.
    if (fn.domain !== FUSION_DOMAIN) visit(fn, defaultOpset(fn.opsetImports));
  }
  if (!convolves) found.clear();
  return found;
}

/** Is it BatchNormalization over the input's own statistics? */
export function isTraining(node: Node, opset = 0): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  if (opset >= TRAINING_MODE_OPSET) return integer(node, 'training_mode') === 1;
  return node.outputs.slice(1).some((name) => name !== '') || (opset < 7 && integer(node, 'is_test') !== 1);
}
