import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { findFusions } from '../../../src/core/fusion/find';
import type { Finding } from '../../../src/core/fusion/finding';
import { encodeModel } from '../../../src/core/onnx/encode';
import type { Model, Tensor } from '../../../src/core/onnx/model';
import { bytesSource, type ByteSource } from '../../../src/core/wire/source';
import { joinChunks } from '../../../src/core/wire/splice';
import { pairProblem, type PreparedPair } from '../../../src/measure/pair';
import type { PairProblem } from '../../../src/measure/pairProblem';
import { inferShapes } from '../../../src/measure/shapes';
import { TensorReader } from '../../../src/measure/tensorReader';
import { openModel, sampleModel, sharedModel } from '../support/models';
import { floatTensor, largestError, runModel, type TensorOut } from '../support/runtime';

function problemOf(prepared: PreparedPair): PairProblem {
  assert.ok('problem' in prepared, 'reason' in prepared ? prepared.reason : '');
  return prepared.problem;
}

/** Convolution, normalisation and activation of a two-dimensional problem's plain arrays, in double precision. */
function reference(problem: PairProblem, x: Float32Array): Float64Array {
  const { inputShape, weightsShape, conv, weights, scale, bias, epsilon, activation } = problem;
  const [batch, channels, height, width] = inputShape as [number, number, number, number];
  const [count, perGroup, kh, kw] = weightsShape as [number, number, number, number];
  const [sh, sw] = conv.strides as [number, number];
  const [dh, dw] = conv.dilations as [number, number];
  const [top, left, bottom, right] = conv.pads as [number, number, number, number];
  const rows = Math.floor((height + top + bottom - (kh - 1) * dh - 1) / sh) + 1;
  const columns = Math.floor((width + left + right - (kw - 1) * dw - 1) / sw) + 1;
  const plane = rows * columns;
  const out = new Float64Array(batch * count * plane);
  const alpha = activation === 'none' ? 1 : activation === 'Relu' ? 0 : activation.LeakyRelu.alpha;
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < count; m++) {
      const base = (n * count + m) * plane;
      const first = Math.floor(m / (count / conv.group)) * perGroup;
      let sum = 0;
      for (let r = 0; r < rows; r++) {
        for (let q = 0; q < columns; q++) {
          let value = 0;
          for (let c = 0; c < perGroup; c++) {
            for (let i = 0; i < kh; i++) {
              const y = r * sh - top + i * dh;
              if (y < 0 || y >= height) continue;
              for (let j = 0; j < kw; j++) {
                const z = q * sw - left + j * dw;
                if (z < 0 || z >= width) continue;
                value +=
                  x[((n * channels + first + c) * height + y) * width + z]! *
                  weights[((m * perGroup + c) * kh + i) * kw + j]!;
              }
            }
          }
          out[base + r * columns + q] = value;
          sum += value;
        }
      }
      const mean = sum / plane;
      let squares = 0;
      for (let p = 0; p < plane; p++) squares += (out[base + p]! - mean) ** 2;
      const factor = scale[m]! / Math.sqrt(squares / plane + epsilon);
      for (let p = 0; p < plane; p++) {
        const value = (out[base + p]! - mean) * factor + bias[m]!;
        out[base + p] = value < 0 ? value * alpha : value;
      }
    }
  }
  return out;
}

/** Runs a model with extra values as outputs. */
async function runWith(
  model: Model,
  source: ByteSource,
  values: readonly string[],
  inputs: Record<string, ort.Tensor>,
) {
  const outputs = [...new Set([...model.graph.outputs.map((output) => output.name), ...values])];
  const extended: Model = { ...model, graph: { ...model.graph, outputs: outputs.map((name) => ({ name })) } };
  return runModel(joinChunks(encodeModel(extended, source), source), inputs);
}

const lastOutput = (finding: Finding): string => finding.nodes.at(-1)!.outputs[0]!;

