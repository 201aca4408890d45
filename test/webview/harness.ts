/** A webview in a headless Chromium: the real bundles and content security policy, with an editor's API made up. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { webviewHtml } from '../../src/host/webviewHtml';
import type { FromWebview, ToWebview, WebviewKind } from '../../src/protocol';
import { findChromium, launchBrowser } from '../e2e/browser';
import { themes, type ThemeName } from './themes';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const ORIGIN = 'https://webview.test';

/** Is there a browser to run in? */
export function hasChromium(): boolean {
  try {
    findChromium();
    return true;
  } catch {
    return false;
  }
}

/** The webview's bundles, built as esbuild.mjs does. */
async function bundles(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: { webview: 'webview/main.ts', layoutWorker: 'webview/worker.ts' },
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    outdir: 'dist',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  });
  return new Map(outputFiles.map((file) => [path.basename(file.path), file.text]));
}

/** A browser with the bundles ready; close it when done. */
export class WebviewBrowser {
  private constructor(
    private readonly browser: Browser,
    private readonly files: ReadonlyMap<string, string>,
  ) {}

  static async launch(): Promise<WebviewBrowser> {
    const [browser, files] = await Promise.all([launchBrowser(), bundles()]);
    return new WebviewBrowser(browser, files);
  }

  async open(
    kind: WebviewKind,
    theme: ThemeName = 'dark',
    viewport = { width: 1200, height: 800 },
    deviceScaleFactor = 1,
  ): Promise<Webview> {
    const page = await this.browser.newPage({ viewport, deviceScaleFactor });
    return Webview.start(page, kind, theme, this.files);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** One webview, and all that it said. */
export class Webview {
  /** What went wrong in the page: errors, and violations of the content security policy. */
  readonly problems: string[] = [];

  private constructor(readonly page: Page) {}

  static async start(
    page: Page,
    kind: WebviewKind,
    theme: ThemeName,
    files: ReadonlyMap<string, string>,
  ): Promise<Webview> {
    const webview = new Webview(page);
    page.on('pageerror', (error) => webview.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') webview.problems.push(message.text());
    });
    const html = webviewHtml({
      nonce: 'bm9uY2U',
      cspSource: ORIGIN,
      scriptUri: `${ORIGIN}/webview.js`,
      styleUri: `${ORIGIN}/webview.css`,
      workerUri: `${ORIGIN}/layoutWorker.js`,
      kind,
    });
    await page.route(`${ORIGIN}/**`, async (route) => {
      const name = path.basename(new URL(route.request().url()).pathname);
      const contentType = name.endsWith('.css') ? 'text/css' : name.endsWith('.js') ? 'text/javascript' : 'text/html';
      await route.fulfill({ contentType, body: name === 'index.html' ? html : (files.get(name) ?? '') });
    });
    await page.addInitScript({ content: fakeEditor(theme) });
    await page.goto(`${ORIGIN}/index.html`);
    await webview.until((messages) => messages.some(({ type }) => type === 'ready'));
    return webview;
  }

  /** Send a message as the extension host does. */
  async send(message: ToWebview): Promise<void> {
    await this.page.evaluate(`window.postMessage(${JSON.stringify(message)}, '*')`);
  }

  /** Everything the webview posted so far. */
  async messages(): Promise<FromWebview[]> {
    return this.page.evaluate('window.posted');
  }

  /** Wait until what was posted satisfies a condition. */
  async until(condition: (messages: readonly FromWebview[]) => boolean, timeout = 10_000): Promise<void> {
    const end = Date.now() + timeout;
    while (!condition(await this.messages())) {
      if (Date.now() > end) {
        throw new Error(
          `The webview didn't say what was waited for. It said: ${JSON.stringify(await this.messages())}. Problems: ${this.problems.join('; ')}`,
        );
      }
      await this.page.waitForTimeout(20);
    }
  }

  /** Wait until a graph is shown. */
  async shown(): Promise<void> {
    await this.page.locator('.message').waitFor({ state: 'hidden', timeout: 30_000 });
    await this.settled();
  }

  /** Wait until what is pending is drawn. */
  async settled(): Promise<void> {
    await this.page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  }

  async setTheme(theme: ThemeName): Promise<void> {
    await this.page.evaluate(`window.setTheme(${JSON.stringify(theme)})`);
    await this.settled();
  }
}

/** What VS Code puts into a webview: its API, and the theme's variables and class. */
function fakeEditor(theme: ThemeName): string {
  return `
window.posted = [];
let state = JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined;
window.acquireVsCodeApi = () => ({
  postMessage: (message) => { window.posted.push(structuredClone(message)); },
  getState: () => state,
  setState: (value) => { state = value; sessionStorage.setItem('state', JSON.stringify(value)); return value; },
});
const themes = ${JSON.stringify(themes)};
window.setTheme = (name) => {
  const { kind, colours } = themes[name];
  document.body.className = [...[...document.body.classList].filter((c) => !c.startsWith('vscode-')), kind].join(' ');
  for (const [key, value] of Object.entries(colours)) document.documentElement.style.setProperty('--vscode-' + key, value);
};
document.addEventListener('DOMContentLoaded', () => window.setTheme(${JSON.stringify(theme)}));
new MutationObserver((_, observer) => {
  if (!document.body) return;
  observer.disconnect();
  window.setTheme(${JSON.stringify(theme)});
}).observe(document, { childList: true, subtree: true });
`;
}
