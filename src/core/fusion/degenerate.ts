import type { Dimension, Model, Node, TextSpan } from '../onnx/model';
import { Shapes, type ValueShapes } from './advice';
import { isTraining } from './anchors';
import { floatAttribute } from './convolution';
import { nodeLabel, nodeSpan, placeOfNode } from './describe';
import type { Finding, RelatedPlace } from './finding';
import { FUSION_DOMAIN } from './fusedOps';
import { constantTensor, hasNode, indexScopes, isFunction, producerOf, usesOf, type Scope } from './scope';
import { isStandard } from './trace';

/** Ways in which a normalisation does something else than its author may think. */
export type DegenerateCode =
  /** The normalised plane has one element: the result is the bias. */
  | 'single-element-plane'
  /** The plane has so few elements that its statistics say little. */
  | 'small-plane'
  /** The convolution's bias has no effect. */
  | 'cancelled-bias'
  /** ε is as large as a variance. */
  | 'epsilon-dominates'
  /** ε doesn't keep rounding errors from being normalised, or a division from being by zero. */
  | 'epsilon-vanishes'
  /** The normalisation updates running statistics, as it does only while a model is trained. */
  | 'training-form';

export interface Degenerate {
  readonly code: DegenerateCode;
  /** A hint is what fusing mends by itself. */
  readonly severity: 'warning' | 'information' | 'hint';
  readonly message: string;
  /** The node it is about, and the place in the text. */
  readonly node: Node;
  readonly span: TextSpan | undefined;
  readonly related: readonly RelatedPlace[];
  /** The body that holds the node. */
  readonly scope: Scope;
}

/**
 * From this many elements on, the standard error of a plane's variance,
 * √(2/(n−1)) of it for normally distributed values, is at most one half.
 */
export const FEW_ELEMENTS = 9;
/** On a plane of variance 1, from this ε on the result is more than 4.6 % smaller than the scale says: 1 − 1/√1.1. */
export const LARGE_EPSILON = 0.1;
/**
 * 2⁻⁴⁸, the square of float32's unit roundoff: the variance that rounding alone gives a plane whose values are all
 * about 1. A smaller ε lets that noise be normalised as if it were signal.
 */
export const SMALL_EPSILON = 2 ** -48;
/** InstanceNormalization's ε where the node states none. */
const DEFAULT_EPSILON = 1e-5;
const NORMALIZED_BY_MEAN = 'the mean that the normalisation subtracts holds it too';

/**
 * The degenerate normalisations of a model, in the order of their nodes.
 * @param findings the model's own, of which those are also looked at that aren't written as InstanceNormalization.
 * @param shapes known shapes of the main graph's values.
 */
export function findDegenerate(model: Model, findings: readonly Finding[], shapes?: ValueShapes): Degenerate[] {
  if (findings.length === 0 && !hasNode(model, mayDegenerate)) return [];
  const known = new Shapes(shapes);
  const byNode = new Map(findings.map((finding) => [finding.normalization, finding]));
  const cases: Degenerate[] = [];
  for (const scope of indexScopes(model)) {
    if (isInFusedFunction(scope)) continue;
    for (const node of scope.body.nodes) {
      const finding = byNode.get(node);
      const isNative = node.opType === 'InstanceNormalization' && isStandard(scope, node);
      if (finding) cases.push(...cancelledBias(scope, finding));
      if (isNative || finding) cases.push(...planeCases(scope, node, finding, known));
      if (isNative) cases.push(...trainingOutputs(scope, node));
      if (isNative || node.domain === FUSION_DOMAIN) cases.push(...epsilonCases(scope, node));
      else if (finding && !finding.form.departure) cases.push(...epsilonCases(scope, node, finding.form.epsilon));
      if (node.opType === 'BatchNormalization' && isStandard(scope, node)) {
        cases.push(...trainingBatchNormalization(scope, node, known));
      }
    }
  }
  return cases;
}

const casesOf = new WeakMap<readonly Finding[], readonly Degenerate[]>();

