import * as vscode from 'vscode';
import { hoverAt } from '../../core/language/hover';
import { signatureHelpAt } from '../../core/language/signatureHelp';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf, markdown } from './textIndexes';

/** Hovers on ops, values, attributes and functions, and the op's signature while its inputs are written. */
export function registerHovers(analyses: Analyses): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerHoverProvider(documentSelector, {
      provideHover(document, position) {
        const hover = hoverAt(indexOf(analyses.of(document)), document.offsetAt(position));
        return hover && new vscode.Hover(markdown(hover.markdown), rangeOf(document, hover.span));
      },
    }),
    vscode.languages.registerSignatureHelpProvider(
      documentSelector,
      {
        provideSignatureHelp(document, position) {
          const found = signatureHelpAt(indexOf(analyses.of(document)), document.offsetAt(position));
          if (!found) return undefined;
          const signature = new vscode.SignatureInformation(found.label, markdown(found.documentation));
          signature.parameters = found.inputs.map(([start, end]) => new vscode.ParameterInformation([start, end]));
          const help = new vscode.SignatureHelp();
          help.signatures = [signature];
          help.activeSignature = 0;
          help.activeParameter = found.activeInput;
          return help;
        },
      },
      '(',
      ',',
    ),
  );
}
