/**
 * What the extension and the measuring process say to each other.
 */
import type { KernelUnavailable } from './kernel';
import type { ModelProblem, ModelResult } from './measureModel';
import type { MeasureOptions, PairResult, Progress } from './measurePair';
import type { PairProblem } from './pairProblem';

/** One process serves one request. */
export type MeasureRequest =
  | { readonly kind: 'pair'; readonly problem: PairProblem; readonly options: MeasureOptions }
  | { readonly kind: 'model'; readonly problem: ModelProblem; readonly options: MeasureOptions };

/** The result that each kind of request has. */
export interface MeasureResults {
  readonly pair: PairResult;
  readonly model: ModelResult;
}

export type MeasureReply =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'progress' } & Progress)
  | { readonly kind: 'result'; readonly result: PairResult | ModelResult }
  | { readonly kind: 'unavailable'; readonly unavailable: KernelUnavailable }
  | { readonly kind: 'error'; readonly message: string };
