/**
 * What the extension and the measuring process say to each other.
 */
import type { KernelUnavailable } from './kernel';
import type { ModelProblem, ModelResult } from './measureModel';
import type { MeasureOptions, PairResult, Progress } from './measurePair';
import type { PairProblem } from './pairProblem';
import type { InferredShapes, ProbeResult } from './shapes';
import type { TextShapesRequest } from './textShapes';

/** One process serves one request, but for the shapes of texts, of which it serves as many as it is asked for. */
export type MeasureRequest =
  | { readonly kind: 'shapes'; readonly probe: Uint8Array }
  | { readonly kind: 'textShapes'; readonly request: TextShapesRequest }
  | { readonly kind: 'pair'; readonly problem: PairProblem; readonly options: MeasureOptions }
  | { readonly kind: 'model'; readonly problem: ModelProblem; readonly options: MeasureOptions };

/** The result that each kind of request has. */
export interface MeasureResults {
  readonly shapes: ProbeResult;
  readonly textShapes: InferredShapes;
  readonly pair: PairResult;
  readonly model: ModelResult;
}

export type MeasureReply =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'progress' } & Progress)
  | { readonly kind: 'result'; readonly result: MeasureResults[keyof MeasureResults] }
  | { readonly kind: 'unavailable'; readonly unavailable: KernelUnavailable }
  | { readonly kind: 'error'; readonly message: string };
