import type { LayoutGraph } from '../src/core/layout/graph';
import { layoutGraph, type GraphLayout } from '../src/core/layout/layout';
import type { LayoutReply, LayoutRequest } from './layoutMessages';

interface Job {
  readonly id: number;
  readonly graph: LayoutGraph;
  readonly resolve: (layout: GraphLayout | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Has graphs laid out by the worker, one at a time; of those that wait only the newest is ever begun. */
export class LayoutClient {
  private worker: Promise<Worker | undefined> | undefined;
  private running: Job | undefined;
  private waiting: Job | undefined;
  private lastId = 0;

  /**
   * @param workerUri where the worker's script is; webviews may start workers from `blob:` only.
   * @param onProblem told when the worker can't be used; layouts then run in this thread.
   */
  constructor(
    private readonly workerUri: string,
    private readonly onProblem: (message: string) => void,
  ) {}

  /** The layout, or `undefined` when a newer one was asked for in the meantime. */
  layout(graph: LayoutGraph): Promise<GraphLayout | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting?.resolve(undefined);
      this.waiting = { id: ++this.lastId, graph, resolve, reject };
      if (!this.running) void this.next();
    });
  }

  private async next(): Promise<void> {
    const job = this.waiting;
    this.waiting = undefined;
    this.running = job;
    if (!job) return;
    this.worker ??= this.start();
    const worker = await this.worker;
    if (worker) {
      const request: LayoutRequest = { id: job.id, graph: job.graph };
      worker.postMessage(request);
      return;
    }
    try {
      this.finish({ id: job.id, layout: layoutGraph(job.graph) });
    } catch (error) {
      this.finish({ id: job.id, error: messageOf(error) });
    }
  }

  private finish(reply: LayoutReply): void {
    const job = this.running;
    if (job?.id !== reply.id) return;
    this.running = undefined;
    if ('error' in reply) job.reject(new Error(reply.error));
    else job.resolve(this.waiting ? undefined : reply.layout);
    void this.next();
  }

  private async start(): Promise<Worker | undefined> {
    try {
      const response = await fetch(this.workerUri);
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
      const url = URL.createObjectURL(new Blob([await response.text()], { type: 'text/javascript' }));
      const worker = new Worker(url);
      worker.onmessage = ({ data }: MessageEvent<LayoutReply>) => this.finish(data);
      worker.onerror = (event) => {
        this.onProblem(`the layout worker failed: ${event.message}`);
        this.worker = Promise.resolve(undefined);
        if (this.running) {
          this.waiting ??= this.running;
          void this.next();
        }
      };
      return worker;
    } catch (error) {
      this.onProblem(`the layout worker can't start: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
