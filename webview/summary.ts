import type { Drawing } from '../src/core/layout/drawing';
import { countFindings } from '../src/core/layout/drawing';
import type { MeasurementsByFinding, WebviewKind } from '../src/protocol';
import { button } from './controls';
import { element, icon, type IconName } from './dom';
import { speedupText } from './scene';

export interface SummaryEvents {
  onOpenAsText(): void;
  onFuseAll(): void;
  onMeasure(): void;
  onCancelMeasure(): void;
  onSetDimensions(): void;
  /** Go to the next finding of a kind. */
  onNext(state: 'fusable' | 'blocked' | 'fused'): void;
}

/** The line at the top: what can fuse, what it gains, and what to do about it. */
export class Summary {
  readonly element = element('header', { class: 'summary', hidden: '' });
  private readonly chips = element('div', { class: 'chips' });
  private readonly notice = element('p', { class: 'notice', role: 'status', hidden: '' });
  private readonly fuseAll;
  private readonly measure;
  private readonly cancel;

  constructor(
    kind: WebviewKind,
    private readonly events: SummaryEvents,
  ) {
    const isPage = kind === 'page';
    this.fuseAll = button({
      text: 'Fuse All',
      icon: 'bolt',
      appearance: 'primary',
      label: 'Fuse every pair that can fuse',
      onClick: () => events.onFuseAll(),
    });
    this.measure = button({
      text: 'Measure',
      icon: 'gauge',
      label: 'Measure the speedup of each pair on this machine',
      onClick: () => events.onMeasure(),
    });
    this.cancel = button({
      text: 'Cancel',
      icon: 'stop',
      label: 'Stop measuring',
      onClick: () => events.onCancelMeasure(),
    });
    const actions = element('div', { class: 'actions' }, this.fuseAll, this.measure, this.cancel);
    if (isPage) {
      actions.append(
        button({
          text: 'Open as Text',
          icon: 'text',
          label: 'Open the model as text, to edit it',
          onClick: () => events.onOpenAsText(),
        }),
      );
    }
    this.element.append(this.chips, actions, this.notice);
  }

  show(
    fileName: string,
    drawing: Drawing,
    measurements: MeasurementsByFinding,
    running: boolean,
    { notice, dimensions }: { readonly notice?: string | undefined; readonly dimensions?: string | undefined },
  ): void {
    const { fusable, blocked, fused } = countFindings(drawing);
    this.element.hidden = false;
    this.chips.replaceChildren(element('strong', { class: 'file', title: fileName }, fileName));
    if (fusable + blocked + fused === 0) {
      this.chips.append(element('span', { class: 'nothing' }, 'No Conv → InstanceNormalization pair'));
    }
    if (fusable > 0) {
      const gain = this.gain(drawing, measurements);
      const meaning = gain === '' ? '' : ' (measured speedup, geometric mean)';
      this.chip('fusable', 'bolt', `${fusable} can fuse${gain}`, meaning);
    }
    if (blocked > 0) this.chip('blocked', 'warning', `${blocked} can’t fuse`);
    if (fused > 0) this.chip('fused', 'check', `${fused} fused`);
    if (dimensions !== undefined) this.dimensions(dimensions);
    this.fuseAll.hidden = fusable === 0;
    this.measure.hidden = fusable === 0 || running;
    this.cancel.hidden = !running;
    this.notice.hidden = notice === undefined;
    this.notice.textContent = notice ?? '';
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** The geometric mean over the pairs that were measured; of the whole model's time the pairs are only a part. */
  private gain(drawing: Drawing, measurements: MeasurementsByFinding): string {
    const speedups = drawing.findings.flatMap(({ id, state }) => {
      const measurement = measurements[id];
      return state === 'fusable' && measurement?.kind === 'measured' ? [measurement.speedup] : [];
    });
    if (speedups.length === 0) return '';
    const mean = Math.exp(speedups.reduce((sum, speedup) => sum + Math.log(speedup), 0) / speedups.length);
    return ` · mean ${speedupText(mean)}`;
  }

  /** The sizes that shapes are shown for, and the way to others. */
  private dimensions(text: string): void {
    const chip = element(
      'button',
      { class: 'chip dimensions', type: 'button', title: 'Set symbolic dimensions…' },
      text,
    );
    chip.addEventListener('click', () => this.events.onSetDimensions());
    this.chips.append(chip);
  }

  private chip(state: 'fusable' | 'blocked' | 'fused', iconName: IconName, text: string, meaning = ''): void {
    const chip = element(
      'button',
      { class: `chip ${state}`, type: 'button', title: `${text}${meaning}: go to the next one` },
      icon(iconName),
      text,
    );
    chip.addEventListener('click', () => this.events.onNext(state));
    this.chips.append(chip);
  }
}
