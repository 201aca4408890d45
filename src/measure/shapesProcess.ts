import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { describeExit, MeasureCancelled, startProcess } from './client';
import type { MeasureReply } from './messages';
import type { InferredShapes } from './shapes';
import type { TextShapesRequest } from './textShapes';

export interface ShapesProcessOptions {
  /** The script of the process. */
  readonly script: string;
  /** Node's own arguments for it; by default none. */
  readonly execArgv?: readonly string[];
  /** Milliseconds without a request after which the process is ended; starting it anew takes some 200 ms. */
  readonly idleMs?: number;
}

const DEFAULT_IDLE_MS = 60_000;
/** Milliseconds that the shapes of one model may take. */
const LIMIT_MS = 120_000;

interface Running {
  readonly resolve: (shapes: InferredShapes) => void;
  readonly reject: (error: Error) => void;
  readonly limit: NodeJS.Timeout;
}

/** Infers shapes in a process of its own, which serves one request at a time and is ended when it has nothing to do. */
export class ShapesProcess {
  private child: ChildProcess | undefined;
  private running: Running | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: ShapesProcessOptions) {}

  /** Is a process alive? */
  get isAlive(): boolean {
    return this.child !== undefined;
  }

  /**
   * The shapes of a text. What is asked for while another request is running
   * ends that one.
   * @throws MeasureCancelled when another request or `cancel` came in between; an Error with a message for the log
   * when the process failed.
   */
  infer(request: TextShapesRequest): Promise<InferredShapes> {
    this.cancel();
    clearTimeout(this.idle);
    return new Promise((resolve, reject) => {
      const child = (this.child ??= this.start());
      const limit = setTimeout(() => {
        this.end(new Error(`The shapes took longer than ${LIMIT_MS / 1000} seconds.`));
      }, LIMIT_MS);
      this.running = { resolve, reject, limit };
      child.send({ kind: 'textShapes', request });
    });
  }

  /** End the request that is running: the runtime can't be interrupted, so its process goes. */
  cancel(): void {
    if (this.running) this.end(new MeasureCancelled());
  }

  dispose(): void {
    this.end(new MeasureCancelled());
  }

  private start(): ChildProcess {
    const child = startProcess(this.options.script, this.options.execArgv ?? []);
    try {
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It runs with the usual priority then.
    }
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-2000)));
    child.on('error', (error) => {
      if (child === this.child) this.end(new Error(`The process could not be started: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      if (child === this.child) this.end(new Error(describeExit(code, signal, stderr)));
    });
    child.on('message', (message: MeasureReply) => {
      if (child === this.child) this.receive(message);
    });
    return child;
  }

  private receive(message: MeasureReply): void {
    const { running } = this;
    if (!running || (message.kind !== 'result' && message.kind !== 'error')) return;
    this.running = undefined;
    clearTimeout(running.limit);
    this.idle = setTimeout(() => this.end(new MeasureCancelled()), this.options.idleMs ?? DEFAULT_IDLE_MS);
    if (message.kind === 'result') running.resolve(message.result as InferredShapes);
    else running.reject(new Error(message.message));
  }

  private end(reason: Error): void {
    const { child, running } = this;
    this.child = undefined;
    this.running = undefined;
    clearTimeout(this.idle);
    child?.kill('SIGKILL');
    if (!running) return;
    clearTimeout(running.limit);
    running.reject(reason);
  }
}
