import { assignCoordinates } from './coordinates';
import type { LayoutGraph } from './graph';
import { groupBy } from './graph';
import type { Lanes } from './lanes';
import { assignLanes } from './lanes';
import type { LayeredGraph } from './layers';
import { buildLayers, classifyEdges, EdgeKind } from './layers';
import type { LayoutOptions } from './layout';
import { orderLayers } from './order';
import { assignRanks, findBackEdges } from './rank';
import type { RouteBuilder } from './routes';

/** Room that a line passing a layer takes to either side, pixels. */
const LINE_EXTENT = 1;
/** Room that loops take to the right of their node, pixels. */
const LOOP_EXTENT = 24;
/** Where the first track lies below a gap's top, and how far the last one stays above its bottom. */
const TRACK_TOP = 20;
const TRACK_GAP = 8;
/** Tracks in one gap move together when they'd take more than this. */
const TRACKS_HEIGHT = 240;
const CORNER = 7;
/** Largest distance of neighbouring edges where they enter or leave a node. */
const PORT_GAP = 14;

interface Component {
  readonly nodeCount: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  readonly values: Int32Array;
  readonly valueCount: number;
  readonly widths: Float64Array;
  readonly heights: Float64Array;
  /** Room to either side of the centre lines. */
  readonly lefts: Float64Array;
  readonly rights: Float64Array;
}

/**
 * Lay out one connected part at the origin.
 * @param nodes its nodes, and `edges` its edges, numbered as in `graph`; `localNumber` is each node's index in `nodes`.
 * @param x takes the centres of its nodes, as does `y`; `routes` takes its edges' routes.
 */
export function layoutComponent(
  graph: LayoutGraph,
  nodes: Int32Array,
  edges: Int32Array,
  localNumber: Int32Array,
  options: LayoutOptions,
  x: Float64Array,
  y: Float64Array,
  routes: RouteBuilder,
): { width: number; height: number } {
  if (edges.length === 0) {
    const node = nodes[0]!;
    const left = extent(graph, graph.leftExtents, node);
    x[node] = left;
    y[node] = graph.heights[node]! / 2;
    return { width: left + extent(graph, graph.rightExtents, node), height: graph.heights[node]! };
  }
  const part = extract(graph, nodes, edges, localNumber);
  const { sources, targets } = part;
  const back = findBackEdges(part.nodeCount, sources, targets);
  const rank = assignRanks(part.nodeCount, sources, targets, part.values, back);
  const kinds = classifyEdges(rank, sources, targets, back, options.longestLayered);
  for (let edge = 0; edge < kinds.length; edge++) {
    if (kinds[edge] === EdgeKind.Loop) part.rights[sources[edge]!]! += LOOP_EXTENT;
  }
  const layered = buildLayers(rank, sources, targets, part.values, kinds);
  orderLayers(layered);
  const place = new Placement(part, kinds, layered, options);
  for (let i = 0; i < nodes.length; i++) {
    x[nodes[i]!] = place.x[i]!;
    y[nodes[i]!] = place.y[i]!;
  }
  place.route(edges, routes);
  return { width: place.width, height: place.height };
}

function extent(graph: LayoutGraph, extents: Float64Array | undefined, node: number): number {
  return Math.max(graph.widths[node]! / 2, extents?.[node] ?? 0);
}

/** The part's nodes and edges renumbered from 0; its values too, one number for each source and value. */
function extract(graph: LayoutGraph, nodes: Int32Array, edges: Int32Array, localNumber: Int32Array): Component {
  const valueNumbers = new Map<number, number>();
  const values = new Int32Array(edges.length);
  const sources = new Int32Array(edges.length);
  const targets = new Int32Array(edges.length);
  for (let i = 0; i < edges.length; i++) {
    const edge = edges[i]!;
    sources[i] = localNumber[graph.sources[edge]!]!;
    targets[i] = localNumber[graph.targets[edge]!]!;
    const key = graph.values[edge]! * graph.nodeCount + graph.sources[edge]!;
    let value = valueNumbers.get(key);
    if (value === undefined) valueNumbers.set(key, (value = valueNumbers.size));
    values[i] = value;
  }
  return {
    nodeCount: nodes.length,
    sources,
    targets,
    values,
    valueCount: valueNumbers.size,
    widths: Float64Array.from(nodes, (node) => graph.widths[node]!),
    heights: Float64Array.from(nodes, (node) => graph.heights[node]!),
    lefts: Float64Array.from(nodes, (node) => extent(graph, graph.leftExtents, node)),
    rights: Float64Array.from(nodes, (node) => extent(graph, graph.rightExtents, node)),
  };
}

