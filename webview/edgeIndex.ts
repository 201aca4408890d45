import type { Rectangle } from '../src/core/layout/boxes';
import type { Routes } from '../src/core/layout/routes';

/** Edges that pass more bands than this are looked through one by one: there are few of them. */
const LONG = 6;

/** Finds the edges whose bounds touch an area: on bands of equal height. */
export class EdgeIndex {
  readonly minX: Float32Array;
  readonly minY: Float32Array;
  readonly maxX: Float32Array;
  readonly maxY: Float32Array;
  private readonly bandHeight: number;
  private readonly bands: number[][] = [];
  private readonly long: number[] = [];
  private readonly seen: Int32Array;
  private stamp = 0;

  constructor(routes: Routes, height: number) {
    const count = routes.pointStart.length - 1;
    this.minX = new Float32Array(count);
    this.minY = new Float32Array(count);
    this.maxX = new Float32Array(count);
    this.maxY = new Float32Array(count);
    this.seen = new Int32Array(count);
    this.bandHeight = Math.max(256, height / 8192);
    for (let edge = 0; edge < count; edge++) {
      let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
      for (let p = routes.pointStart[edge]!; p < routes.pointStart[edge + 1]!; p++) {
        const x = routes.points[2 * p]!;
        const y = routes.points[2 * p + 1]!;
        minX = Math.min(minX, x);
        maxX = Math.max(maxX, x);
        minY = Math.min(minY, y);
        maxY = Math.max(maxY, y);
      }
      this.minX[edge] = minX;
      this.minY[edge] = minY;
      this.maxX[edge] = maxX;
      this.maxY[edge] = maxY;
      const first = Math.max(0, Math.floor(minY / this.bandHeight));
      const last = Math.max(0, Math.floor(maxY / this.bandHeight));
      if (last - first > LONG) this.long.push(edge);
      else for (let band = first; band <= last; band++) (this.bands[band] ??= []).push(edge);
    }
  }

  /** Call `visit` for each edge that may touch the area, once. */
  visit(area: Rectangle, visit: (edge: number) => void): void {
    const stamp = ++this.stamp;
    const right = area.x + area.width;
    const bottom = area.y + area.height;
    const consider = (edge: number): void => {
      if (this.seen[edge] === stamp) return;
      this.seen[edge] = stamp;
      if (this.maxX[edge]! < area.x || this.minX[edge]! > right) return;
      if (this.maxY[edge]! < area.y || this.minY[edge]! > bottom) return;
      visit(edge);
    };
    this.long.forEach(consider);
    const last = Math.min(this.bands.length - 1, Math.floor(bottom / this.bandHeight));
    for (let band = Math.max(0, Math.floor(area.y / this.bandHeight)); band <= last; band++) {
      this.bands[band]?.forEach(consider);
    }
  }
}
