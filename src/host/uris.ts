import * as vscode from 'vscode';

/** Scheme of the documents that show a model file as text. */
export const TEXT_SCHEME = 'onnx-text';

/** Language id of ONNX text, in `onnx-text:` documents and in `.onnxtxt` files. */
export const LANGUAGE = 'onnx-text';

/**
 * The text document of a model file. Its path is the file's with another
 * extension (custom editors are chosen by name alone, in every scheme); the
 * file's own URI travels in the query.
 */
export function textUriOf(model: vscode.Uri): vscode.Uri {
  const path = model.path.replace(/\.onnx$/i, '') + '.onnxtxt';
  return vscode.Uri.from({ scheme: TEXT_SCHEME, path, query: model.toString() });
}

/** The model file that a text document shows, or `undefined` for text that stands for itself. */
export function modelUriOf(text: vscode.Uri): vscode.Uri | undefined {
  return text.scheme === TEXT_SCHEME && text.query !== '' ? vscode.Uri.parse(text.query, true) : undefined;
}

/** The text's URI, for a model file as well as for its text. */
export function toTextUri(uri: vscode.Uri): vscode.Uri {
  return isText(uri) ? uri : textUriOf(uri);
}

export function isText(uri: vscode.Uri): boolean {
  return uri.scheme === TEXT_SCHEME || /\.onnxte?xt$/i.test(uri.path);
}

export function fileNameOf(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}