/** {@link findDegenerate}, once for each state of a text and of the shapes that its findings' advice is worked out from. */
export function degenerateOf({ model, findings }: AnalysedModel): readonly Degenerate[] {
  let cases = casesOf.get(findings);
  if (!cases) casesOf.set(findings, (cases = findDegenerate(model, findings)));
  return cases;
}

interface AnalysedModel {
  readonly model: Model;
  readonly findings: readonly Finding[];
}

/** Can the node be a case by itself? */
const mayDegenerate = ({ opType, domain, outputs, attributes }: Node): boolean =>
  opType === 'InstanceNormalization' ||
  domain === FUSION_DOMAIN ||
  (opType === 'BatchNormalization' && (outputs.length > 1 || attributes.some(({ name }) => name === 'training_mode')));

function degenerate(
  scope: Scope,
  node: Node,
  code: DegenerateCode,
  severity: Degenerate['severity'],
  message: string,
  ...related: RelatedPlace[]
): Degenerate {
  return { code, severity, message, node, span: nodeSpan(node), related, scope };
}

function planeCases(scope: Scope, node: Node, finding: Finding | undefined, shapes: Shapes): Degenerate[] {
  if (finding?.kind === 'ConvGroupNormalization') return [];
  const size = planeSize(finding?.advice.outputShape ?? shapes.of(scope, node.inputs[0] ?? ''));
  const from = finding ? [placeOfNode(finding.convolution, 'leaves a plane of this size')] : [];
  if (size === 1) {
    const bias = finding ? undefined : node.inputs[2];
    const message =
      `${nodeLabel(node)} normalises planes of one element: an element minus its own mean is 0, ` +
      `so that the result is just the bias${bias ? ` \`${bias}\`` : ''}, whatever the input`;
    return [degenerate(scope, node, 'single-element-plane', 'warning', message, ...from)];
  }
  if (size === undefined || size >= FEW_ELEMENTS || size < 1) return [];
  const error = Math.round(100 * Math.sqrt(2 / (size - 1)));
  const message =
    `${nodeLabel(node)} normalises planes of ${size} elements: the standard error of so few elements' variance is ` +
    `${error} % of it, and no result is further than ${Math.sqrt(size - 1).toPrecision(2)} scales from the bias`;
  return [degenerate(scope, node, 'small-plane', 'information', message, ...from)];
}

/** Elements of one channel's plane, or `undefined` while a spatial size is unknown. */
function planeSize(shape: readonly Dimension[] | undefined): number | undefined {
  const spatial = shape?.slice(2) ?? [];
  if (spatial.length === 0) return undefined;
  let size = 1;
  for (const length of spatial) {
    if (typeof length !== 'number') return undefined;
    size *= length;
  }
  return size;
}

/** A bias is the same for a channel's whole plane, and so is part of the mean, which is subtracted. */
function cancelledBias(scope: Scope, finding: Finding): Degenerate[] {
  const { convolution } = finding;
  const bias = convolution.inputs[2];
  if (!bias || !(finding.fusable || feedsOnlyTheNormalization(scope, finding))) return [];
  const at = finding.convolution.spans?.inputs[2];
  const message = `the bias \`${bias}\` of ${nodeLabel(convolution)} has no effect: ${NORMALIZED_BY_MEAN}`;
  const found = degenerate(
    scope,
    convolution,
    'cancelled-bias',
    finding.fusable ? 'hint' : 'information',
    message,
    placeOfNode(finding.normalization, 'subtracts the mean of each plane'),
  );
  return [{ ...found, span: at ?? found.span }];
}

/** Is a pair that can't fuse such that nothing sees the convolution's output but an InstanceNormalization? */
function feedsOnlyTheNormalization(scope: Scope, { convolution, normalization, kind }: Finding): boolean {
  if (kind === 'ConvGroupNormalization' || normalization.opType !== 'InstanceNormalization') return false;
  let from = convolution;
  for (const seen = new Set<Node>(); !seen.has(from);) {
    seen.add(from);
    const value = from.outputs[0] ?? '';
    const uses = usesOf(scope, value);
    const next = uses[0]?.node;
    if (uses.length !== 1 || uses[0]!.scope !== scope || uses[0]!.index !== 0 || !next) return false;
    if (scope.values.get(value)?.isAmbiguous) return false;
    if (next === normalization) return true;
    if (next.opType !== 'Identity' || !isStandard(scope, next)) return false;
    from = next;
  }
  return false;
}

