import type { FunctionProto, Node } from '../onnx/model';
import { isDefaultDomain, isFunction, readDeclarations, type Scope, type Value } from './scope';

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

/** A node that calls a function, and where. */
export interface Call {
  readonly scope: Scope;
  readonly node: Node;
}

const functionKey = ({ domain, name }: Pick<FunctionProto, 'domain' | 'name'>): string => `${domain}\0${name}`;

/**
 * Element types of values: as declared, else deduced in one forward pass over
 * each scope that is asked about.
 */
export class ElementTypes {
  private readonly done = new Set<Scope>();
  private calls: Map<string, Call[]> | undefined;

  constructor(private readonly scopes: readonly Scope[]) {}

  /** The element type of `name` as seen from `scope`, or `undefined` when nothing tells it. */
  of(scope: Scope, name: string): number | undefined {
    for (let at: Scope | undefined = scope; at; at = at.parent) {
      const value = at.values.get(name);
      if (!value) continue;
      if (!this.done.has(at)) this.deduce(at);
      return value.elementType;
    }
    return undefined;
  }

  /** The scope of a function's body. */
  scopeOf(fn: FunctionProto): Scope | undefined {
    return this.scopes.find((scope) => scope.body === fn);
  }

  private deduce(scope: Scope): void {
    this.done.add(scope);
    const { body, values } = scope;
    readDeclarations(scope);
    if (isFunction(body)) this.deduceInputs(body, values);
    for (const value of values.values()) {
      const { initializer, producer } = value;
      if (initializer) value.elementType = initializer.dataType;
      // Values are in the order of their definitions, inputs and initializers first.
      else if (producer) value.elementType ??= this.ofOutput(scope, producer, value);
    }
  }

  /** A function's inputs have the types that its callers pass; what isn't float32 counts first. */
  private deduceInputs(fn: FunctionProto, values: ReadonlyMap<string, Value>): void {
    for (const { scope, node } of this.callsOf(fn)) {
      fn.inputs.forEach((name, index) => {
        const value = values.get(name)!;
        const type = this.of(scope, node.inputs[index] ?? '');
        if (type !== undefined && (value.elementType ?? FLOAT) === FLOAT) value.elementType = type;
      });
    }
  }

  /** Every node that calls `fn`. */
  callsOf(fn: FunctionProto): readonly Call[] {
    if (!this.calls) {
      this.calls = new Map();
      const functions = new Set(this.scopes[0]!.model.functions.map(functionKey));
      for (const scope of this.scopes) {
        for (const node of scope.body.nodes) {
          const key = functionKey({ domain: node.domain, name: node.opType });
          if (!functions.has(key)) continue;
          const calls = this.calls.get(key);
          if (calls) calls.push({ scope, node });
          else this.calls.set(key, [{ scope, node }]);
        }
      }
    }
    return this.calls.get(functionKey(fn)) ?? [];
  }

  private ofOutput(scope: Scope, node: Node, value: Value): number | undefined {
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
        return scope.values.get(node.outputs[0]!) === value ? ofInput(0) : undefined;
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
