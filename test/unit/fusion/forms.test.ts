/** Every form of a convolution, of what is between it and the normalisation, and of what is around the pair. */
import assert from 'node:assert/strict';
import * as ort from 'onnxruntime-node';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import { floatTensor, largestError, type TensorOut } from '../support/runtime';
import { assertSameGraph } from './graphs';
import { bytesOf, fuseText, modelText, parse, unfuseText, weights, type TextModel } from './text';

/** Attributes and shapes of a convolution from 3 (or as many as `channels` says) to 4 channels (or more). */
interface Form extends TextModel {
  /** The op it fuses into. */
  readonly op: string;
  readonly inputs: string;
  readonly sizes: readonly (readonly number[])[];
  readonly channels: number;
  /** Nodes that stay beside the fused one. */
  readonly left: readonly string[];
}

const SIZES: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [[7], [12]],
  2: [
    [7, 8],
    [10, 6],
  ],
  3: [
    [5, 6, 4],
    [7, 5, 6],
  ],
};
const NORM = 'n = InstanceNormalization <epsilon = 0.001> (h, s, b)';

interface Options extends Partial<TextModel> {
  readonly rank?: number;
  readonly channels?: number;
  readonly outputs?: string;
  /** Output channels. */
  readonly filters?: number;
  readonly kernel?: number;
  readonly group?: number;
  readonly op?: string;
  readonly left?: readonly string[];
  readonly extra?: readonly string[];
  /** Further inputs. */
  readonly more?: string;
}

const AXES = ['D', 'H', 'W'];

/** A model with these nodes, in which `w`, `c`, `s` and `b` fit the convolution. */
function form(nodes: readonly string[], options: Options = {}): Form {
  const { rank = 2, channels = 3, filters = 4, kernel = 3, group = 1, extra = [], left = [] } = options;
  const isTransposed = nodes.some((node) => node.includes('ConvTranspose'));
  const sides = new Array<number>(rank).fill(kernel);
  const dims = isTransposed ? [channels, filters / group, ...sides] : [filters, channels / group, ...sides];
  const axes = AXES.slice(0, rank);
  return {
    inputs: `float[N,${channels},${axes.join(',')}] x${options.more ?? ''}`,
    outputs: `float[N,M,${axes.map((axis) => `o${axis}`).join(',')}] y`,
    declared: [weights('w', ...dims), weights('c', filters), weights('s', filters), weights('b', filters), ...extra],
    op: `${isTransposed ? 'ConvTranspose' : 'Conv'}InstanceNormalizationRelu`,
    sizes: SIZES[rank]!,
    channels,
    left,
    nodes,
    ...options,
  };
}

/** A pair with a Relu after it, whose convolution has these attributes. */
const pair = (attributes: string, options: Options = {}, op = 'Conv'): Form =>
  form([`h = ${op} ${attributes === '' ? '' : `<${attributes}> `}(x, w, c)`, NORM, 'y = Relu (n)'], options);

const all = (rank: number, value: number): string => `[${new Array<number>(rank).fill(value).join(', ')}]`;
const uneven = (rank: number): string => `[${[1, 0, 2, 1, 2, 0].slice(0, 2 * rank).join(', ')}]`;

