import { joinChunks } from './splice';
import { bytesSource, type ByteRange, type ByteSource } from './source';

/**
 * A message field that is declared once but may occur more often: protobuf
 * then merges the occurrences, which is what reading their payloads one after
 * the other as one message does.
 */
export class SingularMessage {
  private readonly parts: ByteRange[];

  /** @param parts occurrences that there were. */
  constructor(...parts: ByteRange[]) {
    this.parts = parts;
  }

  /** One more occurrence, by its payload. */
  add(payload: ByteRange): void {
    this.parts.push(payload);
  }

  /** What there is so far doesn't count: another field of the same oneof follows. */
  clear(): void {
    this.parts.length = 0;
  }

  get isSet(): boolean {
    return this.parts.length > 0;
  }

  /** Where the message is read from: its only payload in `source`, or a copy of all of them. */
  in(source: ByteSource): { readonly source: ByteSource; readonly range: ByteRange } {
    const { parts } = this;
    if (parts.length === 1) return { source, range: parts[0]! };
    const bytes = joinChunks(parts, source);
    return { source: bytesSource(bytes), range: { start: 0, end: bytes.length } };
  }
}
