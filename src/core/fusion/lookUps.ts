import type { Node } from '../onnx/model';
import type { Scope } from './values';

/** An element type that follows from those of other values, as it was asked for. */
export interface DeducedType {
  readonly scope: Scope;
  readonly name: string;
  readonly type: number | undefined;
}

/** All that the result of a computation depends on, but for the model's header and declarations. */
export interface LookedAt {
  /** Values, in whatever body, some of them more than once: who writes and who reads them. */
  readonly names: string[];
  readonly types: DeducedType[];
  /** Nodes of which was asked whether another fusion takes them. */
  readonly taken: { readonly node: Node; readonly isTaken: boolean }[];
}

/** Records what is looked up in a model's bodies. */
export class LookUps {
  private recorded: LookedAt | undefined;

  note(name: string): void {
    this.recorded?.names.push(name);
  }

  noteDeduced(scope: Scope, name: string, type: number | undefined): void {
    this.recorded?.types.push({ scope, name, type });
  }

  noteTaken(node: Node, isTaken: boolean): void {
    this.recorded?.taken.push({ node, isTaken });
  }

  /** What `compute` yields, and what it looked at. */
  record<T>(compute: () => T): { readonly result: T; readonly lookedAt: LookedAt } {
    const lookedAt: LookedAt = { names: [], types: [], taken: [] };
    return { result: this.into(lookedAt, compute), lookedAt };
  }

  /** Runs what is recorded by its result instead. */
  apart(compute: () => void): void {
    this.into(undefined, compute);
  }

  private into<T>(record: LookedAt | undefined, compute: () => T): T {
    const outer = this.recorded;
    this.recorded = record;
    try {
      return compute();
    } finally {
      this.recorded = outer;
    }
  }
}
