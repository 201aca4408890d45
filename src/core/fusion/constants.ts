import { readTensor } from '../onnx/tensor';
import type { AttributeValue, Node, Tensor } from '../onnx/model';
import { bytesSource, type ByteSource } from '../wire/source';
import { FOLDED_OPS, foldConstant, type Numbers } from './foldConstant';
import { isDefaultDomain, lookUp, type Scope, type Value } from './scope';
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
  /** What is computed from constants. */
  private readonly folded = new Map<Value, ConstantNumbers | undefined>();

  /** @param source the file of a decoded model; without it, only values in a text or in memory are known. */
  constructor(private readonly source: ByteSource | undefined) {}

  /**
   * What `name` stands for in `scope`; `undefined` when it isn't constant, has
   * more elements than `most`, or its data isn't at hand.
   */
  numbers(scope: Scope, name: string, most = MOST_ELEMENTS): ConstantNumbers | undefined {
    const value = name === '' ? undefined : lookUp(scope, name);
    const origin = value && originOf(value);
    if (origin === undefined) return undefined;
    if (origin === 'stated') return this.stated(value!, most);
    const computed = this.computed(value!);
    return computed && computed.values.length <= most ? computed : undefined;
  }

  /**
   * The one number that `name` stands for.
   * @param rank dimensions that it may have: beside a value of fewer, broadcasting would give the result more.
   */
  number(scope: Scope, name: string, rank: number): number | undefined {
    const constant = this.numbers(scope, name);
    return constant?.values.length === 1 && constant.dims.length <= rank ? constant.values[0] : undefined;
  }

  private stated({ producer, initializer }: Value, most: number): ConstantNumbers | undefined {
    if (!producer) return initializer && this.ofTensor(initializer, most);
    const [attribute] = producer.attributes;
    return attribute && producer.attributes.length === 1 ? this.ofAttribute(attribute.value, most) : undefined;
  }

  private computed(value: Value): ConstantNumbers | undefined {
    // Looked up whether known or not, as what is found depends on all of them.
    for (const step of foldedValues(value)) {
      if (!this.folded.has(step)) this.folded.set(step, this.fold(step.scope, step.producer!));
    }
    return this.folded.get(value);
  }

  private fold(scope: Scope, node: Node): ConstantNumbers | undefined {
    const inputs: (ConstantNumbers | undefined)[] = [];
    for (const input of node.inputs) {
      const known = input === '' ? undefined : this.operand(scope, input);
      if (input !== '' && !known) return undefined;
      inputs.push(known);
    }
    const filling = node.attributes.find((attribute) => attribute.name === 'value')?.value;
    const fillingNumber = filling ? this.ofAttribute(filling, 1)?.values[0] : 0;
    return foldConstant(node, scope.opset!, inputs, fillingNumber, MOST_ELEMENTS);
  }

  /** What a node reads that is folded after all that it depends on. */
  private operand(scope: Scope, name: string): ConstantNumbers | undefined {
    const value = lookUp(scope, name)!;
    return originOf(value) === 'stated' ? this.stated(value, MOST_ELEMENTS) : this.folded.get(value);
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

/** How a constant comes about: the model states it, or nodes may compute it from others. `undefined` for other values. */
function originOf({ isSettable, isAmbiguous, producer, scope }: Value): 'stated' | 'computed' | undefined {
  if (isSettable || isAmbiguous) return undefined;
  if (!producer || (producer.opType === 'Constant' && isDefaultDomain(producer.domain))) return 'stated';
  if (!FOLDED_OPS.has(producer.opType) || producer.outputs.length !== 1 || scope.opset === undefined) return undefined;
  return isStandard(scope, producer) ? 'computed' : undefined;
}

/**
 * The values by which nodes compute a constant from what the model states, each
 * after those that it is computed from, the constant last. None where the model
 * states it, or it is computed from something that isn't constant.
 */
function foldedValues(constant: Value): readonly Value[] {
  const found = new Set<Value>();
  const visit = (value: Value, steps: number): boolean => {
    const origin = originOf(value);
    if (origin !== 'computed' || found.has(value)) return origin !== undefined;
    if (steps === 0) return false;
    for (const name of value.producer!.inputs) {
      const input = name === '' ? undefined : lookUp(value.scope, name);
      if (name !== '' && !(input && visit(input, steps - 1))) return false;
    }
    found.add(value);
    return true;
  };
  return visit(constant, MOST_STEPS) ? [...found] : [];
}

/**
 * The nodes that compute the constant `name` of `scope` from initializers and
 * Constants, each after those that it reads, all of them in `scope`'s body.
 * None where it isn't computed, or from something that isn't constant.
 */
export function foldedNodes(scope: Scope, name: string): readonly Node[] {
  const value = lookUp(scope, name);
  const values = value ? foldedValues(value) : [];
  return values.every(({ scope: at }) => at === scope) ? values.map(({ producer }) => producer!) : [];
}
