import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { downloadAndUnzipVSCode, SilentReporter } from '@vscode/test-electron';
import { cleanUp } from '../test/e2e/cleanup';
import { installWorkbench, SetupError, startServer, writeUserSettings } from '../test/e2e/workbench';

const root = path.resolve(__dirname, '..');
/** Git-ignored: the copy of the sample, and the settings of the VS Code that is opened. */
const scratch = path.join(root, 'out/start');

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const settings = {
  // The sample lies in a folder of this repository.
  'git.openRepositoryInParentFolders': 'never',
  'workbench.startupEditor': 'none',
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
} as const;

/** The model to open: the person's own, or a fresh copy of the sample. */
function chooseModel(argument: string | undefined): string {
  if (argument !== undefined) {
    const file = path.resolve(process.env['INIT_CWD'] ?? process.cwd(), argument);
    if (!existsSync(file) || !statSync(file).isFile()) throw new SetupError(`There is no file ${file}.`);
    return file;
  }
  const sample = path.join(root, 'media/samples/style-transfer.onnx');
  const copy = path.join(scratch, 'sample', path.basename(sample));
  rmSync(path.dirname(copy), { recursive: true, force: true });
  mkdirSync(path.dirname(copy), { recursive: true });
  copyFileSync(sample, copy);
  return copy;
}

function hasDesktop(): boolean {
  if (process.platform !== 'linux') return true;
  return (process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY'] ?? '') !== '';
}

/** Runs a program in the foreground until it ends; false when it can't start or says no. */
async function foreground(command: string, args: readonly string[], shell = false): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'inherit', shell });
  return new Promise((resolve) => {
    child.on('error', () => {
      resolve(false);
    });
    child.on('close', (code) => {
      resolve(code === 0);
    });
  });
}

/** Opens the model with the `code` on PATH. That of a remote terminal can't load an extension from a folder. */
async function openWithInstalled(model: string): Promise<boolean> {
  if ((process.env['VSCODE_IPC_HOOK_CLI'] ?? '') !== '') return false;
  const windows = process.platform === 'win32';
  const version = spawnSync('code', ['--version'], { timeout: 15_000, encoding: 'utf8', shell: windows });
  if (version.status !== 0 || !/^\d+\.\d+/.test(version.stdout)) return false;
  say(`Opening ${model} in the installed VS Code ${version.stdout.split('\n')[0] ?? ''} …`);
  const quote = (text: string): string => (windows ? `"${text}"` : text);
  const args = ['--new-window', `--extensionDevelopmentPath=${root}`, path.dirname(model), model];
  return foreground('code', args.map(quote), windows);
}

async function reaches(address: string, limitMs: number): Promise<boolean> {
  return fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(limitMs) }).then(
    (response) => response.ok,
    () => false,
  );
}

/** Opens the model with a VS Code downloaded into .vscode-test, once. */
async function openWithDownloaded(model: string): Promise<boolean> {
  if (!(await reaches('https://update.code.visualstudio.com/api/releases/stable', 5000))) return false;
  say('Downloading VS Code, once …');
  const options = { cachePath: path.join(root, '.vscode-test'), reporter: new SilentReporter(), timeout: 15_000 };
  const executable = await downloadAndUnzipVSCode(options).catch(() => undefined);
  if (executable === undefined) return false;
  const userData = path.join(scratch, 'desktop');
  writeUserSettings(userData, settings);
  say(`Opening ${model} in VS Code; this ends when its window is closed …`);
  return foreground(executable, [
    ...['--user-data-dir', userData, '--extensions-dir', path.join(scratch, 'desktop-extensions')],
    `--extensionDevelopmentPath=${root}`,
    '--disable-workspace-trust',
    path.dirname(model),
    model,
  ]);
}

/**
 * Installs an extension that opens the model once ours is known to the window: a file that the window itself opens
 * at once would get the editor for binary files.
 */
function installOpener(model: string, extensions: string): void {
  const id = 'onnx-fusion-lens.opener';
  const version = '0.0.0';
  const folder = path.join(extensions, `${id}-${version}`);
  mkdirSync(folder, { recursive: true });
  const manifest = {
    ...{ name: 'opener', publisher: 'onnx-fusion-lens', version, engines: { vscode: '^1.100.0' } },
    ...{ main: './opener.js', activationEvents: ['onStartupFinished'] },
  };
  const source = `
const vscode = require('vscode');
exports.activate = () => {
  if (vscode.window.tabGroups.all.every((group) => group.tabs.length === 0)) {
    return vscode.commands.executeCommand('vscode.open', vscode.Uri.file(${JSON.stringify(model)}));
  }
};
`;
  const location = { $mid: 1, scheme: 'file', path: folder };
  const entry = { identifier: { id }, version, location, relativeLocation: path.basename(folder) };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(folder, 'opener.js'), source);
  writeFileSync(path.join(extensions, 'extensions.json'), JSON.stringify([entry]));
}

/** Serves the workbench to a browser until this process is ended. */
async function serve(model: string): Promise<void> {
  if (process.platform === 'win32') {
    throw new SetupError('No VS Code was found: install it, with `code` on PATH, and run npm start again.');
  }
  await installWorkbench('minimum', say);
  const dataDirectory = path.join(scratch, 'browser');
  rmSync(path.join(dataDirectory, 'extensions'), { recursive: true, force: true });
  installOpener(model, path.join(dataDirectory, 'extensions'));
  const server = await startServer({
    version: 'minimum',
    dataDirectory,
    settings,
    token: randomBytes(16).toString('hex'),
  });
  const address = server.page(path.dirname(model), [
    ['extensionDevelopmentPath', server.uri(root)],
    ['skipWelcome', 'true'],
  ]);
  say(`VS Code with ${model} is at\n\n  ${address}\n\nOpen it in a browser. Ctrl+C ends it.`);
  throw new SetupError(`The VS Code server ended: ${await server.ended}`);
}

async function main(): Promise<void> {
  const model = chooseModel(process.argv[2]);
  if (hasDesktop()) {
    if (await openWithInstalled(model)) return;
    say('No `code` on PATH that can run an extension from a folder; trying a download.');
    if (await openWithDownloaded(model)) return;
    say('VS Code could not be downloaded; starting it for the browser instead.');
  } else {
    say('No desktop here; starting VS Code for the browser.');
  }
  await serve(model);
}

main()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  })
  .finally(() => {
    cleanUp();
    process.exit();
  });
