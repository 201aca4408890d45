import { BoxIndex } from './boxIndex';
import {
  BADGE_HEIGHT,
  BODY_PADDING,
  CORNER_RADIUS,
  EDGE_LABEL_X,
  EDGE_LABEL_Y,
  HEADER_HEIGHT,
  isPill,
  measureGraph,
  NAME_GAP,
  outlinesOf,
  ROW_HEIGHT,
  SIDE_PADDING,
  type Box,
} from './boxes';
import type { Drawing, DrawingFinding, DrawingGraph, DrawingNode, FusionState } from './drawing';
import { layoutGraph, type GraphLayout } from './layout';
import { LINE, type Routes } from './routes';
import { FONT_SIZE, helveticaMetrics, type TextMetrics, type TextStyle } from './textMetrics';

const MARGIN = 24;

/** Colours by theme; drawings follow the reader's light or dark setting. */
const STYLE = `
svg{color-scheme:light dark;--bg:#fff;--card:#fff;--text:#1f2328;--dim:#59636e;--line:#9aa4af;--edge:#8792a0;--on:#fff;
--layer:#3b6fc4;--normalization:#7a55b8;--activation:#b4543f;--pool:#2f7f86;--arithmetic:#56657a;--shape:#8a6d2f;
--tensor:#86603f;--quantization:#a34e86;--control:#3f4854;--constant:#6b7280;--value:#6b7280;--custom:#48505c;
--fusable:#1a7f37;--blocked:#9a6700;--fused:#0969da}
@media (prefers-color-scheme:dark){svg{--bg:#1b1f24;--card:#24292f;--text:#e6edf3;--dim:#9aa4af;--line:#586170;--edge:#717c8a;
--layer:#4a7fd6;--normalization:#8b68c9;--activation:#c4634d;--pool:#3a8f96;--arithmetic:#65758b;--shape:#9a7c3d;
--tensor:#976f4d;--quantization:#b35f96;--control:#58626f;--constant:#7a8290;--value:#7a8290;--custom:#5d6673;
--fusable:#3fb950;--blocked:#d29922;--fused:#58a6ff}}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--text)}
.bg{fill:var(--bg)}.e{fill:none;stroke:var(--edge);stroke-width:1.25}.i{stroke-dasharray:4 3}.a{fill:var(--edge)}
.card{fill:var(--card);stroke:var(--line)}.t{font-size:${FONT_SIZE.title}px;font-weight:600}.h .t{fill:var(--on)}
.r{font-size:${FONT_SIZE.row}px}.n,.l{fill:var(--dim)}.l{font-size:${FONT_SIZE.edge}px}
.o{fill-opacity:.08;stroke-width:1.75}.b text{font-size:${FONT_SIZE.badge}px;font-weight:600;fill:var(--bg)}
${(['fusable', 'blocked', 'fused'] as const).map((s) => `.o.${s}{fill:var(--${s});stroke:var(--${s})}.b.${s} rect{fill:var(--${s})}`).join('')}
.blocked{stroke-dasharray:5 4}`;

const BADGES: Readonly<Record<FusionState, string>> = { fusable: 'Fuse', blocked: 'Can’t fuse', fused: 'Fused' };

/**
 * One graph of a drawing as an SVG document, laid out from top to bottom, readable on light and dark ground.
 * @param graph its index in the drawing.
 */
export function svgOf(drawing: Drawing, graph = 0): string {
  const drawn = drawing.graphs[graph]!;
  const findings = drawing.findings.filter((finding) => finding.graph === graph);
  const metrics = helveticaMetrics();
  const { boxes, layoutGraph: measured } = measureGraph(drawn, findings, metrics);
  const layout = layoutGraph(measured);
  const writer = new SvgWriter(drawn, boxes, layout, metrics);
  writer.outlines(findings);
  writer.edges();
  drawn.nodes.forEach((node, i) => (isPill(node) ? writer.pill(node, i) : writer.box(node, i)));
  writer.badges(findings);
  return writer.document();
}

class SvgWriter {
  private readonly parts: string[] = [];
  private readonly index: BoxIndex;
  private readonly outlineOf = new Map<DrawingFinding, ReturnType<typeof outlinesOf>>();

  constructor(
    private readonly graph: DrawingGraph,
    private readonly boxes: readonly Box[],
    private readonly layout: GraphLayout,
    private readonly metrics: TextMetrics,
  ) {
    this.index = new BoxIndex(boxes, layout.x, layout.y, layout.height);
  }

