import type { Finding } from '../core/fusion/finding';
import type { Model } from '../core/onnx/model';
import { KernelUnavailableError, MeasureCancelled, measure, type MeasureCallbacks } from './client';
import type { MeasureOptions, PairResult } from './measurePair';
import { pairProblem } from './pair';
import { OpenDimensionsError, openDimensions, type DimensionSizes } from './dimensions';
import { inferShapes } from './shapes';
import type { TensorReader } from './tensorReader';

/** What came of measuring one finding. */
export type FindingOutcome =
  | { readonly kind: 'measured'; readonly result: PairResult; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

export interface FindingsProgress {
  /** 0 to 1, over all findings. */
  readonly fraction: number;
  readonly message: string;
}

export interface FindingsCallbacks extends Pick<MeasureCallbacks, 'signal' | 'script' | 'execArgv'> {
  readonly onProgress?: (progress: FindingsProgress) => void;
  readonly onStart?: (finding: Finding) => void;
  readonly onOutcome: (finding: Finding, outcome: FindingOutcome) => void;
}

/**
 * Measures findings of a model one after the other, each in a process of its
 * own, so that what goes wrong with one harms no other.
 * @param sizes of the dimensions that the model leaves open.
 * @throws OpenDimensionsError when a size is missing, KernelUnavailableError
 * when nothing can be measured on this machine, MeasureCancelled.
 */
export async function measureFindings(
  model: Model,
  reader: TensorReader,
  findings: readonly Finding[],
  sizes: DimensionSizes,
  options: MeasureOptions,
  callbacks: FindingsCallbacks,
): Promise<void> {
  const { onProgress, onStart, onOutcome, ...process } = callbacks;
  const open = openDimensions(model, sizes);
  if (open.length > 0) throw new OpenDimensionsError(open);
  onProgress?.({ fraction: 0, message: 'finding the shapes' });
  const { shapes, refusal } = await inferShapes(model, reader, sizes, (probe) =>
    measure<'shapes'>({ kind: 'shapes', probe }, process),
  );
  for (const [index, finding] of findings.entries()) {
    onStart?.(finding);
    const prepared = pairProblem(model, reader, finding, shapes);
    if ('reason' in prepared) {
      const because = refusal === undefined ? '' : ` (ONNX Runtime refuses the model: ${refusal})`;
      onOutcome(finding, { kind: 'failed', message: prepared.reason + because });
      continue;
    }
    try {
      const result = await measure<'pair'>(
        { kind: 'pair', problem: prepared.problem, options },
        {
          ...process,
          onProgress: ({ fraction, message }) =>
            onProgress?.({
              fraction: (index + fraction) / findings.length,
              message: `${finding.id}: ${message}`,
            }),
        },
      );
      onOutcome(finding, { kind: 'measured', result, notes: prepared.notes });
    } catch (error) {
      if (error instanceof MeasureCancelled || error instanceof KernelUnavailableError) throw error;
      onOutcome(finding, { kind: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
  }
}
