import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';

const tasks: (() => void)[] = [];
let installed = false;

/**
 * Registers work to be done when this process ends, however it ends: normally, by an error or by a signal.
 * Tasks are synchronous, run once, and run in reverse order of registration.
 */
export function onExit(task: () => void): void {
  if (!installed) {
    installed = true;
    process.once('exit', cleanUp);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        process.exit(signal === 'SIGINT' ? 130 : 143);
      });
    }
  }
  tasks.push(task);
}

/** Runs the registered tasks now. */
export function cleanUp(): void {
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    try {
      task();
    } catch {
      // A task that fails must not keep the others from running.
    }
  }
}

/** Ends a child that was spawned with `detached: true`, with everything it started. */
export function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}

/** Removes a directory when this process ends. */
export function removeOnExit(directory: string): void {
  onExit(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
}
