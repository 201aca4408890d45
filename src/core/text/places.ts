import type { TextSpan } from '../onnx/model';

const SMALLEST_CHUNK = 256;
const LARGEST_CHUNK = 1 << 16;

/**
 * Room for the places of many nodes' parts: a few numbers in a typed array
 * cost a fraction of the objects that say the same.
 */
export class Places {
  private chunk = new Int32Array(SMALLEST_CHUNK);
  private used = 0;

  /** The array that {@link reserve} last gave room in. */
  get array(): Int32Array {
    return this.chunk;
  }

  /** Make room for `count` numbers in a row; returns where in {@link array} it starts. */
  reserve(count: number): number {
    if (this.used + count > this.chunk.length) {
      this.chunk = new Int32Array(Math.max(count, Math.min(this.chunk.length * 2, LARGEST_CHUNK)));
      this.used = 0;
    }
    const at = this.used;
    this.used += count;
    return at;
  }
}

const empty: readonly never[] = Object.freeze([]);

/** Names that are being read, with their places; those of a node in a graph in a node come on top of that node's. */
export class NameStack {
  /** How many there are. */
  length = 0;
  private readonly names: string[] = [];
  private readonly places: number[] = [];

  push(name: string, start: number, end: number): void {
    const at = this.length++;
    this.names[at] = name;
    this.places[at * 2] = start;
    this.places[at * 2 + 1] = end;
  }

  /** Take the names from `base` on off the stack. */
  take(base: number): readonly string[] {
    if (this.length === base) return empty;
    const names = this.names.slice(base, this.length);
    this.length = base;
    return names;
  }

  endOf(at: number): number {
    return this.places[at * 2 + 1]!;
  }

  /** Write the places of `count` names from `base` on, less `origin`, to `target` at `at`. */
  copyPlaces(base: number, count: number, origin: number, target: Int32Array, at: number): void {
    const { places } = this;
    for (let i = base * 2, end = i + count * 2, to = at; i < end; i++, to++) target[to] = places[i]! - origin;
  }
}

/** Spans that are held in `places` in pairs from `at` on, relative to `origin`. */
export function spansAt(places: Int32Array, at: number, count: number, origin: number): readonly TextSpan[] {
  if (count === 0) return empty;
  const spans: TextSpan[] = [];
  for (let i = 0; i < count; i++) spans.push(spanAt(places, at + 2 * i, origin));
  return spans;
}

export function spanAt(places: Int32Array, at: number, origin: number): TextSpan {
  return { start: origin + places[at]!, end: origin + places[at + 1]! };
}
