import type { Camera } from './camera';
import { clamp } from './camera';
import { element } from './dom';
import type { Scene } from './scene';
import { withAlpha, type Theme } from './theme';

const WIDTH = 120;
const LEAST_HEIGHT = 48;
/** Drawings narrower than this many times their height are stretched: the map then works like a scroll bar. */
const NARROWEST = 0.28;

/** The whole graph in a corner, with what is in view framed; shown when the view doesn't hold all. */
export class Minimap {
  readonly element = element('canvas', { class: 'minimap', 'aria-hidden': 'true', hidden: '' });
  private picture: HTMLCanvasElement | undefined;
  private scaleX = 1;
  private scaleY = 1;
  private width = WIDTH;
  private height = LEAST_HEIGHT;

  /** @param onMove asks for a place of the drawing to be the middle of the view. */
  constructor(onMove: (x: number, y: number) => void) {
    const move = (event: PointerEvent): void => {
      const bounds = this.element.getBoundingClientRect();
      onMove((event.clientX - bounds.left) / this.scaleX, (event.clientY - bounds.top) / this.scaleY);
    };
    this.element.addEventListener('pointerdown', (event) => {
      this.element.setPointerCapture(event.pointerId);
      move(event);
    });
    this.element.addEventListener('pointermove', (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) move(event);
    });
  }

  /** The scene, the theme or the size of the view changed: draw the map anew. */
  render(scene: Scene, theme: Theme, ratio: number, camera: Camera): void {
    const { bounds, graph, layout, boxes } = scene;
    const aspect = clamp(bounds.width / Math.max(1, bounds.height), NARROWEST, 3);
    const mostWidth = Math.min(WIDTH, camera.width * 0.18);
    this.height = Math.max(LEAST_HEIGHT, Math.min(camera.height * 0.42, mostWidth / aspect));
    this.width = clamp(this.height * aspect, Math.min(48, mostWidth), mostWidth);
    this.scaleX = this.width / Math.max(1, bounds.width);
    this.scaleY = this.height / Math.max(1, bounds.height);
    const picture = document.createElement('canvas');
    picture.width = Math.ceil(this.width * ratio);
    picture.height = Math.ceil(this.height * ratio);
    const context = picture.getContext('2d')!;
    context.scale(ratio, ratio);
    context.fillStyle = theme.card;
    context.fillRect(0, 0, this.width, this.height);
    const paths = new Map<string, Path2D>();
    for (let node = 0; node < boxes.length; node++) {
      const { category } = graph.nodes[node]!;
      const colour = category === 'value' || theme.highContrast ? theme.dimText : theme.header[category];
      let path = paths.get(colour);
      if (!path) paths.set(colour, (path = new Path2D()));
      const width = Math.max(1.2, boxes[node]!.width * this.scaleX);
      const height = Math.max(0.6, boxes[node]!.height * this.scaleY);
      path.rect(layout.x[node]! * this.scaleX - width / 2, layout.y[node]! * this.scaleY - height / 2, width, height);
    }
    context.globalAlpha = 0.75;
    for (const [colour, path] of paths) {
      context.fillStyle = colour;
      context.fill(path);
    }
    context.globalAlpha = 1;
    for (const { finding, outlines } of scene.marks) {
      context.fillStyle = theme.mark[finding.state];
      for (const { y, height } of outlines) {
        context.fillRect(this.width - 4, y * this.scaleY, 4, Math.max(2, height * this.scaleY));
      }
    }
    this.picture = picture;
    this.element.width = picture.width;
    this.element.height = picture.height;
    this.element.style.width = `${this.width}px`;
    this.element.style.height = `${this.height}px`;
  }

  /** Frame what is in view. */
  update(camera: Camera, scene: Scene, theme: Theme, ratio: number): void {
    const { bounds } = scene;
    const view = camera.visible();
    const holdsAll =
      view.x <= bounds.x &&
      view.y <= bounds.y &&
      view.x + view.width >= bounds.width &&
      view.y + view.height >= bounds.height;
    this.element.hidden = holdsAll || !this.picture || camera.width < 260 || camera.height < 220;
    if (this.element.hidden || !this.picture) return;
    const context = this.element.getContext('2d')!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.picture, 0, 0);
    context.scale(ratio, ratio);
    const x = clamp(view.x * this.scaleX, 0, this.width);
    const y = clamp(view.y * this.scaleY, 0, this.height);
    const right = clamp((view.x + view.width) * this.scaleX, 0, this.width);
    const bottom = clamp((view.y + view.height) * this.scaleY, 0, this.height);
    const height = Math.max(4, bottom - y);
    const top = Math.min(y, this.height - height);
    context.fillStyle = withAlpha(theme.accent, 0.18);
    context.fillRect(x, top, Math.max(4, right - x), height);
    context.strokeStyle = theme.accent;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, top + 0.5, Math.max(3, right - x - 1), height - 1);
  }
}
