import * as vscode from 'vscode';

/** A graph that isn't there after this time, in ms, wasn't asked for by what the person did. */
const PATIENCE_MS = 15_000;

/** A wish to see a node in a model's graph; `number` rises with each. */
export interface GraphReveal {
  readonly number: number;
  /** A place in the text of the node. */
  readonly offset: number;
}

/** Wishes to see a node in the graph, which the graph may still have to be opened for. */
export class GraphReveals implements vscode.Disposable {
  private readonly requested = new vscode.EventEmitter<vscode.Uri>();
  private last: { readonly uri: string; readonly reveal: GraphReveal; readonly time: number } | undefined;

  /** Fires with the text's URI. */
  readonly onDidRequest = this.requested.event;

  request(uri: vscode.Uri, offset: number): void {
    const reveal = { number: (this.last?.reveal.number ?? 0) + 1, offset };
    this.last = { uri: uri.toString(), reveal, time: Date.now() };
    this.requested.fire(uri);
  }

  /** The last wish, if it is for this text and not long ago. */
  of(uri: vscode.Uri): GraphReveal | undefined {
    const { last } = this;
    return last?.uri === uri.toString() && Date.now() - last.time < PATIENCE_MS ? last.reveal : undefined;
  }

  dispose(): void {
    this.requested.dispose();
  }
}
