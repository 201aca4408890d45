import type { FunctionProto, Node } from '../onnx/model';
import { declaredElementType } from './declarations';
import { isDefaultDomain, isFunction, lookUp, type Scope, type Value } from './scope';

/** `TensorProto.DataType` numbers that decisions here depend on. */
export const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;
const STRING = 8;
const BOOL = 9;

/** Operators whose outputs have an element type of their own, not that of their inputs. */
const NO_INPUT_TYPE = new Set([
  'ArgMax',
  'ArgMin',
  'Bernoulli',
  'CastLike',
  'ConvInteger',
  'EyeLike',
  'If',
  'IsInf',
  'IsNaN',
  'Loop',
  'MatMulInteger',
  'Multinomial',
  'NonZero',
  'Not',
  'OneHot',
  'QLinearConv',
  'RandomNormalLike',
  'RandomUniformLike',
  'Scan',
  'SequenceAt',
  'StringConcat',
  'TfIdfVectorizer',
  'Where',
  'DynamicQuantizeLinear',
]);
const BOOLEAN = new Set(['And', 'Or', 'Xor', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual']);

/** Marks a type that follows from those of other values. */
const DEDUCED = 1 << 30;

/** A node that calls a function, and where. */
export interface Call {
  readonly scope: Scope;
  readonly node: Node;
}

const functionKey = ({ domain, name }: Pick<FunctionProto, 'domain' | 'name'>): string => `${domain}\0${name}`;

/**
 * Element types of values: as declared, else deduced in one forward pass over
 * a scope of which such a value is asked about.
 */
export class ElementTypes {
  /** By the number of the value: its type and 1, or 0 where that isn't known; {@link DEDUCED} where nothing states it. */
  private readonly known = new Map<Scope, Int32Array>();
  private readonly done = new Set<Scope>();
  private calls: Map<string, Call[]> | undefined;

  constructor(private readonly scopes: readonly Scope[]) {}

  /** The element type of `name` as seen from `scope`, or `undefined` when nothing tells it. */
  of(scope: Scope, name: string): number | undefined {
    const value = name === '' ? undefined : lookUp(scope, name);
    if (!value) return undefined;
    const { scope: at, number } = value;
    const types = this.typesOf(at);
    if (types[number] === 0) types[number] = 1 + (statedType(value, name) ?? -1);
    if (types[number] === 0 && !this.done.has(at)) at.lookUps.apart(() => this.deduce(at, types));
    const known = types[number]!;
    const type = known === 0 ? undefined : (known & ~DEDUCED) - 1;
    if (known === 0 || known & DEDUCED) at.lookUps.noteDeduced(scope, name, type);
    return type;
  }

  /** The scope of a function's body. */
  scopeOf(fn: FunctionProto): Scope | undefined {
    return this.scopes.find((scope) => scope.body === fn);
  }

  private typesOf(scope: Scope): Int32Array {
    let types = this.known.get(scope);
    if (!types) this.known.set(scope, (types = new Int32Array(scope.values.count)));
    return types;
  }

  private deduce(scope: Scope, types: Int32Array): void {
    this.done.add(scope);
    const { body, values } = scope;
    if (isFunction(body)) this.deduceInputs(body, scope, types);
    for (const { outputs } of body.nodes) {
      for (const name of outputs) {
        const value = values.get(name);
        if (!value?.producer || types[value.number] !== 0) continue;
        const stated = statedType(value, name);
        const type = stated ?? this.ofOutput(scope, value.producer, name);
        types[value.number] = type === undefined ? 0 : (1 + type) | (stated === undefined ? DEDUCED : 0);
      }
    }
  }

  /** A function's inputs have the types that its callers pass; what isn't float32 counts first. */
  private deduceInputs(fn: FunctionProto, inner: Scope, types: Int32Array): void {
    fn.inputs.forEach((name, index) => {
      let known = declaredElementType(fn, name);
      for (const { scope, node } of this.callsOf(fn)) {
        if (known !== undefined && known !== FLOAT) break;
        known = this.of(scope, node.inputs[index] ?? '') ?? known;
      }
      types[inner.values.get(name)!.number] = known === undefined ? 0 : (1 + known) | DEDUCED;
    });
  }

  /** Every node that calls `fn`. */
  callsOf(fn: FunctionProto): readonly Call[] {
    if (!this.calls) {
      this.calls = new Map();
      const { functions } = this.scopes[0]!.model;
      const names = new Set(functions.map(({ name }) => name));
      const keys = new Set(functions.map(functionKey));
      for (const scope of this.scopes) {
        for (const node of scope.body.nodes) {
          if (!names.has(node.opType)) continue;
          const key = functionKey({ domain: node.domain, name: node.opType });
          if (!keys.has(key)) continue;
          const calls = this.calls.get(key);
          if (calls) calls.push({ scope, node });
          else this.calls.set(key, [{ scope, node }]);
        }
      }
    }
    return this.calls.get(functionKey(fn)) ?? [];
  }

  private ofOutput(scope: Scope, node: Node, name: string): number | undefined {
    if (!isDefaultDomain(node.domain)) return undefined;
    const { opType, inputs } = node;
    const ofInput = (index: number): number | undefined => this.of(scope, inputs[index] ?? '');
    if (BOOLEAN.has(opType)) return BOOL;
    switch (opType) {
      case 'Constant':
      case 'ConstantOfShape':
        return typeOfConstant(node);
      case 'Cast':
        return integerAttribute(node, 'to');
      case 'RandomNormal':
      case 'RandomUniform':
        return integerAttribute(node, 'dtype') ?? FLOAT;
      case 'Shape':
      case 'Size':
        return INT64;
      case 'QuantizeLinear':
        return inputs[2] ? ofInput(2) : UINT8;
      case 'DequantizeLinear':
        return ofInput(1);
      case 'Dropout':
      case 'MaxPool':
      case 'TopK':
      case 'Unique':
        return node.outputs[0] === name ? ofInput(0) : undefined;
      case 'Conv':
      case 'ConvTranspose':
      case 'InstanceNormalization':
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div':
      case 'Sum':
      case 'Max':
      case 'Min':
      case 'Mean':
      case 'Concat':
      case 'Gemm':
      case 'MatMul':
        for (let index = 0; index < inputs.length; index++) {
          const type = ofInput(index);
          if (type !== undefined) return type;
        }
        return undefined;
      default:
        return NO_INPUT_TYPE.has(opType) ? undefined : ofInput(0);
    }
  }
}

/** What the body says of a value of its own. What is passed to a function counts for more than what its inputs declare. */
function statedType({ initializer, isInput, scope: { body } }: Value, name: string): number | undefined {
  if (initializer) return initializer.dataType;
  return isInput && isFunction(body) ? undefined : declaredElementType(body, name);
}

function typeOfConstant(node: Node): number | undefined {
  for (const { name, value } of node.attributes) {
    if (name === 'value') return value.type === 'TENSOR' ? value.value.dataType : undefined;
    if (name === 'value_float' || name === 'value_floats') return FLOAT;
    if (name === 'value_int' || name === 'value_ints') return INT64;
    if (name === 'value_string' || name === 'value_strings') return STRING;
  }
  return node.opType === 'ConstantOfShape' ? FLOAT : undefined;
}

function integerAttribute(node: Node, name: string): number | undefined {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  return value?.type === 'INT' ? Number(value.value) : undefined;
}
