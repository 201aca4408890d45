import { scanFields } from './scan';
import { bytesSource, type ByteRange, type ByteSource } from './source';
import { joinChunks, type Chunk } from './splice';
import { WireType } from './varint';
import { MessageWriter } from './writer';

/** Tags (field number × 8 + wire type) that a message has, and for those of inner messages what these have. */
export interface KnownFields {
  readonly [tag: number]: KnownFields | true;
}

/**
 * The message without the fields it isn't known to have; `payload` itself where
 * there are none. To protobuf a field of another wire type than declared is an
 * unknown one, but generated decoders that look at the number alone misread it.
 * @throws ModelFormatError where the bytes aren't fields.
 */
export function keepFields(payload: Uint8Array, known: KnownFields): Uint8Array {
  if (isKnown(payload, 0, payload.length, known)) return payload;
  const source = bytesSource(payload);
  return joinChunks(keepIn(source, { start: 0, end: payload.length }, known), source);
}

function keepIn(source: ByteSource, message: ByteRange, known: KnownFields): Chunk[] {
  const writer = new MessageWriter();
  for (const { number, wireType, start, payload, end } of scanFields(source, message)) {
    const field = known[number * 8 + wireType];
    if (field === true) writer.chunk({ start, end });
    else if (field !== undefined) writer.message(number, keepIn(source, payload, field));
  }
  return writer.finish();
}

/** Whether a message of fields with tags below 128 has known ones only; `false` where its bytes need a closer look. */
function isKnown(bytes: Uint8Array, start: number, end: number, known: KnownFields): boolean {
  let at = start;
  while (at < end) {
    const tag = bytes[at++]!;
    const field = known[tag];
    if (field === undefined) return false;
    if ((tag & 7) === WireType.Varint) {
      while (at < end && bytes[at]! >= 128) at++;
      at++;
    } else {
      const length = bytes[at++];
      if (length === undefined || length >= 128 || at + length > end) return false;
      if (field !== true && !isKnown(bytes, at, at + length, field)) return false;
      at += length;
    }
  }
  return at === end;
}
