import type { Rectangle } from '../src/core/layout/boxes';

const MOST_SCALE = 4;

/** Maps the drawing onto the view: a point of the drawing times `scale`, plus the offset, is its place in the view. */
export class Camera {
  scale = 1;
  offsetX = 0;
  offsetY = 0;
  /** The whole drawing fits at this scale; nobody needs a smaller one. */
  leastScale = 0.01;
  /** Size of the view, CSS pixels. */
  width = 1;
  height = 1;

  /** The part of the drawing that is in view, enlarged by `margin` view pixels. */
  visible(margin = 0): Rectangle {
    return {
      x: (-margin - this.offsetX) / this.scale,
      y: (-margin - this.offsetY) / this.scale,
      width: (this.width + 2 * margin) / this.scale,
      height: (this.height + 2 * margin) / this.scale,
    };
  }

  /** The place in the drawing of a place in the view. */
  toDrawing(viewX: number, viewY: number): { x: number; y: number } {
    return { x: (viewX - this.offsetX) / this.scale, y: (viewY - this.offsetY) / this.scale };
  }

  pan(dx: number, dy: number): void {
    this.offsetX += dx;
    this.offsetY += dy;
  }

  /** Zoom by a factor, leaving the given place of the view where it is. */
  zoom(factor: number, viewX = this.width / 2, viewY = this.height / 2): void {
    const scale = clamp(this.scale * factor, this.leastScale, MOST_SCALE);
    const ratio = scale / this.scale;
    this.offsetX = viewX - (viewX - this.offsetX) * ratio;
    this.offsetY = viewY - (viewY - this.offsetY) * ratio;
    this.scale = scale;
  }

  /** Put a place of the drawing in the middle of the view. */
  centre(x: number, y: number): void {
    this.offsetX = this.width / 2 - x * this.scale;
    this.offsetY = this.height / 2 - y * this.scale;
  }

  /** Show all of an area, at most at its natural size. */
  fit(area: Rectangle, margin = 32): void {
    const across = (this.width - 2 * margin) / Math.max(1, area.width);
    const down = (this.height - 2 * margin) / Math.max(1, area.height);
    this.scale = Math.max(1e-6, Math.min(across, down, 1));
    this.leastScale = Math.min(0.1, this.scale);
    this.centre(area.x + area.width / 2, area.y + area.height / 2);
  }

  /** Move as little as needed to have an area in view, clear of the tools at the edges. */
  bringIntoView(area: Rectangle): void {
    const side = Math.min(24, this.width / 8);
    const top = Math.min(60, this.height / 4);
    const left = area.x * this.scale + this.offsetX;
    const upper = area.y * this.scale + this.offsetY;
    const right = left + area.width * this.scale;
    const lower = upper + area.height * this.scale;
    this.offsetX += Math.max(0, side - left) || Math.min(0, this.width - side - right);
    this.offsetY += Math.max(0, top - upper) || Math.min(0, this.height - side - lower);
  }

  /** Keep at least a bit of the drawing in view. */
  keepInView(area: Rectangle): void {
    const margin = Math.min(80, this.width / 3, this.height / 3);
    const minX = margin - (area.x + area.width) * this.scale;
    const maxX = this.width - margin - area.x * this.scale;
    const minY = margin - (area.y + area.height) * this.scale;
    const maxY = this.height - margin - area.y * this.scale;
    this.offsetX = clamp(this.offsetX, minX, maxX);
    this.offsetY = clamp(this.offsetY, minY, maxY);
  }
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
