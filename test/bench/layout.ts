/**
 * Times drawing a model's main graph: `npx tsx test/bench/layout.ts FILE…`
 * Medians of seven runs in milliseconds, after one to warm up.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { measureGraph } from '../../src/core/layout/boxes';
import { drawingOf } from '../../src/core/layout/drawModel';
import { layoutGraph } from '../../src/core/layout/layout';
import { svgOf } from '../../src/core/layout/svg';
import { helveticaMetrics } from '../../src/core/layout/textMetrics';
import { findFused, findFusions } from '../../src/core/fusion/find';
import { decodeModel } from '../../src/core/onnx/decode';
import { bytesSource } from '../../src/core/wire/source';

const RUNS = 7;

function time<T>(run: () => T): { result: T; first: number; median: number } {
  const times: number[] = [];
  let result: T;
  for (let i = 0; i <= RUNS; i++) {
    const start = performance.now();
    result = run();
    times.push(performance.now() - start);
  }
  const first = times.shift()!;
  times.sort((a, b) => a - b);
  return { result: result!, first, median: times[RUNS >> 1]! };
}

const table = process.argv.slice(2).map((file) => {
  const source = bytesSource(readFileSync(file));
  const model = decodeModel(source);
  const findings = findFusions(model, { source });
  const fused = findFused(model);
  const drawing = time(() => drawingOf(model, findings, fused, { source }));
  const graph = drawing.result.graphs[0]!;
  const measured = time(() => measureGraph(graph, drawing.result.findings, helveticaMetrics()));
  const layout = time(() => layoutGraph(measured.result.layoutGraph));
  const svg = time(() => svgOf(drawing.result));
  const { width, height } = layout.result;
  return {
    model: path.basename(file),
    nodes: graph.nodes.length,
    edges: graph.sources.length,
    'drawing ms': Math.round(drawing.median),
    'boxes ms': Math.round(measured.median),
    'layout ms, first': Math.round(layout.first),
    'layout ms': Math.round(layout.median),
    'svg ms': Math.round(svg.median),
    size: `${Math.round(width)} × ${Math.round(height)}`,
  };
});
// eslint-disable-next-line no-console -- the table is what this script is for
console.table(table);
