import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { assertSameGraph } from './graphs';
import { randomModel, recipe, shapeOf, type Recipe } from './randomGraphs';
import { bytesOf, fuseText, parse, unfuseText } from './text';

/** More graphs than the suite has time for: `FUSION_GRAPHS=2500 npx mocha --import=tsx test/unit/fusion/random.test.ts`. */
const GRAPHS = Number(process.env['FUSION_GRAPHS'] ?? 150);

/** What fused over all graphs, by op; what was found and didn't, by reason. */
class Tally {
  readonly fused = new Map<string, number>();
  readonly kept = new Map<string, number>();

  count(text: string): void {
    for (const { fusable, fusedOp, reason } of findFusions(parse(text))) {
      const [counts, key] = fusable ? [this.fused, fusedOp] : [this.kept, reason!.code];
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
}

const lines = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([key, count]) => `${count} ${key}`).join(', ');
const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

async function check(graph: Recipe, tally: Tally): Promise<void> {
  const text = randomModel(graph);
  const fused = fuseText(text);
  const inputs = { x: floatTensor(shapeOf(graph), graph.seed) };
  const expected = await runModel(bytesOf(text), inputs);
  const actual = await runModel(bytesOf(fused), inputs);
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [name, value] of expected) {
    const error = largestError(actual.get(name)!, value);
    assert.ok(error <= 1e-4, `${name} differs by ${error}\n${text.replaceAll(/\{[-\d., ]{40,}\}/g, '{…}')}`);
  }
  assert.equal(findFusions(parse(fused)).filter(({ fusable }) => fusable).length, 0);
  assert.equal(findFused(parse(fused)).length, findFusions(parse(text)).filter(({ fusable }) => fusable).length);
  assertSameGraph(parse(unfuseText(fused)), parse(text));
  tally.count(text);
}

describe('random graphs', () => {
  it(`${GRAPHS} compute the same fused, and come back unfused`, async function () {
    this.timeout(Math.max(120_000, GRAPHS * 500));
    const tally = new Tally();
    await fc.assert(
      fc.asyncProperty(recipe, (graph) => check(graph, tally)),
      { numRuns: GRAPHS },
    );
    const [pairs, kept] = [total(tally.fused), total(tally.kept)];
    if (process.env['FUSION_GRAPHS']) {
      process.stdout.write(
        `${GRAPHS} graphs; ${pairs} pairs fused: ${lines(tally.fused)}; ${kept} kept: ${lines(tally.kept)}\n`,
      );
    }
    assert.ok(pairs > GRAPHS && kept > GRAPHS / 50, `${pairs} fused, ${kept} kept`);
  });
});
