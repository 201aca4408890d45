import { button, textField, type TextField } from './controls';
import { element } from './dom';
import type { Scene } from './scene';

export interface SearchEvents {
  /** Show a match. */
  onMatch(node: number): void;
  onHighlight(matches: ReadonlySet<number>): void;
  /** Back to the graph. */
  onLeave(): void;
}

/** Finds nodes by operator, name, or the values they make. */
export class Search {
  readonly element: HTMLElement;
  private readonly field: TextField;
  private readonly count = element('span', { class: 'count', 'aria-live': 'polite' });
  private scene: Scene | undefined;
  private texts: string[] = [];
  private matches: number[] = [];
  private at = -1;

  constructor(private readonly events: SearchEvents) {
    this.field = textField(
      'Find a node',
      () => this.search(true),
      (event) => this.onKey(event),
    );
    this.element = element(
      'div',
      { class: 'search', role: 'search' },
      this.field.element,
      this.count,
      button({ icon: 'up', label: 'Previous match', onClick: () => this.step(-1) }),
      button({ icon: 'down', label: 'Next match', onClick: () => this.step(1) }),
    );
    this.update();
  }

  focus(): void {
    this.field.focus();
  }

  /** Search in this scene from now on. */
  show(scene: Scene | undefined): void {
    this.scene = scene;
    this.texts = [];
    this.search(false);
  }

  private search(jump: boolean): void {
    const query = this.field.value.trim().toLowerCase();
    this.matches = [];
    this.at = -1;
    if (query !== '' && this.scene) {
      const { graph, layout } = this.scene;
      if (this.texts.length === 0) {
        this.texts = graph.nodes.map(({ label, name, id }) => `${label}\n${name}\n${id}`.toLowerCase());
      }
      this.matches = [...this.texts.keys()].filter((node) => this.texts[node]!.includes(query));
      this.matches.sort((a, b) => layout.y[a]! - layout.y[b]! || layout.x[a]! - layout.x[b]!);
    }
    this.events.onHighlight(new Set(this.matches));
    if (jump && this.matches.length > 0) this.step(1);
    else this.update();
  }

  private step(by: number): void {
    if (this.matches.length === 0) return;
    this.at =
      this.at < 0 ? (by > 0 ? 0 : this.matches.length - 1) : (this.at + by + this.matches.length) % this.matches.length;
    this.update();
    this.events.onMatch(this.matches[this.at]!);
  }

  private update(): void {
    const total = this.matches.length;
    const isEmpty = this.field.value.trim() === '';
    this.element.classList.toggle('empty', isEmpty);
    this.count.textContent = isEmpty ? '' : total === 0 ? 'none' : `${this.at < 0 ? '' : `${this.at + 1} of `}${total}`;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') {
      this.field.value = '';
      this.search(false);
      this.events.onLeave();
    } else return;
    event.preventDefault();
  }
}
