import * as vscode from 'vscode';
import { RenameError, renamableAt, renameEdits } from '../../core/language/rename';
import type { TextIndex } from '../../core/language/textIndex';
import { documentSelector, rangeOf, type Analyses } from '../analysis';
import { indexOf } from './textIndexes';

/** Rename of values, nodes and functions. */
export function registerRename(analyses: Analyses): vscode.Disposable {
  const indexFor = (document: vscode.TextDocument): TextIndex => {
    const analysis = analyses.of(document);
    if (analysis.errors.length > 0) {
      // What doesn't parse may hold the name, too.
      throw new RenameError('Correct the syntax errors first: what they hide would keep the old name.');
    }
    return indexOf(analysis);
  };
  return vscode.languages.registerRenameProvider(documentSelector, {
    prepareRename: (document, position) =>
      saying(() => {
        const { span, name } = renamableAt(indexFor(document), document.offsetAt(position));
        return { range: rangeOf(document, span), placeholder: name };
      }),
    provideRenameEdits: (document, position, newName) =>
      saying(() => {
        const edit = new vscode.WorkspaceEdit();
        edit.set(
          document.uri,
          renameEdits(indexFor(document), document.offsetAt(position), newName).map(({ span, newText }) =>
            vscode.TextEdit.replace(rangeOf(document, span), newText),
          ),
        );
        return edit;
      }),
  });
}

/** A rejection shows its reason as the rename's message. */
function saying<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- VS Code shows a string as it is, an error with its name
    if (error instanceof RenameError) return Promise.reject(error.message);
    throw error;
  }
}
