import * as vscode from 'vscode';
import type { Model } from '../core/onnx/model';
import { openDimensions, type DimensionSizes } from '../measure/dimensions';
import { toTextUri } from './uris';

const SECTION = 'onnxFusionLens';
/** The second is what the setting was called when it was for measuring only. */
const SETTINGS = ['dimensions', 'measure.dimensions'] as const;
const MEMORY = 'dimensions';
const SIZE = /^[1-9]\d{0,8}$/;

/** Sizes of a model's symbolic dimensions: as set for the model in this workspace, else as the settings say. */
export class Dimensions implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscription: vscode.Disposable;

  /** Fires when sizes have changed, of whatever model. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly memory: vscode.Memento) {
    this.subscription = vscode.workspace.onDidChangeConfiguration((event) => {
      if (SETTINGS.some((name) => event.affectsConfiguration(`${SECTION}.${name}`))) this.changed.fire();
    });
  }

  /** Sizes by symbol or `INPUT.AXIS`; also of dimensions that the model doesn't have. */
  of(uri: vscode.Uri): DimensionSizes {
    const settings = vscode.workspace.getConfiguration(SECTION, uri);
    const [general, measuring] = SETTINGS.map((name) => settings.get<Record<string, unknown>>(name, {}));
    const all = Object.entries({ ...measuring, ...general, ...this.remembered(uri) });
    return new Map(
      all.filter((entry): entry is [string, number] => Number.isInteger(entry[1]) && Number(entry[1]) > 0),
    );
  }

  /** The sizes of a model's own open dimensions, those without a size left out. */
  ofModel(uri: vscode.Uri, model: Model): DimensionSizes {
    const sizes = this.of(uri);
    const used = new Map<string, number>();
    for (const { input, axis, key } of openDimensions(model)) {
      const ofAxis = sizes.get(`${input}.${axis}`);
      const size = ofAxis ?? sizes.get(key);
      if (size !== undefined) used.set(ofAxis === undefined ? key : `${input}.${axis}`, size);
    }
    return used;
  }

  /** Remember sizes for a model in this workspace; `undefined` takes one back, so that the settings count. */
  async set(uri: vscode.Uri, sizes: ReadonlyMap<string, number | undefined>): Promise<void> {
    const all = this.memory.get<Record<string, Record<string, number>>>(MEMORY, {});
    const own = { ...this.remembered(uri), ...Object.fromEntries(sizes) };
    const kept = Object.entries(own).filter((entry): entry is [string, number] => entry[1] !== undefined);
    await this.memory.update(MEMORY, { ...all, [toTextUri(uri).toString()]: Object.fromEntries(kept) });
    this.changed.fire();
  }

  /**
   * Ask for the size of each open dimension of a model and remember the answers; with nothing entered a dimension
   * stays symbolic.
   */
  async ask(uri: vscode.Uri, model: Model): Promise<void> {
    const keys = [...new Set(openDimensions(model).map(({ key }) => key))];
    if (keys.length === 0) {
      void vscode.window.showInformationMessage('The inputs of this model have no symbolic dimensions.');
      return;
    }
    const known = this.of(uri);
    const sizes = new Map<string, number | undefined>();
    for (const [index, key] of keys.entries()) {
      const answer = await vscode.window.showInputBox({
        title: `Symbolic Dimensions${keys.length > 1 ? ` (${index + 1} of ${keys.length})` : ''}`,
        prompt: `Size of ${key}. Leave it empty to keep the dimension symbolic.`,
        placeHolder: 'symbolic',
        value: known.get(key)?.toString() ?? '',
        ignoreFocusOut: true,
        validateInput: (value) =>
          value === '' || SIZE.test(value) ? undefined : 'A whole number above 0, or nothing.',
      });
      if (answer === undefined) return;
      sizes.set(key, answer === '' ? undefined : Number(answer));
    }
    await this.set(uri, sizes);
  }

  /**
   * Sizes for all open dimensions of a model, asked for where they are missing.
   * @returns undefined when the person leaves the question.
   */
  async require(uri: vscode.Uri, model: Model, title: string): Promise<DimensionSizes | undefined> {
    const sizes = new Map(this.of(uri));
    const answers = new Map<string, number>();
    for (const key of new Set(openDimensions(model, sizes).map((dimension) => dimension.key))) {
      const answer = await vscode.window.showInputBox({
        title,
        prompt: `Size of the dimension ${key}, which the model leaves open. It is remembered for this model.`,
        value: /batch|^n$/i.test(key) || key.endsWith('.0') ? '1' : '256',
        validateInput: (value) => (SIZE.test(value) ? undefined : 'A whole number above 0.'),
      });
      if (answer === undefined) return undefined;
      answers.set(key, Number(answer));
    }
    if (answers.size > 0) await this.set(uri, answers);
    return new Map([...sizes, ...answers]);
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }

  private remembered(uri: vscode.Uri): Record<string, number> {
    return this.memory.get<Record<string, Record<string, number>>>(MEMORY, {})[toTextUri(uri).toString()] ?? {};
  }
}
