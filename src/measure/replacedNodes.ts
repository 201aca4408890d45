import { constantTensor, definingScope, producerOf, type Scope } from '../core/fusion/scope';
import { foldedNodes } from '../core/fusion/constants';
import type { Attribute, Dimension, Node, Tensor } from '../core/onnx/model';
import { chainModel, type NamedValue, type NamedWeights } from './pairModel';
import type { TensorReader } from './tensorReader';

/** Names of a pair's model. */
export const INPUT = 'X';
export const RESIDUAL = 'residual';
const OUTPUT = 'Y';
/** Other values keep their names, so that none is called as those are. */
const renamed = (name: string): string => (name === '' ? '' : `value:${name}`);

const INT64 = 7;

/** A value of the model, that the nodes read, isn't known. */
export class UnknownValueError extends Error {}

/** Nodes of a model that are to run alone. */
export interface ReplacedNodes {
  readonly scope: Scope;
  readonly nodes: readonly Node[];
  /** The value that becomes the input `X`, and what it is in the model. */
  readonly input: NamedValue;
  /** What becomes the output `Y`; without a shape where that isn't known. */
  readonly output: { readonly name: string; readonly shape?: readonly Dimension[] | undefined };
  /** An operand that becomes the input `residual`, where there is one. */
  readonly residual?: { readonly node: Node; readonly index: number; readonly shape: readonly number[] } | undefined;
  /** Values by their names in the model, in place of what the model says. */
  readonly given: readonly NamedWeights[];
  /** Sizes of the model's values, as far as they are known. */
  readonly shapeOf: (name: string) => readonly number[] | undefined;
}

/**
 * The nodes as a model of their own, each as it is written, with the constants
 * that they read inside.
 * @throws UnknownValueError for a value that only a run of the model tells, and
 * TensorDataError for data that can't be had.
 */
export function replacedModel(replaced: ReplacedNodes, reader: TensorReader): Uint8Array {
  return new Extraction(replaced, reader).model();
}

class Extraction {
  private readonly tensors = new Map<string, Tensor>();
  private readonly computing: Node[] = [];
  private readonly known: Set<string>;

  constructor(
    private readonly replaced: ReplacedNodes,
    private readonly reader: TensorReader,
  ) {
    const { nodes, input } = replaced;
    this.known = new Set(['', input.name, ...nodes.flatMap((node) => node.outputs)]);
  }

  model(): Uint8Array {
    const { scope, nodes, input, output, residual, given } = this.replaced;
    const own = nodes.map((node) => this.node(node));
    const weights = given.filter(({ name }) => nodes.some((node) => node.inputs.includes(name)));
    return chainModel(
      [...this.computing, ...own],
      scope.opset!,
      [{ ...input, name: INPUT }, ...(residual ? [{ name: RESIDUAL, shape: residual.shape }] : [])],
      [...weights.map((entry) => ({ ...entry, name: renamed(entry.name) })), ...this.tensors.values()],
      { ...output, name: OUTPUT },
    );
  }

  private node(node: Node): Node {
    const { input, output, residual } = this.replaced;
    const inputs = node.inputs.map((name, index) => {
      if (residual?.node === node && residual.index === index) return RESIDUAL;
      if (name === input.name) return INPUT;
      this.provide(name, node, index);
      return renamed(name);
    });
    const outputs = node.outputs.map((name) => (name === output.name ? OUTPUT : renamed(name)));
    return this.plain(node, inputs, outputs);
  }

  /** The node with its tensors' data in it. */
  private plain(node: Node, inputs: readonly string[], outputs: readonly string[]): Node {
    const { name, opType, overload } = node;
    const attributes = node.attributes.map(({ name: attribute, value }): Attribute => {
      if (value.type !== 'TENSOR') return { name: attribute, value };
      return { name: attribute, value: { type: 'TENSOR', value: this.inline(value.value) } };
    });
    return { name, domain: '', opType, overload, inputs, outputs, attributes };
  }

  private inline({ name, dataType, dims, ...tensor }: Tensor): Tensor {
    const bytes = this.reader.bytes({ name, dataType, dims, ...tensor });
    return { name, dataType, dims, data: { kind: 'bytes', bytes } };
  }

  /** Takes the value along that `node` reads, with what it is computed from. */
  private provide(name: string, node: Node, index: number): void {
    const { scope, given, shapeOf } = this.replaced;
    if (this.known.has(name)) return;
    this.known.add(name);
    if (given.some((entry) => entry.name === name)) return;
    const at = definingScope(scope, name);
    const tensor = constantTensor(scope, name);
    if (tensor) {
      this.tensors.set(name, { ...this.inline(tensor), name: renamed(name) });
      return;
    }
    const producer = at && producerOf(at, name);
    const chain = at ? foldedNodes(at, name) : [];
    for (const step of chain.length > 0 || producer?.opType !== 'Constant' ? chain : [producer]) {
      for (const [position, input] of step.inputs.entries()) this.provide(input, step, position);
      for (const output of step.outputs) this.known.add(output);
      this.computing.push(this.plain(step, step.inputs.map(renamed), step.outputs.map(renamed)));
    }
    if (chain.length > 0 || producer?.opType === 'Constant') return;
    // What a Reshape leads to is all that its target says.
    const target = node.opType === 'Reshape' && index === 1 ? shapeOf(node.outputs[0] ?? '') : undefined;
    if (!target) throw new UnknownValueError(`only a run of the model tells what \`${name}\` is`);
    const bytes = new Uint8Array(8 * target.length);
    target.forEach((size, axis) => new DataView(bytes.buffer).setBigInt64(8 * axis, BigInt(size), true));
    this.tensors.set(name, {
      name: renamed(name),
      dataType: INT64,
      dims: [target.length],
      data: { kind: 'bytes', bytes },
    });
  }
}
