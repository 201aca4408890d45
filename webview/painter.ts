import {
  BODY_PADDING,
  CORNER_RADIUS,
  EDGE_LABEL_X,
  EDGE_LABEL_Y,
  HEADER_HEIGHT,
  isPill,
  NAME_GAP,
  ROW_HEIGHT,
  SIDE_PADDING,
  touches,
  type Rectangle,
} from '../src/core/layout/boxes';
import { LINE } from '../src/core/layout/routes';
import type { TextMetrics } from '../src/core/layout/textMetrics';
import type { Camera } from './camera';
import type { Mark, Scene } from './scene';
import { withAlpha, type Theme } from './theme';

/** Below these scales a detail is too small to read and is left out. */
const TEXT_SCALE = 0.42;
const EDGE_LABEL_SCALE = 0.55;
const BADGE_SCALE = 0.34;
const ARROW_SCALE = 0.25;
const SHAPE_SCALE = 0.14;
/** Edges shorter than this on the screen are left out when boxes are mere dots, pixels. */
const SHORTEST_EDGE = 4;

export interface Highlights {
  readonly selected: number | undefined;
  readonly hovered: number | undefined;
  readonly matches: ReadonlySet<number>;
}

/** Draws what is in view, with the details that can be seen at its scale. */
export class Painter {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly theme: Theme,
    private readonly metrics: TextMetrics,
  ) {}

  /** @param ratio device pixels for one CSS pixel. */
  paint(scene: Scene, camera: Camera, ratio: number, highlights: Highlights): void {
    const { context, theme } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    const scale = camera.scale * ratio;
    context.setTransform(scale, 0, 0, scale, camera.offsetX * ratio, camera.offsetY * ratio);
    const area = camera.visible(16);
    const nodes = [...scene.boxIndex.in(area)];
    const marks = scene.marks.filter((mark) => mark.outlines.some((outline) => touches(outline, area)));
    this.outlines(marks, camera.scale);
    this.edges(scene, camera.scale, area, highlights.selected);
    if (camera.scale < SHAPE_SCALE) this.dots(scene, nodes, camera);
    else for (const node of nodes) this.node(scene, node, camera.scale);
    this.rings(scene, nodes, camera.scale, highlights);
    this.badges(marks, camera.scale);
  }

  private outlines(marks: readonly Mark[], scale: number): void {
    const { context, theme } = this;
    for (const { finding, outlines } of marks) {
      const colour = theme.mark[finding.state];
      context.lineWidth = Math.max(1.75, 2 / scale);
      context.strokeStyle = colour;
      context.fillStyle = withAlpha(colour, theme.highContrast ? 0 : 0.1);
      context.setLineDash(finding.state === 'blocked' && scale >= SHAPE_SCALE ? [6, 4] : []);
      for (const { x, y, width, height } of outlines) {
        context.beginPath();
        context.roundRect(x, y, width, height, CORNER_RADIUS + 4);
        context.fill();
        context.stroke();
      }
    }
    context.setLineDash([]);
  }

  private edges(scene: Scene, scale: number, area: Rectangle, selected: number | undefined): void {
    const { context, theme } = this;
    const { graph, edgeIndex } = scene;
    const far = scale < SHAPE_SCALE;
    const plain = new Path2D();
    const dashed = new Path2D();
    const chosen = new Path2D();
    const implicit = new Set(graph.implicitEdges);
    const arrows = new Path2D();
    const chosenArrows = new Path2D();
    const labels: number[] = [];
    edgeIndex.visit(area, (edge) => {
      const isChosen = selected !== undefined && (graph.sources[edge] === selected || graph.targets[edge] === selected);
      if (far && !isChosen) {
        const extent = Math.max(
          edgeIndex.maxX[edge]! - edgeIndex.minX[edge]!,
          edgeIndex.maxY[edge]! - edgeIndex.minY[edge]!,
        );
        if (extent * scale < SHORTEST_EDGE) return;
      }
      trace(isChosen ? chosen : implicit.has(edge) ? dashed : plain, scene, edge, area, far);
      if (scale >= ARROW_SCALE) arrowHead(isChosen ? chosenArrows : arrows, scene, edge);
      if (scale >= EDGE_LABEL_SCALE) labels.push(edge);
    });
    context.lineWidth = Math.max(1.25, Math.min(2, 0.75 / scale), far ? 0.6 / scale : 0);
    context.strokeStyle = theme.edge;
    context.stroke(plain);
    context.setLineDash([4, 3]);
    context.stroke(dashed);
    context.setLineDash([]);
    context.fillStyle = theme.edge;
    context.fill(arrows);
    context.lineWidth = Math.max(2.25, 1.5 / scale);
    context.strokeStyle = theme.accent;
    context.stroke(chosen);
    context.fillStyle = theme.accent;
    context.fill(chosenArrows);
    this.edgeLabels(scene, labels);
  }

  private edgeLabels(scene: Scene, edges: readonly number[]): void {
    const { context, theme } = this;
    const { graph, layout } = scene;
    context.font = theme.font.edge;
    context.textAlign = 'left';
    context.textBaseline = 'alphabetic';
    context.lineJoin = 'round';
    context.lineWidth = 3;
    context.strokeStyle = theme.background;
    context.fillStyle = theme.dimText;
    for (const edge of edges) {
      const value = graph.edgeValues[edge]!;
      const { label } = graph.values[value]!;
      if (label === '' || scene.labelEdge[value] !== edge || isPill(graph.nodes[graph.sources[edge]!]!)) continue;
      const start = layout.routes.pointStart[edge]!;
      const x = layout.routes.points[2 * start]! + EDGE_LABEL_X;
      const y = layout.routes.points[2 * start + 1]! + EDGE_LABEL_Y;
      context.strokeText(label, x, y);
      context.fillText(label, x, y);
    }
  }

  /** Boxes as plain rectangles, one path for each colour; what falls on the same pixels is drawn once. */
  private dots(scene: Scene, nodes: readonly number[], camera: Camera): void {
    const { context, theme } = this;
    const { graph, layout, boxes } = scene;
    const least = 1.5 / camera.scale;
    const cell = 1 / camera.scale;
    const drawn = new Set<number>();
    const paths = new Map<string, Path2D>();
    for (const node of nodes) {
      const x = layout.x[node]!;
      const y = layout.y[node]!;
      const box = boxes[node]!;
      if (box.height < cell) {
        const key = Math.floor(y / cell) * 8192 + Math.floor(x / cell);
        if (drawn.has(key)) continue;
        drawn.add(key);
      }
      const { category } = graph.nodes[node]!;
      const colour = category === 'value' || theme.highContrast ? theme.dimText : theme.header[category];
      let path = paths.get(colour);
      if (!path) paths.set(colour, (path = new Path2D()));
      const width = Math.max(box.width, least);
      const height = Math.max(box.height, least);
      path.rect(x - width / 2, y - height / 2, width, height);
    }
    for (const [colour, path] of paths) {
      context.fillStyle = colour;
      context.fill(path);
    }
  }

  private node(scene: Scene, number: number, scale: number): void {
    const node = scene.graph.nodes[number]!;
    if (isPill(node)) this.pill(scene, number, scale);
    else this.box(scene, number, scale);
  }

  private box(scene: Scene, number: number, scale: number): void {
    const { context, theme } = this;
    const { category, graphs } = scene.graph.nodes[number]!;
    const { title, rows } = scene.boxes[number]!;
    const { x, y, width, height } = scene.boxOf(number);
    const hasBody = rows.length > 0;
    context.beginPath();
    context.roundRect(x, y, width, height, CORNER_RADIUS);
    context.fillStyle = hasBody ? theme.card : theme.header[category];
    context.fill();
    if (hasBody) {
      context.beginPath();
      context.roundRect(x, y, width, HEADER_HEIGHT, [CORNER_RADIUS, CORNER_RADIUS, 0, 0]);
      context.fillStyle = theme.header[category];
      context.fill();
    }
    if (hasBody || theme.highContrast) {
      context.beginPath();
      context.roundRect(x, y, width, height, CORNER_RADIUS);
      context.lineWidth = 1;
      context.strokeStyle = theme.cardBorder;
      context.stroke();
      if (theme.highContrast && hasBody) context.strokeRect(x, y + HEADER_HEIGHT, width, 0);
    }
    if (graphs) {
      // A folded corner: there is a graph inside.
      context.beginPath();
      context.moveTo(x + width - 12, y + 4);
      context.lineTo(x + width - 4, y + 4);
      context.lineTo(x + width - 4, y + 12);
      context.closePath();
      context.fillStyle = theme.onHeader[category];
      context.fill();
    }
    if (scale < TEXT_SCALE) return;
    context.textBaseline = 'alphabetic';
    context.textAlign = 'center';
    context.font = theme.font.title;
    context.fillStyle = theme.onHeader[category];
    context.fillText(title, x + width / 2, y + HEADER_HEIGHT / 2 + 4.5);
    context.textAlign = 'left';
    context.font = theme.font.row;
    rows.forEach((row, i) => {
      const baseline = y + HEADER_HEIGHT + BODY_PADDING + i * ROW_HEIGHT + 11;
      let at = x + SIDE_PADDING;
      if (row.name !== undefined) {
        context.fillStyle = theme.dimText;
        context.fillText(row.name, at, baseline);
        at += this.metrics.width(row.name, 'row') + NAME_GAP;
      }
      context.fillStyle = theme.text;
      context.fillText(row.text, at, baseline);
    });
  }

  private pill(scene: Scene, number: number, scale: number): void {
    const { context, theme } = this;
    const { kind } = scene.graph.nodes[number]!;
    const { title, rows } = scene.boxes[number]!;
    const { x, y, width, height } = scene.boxOf(number);
    context.beginPath();
    context.roundRect(x, y, width, height, height / 2);
    context.fillStyle = theme.card;
    context.fill();
    context.lineWidth = 1.25;
    context.strokeStyle = kind === 'undefined' ? theme.mark.blocked : theme.dimText;
    context.setLineDash(kind === 'captured' || kind === 'undefined' ? [4, 3] : []);
    context.stroke();
    context.setLineDash([]);
    if (scale < TEXT_SCALE) return;
    context.textAlign = 'center';
    context.textBaseline = 'alphabetic';
    context.font = theme.font.title;
    context.fillStyle = theme.text;
    context.fillText(title, x + width / 2, y + height / 2 + (rows.length === 0 ? 4.5 : -2.5));
    if (!rows[0]) return;
    context.font = theme.font.row;
    context.fillStyle = theme.dimText;
    context.fillText(rows[0].text, x + width / 2, y + height / 2 + 12.5);
  }

  /** Rings around matches of the search, the node under the pointer, and the selected one. */
  private rings(scene: Scene, nodes: readonly number[], scale: number, highlights: Highlights): void {
    const { context, theme } = this;
    const ring = (node: number, colour: string, width: number): void => {
      const { x, y, width: w, height: h } = scene.boxOf(node);
      const gap = 3 + width / 2;
      context.beginPath();
      context.roundRect(x - gap, y - gap, w + 2 * gap, h + 2 * gap, CORNER_RADIUS + gap);
      context.lineWidth = Math.max(width, width / scale);
      context.strokeStyle = colour;
      context.stroke();
    };
    if (highlights.matches.size > 0) {
      for (const node of nodes) if (highlights.matches.has(node)) ring(node, theme.match, 2);
    }
    const { hovered, selected } = highlights;
    if (hovered !== undefined && hovered !== selected && scale >= SHAPE_SCALE) {
      ring(hovered, withAlpha(theme.accent, 0.55), 1.5);
    }
    if (selected !== undefined) ring(selected, theme.accent, 2.5);
  }

  private badges(marks: readonly Mark[], scale: number): void {
    const { context, theme } = this;
    if (scale < BADGE_SCALE) return;
    context.font = theme.font.badge;
    context.textAlign = 'center';
    context.textBaseline = 'alphabetic';
    for (const { finding, badge, text, measurement, outlines } of marks) {
      if (outlines.length === 0) continue;
      // A pair that gains nothing here shouldn't look like an invitation.
      const worthwhile = measurement?.kind !== 'measured' || measurement.speedup >= 1.05;
      const { x, y, width, height } = badge;
      context.beginPath();
      context.roundRect(x, y, width, height, height / 2);
      context.fillStyle = worthwhile ? theme.mark[finding.state] : theme.dimText;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = theme.background;
      context.stroke();
      context.fillStyle = worthwhile ? theme.onMark[finding.state] : theme.background;
      context.fillText(text, x + width / 2, y + height / 2 + 4);
    }
  }
}