const convolutions: Record<string, Form> = {};
for (const rank of [1, 2, 3]) {
  const of = `${rank}-D`;
  convolutions[`Conv ${of}, plain`] = pair('', { rank });
  convolutions[`Conv ${of}, grouped`] = pair('group = 3', { rank, group: 3, filters: 6 });
  convolutions[`Conv ${of}, depthwise`] = pair(`group = 4, pads = ${all(2 * rank, 1)}`, {
    rank,
    channels: 4,
    group: 4,
  });
  convolutions[`Conv ${of}, depthwise with a multiplier`] = pair('group = 4', {
    rank,
    channels: 4,
    group: 4,
    filters: 8,
  });
  convolutions[`Conv ${of}, dilated`] = pair(`dilations = ${all(rank, 2)}, pads = ${all(2 * rank, 2)}`, { rank });
  convolutions[`Conv ${of}, uneven pads and a stride`] = pair(`strides = ${all(rank, 2)}, pads = ${uneven(rank)}`, {
    rank,
  });
  convolutions[`Conv ${of}, 1×1`] = pair('', { rank, kernel: 1 });
  for (const auto of ['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET'])
    convolutions[`Conv ${of}, auto_pad ${auto}`] = pair(`auto_pad = "${auto}", strides = ${all(rank, 2)}`, { rank });
  const transposed = (attributes: string, options: Options = {}): Form =>
    pair(attributes, { rank, ...options }, 'ConvTranspose');
  convolutions[`ConvTranspose ${of}, plain`] = transposed('');
  convolutions[`ConvTranspose ${of}, grouped`] = transposed('group = 3', { group: 3, filters: 6 });
  convolutions[`ConvTranspose ${of}, depthwise`] = transposed(`group = 4, strides = ${all(rank, 2)}`, {
    channels: 4,
    group: 4,
  });
  convolutions[`ConvTranspose ${of}, dilated`] = transposed(`dilations = ${all(rank, 2)}`);
  convolutions[`ConvTranspose ${of}, uneven pads, output_padding`] = transposed(
    `strides = ${all(rank, 2)}, pads = ${uneven(rank)}, output_padding = ${all(rank, 1)}`,
  );
  for (const auto of ['SAME_UPPER', 'SAME_LOWER', 'VALID'])
    convolutions[`ConvTranspose ${of}, auto_pad ${auto}`] = transposed(
      `auto_pad = "${auto}", strides = ${all(rank, 2)}`,
    );
}

const CONV = 'h = Conv <pads = [1, 1, 1, 1]> (x, w, c)';
const TRAINING = ['float ratio = {0.5}', 'bool training = {0}'];
const after = (last: string, op: string, extra: readonly string[] = [], options: Options = {}): Form =>
  form([CONV, NORM, last], { op, extra, ...options });
const [PLAIN, RELU, LEAKY] = ['', 'Relu', 'LeakyRelu'].map((suffix) => `ConvInstanceNormalization${suffix}`) as [
  string,
  string,
  string,
];
const between = (...nodes: string[]): readonly string[] => [
  CONV,
  ...nodes,
  'n = InstanceNormalization (k, s, b)',
  'y = Relu (n)',
];

const around: Record<string, Form> = {
  'Identity between': form(between('k = Identity (h)')),
  'Dropout of old between': form(between('k = Dropout <ratio = 0.5> (h)'), { opset: 9 }),
  'Dropout that says it is in inference form': form(between('k = Dropout (h, ratio, training)'), { extra: TRAINING }),
  'Dropout without a mode': form(between('k = Dropout (h, ratio)'), { extra: TRAINING.slice(0, 1) }),
  'a Cast to the same type between': form(between('k = Cast <to = 1> (h)')),
  'all three, and after it': form([
    CONV,
    'i = Identity (h)',
    'j = Dropout (i)',
    'k = Cast <to = 1> (j)',
    'n = InstanceNormalization (k, s, b)',
    'l = Cast <to = 1> (n)',
    'y = Relu (l)',
  ]),
  'no activation': form([CONV, 'y = InstanceNormalization (h, s, b)'], { op: PLAIN }),
  'LeakyRelu as it is': after('y = LeakyRelu (n)', LEAKY),
  'LeakyRelu with a slope': after('y = LeakyRelu <alpha = -0.3> (n)', LEAKY),
  'PRelu with one slope': after('y = PRelu (n, k)', LEAKY, ['float[1] k = {0.25}']),
  'PRelu with one slope of full rank': after('y = PRelu (n, k)', LEAKY, ['float[1,1,1,1] k = {0.25}']),
  'PRelu with a slope for each channel, which stays': after('y = PRelu (n, k)', PLAIN, [weights('k', 4, 1, 1)], {
    left: ['PRelu'],
  }),
  'PRelu with a slope that a caller gives, which stays': after('y = PRelu (n, k)', PLAIN, [], {
    more: ', float[1] k',
    left: ['PRelu'],
  }),
  'Clip(0, ∞) by an input': after('y = Clip (n, zero)', RELU, ['float zero = {0}']),
  'Clip(0, the largest number)': after('y = Clip (n, zero, most)', RELU, [
    'float zero = {0}',
    'float most = {3.4028234663852886e+38}',
  ]),
  'Clip(0, ∞) by an attribute': after('y = Clip <min = 0.0> (n)', RELU, [], { opset: 9 }),
  'Clip(0, 6), which stays': after('y = Clip (n, zero, six)', PLAIN, ['float zero = {0}', 'float six = {6}'], {
    left: ['Clip'],
  }),
  'Clip(0, 6) by attributes, which stays': after('y = Clip <min = 0.0, max = 6.0> (n)', PLAIN, [], {
    opset: 9,
    left: ['Clip'],
  }),
  'Clip without a lower bound, which stays': after('y = Clip (n)', PLAIN, [], { left: ['Clip'] }),
  'Max with zero': after('y = Max (n, zero)', RELU, ['float[1] zero = {0}']),
  'another activation, which stays': after('y = Elu (n)', PLAIN, [], { left: ['Elu'] }),
  'AdaIN: scale and bias that the model computes of a style': form(
    [CONV, 't = Exp (style)', 'u = Neg (style)', 'n = InstanceNormalization (h, t, u)', 'y = Relu (n)'],
    { more: ', float[4] style', left: ['Exp', 'Neg'] },
  ),
};

