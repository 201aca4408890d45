import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AttributeValue, Model, TextSpan } from '../../../src/core/onnx/model';
import { parseModel } from '../../../src/core/text/parse';
import { anyModel } from '../support/arbitraryModel';
import { encode, fileOf, parsed, textOf } from '../support/textRoundTrip';
import { runs } from '../support/runs';

const HEADER = '<\n  ir_version: 8,\n  opset_import: ["": 17]\n>\n';

/** A model whose nodes are these lines. */
function withNodes(...lines: string[]): string {
  return `${HEADER}g (float[N] x) => (float[N] y)\n{\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function attribute(text: string): AttributeValue {
  return parsed(withNodes(`y = Op <a${text}> (x)`)).graph.nodes[0]!.attributes[0]!.value;
}

/** The errors of a text as "message" with the text they mark. */
function errorsOf(text: string): { message: string; marked: string; line: number }[] {
  return parseModel(text).errors.map(({ message, span }) => ({
    message,
    marked: text.slice(span.start, span.end),
    line: text.slice(0, span.start).split('\n').length,
  }));
}

describe('parseModel', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000 * runs(1).numRuns);

  it('reads the example of the ONNX documentation', () => {
    const { graph, irVersion, opsetImports } = parsed(`<
      ir_version: 7,
      opset_import: [ "" : 10, "com.microsoft": 1]
    >
    agraph (float[N, 128] X, float[128,10] W, float[10] B) => (float[N] C)
    {
        T = MatMul(X, W)   # a comment
        S = Add(T, B)
        C = com.microsoft.Softmax<axis=1, mode:string="a"> (S)
    }`);
    assert.equal(irVersion, 7);
    assert.equal(opsetImports.length, 2);
    assert.deepEqual(
      graph.nodes.map(({ domain, opType, inputs, outputs }) => [domain, opType, inputs, outputs]),
      [
        ['', 'MatMul', ['X', 'W'], ['T']],
        ['', 'Add', ['T', 'B'], ['S']],
        ['com.microsoft', 'Softmax', ['S'], ['C']],
      ],
    );
  });

  it('reads all forms of names and lists of names', () => {
    const { nodes } = parsed(
      withNodes(
        '["n 1"] a, "b c" = Op(x,,"")',
        'c=Op(x,)',
        '= Op ()',
        '[] d = Op(,)',
        'e = a.b.Op:v <i=1> (x)',
        'f = Op (x) <i=1>',
        '"g" = "my-dom"."my op":"o v" (x)',
      ),
    ).graph;
    assert.deepEqual(
      nodes.map(({ name, inputs, outputs, domain, opType, overload, attributes }) => [
        name,
        inputs,
        outputs,
        domain,
        opType,
        overload,
        attributes.length,
      ]),
      [
        ['n 1', ['x', '', ''], ['a', 'b c'], '', 'Op', '', 0],
        ['', ['x'], ['c'], '', 'Op', '', 0],
        ['', [], [], '', 'Op', '', 0],
        ['', [''], ['d'], '', 'Op', '', 0],
        ['', ['x'], ['e'], 'a.b', 'Op', 'v', 1],
        ['', ['x'], ['f'], '', 'Op', '', 1],
        ['', ['x'], ['g'], 'my-dom', 'my op', 'o v', 0],
      ],
    );
  });

  it('tells the types of attribute values apart', () => {
    const cases: readonly [string, AttributeValue][] = [
      ['=1', { type: 'INT', value: 1n }],
      ['= -9223372036854775808', { type: 'INT', value: -(2n ** 63n) }],
      ['=1.', { type: 'FLOAT', value: 1 }],
      ['=1e-5', { type: 'FLOAT', value: Math.fround(1e-5) }],
      [':float=1', { type: 'FLOAT', value: 1 }],
      ['=-inf', { type: 'FLOAT', value: -Infinity }],
      ['=NaN', { type: 'FLOAT', value: NaN }],
      ['=Infinity', { type: 'FLOAT', value: Infinity }],
      ['="s"', { type: 'STRING', value: Uint8Array.of(115) }],
      ['=$"\\u{1F600}"', { type: 'STRING', value: new TextEncoder().encode('\u{1f600}') }],
      ['=$"\\xff"', { type: 'STRING', value: Uint8Array.of(255) }],
      ['=[1,2]', { type: 'INTS', value: [1n, 2n] }],
      [':floats=[1,2.5]', { type: 'FLOATS', value: [1, 2.5] }],
      [':strings=[]', { type: 'STRINGS', value: [] }],
      [': int = @b', { type: 'REFERENCE', value: 'b', attributeType: 'INT' }],
      ['=float[2]', { type: 'TYPE_PROTO', value: { kind: 'tensor', elementType: 1, shape: [2] } }],
      [
        '=seq(map(int64, string))',
        {
          type: 'TYPE_PROTO',
          value: {
            kind: 'sequence',
            elementType: { kind: 'map', keyType: 7, valueType: { kind: 'tensor', elementType: 8, shape: [] } },
          },
        },
      ],
    ];
    for (const [text, expected] of cases) assert.deepEqual(attribute(text), expected, text);
    const tensor = attribute('=int64[2] {1, -2}');
    assert.ok(tensor.type === 'TENSOR' && tensor.value.data.kind === 'values');
    assert.deepEqual(tensor.value.data.values, [1n, -2n]);
    const graph = attribute('=body (float z) => (z2) {z2 = Neg(z)}');
    assert.ok(graph.type === 'GRAPH' && graph.value.nodes.length === 1);
  });

  it('reads initializers in the signature and in the declarations', () => {
    const { graph } = parsed(
      'g (float[2] x = {1, 2.5}, y) => (z)\n<int4[3] w = {33, 1}, float[2] v, string[1] s = {"a"}, bool e =, float[9] f = ["location": "w.bin"]>\n{}',
    );
    assert.deepEqual(
      graph.initializers.map(({ name, data }) => [name, data.kind]),
      [
        ['x', 'values'],
        ['w', 'values'],
        ['s', 'values'],
        ['e', 'none'],
        ['f', 'external'],
      ],
    );
    assert.deepEqual(
      graph.inputs.map(({ name }) => name),
      ['x', 'y'],
    );
    assert.deepEqual(
      graph.valueInfos.map(({ name }) => name),
      ['v'],
    );
  });

  it('takes a line break in a string as one newline, whichever the line endings are', () => {
    const value = attribute('="a\r\nb\\\\"');
    assert.ok(value.type === 'STRING');
    assert.equal(new TextDecoder().decode(value.value), 'a\nb\\');
    const escaped = attribute('=$"a\r\nb\\r\\n"');
    assert.ok(escaped.type === 'STRING');
    assert.equal(new TextDecoder().decode(escaped.value), 'a\nb\r\n');
  });

  it('reads sparse initializers among the declarations', () => {
    const text = `${HEADER}g (float[N] sparse) => (float[N] y)\n<\n  sparse[3,4] "a b" = (float[2] {1.5, 2.0}, int64[2] i = {0, 5}),\n  float[4] b = {1, 2, 3, 4}, sparse\n>\n{\n}\n`;
    const { graph } = parsed(text);
    const [tensor, ...others] = graph.sparseInitializers!;
    assert.deepEqual(others, []);
    assert.deepEqual(
      [tensor!.values.name, tensor!.dims, tensor!.values.data, tensor!.indices.name],
      ['a b', [3, 4], { kind: 'values', values: [1.5, 2] }, 'i'],
    );
    const { nameSpan } = tensor!.values;
    assert.equal(text.slice(nameSpan!.start, nameSpan!.end), '"a b"');
    assert.deepEqual(
      [graph.initializers.map(({ name }) => name), graph.valueInfos.map(({ name }) => name)],
      [['b'], ['sparse']],
    );
    assert.deepEqual(
      errorsOf(text.replace('(float[2] {', '(float[2] w = {')).map(({ message, marked }) => [message, marked]),
      [["A sparse initializer's name stands before '=', not at its values.", 'w']],
    );
  });

  it('knows where everything stands', () => {
    const text = `${HEADER}g (float[N] x) => (float[N] y)\n<float w = {1}>\n{\n  ["n1"] y = d.Conv <a = 1> (x, "w")\n}\n<domain: "d">\nF (a) => (b) { b = Relu (a) }`;
    const model = parsed(text);
    const at = (span: TextSpan | undefined) => text.slice(span!.start, span!.end);
    const node = model.graph.nodes[0]!;
    assert.equal(at(node.span), '["n1"] y = d.Conv <a = 1> (x, "w")');
    assert.equal(at(node.spans!.name), '"n1"');
    assert.equal(at(node.spans!.opType), 'Conv');
    assert.equal(at(node.spans!.domain), 'd');
    assert.equal(at(node.spans!.attributes), '<a = 1>');
    assert.equal(at(node.spans!.inputList), '(x, "w")');
    assert.deepEqual(node.spans!.inputs.map(at), ['x', '"w"']);
    assert.deepEqual(node.spans!.outputs.map(at), ['y']);
    assert.equal(at(node.attributes[0]!.span), 'a = 1');
    assert.equal(at(model.headerSpan), HEADER.trimEnd());
    assert.equal(at(model.opsetImports[0]!.span), '"": 17');
    assert.equal(at(model.graph.nameSpan), 'g');
    assert.match(at(model.graph.bodySpan), /^\{\n[^]*\}$/);
    assert.equal(at(model.graph.inputs[0]!.span), 'float[N] x');
    assert.equal(at(model.graph.inputs[0]!.nameSpan), 'x');
    assert.equal(at(model.graph.initializers[0]!.span), 'float w = {1}');
    assert.equal(at(model.graph.initializers[0]!.nameSpan), 'w');
    assert.equal(at(model.functions[0]!.nameSpan), 'F');
    assert.equal(at(model.functions[0]!.span), '<domain: "d">\nF (a) => (b) { b = Relu (a) }');
    assert.equal(at(model.functions[0]!.bodySpan), '{ b = Relu (a) }');
  });

  it('reads every model that we print', () => {
    fc.assert(
      fc.property(anyModel, fc.constantFrom(0, 16, 1e9), (model, elideAbove) => {
        parsed(textOf(fileOf(encode(model)), elideAbove));
      }),
      runs(100),
    );
  });
});

describe('parseModel on mistakes', function () {
  // Many random models: slow where the machine is busy.
  this.timeout(60_000 * runs(1).numRuns);

  it('says what it expected, and marks what it found', () => {
    const cases: readonly [string, RegExp, string][] = [
      ['y = Conv <pads = [1, 1.5]> (x)', /Expected a value of type int, found one of type float/, '1.5'],
      ['y = Conv <pads = [1 1]> (x)', /Expected ',' or '\]' after a value, found 1/, '1'],
      ['y = Conv (x', /Expected ',' or '\)' after an input/, 'x'],
      ['y Conv (x)', /Expected '=' after the node's outputs, found Conv/, 'Conv'],
      ['y = Conv <a> (x)', /Expected '=' after a, found >/, '>'],
      ['y = Conv <a: number = 1> (x)', /Expected an attribute type/, 'number'],
      ['y = Conv <a = []> (x)', /An empty list needs its type/, '[]'],
      ['y = Conv <a = 99999999999999999999> (x)', /doesn't fit a 64-bit integer/, '99999999999999999999'],
      ['y = Conv <a = 1e99> (x)', /too large for a 32-bit float/, '1e99'],
      ['y = Conv <a = float[N] {1}> (x)', /dimensions have to be numbers/, 'float[N]'],
      ['y = Conv <a = $"\\u{d800}"> (x)', /is no character/, '\\u{d800}'],
      ['y = Conv <a = $"\\u{110000}"> (x)', /is no character/, '\\u{110000}'],
      ['y = Conv <a = $"\\q"> (x)', /Unknown escape \\q/, '\\q'],
    ];
    for (const [line, message, marked] of cases) {
      const [first, ...more] = errorsOf(withNodes('a = A (x)', line, 'b = B (x)'));
      assert.match(first!.message, message);
      assert.equal(first!.marked, marked, line);
      assert.deepEqual(more, [], line);
    }
  });

  it('loses only the node with the mistake', () => {
    const broken = [
      'y = Conv <pads = [1, > (x)',
      'y Conv (x)',
      '["name y = Conv (x)',
      'y = Conv (x))',
      'y = Conv <a = int64[2] {1, 2> (x)',
      '% $ !',
      'y = Conv <s = "open> (x)',
      'y = If (x) <\n    then_branch = t ( => (z)\n    {\n      z = Neg (x)\n    },\n    else_branch = e () => (z)\n    {\n    }\n  >',
    ];
    for (const line of broken) {
      const text = withNodes('a = A (x)', line, '[second] b = B (x)', 'c = C (x)', 'd = D (x)');
      const { model, errors } = parseModel(text);
      assert.ok(errors.length >= 1 && errors.length <= 2, `${line}: ${JSON.stringify(errors)}`);
      const ops = model.graph.nodes.map(({ opType }) => opType);
      for (const op of ['A', 'B', 'C', 'D']) assert.ok(ops.includes(op), `${line}: ${ops.join()}`);
    }
  });

  it('keeps the nodes when the header or the signature is wrong', () => {
    const nodes = '{\n  a = A (x)\n  b = B (a)\n}\n';
    const texts = [
      `<\n  ir_version: "8",\n  opset_import: ["": 17]\n>\ng (x) => (y)\n${nodes}`,
      `<\n  ir_version: 8,\n  opset_imports: ["": 17]\n>\ng (x) => (y)\n${nodes}`,
      `<\n  ir_version: 8\n  opset_import: ["": 17]\n>\ng (x) => (y)\n${nodes}`,
      `${HEADER}g (float[1,2 x, float z) => (y)\n${nodes}`,
      `${HEADER}g (float[1] x) (y)\n${nodes}`,
      `${HEADER}(float[1] x) => (y)\n${nodes}`,
      `${HEADER}g (float[1] x) => (y)\n<\n  float[2] = {1, 2},\n  float[2] w\n  float v\n>\n${nodes}`,
      `${HEADER}g (float[1] x) => (y)\n<\n  float[2] w = {1, 2\n>\n${nodes}`,
      `<\n  ir_version: 8,\n  producer_name: "p,\n  producer_version: "1"\n>\ng (x) => (y)\n${nodes}`,
      `${HEADER}g (float[1] x) => (y)\n<\n  float[2] "w = {1, 2},\n  float[2] "v"\n>\n${nodes}`,
      `${HEADER}g (float[1] "x) => (y)\n${nodes}`,
      `${HEADER}g (x) => (y)\n<\n  float[2] w = {1, x},\n  float[2,] v\n>\n${nodes}`,
    ];
    for (const text of texts) {
      const { model, errors } = parseModel(text);
      assert.ok(errors.length >= 1 && errors.length <= 3, `${text}: ${JSON.stringify(errors)}`);
      assert.deepEqual(
        model.graph.nodes.map(({ opType }) => opType),
        ['A', 'B'],
        text,
      );
    }
  });

  it('goes on behind a brace too many, and one too few', () => {
    const tooMany = parseModel(
      `${HEADER}g (x) => (y)\n{\n  a = A (x)\n  }\n  b = B (a)\n}\n<domain: "d">\nF (a) => (b) { b = R (a) }`,
    );
    assert.deepEqual(
      tooMany.model.graph.nodes.map(({ opType }) => opType),
      ['A', 'B'],
    );
    assert.equal(tooMany.model.functions.length, 1);
    assert.equal(tooMany.errors.length, 1);
    const tooFew = parseModel(
      `${HEADER}g (x) => (y)\n{\n  a = A (x)\n\n<\n  domain: "d"\n>\nF (a) => (b)\n{\n  b = R (a)\n}`,
    );
    assert.deepEqual(
      tooFew.model.graph.nodes.map(({ opType }) => opType),
      ['A'],
    );
    assert.equal(tooFew.model.functions.length, 1);
    assert.match(tooFew.errors[0]!.message, /isn't closed/);
    const opened = parseModel(`${HEADER}g (x) => (y)\n{{\n  a = A (x)\n  y = B (a)\n}\n`);
    assert.deepEqual(
      opened.model.graph.nodes.map(({ opType }) => opType),
      ['A', 'B'],
    );
    assert.deepEqual(
      opened.errors.map(({ message }) => message),
      ["This '{' is one too many."],
    );
  });

  it('keeps all functions when one has a mistake', () => {
    const fn = (name: string, body: string) => `<\n  domain: "d"\n>\n${name} (a) => (b)\n{\n  ${body}\n}\n`;
    const text = `${HEADER}g (x) => (y)\n{\n}\n${fn('F', 'b = A (a)')}<\n  domain: "d"\n>\nG (a => (b)\n{\n}\n${fn('H', 'b = B (a)')}`;
    const { model, errors } = parseModel(text);
    assert.deepEqual(
      model.functions.map(({ name }) => name),
      ['F', 'G', 'H'],
    );
    assert.equal(errors.length, 1);
  });

  it('refuses graphs and types nested too deep, without overflowing the stack', () => {
    const graphs = withNodes(`y = If (x) <b = ${'g () => () { y = If (x) <b = '.repeat(5000)}`);
    assert.match(errorsOf(graphs)[0]!.message, /more than 100 deep/);
    const types = `g (${'seq('.repeat(50_000)}float) => ()\n{\n}`;
    assert.match(errorsOf(types)[0]!.message, /more than 100 deep/);
  });

  it('never throws nor hangs on mutated text, and its spans stay in the text', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      '"',
      '=',
      ',',
      ':',
      '@',
      '$',
      '?',
      '#',
      '\n',
      '\\',
      '-',
      '.',
      'float',
      '1',
      'x',
    );
    const mutation = fc.tuple(fc.nat(), fc.nat(3), pieces);
    fc.assert(
      fc.property(anyModel, fc.array(mutation, { minLength: 1, maxLength: 6 }), (model: Model, mutations) => {
        let text = textOf(fileOf(encode(model)));
        for (const [at, drop, piece] of mutations) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + piece + text.slice(start + drop);
        }
        const start = performance.now();
        for (const { span, message } of parseModel(text).errors) {
          assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, message);
        }
        assert.ok(performance.now() - start < 5000);
      }),
      runs(300),
    );
  });

  it('is quick on text that is no model at all', () => {
    for (const text of [
      '"'.repeat(200_000),
      '{'.repeat(200_000),
      'a = b\n'.repeat(50_000),
      '<a '.repeat(100_000),
      '[ "\n'.repeat(50_000),
      withNodes('%', `${'word'.repeat(5000)} (x)`, `${'a b, "c" '.repeat(2000)} (x)`),
    ]) {
      const start = performance.now();
      assert.ok(parseModel(text).errors.length > 0);
      assert.ok(performance.now() - start < 20_000, `${text.slice(0, 10)}: ${performance.now() - start} ms`);
    }
  });
});