/** Add the parts of an edge that are in the area to a path. */
function trace(path: Path2D, scene: Scene, edge: number, area: Rectangle, straight: boolean): void {
  const { routes } = scene.layout;
  const { points, verbs } = routes;
  const left = area.x;
  const right = area.x + area.width;
  const top = area.y;
  const bottom = area.y + area.height;
  let p = 2 * routes.pointStart[edge]!;
  let x = points[p]!;
  let y = points[p + 1]!;
  let connected = false;
  p += 2;
  for (let v = routes.verbStart[edge]!; v < routes.verbStart[edge + 1]!; v++) {
    const isLine = verbs[v] === LINE;
    const end = isLine ? p : p + 4;
    const nextX = points[end]!;
    const nextY = points[end + 1]!;
    // A curve lies between its ends here: its control points are level with one or the other.
    const outside =
      (x < left && nextX < left) ||
      (x > right && nextX > right) ||
      (y < top && nextY < top) ||
      (y > bottom && nextY > bottom);
    if (outside) connected = false;
    else {
      if (!connected) path.moveTo(x, y);
      connected = true;
      if (isLine || straight) path.lineTo(nextX, nextY);
      else path.bezierCurveTo(points[p]!, points[p + 1]!, points[p + 2]!, points[p + 3]!, nextX, nextY);
    }
    x = nextX;
    y = nextY;
    p = end + 2;
  }
}

function arrowHead(path: Path2D, scene: Scene, edge: number): void {
  const { points, pointStart } = scene.layout.routes;
  const end = 2 * (pointStart[edge + 1]! - 1);
  const x = points[end]!;
  const y = points[end + 1]!;
  path.moveTo(x, y);
  path.lineTo(x - 3.5, y - 7);
  path.lineTo(x + 3.5, y - 7);
  path.closePath();
}
