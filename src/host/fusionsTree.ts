import * as vscode from 'vscode';
import { adviceLines, gainOf } from '../core/fusion/adviceText';
import { chainOf, describeFusion } from '../core/fusion/describe';
import type { Finding, FusedNode } from '../core/fusion/finding';
import { problemOf } from '../files/problem';
import type { MeasurementOfFinding } from '../protocol';
import { openDocument, type Analysis } from './analysis';
import { GraphPage } from './graphPage';
import { markdown } from './language/textIndexes';
import { modelsIn, scanModels } from './modelScan';
import type { Services } from './services';
import type { ItemTarget } from './targets';
import { LANGUAGE, TEXT_SCHEME, fileNameOf, isText, modelUriOf, textUriOf } from './uris';

const VIEW_ID = 'onnxFusionLens.fusions';
/** Models change in bursts; the tree follows when they pause, in ms. */
const REFRESH_MS = 200;

type State = 'fusable' | 'blocked' | 'fused';

/** A finding or fused node, as far as the tree shows it. */
interface Entry {
  readonly id: string;
  readonly state: State;
  readonly label: string;
  readonly description: string;
  readonly tooltip: string;
  /** The part of the pair's time that fusing saves, for sorting. */
  readonly gain: number;
  readonly bytesSaved: number;
}

interface ModelItem extends ItemTarget {
  readonly kind: 'model';
  readonly path: string;
  readonly entries: readonly Entry[];
  readonly error?: string | undefined;
}

interface EntryItem extends ItemTarget {
  readonly kind: 'entry';
  readonly entry: Entry;
}

type Item = ModelItem | EntryItem;

/**
 * The view *Fusions*: the findings of the models that are open, and of the
 * workspace's once they were looked for, sorted by what fusing gains.
 */
export class FusionsTree implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  /** What was found in model files that aren't open, by their texts' URIs. */
  private scanned = new Map<string, ModelItem>();
  private models: readonly ModelItem[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly view: vscode.TreeView<Item>;
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly services: Services) {
    const { analyses, measurements } = services;
    const refresh = (): void => this.refreshSoon();
    this.view = vscode.window.createTreeView<Item>(VIEW_ID, { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions = vscode.Disposable.from(
      this.changed,
      this.view,
      analyses.onDidChange(refresh),
      measurements.onDidChange(refresh),
      vscode.window.tabGroups.onDidChangeTabs(refresh),
      this.view.onDidChangeVisibility(refresh),
      vscode.commands.registerCommand('onnxFusionLens.scanWorkspace', () => this.scanWorkspace()),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }

  async getChildren(item?: Item): Promise<Item[]> {
    if (item?.kind === 'entry') return [];
    if (item) return item.entries.map((entry) => ({ kind: 'entry', target: item.target, id: entry.id, entry }));
    this.models = await this.gather();
    this.showCount(this.models.reduce((total, { entries }) => total + countOf(entries, 'fusable'), 0));
    return [...this.models];
  }

  getParent(item: Item): Item | undefined {
    if (item.kind === 'model') return undefined;
    return this.models.find(({ target }) => target.toString() === item.target.toString());
  }

  getTreeItem(item: Item): vscode.TreeItem {
    return item.kind === 'model' ? modelTreeItem(item) : entryTreeItem(item);
  }

  /** Models of open texts and graph pages first, then those that were looked for. */
  private async gather(): Promise<ModelItem[]> {
    const open = openTexts();
    const items: ModelItem[] = [];
    for (const uri of open.values()) {
      const path = vscode.workspace.asRelativePath(modelUriOf(uri) ?? uri);
      try {
        const analysis = await this.services.analyses.at(uri);
        const entries = entriesOf(analysis, (finding) => this.services.measurements.of(analysis, finding));
        items.push({ kind: 'model', target: uri, path, entries });
      } catch (error) {
        items.push({ kind: 'model', target: uri, path, entries: [], error: problemOf(error) });
      }
    }
    for (const [key, item] of this.scanned) if (!open.has(key)) items.push(item);
    return items.sort((a, b) => best(b) - best(a) || (a.path < b.path ? -1 : 1));
  }

  private async scanWorkspace(): Promise<void> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Looking for fusions', cancellable: true },
      async (progress, token) => {
        const models = (await Promise.all(folders.map(({ uri }) => modelsIn(uri, token)))).flat();
        const found = await scanModels(this.services, models, progress, token);
        this.scanned = new Map(
          found.map(({ uri, path, findings, fused, error }) => [
            uri.toString(),
            { kind: 'model', target: uri, path, entries: sorted(findings, fused, () => undefined), error },
          ]),
        );
        if (found.length === 0) void vscode.window.showInformationMessage('There is no .onnx file in this workspace.');
      },
    );
    this.changed.fire();
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.view.visible) this.changed.fire();
      else void this.countHidden();
    }, REFRESH_MS);
  }

  /** The badge stays true while nothing asks for the tree. */
  private async countHidden(): Promise<void> {
    const open = openTexts();
    let count = 0;
    for (const uri of open.values()) {
      const analysis = await this.services.analyses.at(uri).catch(() => undefined);
      count += analysis?.findings.filter(({ fusable }) => fusable).length ?? 0;
    }
    for (const [key, { entries }] of this.scanned) if (!open.has(key)) count += countOf(entries, 'fusable');
    if (!this.view.visible) this.showCount(count);
  }

  private showCount(count: number): void {
    this.view.badge =
      count === 0 ? undefined : { value: count, tooltip: `${count} ${count === 1 ? 'pair' : 'pairs'} can fuse` };
  }
}