const PADDED = ['h = Conv (p, w, c)', NORM, 'y = Relu (n)'];
const amounts = (...values: number[]): string => `int64[${values.length}] amounts = {${values.join(', ')}}`;
const BORDER = amounts(0, 0, 1, 2, 0, 0, 2, 1);
const pad = (node: string, op: string, extra: readonly string[], options: Options = {}): Form =>
  form([`p = ${node}`, ...PADDED], { op, extra, ...options });
const stays = (node: string, extra: readonly string[], options: Options = {}): Form =>
  pad(node, RELU, extra, { left: ['Pad'], ...options });

const pads: Record<string, Form> = {
  'constant zero, by default': pad('Pad (x, amounts)', RELU, [BORDER]),
  'constant zero, as stated': pad('Pad <mode = "constant"> (x, amounts, zero)', RELU, [BORDER, 'float zero = {0}']),
  'constant zero, on pads of its own': form(
    ['p = Pad (x, amounts)', 'h = Conv <pads = [0, 1, 1, 0]> (p, w)', NORM, 'y = Relu (n)'],
    { op: RELU, extra: [BORDER] },
  ),
  'constant zero, by axes (operator set 18)': pad(
    'Pad (x, amounts, , axes)',
    RELU,
    [amounts(1, 2, 2, 1), 'int64[2] axes = {-2, 3}'],
    { opset: 18 },
  ),
  'constant zero, in three dimensions': pad('Pad (x, amounts)', RELU, [amounts(0, 0, 1, 0, 2, 0, 0, 0, 1, 1)], {
    rank: 3,
  }),
  'no amounts at all, in any mode': pad('Pad <mode = "reflect"> (x, amounts)', RELU, [amounts(0, 0, 0, 0, 0, 0, 0, 0)]),
  'constant of another number, which stays': stays('Pad (x, amounts, one)', [BORDER, 'float one = {1}']),
  'constant of a number that a caller gives, which stays': stays('Pad (x, amounts, k)', [BORDER], {
    more: ', float k',
  }),
  'negative, which stays': stays('Pad (x, amounts)', [amounts(0, 0, 1, 1, 0, 0, -1, 1)]),
  'on the channels, which stays': stays('Pad (x, amounts)', [amounts(0, 1, 1, 1, 0, 0, 1, 1)], {
    declared: [
      weights('w', 4, 4, 3, 3),
      ...[weights('c', 4), weights('s', 4), weights('b', 4)],
      amounts(0, 1, 1, 1, 0, 0, 1, 1),
    ],
  }),
  'on the batch, which stays': stays('Pad (x, amounts)', [amounts(1, 0, 1, 1, 0, 0, 1, 1)]),
  'amounts that a caller gives, which stays': stays('Pad (x, given)', [], { more: ', int64[8] given' }),
  'before auto_pad, which stays': form(
    ['p = Pad (x, amounts)', 'h = Conv <auto_pad = "SAME_UPPER"> (p, w)', NORM, 'y = Relu (n)'],
    { op: RELU, extra: [BORDER], left: ['Pad'] },
  ),
  'before a ConvTranspose, which stays': form(
    ['p = Pad (x, amounts)', 'h = ConvTranspose (p, w)', NORM, 'y = Relu (n)'],
    { extra: [BORDER], left: ['Pad'] },
  ),
  'read by something else too, which stays': form(
    ['p = Pad (x, amounts)', 'h = Conv (p, w)', NORM, 'm = ReduceMax (p)', 'y = Add (n, m)'],
    { op: 'ConvInstanceNormalizationAdd', extra: [BORDER], left: ['Pad', 'ReduceMax'] },
  ),
  reflect: pad('Pad <mode = "reflect"> (x, amounts)', `ReflectPad${RELU}`, [BORDER]),
  'reflect, before a convolution that says VALID': form(
    [
      'p = Pad <mode = "reflect"> (x, amounts)',
      'h = Conv <auto_pad = "VALID", strides = [2, 1]> (p, w)',
      NORM,
      'y = Relu (n)',
    ],
    { op: `ReflectPad${RELU}`, extra: [BORDER] },
  ),
  'reflect, by axes (operator set 18)': pad(
    'Pad <mode = "reflect"> (x, amounts, , axes)',
    `ReflectPad${RELU}`,
    [amounts(1, 2, 2, 1), 'int64[2] axes = {2, 3}'],
    { opset: 18 },
  ),
  'reflect, before pads of the convolution, which stays': form(
    ['p = Pad <mode = "reflect"> (x, amounts)', 'h = Conv <pads = [1, 1, 1, 1]> (p, w)', NORM, 'y = Relu (n)'],
    { op: RELU, extra: [BORDER], left: ['Pad'] },
  ),
  edge: pad('Pad <mode = "edge"> (x, amounts)', `EdgePad${RELU}`, [BORDER]),
  'edge, in one dimension': pad('Pad <mode = "edge"> (x, amounts)', `EdgePad${RELU}`, [amounts(0, 0, 2, 0, 0, 3)], {
    rank: 1,
  }),
  'wrap, which stays': stays('Pad <mode = "wrap"> (x, amounts)', [BORDER], { opset: 19 }),
  'amounts that nodes compute': form(
    ['a = Concat <axis = 0> (half, half)', 'p = Pad <mode = "reflect"> (x, a)', ...PADDED],
    { op: `ReflectPad${RELU}`, extra: ['int64[4] half = {0, 0, 1, 2}'] },
  ),
};
for (const opset of [9, 10]) {
  const attribute = 'pads = [0, 0, 1, 2, 0, 0, 2, 1]';
  pads[`constant zero, operator set ${opset}`] = pad(`Pad <${attribute}> (x)`, RELU, [], { opset });
  pads[`constant of another number, operator set ${opset}, which stays`] = stays(
    `Pad <${attribute}, value = 0.5> (x)`,
    [],
    { opset },
  );
  // The functions of these ops need Constants that came with operator set 12.
  pads[`reflect, operator set ${opset}, which stays`] = stays(`Pad <mode = "reflect", ${attribute}> (x)`, [], {
    opset,
  });
}
for (const opset of [11, 13, 18, 22]) {
  const op = opset < 12 ? RELU : `ReflectPad${RELU}`;
  const left = opset < 12 ? ['Pad'] : [];
  pads[`constant zero, operator set ${opset}`] = pad('Pad (x, amounts)', RELU, [BORDER], { opset });
  pads[`reflect, operator set ${opset}`] = pad('Pad <mode = "reflect"> (x, amounts)', op, [BORDER], { opset, left });
}

