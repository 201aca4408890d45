import * as vscode from 'vscode';
import { shapeHints } from '../../core/language/inlayHints';
import { documentSelector, type Analyses } from '../analysis';
import { indexOf, spanOf } from './textIndexes';

const SECTION = 'onnxFusionLens.inlayHints';

/** The shapes of nodes' results behind their names, where the setting asks for them. */
export function registerInlayHints(analyses: Analyses): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.InlayHintsProvider = {
    onDidChangeInlayHints: changed.event,
    provideInlayHints(document, range) {
      if (!vscode.workspace.getConfiguration(SECTION, document).get<boolean>('shapes', false)) return [];
      const analysis = analyses.of(document);
      const hints = shapeHints(indexOf(analysis), spanOf(document, range), analysis.shapes.types.typeOf);
      return hints.map(({ offset, label, tooltip }) => {
        const hint = new vscode.InlayHint(document.positionAt(offset), label, vscode.InlayHintKind.Type);
        hint.tooltip = tooltip;
        hint.paddingLeft = true;
        return hint;
      });
    },
  };
  return vscode.Disposable.from(
    changed,
    analyses.onDidChange(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SECTION)) changed.fire();
    }),
    vscode.languages.registerInlayHintsProvider(documentSelector, provider),
  );
}