/** Coordinates of a part whose layers are ordered, and the routes between them. */
class Placement {
  /** Centre lines of all nodes, virtual ones included. */
  readonly x: Float64Array;
  /** Centres of the real nodes. */
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
  /** Upper and lower end of each layer's band. */
  private readonly bandTop: Float64Array;
  private readonly bandBottom: Float64Array;
  private readonly lanes: Lanes | undefined;
  /** For each edge its number among the edges on lanes, or -1. */
  private readonly laneEdge: Int32Array;
  private readonly trackGap: Float64Array;

  constructor(
    private readonly part: Component,
    private readonly kinds: Uint8Array,
    private readonly layered: LayeredGraph,
    options: LayoutOptions,
  ) {
    const { nodeCount, layerCount, layerOf } = layered;
    const left = new Float64Array(nodeCount).fill(LINE_EXTENT);
    const right = new Float64Array(nodeCount).fill(LINE_EXTENT);
    for (let node = 0; node < part.nodeCount; node++) {
      left[node] = part.lefts[node]!;
      right[node] = part.rights[node]!;
    }
    this.x = assignCoordinates(layered, { left, right, nodeGap: options.nodeGap, lineGap: options.lineGap });

    const layerLeft = new Float64Array(layerCount).fill(Number.POSITIVE_INFINITY);
    const layerRight = new Float64Array(layerCount).fill(Number.NEGATIVE_INFINITY);
    for (let node = 0; node < nodeCount; node++) {
      const layer = layerOf[node]!;
      layerLeft[layer] = Math.min(layerLeft[layer]!, this.x[node]! - left[node]!);
      layerRight[layer] = Math.max(layerRight[layer]!, this.x[node]! + right[node]!);
    }
    const laneEdges = Int32Array.from(kinds.keys()).filter((edge) => kinds[edge] === EdgeKind.Lane);
    this.laneEdge = new Int32Array(kinds.length).fill(-1);
    for (let i = 0; i < laneEdges.length; i++) this.laneEdge[laneEdges[i]!] = i;
    this.lanes =
      laneEdges.length === 0
        ? undefined
        : assignLanes({
            layerCount,
            layerLeft,
            layerRight,
            leaveGap: laneEdges.map((edge) => layerOf[part.sources[edge]!]! + 1),
            arriveGap: laneEdges.map((edge) => layerOf[part.targets[edge]!]!),
            sourceX: Float64Array.from(laneEdges, (edge) => this.x[part.sources[edge]!]!),
            targetX: Float64Array.from(laneEdges, (edge) => this.x[part.targets[edge]!]!),
            values: laneEdges.map((edge) => part.values[edge]!),
            valueCount: part.valueCount,
          });

    this.bandTop = new Float64Array(layerCount);
    this.bandBottom = new Float64Array(layerCount);
    this.trackGap = new Float64Array(layerCount + 1);
    this.height = this.placeBands(options);
    this.y = Float64Array.from({ length: part.nodeCount }, (_, node) => {
      const layer = layerOf[node]!;
      return (this.bandTop[layer]! + this.bandBottom[layer]!) / 2;
    });

    const minX = Math.min(this.lanes?.left ?? Infinity, minOf(layerLeft));
    const maxX = Math.max(this.lanes?.right ?? -Infinity, maxOf(layerRight));
    for (let node = 0; node < nodeCount; node++) this.x[node]! -= minX;
    if (this.lanes) for (let lane = 0; lane < this.lanes.laneX.length; lane++) this.lanes.laneX[lane]! -= minX;
    this.width = maxX - minX;
  }

