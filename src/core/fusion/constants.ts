import { readTensor } from '../onnx/tensor';
import type { AttributeValue, Node, Tensor } from '../onnx/model';
import { bytesSource, type ByteSource } from '../wire/source';
import { FOLDED_OPS, foldConstant, type Numbers } from './foldConstant';
import { definingScope, isDefaultDomain, lookUp, type Scope, type Value } from './scope';
import { isStandard } from './trace';

const NO_FILE = bytesSource(new Uint8Array(0));
/** `TensorProto.DataType` of float, the integers, bool and double; other types' values are bit patterns. */
const NUMBER_TYPES = new Set([1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13]);
/** Parameters that decide a fusion have a few elements; weights aren't read. */
const MOST_ELEMENTS = 64;

/** Bound on a chain of computed constants. */
const MOST_STEPS = 64;

/** Numbers that the model states, and no caller can change. */
export type ConstantNumbers = Numbers;

/**
 * Reads the small constants of a model: initializers, Constant nodes, and what
 * exporters that don't fold constants compute from them.
 */
export class Constants {
  /** What is computed from constants; also `undefined` while that is being found out, so that a cycle ends. */
  private readonly folded = new Map<Value, ConstantNumbers | undefined>();
  private steps = 0;

  /** @param source the file of a decoded model; without it, only values in a text or in memory are known. */
  constructor(private readonly source: ByteSource | undefined) {}

  /**
   * What `name` stands for in `scope`; `undefined` when it isn't constant, has
   * more elements than `most`, or its data isn't at hand.
   */
  numbers(scope: Scope, name: string, most = MOST_ELEMENTS): ConstantNumbers | undefined {
    const value = name === '' ? undefined : lookUp(scope, name);
    if (!value || value.isSettable || value.isAmbiguous) return undefined;
    const { producer, initializer } = value;
    if (!producer) return initializer && this.ofTensor(initializer, most);
    if (producer.opType !== 'Constant' || !isDefaultDomain(producer.domain)) {
      const computed = this.computed(value, producer);
      return computed && computed.values.length <= most ? computed : undefined;
    }
    const [attribute] = producer.attributes;
    return attribute && producer.attributes.length === 1 ? this.ofAttribute(attribute.value, most) : undefined;
  }

  /**
   * The one number that `name` stands for.
   * @param rank dimensions that it may have: beside a value of fewer, broadcasting would give the result more.
   */
  number(scope: Scope, name: string, rank: number): number | undefined {
    const constant = this.numbers(scope, name);
    return constant?.values.length === 1 && constant.dims.length <= rank ? constant.values[0] : undefined;
  }

  private computed(value: Value, node: Node): ConstantNumbers | undefined {
    if (!FOLDED_OPS.has(node.opType) || node.outputs.length !== 1) return undefined;
    if (this.folded.has(value)) return this.folded.get(value);
    const at = value.scope;
    if (at.opset === undefined || !isStandard(at, node) || this.steps >= MOST_STEPS) return undefined;
    this.folded.set(value, undefined);
    this.steps++;
    const inputs = node.inputs.map((input) => (input === '' ? undefined : (this.numbers(at, input) ?? 'unknown')));
    this.steps--;
    const filling = node.attributes.find((attribute) => attribute.name === 'value')?.value;
    const result = inputs.includes('unknown')
      ? undefined
      : foldConstant(
          node,
          at.opset,
          inputs.map((input) => (input === 'unknown' ? undefined : input)),
          filling ? this.ofAttribute(filling, 1)?.values[0] : 0,
          MOST_ELEMENTS,
        );
    this.folded.set(value, result);
    return result;
  }

  private ofAttribute(value: AttributeValue, most: number): ConstantNumbers | undefined {
    switch (value.type) {
      case 'TENSOR':
        return this.ofTensor(value.value, most);
      case 'INT':
      case 'FLOAT':
        return { dims: [], values: [Number(value.value)] };
      case 'INTS':
      case 'FLOATS':
        return { dims: [value.value.length], values: Array.from(value.value, Number) };
      default:
        return undefined;
    }
  }

  private ofTensor(tensor: Tensor, most: number): ConstantNumbers | undefined {
    const { kind } = tensor.data;
    const count = tensor.dims.reduce((product, size) => product * size, 1);
    if (count > most || !NUMBER_TYPES.has(tensor.dataType)) return undefined;
    if (kind !== 'values' && kind !== 'bytes' && !this.source) return undefined;
    const values = readTensor(tensor, this.source ?? NO_FILE);
    return values?.length === count ? { dims: tensor.dims, values: Array.from(values, Number) } : undefined;
  }
}

/**
 * The nodes that compute the constant `name` of `scope` from initializers and
 * Constants, each after those that it reads, all of them in `scope`'s body.
 * None where it isn't computed, or from something that isn't constant.
 */
export function foldedNodes(scope: Scope, name: string): readonly Node[] {
  const found = new Set<Node>();
  const visit = (value: string, steps: number): boolean => {
    const at = definingScope(scope, value);
    const known = at?.values.get(value);
    if (!at || !known || known.isSettable || known.isAmbiguous) return false;
    const { producer } = known;
    if (!producer || (producer.opType === 'Constant' && isDefaultDomain(producer.domain))) return true;
    if (found.has(producer)) return true;
    if (at !== scope || steps === 0 || producer.outputs.length !== 1) return false;
    if (!FOLDED_OPS.has(producer.opType) || !isStandard(at, producer)) return false;
    if (!producer.inputs.every((input) => input === '' || visit(input, steps - 1))) return false;
    found.add(producer);
    return true;
  };
  return visit(name, MOST_STEPS) ? [...found] : [];
}
