import { touches, type Rectangle } from '../src/core/layout/boxes';
import { Camera } from './camera';
import { element } from './dom';
import { Minimap } from './minimap';
import { Painter } from './painter';
import type { Mark, Scene } from './scene';
import { metricsOf, readTheme, type Theme } from './theme';
import type { TextMetrics } from '../src/core/layout/textMetrics';

/** What turning the mouse wheel does without a modifier key. */
export type WheelMode = 'scroll' | 'zoom';

export interface GraphViewEvents {
  /** The person chose a node, or none. */
  onSelect(node: number | undefined): void;
  /** Enter, or a double click: the node's line, or the graph in it, is asked for. */
  onOpen(node: number): void;
  /** A finding's badge was clicked. */
  onMark(mark: Mark): void;
  /** The context menu of a node, or of none, is about to open. */
  onContext(node: number | undefined): void;
  /** Pan or zoom changed. */
  onMove(): void;
  /** Typing into the graph begins a search. */
  onSearch(): void;
  /** Colours or fonts changed; boxes may need another size. */
  onTheme(): void;
}

const CLICK_DISTANCE = 4;
const ARROW_STEP = 60;
/** At this scale or larger a whole graph is readable enough to begin with. */
const READABLE = 0.45;

/** The canvas: draws the scene, pans, zooms, and says what is clicked. */
export class GraphView {
  readonly canvas = element('canvas', {
    class: 'graph',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': 'graph',
  });
  readonly minimap: Minimap;
  readonly camera = new Camera();
  wheelMode: WheelMode = 'scroll';
  theme: Theme = readTheme();
  metrics: TextMetrics = metricsOf(this.theme);
  private scene: Scene | undefined;
  private readonly context: CanvasRenderingContext2D;
  private painter: Painter;
  private selected: number | undefined;
  private hovered: number | undefined;
  private matches: ReadonlySet<number> = new Set();
  private frame = 0;
  private ratio = 1;
  private drag: { x: number; y: number; moved: boolean } | undefined;

  constructor(private readonly events: GraphViewEvents) {
    // Opaque: text on it is drawn sharper.
    this.context = this.canvas.getContext('2d', { alpha: false })!;
    this.painter = new Painter(this.context, this.theme, this.metrics);
    this.minimap = new Minimap((x, y) => {
      this.camera.centre(x, y);
      this.moved();
    });
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    const themes = new MutationObserver(() => this.readTheme());
    themes.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  }

  /** Show a scene, or nothing. */
  show(scene: Scene | undefined): void {
    this.scene = scene;
    this.hovered = undefined;
    this.matches = new Set();
    this.canvas.title = '';
    this.renderMinimap();
    this.redraw();
  }

  /** The scene's marks changed. */
  marksChanged(): void {
    this.renderMinimap();
    this.redraw();
  }

  select(node: number | undefined): void {
    this.selected = node;
    this.redraw();
  }

  highlight(matches: ReadonlySet<number>): void {
    this.matches = matches;
    this.redraw();
  }

  /** Show the whole graph. */
  fit(): void {
    if (!this.scene) return;
    this.camera.fit(this.scene.bounds);
    this.moved();
  }

  /** A view to begin with: all of it where that is readable, else the top at its natural size. */
  home(): void {
    if (!this.scene) return;
    const { bounds, layout } = this.scene;
    this.camera.fit(bounds);
    if (this.camera.scale < READABLE) {
      this.camera.scale = Math.max(0.75, Math.min(1, this.camera.width / (bounds.width + 64)));
      let top = 0;
      for (let node = 1; node < layout.y.length; node++) if (layout.y[node]! < layout.y[top]!) top = node;
      const fitsAcross = bounds.width * this.camera.scale <= this.camera.width - 48;
      this.camera.centre(fitsAcross ? bounds.width / 2 : (layout.x[top] ?? 0), 0);
      this.camera.offsetY = 64;
    }
    this.moved();
  }

  zoom(factor: number): void {
    this.camera.zoom(factor);
    this.moved();
  }