  /** Heights of layers and of the gaps between them. */
  private placeBands(options: LayoutOptions): number {
    const { part, kinds, layered, lanes } = this;
    const { layerCount, layerOf } = layered;
    const bandHeight = new Float64Array(layerCount);
    for (let node = 0; node < part.nodeCount; node++) {
      bandHeight[layerOf[node]!] = Math.max(bandHeight[layerOf[node]!]!, part.heights[node]!);
    }
    // Where lines go far to the side, a higher gap keeps them from running nearly level.
    const reach = new Float64Array(layerCount + 1);
    for (let s = 0; s < layered.segmentCount; s++) {
      const bottom = layered.segmentBottoms[s]!;
      const dx = Math.abs(this.x[bottom]! - this.x[layered.segmentTops[s]!]!);
      reach[layerOf[bottom]!] = Math.max(reach[layerOf[bottom]!]!, dx);
    }
    const hasLoop = kinds.includes(EdgeKind.Loop);
    let y = 0;
    for (let gap = 0; gap <= layerCount; gap++) {
      const tracks = lanes?.trackCount[gap] ?? 0;
      this.trackGap[gap] = tracks < 2 ? 0 : Math.min(TRACK_GAP, TRACKS_HEIGHT / (tracks - 1));
      const tracksHeight = this.trackGap[gap]! * Math.max(0, tracks - 1);
      if (gap > 0 && gap < layerCount) y += options.layerGap + Math.min(80, reach[gap]! * 0.06) + tracksHeight;
      else if (tracks > 0) y += options.layerGap + tracksHeight;
      else if (hasLoop) y += TRACK_TOP;
      if (gap === layerCount) break;
      this.bandTop[gap] = y;
      y += bandHeight[gap]!;
      this.bandBottom[gap] = y;
    }
    return y;
  }

  /** Route every edge; `edges` are their numbers in the whole graph. */
  route(edges: Int32Array, routes: RouteBuilder): void {
    const { part, kinds, layered, lanes } = this;
    const sourcePorts = this.sourcePorts();
    const targetPorts = this.targetPorts();
    for (let edge = 0; edge < edges.length; edge++) {
      const source = part.sources[edge]!;
      const target = part.targets[edge]!;
      const startX = sourcePorts[edge]!;
      const startY = this.y[source]! + part.heights[source]! / 2;
      const endX = targetPorts[edge]!;
      const endY = this.y[target]! - part.heights[target]! / 2;
      routes.begin(edges[edge]!, startX, startY);
      if (kinds[edge] === EdgeKind.Layered) this.routeLayered(edge, startX, endX, endY, routes);
      else if (kinds[edge] === EdgeKind.Lane) {
        const i = this.laneEdge[edge]!;
        const laneX = lanes!.laneX[lanes!.laneOf[i]!]!;
        const leaveY = this.trackY(layered.layerOf[source]! + 1, lanes!.leaveTrack[i]!);
        const arriveY = this.trackY(layered.layerOf[target]!, lanes!.arriveTrack[i]!);
        const corners: [number, number][] = [
          [startX, leaveY],
          [laneX, leaveY],
          [laneX, arriveY],
          [endX, arriveY],
          [endX, endY],
        ];
        routes.roundedTo(corners, CORNER);
      } else {
        const side = this.x[source]! + part.rights[source]! - 8;
        const reach = TRACK_TOP / 2;
        const corners: [number, number][] = [
          [startX, startY + reach],
          [side, startY + reach],
          [side, endY - reach],
          [endX, endY - reach],
          [endX, endY],
        ];
        routes.roundedTo(corners, CORNER);
      }
    }
  }

  private trackY(gap: number, track: number): number {
    const top = gap === 0 ? 0 : this.bandBottom[gap - 1]!;
    return top + TRACK_TOP + track * this.trackGap[gap]!;
  }