const ADD = 'ConvInstanceNormalizationAdd';
const same = { channels: 4 };
const residuals: Record<string, Form> = {
  'the block’s input, second': form([CONV, NORM, 'a = Add (n, x)', 'y = Relu (a)'], { ...same, op: `${ADD}Relu` }),
  'the block’s input, first': form([CONV, NORM, 'a = Add (x, n)', 'y = LeakyRelu (a)'], {
    ...same,
    op: `${ADD}LeakyRelu`,
  }),
  'without an activation': form([CONV, NORM, 'y = Add (n, x)'], { ...same, op: ADD }),
  'a number for each channel': form([CONV, NORM, 'y = Add (k, n)'], { op: ADD, extra: [weights('k', 4, 1, 1)] }),
  'one number': form([CONV, NORM, 'y = Add (n, k)'], { op: ADD, extra: ['float k = {0.5}'] }),
  'a plane for the whole batch, computed': form(
    [CONV, NORM, 'k = ReduceMax <axes = [0, 1], keepdims = 1> (x)', 'y = Add (n, k)'],
    { op: ADD, left: ['ReduceMax'] },
  ),
  'of a higher rank, which makes the result larger': form([CONV, NORM, 'y = Add (n, k)'], {
    op: ADD,
    outputs: 'float[I,N,M,H,W] y',
    extra: [weights('k', 2, 1, 4, 1, 1)],
  }),
  ConvTranspose: form(['h = ConvTranspose <pads = [1, 1, 1, 1]> (x, w)', NORM, 'a = Add (x, n)', 'y = Relu (a)'], {
    ...same,
    op: 'ConvTransposeInstanceNormalizationAddRelu',
  }),
  'after a reflected border': form(
    ['p = Pad <mode = "reflect"> (x, amounts)', 'h = Conv (p, w)', NORM, 'y = Add (x, n)'],
    { ...same, op: `ReflectPad${ADD}`, extra: [amounts(0, 0, 1, 1, 0, 0, 1, 1)] },
  ),
  'of two pairs’ results, which goes to the first': form(
    [CONV, NORM, 'g = Conv <pads = [1, 1, 1, 1]> (x, w)', 'm = InstanceNormalization (g, b, s)', 'y = Add (n, m)'],
    { op: ADD, left: [PLAIN] },
  ),
  'of the normalisation twice, which stays': form([CONV, NORM, 'y = Add (n, n)'], { op: PLAIN, left: ['Add'] }),
  'of a value computed from the result itself, which stays': form([CONV, NORM, 't = Tanh (n)', 'y = Add (n, t)'], {
    op: PLAIN,
    left: ['Tanh', 'Add'],
  }),
  'of a value computed from the convolution': form(
    ['h = Conv <pads = [1, 1, 1, 1]> (x, w, c)', 'z = Identity (x)', NORM, 't = Tanh (z)', 'y = Add (t, n)'],
    { ...same, op: ADD, left: ['Identity', 'Tanh'] },
  ),
};

