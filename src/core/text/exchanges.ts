import { matchNeighbours, type Matching } from './pairing';

/** How well an element of the edited list does for one of the base's. */
export interface Likeness<E, B> {
  /** Whether a pair that was found by name may be wrong: apart from the name, the two aren't the same. */
  readonly isDoubtful: (edited: E, base: B) => boolean;
  /** Whether the two may be one element under another name. */
  readonly mayBe: (edited: E, base: B) => boolean;
  /** How much of an edited and a base's element is the same but for names, from 0 to 1, where all of `pairs` are pairs. */
  readonly likenessIn: (pairs: readonly (readonly [E, B])[]) => (edited: E, base: B) => number;
}

/**
 * Where an edit gives an element the name that another one had (`a` and `b`
 * change names; or `a` becomes `b`, and `b` becomes `c`), pairing by name takes
 * the one for the other. Such pairs are replaced by those of elements that stand
 * in the same place, where all of these together are more alike.
 */
export function followExchanges<E, B>(
  matching: Matching,
  edited: readonly E[],
  base: readonly B[],
  { isDoubtful, mayBe, likenessIn }: Likeness<E, B>,
): void {
  const editedOf = new Int32Array(base.length).fill(-1);
  const byPlace = matching.slice();
  let doubtful = false;
  for (let i = 0; i < edited.length; i++) {
    const index = matching[i]!;
    if (index < 0) continue;
    editedOf[index] = i;
    if (!isDoubtful(edited[i]!, base[index]!)) continue;
    byPlace[i] = -1;
    doubtful = true;
  }
  if (!doubtful) return;
  // Pairs that no one doubts stay.
  const seen = Uint8Array.from(matching, (index, i) => (index >= 0 && byPlace[i] === index ? 1 : 0));
  matchNeighbours(byPlace, edited, base, mayBe);
  const editedAt = new Int32Array(base.length).fill(-1);
  byPlace.forEach((index, i) => {
    if (index >= 0) editedAt[index] = i;
  });
  for (let i = 0; i < edited.length; i++) {
    if (seen[i] === 1 || byPlace[i] === matching[i]) continue;
    const group = groupOf(i);
    if (group === undefined) continue;
    const pairsOf = (pairing: Matching): (readonly [E, B])[] =>
      group.flatMap((k) => (pairing[k]! < 0 ? [] : [[edited[k]!, base[pairing[k]!]!] as const]));
    const likenesses = (pairs: readonly (readonly [E, B])[], given: readonly (readonly [E, B])[]): number[] => {
      const likeness = likenessIn(given);
      return pairs.map(([element, other]) => likeness(element, other));
    };
    const placed = pairsOf(byPlace);
    const likely = likenesses(placed, placed);
    if (likely.some((value) => value < 0.5) || sum(likely) <= sum(likenesses(pairsOf(matching), []))) continue;
    for (const k of group) matching[k] = byPlace[k]!;
  }

  /** The elements that change partners with `first`, or `undefined` where one would be left without. */
  function groupOf(first: number): readonly number[] | undefined {
    const group = [first];
    seen[first] = 1;
    const reach = (i: number): void => {
      if (i < 0 || seen[i] === 1) return;
      seen[i] = 1;
      group.push(i);
    };
    let isWhole = true;
    for (let at = 0; at < group.length; at++) {
      const i = group[at]!;
      const [named, placed] = [matching[i]!, byPlace[i]!];
      if (placed < 0) isWhole = false;
      else reach(editedOf[placed]!);
      if (named < 0) continue;
      if (editedAt[named]! < 0) isWhole = false;
      else reach(editedAt[named]!);
    }
    return isWhole ? group : undefined;
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
