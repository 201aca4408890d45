import type { FunctionProto, Node, Tensor } from '../onnx/model';
import { readTensor } from '../onnx/tensor';
import { bytesSource, type ByteSource } from '../wire/source';
import type { ElementTypes } from './elementType';
import { FLOAT } from './elementType';
import { FUSION_DOMAIN, isConvolution } from './fusedOps';
import { constantTensor, isDefaultDomain, isFunction, lookUp, outputNames, type Scope } from './scope';

/** A node between the convolution and the normalisation. */
export interface Step {
  readonly node: Node;
  readonly scope: Scope;
  /** Does it hand its first input on unchanged? */
  readonly transparent: boolean;
}

/** The way from a convolution to the value that a normalisation reads. */
export interface Path {
  readonly convolution: Node;
  /** Where the convolution is. */
  readonly scope: Scope;
  /** From the convolution on. */
  readonly steps: readonly Step[];
  /** What lies between the two, when something does. */
  readonly boundary?: Boundary | undefined;
}

/** The body of a control-flow node, or a function that a node calls. */
export type Boundary =
  | { readonly kind: 'body'; readonly node: Node; readonly attribute: string }
  | { readonly kind: 'function'; readonly node: Node; readonly name: string };

/** How many nodes that change values are looked past for a convolution that is "in front". */
const MAX_OTHER_NODES = 2;
/** Bound on a chain of transparent nodes, so that a cycle in an unfinished text ends. */
const MAX_STEPS = 64;

/** Layers of their own: what follows one isn't the normalisation of a convolution before it. */
const OTHER_LAYERS = new Set([
  'BatchNormalization',
  'Constant',
  'ConstantOfShape',
  'Einsum',
  'GRU',
  'Gemm',
  'GroupNormalization',
  'InstanceNormalization',
  'LRN',
  'LSTM',
  'LayerNormalization',
  'LpNormalization',
  'MatMul',
  'MeanVarianceNormalization',
  'RMSNormalization',
  'RNN',
  'Shape',
]);
/** Ops whose inputs are all data of one kind. */
const MANY_INPUTS = new Set(['Add', 'Sub', 'Mul', 'Div', 'Sum', 'Max', 'Min', 'Mean', 'Concat']);

const redefined = new WeakMap<readonly FunctionProto[], ReadonlySet<string>>();

/** Is the node the standard operator, and not one that a function of the model redefines? */
export function isStandard({ model: { functions } }: Scope, node: Node): boolean {
  if (!isDefaultDomain(node.domain)) return false;
  if (functions.length === 0) return true;
  let names = redefined.get(functions);
  if (!names) {
    names = new Set(functions.flatMap(({ domain, name }) => (isDefaultDomain(domain) ? [name] : [])));
    redefined.set(functions, names);
  }
  return !names.has(node.opType);
}

/** The function of the model that a node calls, but for the fused ops'. */
function calledFunction({ model }: Scope, node: Node): FunctionProto | undefined {
  if (node.domain === FUSION_DOMAIN) return undefined;
  const fits = (a: string, b: string): boolean => a === b || (isDefaultDomain(a) && isDefaultDomain(b));
  return model.functions.find((fn) => fn.name === node.opType && fits(fn.domain, node.domain));
}

/** Finds the convolution that a value comes from. */
export class Tracer {
  constructor(
    private readonly types: ElementTypes,
    private readonly source: ByteSource | undefined,
  ) {}

  /** The way to `value`, read in `scope`, from the nearest convolution, or `undefined` when none is in front. */
  trace(scope: Scope, value: string): Path | undefined {
    return this.walk(scope, value, MAX_OTHER_NODES, MAX_STEPS);
  }

  private walk(scope: Scope, value: string, otherNodes: number, steps: number): Path | undefined {
    const known = value === '' || steps === 0 ? undefined : lookUp(scope, value);
    if (!known) return undefined;
    const { scope: at, producer: node } = known;
    if (!node) return known.isInput ? this.outOfCall(at, value, steps) : undefined;
    const path = this.through(at, node, value, otherNodes, steps);
    if (!path || at === scope || path.boundary) return path;
    let inner = scope;
    while (inner.parent && inner.parent !== at) inner = inner.parent;
    return { ...path, boundary: { kind: 'body', node: inner.owner!, attribute: inner.ownerAttribute! } };
  }

