import { ModelFormatError } from '../wire/errors';
import { ListStack } from '../wire/listStack';
import { WireReader } from '../wire/reader';
import type { SingularMessage } from '../wire/singularMessage';
import type { ByteSource } from '../wire/source';
import type { Attribute, AttributeTypeName, AttributeValue, OpsetImport, StringEntry, Type } from './model';

/** Graphs in graphs, and types in types, are read to this depth. */
export const DEEPEST_NESTING = 100;

/** Longer messages aren't kept to be shared: they are seldom equal. */
const LONGEST_SHARED = 96;

/** Decoders of small messages without nesting. They may throw anything at bytes that they can't read. */
export interface LeafDecoders {
  opset(payload: Uint8Array): OpsetImport;
  entry(payload: Uint8Array): StringEntry;
  /** Name of an `AttributeProto.AttributeType`, or `undefined` for numbers that it doesn't have. */
  attributeType(number: number): AttributeTypeName | undefined;
}

/** Reads a model's messages, sharing what small ones of equal bytes say. */
export class ModelReader extends WireReader {
  /** Types by their bytes: a model states the same few over and over. */
  readonly types = new Map<string, Type>();
  /** Names and values of attributes by their bytes, of those that say nothing of their place. */
  readonly attributes = new Map<string, { readonly name: string; readonly value: AttributeValue }>();

  /** Lists of the nodes that are being read; those of a node in a graph in a node come on top of that node's. */
  readonly inputs = new ListStack<string>();
  readonly outputs = new ListStack<string>();
  readonly nodeAttributes = new ListStack<Attribute>();

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

  /** The bytes up to `end`, by which to find a message of the same bytes; `undefined` where they are too many. */
  sharedKey(end: number): string | undefined {
    return end - this.pos > LONGEST_SHARED ? undefined : this.peekBytes(end);
  }
}
