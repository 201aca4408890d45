import * as vscode from 'vscode';
import type { Analyses } from '../analysis';
import { registerCompletion } from './completion';
import { registerFormatting } from './formatting';
import { registerHovers } from './hovers';
import { registerInlayHints } from './inlayHints';
import { registerNavigation } from './navigation';
import { registerRename } from './rename';
import { registerSemanticTokens } from './semanticTokens';
import { registerStructure } from './structure';

/** Everything that makes ONNX text a language in the editor, for models shown as text and for text files alike. */
export function registerLanguageFeatures(analyses: Analyses): vscode.Disposable {
  return vscode.Disposable.from(
    registerStructure(analyses),
    registerNavigation(analyses),
    registerRename(analyses),
    registerHovers(analyses),
    registerCompletion(analyses),
    registerSemanticTokens(analyses),
    registerInlayHints(analyses),
    registerFormatting(analyses),
  );
}