  private through(scope: Scope, node: Node, value: string, otherNodes: number, steps: number): Path | undefined {
    const standard = isStandard(scope, node);
    if (standard && isConvolution(node.opType)) return { convolution: node, scope, steps: [] };
    const append = (path: Path | undefined, transparent: boolean): Path | undefined =>
      path && { ...path, steps: [...path.steps, { node, scope, transparent }] };
    if (standard && this.isTransparent(scope, node, value)) {
      return append(this.walk(scope, node.inputs[0] ?? '', otherNodes, steps - 1), true);
    }
    const bodies = scope.children.get(node);
    if (bodies) return this.outOf(bodies, node, value, steps);
    const called = standard ? undefined : calledFunction(scope, node);
    if (called) return this.outOfFunction(called, node, value, steps);
    if (otherNodes === 0 || (standard && OTHER_LAYERS.has(node.opType))) return undefined;
    const inputs = standard && MANY_INPUTS.has(node.opType) ? node.inputs : node.inputs.slice(0, 1);
    for (const input of inputs) {
      const path = append(this.walk(scope, input, otherNodes - 1, steps - 1), false);
      if (path) return path;
    }
    return undefined;
  }

  /** A convolution whose result leaves a subgraph of `node` as the node's output `value`. */
  private outOf(bodies: readonly Scope[], node: Node, value: string, steps: number): Path | undefined {
    const index = node.outputs.indexOf(value);
    for (const body of bodies) {
      // A Loop's body yields the condition first.
      const name = outputNames(body.body)[node.opType === 'Loop' ? index + 1 : index];
      const path = name === undefined ? undefined : this.walk(body, name, 0, steps - 1);
      if (path && !path.boundary) return { ...path, boundary: { kind: 'body', node, attribute: body.ownerAttribute! } };
    }
    return undefined;
  }

  /** A convolution inside the function that `node` calls, whose result is the call's output `value`. */
  private outOfFunction(fn: FunctionProto, node: Node, value: string, steps: number): Path | undefined {
    const inner = this.types.scopeOf(fn);
    const name = fn.outputs[node.outputs.indexOf(value)];
    const path = inner && name !== undefined ? this.walk(inner, name, 0, steps - 1) : undefined;
    return path && !path.boundary ? { ...path, boundary: { kind: 'function', node, name: fn.name } } : undefined;
  }

  /** A convolution in front of a call, whose result the function reads as its input `value`. */
  private outOfCall(scope: Scope, value: string, steps: number): Path | undefined {
    const fn = scope.body;
    if (!isFunction(fn)) return undefined;
    for (const call of this.types.callsOf(fn)) {
      const path = this.walk(call.scope, call.node.inputs[fn.inputs.indexOf(value)] ?? '', 0, steps - 1);
      if (path && !path.boundary) return { ...path, boundary: { kind: 'function', node: call.node, name: fn.name } };
    }
    return undefined;
  }

  /** Does the node give its first input on as `value`, unchanged for every input? */
  isTransparent(scope: Scope, node: Node, value: string): boolean {
    if (value !== node.outputs[0]) return false;
    switch (node.opType) {
      case 'Identity':
        return true;
      case 'Cast': {
        const to = node.attributes.find((attribute) => attribute.name === 'to')?.value;
        return to?.type === 'INT' && Number(to.value) === FLOAT && this.types.of(scope, node.inputs[0] ?? '') === FLOAT;
      }
      case 'Dropout':
        return this.isInferenceDropout(scope, node);
      default:
        return false;
    }
  }

  /** Dropout: opset < 7 has `is_test`, 7–11 is inference only, from 12 on the input `training_mode` decides. */
  private isInferenceDropout(scope: Scope, node: Node): boolean {
    const opset = scope.opset;
    if (opset === undefined) return false;
    if (opset < 7) {
      const isTest = node.attributes.find((attribute) => attribute.name === 'is_test')?.value;
      return isTest?.type === 'INT' && isTest.value !== 0n;
    }
    const mode = node.inputs[2];
    if (opset < 12 || mode === undefined || mode === '') return true;
    // A value that a caller may override isn't a constant.
    if (lookUp(scope, mode)?.isSettable === true) return false;
    const tensor = constantTensor(scope, mode);
    return tensor !== undefined && this.isZero(tensor);
  }

  /** Is the tensor one zero? False also when its data isn't at hand. */
  private isZero(tensor: Tensor): boolean {
    if (tensor.data.kind !== 'values' && tensor.data.kind !== 'bytes' && !this.source) return false;
    const values = readTensor(tensor, this.source ?? bytesSource(new Uint8Array(0)));
    return values?.length === 1 && Number(values[0]) === 0;
  }
}
