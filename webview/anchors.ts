import type { Camera } from './camera';
import type { Scene } from './scene';

/** So many nodes are remembered, since some may be gone from the next layout. */
const MOST_ANCHORS = 12;

/** A node, and its place in the view in pixels. */
export interface Anchor {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

/** The nodes by which a view is held in place when the graph is laid out anew: the selected one, then those nearest to the middle. */
export function anchorsIn(scene: Scene, camera: Camera, selected: string | undefined): readonly Anchor[] {
  const middle = camera.toDrawing(camera.width / 2, camera.height / 2);
  const distance = (node: number): number =>
    scene.graph.nodes[node]!.id === selected
      ? -1
      : Math.hypot(scene.layout.x[node]! - middle.x, scene.layout.y[node]! - middle.y);
  return [...scene.boxIndex.in(camera.visible())]
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, MOST_ANCHORS)
    .map((node) => ({
      id: scene.graph.nodes[node]!.id,
      x: scene.layout.x[node]! * camera.scale + camera.offsetX,
      y: scene.layout.y[node]! * camera.scale + camera.offsetY,
    }));
}

/** Keep the first of the anchors that is still there where it was. */
export function holdAnchor(anchors: readonly Anchor[], scene: Scene, camera: Camera): void {
  for (const { id, x, y } of anchors) {
    const node = scene.find(id);
    if (node === undefined) continue;
    camera.offsetX = x - scene.layout.x[node]! * camera.scale;
    camera.offsetY = y - scene.layout.y[node]! * camera.scale;
    return;
  }
}
