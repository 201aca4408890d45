import assert from 'node:assert/strict';
import { adviceFacts, gainOf, verdictText } from '../../../src/core/fusion/adviceText';
import { findFusions } from '../../../src/core/fusion/find';
import type { Finding } from '../../../src/core/fusion/finding';
import type { Dimension } from '../../../src/core/onnx/model';
import { modelText, parse, weights } from './text';

interface Layer {
  readonly x: readonly (number | string)[];
  readonly w: readonly number[];
  readonly op?: 'Conv' | 'ConvTranspose';
  readonly attributes?: string;
  readonly group?: number;
}

/** One pair; weights are declared as an input, since only their shape counts. */
function pairOf({ x, w, op = 'Conv', attributes = '', group = 1 }: Layer, shapes?: [string, Dimension[]][]): Finding {
  const channels = op === 'Conv' ? w[0]! : w[1]! * group;
  const axes = x.slice(2).map(() => '?');
  const text = modelText({
    inputs: `float[${x.join(',')}] x, float[${w.join(',')}] w`,
    outputs: `float[${['?', channels, ...axes].join(',')}] y`,
    declared: [weights('s', channels), weights('b', channels)],
    nodes: [`h = ${op} ${attributes} (x, w)`, 'y = InstanceNormalization (h, s, b)'],
  });
  const [finding] = findFusions(parse(text), shapes && { shapes: new Map(shapes) });
  assert.ok(finding?.fusable, finding?.reason?.message);
  return finding;
}

const SAME3 = '<pads = [1, 1, 1, 1]>';

