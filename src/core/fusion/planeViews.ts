import type { Node } from '../onnx/model';

/** How a value lays out N×M×D1…Dk: as it is, transposed by `perm`, or with the spatial axes in one. */
export interface View {
  readonly kind: 'plane' | 'permuted' | 'flat';
  /** From the axes here to those of N×M×D1…Dk; for `flat` the spatial axes stand last. */
  readonly perm: readonly number[];
  /** The node that leads here from N×M×D1…Dk; absent for `plane`. */
  readonly node?: Node | undefined;
}

/** What is known of N×M×D1…Dk. */
export interface PlaneShape {
  /** 2 + k. */
  readonly rank: number;
  readonly batch?: number | undefined;
  readonly channels?: number | undefined;
  /** D1…Dk. */
  readonly spatial?: readonly number[] | undefined;
}

/** An entry of a target shape: a size, or that of the given axis of N×M×D1…Dk. */
export type Size = number | { readonly axis: number };

export const planeView = (rank: number): View => ({ kind: 'plane', perm: Array.from({ length: rank }, (_, i) => i) });

export const sameView = (a: View, b: View): boolean => a.kind === b.kind && a.perm.join() === b.perm.join();

/** The axis that counts channels. */
export const channelAxis = (view: View): number => view.perm.indexOf(1);

/** Number of axes. */
export const viewRank = (view: View): number => view.perm.length;

/** The axes of N×M×D1…Dk that axes of a view stand for, ascending; `undefined` when one is out of range. */
export function planeAxes(view: View, axes: readonly number[], rank: number): readonly number[] | undefined {
  const found = new Set<number>();
  for (const given of axes) {
    const axis = given < 0 ? given + viewRank(view) : given;
    if (!Number.isInteger(axis) || axis < 0 || axis >= viewRank(view)) return undefined;
    if (view.kind === 'flat' && axis === 2) for (let spatial = 2; spatial < rank; spatial++) found.add(spatial);
    else found.add(view.perm[axis]!);
  }
  return [...found].sort((a, b) => a - b);
}

/** The view after a Transpose. */
export function transpose(view: View, perm: readonly number[], node: Node): View | undefined {
  if (view.kind === 'flat' || perm.length !== viewRank(view)) return undefined;
  const composed = perm.map((axis) => view.perm[axis] ?? -1);
  if (new Set(composed).size !== composed.length || composed.includes(-1)) return undefined;
  if (composed.every((axis, index) => axis === index)) return planeView(perm.length);
  // Two Transposes in a row would need a node of their own to be repeated.
  return view.kind === 'plane' ? { kind: 'permuted', perm: composed, node } : undefined;
}

/**
 * The view after a Reshape, when the result is provably the same layout for
 * every input that the model can run on.
 * @param isReduced are the spatial sizes all one, as those of a mean?
 */
export function reshape(
  view: View,
  target: readonly Size[],
  shape: PlaneShape,
  isReduced: boolean,
  node: Node,
): View | undefined {
  if (view.kind === 'permuted') return undefined;
  const spatial = isReduced ? new Array<number>(shape.rank - 2).fill(1) : shape.spatial;
  const plane = spatial?.reduce((product, size) => product * size, 1);
  const isAxis = (size: Size | undefined, axis: number, known: number | undefined): boolean => {
    if (size === undefined) return false;
    if (typeof size === 'object') return size.axis === axis;
    return size > 0 && size === known;
  };
  const copies = (index: number): boolean => target[index] === 0;
  const open = target.filter((size) => size === -1).length;
  if (open > 1) return undefined;
  const leads = (index: 0 | 1): boolean =>
    copies(index) || isAxis(target[index], index, index === 0 ? shape.batch : shape.channels);
  if (target.length === shape.rank && shape.rank !== 3) {
    const fits = (index: number): boolean =>
      index < 2
        ? leads(index as 0 | 1)
        : (view.kind === 'plane' && copies(index)) || isAxis(target[index], index, spatial?.[index - 2]);
    const unknown = target.flatMap((size, index) => (size !== -1 && !fits(index) ? [index] : []));
    return unknown.length === 0 ? planeView(shape.rank) : undefined;
  }
  if (target.length !== 3) return undefined;
  const last = isAxis(target[2], 2, plane) && (typeof target[2] !== 'object' || shape.rank === 3);
  const kept = view.kind === 'flat' || shape.rank === 3;
  const fits = [
    leads(0) || target[0] === -1,
    leads(1) || target[1] === -1,
    last || target[2] === -1 || (kept && copies(2)),
  ];
  if (!fits.every(Boolean)) return undefined;
  if (shape.rank === 3) return planeView(3);
  return { kind: 'flat', perm: [0, 1, 2], node: view.node ?? node };
}
