import assert from 'node:assert/strict';
import { findFused, findFusions } from '../../../src/core/fusion/find';
import type { Model } from '../../../src/core/onnx/model';
import { printModel } from '../../../src/core/text/print';
import { parseModel } from '../../../src/core/text/parse';
import { drawingOf } from '../../../src/core/layout/drawModel';
import {
  countFindings,
  findNode,
  nodeAtOffset,
  type Drawing,
  type DrawingGraph,
  type DrawingNode,
} from '../../../src/core/layout/drawing';
import { CONV, fuseText, modelText, NORM, parse } from '../fusion/text';
import { openModel, sampleModel, sharedModel } from '../support/models';

const draw = (model: Model): Drawing => drawingOf(model, findFusions(model), findFused(model));
const drawText = (text: string): Drawing => draw(parse(text));

function node(graph: DrawingGraph, label: string): DrawingNode {
  const found = graph.nodes.find((candidate) => candidate.label === label);
  assert.ok(found, `no ${label} among ${graph.nodes.map((candidate) => candidate.label).join(', ')}`);
  return found;
}

/** Edges as `source -value-> target`. */
function edges(graph: DrawingGraph): string[] {
  return graph.sources.map((source, edge) => {
    const value = graph.values[graph.edgeValues[edge]!]!.name;
    return `${graph.nodes[source]!.label} -${value}-> ${graph.nodes[graph.targets[edge]!]!.label}`;
  });
}

