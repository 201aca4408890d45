/** Every message between the extension host and the webviews that show a graph. */
import type { Drawing, NodeReference } from './core/layout/drawing';

/** What is known of a pair's speedup, by the finding's id. */
export type MeasurementOfFinding =
  | { readonly kind: 'running' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'measured';
      readonly speedup: number;
      /** One line: the speedup and what it comes from. */
      readonly title: string;
      /** Several lines: medians, spreads, shapes, errors. */
      readonly detail: string;
    };

export type MeasurementsByFinding = Readonly<Record<string, MeasurementOfFinding>>;

/** Why there is no graph to show. */
export type Status =
  | { readonly kind: 'loading'; readonly fileName: string }
  | { readonly kind: 'error'; readonly fileName: string; readonly message: string }
  /** No model is open; the message says what to do. */
  | { readonly kind: 'none'; readonly message: string };

export type ToWebview =
  | { readonly type: 'status'; readonly status: Status }
  /** The whole model, as often as it changes; what was sent before is out of date. */
  | {
      readonly type: 'model';
      /** Rises with every model sent to this webview. */
      readonly version: number;
      /** Identifies the model: pan, zoom and selection are kept while it stays. */
      readonly uri: string;
      readonly fileName: string;
      readonly drawing: Drawing;
      readonly measurements: MeasurementsByFinding;
      /** Something to know about the drawing, such as that the text has errors and parts of it are left out. */
      readonly notice?: string | undefined;
      /** The sizes of the inputs' symbolic dimensions in one line, such as `height = 512, width = ?`; absent without such. */
      readonly dimensions?: string | undefined;
    }
  /** New measurements of the model last sent. */
  | {
      readonly type: 'measurements';
      readonly measurements: MeasurementsByFinding;
      /** A measurement is under way: offer to cancel it. */
      readonly running: boolean;
    }
  /** Select a node, or none, and bring it into view. */
  | { readonly type: 'select'; readonly node: NodeReference | undefined };

export type FromWebview =
  /** The webview listens; send everything. */
  | { readonly type: 'ready' }
  /** The person chose a node: reveal its line. */
  | { readonly type: 'selectNode'; readonly node: NodeReference }
  | { readonly type: 'requestOpenAsText' }
  | { readonly type: 'requestFuseAll' }
  | { readonly type: 'requestFuse'; readonly finding: string }
  /** Measure one finding, or all that can fuse. */
  | { readonly type: 'requestMeasure'; readonly finding?: string | undefined }
  | { readonly type: 'cancelMeasure' }
  | { readonly type: 'requestSetDimensions' }
  | { readonly type: 'logError'; readonly message: string };

interface Message {
  readonly type: string;
}

/** A function for every type of message of a union: one that is forgotten doesn't compile. */
export type Handlers<M extends Message> = {
  readonly [T in M['type']]: (message: Extract<M, { readonly type: T }>) => void;
};

/** Hand a message to its handler; what isn't a message of the union (other scripts may post too) is left alone. */
export function dispatch<M extends Message>(handlers: Handlers<M>, message: unknown): void {
  if (typeof message !== 'object' || message === null || !('type' in message)) return;
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(handlers, type)) return;
  (handlers as unknown as Readonly<Record<string, (message: unknown) => void>>)[type]!(message);
}

/**
 * What lies under the pointer when a graph's context menu is opened, as the canvas's `data-vscode-context`: the menus'
 * conditions read it, and the commands get it.
 */
export interface GraphContext {
  readonly webviewSection: 'graphNode' | 'graph';
  readonly preventDefaultContextMenuItems: true;
  /** The text's URI. */
  readonly model: string;
  /** The finding or fused node that the node belongs to. */
  readonly finding?: string | undefined;
  readonly fusionState?: 'fusable' | 'blocked' | 'fused' | undefined;
  /** The node's place in the text. */
  readonly offset?: number | undefined;
}

/** Kinds of webview: the page that a click on a model opens, and the view in the side panel. */
export type WebviewKind = 'page' | 'panel';

/** Attributes of the document's body that tell the webview's script where it is. */
export const KIND_ATTRIBUTE = 'data-kind';
export const WORKER_ATTRIBUTE = 'data-worker';