/** The texts' URIs of models in tabs. */
function openTexts(): Map<string, vscode.Uri> {
  const texts = new Map<string, vscode.Uri>();
  for (const { tabs } of vscode.window.tabGroups.all) {
    for (const { input } of tabs) {
      let uri: vscode.Uri | undefined;
      if (input instanceof vscode.TabInputCustom && input.viewType === GraphPage.viewType) uri = textUriOf(input.uri);
      else if (input instanceof vscode.TabInputText && isModelText(input.uri)) uri = input.uri;
      if (uri) texts.set(uri.toString(), uri);
    }
  }
  return texts;
}

const isModelText = (uri: vscode.Uri): boolean =>
  uri.scheme === TEXT_SCHEME || (isText(uri) && openDocument(uri)?.languageId === LANGUAGE);

const countOf = (entries: readonly Entry[], state: State): number =>
  entries.filter((entry) => entry.state === state).length;

/** A model's best gain, by which models are sorted. */
const best = ({ entries }: ModelItem): number =>
  Math.max(-2, ...entries.filter(({ state }) => state === 'fusable').map(({ gain }) => gain));

type Measured = (finding: Finding) => MeasurementOfFinding | undefined;

const entriesOf = ({ findings, fused }: Analysis, measured: Measured): Entry[] => sorted(findings, fused, measured);

const ORDER: Readonly<Record<State, number>> = { fusable: 0, blocked: 1, fused: 2 };

function sorted(findings: readonly Finding[], fused: readonly FusedNode[], measured: Measured): Entry[] {
  return [...findings.map((finding) => entryOf(finding, measured(finding))), ...fused.map(fusedEntry)].sort(
    (a, b) => ORDER[a.state] - ORDER[b.state] || b.gain - a.gain || b.bytesSaved - a.bytesSaved,
  );
}

function entryOf(finding: Finding, measurement: MeasurementOfFinding | undefined): Entry {
  const { id, fusable, reason, advice } = finding;
  const speedup = measurement?.kind === 'measured' ? measurement.speedup : undefined;
  const share = advice.savedShare;
  const gain =
    speedup === undefined
      ? share === undefined
        ? ''
        : `est. −${(100 * share).toFixed(share < 0.1 ? 1 : 0)} % · `
      : `${speedup.toFixed(1)}× measured · `;
  const lines = [`${describeFusion(finding)}.`, ...adviceLines(finding, speedup)];
  if (measurement?.kind === 'measured') lines.push(...measurement.detail.split('\n'));
  return {
    id,
    state: fusable ? 'fusable' : 'blocked',
    label: id,
    description: fusable ? `${gain}${chainOf(finding)}` : `${chainOf(finding)} · can't fuse: ${reason?.message ?? ''}`,
    tooltip: lines.join('\n\n'),
    gain: gainOf(finding, speedup),
    bytesSaved: advice.bytesSaved ?? 0,
  };
}

function fusedEntry({ id, op }: FusedNode): Entry {
  const tooltip = `${id} is fused: ${op.name}`;
  return { id, state: 'fused', label: id, description: op.name, tooltip, gain: 0, bytesSaved: 0 };
}

function modelTreeItem({ target, path, entries, error }: ModelItem): vscode.TreeItem {
  const item = new vscode.TreeItem(fileNameOf(modelUriOf(target) ?? target));
  const count = (state: State, text: string): string[] => {
    const number = countOf(entries, state);
    return number === 0 ? [] : [`${number} ${text}`];
  };
  const counts = [...count('fusable', 'can fuse'), ...count('blocked', "can't"), ...count('fused', 'fused')];
  item.id = target.toString();
  item.description = error === undefined ? counts.join(' · ') || 'nothing to fuse' : "can't be read";
  item.tooltip = error === undefined ? path : `${path}: ${error}`;
  item.iconPath = new vscode.ThemeIcon(error === undefined ? 'file-binary' : 'warning');
  item.contextValue = error === undefined ? (countOf(entries, 'fusable') > 0 ? 'modelFusable' : 'model') : 'unreadable';
  item.collapsibleState = vscode.TreeItemCollapsibleState[entries.length > 0 ? 'Expanded' : 'None'];
  item.accessibilityInformation = { label: `${path}, ${item.description}` };
  return item;
}

const ICONS: Readonly<Record<State, string>> = { fusable: 'zap', blocked: 'circle-slash', fused: 'pass' };
const SPOKEN: Readonly<Record<State, string>> = { fusable: 'can fuse', blocked: "can't fuse", fused: 'fused' };

function entryTreeItem({ target, entry }: EntryItem): vscode.TreeItem {
  const { id, state, label, description, tooltip } = entry;
  const item = new vscode.TreeItem(label);
  item.id = `${target.toString()}#${state}#${id}`;
  item.description = description;
  item.tooltip = markdown(tooltip);
  item.iconPath = new vscode.ThemeIcon(ICONS[state]);
  item.contextValue = state;
  item.command = { command: 'onnxFusionLens.revealInText', title: 'Go to Text', arguments: [{ target, id }] };
  item.accessibilityInformation = { label: `${label}, ${SPOKEN[state]}, ${description}` };
  return item;
}
