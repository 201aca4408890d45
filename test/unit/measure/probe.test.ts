import assert from 'node:assert/strict';
import { ftruncateSync, mkdtempSync, openSync, closeSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { indexScopes } from '../../../src/core/fusion/scope';
import type { Model } from '../../../src/core/onnx/model';
import { functionKey } from '../../../src/core/shapes/valueShape';
import { ValueTypes } from '../../../src/core/shapes/valueTypes';
import { parseModel } from '../../../src/core/text/parse';
import type { ByteSource } from '../../../src/core/wire/source';
import { ExternalData } from '../../../src/files/externalData';
import { FileSource } from '../../../src/files/fileSource';
import { MeasureCancelled } from '../../../src/measure/client';
import { inferShapes } from '../../../src/measure/shapes';
import { ShapesProcess } from '../../../src/measure/shapesProcess';
import { TensorReader } from '../../../src/measure/tensorReader';

function parsed(text: string): Model {
  const { model, errors } = parseModel(text);
  assert.deepEqual(errors, []);
  return model;
}

/** A model of this graph and these functions, in the usual operator set. */
const modelOf = (graph: string, rest = '', header = 'ir_version: 8, opset_import: ["": 17, "local": 1]'): Model =>
  parsed(`<${header}>\n${graph}\n${rest}`);

const shapesOf = async (model: Model, reader = new TensorReader()) => {
  const result = await inferShapes(model, reader);
  assert.equal(result.refusal, undefined);
  return result;
};

/** Counts what is read. */
class CountingSource implements ByteSource {
  bytes = 0;

  constructor(private readonly source: ByteSource) {}

  get size(): number {
    return this.source.size;
  }

  read(start: number, end: number): Uint8Array {
    this.bytes += end - start;
    return this.source.read(start, end);
  }
}

describe('the probe of a model’s shapes', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'shapes-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('reads no large weights: 2 GB of them in a sparse file, small ones at its end', async () => {
    const large = 1 << 30;
    const end = 2 * large;
    const file = path.join(folder, 'weights.bin');
    const handle = openSync(file, 'w');
    ftruncateSync(handle, end);
    writeSync(handle, new Uint8Array(new BigInt64Array([2n, -1n]).buffer), 0, 16, end);
    closeSync(handle);
    const at = (offset: number, length: number): string =>
      `["location": "weights.bin", "offset": "${offset}", "length": "${length}"]`;
    const graph = `g (float[2, 16384] x, bool c) => (float[N, M] y)
      <float[16384, 16384] w = ${at(0, large)}, int64[2] shape = ${at(end, 16)}>
      {
        h = MatMul(x, w)
        r = Reshape(h, shape)
        y = If(c) <
          then_branch = then () => (float[A, B] t) <float[16384, 16384] v = ${at(large, large)}> { t = MatMul(r, v) },
          else_branch = else () => (float[A, B] e) { e = Identity(r) }
        >
      }`;
    const counted: CountingSource[] = [];
    const reader = new TensorReader(undefined, () => {
      const source = new CountingSource(new FileSource(file));
      counted.push(source);
      return source;
    });
    const { shapes } = await shapesOf(modelOf(graph), reader);
    assert.deepEqual(shapes.get('r'), { elementType: 1, shape: [2, 16384] });
    assert.deepEqual(shapes.get('y')?.shape, [2, 16384]);
    assert.equal(
      counted.reduce((sum, source) => sum + source.bytes, 0),
      16,
    );
  });

  it('takes weights of external data that isn’t there for inputs', async () => {
    const reader = new TensorReader(undefined, new ExternalData(folder).open);
    const graph = `g (float[2, 3] x) => (float[N, M] y)
      <float[3, 5] w = ["location": "missing.bin", "offset": "0", "length": "60"]> { h = MatMul(x, w) y = Relu(h) }`;
    const { shapes } = await shapesOf(modelOf(graph), reader);
    assert.deepEqual(shapes.get('h')?.shape, [2, 5]);
  });

  it('keeps dimensions symbolic that nobody gave a size', async () => {
    const graph = 'g (float[N, 3, H, W] x) => (y) { h = Relu(x) y = GlobalAveragePool(h) }';
    const { shapes } = await shapesOf(modelOf(graph.replace('(y)', '(float[N, 3, 1, 1] y)')));
    assert.deepEqual(shapes.get('h')?.shape, ['N', 3, 'H', 'W']);
    assert.deepEqual(shapes.get('y')?.shape, ['N', 3, 1, 1]);
  });

  it('folds shapes from initializers that are inputs, of old models and of new ones', async () => {
    for (const header of ['ir_version: 3, opset_import: ["": 8]', 'ir_version: 8, opset_import: ["": 17]']) {
      const graph = `g (float[2, 6] x, int64[2] shape = {3, 4}) => (float[N, M] y) { h = Reshape(x, shape) y = Relu(h) }`;
      const { shapes } = await shapesOf(modelOf(graph, '', header));
      assert.deepEqual(shapes.get('h')?.shape, [3, 4], header);
    }
  });

  it('passes over sequences and optionals', async () => {
    const graph = `g (float[4, 2] x) => (float[N, M] y) {
      s = SplitToSequence <axis = 0, keepdims = 1> (x)
      o = Optional (x)
      has = OptionalHasElement (o)
      zero = Constant <value_int = 0> ()
      t = SequenceAt (s, zero)
      u = OptionalGetElement (o)
      y = Add (t, u)
    }`;
    const { shapes } = await shapesOf(modelOf(graph));
    assert.equal(shapes.get('s'), undefined);
    assert.deepEqual(shapes.get('u')?.shape, [4, 2]);
  });

  const calling = (second: string): Model =>
    modelOf(
      `g (float[1, 2, 8, 8] x, float[1, 2, 4, 4] z) => (float[a, b, c, d] y) {
        y = local.outer(x)
        other = local.outer(${second})
      }`,
      `<domain: "local", opset_import: ["": 17, "local": 1]> outer (a) => (b) { m = MaxPool <kernel_shape = [2, 2]> (a) b = local.inner(m) }
       <domain: "local", opset_import: ["": 17]> inner (p) => (q) { r = Transpose <perm = [0, 1, 3, 2]> (p) q = Relu(r) }`,
    );

  it('looks into functions, and into those that they call', async () => {
    const { shapes, functions } = await shapesOf(calling('x'));
    assert.deepEqual(functions.get(functionKey('local', 'outer', ''))?.get('m'), {
      elementType: 1,
      shape: [1, 2, 7, 7],
    });
    assert.deepEqual(functions.get(functionKey('local', 'inner', ''))?.get('r')?.shape, [1, 2, 7, 7]);
    assert.deepEqual(functions.get(functionKey('local', 'inner', ''))?.get('p')?.shape, [1, 2, 7, 7]);
    assert.deepEqual(shapes.get('other')?.shape, [1, 2, 7, 7]);
    assert.deepEqual([...shapes.keys()].sort(), ['other', 'x', 'y', 'z']);
  });

  it('says of a function’s values what holds in every call', async () => {
    const { functions } = await shapesOf(calling('z'));
    assert.deepEqual(functions.get(functionKey('local', 'inner', ''))?.get('r')?.shape, [1, 2, undefined, undefined]);
  });

  it('works out shapes in subgraphs from those around them', async () => {
    const model = modelOf(
      `g (float[2, 3, 8, 8] x, bool c) => (float[N, M, O, P] y) <float[4, 3, 3, 3] w> {
      h = Relu(x)
      y = If(c) <
        then_branch = then () => (t) { k = Conv <kernel_shape = [3, 3]> (h, w) t = Relu(k) },
        else_branch = else () => (e) { u = Unknown(h) e = Relu(u) }
      >
    }`.replace('<float[4, 3, 3, 3] w>', '<float[4, 3, 3, 3] w = ["location": "none", "offset": "0", "length": "432"]>'),
    );
    const result = await inferShapes(model, new TensorReader());
    const types = new ValueTypes(model, result.refusal === undefined ? result : undefined);
    const [, then, otherwise] = indexScopes(model);
    const known = types.of(then!, 'k');
    assert.deepEqual(known, {
      type: { kind: 'tensor', elementType: 1, shape: [2, 4, 6, 6] },
      origin: 'derived',
      declared: undefined,
    });
    assert.deepEqual(types.shapeOf(then!, 't'), [2, 4, 6, 6]);
    assert.equal(types.of(otherwise!, 'u'), undefined);
    assert.deepEqual(types.shapeOf(otherwise!, 'h'), [2, 3, 8, 8]);
  });

  it('tells what was inferred from what is declared', async () => {
    const model = modelOf('g (float[N, 3] x) => (float[A, B] y) <float[N, 3] h> { h = Relu(x) y = Relu(h) }');
    const result = await inferShapes(model, new TensorReader(), new Map([['N', 7]]));
    const types = new ValueTypes(model, result);
    const [main] = indexScopes(model);
    assert.deepEqual(types.of(main!, 'y'), {
      type: { kind: 'tensor', elementType: 1, shape: [7, 3] },
      origin: 'inferred',
      declared: { kind: 'tensor', elementType: 1, shape: ['A', 'B'] },
    });
    assert.equal(
      new ValueTypes(model, await inferShapes(model, new TensorReader())).of(main!, 'h')?.origin,
      'declared',
    );
  });
});