describe('drawingOf', () => {
  const pair = modelText({ nodes: [CONV, NORM, 'y = Relu (n)'] });

  it('draws inputs, operators and outputs, and folds initializers into their readers', () => {
    const [graph] = drawText(pair).graphs;
    assert.deepEqual(
      graph!.nodes.map(({ kind, label }) => `${kind} ${label}`),
      ['input x', 'operator Conv', 'operator InstanceNormalization', 'operator Relu', 'output y'],
    );
    assert.deepEqual(edges(graph!), [
      'x -x-> Conv',
      'Conv -h-> InstanceNormalization',
      'InstanceNormalization -n-> Relu',
      'Relu -y-> y',
    ]);
    assert.deepEqual(node(graph!, 'Conv').rows, [
      { text: '3×3 · pad 1' },
      { name: 'W', text: '4×3×3×3' },
      { name: 'B', text: '4' },
    ]);
    assert.deepEqual(node(graph!, 'x').rows, [{ text: 'float 1×3×6×7' }]);
  });

  it('marks pairs that can fuse, and says so', () => {
    const drawing = drawText(pair);
    assert.deepEqual(countFindings(drawing), { fusable: 1, blocked: 0, fused: 0 });
    const [finding] = drawing.findings;
    assert.equal(finding!.chain, 'Conv → InstanceNormalization → Relu');
    assert.deepEqual(
      finding!.nodes.map((index) => drawing.graphs[finding!.graph]!.nodes[index]!.label),
      ['Conv', 'InstanceNormalization', 'Relu'],
    );
    assert.equal(node(drawing.graphs[0]!, 'Conv').fusion, 'fusable');
  });

  it('marks pairs that can’t, with the reason', () => {
    const drawing = drawText(
      modelText({
        nodes: [CONV, 'y = InstanceNormalization (h, s, b)', 'z = Relu (h)'],
        outputs: 'float[1,4,6,7] y, float[1,4,6,7] z',
      }),
    );
    assert.deepEqual(countFindings(drawing), { fusable: 0, blocked: 1, fused: 0 });
    assert.match(drawing.findings[0]!.message, /can't fuse: .*also read by/);
    assert.equal(node(drawing.graphs[0]!, 'InstanceNormalization').fusion, 'blocked');
    assert.equal(node(drawing.graphs[0]!, 'Relu').fusion, undefined);
  });

  it('marks fused nodes, and leads to their functions', () => {
    const drawing = drawText(fuseText(pair));
    assert.deepEqual(countFindings(drawing), { fusable: 0, blocked: 0, fused: 1 });
    const drawn = node(drawing.graphs[0]!, 'ConvInstanceNormalizationRelu');
    assert.equal(drawn.fusion, 'fused');
    const [id] = drawn.graphs!;
    const body = drawing.graphs.find((graph) => graph.id === id)!;
    assert.equal(body.kind, 'function');
    assert.ok(body.nodes.some(({ label }) => label === 'InstanceNormalization'));
  });

  it('shows Constant nodes in their readers, except where one is an output', () => {
    const [graph] = drawText(
      modelText({
        declared: [],
        nodes: ['k = Constant <value_ints = [1, 4]> ()', 'z = Constant <value_float = 2.5> ()', 'y = Reshape (x, k)'],
        outputs: 'float y, float z',
      }),
    ).graphs;
    assert.deepEqual(node(graph!, 'Reshape').rows, [{ name: 'shape', text: '[1, 4]' }]);
    assert.deepEqual(edges(graph!), ['x -x-> Reshape', 'Reshape -y-> y', 'Constant -z-> z']);
  });

  it('draws an initializer that is an output as a constant', () => {
    const [graph] = drawText(
      modelText({ declared: ['float[2] k = {1, 2}'], nodes: ['y = Relu (x)'], outputs: 'float y, float[2] k' }),
    ).graphs;
    assert.ok(edges(graph!).includes('k -k-> k'));
    assert.equal(graph!.nodes.find(({ kind }) => kind === 'constant')?.label, 'k');
  });

  it('draws subgraphs as graphs of their own, and what they read from outside', () => {
    const drawing = drawText(
      modelText({
        declared: [],
        inputs: 'float[2] x, bool c',
        nodes: [
          'h = Relu (x)',
          `y = If (c) <
            then_branch = t () => (float[2] a) { a = Neg (h) },
            else_branch = e () => (float[2] a) { a = Abs (x) }
          >`,
        ],
        outputs: 'float[2] y',
      }),
    );
    assert.deepEqual(
      drawing.graphs.map(({ id, kind }) => `${kind} ${id}`),
      ['graph main', 'subgraph main/y.then_branch', 'subgraph main/y.else_branch'],
    );
    const [main, then] = drawing.graphs;
    assert.deepEqual(node(main!, 'If').graphs, ['main/y.then_branch', 'main/y.else_branch']);
    assert.deepEqual(
      new Set(edges(main!)),
      new Set(['x -x-> Relu', 'c -c-> If', 'x -x-> If', 'Relu -h-> If', 'If -y-> y']),
    );
    assert.deepEqual(
      main!.implicitEdges.map((edge) => edges(main!)[edge]),
      ['x -x-> If', 'Relu -h-> If'],
    );
    assert.equal(node(then!, 'h').kind, 'captured');
    assert.deepEqual(edges(then!), ['h -h-> Neg', 'Neg -a-> a']);
    assert.equal(then!.parent, 'main');
  });

  it('draws what an unfinished text has, undefined values too', () => {
    const { model } = parseModel(modelText({ declared: [], nodes: ['h = Relu (nothing)', 'y = Add (h, '] }));
    const [graph] = draw(model).graphs;
    assert.equal(node(graph!, 'nothing').kind, 'undefined');
    assert.ok(edges(graph!).includes('nothing -nothing-> Relu'));
  });

  it('draws cyclic and doubly defined values without an endless loop', () => {
    const [graph] = drawText(
      modelText({ declared: [], nodes: ['a = Relu (b)', 'b = Relu (a)', 'y = Relu (x)', 'y = Abs (x)'] }),
    ).graphs;
    assert.equal(graph!.nodes.filter(({ kind }) => kind === 'operator').length, 4);
    assert.equal(new Set(graph!.nodes.map(({ id }) => id)).size, graph!.nodes.length);
  });

  it('gives the same ids for a model’s file and its text', () => {
    const { model, source } = sampleModel();
    const text = printModel(model, source, { fileName: 'model.onnx' });
    const fromText = draw(parseModel(text).model);
    const fromFile = draw(model);
    const ids = ({ graphs }: Drawing): string[] =>
      graphs.flatMap(({ id, nodes }) => nodes.map((drawn) => `${id} ${drawn.id}`));
    assert.deepEqual(ids(fromText), ids(fromFile));
    assert.deepEqual(countFindings(fromText), countFindings(fromFile));
    assert.ok(countFindings(fromText).fusable > 5);
  });

  it('is plain data that survives being sent as JSON', () => {
    const drawing = drawText(pair);
    assert.deepEqual(JSON.parse(JSON.stringify(drawing)), drawing);
  });

  it('labels values with their shapes, and with the type where it isn’t float', function () {
    const file = sharedModel(this, 'pytorch/nnunet3d_small_op17.onnx');
    const { model, source } = openModel(file);
    const [graph] = drawingOf(model, findFusions(model), [], { source }).graphs;
    assert.equal(graph!.values.find(({ name }) => name === 'input')!.label, '1×1×32×32×32');
  });
});

describe('nodeAtOffset', () => {
  const text = modelText({
    declared: ['float[2] k = {1, 2}'],
    inputs: 'float[2] x, bool c',
    nodes: ['h = Add (x, k)', 'y = If (c) <then_branch = t () => (float[2] a) { a = Neg (h) }>'],
    outputs: 'float[2] y',
  });
  const drawing = drawText(text);
  const at = (part: string): string | undefined => {
    const reference = nodeAtOffset(drawing, text.indexOf(part) + 1);
    return reference && `${reference.graph}: ${findNode(drawing, reference)!.label}`;
  };

  it('finds the node whose line the offset is on', () => assert.equal(at('Add (x'), 'main: Add'));
  it('finds the innermost of nested nodes', () => assert.equal(at('Neg (h'), 'main/y.then_branch: Neg'));
  it('finds the node that holds a subgraph elsewhere on its lines', () => assert.equal(at('If (c'), 'main: If'));
  it('finds the reader of a constant', () => assert.equal(at('float[2] k'), 'main: Add'));
  it('finds nothing between nodes', () => assert.equal(nodeAtOffset(drawing, 0), undefined));
});

describe('findNode', () => {
  it('finds nothing for what is no longer there', () => {
    const drawing = draw(parse(modelText({ declared: [], nodes: ['y = Relu (x)'] })));
    assert.equal(findNode(drawing, { graph: 'main', node: 'gone' }), undefined);
    assert.equal(findNode(drawing, { graph: 'gone', node: 'y' }), undefined);
  });
});
