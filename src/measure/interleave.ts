/**
 * Times several candidates against each other.
 */

export interface Candidate {
  readonly name: string;
  /** Runs once and returns the milliseconds that it took. */
  readonly run: () => number;
}

export interface InterleaveOptions {
  /** Stop after this many milliseconds of measuring, warm-up excluded. */
  readonly budgetMs: number;
  /** Whatever the budget says, at least and at most this many rounds. */
  readonly leastRounds?: number;
  readonly mostRounds?: number;
  /** Called after each round with the part of the budget used, 0 to 1. */
  readonly onRound?: (fraction: number) => void;
}

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Runs each candidate once a round, starting with another one each round so that none always profits from what its
 * predecessor left in the caches, and returns each one's times, round by round. One warm-up round is not counted.
 * Between rounds the event loop turns, so that a cancelled process can end.
 */
export async function interleave(candidates: readonly Candidate[], options: InterleaveOptions): Promise<number[][]> {
  const { budgetMs, leastRounds = 5, mostRounds = 400, onRound } = options;
  const times: number[][] = candidates.map(() => []);
  for (const candidate of candidates) candidate.run();
  const start = performance.now();
  for (let round = 0; round < mostRounds; round++) {
    const used = performance.now() - start;
    if (round >= leastRounds && used >= budgetMs) break;
    for (let i = 0; i < candidates.length; i++) {
      const which = (round + i) % candidates.length;
      times[which]!.push(candidates[which]!.run());
    }
    const elapsed = (performance.now() - start) / budgetMs;
    onRound?.(Math.min(1, Math.max(elapsed, 0), Math.max(elapsed, (round + 1) / mostRounds)));
    await breathe();
  }
  return times;
}
