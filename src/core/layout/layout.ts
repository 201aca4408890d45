import { connectedComponents, packShelves } from './components';
import { layoutComponent } from './component';
import type { LayoutGraph } from './graph';
import { range } from './graph';
import type { Routes } from './routes';
import { RouteBuilder } from './routes';

export interface LayoutOptions {
  /** Free space between neighbours on a layer, pixels. */
  readonly nodeGap: number;
  /** Free space between a line and its neighbours on a layer, pixels. */
  readonly lineGap: number;
  /** Least free space between two layers, pixels. */
  readonly layerGap: number;
  /** Edges that span more ranks than this run on lanes beside the layers. */
  readonly longestLayered: number;
  /** Free space between disconnected parts, pixels. */
  readonly componentGap: number;
}

export const defaultLayoutOptions: LayoutOptions = {
  nodeGap: 24,
  lineGap: 14,
  layerGap: 40,
  longestLayered: 24,
  componentGap: 48,
};

export interface GraphLayout {
  /** Size of the drawing; everything lies between (0, 0) and (width, height). */
  readonly width: number;
  readonly height: number;
  /** Centre of each node. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly routes: Routes;
}

/**
 * Lay a directed graph out from top to bottom on layers (Sugiyama's method), with long edges taken out of the
 * layers and routed on lanes beside them. Every edge that isn't part of a cycle leads downwards, nodes don't
 * overlap, and edges don't run through nodes. Any graph will do: cyclic, disconnected, with loops and multiple
 * edges, or empty. Deterministic; nothing recursive; time nearly linear in nodes and edges.
 */
export function layoutGraph(graph: LayoutGraph, options: LayoutOptions = defaultLayoutOptions): GraphLayout {
  const { nodeCount, edgeCount, sources, targets } = graph;
  const x = new Float64Array(nodeCount);
  const y = new Float64Array(nodeCount);
  const routes = new RouteBuilder(edgeCount);
  const components = connectedComponents(nodeCount, sources, targets);
  const componentCount = components.start.length - 1;
  const componentOf = new Int32Array(nodeCount);
  for (let c = 0; c < componentCount; c++) {
    for (let k = components.start[c]!; k < components.start[c + 1]!; k++) componentOf[components.items[k]!] = c;
  }
  const edgesOf: Int32Array[] = [];
  if (componentCount === 1) edgesOf.push(range(edgeCount));
  else {
    const lists = Array.from({ length: componentCount }, (): number[] => []);
    for (let edge = 0; edge < edgeCount; edge++) lists[componentOf[sources[edge]!]!]!.push(edge);
    for (const list of lists) edgesOf.push(Int32Array.from(list));
  }

  const widths = new Float64Array(componentCount);
  const heights = new Float64Array(componentCount);
  const weights = new Int32Array(componentCount);
  const localNumber = new Int32Array(nodeCount);
  for (let c = 0; c < componentCount; c++) {
    const nodes = components.items.subarray(components.start[c], components.start[c + 1]);
    for (let i = 0; i < nodes.length; i++) localNumber[nodes[i]!] = i;
    const size = layoutComponent(graph, nodes, edgesOf[c]!, localNumber, options, x, y, routes);
    widths[c] = size.width;
    heights[c] = size.height;
    weights[c] = nodes.length;
  }
  if (componentCount < 2) {
    return { width: widths[0] ?? 0, height: heights[0] ?? 0, x, y, routes: routes.build() };
  }

  const places = packShelves(widths, heights, weights, options.componentGap);
  let width = 0;
  let height = 0;
  for (let c = 0; c < componentCount; c++) {
    const place = places[c]!;
    for (let k = components.start[c]!; k < components.start[c + 1]!; k++) {
      x[components.items[k]!]! += place.x;
      y[components.items[k]!]! += place.y;
    }
    routes.translate(edgesOf[c]!, place.x, place.y);
    width = Math.max(width, place.x + widths[c]!);
    height = Math.max(height, place.y + heights[c]!);
  }
  return { width, height, x, y, routes: routes.build() };
}
