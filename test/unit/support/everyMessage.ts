/** A model file in which every message type of ONNX (IR version 13) occurs with every field set. */
import { bytesOf, entry, message, type Fields, type Message } from './message';

const rawFloats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const rawInts = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);

const dimension = message([1, 2], [3, 'DATA_CHANNEL']);
const symbol = message([2, 'N'], [3, 'DATA_BATCH']);
const shape = message([1, symbol], [1, dimension]);
const tensorType = message([1, message([1, 1], [2, shape])], [6, 'TENSOR']);
const types: readonly Message[] = [
  tensorType,
  message([4, message([1, tensorType])], [6, 'SEQUENCE']),
  message([5, message([1, 8], [2, tensorType])], [6, 'MAP']),
  message([9, message([1, tensorType])], [6, 'OPTIONAL']),
  message([8, message([1, 1], [2, shape])], [6, 'SPARSE']),
  message([7, message([1, 'my.domain'], [2, 'Handle'])], [6, 'OPAQUE']),
];

const value = (name: string, type: Message): Message =>
  message([1, name], [2, type], [3, `about ${name}`], [4, entry('key', name)]);

const segment = message([1, 0], [2, 2]);
const about = (name: string): Fields => [
  [12, `about ${name}`],
  [16, entry('key', name)],
];
const tensor = (name: string, ...values: number[]): Message =>
  message([1, values.length], [2, 1], [3, segment], [8, name], [9, rawFloats(...values)], ...about(name));
const indices = message([1, 2], [2, 7], [3, segment], [8, 'i'], [9, rawInts(0n, 3n)], ...about('i'));
const strings = message([1, 2], [2, 8], [6, 'a'], [6, 'b'], [8, 'words'], ...about('words'));
const external = message(
  [1, 2],
  [2, 1],
  [3, segment],
  [8, 'elsewhere'],
  [13, entry('location', 'weights.bin')],
  [13, entry('offset', '0')],
  [13, entry('length', '8')],
  [14, 1],
  ...about('elsewhere'),
);
const sparse = (name: string): Message => message([1, tensor(name, 1, 2)], [2, indices], [3, 2], [3, 2]);

const subgraph = (name: string): Message =>
  message(
    [1, message([1, 'x'], [2, `${name}_y`], [4, 'Relu'])],
    [2, name],
    [10, `about ${name}`],
    [12, value(`${name}_y`, tensorType)],
    [16, entry('key', name)],
  );

const attribute = (name: string, type: number, ...fields: Fields): Message =>
  message([1, name], ...fields, [13, `about ${name}`], [20, type]);

const attributes: readonly Message[] = [
  attribute('i', 2, [3, 5]),
  attribute('f', 1, [2, 0.5]),
  attribute('s', 3, [4, 'text']),
  attribute('floats', 6, [7, 0.5], [7, 1.5]),
  attribute('t', 4, [5, tensor('', 1, 2)]),
  attribute('g', 5, [6, subgraph('body')]),
  attribute('ints', 7, [8, 1], [8, 2]),
  attribute('strings', 8, [9, 'a'], [9, 'b']),
  attribute('tensors', 9, [10, tensor('t0', 1, 2)], [10, tensor('t1', 3, 4)]),
  attribute('graphs', 10, [11, subgraph('g0')], [11, subgraph('g1')]),
  attribute('sparse', 11, [22, sparse('s')]),
  attribute('sparses', 12, [23, sparse('s0')], [23, sparse('s1')]),
  attribute('type', 13, [14, types[1]!]),
  attribute('types', 14, ...types.map((type) => [15, type] as const)),
];

/** The node's devices: a tensor `x` in shards. */
const deviceConfiguration = message(
  [1, 'two GPUs'],
  [
    2,
    message(
      [1, 'x'],
      [2, 0],
      [2, 1],
      [3, message([1, 0], [2, 0], [2, 1])],
      [4, message([1, 0], [2, message([1, 2], [3, 2])], [2, message([2, 'N'], [3, 2])])],
    ),
  ],
  [3, 1],
);

const node = (name: string, input: string, output: string, ...more: Fields): Message =>
  message([1, input], [2, output], [3, name], [4, 'Op'], ...more, [6, `about ${name}`], [7, 'my.domain'], [8, 'v2']);

const graph = message(
  [
    1,
    node(
      'first',
      'x',
      'h',
      ...attributes.map((item) => [5, item] as const),
      [9, entry('key', 'first')],
      [10, deviceConfiguration],
    ),
  ],
  [1, node('second', 'h', 'y', [5, attribute('alpha', 2, [3, 1])], [9, entry('key', 'second')])],
  [1, node('third', 'y', 'z', [9, entry('key', 'third')])],
  [2, 'main'],
  [5, tensor('w', 1, 2, 3)],
  [5, strings],
  [5, external],
  [10, 'about main'],
  [11, value('x', tensorType)],
  [12, value('z', tensorType)],
  ...types.map((type, i) => [13, value(`v${i}`, type)] as const),
  [14, message([1, 'h'], [2, entry('SCALE_TENSOR', 'w')], [2, entry('ZERO_POINT_TENSOR', 'words')])],
  [15, sparse('sw')],
  [16, entry('key', 'main')],
);

const fn = message(
  [1, 'Op'],
  [4, 'a'],
  [5, 'b'],
  [6, 'alpha'],
  [
    7,
    message(
      [1, 'a'],
      [2, 'b'],
      [4, 'Relu'],
      [5, attribute('r', 2, [21, 'alpha'])],
      [6, 'about it'],
      [9, entry('key', 'inner')],
    ),
  ],
  [8, 'about Op'],
  [9, message([1, ''], [2, 21])],
  [10, 'my.domain'],
  [11, attribute('i', 2, [3, 5])],
  [12, value('b', tensorType)],
  [13, 'v2'],
  [14, entry('key', 'Op')],
);

const training = message(
  [1, subgraph('init')],
  [2, subgraph('step')],
  [3, entry('w', 'init_y')],
  [4, entry('w', 'step_y')],
);

export const everyMessage: Uint8Array = bytesOf(
  message(
    [1, 13],
    [2, 'producer'],
    [3, '1'],
    [4, 'domain'],
    [5, 2],
    [6, 'about the model'],
    [7, graph],
    [8, message([1, ''], [2, 21])],
    [8, message([1, 'my.domain'], [2, 1])],
    [14, entry('key', 'model')],
    [20, training],
    [25, fn],
    [26, message([1, 'two GPUs'], [2, 2], [3, 'gpu:0'], [3, 'gpu:1'])],
  ),
);
