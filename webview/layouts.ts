import type { LayoutGraph } from '../src/core/layout/graph';
import type { GraphLayout } from '../src/core/layout/layout';
import { LayoutClient } from './layoutClient';

/** Lays graphs out in the worker, and knows the layout that is shown. */
export class Layouts {
  private readonly client: LayoutClient;
  /** What the shown layout was made from. */
  private shown: { readonly key: string; readonly graph: LayoutGraph; readonly layout: GraphLayout } | undefined;

  constructor(workerUri: string, logError: (message: string) => void) {
    this.client = new LayoutClient(workerUri, logError);
  }

  /** The layout that is shown, where it is of the graph `key` and one of `graph` would be the same. */
  known(key: string, graph: LayoutGraph): GraphLayout | undefined {
    return this.shown?.key === key && sameGraph(this.shown.graph, graph) ? this.shown.layout : undefined;
  }

  /** Lay a graph out; `undefined` where a newer one was asked for meanwhile. */
  layout(graph: LayoutGraph): Promise<GraphLayout | undefined> {
    return this.client.layout(graph);
  }

  /** A layout is shown now. Returns whether another graph than `key` was before. */
  show(key: string, graph: LayoutGraph, layout: GraphLayout): boolean {
    const isNew = this.shown?.key !== key;
    this.shown = { key, graph, layout };
    return isNew;
  }

  /** Nothing is shown any more. */
  clear(): void {
    this.shown = undefined;
  }
}

/** Would the layouts be the same? */
function sameGraph(a: LayoutGraph, b: LayoutGraph): boolean {
  return (
    a.nodeCount === b.nodeCount &&
    a.edgeCount === b.edgeCount &&
    sameNumbers(a.widths, b.widths) &&
    sameNumbers(a.heights, b.heights) &&
    sameNumbers(a.leftExtents!, b.leftExtents!) &&
    sameNumbers(a.rightExtents!, b.rightExtents!) &&
    sameNumbers(a.sources, b.sources) &&
    sameNumbers(a.targets, b.targets) &&
    sameNumbers(a.values, b.values)
  );
}

function sameNumbers(a: Float64Array | Int32Array, b: Float64Array | Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
