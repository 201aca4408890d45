import { ModelFormatError } from '../wire/errors';
import { exact } from '../wire/exact';
import { readAttribute } from './decodeAttribute';
import { readSparseTensor, readTensorProto } from './decodeTensor';
import { readValueInfo } from './decodeType';
import type { Attribute, FunctionProto, Graph, Node, OpsetImport, SparseTensor, Tensor, ValueInfo } from './model';
import { DEEPEST_NESTING, type ModelReader } from './modelReader';

/** `GraphProto` up to `end`, `depth` graphs deep. @throws ModelFormatError when graphs are nested too deep. */
export function readGraph(reader: ModelReader, end: number, depth: number): Graph {
  const start = reader.pos;
  if (depth > DEEPEST_NESTING) {
    throw new ModelFormatError(`graphs are nested more than ${DEEPEST_NESTING} deep at byte ${start}`, start);
  }
  let name = '';
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfos: ValueInfo[] = [];
  let sparse: SparseTensor[] | undefined;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // node = 1
        nodes.push(readNode(reader, reader.lengthEnd(end), depth));
        break;
      case 18: // name = 2
        name = reader.string(end);
        break;
      case 42: // initializer = 5
        initializers.push(readTensorProto(reader, reader.lengthEnd(end)));
        break;
      case 90: // input = 11
        inputs.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 98: // output = 12
        outputs.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 106: // value_info = 13
        valueInfos.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 122: // sparse_initializer = 15
        (sparse ??= []).push(readSparseTensor(reader, reader.lengthEnd(end)));
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    inputs: exact(inputs),
    outputs: exact(outputs),
    valueInfos: exact(valueInfos),
    initializers: exact(initializers),
    ...(sparse && { sparseInitializers: exact(sparse) }),
    nodes: exact(nodes),
    origin: { start, end },
  };
}

/** `FunctionProto` up to `end`. */
export function readFunction(reader: ModelReader, end: number): FunctionProto {
  const start = reader.pos;
  let name = '';
  let domain = '';
  let overload = '';
  let docString = '';
  const opsetImports: OpsetImport[] = [];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: string[] = [];
  const attributeDefaults: Attribute[] = [];
  const valueInfos: ValueInfo[] = [];
  const nodes: Node[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // name = 1
        name = reader.string(end);
        break;
      case 34: // input = 4
        inputs.push(reader.string(end));
        break;
      case 42: // output = 5
        outputs.push(reader.string(end));
        break;
      case 50: // attribute = 6
        attributes.push(reader.string(end));
        break;
      case 58: // node = 7
        nodes.push(readNode(reader, reader.lengthEnd(end), 1));
        break;
      case 66: // doc_string = 8
        docString = reader.string(end);
        break;
      case 74: // opset_import = 9
        opsetImports.push(readOpset(reader, reader.lengthEnd(end)));
        break;
      case 82: // domain = 10
        domain = reader.string(end);
        break;
      case 90: // attribute_proto = 11
        attributeDefaults.push(readAttribute(reader, reader.lengthEnd(end), 1, readGraph));
        break;
      case 98: // value_info = 12
        valueInfos.push(readValueInfo(reader, reader.lengthEnd(end)));
        break;
      case 106: // overload = 13
        overload = reader.string(end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    domain,
    overload,
    docString,
    opsetImports,
    inputs: exact(inputs),
    outputs: exact(outputs),
    attributes,
    attributeDefaults,
    valueInfos,
    nodes,
    origin: { start, end },
  };
}

function readNode(reader: ModelReader, end: number, depth: number): Node {
  const start = reader.pos;
  let name = '';
  let domain = '';
  let opType = '';
  let overload = '';
  const { inputs, outputs, nodeAttributes: attributes } = reader;
  const firstInput = inputs.length;
  const firstOutput = outputs.length;
  const firstAttribute = attributes.length;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case 10: // input = 1
        inputs.push(reader.string(end));
        break;
      case 18: // output = 2
        outputs.push(reader.string(end));
        break;
      case 26: // name = 3
        name = reader.string(end);
        break;
      case 34: // op_type = 4
        opType = reader.string(end);
        break;
      case 42: // attribute = 5
        attributes.push(readAttribute(reader, reader.lengthEnd(end), depth, readGraph));
        break;
      case 58: // domain = 7
        domain = reader.string(end);
        break;
      case 66: // overload = 8
        overload = reader.string(end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return {
    name,
    domain,
    opType,
    overload,
    inputs: inputs.take(firstInput),
    outputs: outputs.take(firstOutput),
    attributes: attributes.take(firstAttribute),
    origin: { start, end },
  };
}

/** `OperatorSetIdProto` up to `end`. */
export function readOpset(reader: ModelReader, end: number): OpsetImport {
  const start = reader.pos;
  return { ...reader.leaf('opset import', end, (payload) => reader.leaves.opset(payload)), origin: { start, end } };
}
