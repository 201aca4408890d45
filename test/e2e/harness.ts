import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { format } from 'node:util';
import type { Page } from 'playwright-core';
import { bundleSuite } from './bundle';
import { startBridge } from './bridge';
import { launchBrowser } from './browser';
import { removeOnExit } from './cleanup';
import { environment, type Results } from './protocol';
import { follow, readResults } from './results';
import { installWorkbench, startServer, type WorkbenchVersion } from './workbench';

export interface RunOptions {
  /** Puts the extension under test into the given folder. */
  readonly placeExtension: (folder: string) => void;
  readonly suite: readonly string[];
  readonly version: WorkbenchVersion;
  /** Puts into the given empty folder what the suite works on. */
  readonly fillWorkspace: (folder: string) => void;
  /** A packaged extension to install and test instead. */
  readonly vsix?: string;
  readonly grep?: string;
  /** Runs the suite without mouse and keyboard, as where no bridge is possible. */
  readonly commandsOnly?: boolean;
  readonly limitMs: number;
  readonly shots: string;
  readonly repository: string;
  readonly say: (line: string) => void;
  /** Takes the test runner's output as it comes. */
  readonly print: (text: string) => void;
}

/** Settings of the window: nothing that moves, pops up or asks. */
export const windowSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.commandCenter': false,
  'chat.commandCenter.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'extensions.autoCheckUpdates': false,
  'update.mode': 'none',
  'git.enabled': false,
  'files.simpleDialog.enable': true,
  'workbench.reduceMotion': 'on',
  'editor.cursorBlinking': 'solid',
} as const;

/** Makes the folder of this run under the system's temporary folder; it goes when the process ends. */
export function makeRunFolder(fillWorkspace: (folder: string) => void): { run: string; workspace: string } {
  // Short, since the server's sockets lie below it and a socket's path may have about 100 characters.
  const run = mkdtempSync(path.join(os.tmpdir(), 'onnx-e2e-'));
  removeOnExit(run);
  const workspace = path.join(run, 'workspace');
  mkdirSync(workspace);
  fillWorkspace(workspace);
  return { run, workspace };
}

/** VS Code runs tests only along with an extension in development. */
function placeEmptyExtension(folder: string): void {
  mkdirSync(folder);
  const manifest = { name: 'empty', publisher: 'test', version: '0.0.0', engines: { vscode: '^1.100.0' } };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
}

async function openWindow(page: Page, address: string, logFile: string): Promise<number> {
  let finish: (code: number) => void = () => undefined;
  const exit = new Promise<number>((resolve) => (finish = resolve));
  await page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
    appendFileSync(
      logFile,
      `${type}: ${format(...args)}
`,
    );
  });
  page.on('console', (message) => {
    appendFileSync(logFile, `page ${message.type()}: ${message.text()}\n`);
  });
  page.on('crash', () => {
    appendFileSync(logFile, 'page: crashed\n');
  });
  await page.exposeFunction('codeAutomationExit', (code: number) => {
    finish(code);
  });
  await page.goto(address);
  return exit;
}

/**
 * Runs the suite in the workbench, in a headless Chromium.
 * @returns the suite's counts
 * @throws when the suite didn't run to its end within the limit, or ran no test
 */
export async function runSuite(options: RunOptions): Promise<Results> {
  const { say } = options;
  await installWorkbench(options.version, say);
  const tests = await bundleSuite(options.suite);
  const { run, workspace } = makeRunFolder(options.fillWorkspace);
  const extension = path.join(run, 'extension');
  if (options.vsix === undefined) options.placeExtension(extension);
  else placeEmptyExtension(extension);
  const resultsFile = path.join(run, 'results.json');
  const logFile = path.join(run, 'mocha.log');
  const endOfLog = follow(logFile, options.print);
  rmSync(options.shots, { recursive: true, force: true });

  const bridge = await startBridge(options.shots);
  const browser = await launchBrowser();
  const server = await startServer({
    version: options.version,
    dataDirectory: run,
    settings: windowSettings,
    tests: true,
    extensions: options.vsix === undefined ? [] : [options.vsix],
    environment: {
      [environment.results]: resultsFile,
      [environment.log]: logFile,
      [environment.repository]: options.repository,
      [environment.grep]: options.grep ?? '',
      [environment.bridge]: options.commandsOnly === true ? '' : bridge.address,
    },
  });
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(30_000);
  bridge.attach(page);
  const address = server.page(workspace, [
    ['extensionDevelopmentPath', server.uri(extension)],
    ['extensionTestsPath', server.uri(tests)],
    ['skipWelcome', 'true'],
  ]);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, options.limitMs, `The suite took longer than ${options.limitMs / 60_000} minutes.`);
  });
  const problem = await Promise.race([
    openWindow(page, address, path.join(run, 'console.log')).then(() => undefined),
    limit,
    server.ended.then((reason) => `The VS Code server: ${reason}`),
  ]);
  clearTimeout(timer);
  endOfLog();
  const results = problem ?? readResults(resultsFile);
  if (typeof results === 'string' || results.failed > 0) {
    mkdirSync(options.shots, { recursive: true });
    const shot = path.join(options.shots, 'at-the-end.png');
    await page.screenshot({ path: shot, timeout: 5000 }).catch(() => undefined);
    const consoleLog = path.join(run, 'console.log');
    if (existsSync(consoleLog)) copyFileSync(consoleLog, path.join(options.shots, 'console.log'));
  }
  await browser.close();
  bridge.close();
  server.stop();
  if (typeof results === 'string')
    throw new Error(`${results} See ${path.relative(options.repository, options.shots)}.`);
  return results;
}
