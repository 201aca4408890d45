/** The course of every edge, from its source's lower side to its target's upper side. */
export interface Routes {
  /** Verbs of edge `e`: `verbs[verbStart[e] … verbStart[e + 1] - 1]`. */
  readonly verbStart: Int32Array;
  /** Points of edge `e`: from `points[2 * pointStart[e]]`; the first is where it starts. */
  readonly pointStart: Int32Array;
  readonly verbs: Uint8Array;
  /** x and y, alternating. */
  readonly points: Float32Array;
}

/** A straight line to one more point. */
export const LINE = 0;
/** A cubic Bézier curve: two control points and the end. */
export const CURVE = 1;

/** Distance of a circular arc's control points from its ends, for radius 1 and a quarter circle. */
const QUARTER = 0.5523;

/** Collects routes edge by edge in any order. */
export class RouteBuilder {
  private verbs = new Uint8Array(1024);
  private points = new Float32Array(4096);
  private verbCount = 0;
  private pointCount = 0;
  private readonly firstVerb: Int32Array;
  private readonly endVerb: Int32Array;
  private readonly firstPoint: Int32Array;
  private readonly endPoint: Int32Array;
  private edge = -1;
  private x = 0;
  private y = 0;

  constructor(private readonly edgeCount: number) {
    this.firstVerb = new Int32Array(edgeCount);
    this.endVerb = new Int32Array(edgeCount);
    this.firstPoint = new Int32Array(edgeCount);
    this.endPoint = new Int32Array(edgeCount);
  }

  /** Start the route of an edge. */
  begin(edge: number, x: number, y: number): void {
    this.edge = edge;
    this.firstVerb[edge] = this.verbCount;
    this.firstPoint[edge] = this.pointCount;
    this.endVerb[edge] = this.verbCount;
    this.push(x, y);
  }

  lineTo(x: number, y: number): void {
    if (x === this.x && y === this.y) return;
    this.verb(LINE);
    this.push(x, y);
  }

  curveTo(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void {
    this.verb(CURVE);
    this.push(x1, y1);
    this.push(x2, y2);
    this.push(x, y);
  }

  /** Lines with rounded corners through points that differ from each other in x or in y only. */
  roundedTo(points: readonly (readonly [number, number])[], radius: number): void {
    for (let i = 0; i < points.length; i++) {
      const [x, y] = points[i]!;
      const next = points[i + 1];
      const inLength = Math.abs(x - this.x) + Math.abs(y - this.y);
      const outLength = next ? Math.abs(next[0] - x) + Math.abs(next[1] - y) : 0;
      const r = Math.min(radius, inLength / 2, outLength / 2);
      if (!next || r < 0.5) {
        this.lineTo(x, y);
        continue;
      }
      const inX = Math.sign(x - this.x);
      const inY = Math.sign(y - this.y);
      const outX = Math.sign(next[0] - x);
      const outY = Math.sign(next[1] - y);
      this.lineTo(x - inX * r, y - inY * r);
      const k = r * (1 - QUARTER);
      this.curveTo(x - inX * k, y - inY * k, x + outX * k, y + outY * k, x + outX * r, y + outY * r);
    }
  }

  /** Move the routes of some edges. */
  translate(edges: Int32Array, dx: number, dy: number): void {
    for (const edge of edges) {
      for (let p = this.firstPoint[edge]!; p < this.endPoint[edge]!; p++) {
        this.points[2 * p]! += dx;
        this.points[2 * p + 1]! += dy;
      }
    }
  }

  /** All routes, in the order of the edges. */
  build(): Routes {
    const verbStart = new Int32Array(this.edgeCount + 1);
    const pointStart = new Int32Array(this.edgeCount + 1);
    const verbs = new Uint8Array(this.verbCount);
    const points = new Float32Array(2 * this.pointCount);
    for (let edge = 0; edge < this.edgeCount; edge++) {
      verbs.set(this.verbs.subarray(this.firstVerb[edge], this.endVerb[edge]), verbStart[edge]);
      points.set(this.points.subarray(2 * this.firstPoint[edge]!, 2 * this.endPoint[edge]!), 2 * pointStart[edge]!);
      verbStart[edge + 1] = verbStart[edge]! + this.endVerb[edge]! - this.firstVerb[edge]!;
      pointStart[edge + 1] = pointStart[edge]! + this.endPoint[edge]! - this.firstPoint[edge]!;
    }
    return { verbStart, pointStart, verbs, points };
  }

  private verb(verb: number): void {
    if (this.verbCount === this.verbs.length) {
      const grown = new Uint8Array(2 * this.verbs.length);
      grown.set(this.verbs);
      this.verbs = grown;
    }
    this.verbs[this.verbCount++] = verb;
    this.endVerb[this.edge] = this.verbCount;
  }

  private push(x: number, y: number): void {
    if (2 * this.pointCount + 2 > this.points.length) {
      const grown = new Float32Array(2 * this.points.length);
      grown.set(this.points);
      this.points = grown;
    }
    this.points[2 * this.pointCount] = x;
    this.points[2 * this.pointCount + 1] = y;
    this.pointCount++;
    this.endPoint[this.edge] = this.pointCount;
    this.x = x;
    this.y = y;
  }
}