/** @param written the ε of a normalisation that is written out, of which the node is a part. */
function epsilonCases(scope: Scope, node: Node, written?: number): Degenerate[] {
  const attribute = node.attributes.find(({ name }) => name === 'epsilon');
  if (attribute?.value.type === 'REFERENCE') return [];
  const epsilon = written ?? floatAttribute(node, 'epsilon') ?? DEFAULT_EPSILON;
  const whose = written === undefined ? nodeLabel(node) : `the normalisation by ${nodeLabel(node)}`;
  const text = `the ε of ${whose}, ${Number(epsilon.toPrecision(3))},`;
  let found: Degenerate;
  if (epsilon >= LARGE_EPSILON) {
    const loss = Math.round(100 * (1 - 1 / Math.sqrt(1 + epsilon)));
    const message = `${text} dominates: a plane of variance 1 comes out ${loss} % smaller than the scale says`;
    found = degenerate(scope, node, 'epsilon-dominates', 'warning', message);
  } else if (Math.fround(epsilon) <= 0) {
    const message =
      epsilon < 0
        ? `${text} is negative: a plane of a smaller variance than that becomes NaN`
        : `${text} vanishes in float32: a plane whose elements are all the same is divided by zero and becomes NaN`;
    found = degenerate(scope, node, 'epsilon-vanishes', 'warning', message);
  } else if (epsilon < SMALL_EPSILON) {
    const message = `${text} vanishes in float32: it is less than the variance that rounding gives a plane of equal elements (2⁻⁴⁸ around 1), so that rounding errors are normalised as if they were signal`;
    found = degenerate(scope, node, 'epsilon-vanishes', 'warning', message);
  } else return [];
  return [{ ...found, span: attribute?.span ?? found.span }];
}

/** InstanceNormalization with the saved statistics that some exporters leave as further outputs while training. */
function trainingOutputs(scope: Scope, node: Node): Degenerate[] {
  const extra = node.outputs.slice(1).find((output) => output !== '');
  if (extra === undefined) return [];
  const message = `${nodeLabel(node)} is left in training form: \`${extra}\` is a statistic saved for the backward pass, which ONNX's InstanceNormalization doesn't have. Export the model in evaluation mode`;
  return [degenerate(scope, node, 'training-form', 'warning', message)];
}

/**
 * PyTorch exports InstanceNorm with running statistics in training mode as
 * BatchNormalization in training mode over [1, N·C, …]: with a batch of one,
 * the batch's statistics are the instance's.
 */
function trainingBatchNormalization(scope: Scope, node: Node, shapes: Shapes): Degenerate[] {
  if (!isTraining(node, scope.opset)) return [];
  const input = node.inputs[0] ?? '';
  const producer = producerOf(scope, input);
  const shape = producer?.opType === 'Reshape' ? constantTensor(scope, producer.inputs[1] ?? '') : undefined;
  const first = shape?.data.kind === 'values' ? shape.data.values[0] : undefined;
  const isOneInstance = Number(first) === 1 || shapes.of(scope, input)?.[0] === 1;
  if (!isOneInstance && producer?.opType !== 'Reshape') return [];
  const message = `${nodeLabel(node)} is an instance normalisation left in training form: over a batch of one it normalises by the input's own statistics and updates running averages that nothing needs. Export the model in evaluation mode, or with InstanceNorm's track_running_stats off`;
  const related = producer?.opType === 'Reshape' ? [placeOfNode(producer, 'makes one batch of all instances')] : [];
  return [degenerate(scope, node, 'training-form', 'warning', message, ...related)];
}

/** The bodies of the fused ops repeat what the nodes that call them say. */
function isInFusedFunction(scope: Scope): boolean {
  let outermost = scope;
  while (outermost.parent) outermost = outermost.parent;
  return isFunction(outermost.body) && outermost.body.domain === FUSION_DOMAIN;
}
