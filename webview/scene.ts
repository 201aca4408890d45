import { BoxIndex } from '../src/core/layout/boxIndex';
import { BADGE_HEIGHT, outlinesOf, type Box, type Rectangle } from '../src/core/layout/boxes';
import type { DrawingFinding, DrawingGraph } from '../src/core/layout/drawing';
import type { GraphLayout } from '../src/core/layout/layout';
import type { TextMetrics } from '../src/core/layout/textMetrics';
import type { MeasurementOfFinding, MeasurementsByFinding } from '../src/protocol';
import { EdgeIndex } from './edgeIndex';

/** A finding as it is drawn. */
export interface Mark {
  readonly finding: DrawingFinding;
  readonly outlines: readonly Rectangle[];
  readonly badge: Rectangle;
  readonly text: string;
  readonly measurement: MeasurementOfFinding | undefined;
}

/** A laid-out graph, ready to draw and to ask what is where. */
export class Scene {
  readonly boxIndex: BoxIndex;
  readonly edgeIndex: EdgeIndex;
  marks: readonly Mark[] = [];
  /** For each value the first edge that carries it, or -1: there its label is written. */
  readonly labelEdge: Int32Array;
  readonly bounds: Rectangle;
  private readonly numberOf: ReadonlyMap<string, number>;

  constructor(
    readonly graph: DrawingGraph,
    readonly findings: readonly DrawingFinding[],
    readonly boxes: readonly Box[],
    readonly layout: GraphLayout,
    private readonly metrics: TextMetrics,
  ) {
    this.boxIndex = new BoxIndex(boxes, layout.x, layout.y, layout.height);
    this.edgeIndex = new EdgeIndex(layout.routes, layout.height);
    this.bounds = { x: 0, y: 0, width: layout.width, height: layout.height };
    this.labelEdge = new Int32Array(graph.values.length).fill(-1);
    for (let edge = graph.edgeValues.length - 1; edge >= 0; edge--) this.labelEdge[graph.edgeValues[edge]!] = edge;
    this.numberOf = new Map(graph.nodes.map((node, i) => [node.id, i]));
  }

  /** The number of the node with this id. */
  find(id: string): number | undefined {
    return this.numberOf.get(id);
  }

  /** Put the findings' outlines and badges in place. */
  mark(measurements: MeasurementsByFinding): void {
    const before = new Map(this.marks.map((mark) => [mark.finding, mark.outlines]));
    this.marks = this.findings.map((finding) => {
      const outlines =
        before.get(finding) ?? outlinesOf(finding, this.boxes, this.layout, (area) => this.boxIndex.in(area));
      const measurement = measurements[finding.id];
      const text = badgeText(finding, measurement);
      const first = outlines[0] ?? { x: 0, y: 0, width: 0, height: 0 };
      const badge = {
        x: first.x + first.width - 8,
        y: first.y - BADGE_HEIGHT / 2 + 4,
        width: this.metrics.width(text, 'badge') + 16,
        height: BADGE_HEIGHT,
      };
      return { finding, outlines, badge, text, measurement };
    });
  }

  /** The node at a place of the drawing. */
  nodeAt(x: number, y: number): number | undefined {
    for (const node of this.boxIndex.in({ x, y, width: 0, height: 0 })) return node;
    return undefined;
  }

  /** The finding whose badge is at a place of the drawing. */
  badgeAt(x: number, y: number): Mark | undefined {
    return this.marks.find(
      ({ badge, outlines }) =>
        outlines.length > 0 &&
        x >= badge.x &&
        x <= badge.x + badge.width &&
        y >= badge.y &&
        y <= badge.y + badge.height,
    );
  }

  /** The finding that a node belongs to. */
  markOf(node: number): Mark | undefined {
    return this.marks.find(({ finding }) => finding.nodes.includes(node));
  }

  boxOf(node: number): Rectangle {
    const { width, height } = this.boxes[node]!;
    return { x: this.layout.x[node]! - width / 2, y: this.layout.y[node]! - height / 2, width, height };
  }
}

/** `2.1×`; two digits where that says more. */
export function speedupText(speedup: number): string {
  return `${speedup >= 10 ? Math.round(speedup) : speedup.toFixed(1)}×`;
}

function badgeText({ state }: DrawingFinding, measurement: MeasurementOfFinding | undefined): string {
  if (state === 'fused') return 'Fused';
  if (state === 'blocked') return 'Can’t fuse';
  if (measurement?.kind === 'running') return 'Measuring…';
  return measurement?.kind === 'measured' ? `Fuse: ${speedupText(measurement.speedup)}` : 'Fuse';
}
