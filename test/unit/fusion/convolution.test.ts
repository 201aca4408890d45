import assert from 'node:assert/strict';
import fc from 'fast-check';
import { convolutionGeometry } from '../../../src/core/fusion/convolution';
import { floatTensor, largestError, runModel } from '../support/runtime';
import { bytesOf, modelText, parse, weights } from './text';

const size = fc.integer({ min: 3, max: 9 });
const small = fc.integer({ min: 1, max: 3 });

/** Runs one convolution as it is, and with the geometry's explicit pads; both must agree with the geometry. */
async function check(
  opType: string,
  attributes: string,
  wShape: readonly number[],
  xShape: readonly number[],
): Promise<void> {
  const text = (list: string): string =>
    modelText({
      inputs: `float[${xShape.join(',')}] x`,
      outputs: 'float[N,M,P,Q] y',
      declared: [weights('w', ...wShape)],
      nodes: [`y = ${opType} <${list}> (x, w)`],
    });
  const node = parse(text(attributes)).graph.nodes[0]!;
  const geometry = convolutionGeometry(node, xShape, wShape);
  assert.ok(geometry, attributes);
  const feeds = { x: floatTensor(xShape, 3) };
  const expected = (await runModel(bytesOf(text(attributes)), feeds)).get('y')!;
  assert.deepEqual(geometry.outputShape, expected.dims, `${attributes} on ${xShape.join('×')}`);
  const lists = {
    kernel_shape: geometry.kernelShape,
    strides: geometry.strides,
    dilations: geometry.dilations,
    pads: geometry.pads,
  };
  const explicit = Object.entries(lists).map(([name, list]) => `${name} = [${list.join(', ')}]`);
  const outputPadding = /output_padding = \[[^\]]*\]/.exec(attributes)?.[0];
  const all = [...explicit, `group = ${geometry.group}`, ...(outputPadding ? [outputPadding] : [])].join(', ');
  const actual = (await runModel(bytesOf(text(all)), feeds)).get('y')!;
  assert.ok(largestError(actual, expected) < 1e-5, `${attributes} became ${all}`);
}

describe('convolutionGeometry agrees with the runtime', () => {
  const parts = fc.record({
    xs: fc.tuple(size, size),
    kernel: fc.tuple(small, small),
    strides: fc.tuple(small, small),
    dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    autoPad: fc.constantFrom('NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
    pads: fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 1, max: 2 }))),
    grouped: fc.boolean(),
  });

  it('for Conv', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async ({ xs, kernel, strides, dilations, autoPad, pads, grouped }) => {
        fc.pre(xs.every((length, axis) => (kernel[axis]! - 1) * dilations[axis]! + 1 <= length));
        // The runtime has no SAME padding for dilated kernels.
        fc.pre(!autoPad.startsWith('SAME') || dilations.every((step) => step === 1));
        const attributes = [
          `strides = [${strides.join(', ')}]`,
          `dilations = [${dilations.join(', ')}]`,
          autoPad === 'NOTSET' ? `pads = [${pads.join(', ')}]` : `auto_pad = "${autoPad}"`,
          `group = ${grouped ? 2 : 1}`,
        ];
        await check('Conv', attributes.join(', '), [4, grouped ? 1 : 2, ...kernel], [1, 2, ...xs]);
      }),
      { numRuns: 60 },
    );
  });

  it('for ConvTranspose', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async ({ xs, kernel, strides, autoPad, grouped }) => {
        // The runtime refuses negative padding, which SAME needs where the stride is the larger.
        fc.pre(kernel.every((length, axis) => length >= strides[axis]!));
        const attributes = [
          `strides = [${strides.join(', ')}]`,
          autoPad === 'NOTSET' ? 'pads = [0, 0, 0, 0]' : `auto_pad = "${autoPad}"`,
          `group = ${grouped ? 2 : 1}`,
        ];
        await check('ConvTranspose', attributes.join(', '), [2, 3, ...kernel], [1, 2, ...xs]);
      }),
      { numRuns: 60 },
    );
    await check(
      'ConvTranspose',
      'strides = [2, 2], output_padding = [1, 1], pads = [1, 0, 1, 1]',
      [2, 3, 3, 3],
      [1, 2, 5, 6],
    );
    await check('ConvTranspose', 'strides = [2, 2], output_shape = [10, 12]', [2, 3, 3, 3], [1, 2, 5, 6]);
  });

  it('and gives nothing for shapes that contradict each other', () => {
    const node = parse(modelText({ nodes: ['y = Conv <strides = [1]> (x, w)'] })).graph.nodes[0]!;
    assert.equal(convolutionGeometry(node, [1, 3, 5, 5], [4, 3, 3, 3]), undefined);
    const plain = parse(modelText({ nodes: ['y = Conv (x, w)'] })).graph.nodes[0]!;
    assert.equal(convolutionGeometry(plain, [1, 3, 5], [4, 3, 3, 3]), undefined);
    assert.equal(convolutionGeometry(plain, [1, 3, 2, 2], [4, 3, 3, 3]), undefined);
  });
});
