/**
 * Writes `media/samples/style-transfer.onnx`: a small fast-style-transfer
 * network (Johnson et al., "Perceptual Losses for Real-Time Style Transfer and
 * Super-Resolution", 2016) with seeded weights and the names that a PyTorch
 * export would give. The same bytes on every machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeModel } from '../src/core/onnx/encode';
import type { Attribute, Model, Node, Tensor, ValueInfo } from '../src/core/onnx/model';
import { bytesSource } from '../src/core/wire/source';
import { joinChunks } from '../src/core/wire/splice';
import { uniform } from '../src/measure/random';

export const SAMPLE_PATH = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  '../media/samples/style-transfer.onnx',
);

const FLOAT = 1;
const INT64 = 7;
const SIZE = 256;

const ints = (name: string, ...values: readonly number[]): Attribute => ({
  name,
  value: { type: 'INTS', value: values.map(BigInt) },
});
const int = (name: string, value: number): Attribute => ({ name, value: { type: 'INT', value: BigInt(value) } });
const float = (name: string, value: number): Attribute => ({ name, value: { type: 'FLOAT', value } });
const string = (name: string, value: string): Attribute => ({
  name,
  value: { type: 'STRING', value: new TextEncoder().encode(value) },
});

/** PyTorch's scope of a module: `/res1/conv1` for `res1.conv1`. */
const scopeOf = (module: string): string => `/${module.replaceAll('.', '/')}`;

/** Builds the network layer by layer. Methods take and return names of values. */
class Network {
  readonly nodes: Node[] = [];
  readonly initializers: Tensor[] = [];
  private readonly random = uniform(2016);

  node(
    scope: string,
    opType: string,
    inputs: readonly string[],
    attributes: readonly Attribute[],
    output?: string,
  ): string {
    const name = `${scope}/${opType}`;
    const result = output ?? `${name}_output_0`;
    this.nodes.push({ name, domain: '', opType, overload: '', inputs, outputs: [result], attributes });
    return result;
  }

  /** Reflection padding and a convolution. */
  convLayer(
    x: string,
    name: string,
    from: number,
    to: number,
    kernel: number,
    stride: number,
    output?: string,
  ): string {
    const pad = (kernel - 1) / 2;
    const pads = this.constant(`${scopeOf(name)}/reflection_pad`, INT64, [0, 0, pad, pad, 0, 0, pad, pad]);
    const padded = this.node(`${scopeOf(name)}/reflection_pad`, 'Pad', [x, pads], [string('mode', 'reflect')]);
    const weight = this.uniform(
      `${name}.conv2d.weight`,
      [to, from, kernel, kernel],
      0,
      Math.sqrt(3 / (from * kernel * kernel)),
    );
    const bias = this.uniform(`${name}.conv2d.bias`, [to], 0, 0.1);
    return this.node(
      `${scopeOf(name)}/conv2d`,
      'Conv',
      [padded, weight, bias],
      [
        ints('dilations', 1, 1),
        int('group', 1),
        ints('kernel_shape', kernel, kernel),
        ints('pads', 0, 0, 0, 0),
        ints('strides', stride, stride),
      ],
      output,
    );
  }

  /** A transposed convolution that doubles the size. */
  upConv(x: string, name: string, from: number, to: number): string {
    const weight = this.uniform(`${name}.conv2d.weight`, [from, to, 3, 3], 0, Math.sqrt(4 / (from * 3)));
    const bias = this.uniform(`${name}.conv2d.bias`, [to], 0, 0.1);
    return this.node(
      `${scopeOf(name)}/conv2d`,
      'ConvTranspose',
      [x, weight, bias],
      [
        ints('dilations', 1, 1),
        int('group', 1),
        ints('kernel_shape', 3, 3),
        ints('output_padding', 1, 1),
        ints('pads', 1, 1, 1, 1),
        ints('strides', 2, 2),
      ],
    );
  }

