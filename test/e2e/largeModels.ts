import { encodeModel } from '../../src/core/onnx/encode';
import { parseModel } from '../../src/core/text/parse';
import { bytesSource } from '../../src/core/wire/source';
import { joinChunks } from '../../src/core/wire/splice';

/** Collects nodes and names their values. */
class Writer {
  readonly lines: string[] = [];

  /** Adds a node; returns its output. */
  node(op: string, inputs: readonly string[], attributes = '', scope = ''): string {
    const name = `${scope}/${op}_${this.lines.length}`;
    const output = `"${name}_output_0"`;
    const list = attributes === '' ? '' : ` <${attributes}>`;
    this.lines.push(`  ["${name}"] ${output} = ${op}${list} (${inputs.join(', ')})`);
    return output;
  }

  /** Adds a node with an output of a given name. */
  final(op: string, output: string, inputs: readonly string[], attributes = ''): void {
    const list = attributes === '' ? '' : ` <${attributes}>`;
    this.lines.push(`  ["/${output}"] ${output} = ${op}${list} (${inputs.join(', ')})`);
  }
}

function encode(signature: string, weights: readonly string[], { lines }: Writer): Uint8Array {
  const text = `<ir_version: 8, opset_import: ["": 17]>\n${signature}\n<${weights.join(',\n')}>\n{\n${lines.join('\n')}\n}\n`;
  const { model, errors } = parseModel(text);
  if (errors[0]) throw new Error(`large model: ${errors[0].message} at ${errors[0].span.start}`);
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array()));
}

/** Values that are the same each time, small, and not all alike. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, index) => (((index * 37) % 101) / 500 - 0.1).toFixed(4)).join(', ');
}

/** A convolutional network of about `nodes` nodes: residual and inception blocks with skips over many blocks. */
export function convolutionalNetwork(nodes: number): Uint8Array {
  const writer = new Writer();
  const conv = (scope: string, x: string): string =>
    writer.node('Conv', [x, 'weight', 'bias'], 'kernel_shape = [1, 1]', scope);
  const norm = (scope: string, x: string): string =>
    writer.node('InstanceNormalization', [x, 'scale', 'bias'], '', scope);
  const relu = (scope: string, x: string): string => writer.node('Relu', [x], '', scope);
  const residual = (scope: string, x: string): string => {
    const y = relu(scope, norm(scope, conv(scope, x)));
    return relu(scope, writer.node('Add', [norm(scope, conv(scope, y)), x], '', scope));
  };
  const inception = (scope: string, x: string): string => {
    const branches = [1, 2, 3].map((depth) => {
      let y = x;
      for (let index = 0; index < depth; index++) y = relu(scope, conv(scope, y));
      return y;
    });
    return writer.node('Sum', branches, '', scope);
  };
  const held: string[] = [];
  let x = conv('/stem', 'input');
  for (let block = 0; writer.lines.length < nodes - 20; block++) {
    const scope = `/layer${Math.floor(block / 8)}/block${block % 8}`;
    x = block % 3 === 2 ? inception(scope, x) : residual(scope, x);
    if (block % 7 === 0) held.push(x);
    if (block % 13 === 12) x = writer.node('Add', [x, held.shift() ?? 'input'], '', scope);
  }
  writer.final('Relu', 'output', [x]);
  const weights = [
    `float[8, 8, 1, 1] weight = {${numbers(64)}}`,
    `float[8] bias = {${numbers(8)}}`,
    `float[8] scale = {1, 1, 1, 1, 1, 1, 1, 1}`,
  ];
  return encode('network (float[1, 8, 28, 28] input) => (float[1, 8, 28, 28] output)', weights, writer);
}

/**
 * A decoder stack as exporters write it, of about 80 nodes a layer: written-out normalisations, rotary embedding,
 * cached keys and values. What every layer reads (`cos`, `sin`, `mask`) makes edges across the whole graph.
 */
