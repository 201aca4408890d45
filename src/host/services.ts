import type * as vscode from 'vscode';
import type { Analyses } from './analysis';
import type { GraphReveals } from './graphReveals';
import type { Dimensions } from './dimensions';
import type { Measurements } from './measurements';
import type { ModelFiles } from './modelFiles';

/** What the composition root builds once and hands to whatever needs it. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly files: ModelFiles;
  readonly analyses: Analyses;
  readonly measurements: Measurements;
  readonly dimensions: Dimensions;
  readonly reveals: GraphReveals;
}
