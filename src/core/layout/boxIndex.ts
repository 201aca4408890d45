import type { Box, Rectangle } from './boxes';

/** Finds the boxes in an area: boxes on bands of equal height, each band from left to right. */
export class BoxIndex {
  private readonly bandHeight: number;
  private readonly bands: number[][] = [];
  private readonly seen: Int32Array;
  private stamp = 0;

  constructor(
    private readonly boxes: readonly Box[],
    private readonly x: Float64Array,
    private readonly y: Float64Array,
    height: number,
  ) {
    this.bandHeight = Math.max(120, height / 16384);
    this.seen = new Int32Array(boxes.length);
    for (let node = 0; node < boxes.length; node++) {
      const half = boxes[node]!.height / 2;
      const last = this.bandOf(y[node]! + half);
      for (let band = this.bandOf(y[node]! - half); band <= last; band++) (this.bands[band] ??= []).push(node);
    }
    for (const band of this.bands) (band as number[] | undefined)?.sort((a, b) => x[a]! - x[b]!);
  }

  private bandOf(y: number): number {
    return Math.max(0, Math.floor(y / this.bandHeight));
  }

  /** Boxes that touch the area, each once. */
  *in(area: Rectangle): Generator<number> {
    const stamp = ++this.stamp;
    const last = this.bandOf(area.y + area.height);
    for (let b = this.bandOf(area.y); b <= last && b < this.bands.length; b++) {
      const band = this.bands[b];
      if (!band) continue;
      // Boxes are cut to a width of 300 at most, so that those farther left can't reach into the area.
      for (let i = this.firstFrom(band, area.x - WIDEST); i < band.length; i++) {
        const node = band[i]!;
        if (this.x[node]! - WIDEST > area.x + area.width) break;
        if (this.seen[node] === stamp || !this.touches(node, area)) continue;
        this.seen[node] = stamp;
        yield node;
      }
    }
  }

  private touches(node: number, area: Rectangle): boolean {
    const { width, height } = this.boxes[node]!;
    return (
      Math.abs(this.x[node]! - area.x - area.width / 2) <= (width + area.width) / 2 &&
      Math.abs(this.y[node]! - area.y - area.height / 2) <= (height + area.height) / 2
    );
  }

  private firstFrom(band: readonly number[], x: number): number {
    let low = 0;
    let high = band.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.x[band[middle]!]! < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Half the width that a box can have, at most. */
const WIDEST = 150;
