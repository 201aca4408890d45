import { verdictText } from '../src/core/fusion/adviceText';
import { button, type Control } from './controls';
import { element, icon } from './dom';
import type { Mark, Scene } from './scene';

export interface InspectorEvents {
  onSelect(node: number): void;
  onOpenGraph(id: string): void;
  onFuse(finding: string): void;
  onMeasure(finding: string): void;
  onReveal(node: number): void;
  onClose(): void;
}

/** What is known of the selected node: its finding with what can be done, attributes, inputs, outputs. */
export class Inspector {
  readonly element = element('aside', { class: 'inspector', 'aria-label': 'Selected node', hidden: '' });

  constructor(private readonly events: InspectorEvents) {}

  /**
   * Show a node, or nothing.
   * @param titleOf names a graph by its id.
   * @param colour the node's colour in the drawing.
   */
  show(scene: Scene | undefined, node: number | undefined, titleOf: (graph: string) => string, colour: string): void {
    this.element.hidden = !scene || node === undefined;
    if (!scene || node === undefined) {
      this.element.replaceChildren();
      return;
    }
    const { graph } = scene;
    const drawn = graph.nodes[node]!;
    const scrolled = this.element.scrollTop;
    const mark = scene.markOf(node);
    const rows = drawn.rows.filter(
      ({ name }) =>
        drawn.kind !== 'operator' || (name !== undefined && !drawn.attributes.some(([known]) => known === name)),
    );
    const title = element('h2', {}, drawn.label);
    if (drawn.domain !== '') title.append(element('span', { class: 'domain' }, drawn.domain));
    const swatch = element('span', { class: 'swatch' });
    swatch.style.backgroundColor = colour;
    this.element.replaceChildren(
      element(
        'header',
        {},
        swatch,
        title,
        button({ icon: 'text', label: 'Show in the text', onClick: () => this.events.onReveal(node) }),
        button({ icon: 'close', label: 'Close', onClick: () => this.events.onClose() }),
      ),
      ...(drawn.name === '' ? [] : [element('p', { class: 'name' }, drawn.name)]),
      ...(mark ? [this.findingOf(mark)] : []),
      ...(drawn.graphs ?? []).map((id) =>
        button({ text: `Open ${titleOf(id)}`, onClick: () => this.events.onOpenGraph(id) }),
      ),
      ...table('Attributes', drawn.attributes),
      ...table(
        drawn.kind === 'operator' ? 'Constants' : 'Type',
        rows.map((row) => [row.name ?? '', row.text] as const),
      ),
      ...this.neighbours(scene, node, 'Inputs', graph.targets, graph.sources),
      ...this.neighbours(scene, node, 'Outputs', graph.sources, graph.targets),
    );
    this.element.scrollTop = scrolled;
  }

  private findingOf({ finding, measurement }: Mark): HTMLElement {
    const box = element(
      'section',
      { class: `finding ${finding.state}` },
      element(
        'p',
        {},
        icon(finding.state === 'blocked' ? 'warning' : finding.state === 'fused' ? 'check' : 'bolt'),
        finding.message,
      ),
    );
    const speedup = measurement?.kind === 'measured' ? measurement.speedup : undefined;
    const verdict =
      speedup === undefined
        ? finding.verdict
        : verdictText({ fusable: finding.state === 'fusable', advice: {} }, speedup);
    if (verdict !== undefined) box.append(element('p', { class: 'verdict' }, verdict));
    if (finding.facts && finding.facts.length > 0) {
      const list = element('dl');
      for (const [name, figure] of finding.facts) list.append(element('dt', {}, name), element('dd', {}, figure));
      box.append(list);
    }
    if (measurement?.kind === 'measured') {
      box.append(element('p', { class: 'speedup' }, measurement.title), element('pre', {}, measurement.detail));
    } else if (measurement?.kind === 'failed') box.append(element('p', { class: 'failed' }, measurement.message));
    if (finding.state !== 'fusable') return box;
    const actions: Control[] = [
      button({ text: 'Fuse', icon: 'bolt', appearance: 'primary', onClick: () => this.events.onFuse(finding.id) }),
      button({
        text: measurement?.kind === 'measured' ? 'Measure Again' : 'Measure',
        icon: 'gauge',
        onClick: () => this.events.onMeasure(finding.id),
      }),
    ];
    if (measurement?.kind === 'running') actions[1]!.disabled = true;
    box.append(element('div', { class: 'actions' }, ...actions));
    return box;
  }

  /** The values on one side of a node, each with the nodes at the other end. */
  private neighbours(
    scene: Scene,
    node: number,
    title: string,
    ends: readonly number[],
    others: readonly number[],
  ): HTMLElement[] {
    const { graph } = scene;
    const list = element('ul');
    for (let edge = 0, shown = 0; edge < ends.length && shown < 40; edge++) {
      if (ends[edge] !== node) continue;
      shown++;
      const value = graph.values[graph.edgeValues[edge]!]!;
      const other = graph.nodes[others[edge]!]!;
      const link = element('button', { class: 'link', type: 'button', title: value.name }, other.label);
      link.addEventListener('click', () => this.events.onSelect(others[edge]!));
      list.append(
        element(
          'li',
          {},
          link,
          element('span', { class: 'value' }, `${value.name}${value.label ? ` · ${value.label}` : ''}`),
        ),
      );
    }
    return list.childElementCount === 0 ? [] : [element('h3', {}, title), list];
  }
}

function table(title: string, rows: readonly (readonly [name: string, value: string])[]): HTMLElement[] {
  if (rows.length === 0) return [];
  const body = element('dl');
  for (const [name, value] of rows) body.append(element('dt', {}, name), element('dd', {}, value));
  return [element('h3', {}, title), body];
}
