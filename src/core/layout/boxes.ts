import type { DrawingFinding, DrawingGraph, DrawingNode } from './drawing';
import type { LayoutGraph } from './graph';
import type { GraphLayout } from './layout';
import type { Row } from './nodeText';
import type { TextMetrics } from './textMetrics';

/** Measures of a box, pixels at scale 1. */
export const HEADER_HEIGHT = 26;
export const ROW_HEIGHT = 15;
export const BODY_PADDING = 6;
export const SIDE_PADDING = 12;
export const CORNER_RADIUS = 6;
/** Between a row's name and its text. */
export const NAME_GAP = 6;
const PILL_HEIGHT = 28;
const PILL_WITH_TYPE_HEIGHT = 42;
const LEAST_WIDTH = 64;
const MOST_TEXT = 240;

/** An outline around a pair's boxes stays this far away. */
export const OUTLINE_PADDING = 9;
export const BADGE_HEIGHT = 20;
/** A pair's badge hangs over its outline's upper right corner; it has this much room to the right of the outline. */
export const BADGE_ROOM = 72;
/** A value's shape is written to the right of the line, below the box. */
export const EDGE_LABEL_X = 7;
export const EDGE_LABEL_Y = 13;

/** A node's box: its size, and its texts cut to fit. */
export interface Box {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface MeasuredGraph {
  readonly boxes: readonly Box[];
  readonly layoutGraph: LayoutGraph;
}

export function isPill(node: DrawingNode): boolean {
  return node.kind !== 'operator';
}

/** Boxes of a graph's nodes, and the graph as the layout takes it. */
export function measureGraph(
  graph: DrawingGraph,
  findings: readonly DrawingFinding[],
  metrics: TextMetrics,
): MeasuredGraph {
  const count = graph.nodes.length;
  const boxes = graph.nodes.map((node) => measureNode(node, metrics));
  const widths = Float64Array.from(boxes, (box) => box.width);
  const heights = Float64Array.from(boxes, (box) => box.height);
  const leftExtents = new Float64Array(count);
  const rightExtents = new Float64Array(count);
  for (let edge = 0; edge < graph.sources.length; edge++) {
    const { label } = graph.values[graph.edgeValues[edge]!]!;
    if (label === '' || isPill(graph.nodes[graph.sources[edge]!]!)) continue;
    const source = graph.sources[edge]!;
    rightExtents[source] = Math.max(rightExtents[source]!, EDGE_LABEL_X + metrics.width(label, 'edge'));
  }
  // All boxes of a pair keep the room of its outline free, so that nothing else comes into it.
  for (const finding of findings) {
    let room = 0;
    for (const node of finding.nodes) room = Math.max(room, widths[node]! / 2 + OUTLINE_PADDING);
    for (const [i, node] of finding.nodes.entries()) {
      leftExtents[node] = Math.max(leftExtents[node]!, room);
      rightExtents[node] = Math.max(rightExtents[node]!, i === 0 ? room + BADGE_ROOM : room);
    }
  }
  return {
    boxes,
    layoutGraph: {
      nodeCount: count,
      widths,
      heights,
      leftExtents,
      rightExtents,
      edgeCount: graph.sources.length,
      sources: Int32Array.from(graph.sources),
      targets: Int32Array.from(graph.targets),
      values: Int32Array.from(graph.edgeValues),
    },
  };
}

function measureNode(node: DrawingNode, metrics: TextMetrics): Box {
  const title = metrics.cut(node.label, 'title', MOST_TEXT);
  let width = metrics.width(title, 'title');
  const rows = node.rows.map((row) => {
    const name = row.name === undefined ? undefined : metrics.cut(row.name, 'row', MOST_TEXT / 2);
    const nameWidth = name === undefined ? 0 : metrics.width(name, 'row') + NAME_GAP;
    const text = metrics.cut(row.text, 'row', MOST_TEXT - nameWidth);
    width = Math.max(width, nameWidth + metrics.width(text, 'row'));
    return { name, text };
  });
  // Whole even pixels keep lines at the centre sharp.
  const outer = 2 * Math.ceil(Math.max(LEAST_WIDTH, width + 2 * SIDE_PADDING) / 2);
  const height = isPill(node)
    ? rows.length === 0
      ? PILL_HEIGHT
      : PILL_WITH_TYPE_HEIGHT
    : HEADER_HEIGHT + (rows.length === 0 ? 0 : 2 * BODY_PADDING + rows.length * ROW_HEIGHT);
  return { width: outer, height, title, rows };
}

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Do two areas have a point in common? */
export function touches(a: Rectangle, b: Rectangle): boolean {
  return a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;
}

/**
 * Outlines around a finding's boxes: one around all where no other box lies in it, else one around each.
 * The first holds the topmost box.
 */
export function outlinesOf(
  finding: DrawingFinding,
  boxes: readonly Box[],
  layout: Pick<GraphLayout, 'x' | 'y'>,
  boxesIn: (area: Rectangle) => Iterable<number>,
): Rectangle[] {
  const around = (nodes: readonly number[]): Rectangle => {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const node of nodes) {
      const { width, height } = boxes[node]!;
      left = Math.min(left, layout.x[node]! - width / 2 - OUTLINE_PADDING);
      right = Math.max(right, layout.x[node]! + width / 2 + OUTLINE_PADDING);
      top = Math.min(top, layout.y[node]! - height / 2 - OUTLINE_PADDING);
      bottom = Math.max(bottom, layout.y[node]! + height / 2 + OUTLINE_PADDING);
    }
    return { x: left, y: top, width: right - left, height: bottom - top };
  };
  const own = [...finding.nodes].sort((a, b) => layout.y[a]! - layout.y[b]!);
  if (own.length === 0) return [];
  const all = around(own);
  const inside = new Set(own);
  for (const node of boxesIn(all)) if (!inside.has(node)) return own.map((node) => around([node]));
  return [all];
}
