import { WireReader } from './reader';
import type { ByteRange, ByteSource } from './source';
import { WireType } from './varint';

/** One field of a message on the wire. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Offset of the tag. */
  readonly start: number;
  /** The value: after the tag and, where there is one, the length. */
  readonly payload: ByteRange;
  /** Offset after the value. */
  readonly end: number;
}

/**
 * The fields of the message at `range`, in file order. Payloads aren't read.
 * @throws ModelFormatError where the bytes aren't fields.
 */
export function scanFields(source: ByteSource, range: ByteRange): WireField[] {
  const reader = new WireReader(source, range.start);
  const fields: WireField[] = [];
  while (reader.pos < range.end) {
    const start = reader.pos;
    const tag = reader.tag(range.end);
    const wireType = tag & 7;
    let payloadStart = reader.pos;
    if (wireType === WireType.Len) {
      const end = reader.lengthEnd(range.end);
      payloadStart = reader.pos;
      reader.pos = end;
    } else {
      reader.skip(tag, range.end);
    }
    fields.push({
      number: Math.floor(tag / 8),
      wireType,
      start,
      payload: { start: payloadStart, end: reader.pos },
      end: reader.pos,
    });
  }
  return fields;
}
