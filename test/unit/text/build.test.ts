import assert from 'node:assert/strict';
import type { Model } from '../../../src/core/onnx/model';
import { BuildError } from '../../../src/core/text/build';
import { checkModel } from '../../../src/core/text/check';
import { readTensor } from '../../../src/core/onnx/tensor';
import { scanFields } from '../../../src/core/wire/scan';
import { bytesSource } from '../../../src/core/wire/source';
import { isRange, joinChunks } from '../../../src/core/wire/splice';
import { decodeUtf8 } from '../../../src/core/wire/utf8';
import { MessageWriter } from '../../../src/core/wire/writer';
import { build, buildText, encode, fileOf, FILE_NAME, parsed, textOf, type MemoryFile } from '../support/textRoundTrip';
import { withUnknownFields } from '../support/unknownFields';

const weights = Float32Array.from({ length: 40 }, (_, i) => i / 8);

const model: Model = {
  irVersion: 7,
  opsetImports: [{ domain: '', version: 17 }],
  producerName: 'test',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: '',
  metadataProps: [
    { key: 'a', value: '1' },
    { key: 'b', value: '2' },
  ],
  graph: {
    name: 'g',
    inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 1, shape: [1, 'N'] } }],
    outputs: [{ name: 'z', type: { kind: 'tensor', elementType: 1, shape: [1, 'N'] } }],
    valueInfos: [],
    initializers: [
      { name: 'w', dataType: 1, dims: [5, 8], data: { kind: 'bytes', bytes: new Uint8Array(weights.buffer) } },
      { name: 'shape', dataType: 7, dims: [2], data: { kind: 'values', values: [1n, -1n] } },
    ],
    nodes: [
      {
        name: 'n1',
        domain: '',
        opType: 'Conv',
        overload: '',
        inputs: ['x', 'w'],
        outputs: ['y'],
        attributes: [
          { name: 'group', value: { type: 'INT', value: 1n } },
          { name: 'pads', value: { type: 'INTS', value: [1n, 1n] } },
        ],
      },
      { name: 'n2', domain: '', opType: 'Relu', overload: '', inputs: ['y'], outputs: ['r'], attributes: [] },
      { name: '', domain: '', opType: 'Reshape', overload: '', inputs: ['r', 'shape'], outputs: ['z'], attributes: [] },
    ],
  },
  functions: [],
};

/** The model with unknown fields in every message. */
const file = fileOf(withUnknownFields(encode(model)));

const contains = (whole: Uint8Array, part: Uint8Array) => Buffer.from(whole).includes(Buffer.from(part));
const payload = (of: MemoryFile, element: { origin?: { start: number; end: number } | undefined }) =>
  of.bytes.subarray(element.origin!.start, element.origin!.end);

/** Unknown fields of a message, as number and bytes. */
function unknownOf(of: MemoryFile, element: { origin?: { start: number; end: number } | undefined }): string[] {
  return scanFields(of.source, element.origin!)
    .filter(({ number }) => number >= 1000)
    .map(
      ({ number, payload: range }) =>
        `${number} ${Buffer.from(of.bytes.subarray(range.start, range.end)).toString('hex')}`,
    );
}

/** Build the text after replacing `from`, which occurs once, by `to`. */
function edit(from: string, to: string, of = file): MemoryFile {
  const text = textOf(of);
  assert.equal(text.split(from).length, 2, `"${from}" occurs once in\n${text}`);
  return buildText(
    text.replace(from, () => to),
    of,
  );
}

function refusal(from: string, to: string, of = file): { message: string; marked: string } {
  const text = textOf(of).replace(from, () => to);
  try {
    build(parsed(text), of);
  } catch (error) {
    assert.ok(error instanceof BuildError, String(error));
    return { message: error.message, marked: text.slice(error.span!.start, error.span!.end) };
  }
  return assert.fail('built');
}

