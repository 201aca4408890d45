import * as path from 'node:path';
import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import * as vscode from 'vscode';
import { encodeModel } from '../core/onnx/encode';
import { parseModel } from '../core/text/parse';
import { externalLocations } from '../core/text/repoint';
import { bytesSource } from '../core/wire/source';
import { writeAtomically } from '../files/atomicWrite';
import { problemOf } from '../files/problem';
import type { ModelFiles } from './modelFiles';
import { originOf } from './textFileSystem';
import { LANGUAGE, fileNameOf, textUriOf } from './uris';

/** A model built from a text that VS Code is about to write under the model's name. */
interface Built {
  readonly file: string;
  readonly said: readonly string[];
}

/**
 * VS Code's own Save As writes a text into any file, also into one named .onnx, where every program expects a binary
 * model. The model that the text states is built before, while the text that it comes from is still known, and takes
 * the text's place after; where there is none, a message says what the file holds now.
 */
export function registerSavedAsModel(files: ModelFiles): vscode.Disposable {
  const pending = new Map<string, Promise<Built>>();
  return vscode.Disposable.from(
    vscode.workspace.onWillSaveTextDocument((event) => {
      const { document } = event;
      if (!isTextInModel(document)) return;
      const building = build(files, document);
      pending.set(document.uri.toString(), building);
      event.waitUntil(building.catch(() => undefined));
    }),
    vscode.workspace.onDidSaveTextDocument(async (document) => {
      const building = pending.get(document.uri.toString());
      if (!building) return;
      pending.delete(document.uri.toString());
      const name = fileNameOf(document.uri);
      try {
        const { file, said } = await building;
        await rename(file, document.uri.fsPath);
        await files.refresh(document.uri);
        const sentences = [`${name} is saved as a binary model, not as text.`, ...said];
        void vscode.window.showInformationMessage(sentences.join(' '));
      } catch (error) {
        const help =
          'It holds the text now, which other programs can’t read; save it under a name that ends in .onnxtxt.';
        void vscode.window.showErrorMessage(`${name} is not a model. ${problemOf(error)} ${help}`);
      }
    }),
  );
}

const isTextInModel = ({ uri, languageId }: vscode.TextDocument): boolean =>
  uri.scheme === 'file' && /\.onnx$/i.test(uri.path) && languageId === LANGUAGE;

/** Whether there is a document of this name with this text. */
function isOpenAs(uri: vscode.Uri, text: string): boolean {
  return vscode.workspace.textDocuments.some(
    (document) => document.uri.toString() === uri.toString() && document.getText() === text,
  );
}

/** Builds the model into a new file beside the one that is being saved. */
async function build(files: ModelFiles, document: vscode.TextDocument): Promise<Built> {
  const { uri } = document;
  const text = document.getText();
  const file = path.join(path.dirname(uri.fsPath), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    if (isOpenAs(textUriOf(uri), text)) {
      // VS Code has deleted the file, which isn't text, and made this one.
      await files.saveReplaced(uri, text, file);
      return { file, said: [] };
    }
    const origin = originOf(textUriOf(uri), text, false);
    if (origin) return { file, said: await files.saveAs(origin, text, vscode.Uri.file(file)) };
    const { model, errors } = parseModel(text);
    if (errors[0]) throw new Error(`Line ${document.positionAt(errors[0].span.start).line + 1}: ${errors[0].message}.`);
    const locations = externalLocations(model);
    if (locations.includes(fileNameOf(uri)))
      throw new Error('Its text refers to weights in the file that it replaced.');
    await writeAtomically(file, encodeModel(model), bytesSource(new Uint8Array()));
    return {
      file,
      said: locations.length === 0 ? [] : [`It reads its weights from ${locations.join(', ')} beside it.`],
    };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}
