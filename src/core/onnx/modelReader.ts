import { ModelFormatError } from '../wire/errors';
import { LONGEST_PAYLOAD, PayloadCache } from '../wire/payloadCache';
import { WireReader } from '../wire/reader';
import type { SingularMessage } from '../wire/singularMessage';
import type { ByteSource } from '../wire/source';
import type { AttributeTypeName, AttributeValue, OpsetImport, StringEntry, Type } from './model';

/** Graphs in graphs, and types in types, are read to this depth. */
export const DEEPEST_NESTING = 100;

/** Decoders of small messages without nesting. They may throw anything at bytes that they can't read. */
export interface LeafDecoders {
  opset(payload: Uint8Array): OpsetImport;
  entry(payload: Uint8Array): StringEntry;
  /** Name of an `AttributeProto.AttributeType`, or `undefined` for numbers that it doesn't have. */
  attributeType(number: number): AttributeTypeName | undefined;
}

/** Reads a model's messages, sharing what small ones of equal bytes say. */
export class ModelReader extends WireReader {
  readonly types = new PayloadCache<Type>();
  readonly attributes = new PayloadCache<{ readonly name: string; readonly value: AttributeValue }>();

  constructor(
    source: ByteSource,
    readonly leaves: LeafDecoders,
  ) {
    super(source);
  }

  /** The message up to `end`, by a decoder whose own errors don't say where. */
  leaf<T>(name: string, end: number, decode: (payload: Uint8Array) => T): T {
    const at = this.pos;
    const payload = this.take(end - at, end);
    try {
      return decode(payload);
    } catch {
      throw new ModelFormatError(`the ${name} at byte ${at} is damaged`, at);
    }
  }

  /** What a field holds that is declared once, or `undefined` where it doesn't occur; this reader stays where it is. */
  readSingular<T>(field: SingularMessage, read: (reader: ModelReader, end: number) => T): T | undefined {
    if (!field.isSet) return undefined;
    const { source, range } = field.in(this.source);
    if (source !== this.source) return read(new ModelReader(source, this.leaves), range.end);
    const { pos } = this;
    this.pos = range.start;
    const result = read(this, range.end);
    this.pos = pos;
    return result;
  }

  /** The bytes up to `end` if they are few enough to be shared, without moving on. */
  peekPayload(end: number): Uint8Array | undefined {
    const start = this.pos;
    if (end - start > LONGEST_PAYLOAD) return undefined;
    const payload = this.take(end - start, end);
    this.pos = start;
    return payload;
  }
}
