import type { FunctionProto, Node } from '../onnx/model';

/** For each element of the edited list, the index of the base's element that it is, or -1 where it is new. */
export type Matching = Int32Array;

/**
 * Pair elements by the first key in which they agree, in the order of
 * `keys`. Elements with equal keys pair in list order. A key of `undefined`
 * pairs with nothing.
 */
export function matchByKeys<E, B>(
  edited: readonly E[],
  base: readonly B[],
  keys: readonly (readonly [(element: E) => string | undefined, (element: B) => string | undefined])[],
): Matching {
  const matching = new Int32Array(edited.length).fill(-1);
  const taken = new Uint8Array(base.length);
  let left = edited.length;
  for (const [editedKey, baseKey] of keys) {
    if (left === 0) break;
    const waiting = new Map<string, number[]>();
    // Backwards, so that the first of equal keys is popped first.
    for (let i = base.length - 1; i >= 0; i--) {
      const key = taken[i] === 1 ? undefined : baseKey(base[i]!);
      if (key === undefined) continue;
      const list = waiting.get(key);
      if (list === undefined) waiting.set(key, [i]);
      else list.push(i);
    }
    if (waiting.size === 0) continue;
    for (let i = 0; i < edited.length; i++) {
      const key = matching[i]! >= 0 ? undefined : editedKey(edited[i]!);
      const index = key === undefined ? undefined : waiting.get(key)?.pop();
      if (index === undefined) continue;
      matching[i] = index;
      taken[index] = 1;
      left--;
    }
  }
  return matching;
}

/** Pair elements that no key has paired with the one at the same distance from a paired neighbour, where `agree` allows it. */
export function matchNeighbours<E, B>(
  matching: Matching,
  edited: readonly E[],
  base: readonly B[],
  agree: (edited: E, base: B) => boolean,
): void {
  const taken = new Uint8Array(base.length);
  for (const index of matching) if (index >= 0) taken[index] = 1;
  const tryPair = (i: number, index: number): void => {
    if (matching[i]! >= 0 || index < 0 || index >= base.length || taken[index] === 1) return;
    if (!agree(edited[i]!, base[index]!)) return;
    matching[i] = index;
    taken[index] = 1;
  };
  for (let i = 0; i < edited.length; i++) {
    const before = i === 0 ? -1 : matching[i - 1]!;
    if (i === 0 || before >= 0) tryPair(i, before + 1);
  }
  for (let i = edited.length - 1; i >= 0; i--) {
    if (i === edited.length - 1) tryPair(i, base.length - 1);
    else if (matching[i + 1]! > 0) tryPair(i, matching[i + 1]! - 1);
  }
}

