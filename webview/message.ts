import { progressRing } from './controls';
import { element, icon } from './dom';

/** Says in the middle of the view why there is no graph, or that it is on its way. */
export class Message {
  readonly element = element('div', { class: 'message', role: 'status', hidden: '' });

  loading(text: string): void {
    this.fill('loading', progressRing(), element('p', {}, text));
  }

  error(title: string, text: string): void {
    this.fill('error', icon('warning'), element('h2', {}, title), element('p', {}, text));
  }

  note(text: string): void {
    this.fill('note', element('p', {}, text));
  }

  hide(): void {
    this.element.hidden = true;
  }

  private fill(kind: string, ...children: readonly Node[]): void {
    this.element.className = `message ${kind}`;
    this.element.hidden = false;
    this.element.replaceChildren(...children);
  }
}
