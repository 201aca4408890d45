import { formatBytes, formatCount } from './describe';
import type { Advice, Finding } from './finding';

/** What a measurement says of a pair, where there is one: it counts for more than the estimate. */
export type MeasuredSpeedup = number | undefined;

/** Speedups closer to 1 than this are noise. */
const NOTICEABLE = 0.03;

/** In one line, is fusing worth it? A measurement decides, else the estimate, else nothing can be said. */
export function verdictText(
  { fusable, advice }: Pick<Finding, 'fusable' | 'advice'>,
  measured?: MeasuredSpeedup,
): string | undefined {
  if (!fusable) return undefined;
  if (measured !== undefined) {
    const figure = `measured ${measured.toFixed(2)}× on this machine`;
    if (measured >= 1 + NOTICEABLE) return `Worth fusing: ${figure}.`;
    return measured > 1 - NOTICEABLE
      ? `Fusing makes no difference: ${figure}.`
      : `Not worth fusing: ${figure}, slower.`;
  }
  const { savedShare, verdict } = advice;
  if (savedShare === undefined || verdict === undefined) return undefined;
  const share = percent(savedShare);
  switch (verdict) {
    case 'worth':
      return `Worth fusing: estimated to save ${share} of the pair’s time.`;
    case 'small':
      return `A small gain: fusing alone is estimated to save ${share} of the pair’s time.`;
    case 'hardly':
      return `Hardly worth it for fusing alone: the convolution’s arithmetic dominates, the estimate is ${share} of the pair’s time. Measure to see what the kernel’s convolution gains.`;
  }
}

/** What fusing saves and costs, each as name and figure: numbers where the shapes are known, else formulas. */
export function adviceFacts(advice: Advice): readonly (readonly [name: string, figure: string])[] {
  const { multiplyAdds, multiplyAddsFormula, bytesSaved, bytesSavedFormula, weightBytes, workspaceBytes } = advice;
  const facts: [string, string][] = [];
  const add = (name: string, known: string | undefined, formula?: string): void => {
    const figure = known ?? formula;
    if (figure !== undefined) facts.push([name, figure]);
  };
  add('Multiply-adds', multiplyAdds === undefined ? undefined : formatCount(multiplyAdds), multiplyAddsFormula);
  add(
    'Activation traffic saved',
    bytesSaved === undefined ? undefined : formatBytes(bytesSaved),
    bytesSavedFormula && `${bytesSavedFormula} bytes`,
  );
  add('Weights', weightBytes === undefined ? undefined : formatBytes(weightBytes));
  add('Kernel’s workspace', workspaceBytes === undefined ? undefined : `up to ${formatBytes(workspaceBytes)}`);
  return facts;
}

/** The advice as plain lines, the verdict first; for tooltips. */
export function adviceLines(finding: Finding, measured?: MeasuredSpeedup): string[] {
  const verdict = verdictText(finding, measured);
  const facts = adviceFacts(finding.advice).map(([name, figure]) => `${name}: ${figure}`);
  return verdict === undefined ? facts : [verdict, ...facts];
}

/**
 * How much fusing a finding gains, for sorting: the part of the pair's time
 * that goes, as measured, else as estimated; −1 where nothing is known.
 */
export function gainOf({ advice }: Finding, measured?: MeasuredSpeedup): number {
  return measured === undefined ? (advice.savedShare ?? -1) : 1 - 1 / measured;
}

const percent = (share: number): string => (share < 0.01 ? 'under 1 %' : `about ${Math.round(share * 100)} %`);
