import assert from 'node:assert/strict';
import type { Model, Node } from '../../../src/core/onnx/model';
import { printFunction, printModel, printNode, quoteIdentifier, quoteString } from '../../../src/core/text/print';
import { bytesSource } from '../../../src/core/wire/source';
import { encode, fileOf, textOf } from '../support/textRoundTrip';

const nothing = bytesSource(new Uint8Array(0));

const conv: Node = {
  name: '/conv/Conv',
  domain: '',
  opType: 'Conv',
  overload: '',
  inputs: ['x', 'w', ''],
  outputs: ['y'],
  attributes: [
    { name: 'pads', value: { type: 'INTS', value: [1n, 1n] } },
    { name: 'group', value: { type: 'INT', value: 1n } },
    { name: 'alpha', value: { type: 'FLOAT', value: 1 } },
    { name: 'axes', value: { type: 'INTS', value: [] } },
    { name: 'beta', value: { type: 'REFERENCE', value: 'beta', attributeType: 'FLOAT' } },
  ],
};

const model: Model = {
  irVersion: 8,
  opsetImports: [
    { domain: '', version: 17 },
    { domain: 'd', version: 1 },
  ],
  producerName: 'p',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: 'a "quoted" \\ word',
  metadataProps: [{ key: 'k', value: 'v' }],
  graph: {
    name: 'main graph',
    inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 1, shape: [1, 'N', undefined] } }],
    outputs: [{ name: 'y', type: { kind: 'tensor', elementType: 1, shape: undefined } }],
    valueInfos: [],
    initializers: [
      { name: 'w', dataType: 1, dims: [2, 20], data: { kind: 'bytes', bytes: new Uint8Array(160) } },
      { name: 'i', dataType: 7, dims: [2], data: { kind: 'values', values: [-1n, 9223372036854775807n] } },
    ],
    nodes: [conv],
  },
  functions: [
    {
      name: 'F',
      domain: 'd',
      overload: '',
      docString: '',
      opsetImports: [{ domain: '', version: 17 }],
      inputs: ['a'],
      outputs: ['b'],
      attributes: ['beta'],
      attributeDefaults: [{ name: 'eps', value: { type: 'FLOAT', value: Math.fround(1e-5) } }],
      valueInfos: [],
      nodes: [{ name: '', domain: '', opType: 'Relu', overload: '', inputs: ['a'], outputs: ['b'], attributes: [] }],
    },
  ],
};

describe('printModel', () => {
  it('prints header, signature, declarations, nodes and functions', () => {
    const file = fileOf(encode(model));
    const weight = file.model.graph.initializers[0]!.data;
    assert.ok(weight.kind === 'embedded');
    assert.equal(
      textOf(file),
      `<
  ir_version: 8,
  opset_import: ["": 17, "d": 1],
  producer_name: "p",
  doc_string: "a \\"quoted\\" \\\\ word",
  metadata_props: ["k": "v"]
>
"main graph" (float[1,N,?] x) => (float[] y)
<
  float[2,20] w = ["location": "model.onnx", "offset": "${weight.bytes.start}", "length": "160"],
  int64[2] i = {-1, 9223372036854775807}
>
{
  ["/conv/Conv"] y = Conv <pads = [1, 1], group = 1, alpha = 1.0, axes: ints = [], beta: float = @beta> (x, w, "")
}

<
  domain: "d",
  opset_import: ["": 17]
>
F <beta, eps = 0.00001> (a) => (b)
{
  b = Relu (a)
}
`,
    );
  });

  it('elides by size', () => {
    const file = fileOf(encode(model));
    assert.match(textOf(file, 160), /float\[2,20\] w = \{0\.0, /);
    assert.match(textOf(file, 0), /int64\[2\] i = \["location"/);
  });

  it('breaks long signatures and indents subgraphs', () => {
    const subgraph = { ...model.graph, name: 'body', inputs: [], initializers: [], valueInfos: [] };
    const node: Node = {
      ...conv,
      name: '',
      opType: 'If',
      inputs: ['c'],
      attributes: [{ name: 'then_branch', value: { type: 'GRAPH', value: { ...subgraph, nodes: [] } } }],
    };
    assert.equal(
      printNode(node, { indent: '  ' }),
      'y = If (c) <\n    then_branch = body () => (float[] y)\n    {\n    }\n  >',
    );
    const inputs = Array.from({ length: 9 }, (_, i) => ({
      ...model.graph.inputs[0]!,
      name: `a_rather_long_name_${i}`,
    }));
    const text = printModel({ ...model, graph: { ...model.graph, inputs } }, nothing, { fileName: 'm.onnx' });
    assert.match(text, /"main graph" \(\n {2}float\[1,N,\?\] a_rather_long_name_0,\n/);
  });

  it('says in a comment when the official parser would refuse, and only then', () => {
    const comment = /^# Beyond the official ONNX grammar: /;
    const print = (graph: Partial<Model['graph']>) =>
      printModel({ ...model, graph: { ...model.graph, ...graph } }, nothing, { fileName: 'm.onnx' });
    assert.doesNotMatch(print({}), comment);
    const node = (changes: Partial<Node>) => print({ nodes: [{ ...conv, ...changes }] });
    const tensor = { name: 'a/b', dataType: 1, dims: [], data: { kind: 'values', values: [1] } } as const;
    assert.match(node({ attributes: [{ name: 'value', value: { type: 'TENSOR', value: tensor } }] }), comment);
    assert.match(node({ opType: 'aten::add' }), comment);
    assert.match(node({ domain: 'my-domain' }), comment);
    assert.match(node({ overload: 'a.b' }), comment);
    assert.match(node({ attributes: [{ name: 'a-b', value: { type: 'INT', value: 1n } }] }), comment);
    assert.match(node({ attributes: [{ name: 'g', value: { type: 'GRAPH', value: model.graph } }] }), comment);
    assert.match(print({ inputs: [{ name: 'x', type: { kind: 'tensor', elementType: 0, shape: [] } }] }), comment);
    assert.match(
      node({ name: 'a\rb', opType: 'a-b' }),
      /^# .*: a name that is no identifier where the grammar has no quotes; a string with NUL, CR or ESC.*\.\n/,
    );
    assert.doesNotMatch(node({ name: 'a\nb', domain: 'com.example', overload: 'o' }), comment);
  });

  it('prints one node and one function for edits', () => {
    assert.equal(printNode({ ...conv, attributes: [] }), '["/conv/Conv"] y = Conv (x, w, "")');
    assert.match(printFunction(model.functions[0]!), /^<\n {2}domain: "d",\n[^]*\n\}$/);
  });
});

describe('quoting', () => {
  it('leaves identifiers bare but for the names of types', () => {
    assert.equal(quoteIdentifier('conv_1'), 'conv_1');
    for (const name of ['float', 'seq', 'int4', '1', 'a.b', '', 'é']) assert.equal(quoteIdentifier(name), `"${name}"`);
  });

  it('escapes what an editor could change', () => {
    assert.equal(quoteString('a"b\\c\n'), '"a\\"b\\\\c\n"');
    assert.equal(quoteString('a\r\n\0\udcff"'), '$"a\\r\\n\\x00\\xff\\""');
    assert.equal(quoteString('\x1b[31m'), '$"\\x1b[31m"');
  });

  it('leaves other control characters as the official grammar has them', () => {
    assert.equal(quoteString('\x01\t\v\f\x1f\x7f'), '"\x01\t\v\f\x1f\x7f"');
  });
});