describe('pairs', () => {
  it('compute as a model of their own what they compute in the sample', async () => {
    const { model, source } = sampleModel();
    const reader = new TensorReader(source);
    const { shapes } = await inferShapes(model, reader);
    const findings = findFusions(model).filter(
      (finding) => finding.fusable && finding.kind === 'ConvInstanceNormalization',
    );
    assert.equal(findings.length, 7);
    const inputOf = ({ pad, convolution }: Finding): string => pad?.node.inputs[0] ?? convolution.inputs[0]!;
    const values = findings.flatMap((finding) => [inputOf(finding), lastOutput(finding)]);
    const run = await runWith(model, source, values, { input: floatTensor([1, 3, 256, 256], 1) });
    for (const finding of findings) {
      const problem = problemOf(pairProblem(model, reader, finding, shapes));
      const x = run.get(inputOf(finding)) ?? floatTensor([1, 3, 256, 256], 1);
      assert.deepEqual(problem.inputShape, x.dims);
      // What is added is another one than the model's.
      if (problem.residual) continue;
      const result = await runModel(problem.stockModel, { X: new ort.Tensor('float32', x.data, x.dims) });
      assert.ok(largestError(result.get('Y')!, run.get(lastOutput(finding))!) < 1e-5, finding.id);
    }
  });

  it('have plain arrays that mean the same as the stock model', async function () {
    for (const [file, sizes] of [
      ['pytorch/patchgan70_n8_op7.onnx', []],
      ['pytorch/mobilegen_dw_in_op17.onnx', []],
      ['pytorch/nnunet2d_small_op17.onnx', []],
    ] as const) {
      const { model, source } = openModel(sharedModel(this, file));
      const reader = new TensorReader(source);
      const { shapes } = await inferShapes(model, reader, new Map(sizes));
      const seen = new Set<string>();
      for (const finding of findFusions(model).filter((candidate) => candidate.fusable)) {
        const prepared = pairProblem(model, reader, finding, shapes);
        if ('reason' in prepared) continue;
        const { problem, notes } = prepared;
        const key = JSON.stringify([problem.conv, problem.activation]);
        const work = problem.weights.length * problem.inputShape[2]! * problem.inputShape[3]! * problem.inputShape[0]!;
        const plain = !problem.conv.transposed && !problem.conv.border && !problem.residual;
        if (seen.has(key) || work > 3e7 || !plain) continue;
        seen.add(key);
        assert.deepEqual(notes, []);
        const x = floatTensor(problem.inputShape, seen.size);
        const result = (await runModel(problem.stockModel, { X: x })).get('Y')!;
        const expected = reference(problem, x.data as Float32Array);
        const wanted: TensorOut = { dims: result.dims, data: Float32Array.from(expected) };
        assert.ok(largestError(result, wanted) < 1e-4, `${file} ${finding.id} ${largestError(result, wanted)}`);
      }
      assert.ok(seen.size >= 1, file);
    }
  });

  it('take weights from external data', async function () {
    const {
      model,
      source,
      path: file,
    } = openModel(sharedModel(this, 'pytorch/cyclegan_resnet6_ngf8_extdata_single/model.onnx'));
    const folder = path.dirname(file);
    const reader = new TensorReader(source, (location) => bytesSource(readFileSync(path.join(folder, location))));
    const { shapes, refusal } = await inferShapes(model, reader);
    assert.equal(refusal, undefined);
    const finding = findFusions(model)[0]!;
    const problem = problemOf(pairProblem(model, reader, finding, shapes));
    assert.ok(problem.weights.some((value) => value !== 0));
    const missing = pairProblem(model, new TensorReader(source), finding, shapes);
    assert.match('reason' in missing ? missing.reason : '', /isn't there/);
  });

  it('use seeded random values for what the model computes, and say so', async () => {
    const { model, source } = sampleModel();
    const doubled: Model = {
      ...model,
      graph: {
        ...model.graph,
        nodes: [
          {
            name: 'twice',
            domain: '',
            opType: 'Add',
            overload: '',
            inputs: ['in1.weight', 'in1.weight'],
            outputs: ['style'],
            attributes: [],
          },
          ...model.graph.nodes.map((node) => ({
            ...node,
            inputs: node.inputs.map((name) => (name === 'in1.weight' ? 'style' : name)),
          })),
        ],
      },
    };
    const reader = new TensorReader(source);
    const { shapes } = await inferShapes(doubled, reader);
    const prepared = pairProblem(doubled, reader, findFusions(doubled)[0]!, shapes);
    assert.ok('problem' in prepared);
    assert.deepEqual(prepared.notes, ['`style` is computed by Add `twice`; measured with seeded random values']);
    assert.ok(prepared.problem.scale.every((value) => value >= 0.5 && value < 1.5));
    const again = problemOf(pairProblem(doubled, reader, findFusions(doubled)[0]!, shapes));
    assert.deepEqual(again.scale, prepared.problem.scale);
  });

  it('give a reason where nothing can be measured', async () => {
    const { model, source } = sampleModel();
    const reader = new TensorReader(source);
    const { shapes } = await inferShapes(model, reader);
    const findings = findFusions(model);
    const reasonOf = (finding: Finding, known = shapes): string => {
      const prepared = pairProblem(model, reader, finding, known);
      return 'reason' in prepared ? prepared.reason : '';
    };
    assert.match(reasonOf(findings.find((finding) => !finding.fusable)!), /can't fuse: .*`\/skip\/Add`/);
    const transposed = findings.find((finding) => finding.convolution.opType === 'ConvTranspose')!;
    assert.equal(reasonOf(transposed), '');
    assert.match(reasonOf(findings[0]!, new Map()), /shape of `.*` isn't known/);
  });

  it('refuse external data outside the model’s folder', () => {
    const tensor = (location: string): Tensor => ({
      name: 'w',
      dataType: 1,
      dims: [1],
      data: { kind: 'external', entries: [{ key: 'location', value: location }] },
    });
    const reader = new TensorReader(undefined, () => assert.fail('must not be opened'));
    for (const location of ['../secret', '/etc/passwd', 'a/../../b', 'C:\\x', '']) {
      assert.throws(() => reader.bytes(tensor(location)), /isn't a path below/);
    }
  });

  it('read the weights of a text from the model file it refers to', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pair-'));
    try {
      const { model, source } = sampleModel();
      const weight = model.graph.initializers.find((tensor) => tensor.name === 'conv1.conv2d.weight')!;
      assert.ok(weight.data.kind === 'embedded');
      const { start, end } = weight.data.bytes;
      const elided: Tensor = {
        ...weight,
        data: {
          kind: 'external',
          entries: [
            { key: 'location', value: 'model.onnx' },
            { key: 'offset', value: String(start) },
            { key: 'length', value: String(end - start) },
          ],
        },
      };
      writeFileSync(path.join(folder, 'model.onnx'), source.read(0, source.size));
      const reader = new TensorReader(undefined, (location) => bytesSource(readFileSync(path.join(folder, location))));
      assert.deepEqual(reader.floats(elided), new TensorReader(source).floats(weight));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
