import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeModel, ModelFormatError } from '../../../src/core/onnx/decode';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model, Node } from '../../../src/core/onnx/model';
import { checkModel } from '../../../src/core/text/check';
import { scanFields } from '../../../src/core/wire/scan';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { chunkSize, isRange, joinChunks } from '../../../src/core/wire/splice';
import { MessageWriter } from '../../../src/core/wire/writer';
import { anyModel } from '../support/arbitraryModel';
import { encode, fileOf } from '../support/textRoundTrip';
import { runs } from '../support/runs';

const empty = bytesSource(new Uint8Array(0));

const minimal: Model = {
  irVersion: 8,
  opsetImports: [{ domain: '', version: 17 }],
  producerName: '',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: '',
  metadataProps: [],
  graph: { name: 'g', inputs: [], outputs: [], valueInfos: [], initializers: [], nodes: [] },
  functions: [],
};

function messageOf(bytes: Uint8Array): string {
  try {
    decodeModel(bytesSource(bytes));
  } catch (error) {
    assert.ok(error instanceof ModelFormatError, String(error));
    return error.message;
  }
  return 'decoded';
}

describe('decodeModel', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000 * runs(1).numRuns);

  it('says what a file is that is no model', () => {
    const cases: readonly [Uint8Array | string, RegExp][] = [
      ['', /the file is empty/],
      ['<!DOCTYPE html><html>', /a web page/],
      ['version https://git-lfs.github.com/spec/v1\noid sha256:1', /Git LFS pointer/],
      ['ir_version: 7\ngraph {\n}', /protobuf text format/],
      ['hello, world: this is no model', /the file is text/],
      ['<\n  ir_version: 8\n>\ng () => () {}', /ONNX text/],
      ['\x18\0\0\0ORTM', /ONNX Runtime .ort/],
      ['PK\x03\x04abc', /ZIP/],
      [new Uint8Array(100), /filled with zeros/],
    ];
    for (const [content, expected] of cases) {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      assert.match(messageOf(bytes), expected);
      assert.match(messageOf(bytes), /^[^\n]+\.$/);
    }
  });

  it('says where a truncated file breaks off', () => {
    const bytes = encode(minimal);
    // Behind the graph, a file that ends between two fields is a model of its own.
    const ends = new Set(scanFields(bytesSource(bytes), { start: 0, end: bytes.length }).map(({ end }) => end));
    for (let size = 1; size < bytes.length; size++) {
      const message = messageOf(bytes.subarray(0, size));
      if (message === 'decoded' && ends.has(size)) continue;
      assert.match(message, /^This isn't (a complete|an) ONNX model: /);
    }
  });

  it('refuses a model without a graph, and two models in one file', () => {
    assert.match(messageOf(joinChunks(new MessageWriter().int(1, 8).finish(), empty)), /no graph/);
    const bytes = encode(minimal);
    assert.match(messageOf(Uint8Array.from([...bytes, ...bytes])), /second graph/);
  });

  it('refuses graphs nested too deep, without overflowing the stack', () => {
    let graph: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 5000; depth++) {
      const attribute = new MessageWriter().message(6, [graph]).finish();
      const node = new MessageWriter().message(5, attribute).finish();
      graph = joinChunks(new MessageWriter().message(1, node).finish(), empty);
    }
    assert.match(messageOf(joinChunks(new MessageWriter().message(7, [graph]).finish(), empty)), /more than 100 deep/);
  });

  it('refuses types nested too deep', () => {
    let type: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 5000; depth++) {
      const sequence = new MessageWriter().message(1, [type]).finish();
      type = joinChunks(new MessageWriter().message(4, sequence).finish(), empty);
    }
    const value = new MessageWriter().string(1, 'x').message(2, [type]).finish();
    const graph = new MessageWriter().message(11, value).finish();
    assert.match(messageOf(joinChunks(new MessageWriter().message(7, graph).finish(), empty)), /more than 100 deep/);
  });

  it('never fails but with a ModelFormatError, on any mutation of a model', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(anyModel, fc.array(mutation, { minLength: 1, maxLength: 8 }), (model, mutations) => {
        const bytes = encode(model);
        for (const [at, value] of mutations) bytes[at % bytes.length] = value;
        messageOf(bytes);
      }),
      runs(300),
    );
  });

  it('fails quickly on 10 MB of noise', () => {
    const bytes = new Uint8Array(10 << 20);
    let state = 1;
    for (let i = 0; i < bytes.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      bytes[i] = state >>> 24;
    }
    const start = performance.now();
    assert.notEqual(messageOf(bytes), 'decoded');
    assert.ok(performance.now() - start < 5000);
  });

  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = encode(model);
        const { model: decoded, source } = fileOf(bytes);
        const again = joinChunks(encodeModel(decoded, source), source);
        // Encoding is canonical but for data, which comes back raw: a second trip is stable.
        const stable = fileOf(again);
        assert.deepEqual(joinChunks(encodeModel(stable.model, stable.source), stable.source), again);
      }),
      runs(100),
    );
  });

  it('reads attributes of old models, which have no type', () => {
    const attribute = new MessageWriter().string(1, 'alpha').float(2, 0.5).string(13, 'doc').finish();
    const node = new MessageWriter().string(4, 'Elu').message(5, attribute).finish();
    const graph = new MessageWriter().message(1, node).finish();
    const { model } = fileOf(joinChunks(new MessageWriter().message(7, graph).finish(), empty));
    assert.deepEqual(model.graph.nodes[0]!.attributes[0]!.value, { type: 'FLOAT', value: 0.5 });
  });

  it('reads packed and unpacked lists alike', () => {
    const packed = new MessageWriter().packedInt(1).packedInt(-1n).finish();
    const attribute = new MessageWriter().string(1, 'axes').message(8, packed).int(8, 5).int(20, 7).finish();
    const node = new MessageWriter().message(5, attribute).finish();
    const graph = new MessageWriter().message(1, node).finish();
    const { model } = fileOf(joinChunks(new MessageWriter().message(7, graph).finish(), empty));
    assert.deepEqual(model.graph.nodes[0]!.attributes[0]!.value, { type: 'INTS', value: [1n, -1n, 5n] });
  });

  it('reads little of a file that is mostly weights, to text and back', () => {
    const weight = { start: 0, end: 8 << 20 };
    const tensor = (name: string) =>
      new MessageWriter()
        .int(1, 1 << 21)
        .int(2, 1)
        .string(8, name)
        .message(9, [weight]);
    const graph = new MessageWriter();
    for (let i = 0; i < 180; i++) graph.message(5, tensor(`layer.${i}.weight`).finish());
    const chunks = new MessageWriter().int(1, 8).message(7, graph.finish()).finish();
    const size = chunks.reduce((sum, chunk) => sum + chunkSize(chunk), 0);
    let read = 0;
    const source: ByteSource = {
      size,
      read(start, end) {
        read += end - start;
        const bytes = new Uint8Array(end - start);
        let at = 0;
        for (const chunk of chunks) {
          const length = chunkSize(chunk);
          const from = Math.max(start, at);
          const to = Math.min(end, at + length);
          if (from < to && !isRange(chunk)) bytes.set(chunk.subarray(from - at, to - at), from - start);
          at += length;
        }
        return bytes;
      },
    };
    assert.ok(size > 1.4e9);
    const model = decodeModel(source);
    assert.equal(model.graph.initializers.length, 180);
    assert.deepEqual(checkModel(source, 'large.onnx'), { identical: true });
    assert.ok(read < 16 << 20, `read ${read} bytes`);
  });

  it('reads fields newer than onnx-proto: overload, attribute defaults, opaque types, float8', () => {
    const node: Node = { name: '', domain: 'd', opType: 'F', overload: 'v2', inputs: [], outputs: [], attributes: [] };
    const model: Model = {
      ...minimal,
      graph: {
        ...minimal.graph,
        inputs: [{ name: 'o', type: { kind: 'opaque', domain: 'a.b', name: 'C' } }],
        initializers: [{ name: 'w', dataType: 17, dims: [2], data: { kind: 'values', values: [1, 255] } }],
        nodes: [node],
      },
      functions: [
        {
          name: 'F',
          domain: 'd',
          overload: 'v2',
          docString: '',
          opsetImports: [],
          inputs: [],
          outputs: [],
          attributes: ['a'],
          attributeDefaults: [{ name: 'b', value: { type: 'INT', value: 3n } }],
          valueInfos: [{ name: 'x', type: { kind: 'tensor', elementType: 1, shape: undefined } }],
          nodes: [],
        },
      ],
    };
    const { model: decoded } = fileOf(encode(model));
    assert.equal(decoded.graph.nodes[0]!.overload, 'v2');
    assert.deepEqual(decoded.graph.inputs[0]!.type, { kind: 'opaque', domain: 'a.b', name: 'C' });
    assert.equal(decoded.graph.initializers[0]!.dataType, 17);
    assert.equal(decoded.functions[0]!.overload, 'v2');
    assert.deepEqual(decoded.functions[0]!.attributeDefaults[0]!.value, { type: 'INT', value: 3n });
    assert.equal(decoded.functions[0]!.valueInfos[0]!.name, 'x');
  });
});
