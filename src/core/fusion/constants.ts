import { readTensor } from '../onnx/tensor';
import type { AttributeValue, Tensor } from '../onnx/model';
import { bytesSource, type ByteSource } from '../wire/source';
import { definingScope, isDefaultDomain, type Scope } from './scope';

const NO_FILE = bytesSource(new Uint8Array(0));
/** `TensorProto.DataType` of float, the integers, bool and double; other types' values are bit patterns. */
const NUMBER_TYPES = new Set([1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13]);
/** Parameters that decide a fusion have a few elements; weights aren't read. */
const MOST_ELEMENTS = 64;

/** Numbers that the model states, and no caller can change. */
export interface ConstantNumbers {
  readonly dims: readonly number[];
  /** 64-bit integers as the nearest double. */
  readonly values: readonly number[];
}

/** Reads the small constants of a model: initializers and Constant nodes. */
export class Constants {
  /** @param source the file of a decoded model; without it, only values in a text or in memory are known. */
  constructor(private readonly source: ByteSource | undefined) {}

  /**
   * What `name` stands for in `scope`; `undefined` when it isn't constant, has
   * more elements than `most`, or its data isn't at hand.
   */
  numbers(scope: Scope, name: string, most = MOST_ELEMENTS): ConstantNumbers | undefined {
    const value = name === '' ? undefined : definingScope(scope, name)?.values.get(name);
    if (!value || value.isInput || value.isAmbiguous) return undefined;
    const { producer, initializer } = value;
    if (!producer) return initializer && this.ofTensor(initializer, most);
    if (producer.opType !== 'Constant' || !isDefaultDomain(producer.domain)) return undefined;
    const [attribute] = producer.attributes;
    return attribute && producer.attributes.length === 1 ? this.ofAttribute(attribute.value, most) : undefined;
  }

  /** The one number that `name` stands for, whatever its rank. */
  number(scope: Scope, name: string): number | undefined {
    const constant = this.numbers(scope, name);
    return constant?.values.length === 1 ? constant.values[0] : undefined;
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