  upsample(x: string, name: string): string {
    const scales = this.constant(scopeOf(name), FLOAT, [1, 1, 2, 2]);
    const attributes = [
      string('coordinate_transformation_mode', 'asymmetric'),
      string('mode', 'nearest'),
      string('nearest_mode', 'floor'),
    ];
    return this.node(scopeOf(name), 'Resize', [x, '', scales], attributes);
  }

  instanceNorm(x: string, name: string, channels: number): string {
    const scale = this.uniform(`${name}.weight`, [channels], 1, 0.3);
    const bias = this.uniform(`${name}.bias`, [channels], 0, 0.3);
    return this.node(scopeOf(name), 'InstanceNormalization', [x, scale, bias], [float('epsilon', 1e-5)]);
  }

  relu(x: string, scope: string): string {
    return this.node(scope, 'Relu', [x], []);
  }

  residualBlock(x: string, name: string, channels: number): string {
    const conv1 = this.convLayer(x, `${name}.conv1`, channels, channels, 3, 1);
    const active = this.relu(this.instanceNorm(conv1, `${name}.in1`, channels), `${scopeOf(name)}/relu`);
    const conv2 = this.convLayer(active, `${name}.conv2`, channels, channels, 3, 1);
    return this.node(scopeOf(name), 'Add', [this.instanceNorm(conv2, `${name}.in2`, channels), x], []);
  }

  private constant(scope: string, dataType: number, values: readonly number[]): string {
    const name = `${scope}/Constant_output_0`;
    const data =
      dataType === INT64
        ? ({ kind: 'bytes', bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) } as const)
        : ({ kind: 'bytes', bytes: littleEndian(values) } as const);
    const value: Attribute = {
      name: 'value',
      value: { type: 'TENSOR', value: { name: '', dataType, dims: [values.length], data } },
    };
    return this.node(scope, 'Constant', [], [value], name);
  }

  private uniform(name: string, dims: readonly number[], middle: number, spread: number): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => middle + spread * (2 * this.random() - 1));
    this.initializers.push({ name, dataType: FLOAT, dims, data: { kind: 'bytes', bytes: littleEndian(values) } });
    return name;
  }
}

function littleEndian(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return bytes;
}

const image = (name: string): ValueInfo => ({
  name,
  type: { kind: 'tensor', elementType: FLOAT, shape: [1, 3, SIZE, SIZE] },
});

/** The sample model's file. */
export function makeSample(): Uint8Array {
  const net = new Network();
  let x = net.relu(net.instanceNorm(net.convLayer('input', 'conv1', 3, 8, 9, 1), 'in1', 8), '/relu');
  const conv2 = net.convLayer(x, 'conv2', 8, 16, 3, 2);
  x = net.relu(net.instanceNorm(conv2, 'in2', 16), '/relu_1');
  x = net.relu(net.instanceNorm(net.convLayer(x, 'conv3', 16, 32, 3, 2), 'in3', 32), '/relu_2');
  x = net.residualBlock(x, 'res1', 32);
  x = net.residualBlock(x, 'res2', 32);
  const deconv1 = net.convLayer(net.upsample(x, 'upsample'), 'deconv1', 32, 16, 3, 1);
  x = net.relu(net.instanceNorm(deconv1, 'in4', 16), '/relu_3');
  // The skip takes conv2's output as it is before its normalisation, which keeps that pair from fusing.
  x = net.node('/skip', 'Add', [x, conv2], []);
  x = net.relu(net.instanceNorm(net.upConv(x, 'deconv2', 16, 8), 'in5', 8), '/relu_4');
  net.convLayer(x, 'deconv3', 8, 3, 9, 1, 'output');
  const model: Model = {
    irVersion: 8,
    opsetImports: [{ domain: '', version: 17 }],
    producerName: 'onnx-fusion-lens',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    metadataProps: [],
    functions: [],
    graph: {
      name: 'style_transfer',
      inputs: [image('input')],
      outputs: [image('output')],
      valueInfos: [],
      initializers: net.initializers,
      nodes: net.nodes,
    },
  };
  return joinChunks(encodeModel(model), bytesSource(new Uint8Array(0)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(path.dirname(SAMPLE_PATH), { recursive: true });
  writeFileSync(SAMPLE_PATH, makeSample());
}
