import type { WireField } from './scan';
import { appendChunk, type Chunk } from './splice';

/** One occurrence of a field in a message's new form. */
export interface Occurrence {
  /** The occurrence in the base (index among those of the same number) that is kept, or whose place is taken. */
  readonly base?: number | undefined;
  /** The new field, tag included. Absent: the base's bytes are kept. */
  readonly field?: readonly Chunk[] | undefined;
}

/**
 * The fields of a message with those of some numbers replaced: `plan` lists
 * the new occurrences of each such number. All other fields keep their bytes
 * and places, and so do occurrences that stay in order. New and moved ones
 * follow the occurrence before them; where the base has none of the number,
 * they stand before the first field of a higher number.
 */
export function rewriteFields(fields: readonly WireField[], plan: ReadonlyMap<number, readonly Occurrence[]>): Chunk[] {
  const base = new Map<number, WireField[]>([...plan.keys()].map((number) => [number, []]));
  for (const field of fields) base.get(field.number)?.push(field);
  const added: number[] = [];
  const placed = new Map<number, ReadonlyMap<number, readonly Occurrence[]>>();
  for (const [number, occurrences] of plan) {
    const count = base.get(number)!.length;
    if (count === 0) added.push(number);
    else placed.set(number, placeOccurrences(occurrences, count));
  }
  added.sort((a, b) => b - a);

  const chunks: Chunk[] = [];
  const emit = (number: number, occurrences: readonly Occurrence[]): void => {
    for (const { base: index, field } of occurrences) {
      if (field !== undefined) {
        for (const chunk of field) appendChunk(chunks, chunk);
      } else if (index !== undefined) {
        const { start, end } = base.get(number)![index]!;
        appendChunk(chunks, { start, end });
      }
    }
  };
  const passed = new Map<number, number>();
  for (const field of fields) {
    while (added.length > 0 && added[added.length - 1]! < field.number) {
      const number = added.pop()!;
      emit(number, plan.get(number)!);
    }
    const places = placed.get(field.number);
    if (places === undefined) {
      appendChunk(chunks, { start: field.start, end: field.end });
    } else {
      const index = passed.get(field.number) ?? 0;
      passed.set(field.number, index + 1);
      emit(field.number, places.get(index) ?? []);
    }
  }
  for (const number of added.reverse()) emit(number, plan.get(number)!);
  return chunks;
}

/** Which occurrences are written at the place of which of the base's `count`; a place beyond those is none. */
function placeOccurrences(occurrences: readonly Occurrence[], count: number): Map<number, readonly Occurrence[]> {
  const anchors = longestIncreasing(
    occurrences.map(({ base }) => (base !== undefined && base < count ? base : undefined)),
  );
  if (anchors.length === 0) return new Map([[0, occurrences]]);
  return new Map(
    anchors.map((anchor, i) => [
      occurrences[anchor]!.base!,
      occurrences.slice(i === 0 ? 0 : anchor, anchors[i + 1] ?? occurrences.length),
    ]),
  );
}

/**
 * Positions of a longest strictly increasing run among the numbers, `undefined`
 * ones left out (Fredman, "On computing the length of longest increasing
 * subsequences", 1975).
 */
function longestIncreasing(values: readonly (number | undefined)[]): number[] {
  /** Position of the smallest last value of a run of each length. */
  const tails: number[] = [];
  const before = new Int32Array(values.length).fill(-1);
  values.forEach((value, position) => {
    if (value === undefined) return;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[tails[middle]!]! < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[position] = tails[low - 1]!;
    tails[low] = position;
  });
  const run: number[] = [];
  for (let position = tails[tails.length - 1] ?? -1; position >= 0; position = before[position]!) run.push(position);
  return run.reverse();
}
