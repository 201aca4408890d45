import { KIND_ATTRIBUTE, WORKER_ATTRIBUTE, type WebviewKind } from '../protocol';

export interface WebviewParts {
  /** Fresh and unguessable for each document, base64. */
  readonly nonce: string;
  /** `webview.cspSource`. */
  readonly cspSource: string;
  /** URIs of `dist/webview.js`, `dist/webview.css` and `dist/layoutWorker.js`, from `webview.asWebviewUri`. */
  readonly scriptUri: string;
  readonly styleUri: string;
  readonly workerUri: string;
  readonly kind: WebviewKind;
}

/**
 * The document of a webview. Its script builds everything in it, so that there is one place for content and state.
 * Workers may be started from `blob:` only, so the script fetches the worker's text from `workerUri`. The controls'
 * toolkit puts an empty style element into the document to try something out, with the nonce that the meta element says.
 */
export function webviewHtml({ nonce, cspSource, scriptUri, styleUri, workerUri, kind }: WebviewParts): string {
  const policy = [
    `default-src 'none'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    `connect-src ${cspSource}`,
    `worker-src blob:`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta property="csp-nonce" content="${escape(nonce)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escape(styleUri)}">
<title>ONNX Graph</title>
</head>
<body ${KIND_ATTRIBUTE}="${kind}" ${WORKER_ATTRIBUTE}="${escape(workerUri)}">
<script nonce="${escape(nonce)}" src="${escape(scriptUri)}"></script>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char]!);
}
