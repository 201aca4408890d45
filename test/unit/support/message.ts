/** Protobuf messages written field by field, for models that no encoder of ours makes. */
import { bytesSource } from '../../../src/core/wire/source';
import { joinChunks, type Chunk } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';

/** A number that isn't an integer is a float. */
export type Fields = readonly (readonly [field: number, value: number | string | Uint8Array | Message])[];

export class Message {
  constructor(readonly fields: Fields) {}

  encode(): Chunk[] {
    const writer = new MessageWriter();
    for (const [field, value] of this.fields) {
      if (typeof value === 'number' && Number.isInteger(value)) writer.int(field, value);
      else if (typeof value === 'number') writer.float(field, value);
      else if (typeof value === 'string') writer.string(field, value);
      else if (value instanceof Message) writer.message(field, value.encode());
      else writer.bytes(field, value);
    }
    return writer.finish();
  }
}

export const message = (...fields: Fields): Message => new Message(fields);
/** `StringStringEntryProto`. */
export const entry = (key: string, value: string): Message => message([1, key], [2, value]);
export const bytesOf = (whole: Message): Uint8Array => joinChunks(whole.encode(), bytesSource(new Uint8Array(0)));
