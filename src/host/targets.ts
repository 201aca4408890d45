import * as vscode from 'vscode';
import type { GraphContext } from '../protocol';

/** An item of the tree of fusions, as its commands get it. */
export interface ItemTarget {
  /** The text's URI. */
  readonly target: vscode.Uri;
  /** Id of a finding or fused node; absent for the model itself. */
  readonly id?: string | undefined;
}

/** What a command works on. */
export interface Target {
  readonly uri: vscode.Uri;
  readonly id?: string | undefined;
  /** Place in the text, for a node without a finding. */
  readonly offset?: number | undefined;
}

/**
 * What a command is called with, from wherever: a lens or the palette gives a
 * URI, the tree its item, a graph's context menu what lies under the pointer.
 */
export function targetOf(argument: unknown): Target | undefined {
  if (argument instanceof vscode.Uri) return { uri: argument };
  if (typeof argument !== 'object' || argument === null) return undefined;
  const item = argument as Partial<ItemTarget>;
  if (item.target instanceof vscode.Uri) return { uri: item.target, id: item.id };
  const { model, finding, offset } = argument as Partial<GraphContext>;
  if (typeof model !== 'string') return undefined;
  return {
    uri: vscode.Uri.parse(model, true),
    id: typeof finding === 'string' ? finding : undefined,
    offset: typeof offset === 'number' ? offset : undefined,
  };
}