export function decoderStack(layers: number): Uint8Array {
  const writer = new Writer();
  const inputs = ['float[1, seq, 64] hidden', 'float[1, 1, seq, 16] angles', 'float[1, 1, 1, total] attention'];
  const outputs = ['float[1, seq, 64] output'];
  const at =
    (scope: string) =>
    (op: string, ins: readonly string[], attributes = '') =>
      writer.node(op, ins, attributes, scope);
  const top = at('/model');
  const cos = top('Cos', ['angles']);
  const sin = top('Sin', ['angles']);
  const mask = top('Mul', [top('Sub', ['one', 'attention']), 'big']);
  const normalise = (scope: string, x: string): string => {
    const op = at(scope);
    const variance = op('ReduceMean', [op('Pow', [x, 'two'])], 'axes = [-1]');
    return op('Mul', ['gain', op('Mul', [x, op('Reciprocal', [op('Sqrt', [op('Add', [variance, 'small'])])])])]);
  };
  const rotate = (scope: string, x: string): string => {
    const op = at(scope);
    const low = op('Slice', [x, 'i0', 'i8', 'i3']);
    const high = op('Slice', [x, 'i8', 'i16', 'i3']);
    const turned = op('Concat', [op('Neg', [high]), low], 'axis = -1');
    return op('Add', [op('Mul', [x, cos]), op('Mul', [turned, sin])]);
  };
  const shapeOf = (scope: string, x: string, tail: readonly string[]): string => {
    const op = at(scope);
    const shape = op('Shape', [x]);
    const parts = ['i0', 'i1'].map((index) => op('Unsqueeze', [op('Squeeze', [op('Gather', [shape, index])]), 'i0']));
    return op('Concat', [...parts, ...tail], 'axis = 0');
  };
  let x = 'hidden';
  for (let layer = 0; layer < layers; layer++) {
    const scope = `/model/layers.${layer}`;
    const op = at(`${scope}/self_attn`);
    const y = normalise(`${scope}/input_layernorm`, x);
    const split = shapeOf(`${scope}/self_attn`, y, ['i4', 'i16']);
    const [q, k, v] = ['q', 'k', 'v'].map((name) =>
      at(`${scope}/${name}_proj`)(
        'Transpose',
        [op('Reshape', [op('MatMul', [y, 'square']), split])],
        'perm = [0, 2, 1, 3]',
      ),
    ) as [string, string, string];
    const past = [`past_${layer}_key`, `past_${layer}_value`];
    inputs.push(...past.map((name) => `float[1, 4, past, 16] ${name}`));
    const present = [`present_${layer}_key`, `present_${layer}_value`];
    outputs.push(...present.map((name) => `float[1, 4, total, 16] ${name}`));
    writer.final('Concat', present[0]!, [past[0]!, rotate(`${scope}/k`, k)], 'axis = 2');
    writer.final('Concat', present[1]!, [past[1]!, v], 'axis = 2');
    const keys = op('Transpose', [present[0]!], 'perm = [0, 1, 3, 2]');
    const scores = op('Add', [op('Div', [op('MatMul', [rotate(`${scope}/q`, q), keys]), 'four']), mask]);
    const mixed = op('MatMul', [op('Softmax', [scores], 'axis = -1'), present[1]!]);
    const joined = op('Reshape', [
      op('Transpose', [mixed], 'perm = [0, 2, 1, 3]'),
      shapeOf(`${scope}/self_attn/o`, y, ['i64']),
    ]);
    x = writer.node('Add', [x, op('MatMul', [joined, 'square'])], '', scope);
    const mlp = at(`${scope}/mlp`);
    const z = normalise(`${scope}/post_attention_layernorm`, x);
    const gate = mlp('MatMul', [z, 'square']);
    const gated = mlp('Mul', [mlp('Mul', [gate, mlp('Sigmoid', [gate])]), mlp('MatMul', [z, 'square'])]);
    x = writer.node('Add', [x, mlp('MatMul', [gated, 'square'])], '', scope);
  }
  writer.final('Identity', 'output', [x]);
  const weights = [
    `float[64, 64] square = {${numbers(4096)}}`,
    `float[64] gain = {${numbers(64)}}`,
    ...['one = {1}', 'big = {-1000000}', 'two = {2}', 'small = {0.000001}', 'four = {4}'].map(
      (text) => `float ${text}`,
    ),
    ...[0, 1, 3, 4, 8, 16, 64].map((value) => `int64[1] i${value} = {${value}}`),
  ];
  return encode(`decoder (${inputs.join(', ')}) => (${outputs.join(', ')})`, weights, writer);
}