  /** Down through the layers: curves in the gaps, straight lines past the layers, so that no node is touched. */
  private routeLayered(edge: number, startX: number, endX: number, endY: number, routes: RouteBuilder): void {
    const { layerOf } = this.layered;
    const first = layerOf[this.part.sources[edge]!]!;
    const last = layerOf[this.part.targets[edge]!]!;
    const chain = this.layered.chainStart[edge]!;
    let x = startX;
    for (let layer = first + 1; layer <= last; layer++) {
      const nextX = layer === last ? endX : this.x[chain + layer - first - 1]!;
      if (Math.abs(nextX - x) < 0.5) continue;
      const top = this.bandBottom[layer - 1]!;
      const bottom = this.bandTop[layer]!;
      const bend = (bottom - top) / 2;
      routes.lineTo(x, top);
      routes.curveTo(x, top + bend, nextX, bottom - bend, nextX, bottom);
      x = nextX;
    }
    routes.lineTo(x, endY);
  }

  /** Where each edge leaves its source: one place for each value, ordered by where the lines go. */
  private sourcePorts(): Float64Array {
    const { part, kinds, layered, lanes } = this;
    const towards = new Float64Array(part.valueCount);
    const count = new Int32Array(part.valueCount);
    const sourceOf = new Int32Array(part.valueCount);
    for (let edge = 0; edge < kinds.length; edge++) {
      const value = part.values[edge]!;
      const source = part.sources[edge]!;
      sourceOf[value] = source;
      count[value]!++;
      if (kinds[edge] === EdgeKind.Layered) {
        const passes = layered.layerOf[part.targets[edge]!]! - layered.layerOf[source]! > 1;
        towards[value]! += this.x[passes ? layered.chainStart[edge]! : part.targets[edge]!]!;
      } else if (kinds[edge] === EdgeKind.Lane) {
        towards[value]! += lanes!.laneX[lanes!.laneOf[this.laneEdge[edge]!]!]!;
      } else towards[value]! += this.width * 2;
    }
    for (let value = 0; value < part.valueCount; value++) towards[value]! /= count[value]!;
    const byValue = this.spread(sourceOf, towards);
    return Float64Array.from(part.values, (value) => byValue[value]!);
  }

  /** Where each edge reaches its target: ordered by where the lines come from. */
  private targetPorts(): Float64Array {
    const { part, kinds, layered, lanes } = this;
    const from = new Float64Array(kinds.length);
    const far = this.width * 2 + 1;
    for (let edge = 0; edge < kinds.length; edge++) {
      const source = part.sources[edge]!;
      const target = part.targets[edge]!;
      if (kinds[edge] === EdgeKind.Layered) {
        const passed = layered.layerOf[target]! - layered.layerOf[source]! - 1;
        from[edge] = this.x[passed > 0 ? layered.chainStart[edge]! + passed - 1 : source]!;
      } else if (kinds[edge] === EdgeKind.Lane) {
        const lane = lanes!.laneOf[this.laneEdge[edge]!]!;
        from[edge] = lanes!.laneX[lane]! + (lanes!.onRight[lane] ? far : -far);
      } else from[edge] = 3 * far;
    }
    return this.spread(part.targets, from);
  }

  /** Places of lines along their nodes' sides, centred, in the order of `keys`. */
  private spread(nodeOf: Int32Array, keys: Float64Array): Float64Array {
    const places = new Float64Array(nodeOf.length);
    const groups = groupBy(nodeOf, this.part.nodeCount);
    for (let node = 0; node < this.part.nodeCount; node++) {
      const list = groups.items.subarray(groups.start[node], groups.start[node + 1]);
      const centre = this.x[node]!;
      if (list.length > 1) list.sort((a, b) => keys[a]! - keys[b]! || a - b);
      // A line that comes straight keeps straight: it takes the centre.
      const straight = list.findIndex((item) => Math.abs(keys[item]! - centre) < 0.5);
      const middle = straight >= 0 ? straight : (list.length - 1) / 2;
      const steps = Math.max(middle, list.length - 1 - middle, 1);
      const gap = Math.min(PORT_GAP, Math.max(0, this.part.widths[node]! / 2 - 10) / steps);
      for (let i = 0; i < list.length; i++) places[list[i]!] = centre + (i - middle) * gap;
    }
    return places;
  }
}

function minOf(numbers: Float64Array): number {
  let min = Number.POSITIVE_INFINITY;
  for (const n of numbers) min = Math.min(min, n);
  return min;
}

function maxOf(numbers: Float64Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const n of numbers) max = Math.max(max, n);
  return max;
}
