import type Long from 'long';
import { onnx } from 'onnx-proto';
import { Reader } from 'protobufjs/minimal';
import { ModelFormatError } from '../wire/errors';
import { keepFields, type KnownFields } from '../wire/keepFields';
import type { ByteSource } from '../wire/source';
import { decodeUtf8 } from '../wire/utf8';
import { readFunction, readGraph, readOpset } from './decodeGraph';
import { describeFile } from './fileKind';
import type { AttributeTypeName, FunctionProto, Graph, Model, OpsetImport, StringEntry } from './model';
import { ModelReader, type LeafDecoders } from './modelReader';

export { ModelFormatError } from '../wire/errors';

/**
 * The structure of the ONNX model in `source`, read by scanning the protobuf
 * wire format. No weights are read: a tensor says where its data is.
 *
 * @throws ModelFormatError when the bytes aren't an ONNX model; the message
 *   says what is wrong where, and what the file seems to be.
 */
export function decodeModel(source: ByteSource): Model {
  try {
    if (source.size === 0) throw new ModelFormatError('there is nothing to read', 0);
    return readModel(new ModelReader(source, leaves), source.size);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    const kind = describeFile(source);
    throw new ModelFormatError(
      kind === undefined
        ? `This isn't a complete ONNX model: ${error.message}. The file may be truncated or damaged.`
        : `This isn't an ONNX model: the file is ${kind}.`,
      error.offset,
    );
  }
}

const OPSET: KnownFields = { 10: true, 16: true };
const ENTRY: KnownFields = { 10: true, 18: true };

/** Reads strings so that bytes that aren't UTF-8 aren't lost. */
class ExactReader extends Reader {
  override string(): string {
    return decodeUtf8(this.bytes());
  }
}

function exactReader(payload: Uint8Array, known: KnownFields): Reader {
  return new ExactReader(keepFields(payload, known));
}

/** What onnx-proto reads. The messages and fields newer than it are read from the wire directly. */
const leaves: LeafDecoders = {
  opset(payload) {
    const { domain, version } = onnx.OperatorSetIdProto.decode(exactReader(payload, OPSET)) as {
      domain: string;
      version: unknown;
    };
    return { domain, version: toNumber(version) };
  },
  entry(payload) {
    const { key, value } = onnx.StringStringEntryProto.decode(exactReader(payload, ENTRY));
    return { key, value };
  },
  attributeType: (number) => onnx.AttributeProto.AttributeType[number] as AttributeTypeName | undefined,
};

/** onnx-proto gives 64-bit integers as Long; its typings don't say where that comes from. */
function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : (value as Long).toNumber();
}

function readModel(reader: ModelReader, end: number): Model {
  let irVersion = 0;
  let producerName = '';
  let producerVersion = '';
  let domain = '';
  let modelVersion = 0n;
  let docString = '';
  let graph: Graph | undefined;
  const opsetImports: OpsetImport[] = [];
  const metadataProps: StringEntry[] = [];
  const functions: FunctionProto[] = [];
  while (reader.pos < end) {
    const at = reader.pos;
    const tag = reader.tag(end);
    switch (tag) {
      case 8: // ir_version = 1
        irVersion = reader.int(end);
        break;
      case 18: // producer_name = 2
        producerName = reader.string(end);
        break;
      case 26: // producer_version = 3
        producerVersion = reader.string(end);
        break;
      case 34: // domain = 4
        domain = reader.string(end);
        break;
      case 40: // model_version = 5
        modelVersion = reader.int64(end);
        break;
      case 50: // doc_string = 6
        docString = reader.string(end);
        break;
      case 58: // graph = 7
        if (graph !== undefined) {
          throw new ModelFormatError(`a second graph starts at byte ${at}, as if two models had been joined`, at);
        }
        graph = readGraph(reader, reader.lengthEnd(end), 1);
        break;
      case 66: // opset_import = 8
        opsetImports.push(readOpset(reader, reader.lengthEnd(end)));
        break;
      case 114: // metadata_props = 14
        metadataProps.push(reader.leaf('metadata entry', reader.lengthEnd(end), (payload) => leaves.entry(payload)));
        break;
      case 202: // functions = 25
        functions.push(readFunction(reader, reader.lengthEnd(end)));
        break;
      default:
        reader.skip(tag, end);
    }
  }
  if (graph === undefined) throw new ModelFormatError('it has no graph', end);
  return {
    irVersion,
    opsetImports,
    producerName,
    producerVersion,
    domain,
    modelVersion,
    docString,
    metadataProps,
    graph,
    functions,
    origin: { start: 0, end },
  };
}
