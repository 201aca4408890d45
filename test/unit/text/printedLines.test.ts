import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Tensor, ValueInfo } from '../../../src/core/onnx/model';
import { parseGraph, parseValues } from '../../../src/core/text/parseGraph';
import { parseNode } from '../../../src/core/text/parseNode';
import { readDeclaration, readNode } from '../../../src/core/text/printedLines';
import { Char, Scanner } from '../../../src/core/text/scanner';
import { anyModel } from '../support/arbitraryModel';
import { sampleModel } from '../support/models';
import { plain } from '../support/plain';
import { runs } from '../support/runs';
import { encode, fileOf, textOf } from '../support/textRoundTrip';

/** Reads the elements that start lines of a text both ways; returns how many the regular expressions took. */
function readBothWays(text: string): { nodes: number; declarations: number } {
  const quick = new Scanner(text);
  let nodes = 0;
  let declarations = 0;
  for (const { index } of text.matchAll(/^ *(?=\S)/gm)) {
    const start = index + /^ */.exec(text.slice(index))![0].length;
    quick.pos = start;
    const node = readNode(quick, 1, parseGraph);
    if (node !== undefined) {
      nodes++;
      const scanner = new Scanner(text);
      scanner.pos = start;
      const expected = parseNode(scanner, { start: 0, nodes: [] }, 1, parseGraph);
      assert.deepEqual(plain([node, quick.pos, quick.errors]), plain([expected, scanner.pos, scanner.errors]));
    }
    quick.pos = start;
    const [values, initializers]: [ValueInfo[], Tensor[]] = [[], []];
    if (start > 0 && readDeclaration(quick, values, initializers)) {
      declarations++;
      const end = text.lastIndexOf(',', quick.pos);
      // The same declaration at the same place, as the only one of a list.
      const scanner = new Scanner(`${' '.repeat(start - 1)}<${text.slice(start, end)}>`);
      const [otherValues, otherInitializers]: [ValueInfo[], Tensor[]] = [[], []];
      parseValues(scanner, otherValues, otherInitializers, Char.Greater, 'either', []);
      assert.deepEqual(plain([values, initializers]), plain([otherValues, otherInitializers]));
      assert.deepEqual(scanner.errors, []);
      assert.deepEqual(
        [...values, ...initializers].map(({ span, nameSpan }) => [span, nameSpan]),
        [...otherValues, ...otherInitializers].map(({ span, nameSpan }) => [span, nameSpan]),
      );
    } else {
      assert.equal(quick.pos, start);
      assert.deepEqual([values, initializers], [[], []]);
    }
  }
  return { nodes, declarations };
}

describe('lines as they are printed', function () {
  // Random texts: slow where the machine is busy.
  this.timeout(120_000);

  it('of a real model are nearly all read by regular expressions, and as by the grammar', () => {
    const { model, source } = sampleModel();
    const text = textOf({ model, source, bytes: new Uint8Array(0) }, 0);
    const { nodes, declarations } = readBothWays(text);
    assert.equal(nodes, model.graph.nodes.length);
    const { initializers, valueInfos } = model.graph;
    // The last one has no comma behind it.
    assert.equal(declarations, initializers.length + valueInfos.length - 1);
  });

  it('of any model are read as by the grammar, also with characters changed', () => {
    const anyCharacter = fc.constantFrom(...'(){}[]<>",=#:@$?%.\\-\n\r\t x1'.split(''), '');
    const anyChange = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), anyCharacter);
    let nodes = 0;
    let declarations = 0;
    fc.assert(
      fc.property(anyModel, fc.array(anyChange, { maxLength: 30 }), (model, changes) => {
        let text = textOf(fileOf(encode(model)), 0);
        for (const [at, length, piece] of changes) {
          const start = Math.floor(at * text.length);
          text = text.slice(0, start) + piece + text.slice(start + length);
        }
        const read = readBothWays(text);
        nodes += read.nodes;
        declarations += read.declarations;
      }),
      runs(300),
    );
    assert.ok(nodes > 20 && declarations > 100, `${nodes} nodes and ${declarations} declarations were read`);
  });
});