  document(): string {
    const width = Math.ceil(this.layout.width + 2 * MARGIN);
    const height = Math.ceil(this.layout.height + 2 * MARGIN);
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}" role="img">` +
      `<title>${escape(this.graph.title)}</title><style>${STYLE}</style>` +
      `<rect class="bg" x="${-MARGIN}" y="${-MARGIN}" width="${width}" height="${height}"/>` +
      `${this.parts.join('\n')}</svg>\n`
    );
  }

  outlines(findings: readonly DrawingFinding[]): void {
    for (const finding of findings) {
      const outlines = outlinesOf(finding, this.boxes, this.layout, (area) => this.index.in(area));
      this.outlineOf.set(finding, outlines);
      for (const { x, y, width, height } of outlines) {
        const place = `x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}"`;
        this.parts.push(`<rect class="o ${finding.state}" ${place} rx="${CORNER_RADIUS + 4}"/>`);
      }
    }
  }

  badges(findings: readonly DrawingFinding[]): void {
    for (const finding of findings) {
      const outline = this.outlineOf.get(finding)?.[0];
      if (!outline) continue;
      const text = BADGES[finding.state];
      const width = this.metrics.width(text, 'badge') + 16;
      const x = outline.x + outline.width - 8;
      const y = outline.y - BADGE_HEIGHT / 2 + 4;
      this.parts.push(
        `<g class="b ${finding.state}"><title>${escape(finding.message)}</title>` +
          `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${BADGE_HEIGHT}" rx="${BADGE_HEIGHT / 2}"/>` +
          `${this.text('', text, 'badge', x + 8, y + 14)}</g>`,
      );
    }
  }

  edges(): void {
    const implicit = new Set(this.graph.implicitEdges);
    const labelled = new Set<number>();
    const { routes } = this.layout;
    for (let edge = 0; edge < this.graph.sources.length; edge++) {
      const value = this.graph.values[this.graph.edgeValues[edge]!]!;
      this.parts.push(
        `<path class="e${implicit.has(edge) ? ' i' : ''}" d="${pathOf(routes, edge)}"><title>${escape(value.name)}</title></path>`,
      );
      const end = routes.pointStart[edge + 1]! - 1;
      const x = routes.points[2 * end]!;
      const y = routes.points[2 * end + 1]!;
      this.parts.push(`<path class="a" d="M${n(x)} ${n(y)}l-3.5-6.5h7z"/>`);
      if (value.label === '' || labelled.has(this.graph.edgeValues[edge]!)) continue;
      if (isPill(this.graph.nodes[this.graph.sources[edge]!]!)) continue;
      labelled.add(this.graph.edgeValues[edge]!);
      const start = routes.pointStart[edge]!;
      const labelX = routes.points[2 * start]! + EDGE_LABEL_X;
      this.parts.push(this.text('l', value.label, 'edge', labelX, routes.points[2 * start + 1]! + EDGE_LABEL_Y));
    }
  }

  box(node: DrawingNode, index: number): void {
    const { width, height, title, rows } = this.boxes[index]!;
    const x = this.layout.x[index]! - width / 2;
    const y = this.layout.y[index]! - height / 2;
    const r = CORNER_RADIUS;
    const colour = `var(--${node.category})`;
    const parts = [`<g class="h"><title>${escape(tooltipOf(node))}</title>`];
    if (rows.length === 0) {
      parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${width}" height="${height}" rx="${r}" fill="${colour}"/>`);
    } else {
      parts.push(
        `<rect class="card" x="${n(x)}" y="${n(y)}" width="${width}" height="${height}" rx="${r}"/>`,
        `<path fill="${colour}" d="M${n(x)} ${n(y + HEADER_HEIGHT)}v${r - HEADER_HEIGHT}q0-${r} ${r}-${r}h${width - 2 * r}` +
          `q${r} 0 ${r} ${r}v${HEADER_HEIGHT - r}z"/>`,
      );
    }
    parts.push(this.centred('t', title, 'title', this.layout.x[index]!, y + HEADER_HEIGHT / 2 + 4.5));
    rows.forEach((row, i) => {
      const baseline = y + HEADER_HEIGHT + BODY_PADDING + i * ROW_HEIGHT + 11;
      let at = x + SIDE_PADDING;
      if (row.name !== undefined) {
        parts.push(this.text('r n', row.name, 'row', at, baseline));
        at += this.metrics.width(row.name, 'row') + NAME_GAP;
      }
      parts.push(this.text('r', row.text, 'row', at, baseline));
    });
    parts.push('</g>');
    this.parts.push(parts.join(''));
  }

  pill(node: DrawingNode, index: number): void {
    const { width, height, title, rows } = this.boxes[index]!;
    const x = this.layout.x[index]!;
    const y = this.layout.y[index]!;
    const place = `x="${n(x - width / 2)}" y="${n(y - height / 2)}" width="${width}" height="${height}"`;
    this.parts.push(
      `<g><title>${escape(tooltipOf(node))}</title><rect class="card" ${place} rx="${height / 2}"/>` +
        this.centred('t', title, 'title', x, rows.length === 0 ? y + 4.5 : y - 2.5) +
        (rows[0] ? this.centred('r n', rows[0].text, 'row', x, y + 12.5) : '') +
        '</g>',
    );
  }

  private centred(classes: string, text: string, style: TextStyle, x: number, y: number): string {
    return this.text(classes, text, style, x - this.metrics.width(text, style) / 2, y);
  }

  /** `textLength` makes every font as wide as was measured. */
  private text(classes: string, text: string, style: TextStyle, x: number, y: number): string {
    if (text === '') return '';
    const width = this.metrics.width(text, style);
    const attribute = classes === '' ? '' : ` class="${classes}"`;
    return `<text${attribute} x="${n(x)}" y="${n(y)}" textLength="${n(width)}" lengthAdjust="spacingAndGlyphs">${escape(text)}</text>`;
  }
}

function pathOf(routes: Routes, edge: number): string {
  const { points, verbs } = routes;
  let point = 2 * routes.pointStart[edge]!;
  let path = `M${n(points[point]!)} ${n(points[point + 1]!)}`;
  point += 2;
  for (let v = routes.verbStart[edge]!; v < routes.verbStart[edge + 1]!; v++) {
    const count = verbs[v] === LINE ? 2 : 6;
    path += verbs[v] === LINE ? 'L' : 'C';
    for (let i = 0; i < count; i++) path += `${i === 0 ? '' : ' '}${n(points[point++]!)}`;
  }
  return path;
}

function tooltipOf(node: DrawingNode): string {
  const lines = [node.domain ? `${node.domain}.${node.label}` : node.label];
  if (node.name) lines.push(node.name);
  for (const [name, value] of node.attributes) lines.push(`${name} = ${value}`);
  return lines.join('\n');
}

/** A number with one decimal at most. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for XML: entities escaped, and characters that XML has none of replaced. */
function escape(text: string): string {
  return text
    .replace(/[&<>"]/g, (char) => ENTITIES[char]!)

    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
}
