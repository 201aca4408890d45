/**
 * Runs measurements in a process of their own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { KernelUnavailable } from './kernel';
import type { Progress } from './measurePair';
import type { MeasureReply, MeasureRequest, MeasureResults } from './messages';

export interface MeasureCallbacks {
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the process; the promise then rejects with `MeasureCancelled`. */
  readonly signal?: AbortSignal;
  /** Milliseconds without any sign of life after which the process is ended. One run of a large model may take long. */
  readonly silenceMs?: number;
  /** The script of the process: by default measure.js beside the bundle. */
  readonly script?: string;
  /** Node's own arguments for it; by default none. */
  readonly execArgv?: readonly string[];
}

export class MeasureCancelled extends Error {
  override readonly name = 'MeasureCancelled';
  constructor() {
    super('The measurement was cancelled.');
  }
}

/** The native part can't be had here; `remedy` says what to do. */
export class KernelUnavailableError extends Error {
  override readonly name = 'KernelUnavailableError';
  readonly remedy: string;
  constructor(unavailable: KernelUnavailable) {
    super(unavailable.message);
    this.remedy = unavailable.remedy;
  }
}

const DEFAULT_SILENCE_MS = 120_000;
/** How much of what the process wrote to stderr is kept for the message of a crash. */
const KEPT_STDERR = 2000;

/** What to tell the user of a process that ended before its time. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  const how = signal === null ? `with status ${code ?? 'unknown'}` : `by ${signal}`;
  const why =
    signal === 'SIGKILL'
      ? ' The system may have run out of memory.'
      : signal === 'SIGILL' || signal === 'SIGSEGV' || signal === 'SIGBUS' || signal === 'SIGABRT'
        ? ' This is a fault in native code (ONNX Runtime or the fused kernel).'
        : '';
  const lines = stderr.trim().split('\n');
  // Node ends what it says of an uncaught error with its own version.
  const last = lines.find((line) => /^(?:\w*Error|terminate called|Assertion)/u.test(line)) ?? lines.at(-1) ?? '';
  return `The measuring process ended ${how} before it was done.${why}${last === '' ? '' : ` It said: ${last}`}`;
}

/** Starts a measuring process, which tells when it is ready. */
export function startProcess(script: string, execArgv: readonly string[]): ChildProcess {
  return fork(script, [], {
    serialization: 'advanced',
    execArgv: [...execArgv],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // In VS Code the running program is Electron, which is Node.js only when told so.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
}

/**
 * Measures in a new process and ends it, whatever happens. Rejects with `MeasureCancelled`, `KernelUnavailableError`,
 * or an `Error` whose message is for the user.
 */
export function measure<K extends MeasureRequest['kind']>(
  request: Extract<MeasureRequest, { kind: K }>,
  callbacks: MeasureCallbacks = {},
): Promise<MeasureResults[K]> {
  const { signal, onProgress, silenceMs = DEFAULT_SILENCE_MS } = callbacks;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new MeasureCancelled());
      return;
    }
    const script = callbacks.script ?? path.join(__dirname, 'measure.js');
    if (!existsSync(script)) {
      reject(
        new Error(`The measuring program is missing: ${script}. Reinstall the extension, or run "npm run build".`),
      );
      return;
    }
    const child = startProcess(script, callbacks.execArgv ?? []);
    let stderr = '';
    let watchdog: NodeJS.Timeout | undefined;

    const finish = (settle: () => void): void => {
      clearTimeout(watchdog);
      signal?.removeEventListener('abort', cancel);
      process.removeListener('exit', kill);
      child.removeAllListeners();
      // A late error of a process that is being ended concerns nobody.
      child.on('error', () => undefined);
      kill();
      settle();
    };
    const kill = (): void => void child.kill('SIGKILL');
    const fail = (error: Error): void => finish(() => reject(error));
    const cancel = (): void => fail(new MeasureCancelled());
    const sawLife = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        fail(new Error(`The measuring process gave no sign of life for ${Math.round(silenceMs / 1000)} seconds.`));
      }, silenceMs);
    };

    sawLife();
    signal?.addEventListener('abort', cancel);
    process.once('exit', kill);
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_STDERR);
    });
    child.on('error', (error) => fail(new Error(`The measuring process could not be started: ${error.message}`)));
    child.on('exit', (code, exitSignal) => fail(new Error(describeExit(code, exitSignal, stderr))));
    child.on('message', (message: MeasureReply) => {
      sawLife();
      switch (message.kind) {
        case 'ready':
          child.send(request);
          break;
        case 'progress':
          onProgress?.({ fraction: message.fraction, message: message.message });
          break;
        case 'result':
          finish(() => resolve(message.result as MeasureResults[K]));
          break;
        case 'unavailable':
          fail(new KernelUnavailableError(message.unavailable));
          break;
        case 'error':
          fail(new Error(message.message));
          break;
      }
    });
  });
}
