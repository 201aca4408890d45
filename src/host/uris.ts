import * as vscode from 'vscode';

/** Scheme of the documents that show a model file as text. */
export const TEXT_SCHEME = 'onnx-text';

/** Scheme of the read-only documents on the left of comparisons. */
export const COMPARE_SCHEME = 'onnx-compare';

/** Scheme of the read-only documents that show what fusing would make of a text. */
export const FUSED_SCHEME = 'onnx-fused';

/** Language id of ONNX text, in `onnx-text:` documents and in `.onnxtxt` files. */
export const LANGUAGE = 'onnx-text';

/**
 * The text document of a model file. Its path is the file's with another
 * extension (custom editors are chosen by name alone, in every scheme). Where
 * that doesn't say which file it is, the file's own URI travels in the query.
 */
export function textUriOf(model: vscode.Uri): vscode.Uri {
  const path = model.path.replace(/\.onnx$/i, '') + '.onnxtxt';
  const isPlain = model.scheme === 'file' && model.authority === '' && model.path.endsWith('.onnx');
  return vscode.Uri.from({ scheme: TEXT_SCHEME, path, query: isPlain ? '' : model.toString() });
}

/**
 * The model file that a text document shows, or `undefined` for text that stands for itself. A person who is asked for
 * a text's new name may well give the model's.
 */
export function modelUriOf(text: vscode.Uri): vscode.Uri | undefined {
  if (text.scheme !== TEXT_SCHEME) return undefined;
  if (text.query !== '') return vscode.Uri.parse(text.query, true);
  if (text.path.endsWith('.onnx')) return vscode.Uri.from({ scheme: 'file', path: text.path });
  if (!text.path.endsWith('.onnxtxt')) return undefined;
  return vscode.Uri.from({ scheme: 'file', path: text.path.replace(/\.onnxtxt$/, '.onnx') });
}

/** The text's URI, for a model file as well as for its text. */
export function toTextUri(uri: vscode.Uri): vscode.Uri {
  return isText(uri) ? uri : textUriOf(uri);
}

export function isText(uri: vscode.Uri): boolean {
  return uri.scheme === TEXT_SCHEME || uri.scheme === COMPARE_SCHEME || /\.onnxte?xt$/i.test(uri.path);
}

export function fileNameOf(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

/** The setting: tensors larger than this many bytes are references in the model's text. */
export function elideAbove(model: vscode.Uri): number | undefined {
  return vscode.workspace.getConfiguration('onnxFusionLens', model).get<number>('elideTensorsAbove');
}