  /** Bring an area of the drawing into view: moved if it isn't there, enlarged if it can't be read. */
  reveal(area: Rectangle, always = false): void {
    const { camera } = this;
    const view = camera.visible(-24);
    const inView =
      area.x >= view.x &&
      area.y >= view.y &&
      area.x + area.width <= view.x + view.width &&
      area.y + area.height <= view.y + view.height;
    const readable = camera.scale >= READABLE;
    if (inView && readable && !always) return;
    if (!readable) camera.scale = 0.9;
    camera.centre(area.x + area.width / 2, area.y + area.height / 2);
    this.moved();
  }

  /** The camera was moved from outside. */
  moved(): void {
    if (this.scene) this.camera.keepInView(this.scene.bounds);
    this.redraw();
    this.events.onMove();
  }

  redraw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  private paint(): void {
    const { scene, context, theme, camera } = this;
    if (!scene) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = theme.background;
      context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.minimap.element.hidden = true;
      return;
    }
    const { selected, hovered, matches } = this;
    this.painter.paint(scene, camera, this.ratio, { selected, hovered, matches });
    this.minimap.update(camera, scene, theme, this.ratio);
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    const { camera } = this;
    // What is in the middle stays there; before the first time there is nothing to keep.
    const isFirst = camera.width === 1;
    const middle = camera.toDrawing(camera.width / 2, camera.height / 2);
    const selected = this.selected === undefined ? undefined : this.scene?.boxOf(this.selected);
    const sawSelected = selected && touches(selected, camera.visible());
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * this.ratio);
    this.canvas.height = Math.round(clientHeight * this.ratio);
    camera.width = clientWidth;
    camera.height = clientHeight;
    if (isFirst) this.home();
    else {
      camera.centre(middle.x, middle.y);
      if (sawSelected) camera.bringIntoView(selected);
    }
    this.renderMinimap();
    this.paint();
  }

  private readTheme(): void {
    const theme = readTheme();
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    const fontsChanged = theme.font.row !== this.theme.font.row;
    this.theme = theme;
    if (fontsChanged) this.metrics = metricsOf(theme);
    this.painter = new Painter(this.context, theme, this.metrics);
    this.renderMinimap();
    this.redraw();
    if (fontsChanged) this.events.onTheme();
  }

  private renderMinimap(): void {
    if (this.scene && this.camera.height > 1) {
      this.minimap.render(this.scene, this.theme, this.ratio, this.camera);
    }
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button > 1) return;
      canvas.setPointerCapture(event.pointerId);
      this.drag = { x: event.clientX, y: event.clientY, moved: false };
    });
    canvas.addEventListener('pointermove', (event) => this.onPointerMove(event));
    canvas.addEventListener('pointerup', (event) => {
      const { drag } = this;
      this.drag = undefined;
      canvas.classList.remove('dragging');
      if (drag && !drag.moved && event.button === 0) this.onClick(event);
    });
    canvas.addEventListener('pointercancel', () => (this.drag = undefined));
    canvas.addEventListener('pointerleave', () => this.hover(undefined));
    canvas.addEventListener('dblclick', (event) => {
      const node = this.nodeUnder(event);
      if (node === undefined) this.fit();
      else this.events.onOpen(node);
    });
    canvas.addEventListener('contextmenu', (event) => {
      // From the keyboard it is the selected node's.
      const byPointer = event.button === 2 || event.ctrlKey;
      const mark = byPointer ? this.markUnder(event) : undefined;
      this.events.onContext(byPointer ? (mark?.finding.nodes[0] ?? this.nodeUnder(event)) : this.selected);
    });
    canvas.addEventListener('keydown', (event) => this.onKey(event));
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const unit =
      event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? 400 : 1;
    const dx = event.deltaX * unit;
    const dy = event.deltaY * unit;
    // A pinch on a trackpad arrives as a wheel with the Control key.
    if (event.ctrlKey || event.metaKey || this.wheelMode === 'zoom') {
      const speed = Math.abs(dy) < 40 ? 0.01 : 0.0025;
      this.camera.zoom(Math.exp(-dy * speed), event.offsetX, event.offsetY);
    } else if (event.shiftKey && dx === 0) this.camera.pan(-dy, 0);
    else this.camera.pan(-dx, -dy);
    this.moved();
  }

  private onPointerMove(event: PointerEvent): void {
    const { drag } = this;
    if (!drag) {
      this.hover(event);
      return;
    }
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < CLICK_DISTANCE) return;
    drag.moved = true;
    drag.x = event.clientX;
    drag.y = event.clientY;
    this.canvas.classList.add('dragging');
    this.camera.pan(dx, dy);
    this.moved();
  }

  private hover(event: PointerEvent | undefined): void {
    const node = event && this.nodeUnder(event);
    const mark = event && this.markUnder(event);
    this.canvas.classList.toggle('over', node !== undefined || mark !== undefined);
    this.canvas.title = mark ? mark.finding.message : node === undefined ? '' : this.titleOf(node);
    if (node === this.hovered) return;
    this.hovered = node;
    this.redraw();
  }

  private titleOf(node: number): string {
    const { label, name, kind } = this.scene!.graph.nodes[node]!;
    return kind === 'operator' && name !== '' ? `${label}\n${name}` : label;
  }

  private onClick(event: PointerEvent): void {
    const mark = this.markUnder(event);
    if (mark) this.events.onMark(mark);
    else this.events.onSelect(this.nodeUnder(event));
  }

  private nodeUnder(event: MouseEvent): number | undefined {
    const { x, y } = this.camera.toDrawing(event.offsetX, event.offsetY);
    return this.scene?.nodeAt(x, y);
  }

  private markUnder(event: MouseEvent): Mark | undefined {
    if (this.camera.scale < 0.34) return undefined;
    const { x, y } = this.camera.toDrawing(event.offsetX, event.offsetY);
    return this.scene?.badgeAt(x, y);
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.scene) return;
    const handled = event.key === 'Tab' ? this.onTab(event.shiftKey) : this.onOtherKey(event);
    if (handled) event.preventDefault();
  }

  /** Tab goes from finding to finding, and on from the last one. */
  private onTab(backwards: boolean): boolean {
    const marks = [...this.scene!.marks].filter(({ finding }) => finding.nodes.length > 0);
    if (marks.length === 0) return false;
    const current = marks.findIndex(
      ({ finding }) => this.selected !== undefined && finding.nodes.includes(this.selected),
    );
    const next = current < 0 ? (backwards ? marks.length - 1 : 0) : current + (backwards ? -1 : 1);
    const mark = marks[next];
    if (!mark) return false;
    this.events.onMark(mark);
    return true;
  }

  private onOtherKey(event: KeyboardEvent): boolean {
    const step = event.shiftKey ? 4 * ARROW_STEP : ARROW_STEP;
    const { camera } = this;
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      this.followEdge(event.key === 'ArrowDown');
      return true;
    }
    if (event.altKey) return false;
    if (event.ctrlKey || event.metaKey) {
      if (event.key !== 'f') return false;
      this.events.onSearch();
      return true;
    }
    switch (event.key) {
      case 'ArrowLeft':
        camera.pan(step, 0);
        break;
      case 'ArrowRight':
        camera.pan(-step, 0);
        break;
      case 'ArrowUp':
        camera.pan(0, step);
        break;
      case 'ArrowDown':
        camera.pan(0, -step);
        break;
      case 'PageUp':
        camera.pan(0, camera.height * 0.85);
        break;
      case 'PageDown':
        camera.pan(0, -camera.height * 0.85);
        break;
      case 'Home':
        this.home();
        return true;
      case 'End':
        camera.offsetY = camera.height - this.scene!.bounds.height * camera.scale - 32;
        break;
      case '+':
      case '=':
        camera.zoom(1.25);
        break;
      case '-':
      case '_':
        camera.zoom(0.8);
        break;
      case '0':
        this.fit();
        return true;
      case '/':
        this.events.onSearch();
        return true;
      case 'Enter':
        if (this.selected === undefined) return false;
        this.events.onOpen(this.selected);
        return true;
      case 'Escape':
        this.events.onSelect(undefined);
        return true;
      default:
        return false;
    }
    this.moved();
    return true;
  }

  /** Select the first node that the selected one feeds, or is fed by. */
  private followEdge(down: boolean): void {
    const { sources, targets } = this.scene!.graph;
    if (this.selected === undefined) return;
    const edge = (down ? sources : targets).indexOf(this.selected);
    if (edge < 0) return;
    const node = (down ? targets : sources)[edge]!;
    this.events.onSelect(node);
    this.reveal(this.scene!.boxOf(node));
  }
}
