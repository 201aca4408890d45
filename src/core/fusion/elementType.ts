import type { Node } from '../onnx/model';
import { definingScope, isDefaultDomain, isFunction, type Scope } from './scope';

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

/**
 * Element types of values: as declared, else deduced in one forward pass over
 * each scope that is asked about.
 */
export class ElementTypes {
  private readonly known = new Map<Scope, Map<string, number>>();

  /** The element type of `name` as seen from `scope`, or `undefined` when nothing tells it. */
  of(scope: Scope, name: string): number | undefined {
    if (name === '') return undefined;
    const at = definingScope(scope, name);
    return at && this.typesOf(at).get(name);
  }

  private typesOf(scope: Scope): ReadonlyMap<string, number> {
    const known = this.known.get(scope);
    if (known) return known;
    const types = new Map<string, number>();
    this.known.set(scope, types);
    const { body } = scope;
    const infos = isFunction(body) ? body.valueInfos : [...body.inputs, ...body.outputs, ...body.valueInfos];
    for (const { name, type } of infos) {
      if (type?.kind === 'tensor' && type.elementType !== 0) types.set(name, type.elementType);
    }
    if (!isFunction(body)) for (const tensor of body.initializers) types.set(tensor.name, tensor.dataType);
    for (const node of body.nodes) {
      for (const output of node.outputs) {
        if (output === '' || types.has(output)) continue;
        const type = this.ofOutput(scope, node, output);
        if (type !== undefined) types.set(output, type);
      }
    }
    return types;
  }

  private ofOutput(scope: Scope, node: Node, output: string): number | undefined {
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
        return output === node.outputs[0] ? ofInput(0) : undefined;
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
