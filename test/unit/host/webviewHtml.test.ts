import assert from 'node:assert/strict';
import { webviewHtml } from '../../../src/host/webviewHtml';

describe('webviewHtml', () => {
  const html = webviewHtml({
    nonce: 'bm9uY2U=',
    cspSource: 'https://*.vscode-cdn.net',
    scriptUri: 'https://file.vscode-cdn.net/a"b/webview.js?x=1&y=2',
    styleUri: 'https://file.vscode-cdn.net/webview.css',
    workerUri: 'https://file.vscode-cdn.net/layoutWorker.js',
    kind: 'panel',
  });

  it('allows its own script, style and worker, and nothing else', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
    assert.deepEqual(policy.split('; '), [
      "default-src 'none'",
      "style-src https://*.vscode-cdn.net 'nonce-bm9uY2U='",
      "script-src 'nonce-bm9uY2U='",
      'connect-src https://*.vscode-cdn.net',
      'worker-src blob:',
    ]);
    assert.doesNotMatch(html, /unsafe|style="|onload|javascript:/);
  });

  it('escapes URIs', () =>
    assert.match(html, /src="https:\/\/file\.vscode-cdn\.net\/a&quot;b\/webview\.js\?x=1&amp;y=2"/));

  it('tells the script its kind and where the worker is', () => {
    assert.match(html, /<body data-kind="panel" data-worker="https:\/\/file\.vscode-cdn\.net\/layoutWorker\.js">/);
  });
});
