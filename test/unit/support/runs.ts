/** How often a property is tried: `count` times, or RUNS times that; SEED makes a run another one. */
export function runs(count: number): { numRuns: number; seed?: number } {
  const { RUNS, SEED } = process.env;
  return { numRuns: count * (Number(RUNS) || 1), ...(SEED !== undefined && { seed: Number(SEED) }) };
}