describe('buildModel', () => {
  it('gives one range, the whole file, for text without changes', () => {
    const result = build(parsed(textOf(file)), file);
    assert.deepEqual(result.chunks, [{ start: 0, end: file.bytes.length }]);
    assert.deepEqual(result.changes, []);
  });

  it('does so whatever the layout of the text', () => {
    const text = textOf(file).replace(/, /g, '\n ,\t').replace(/\n/g, '\r\n');
    assert.deepEqual(build(parsed(text), file).changes, []);
  });

  it('keeps unknown fields of the messages that it changes, and all bytes of the others', () => {
    const after = edit('group = 1', 'group = 2');
    const [before1, before2, before3] = file.model.graph.nodes;
    const [after1, after2, after3] = after.model.graph.nodes;
    assert.deepEqual(after1!.attributes[0]!.value, { type: 'INT', value: 2n });
    assert.deepEqual(unknownOf(after, after1!), unknownOf(file, before1!));
    assert.deepEqual(unknownOf(after, after1!.attributes[0]!), unknownOf(file, before1!.attributes[0]!));
    assert.deepEqual(payload(after, after1!.attributes[1]!), payload(file, before1!.attributes[1]!));
    assert.deepEqual(payload(after, after2!), payload(file, before2!));
    assert.deepEqual(payload(after, after3!), payload(file, before3!));
    assert.deepEqual(unknownOf(after, after.model), unknownOf(file, file.model));
    assert.deepEqual(unknownOf(after, after.model.graph), unknownOf(file, file.model.graph));
    assert.equal(after.bytes.length, file.bytes.length);
  });

  it('lists what it changes', () => {
    const text = textOf(file).replace('group = 1', 'group = 2').replace('[n2]', '[n3]');
    assert.deepEqual(
      build(parsed(text), file).changes.map(({ path }) => path.join(' › ')),
      ['graph g › node n1 › attribute group › value', 'graph g › node n3 › name'],
    );
  });

  it('changes what the header says', () => {
    assert.equal(edit('ir_version: 7', 'ir_version: 8').model.irVersion, 8);
    assert.equal(edit('producer_name: "test"', 'producer_name: "other"').model.producerName, 'other');
    assert.equal(edit('producer_name: "test",\n', '').model.producerName, '');
    const added = edit('["": 17]', '["": 18, "d": 2]');
    assert.deepEqual(
      added.model.opsetImports.map(({ domain, version }) => [domain, version]),
      [
        ['', 18],
        ['d', 2],
      ],
    );
    assert.deepEqual(unknownOf(added, added.model.opsetImports[0]!), unknownOf(file, file.model.opsetImports[0]!));
    assert.deepEqual(edit('"a": "1", "b": "2"', '"b": "3"').model.metadataProps, [{ key: 'b', value: '3' }]);
  });

  it('replaces nodes by a call of a new function, as fusing does', () => {
    const text = textOf(file)
      .replace('ir_version: 7', 'ir_version: 8')
      .replace('["": 17]', '["": 17, "fusionlens": 1]')
      .replace(/ {2}\[n1\].*\n {2}\[n2\].*\n/, '  [n1] r = fusionlens.ConvRelu <group = 1, pads = [1, 1]> (x, w)\n')
      .concat('<domain: "fusionlens", opset_import: ["": 17]>\nConvRelu <group, pads> (X, W) => (Y)\n{\n')
      .concat('  C = Conv <group: int = @group, pads: ints = @pads> (X, W)\n  Y = Relu (C)\n}\n');
    const after = buildText(text, file);
    assert.equal(
      textOf(after).replace(/"offset": "\d+"/g, ''),
      textOf(fileOf(encode(parsedWithData(text)))).replace(/"offset": "\d+"/g, ''),
    );
    assert.deepEqual(payload(after, after.model.graph.nodes[1]!), payload(file, file.model.graph.nodes[2]!));
    assert.deepEqual(unknownOf(after, after.model.graph.nodes[0]!), unknownOf(file, file.model.graph.nodes[0]!));
    assert.deepEqual(
      payload(after, after.model.graph.initializers[0]!),
      payload(file, file.model.graph.initializers[0]!),
    );
  });

  it('keeps what is not shown of a node that is renamed, moved, or gets other outputs', () => {
    const nodeOf = (of: MemoryFile, op: string) => of.model.graph.nodes.find(({ opType }) => opType === op)!;
    for (const [from, to] of [
      ['[n2] r = Relu (y)', '[other] r = Relu (y)'],
      ['[n2] r = Relu (y)', '[n2] q = Relu (y)'],
      ['[n2] r = Relu (y)', 'r = Relu (x)'],
      ['[n2] r = Relu (y)', '[m] q = Relu (y)'],
      ['[n2] r = Relu (y)', '[m] q = Relu (x)'],
    ] as const) {
      const after = edit(from, to);
      assert.deepEqual(unknownOf(after, nodeOf(after, 'Relu')), unknownOf(file, nodeOf(file, 'Relu')), to);
    }
    const text = textOf(file);
    const [first, second] = [/ {2}\[n1\].*\n/.exec(text)![0], / {2}\[n2\].*\n/.exec(text)![0]];
    const moved = buildText(text.replace(first, '').replace(second, second + first), file);
    assert.deepEqual(
      moved.model.graph.nodes.map(({ opType }) => opType),
      ['Relu', 'Conv', 'Reshape'],
    );
    for (const op of ['Relu', 'Conv', 'Reshape']) {
      assert.deepEqual(payload(moved, nodeOf(moved, op)), payload(file, nodeOf(file, op)));
    }
  });

  it('changes types and dimensions in place', () => {
    const after = edit('(float[1,N] x)', '(float[2,N] x)');
    const input = after.model.graph.inputs[0]!;
    assert.deepEqual(input.type, { kind: 'tensor', elementType: 1, shape: [2, 'N'] });
    assert.deepEqual(unknownOf(after, input), unknownOf(file, file.model.graph.inputs[0]!));
    // The type, shape and dimension messages keep their unknown fields too: nothing but one number has changed.
    assert.equal(after.bytes.length, file.bytes.length);
    assert.equal(after.bytes.filter((byte, i) => byte !== file.bytes[i]).length, 1);
    assert.deepEqual(edit('(float[1,N] x)', '(seq(float[]) x)').model.graph.inputs[0]!.type, {
      kind: 'sequence',
      elementType: { kind: 'tensor', elementType: 1, shape: undefined },
    });
    assert.equal(edit('(float[1,N] x)', '(x)').model.graph.inputs[0]!.type, undefined);
  });
});

