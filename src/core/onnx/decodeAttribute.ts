import { SingularMessage } from '../wire/singularMessage';
import { attributeValue, typeOfTag, type AttributeFields } from './attributeFields';
import { readSparseTensor, readTensorProto } from './decodeTensor';
import { readSingularType, readType } from './decodeType';
import type { Attribute, AttributeTypeName, AttributeValue, Graph } from './model';
import type { ModelReader } from './modelReader';

/** Reads the GraphProto up to `end`, `depth` graphs deep; given from outside, since graphs contain attributes. */
export type ReadGraph = (reader: ModelReader, end: number, depth: number) => Graph;

/** `AttributeProto` up to `end` of a node that is `depth` graphs deep. */
export function readAttribute(reader: ModelReader, end: number, depth: number, readGraph: ReadGraph): Attribute {
  const start = reader.pos;
  const key = reader.sharedKey(end);
  const known = key === undefined ? undefined : reader.attributes.get(key);
  if (known !== undefined) {
    reader.pos = end;
    return { name: known.name, value: known.value, origin: { start, end } };
  }
  let name = '';
  let reference = '';
  let type: AttributeTypeName | undefined;
  let valueTag = 0;
  let types: SingularMessage | undefined;
  const fields: AttributeFields = {
    f: undefined,
    i: undefined,
    s: undefined,
    floats: undefined,
    ints: undefined,
    strings: undefined,
    rare: undefined,
  };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const previous = valueTag;
    valueTag = tag;
    switch (tag) {
      case 10: // name = 1
        name = reader.string(end);
        valueTag = previous;
        break;
      case 21: // f = 2
        fields.f = reader.float(end);
        break;
      case 24: // i = 3
        fields.i = reader.int64(end);
        break;
      case 34: // s = 4
        fields.s = reader.payload(end).slice();
        break;
      case 42: // t = 5
        (fields.rare ??= {}).t = readTensorProto(reader, reader.lengthEnd(end));
        break;
      case 50: // g = 6
        (fields.rare ??= {}).g = readGraph(reader, reader.lengthEnd(end), depth + 1);
        break;
      case 61: // floats = 7
        (fields.floats ??= []).push(reader.float(end));
        break;
      case 58: {
        const packedEnd = reader.lengthEnd(end);
        const floats = (fields.floats ??= []);
        while (reader.pos < packedEnd) floats.push(reader.float(packedEnd));
        break;
      }
      case 64: // ints = 8
        (fields.ints ??= []).push(reader.int64(end));
        break;
      case 66: {
        const packedEnd = reader.lengthEnd(end);
        const ints = (fields.ints ??= []);
        while (reader.pos < packedEnd) ints.push(reader.int64(packedEnd));
        break;
      }
      case 74: // strings = 9
        (fields.strings ??= []).push(reader.payload(end).slice());
        break;
      case 82: // tensors = 10
        ((fields.rare ??= {}).tensors ??= []).push(readTensorProto(reader, reader.lengthEnd(end)));
        break;
      case 90: // graphs = 11
        ((fields.rare ??= {}).graphs ??= []).push(readGraph(reader, reader.lengthEnd(end), depth + 1));
        break;
      case 114: // tp = 14
        (types ??= new SingularMessage()).add(reader.range(end));
        break;
      case 122: // type_protos = 15
        ((fields.rare ??= {}).types ??= []).push(readType(reader, reader.lengthEnd(end), 1));
        break;
      case 160: // type = 20
        type = reader.leaves.attributeType(reader.int32(end));
        valueTag = previous;
        break;
      case 170: // ref_attr_name = 21
        reference = reader.string(end);
        valueTag = previous;
        break;
      case 178: // sparse_tensor = 22
        (fields.rare ??= {}).sparse = readSparseTensor(reader, reader.lengthEnd(end));
        break;
      case 186: // sparse_tensors = 23
        ((fields.rare ??= {}).sparses ??= []).push(readSparseTensor(reader, reader.lengthEnd(end)));
        break;
      default:
        valueTag = previous;
        reader.skip(tag, end);
    }
  }
  if (types !== undefined) (fields.rare ??= {}).tp = readSingularType(reader, types, 1);
  type ??= 'UNDEFINED';
  const value: AttributeValue =
    reference === ''
      ? attributeValue(type === 'UNDEFINED' ? (typeOfTag.get(valueTag) ?? type) : type, fields)
      : { type: 'REFERENCE', value: reference, attributeType: type };
  if (key !== undefined && !hasPlaces(value)) reader.attributes.set(key, { name, value });
  return { name, value, origin: { start, end } };
}

/** Whether a value contains messages that know their place in the file. */
function hasPlaces({ type }: AttributeValue): boolean {
  return type.startsWith('TENSOR') || type.startsWith('GRAPH') || type.startsWith('SPARSE');
}
