import type { FunctionProto, Node } from '../onnx/model';
import { followExchanges } from './exchanges';
import { matchByKeys, matchNeighbours, type Matching } from './pairing';

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

/**
 * Pair nodes by identity: name and outputs (if need be with op and inputs),
 * then either, then op and inputs, then op and place; nodes that change the
 * names of their outputs among them by op, inputs and place.
 * @param inputNames new names that inputs and initializers around the nodes seem to have.
 */
export function matchNodes(
  edited: readonly Node[],
  base: readonly Node[],
  inputNames: () => Iterable<readonly [string, string]> = () => [],
): Matching {
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
  matchNeighbours(matching, edited, base, sameOp);
  let names: ReadonlyMap<string, string> | undefined;
  const knownNames = (): ReadonlyMap<string, string> => {
    const renamed = new Map(inputNames());
    matching.forEach((index, i) => {
      if (index >= 0) base[index]!.outputs.forEach((value, k) => renamed.set(value, edited[i]!.outputs[k] ?? value));
    });
    return renamed;
  };
  followExchanges(matching, edited, base, {
    isDoubtful: (a, b) =>
      !sameOp(a, b) || (a.name === '' && !(sameStrings(a.inputs, b.inputs) && sameStrings(a.outputs, b.outputs))),
    mayBe: (a, b) => sameOp(a, b) && a.outputs.length === b.outputs.length,
    likenessIn: (pairs) => nodeLikeness(pairs, (names ??= knownNames())),
  });
  return matching;
}

const sameOp = (a: Node, b: Node): boolean => a.opType === b.opType && a.domain === b.domain;

/** The share of op, inputs and further outputs that is the same, inputs under the names that the outputs of `pairs` get, or else `names`. */
function nodeLikeness(
  pairs: readonly (readonly [Node, Node])[],
  names: ReadonlyMap<string, string>,
): (edited: Node, base: Node) => number {
  const renamed = new Map<string, string>();
  for (const [edited, base] of pairs) base.outputs.forEach((name, i) => renamed.set(name, edited.outputs[i]!));
  const newName = (name: string): string => renamed.get(name) ?? names.get(name) ?? name;
  return (edited, base) => {
    if (!sameOp(edited, base)) return 0;
    const same = base.inputs.filter((name, i) => newName(name) === edited.inputs[i]).length;
    const sameOutputs = base.outputs.filter((name, i) => i > 0 && name === edited.outputs[i]).length;
    const most = Math.max(edited.inputs.length, base.inputs.length) + Math.max(base.outputs.length - 1, 0);
    return (1 + same + sameOutputs) / (1 + most);
  };
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