/** Runs the model as it is and fused, and says what is left beside the fused node. */
async function check(of: Form): Promise<void> {
  const text = modelText(of);
  const found = findFusions(parse(text));
  assert.ok(
    found.some(({ fusable }) => fusable),
    JSON.stringify(found.map(({ reason }) => reason?.message)),
  );
  const fused = fuseText(text);
  assertSameGraph(parse(unfuseText(fused)), parse(text));
  const nodes = parse(fused).graph.nodes.map(({ opType }) => opType);
  assert.deepEqual(nodes.sort(), [of.op, ...of.left].sort());
  assert.ok(findFused(parse(fused)).some(({ op }) => op.name === of.op));
  const feeds: Record<string, ort.Tensor>[] = [];
  for (const batch of [1, 3]) {
    for (const sizes of of.sizes) {
      const inputs: Record<string, ort.Tensor> = { x: floatTensor([batch, of.channels, ...sizes], batch) };
      if (of.inputs.includes('style')) inputs['style'] = floatTensor([4], 3);
      if (of.inputs.includes('float[1] k')) inputs['k'] = floatTensor([1], 4);
      if (of.inputs.endsWith('float k')) inputs['k'] = floatTensor([], 4);
      if (of.inputs.includes('given')) {
        inputs['given'] = new ort.Tensor('int64', BigInt64Array.from([0n, 0n, 1n, 2n, 0n, 0n, 2n, 1n]), [8]);
      }
      feeds.push(inputs);
    }
  }
  const expected = await runAll(bytesOf(text), feeds);
  const actual = await runAll(bytesOf(fused), feeds);
  for (const [index, inputs] of feeds.entries()) {
    const error = largestError(actual[index]!, expected[index]!);
    assert.ok(error <= 1e-5, `differs by ${error} for ${inputs['x']!.dims.join('×')}`);
  }
}

/** The output `y` for each of the inputs. */
async function runAll(model: Uint8Array, feeds: readonly Record<string, ort.Tensor>[]): Promise<TensorOut[]> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const results: TensorOut[] = [];
  for (const inputs of feeds) {
    const { dims, data } = (await session.run(inputs))['y']!;
    results.push({ dims, data: data as Float32Array });
  }
  await session.release();
  return results;
}

describe('forms of pairs fuse, and compute the same in stock ONNX Runtime', () => {
  for (const [title, forms] of Object.entries({ convolutions, around, pads, residuals })) {
    describe(title, () => {
      for (const [name, of] of Object.entries(forms)) it(name, () => check(of));
    });
  }

  it('leaves an addition outside that broadcasts as operator set 6 does', () => {
    const text = modelText(form([CONV, NORM, 'y = Add (n, x)'], { ...same, opset: 6 }));
    assert.deepEqual(
      findFusions(parse(text)).map(({ fusedOp }) => fusedOp),
      [PLAIN],
    );
  });
});
