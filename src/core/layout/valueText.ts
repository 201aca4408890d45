import { elementTypeName } from '../fusion/describe';
import { dataType, elementCount } from '../onnx/dataTypes';
import type { Attribute, Dimension, Tensor, TensorValues, Type } from '../onnx/model';
import { readTensor, valuesOfBytes } from '../onnx/tensor';
import type { ByteSource } from '../wire/source';
import { decodeUtf8 } from '../wire/utf8';

/** Tensors of up to this many elements are written out: integers say how, floats mostly are weights. */
const SMALL = 8;
const SMALL_FLOAT = 3;
/** From here on integers stand for "to the end". */
const HUGE = 1n << 62n;
const LONGEST = 80;

/** `1×64×H×?`; `scalar` for rank 0. */
export function shapeText(shape: readonly Dimension[]): string {
  return shape.length === 0 ? 'scalar' : shape.map((dim) => dim ?? '?').join('×');
}

/** The shape alone for float tensors, which most are; else the type too: `int64 2×3`. */
export function shortTypeText(type: Type | undefined): string {
  if (type?.kind !== 'tensor') return type ? typeText(type) : '';
  const shape = type.shape ? shapeText(type.shape) : '';
  return type.elementType === 1 && shape ? shape : `${elementTypeName(type.elementType)} ${shape}`.trim();
}

/** The whole type: `float 1×3×224×224`, `sequence of int64`. */
export function typeText(type: Type): string {
  let text = '';
  let at: Type | undefined = type;
  while (at) {
    switch (at.kind) {
      case 'tensor':
        return text + `${elementTypeName(at.elementType)}${at.shape ? ` ${shapeText(at.shape)}` : ''}`;
      case 'sparse_tensor':
        return text + `sparse ${elementTypeName(at.elementType)}${at.shape ? ` ${shapeText(at.shape)}` : ''}`;
      case 'sequence':
      case 'optional':
        text += `${at.kind} of `;
        at = at.elementType;
        break;
      case 'map':
        text += `map from ${elementTypeName(at.keyType)} to `;
        at = at.valueType;
        break;
      case 'opaque':
        return `${text}opaque ${at.domain ? `${at.domain}.` : ''}${at.name}`;
      case 'unset':
        return `${text}unknown type`;
    }
  }
  return `${text}unknown type`;
}

/** A small tensor's values, such as `0.5` or `[0, 2, -1]`; else its shape, with the type where it isn't float. */
export function tensorText(tensor: Tensor, source: ByteSource | undefined): string {
  const count = elementCount(tensor.dims);
  const isInteger = dataType(tensor.dataType)?.storage.startsWith('int') ?? false;
  if (count > 0 && count <= (isInteger ? SMALL : SMALL_FLOAT)) {
    const values = smallValues(tensor, source);
    if (values && values.length === count) {
      const text = valuesText(values);
      return tensor.dims.length === 0 ? text : `[${text}]`;
    }
  }
  return tensor.dataType === 1
    ? shapeText(tensor.dims)
    : `${elementTypeName(tensor.dataType)} ${shapeText(tensor.dims)}`;
}

/** Values of a small tensor where they are at hand. */
function smallValues(tensor: Tensor, source: ByteSource | undefined): TensorValues | undefined {
  const { data } = tensor;
  if (data.kind === 'values') return data.values;
  if (data.kind === 'bytes') {
    const type = dataType(tensor.dataType);
    return type && type.bits >= 8 ? valuesOfBytes(type, data.bytes) : undefined;
  }
  if (!source || data.kind === 'none' || data.kind === 'external') return undefined;
  return readTensor(tensor, source);
}

function valuesText(values: TensorValues): string {
  return Array.from<number | bigint | string>(values).map(scalarText).join(', ');
}

function scalarText(value: number | bigint | string): string {
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (typeof value === 'bigint' && (value >= HUGE || value <= -HUGE)) return value > 0n ? 'max' : 'min';
  if (typeof value === 'bigint' || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

/** An attribute's value in one short line. */
export function attributeText(attribute: Attribute, source: ByteSource | undefined): string {
  const { value } = attribute;
  switch (value.type) {
    case 'INT':
      return String(value.value);
    case 'FLOAT':
      return scalarText(value.value);
    case 'STRING':
      return cut(decode(value.value));
    case 'INTS':
    case 'FLOATS':
      return cut(`[${valuesText(value.value)}]`);
    case 'STRINGS':
      return cut(`[${value.value.map((item) => JSON.stringify(decode(item))).join(', ')}]`);
    case 'TENSOR':
      return cut(tensorText(value.value, source));
    case 'SPARSE_TENSOR':
      return `sparse ${shapeText(value.value.dims)}`;
    case 'GRAPH':
      return `graph of ${value.value.nodes.length} ${value.value.nodes.length === 1 ? 'node' : 'nodes'}`;
    case 'TYPE_PROTO':
      return typeText(value.value);
    case 'REFERENCE':
      return `@${value.value}`;
    case 'UNDEFINED':
      return '';
    default:
      return `${value.value.length} × ${value.type.toLowerCase().replace(/s$/, '')}`;
  }
}

function decode(bytes: Uint8Array): string {
  return decodeUtf8(bytes, 0, Math.min(bytes.length, LONGEST));
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
