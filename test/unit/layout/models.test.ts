import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import { ModelFormatError } from '../../../src/core/onnx/decode';
import { measureGraph } from '../../../src/core/layout/boxes';
import { drawModel } from '../../../src/core/layout/draw';
import { drawingOf } from '../../../src/core/layout/drawModel';
import { layoutGraph } from '../../../src/core/layout/layout';
import { helveticaMetrics } from '../../../src/core/layout/textMetrics';
import { openModel, sharedModel } from '../support/models';
import { assertBoxesApart, assertRoutesClear } from './graphs';
import { parseXml } from './xml';

/** Above this many nodes the comparison of every edge with every box takes too long for a test. */
const LARGEST = 400;

describe('real models', function () {
  this.timeout(120_000);

  for (const folder of ['conv-instancenorm', 'pytorch', 'diverse', 'invalid']) {
    it(`draws every graph of ${folder}`, function () {
      const root = sharedModel(this, folder);
      let drawn = 0;
      for (const file of readdirSync(root).filter((name) => name.endsWith('.onnx'))) {
        const full = path.join(root, file);
        let opened;
        try {
          opened = openModel(full);
        } catch (error) {
          assert.ok(error instanceof ModelFormatError, `${file}: ${String(error)}`);
          continue;
        }
        const { model, source } = opened;
        const drawing = drawingOf(model, findFusions(model, { source }), findFused(model), { source });
        for (const [index, graph] of drawing.graphs.entries()) {
          const findings = drawing.findings.filter((finding) => finding.graph === index);
          const { layoutGraph: measured } = measureGraph(graph, findings, helveticaMetrics());
          const layout = layoutGraph(measured);
          if (graph.nodes.length > LARGEST) continue;
          assertBoxesApart(measured, layout);
          assertRoutesClear(measured, layout);
        }
        parseXml(drawModel(model, { source }));
        drawn++;
      }
      assert.ok(drawn > 0, 'no model could be read');
    });
  }
});