describe('advice', () => {
  const formulas: readonly (readonly [string, Layer, multiplyAdds: string, bytes: string])[] = [
    ['known sizes', { x: [1, 64, 256, 256], w: [64, 64, 3, 3], attributes: SAME3 }, '2415919104', '33554432'],
    ['symbols', { x: [1, 64, 'H', 'W'], w: [64, 64, 3, 3], attributes: SAME3 }, '36864·H·W', '512·H·W'],
    [
      'a plane that shrinks',
      { x: ['batch', 3, 'H', 'W'], w: [4, 3, 3, 3] },
      '108·batch·(H − 2)·(W − 2)',
      '32·batch·(H − 2)·(W − 2)',
    ],
    ['a square', { x: [1, 3, 'S', 'S'], w: [4, 3, 1, 1] }, '12·S²', '32·S²'],
    [
      'a stride',
      { x: [1, 3, 'H', 8], w: [4, 3, 3, 3], attributes: '<pads = [1, 1, 1, 1], strides = [2, 2]>' },
      '432·⌊(H + 1)/2⌋',
      '128·⌊(H + 1)/2⌋',
    ],
    [
      'auto_pad',
      { x: [1, 3, 'H', 'W'], w: [4, 3, 3, 3], attributes: '<auto_pad = "SAME_UPPER", strides = [2, 1]>' },
      '108·⌈H/2⌉·W',
      '32·⌈H/2⌉·W',
    ],
    ['unknown sizes', { x: ['?', 3, '?', '?'], w: [4, 3, 3, 3] }, '108·N·H·W', '32·N·H·W'],
    ['three dimensions', { x: [1, 1, '?', '?', '?'], w: [2, 1, 3, 3, 3] }, '54·D·H·W', '16·D·H·W'],
    ['one dimension', { x: [1, 1, '?'], w: [2, 1, 3] }, '6·L', '16·L'],
    [
      'groups',
      { x: [1, 8, 'H', 'W'], w: [8, 1, 3, 3], attributes: '<group = 8, pads = [1, 1, 1, 1]>' },
      '72·H·W',
      '64·H·W',
    ],
    [
      'ConvTranspose',
      { x: [1, 8, 'H', 'W'], w: [8, 4, 2, 2], op: 'ConvTranspose', attributes: '<strides = [2, 2]>' },
      '128·H·W',
      '32·(2·H)·(2·W)',
    ],
    [
      'an output_shape',
      {
        x: [1, 8, 4, 4],
        w: [8, 4, 2, 2],
        op: 'ConvTranspose',
        attributes: '<strides = [2, 2], output_shape = [8, 8]>',
      },
      '2048',
      '2048',
    ],
  ];
  for (const [name, layer, multiplyAdds, bytes] of formulas) {
    it(`counts with ${name}`, () => {
      const { advice } = pairOf(layer);
      assert.deepEqual([advice.multiplyAddsFormula, advice.bytesSavedFormula], [multiplyAdds, bytes]);
      assert.equal(advice.multiplyAdds, /^\d+$/.test(multiplyAdds) ? Number(multiplyAdds) : undefined);
      assert.equal(advice.bytesSaved, /^\d+$/.test(bytes) ? Number(bytes) : undefined);
    });
  }

  it('takes shapes that inference knows', () => {
    const { advice } = pairOf({ x: ['N', 3, '?', '?'], w: [4, 3, 3, 3] }, [['h', ['N', 4, 10, 'width']]]);
    assert.equal(advice.bytesSavedFormula, '320·N·width');
  });

  it('states the memory of weights and kernel', () => {
    const winograd = pairOf({ x: [1, 64, 8, 8], w: [32, 64, 3, 3], attributes: SAME3 }).advice;
    assert.equal(winograd.weightBytes, 4 * (32 * 64 * 9 + 64));
    assert.equal(winograd.workspaceBytes, 4 * 32 * 64 * 64);
    const strided = pairOf({ x: [1, 64, 8, 8], w: [32, 64, 3, 3], attributes: '<strides = [2, 2]>' }).advice;
    assert.equal(strided.workspaceBytes, 4 * 32 * 64 * 9);
    const facts = new Map(adviceFacts(winograd));
    assert.deepEqual([...facts.keys()], ['Multiply-adds', 'Activation traffic saved', 'Weights', 'Kernel’s workspace']);
    assert.equal(facts.get('Kernel’s workspace'), 'up to 512 KiB');
  });

  // Parts of InstanceNormalization in stock ONNX Runtime's time for the pair, one thread of an AVX-512 core.
  const measured: readonly (readonly [string, Layer, number, string])[] = [
    ['3×3 128→128 @64²', { x: [1, 128, 64, 64], w: [128, 128, 3, 3], attributes: SAME3 }, 0.02, 'hardly'],
    ['3×3 64→64 @256²', { x: [1, 64, 256, 256], w: [64, 64, 3, 3], attributes: SAME3 }, 0.05, 'hardly'],
    ['3×3 32→32 @512²', { x: [1, 32, 512, 512], w: [32, 32, 3, 3], attributes: SAME3 }, 0.09, 'small'],
    ['1×1 64→64 @256²', { x: [1, 64, 256, 256], w: [64, 64, 1, 1] }, 0.2, 'worth'],
    [
      'depthwise 64 @256²',
      { x: [1, 64, 256, 256], w: [64, 1, 3, 3], attributes: '<group = 64, pads = [1, 1, 1, 1]>' },
      0.24,
      'worth',
    ],
  ];
  for (const [name, layer, share, verdict] of measured) {
    it(`estimates ${name} as it was measured, within a factor of 2.5`, () => {
      const { advice } = pairOf(layer);
      const ratio = advice.savedShare! / share;
      assert.ok(ratio > 1 / 2.5 && ratio < 2.5, `${advice.savedShare} for ${share}`);
      assert.equal(advice.verdict, verdict);
    });
  }

  it('trusts a measurement over the estimate', () => {
    const finding = pairOf({ x: [1, 128, 64, 64], w: [128, 128, 3, 3], attributes: SAME3 });
    assert.match(verdictText(finding)!, /^Hardly worth it.*estimate/);
    assert.match(verdictText(finding, 3.1)!, /^Worth fusing: measured 3\.10×/);
    assert.match(verdictText(finding, 1.01)!, /no difference/);
    assert.match(verdictText(finding, 0.8)!, /^Not worth fusing: measured 0\.80×.*slower/);
    assert.ok(gainOf(finding, 3.1) > 0.6 && gainOf(finding, 0.8) < 0 && gainOf(finding) < 0.05);
  });
});