/** Whether two lists hold the same strings in the same order. */
export function sameStrings(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** One string for several, different for different ones. */
function keyOf(...parts: readonly string[]): string {
  let key = '';
  for (const part of parts) key += `${part.length}:${part}`;
  return key;
}

/** Pair nodes by identity: name and outputs (if need be with op and inputs), then either, then op and inputs, then op and place. */
export function matchNodes(edited: readonly Node[], base: readonly Node[]): Matching {
  if (edited.length === base.length) {
    let same = true;
    for (let i = 0; i < edited.length && same; i++) {
      same = edited[i]!.name === base[i]!.name && sameStrings(edited[i]!.outputs, base[i]!.outputs);
    }
    if (same) return Int32Array.from(edited, (_, i) => i);
  }
  const both = (node: Node) => keyOf(node.name, ...node.outputs);
  const name = (node: Node) => (node.name === '' ? undefined : node.name);
  const outputs = (node: Node) => (node.outputs.length === 0 ? undefined : keyOf(...node.outputs));
  const output = (node: Node) => node.outputs.find((value) => value !== '');
  const structure = (node: Node) => keyOf(node.domain, node.opType, ...node.inputs);
  const all = (node: Node) => keyOf(both(node), structure(node));
  const matching = matchByKeys(
    edited,
    base,
    [all, both, name, outputs, output, structure].map((key) => [key, key] as const),
  );
  matchNeighbours(matching, edited, base, (a, b) => a.opType === b.opType && a.domain === b.domain);
  return matching;
}

/** Pair functions by domain, name and overload, then by domain and name, then by name. */
export function matchFunctions(edited: readonly FunctionProto[], base: readonly FunctionProto[]): Matching {
  const keys = [
    (fn: FunctionProto) => keyOf(fn.domain, fn.name, fn.overload),
    (fn: FunctionProto) => keyOf(fn.domain, fn.name),
    (fn: FunctionProto) => fn.name,
  ];
  const matching = matchByKeys(
    edited,
    base,
    keys.map((key) => [key, key] as const),
  );
  matchNeighbours(
    matching,
    edited,
    base,
    (a, b) => sameStrings(a.inputs, b.inputs) && sameStrings(a.outputs, b.outputs),
  );
  return matching;
}

/** Pair elements by name, then by place between paired ones: a renamed one keeps what the text doesn't show. */
export function matchNamed<T extends { readonly name: string }>(edited: readonly T[], base: readonly T[]): Matching {
  if (edited.length === base.length && edited.every(({ name }, i) => name === base[i]!.name)) {
    return Int32Array.from(edited, (_, i) => i);
  }
  const name = (element: T) => element.name;
  const matching = matchByKeys(edited, base, [[name, name]]);
  if (edited.length === base.length) matchNeighbours(matching, edited, base, () => true);
  return matching;
}

/** Lists with more pairs than this are not searched for equal elements. */
const MOST_COMPARISONS = 10_000;

/**
 * Pair the elements of an attribute's list: equal ones at both ends, equal ones
 * between, by name, where they have one, then by index.
 */
export function matchItems<T>(
  edited: readonly T[],
  base: readonly T[],
  nameOf: (element: T) => string,
  isSame: (edited: T, base: T) => boolean = () => false,
): Matching {
  const matching = new Int32Array(edited.length).fill(-1);
  const shorter = Math.min(edited.length, base.length);
  let start = 0;
  while (start < shorter && isSame(edited[start]!, base[start]!)) matching[start] = start++;
  let end = 0;
  while (end < shorter - start && isSame(edited[edited.length - 1 - end]!, base[base.length - 1 - end]!)) {
    end++;
    matching[edited.length - end] = base.length - end;
  }
  const rest = edited.slice(start, edited.length - end);
  const baseRest = base.slice(start, base.length - end);
  const taken = new Set<number>();
  const pair = (i: number, index: number): void => {
    matching[start + i] = start + index;
    taken.add(index);
  };
  const isLeft = (i: number): boolean => matching[start + i]! < 0;
  if (rest.length * baseRest.length <= MOST_COMPARISONS) {
    rest.forEach((element, i) => {
      const index = baseRest.findIndex((other, k) => !taken.has(k) && isSame(element, other));
      if (index >= 0) pair(i, index);
    });
  }
  const nameOfLeft = (element: T, isPaired: boolean): string | undefined =>
    isPaired ? undefined : nameOf(element) || undefined;
  matchByKeys(
    rest.map((element, i) => nameOfLeft(element, !isLeft(i))),
    baseRest.map((element, k) => nameOfLeft(element, taken.has(k))),
    [[(name) => name, (name) => name]],
  ).forEach((index, i) => {
    if (index >= 0) pair(i, index);
  });
  rest.forEach((_, i) => {
    if (isLeft(i) && i < baseRest.length && !taken.has(i)) pair(i, i);
  });
  return matching;
}

/** Pair elements by place, where the lists are equally long: names at places, of which nothing else is known. */
export function byIndex(edited: readonly unknown[], base: readonly unknown[]): Matching {
  return Int32Array.from(edited, (_, i) => (edited.length === base.length ? i : -1));
}