/** The model of a text whose references are resolved in `file`. */
function parsedWithData(text: string): Model {
  const edited = parsed(text);
  const [w, ...others] = edited.graph.initializers;
  return {
    ...edited,
    graph: { ...edited.graph, initializers: [{ ...w!, data: model.graph.initializers[0]!.data }, ...others] },
  };
}

describe('buildModel with tensors', () => {
  const bytes = new Uint8Array(weights.buffer);

  it('changes values', () => {
    const after = edit('int64[2] shape = {1, -1}', 'int64[3] shape = {1, 2, -1}');
    const tensor = after.model.graph.initializers[1]!;
    assert.deepEqual(tensor.dims, [3]);
    assert.deepEqual(readTensor(tensor, after.source), [1n, 2n, -1n]);
    assert.deepEqual(unknownOf(after, tensor), unknownOf(file, file.model.graph.initializers[1]!));
  });

  it('keeps the weights of an initializer that is renamed, and what is not shown of it', () => {
    const text = textOf(file).replace('float[5,8] w =', 'float[5,8] weight =').replace('(x, w)', '(x, weight)');
    const after = buildText(text, file);
    const tensor = after.model.graph.initializers[0]!;
    assert.equal(tensor.name, 'weight');
    assert.ok(contains(payload(after, tensor), bytes));
    assert.deepEqual(unknownOf(after, tensor), unknownOf(file, file.model.graph.initializers[0]!));
  });

  it('takes a new shape of the same size, and refuses one of another', () => {
    const after = edit('float[5,8] w', 'float[8,5] w');
    assert.deepEqual(after.model.graph.initializers[0]!.dims, [8, 5]);
    assert.ok(contains(payload(after, after.model.graph.initializers[0]!), bytes));
    const { message, marked } = refusal('float[5,8] w', 'float[5,9] w');
    assert.match(message, /"w" is float\[5,9\], which takes 180 bytes, but its data in the model file has 160/);
    assert.match(marked, /^float\[5,9\] w = \[/);
    assert.match(refusal('float[5,8] w', 'string[5,8] w').message, /can't be string\[5,8\]/);
  });

  it('refuses values that do not fit the shape or the type', () => {
    assert.match(refusal('{1, -1}', '{1, -1, 2}').message, /int64\[2\], which needs 2 values, but has 3/);
    assert.match(refusal('int64[2] shape = {1, -1}', 'uint8[2] shape = {1, -1}').message, /-1 doesn't fit uint8/);
  });

  it('refuses a reference to data that is not there', () => {
    assert.match(refusal('"length": "160"', '"length": "99999"').message, /isn't at offset \d+ of model.onnx/);
  });

  it('copies weights into a new initializer that refers to them, and into another', () => {
    const text = textOf(file);
    const reference = /\["location".*\]/.exec(text)![0];
    const added = buildText(text.replace('int64[2] shape', `float[40] copy = ${reference},\n  int64[2] shape`), file);
    assert.equal(added.model.graph.initializers[1]!.name, 'copy');
    assert.ok(contains(payload(added, added.model.graph.initializers[1]!), bytes));
    const node = buildText(text.replace('group = 1', `group = 1, value = float[40] = ${reference}`), file);
    assert.ok(contains(payload(node, node.model.graph.nodes[0]!), bytes));
  });

  it('takes values in place of weights, and real external data', () => {
    const reference = /\["location".*\]/.exec(textOf(file))![0];
    const values = edit(`float[5,8] w = ${reference}`, 'float[2] w = {0.5, nan}');
    assert.deepEqual(readTensor(values.model.graph.initializers[0]!, values.source), [0.5, NaN]);
    const external = edit(reference, '["location": "w.bin", "offset": "0"]');
    assert.deepEqual(external.model.graph.initializers[0]!.data, {
      kind: 'external',
      entries: [
        { key: 'location', value: 'w.bin' },
        { key: 'offset', value: '0' },
      ],
    });
    assert.ok(!contains(payload(external, external.model.graph.initializers[0]!), bytes));
    const back = edit('float[5,8] w = ["location": "w.bin", "offset": "0"]', 'float[2] w = {1, 2}', external);
    assert.deepEqual(readTensor(back.model.graph.initializers[0]!, back.source), [1, 2]);
  });

  it('leaves large typed fields where they are, renamed or not', () => {
    const packed = new MessageWriter();
    for (let i = 0; i < 100; i++) packed.packedInt(i * i);
    const tensor = new MessageWriter().int(1, 100).int(2, 7).message(7, packed.finish()).string(8, 'ids');
    const strings = new MessageWriter().int(1, 30).int(2, 8);
    for (let i = 0; i < 30; i++) strings.string(6, `word ${i}`);
    const graph = new MessageWriter().message(5, tensor.finish()).message(5, strings.string(8, 'words').finish());
    const typed = fileOf(
      joinChunks(new MessageWriter().message(7, graph.finish()).finish(), bytesSource(new Uint8Array(0))),
    );
    const text = textOf(typed);
    assert.match(text, /^# Data at a location ending in "#TensorProto"/);
    assert.match(text, /int64\[100\] ids = \["location": "model.onnx#TensorProto", /);
    assert.deepEqual(build(parsed(text), typed).changes, []);
    const renamed = buildText(text.replace(' ids ', ' tokens ').replace(' words ', ' vocabulary '), typed);
    const [ids, words] = renamed.model.graph.initializers;
    assert.deepEqual([ids!.name, words!.name], ['tokens', 'vocabulary']);
    assert.deepEqual(
      readTensor(ids!, renamed.source),
      Array.from({ length: 100 }, (_, i) => BigInt(i * i)),
    );
    assert.equal(readTensor(words!, renamed.source)![29], 'word 29');
    const copied = buildText(
      text
        .replace(' ids = ', ' a = ')
        .replace('\n>\n{', `,\n  int64[100] ids = ${/\["loc[^\]]*\]/.exec(text)![0]}\n>\n{`),
      typed,
    );
    assert.deepEqual(readTensor(copied.model.graph.initializers[2]!, copied.source)![99], 9801n);
    assert.throws(() => buildText(text.replace('int64[100]', 'int32[100]'), typed), BuildError);
  });

  it('keeps typed fields typed, packed or not', () => {
    const tensor = (write: (writer: MessageWriter) => MessageWriter) =>
      fileOf(
        joinChunks(
          new MessageWriter()
            .message(
              7,
              new MessageWriter().message(5, write(new MessageWriter().int(1, 2)).string(8, 't').finish()).finish(),
            )
            .finish(),
          bytesSource(new Uint8Array(0)),
        ),
      );
    const fieldsOf = (of: MemoryFile) =>
      scanFields(of.source, of.model.graph.initializers[0]!.origin!).map(
        ({ number, wireType }) => `${number}/${wireType}`,
      );
    const packed = tensor((writer) =>
      writer.int(2, 7).message(7, new MessageWriter().packedInt(1).packedInt(2).finish()),
    );
    assert.deepEqual(fieldsOf(edit('{1, 2}', '{3, 4}', packed)), fieldsOf(packed));
    const unpacked = tensor((writer) => writer.int(2, 7).int(7, 1).int(7, 2));
    const after = edit('{1, 2}', '{3, -4}', unpacked);
    assert.deepEqual(fieldsOf(after), fieldsOf(unpacked));
    assert.deepEqual(readTensor(after.model.graph.initializers[0]!, after.source), [3n, -4n]);
    const strings = tensor((writer) => writer.int(2, 8).string(6, 'a').bytes(6, Uint8Array.of(0xff)));
    const changed = edit('"a"', '"b"', strings);
    assert.deepEqual(fieldsOf(changed), fieldsOf(strings));
    assert.deepEqual(readTensor(changed.model.graph.initializers[0]!, changed.source), ['b', '\udcff']);
    const floats = tensor((writer) =>
      writer.int(2, 1).message(4, new MessageWriter().packedFloat(1).packedFloat(2).finish()),
    );
    assert.deepEqual(fieldsOf(edit('{1.0, 2.0}', '{1.5, 2.0}', floats)), fieldsOf(floats));
    for (const [type, field] of [
      ['float', 4],
      ['double', 10],
      ['complex64', 4],
      ['complex128', 10],
    ] as const) {
      const code = { float: 1, double: 11, complex64: 14, complex128: 15 }[type];
      const values = type.startsWith('complex') ? [1, 2, 3, 4] : [1, 2];
      const loose = tensor((writer) => {
        writer.int(2, code);
        for (const value of values) {
          if (field === 4) writer.float(4, value);
          else writer.double(10, value);
        }
        return writer;
      });
      const list = values.map((value) => `${value}.0`).join(', ');
      const edited = edit(`{${list}}`, `{${list.replace('2.0', '2.5')}}`, loose);
      assert.deepEqual(fieldsOf(edited), fieldsOf(loose), type);
      assert.deepEqual(
        readTensor(edited.model.graph.initializers[0]!, edited.source),
        values.map((value) => (value === 2 ? 2.5 : value)),
      );
    }
    const retyped = edit('float[2] t = {1.0, 2.0}', 'int32[2] t = {1, 2}', floats);
    assert.equal(retyped.model.graph.initializers[0]!.dataType, 6);
  });

  it('refuses text for comparing, and a reference without a location in place of data', () => {
    const reference = /\["location": "model.onnx", "offset": "\d+", "length": "160"\]/.exec(textOf(file))![0];
    const compared = refusal(reference, '["bytes": "160", "sha256": "2a01029edf42c06c"]');
    assert.match(compared.message, /this is text for comparing, not for building/);
    assert.match(compared.marked, /^float\[5,8\] w/);
    assert.match(refusal('int64[2] shape', 'int64[-2] shape').message, /dimensions can't be negative/);
    for (const entries of ['[]', '["offset": "0", "length": "160"]', '["location": ""]']) {
      assert.match(refusal(reference, entries).message, /"w" would lose its data: external data needs a "location"/);
    }
    assert.match(refusal('{1, -1}', '[]').message, /"shape" would lose its data/);
  });

  const external = (entries: readonly { key: string; value: string }[]): MemoryFile =>
    fileOf(
      encode({
        ...model,
        graph: {
          ...model.graph,
          initializers: [{ name: 'e', dataType: 1, dims: [4], data: { kind: 'external', entries } }],
        },
      }),
    );

  it('refuses a shape that the stated length of external data does not fit, where it was edited', () => {
    const stated = (length: string) =>
      external([
        { key: 'location', value: 'weights.bin' },
        { key: 'length', value: length },
      ]);
    const { message, marked } = refusal('float[4] e', 'float[5] e', stated('16'));
    assert.match(message, /"e" is float\[5\], which takes 20 bytes, but the length stated of its external data is 16/);
    assert.match(marked, /^float\[5\] e/);
    assert.match(refusal('"length": "16"', '"length": "12"', stated('16')).message, /takes 16 bytes/);
    assert.deepEqual(edit('float[4] e', 'float[2,2] e', stated('16')).model.graph.initializers[0]!.dims, [2, 2]);
    assert.equal(edit('[n2]', '[n9]', stated('7')).model.graph.nodes[1]!.name, 'n9');
  });

  it('takes external data in a file of the name of the model itself for what it is', () => {
    const own = external([
      { key: 'location', value: FILE_NAME },
      { key: 'offset', value: '0' },
      { key: 'length', value: '16' },
    ]);
    assert.deepEqual(checkModel(own.source, FILE_NAME), { identical: true });
    assert.equal(edit('[n2]', '[n9]', own).model.graph.nodes[1]!.name, 'n9');
    const renamed = edit('float[4] e', 'float[4] ee', own).model.graph.initializers[0]!;
    assert.equal(renamed.name, 'ee');
    assert.deepEqual(renamed.data, own.model.graph.initializers[0]!.data);
    assert.match(refusal('float[4] e', 'float[9] e', own).message, /takes 36 bytes/);
  });

  it('keeps what is not shown of the elements of a list, by name and else by index', () => {
    const tensor = (name: string, value: number, doc: string) =>
      new MessageWriter().int(1, 1).int(2, 1).float(4, value).string(8, name).string(12, doc).finish();
    const writer = new MessageWriter().string(1, 'list');
    ['a', 'b', 'c'].forEach((name, i) => writer.message(10, tensor(name, i, `doc of ${name}`)));
    const node = new MessageWriter().string(4, 'Op').message(5, writer.int(20, 9).finish()).finish();
    const graph = new MessageWriter().message(1, node).finish();
    const listed = fileOf(joinChunks(new MessageWriter().message(7, graph).finish(), bytesSource(new Uint8Array(0))));
    const docs = (of: MemoryFile) =>
      Buffer.from(of.bytes)
        .toString('latin1')
        .match(/doc of [a-z]/g);
    assert.deepEqual(docs(edit('float[1] a = {0.0}, ', '', listed)), ['doc of b', 'doc of c']);
    assert.deepEqual(docs(edit('float[1] b', 'float[1] d', listed)), ['doc of a', 'doc of b', 'doc of c']);
    const moved = edit('float[1] a = {0.0}, float[1] b = {1.0}', 'float[1] b = {1.0}, float[1] a = {0.0}', listed);
    assert.deepEqual(docs(moved), ['doc of b', 'doc of a', 'doc of c']);
  });

  it('finds data where aliases say it is', () => {
    const text = textOf(file);
    const range = file.model.graph.initializers[0]!.data;
    assert.ok(range.kind === 'embedded');
    const key = `${range.bytes.start}:160`;
    const stale = text.replace(`"offset": "${range.bytes.start}"`, '"offset": "123456789"');
    const aliases = new Map([['123456789:160', range.bytes]]);
    assert.deepEqual(build(parsed(stale), file, { aliases }).changes, []);
    const other = new Uint8Array(160).fill(7);
    const replaced = build(parsed(text), file, { aliases: new Map([[key, other]]) });
    assert.ok(replaced.chunks.includes(other));
    assert.ok(contains(replaced.bytes, other));
    assert.deepEqual([...replaced.references], [[key, other]]);
    const renamed = build(parsed(text.replaceAll(FILE_NAME, 'old.onnx')), file, { otherNames: ['old.onnx'] });
    assert.deepEqual(renamed.changes, []);
  });
});

describe('buildModel with old and odd files', () => {
  const empty = bytesSource(new Uint8Array(0));

  it('keeps an attribute without a type so, and gives it one with a value of another type', () => {
    const attribute = new MessageWriter().string(1, 'alpha').float(2, 0.5).string(13, 'doc').finish();
    const graph = new MessageWriter().message(1, new MessageWriter().string(4, 'Elu').message(5, attribute).finish());
    const old = fileOf(joinChunks(new MessageWriter().message(7, graph.finish()).finish(), empty));
    const after = edit('alpha = 0.5', 'alpha = 1.5', old);
    const fields = scanFields(after.source, after.model.graph.nodes[0]!.attributes[0]!.origin!);
    assert.deepEqual(
      fields.map(({ number }) => number),
      [1, 2, 13],
    );
    const retyped = edit('alpha = 0.5', 'alpha = "x"', old);
    const value = retyped.model.graph.nodes[0]!.attributes[0]!.value;
    assert.equal(value.type === 'STRING' && decodeUtf8(value.value), 'x');
    assert.ok(contains(retyped.bytes, new TextEncoder().encode('doc')));
  });

  it('keeps packed lists packed, and the fields between unpacked ones', () => {
    const packed = new MessageWriter()
      .string(1, 'p')
      .message(8, new MessageWriter().packedInt(1).packedInt(2).finish())
      .int(20, 7)
      .finish();
    const loose = new MessageWriter().string(1, 'q').int(8, 1).string(13, 'doc').int(8, 2).int(20, 7).finish();
    const node = new MessageWriter().message(5, packed).message(5, loose).finish();
    const odd = fileOf(
      joinChunks(new MessageWriter().message(7, new MessageWriter().message(1, node).finish()).finish(), empty),
    );
    const after = edit('<p = [1, 2], q = [1, 2]>', '<p = [1, 3, 5], q = [9, 2, 5]>', odd);
    const [p, q] = after.model.graph.nodes[0]!.attributes;
    const fieldsOf = (element: typeof p) =>
      scanFields(after.source, element!.origin!).map(({ number, wireType }) => `${number}/${wireType}`);
    assert.deepEqual(fieldsOf(p), ['1/2', '8/2', '20/0']);
    assert.deepEqual(fieldsOf(q), ['1/2', '8/0', '13/2', '8/0', '8/0', '20/0']);
    assert.deepEqual(p!.value, { type: 'INTS', value: [1n, 3n, 5n] });
    assert.deepEqual(q!.value, { type: 'INTS', value: [9n, 2n, 5n] });
  });

  it('copies unchanged parts as ranges', () => {
    const text = textOf(file).replace('[n2]', '[n3]');
    const { chunks } = build(parsed(text), file);
    const copied = chunks.filter(isRange).reduce((sum, { start, end }) => sum + end - start, 0);
    assert.ok(copied > file.bytes.length - 20, `${copied} of ${file.bytes.length} bytes copied`);
  });
});