describe('the process that infers shapes', () => {
  const script = path.join(__dirname, '../../../src/measure/child.ts');
  const texts = ['2', '5'].map(
    (size) => `<ir_version: 8, opset_import: ["": 17]> g (float[${size}, N] x) => (float[A, B] y) { y = Relu(x) }`,
  );
  const request = (text: string) => ({ text, folder: tmpdir(), sizes: new Map([['N', 3]]) });
  let process: ShapesProcess;
  beforeEach(() => (process = new ShapesProcess({ script, execArgv: ['--import=tsx'], idleMs: 100 })));
  afterEach(() => process.dispose());

  it('serves one request after the other, and ends when it has nothing to do', async () => {
    for (const [index, text] of texts.entries()) {
      const { shapes } = await process.infer(request(text));
      assert.deepEqual(shapes.get('y')?.shape, [[2, 5][index], 3]);
    }
    assert.ok(process.isAlive);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(!process.isAlive);
  });

  it('lets a newer request end an older one', async () => {
    const older = process.infer(request(texts[0]!));
    const newer = process.infer(request(texts[1]!));
    await assert.rejects(older, MeasureCancelled);
    assert.deepEqual((await newer).shapes.get('y')?.shape, [5, 3]);
  });

  it('reads small tensors from the model file that a text refers to', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'shapes-'));
    try {
      writeFileSync(path.join(folder, 'other.bin'), new Uint8Array(new BigInt64Array([3n, 4n]).buffer));
      const text = `<ir_version: 8, opset_import: ["": 17]> g (float[2, 6] x) => (float[A, B] y)
        <int64[2] s = ["location": "other.bin", "offset": "0", "length": "16"]> { y = Reshape(x, s) }`;
      const { shapes } = await process.infer({ text, folder, sizes: new Map() });
      assert.deepEqual(shapes.get('y')?.shape, [3, 4]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
