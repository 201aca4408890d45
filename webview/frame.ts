import { button, type dropdown } from './controls';
import { element } from './dom';
import type { GraphView } from './graphView';
import type { Inspector } from './inspector';
import type { Message } from './message';
import type { Search } from './search';
import type { Summary } from './summary';

/** What the frame is around. */
interface Parts {
  readonly view: GraphView;
  readonly summary: Summary;
  readonly inspector: Inspector;
  readonly search: Search;
  readonly chooser: ReturnType<typeof dropdown>;
  readonly message: Message;
}

/** Puts the parts of the page in their places, with the controls of the view. */
export class Frame {
  /** Shown while a graph is laid out. */
  readonly busy = element('div', { class: 'busy', hidden: '' });
  /** The page's contents. */
  readonly elements: readonly HTMLElement[];
  private readonly live = element('div', { class: 'visually-hidden', 'aria-live': 'polite', role: 'status' });
  private readonly zoomLabel = button({
    text: '100%',
    appearance: 'icon',
    label: 'Natural size',
    onClick: () => this.parts.view.zoom(1 / this.parts.view.camera.scale),
  });
  private readonly wheel = button({ icon: 'wheel', onClick: () => this.toggleWheel() });

  /** @param onWheelMode the wheel zooms where it scrolled, or scrolls again. */
  constructor(
    private readonly parts: Parts,
    private readonly onWheelMode: () => void,
  ) {
    const { view, summary, inspector, search, chooser, message } = parts;
    this.labelWheel();
    const zoom = element(
      'div',
      { class: 'zoom', role: 'group', 'aria-label': 'Zoom' },
      button({ icon: 'minus', label: 'Zoom out (−)', onClick: () => view.zoom(0.8) }),
      this.zoomLabel,
      button({ icon: 'plus', label: 'Zoom in (+)', onClick: () => view.zoom(1.25) }),
      button({ icon: 'fit', label: 'Show the whole graph (0)', onClick: () => view.fit() }),
      this.wheel,
    );
    const tools = element('div', { class: 'tools' }, search.element, chooser.element);
    const stage = element(
      'main',
      { class: 'stage' },
      view.canvas,
      tools,
      zoom,
      view.minimap.element,
      this.busy,
      message.element,
    );
    this.elements = [summary.element, element('div', { class: 'content' }, stage, inspector.element), this.live];
  }

  /** Tell people who can't see the graph. */
  announce(text: string): void {
    this.live.textContent = text;
  }

  /** The view has another scale. */
  showZoom(): void {
    const percent = Math.round(this.parts.view.camera.scale * 100);
    this.zoomLabel.textContent = percent < 1 ? '<1%' : `${percent}%`;
  }

  private toggleWheel(): void {
    const { view } = this.parts;
    view.wheelMode = view.wheelMode === 'scroll' ? 'zoom' : 'scroll';
    this.labelWheel();
    this.onWheelMode();
  }

  private labelWheel(): void {
    const zooms = this.parts.view.wheelMode === 'zoom';
    const label = `The wheel ${zooms ? 'zooms' : 'scrolls'}: click to make it ${zooms ? 'scroll' : 'zoom'}`;
    this.wheel.title = label;
    this.wheel.setAttribute('aria-label', label);
    this.wheel.classList.toggle('on', zooms);
  }
}
