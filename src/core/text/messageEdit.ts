import { rewriteFields, type Occurrence } from '../wire/rewrite';
import { scanFields, type WireField } from '../wire/scan';
import type { ByteRange, ByteSource } from '../wire/source';
import type { Chunk } from '../wire/splice';
import { WireType } from '../wire/varint';
import { MessageWriter } from '../wire/writer';

/** A whole length-delimited field. */
export function messageField(number: number, payload: readonly Chunk[]): Chunk[] {
  return new MessageWriter().message(number, payload).finish();
}

/** A whole string field. */
export function stringField(number: number, value: string): Chunk[] {
  return new MessageWriter().string(number, value).finish();
}

/** A whole varint field. */
export function intField(number: number, value: number | bigint): Chunk[] {
  return new MessageWriter().int(number, value).finish();
}

/** No field has this number, so that no plan is about it. */
const UNKNOWN = -1;

/**
 * Edits of one message of the base file. Fields that no edit names keep their
 * bytes, whatever they are; a message without edits isn't even scanned.
 */
export class MessageEdit {
  private readonly plan = new Map<number, readonly Occurrence[]>();
  /** Which of a number's fields the plan is about; absent: all of them. */
  private readonly wireTypes = new Map<number, number>();
  private scanned: readonly WireField[] | undefined;

  /** @param message its payload, or several that make up one message together (protobuf merges them). */
  constructor(
    private readonly source: ByteSource,
    private readonly message: ByteRange | readonly ByteRange[],
  ) {}

  /** The message's fields in the base. */
  get fields(): readonly WireField[] {
    if (this.scanned === undefined) {
      const parts = 'start' in this.message ? [this.message] : this.message;
      this.scanned = parts.flatMap((part) => scanFields(this.source, part));
    }
    return this.scanned;
  }

  /** The fields of this number that are of a wire type; to protobuf, those of another one than declared are unknown ones. */
  fieldsOf(number: number, wireType: number = WireType.Len): WireField[] {
    return this.fields.filter((field) => field.number === number && field.wireType === wireType);
  }

  /** The fields of a number that may be packed or not. */
  numberFieldsOf(number: number): WireField[] {
    return this.fields.filter((field) => field.number === number);
  }

  /**
   * The payloads of a field that holds one message, which count together.
   * @param oneof numbers of which the last that occurs, and no other, is set.
   */
  payloadsOf(number: number, oneof: readonly number[] = []): ByteRange[] {
    let payloads: ByteRange[] = [];
    for (const field of this.fields) {
      if (field.wireType !== WireType.Len) continue;
      if (field.number === number) payloads.push(field.payload);
      else if (oneof.includes(field.number)) payloads = [];
    }
    return payloads;
  }

  /** Make the field occur once, as `field`. */
  set(number: number, field: readonly Chunk[]): void {
    const [tag] = field;
    const wireType = tag instanceof Uint8Array ? tag[0]! & 7 : WireType.Len;
    // Of several, the last counts (protobuf's rule for singular fields).
    const count = this.fieldsOf(number, wireType).length;
    this.plan.set(number, [{ base: count > 0 ? count - 1 : undefined, field }]);
    this.wireTypes.set(number, wireType);
  }

  /** Set a string, or remove the field where the string is empty. */
  setString(number: number, value: string): void {
    if (value === '') this.remove(number);
    else this.set(number, stringField(number, value));
  }

  setInt(number: number, value: number | bigint): void {
    this.set(number, intField(number, value));
  }

  remove(number: number): void {
    if (this.numberFieldsOf(number).length > 0) this.planNumbers(number, []);
  }

  /** Make the field, which is length-delimited, occur as `occurrences` say. */
  list(number: number, occurrences: readonly Occurrence[]): void {
    this.plan.set(number, occurrences);
    this.wireTypes.set(number, WireType.Len);
  }

  /** Make the field, which may be packed or not, occur as `occurrences` say. */
  planNumbers(number: number, occurrences: readonly Occurrence[]): void {
    this.plan.set(number, occurrences);
    this.wireTypes.delete(number);
  }

  /** Make a repeated string (or bytes) field hold `values`; those equal to the base's at the same index keep their bytes. */
  strings(number: number, values: readonly string[], base: readonly string[]): void {
    this.list(
      number,
      values.map((value, i) => ({
        base: i < base.length ? i : undefined,
        field: value === base[i] ? undefined : stringField(number, value),
      })),
    );
  }

  /**
   * Make a repeated number field hold `count` values, packed where the base's
   * is. `write` writes the value at an index, without a tag where it has no
   * field number; `isKept` says whether the base has that value at that index.
   */
  numbers(
    number: number,
    count: number,
    write: (writer: MessageWriter, index: number, packed: boolean) => void,
    isKept: (index: number) => boolean,
  ): void {
    const base = this.numberFieldsOf(number);
    if (base.length > 0 && base.every(({ wireType }) => wireType === WireType.Len)) {
      const packed = new MessageWriter();
      for (let i = 0; i < count; i++) write(packed, i, true);
      this.planNumbers(number, count === 0 ? [] : [{ base: 0, field: messageField(number, packed.finish()) }]);
      return;
    }
    const unpacked = base.every(({ wireType }) => wireType !== WireType.Len);
    this.planNumbers(
      number,
      Array.from({ length: count }, (_, i) => {
        if (unpacked && i < base.length && isKept(i)) return { base: i };
        const writer = new MessageWriter();
        write(writer, i, false);
        return { base: unpacked && i < base.length ? i : undefined, field: writer.finish() };
      }),
    );
  }

  /** The message's new payload, or `undefined` when nothing was edited. */
  finish(): Chunk[] | undefined {
    if (this.plan.size === 0) return undefined;
    const fields = this.fields.map((field) =>
      (this.wireTypes.get(field.number) ?? field.wireType) === field.wireType ? field : { ...field, number: UNKNOWN },
    );
    return rewriteFields(fields, this.plan);
  }
}
