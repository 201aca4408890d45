import type { LayoutGraph } from '../src/core/layout/graph';
import type { GraphLayout } from '../src/core/layout/layout';

export interface LayoutRequest {
  readonly id: number;
  readonly graph: LayoutGraph;
}

export type LayoutReply =
  { readonly id: number; readonly layout: GraphLayout } | { readonly id: number; readonly error: string };

/** The memory of a layout, to be moved rather than copied. */
export function transferablesOf({ x, y, routes }: GraphLayout): ArrayBuffer[] {
  return [x, y, routes.verbStart, routes.pointStart, routes.verbs, routes.points].map(
    ({ buffer }) => buffer as ArrayBuffer,
  );
}
