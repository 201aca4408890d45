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
  /** Worked out when someone looks at it. */
  readonly tooltip: () => string;
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
  /** What the view shows, gathered before it is told that there is something else: clicks on its rows come to nothing while it asks. */
  private models: readonly ModelItem[] | undefined;
  private updates = 0;
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
    if (!this.models) this.keep(await this.gather());
    return [...(this.models ?? [])];
  }

  getParent(item: Item): Item | undefined {
    if (item.kind === 'model') return undefined;
    return this.modelOf(item);
  }

  getTreeItem(item: Item): vscode.TreeItem {
    return item.kind === 'model' ? modelTreeItem(item) : entryTreeItem(item);
  }

  /**
   * A row's tooltip, when the pointer rests on it, and its command, when it is
   * clicked: one that came with the row would be gone once the tree changes,
   * which may be before the person sees that.
   */
  resolveTreeItem(treeItem: vscode.TreeItem, item: Item): vscode.TreeItem {
    if (item.kind === 'model') return treeItem;
    const { target, id, entry } = item;
    const present = this.modelOf(item)?.entries.find((other) => other.id === id && other.state === entry.state);
    treeItem.tooltip = markdown((present ?? entry).tooltip());
    treeItem.command = { command: 'onnxFusionLens.revealInText', title: 'Go to Text', arguments: [{ target, id }] };
    return treeItem;
  }

  private modelOf({ target }: Item): ModelItem | undefined {
    return this.models?.find((model) => model.target.toString() === target.toString());
  }

  private keep(models: readonly ModelItem[]): void {
    this.models = models;
    this.showCount(models.reduce((total, { entries }) => total + countOf(entries, 'fusable'), 0));
  }

  /** Shows what there is now, where it isn't shown already. */
  private async update(): Promise<void> {
    const update = ++this.updates;
    const models = await this.gather();
    if (update !== this.updates) return;
    const isShown = this.models !== undefined && JSON.stringify(this.models) === JSON.stringify(models);
    this.keep(models);
    if (!isShown) this.changed.fire();
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
            {
              kind: 'model',
              target: uri,
              path,
              entries: sorted(findings, fused, () => undefined).map(withText),
              error,
            },
          ]),
        );
        if (found.length === 0) void vscode.window.showInformationMessage('There is no .onnx file in this workspace.');
      },
    );
    await this.update();
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.view.visible) void this.update();
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
  return {
    id,
    state: fusable ? 'fusable' : 'blocked',
    label: id,
    description: fusable ? `${gain}${chainOf(finding)}` : `${chainOf(finding)} · can't fuse: ${reason?.message ?? ''}`,
    tooltip: () => tooltipOf(finding, measurement),
    gain: gainOf(finding, speedup),
    bytesSaved: advice.bytesSaved ?? 0,
  };
}

function tooltipOf(finding: Finding, measurement: MeasurementOfFinding | undefined): string {
  const measured = measurement?.kind === 'measured' ? measurement : undefined;
  const lines = [`${describeFusion(finding)}.`, ...adviceLines(finding, measured?.speedup)];
  return [...lines, ...(measured?.detail.split('\n') ?? [])].join('\n\n');
}

/** The entry with its tooltip written out, so that it doesn't keep the model. */
function withText(entry: Entry): Entry {
  const text = entry.tooltip();
  return { ...entry, tooltip: () => text };
}

function fusedEntry({ id, op }: FusedNode): Entry {
  const tooltip = (): string => `${id} is fused: ${op.name}`;
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
  const { id, state, label, description } = entry;
  const item = new vscode.TreeItem(label);
  item.id = `${target.toString()}#${state}#${id}`;
  item.description = description;
  item.iconPath = new vscode.ThemeIcon(ICONS[state]);
  item.contextValue = state;
  item.accessibilityInformation = { label: `${label}, ${SPOKEN[state]}, ${description}` };
  return item;
}
