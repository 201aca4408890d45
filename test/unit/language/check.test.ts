import assert from 'node:assert/strict';
import { checkText } from '../../../src/core/language/check';
import type { Problem } from '../../../src/core/language/problem';
import { indexOf, SMALL, textAt } from './support';

const HEADER = '<ir_version: 10, opset_import: ["": 21]>\n';

function check(text: string): string[] {
  const index = indexOf(text);
  return checkText(index).map(
    ({ severity, code, span }: Problem) => `${severity} ${code} at ${String(textAt(index, span))}`,
  );
}

const graph = (nodes: string, declared = '') => `${HEADER}g (float[N] x) => (float[N] y) ${declared} { ${nodes} }`;

describe('semantic checks', () => {
  it('find nothing wrong with a right model, but the order of its nodes', () => {
    assert.deepEqual(check(graph('y = Relu (x)')), []);
    assert.deepEqual(check(SMALL), ['warning use-before-definition at flag']);
  });

  it('find undefined values, in inputs and outputs, once each', () => {
    assert.deepEqual(check(graph('z = Add (x, nothing)')), [
      'error undefined-value at y',
      'error undefined-value at nothing',
    ]);
    // What a subgraph defines isn't seen around it.
    assert.deepEqual(
      check(
        graph(
          'c = Cast <to = 9> (x) z = If (c) <then_branch = t () => (float a) { a = Neg (x) }, else_branch = e () => (float b) { b = Abs (x) }> y = Relu (a)',
        ),
      ),
      ['error undefined-value at a'],
    );
  });

  it('find values that are defined twice, but let an input have a default', () => {
    assert.deepEqual(check(graph('y = Relu (x) y = Neg (x)')), ['error duplicate-definition at y']);
    assert.deepEqual(check(graph('w = Relu (x) y = Neg (w)', '<float[1] w = {1.0}>')), [
      'error duplicate-definition at w',
    ]);
    assert.deepEqual(check(`${HEADER}g (float[1] x = {1.0}) => (float y) { y = Relu (x) }`), []);
  });

  it('know values that are sparse initializers, in subgraphs and functions too', () => {
    const sparse = (name: string): string => `sparse[4] ${name} = (float[1] {1.0}, int64[1] {2})`;
    assert.deepEqual(check(graph('y = Add (x, w)', `<${sparse('w')}>`)), []);
    assert.deepEqual(check(graph('y = Add (x, w)', `<${sparse('w')}, ${sparse('w')}>`)), [
      'error duplicate-definition at w',
    ]);
    assert.deepEqual(check(graph('y = Relu (x)', `<${sparse('w')}>`)), ['hint unused-initializer at w']);
    assert.deepEqual(
      check(
        graph(
          `c = Cast <to = 9> (x) y = If (c) <then_branch = t () => (float a) <${sparse('inner')}> { a = Add (w, inner) }, else_branch = e () => (float b) { b = Add (w, inner) }>`,
          `<${sparse('w')}>`,
        ),
      ),
      ['error undefined-value at inner'],
    );
  });

  it('find circles, through subgraphs too, and tell them from mere disorder', () => {
    const circle = 'a = Add (x, c) b = Neg (a) c = Relu (b) y = Neg (c)';
    assert.deepEqual(check(graph(circle)), ['error cycle at Add']);
    const [problem] = checkText(indexOf(graph(circle)));
    assert.match(problem!.message, /a → b → c → a/);
    assert.deepEqual(check(graph('y = Add (x, y)')), ['error cycle at Add']);
    const throughBody =
      'c = Cast <to = 9> (y) y = If (c) <then_branch = t () => (float a) { a = Neg (x) }, else_branch = e () => (float b) { b = Abs (x) }>';
    assert.deepEqual(check(graph(throughBody)), ['error cycle at Cast']);
    assert.deepEqual(check(graph('y = Neg (z) z = Relu (x)')), ['warning use-before-definition at z']);
  });

  it('find initializers that nothing reads', () => {
    const [problem] = checkText(indexOf(graph('y = Relu (x)', '<float[1] w = {1.0}>')));
    assert.equal(problem!.code, 'unused-initializer');
    assert.equal(problem!.severity, 'hint');
    assert.equal(problem!.unnecessary, true);
  });

  it('find unknown ops, with the operator set in which they came', () => {
    assert.deepEqual(check(graph('y = Rleu (x)')), ['error unknown-op at Rleu']);
    const [problem] = checkText(indexOf(graph('y = Swish (x)')));
    assert.match(problem!.message, /Swish came with operator set \d+ of ai\.onnx; this model imports 21/);
    assert.deepEqual(check(graph('y = Upsample (x)')), ['warning deprecated-op at Upsample']);
    // Other domains' ops aren't known here.
    assert.deepEqual(check(graph('y = com.example.Op (x)').replace('21]', '21, "com.example": 1]')), []);
    assert.deepEqual(check(graph('y = fusionlens.Conv (x)').replace('21]', '21, "fusionlens": 1]')), [
      'error unknown-op at Conv',
    ]);
  });

  it('ask for the operator sets that are used, once each', () => {
    assert.deepEqual(check(graph('z = ai.onnx.ml.Scaler (x) y = ai.onnx.ml.Scaler (z)')), [
      'warning missing-opset at ai.onnx.ml',
    ]);
    assert.deepEqual(check('<ir_version: 8, opset_import: ["a": 1]> g (float x) => (float y) { y = Neg (x) }'), [
      'error missing-opset at Neg',
    ]);
    assert.deepEqual(check('<ir_version: 2> g (float x) => (float y) { y = Neg (x) }'), []);
  });

  it("don't judge by operator sets newer than the facts", () => {
    assert.deepEqual(check(graph('y = Rleu (x)').replace('21]', '999]')), ['information unknown-opset at "": 999']);
  });

  it('check attributes: known, given once, of the right type, none missing', () => {
    assert.deepEqual(check(graph('y = LeakyRelu <beta = 1.0> (x)')), ['error unknown-attribute at beta']);
    assert.deepEqual(check(graph('y = LeakyRelu <alpha = 1> (x)')), ['error attribute-type at alpha = 1']);
    assert.deepEqual(check(graph('y = Concat (x)')), ['error missing-attribute at Concat']);
    assert.deepEqual(check(graph('y = Concat <axis = 0, axis = 1> (x)')), ['error duplicate-attribute at axis']);
  });

  it('count inputs and outputs', () => {
    assert.deepEqual(check(graph('y = Relu (x, x)')), ['error input-count at x']);
    assert.deepEqual(check(graph('y = Add (x)')), ['error input-count at (x)']);
    assert.deepEqual(check(graph('y = Add (x, "")')), ['error input-count at ""']);
    assert.deepEqual(check(graph('y, z = Relu (x)')), ['error output-count at z']);
    assert.deepEqual(check(graph('y = Clip (x, , x)')), []);
  });

  it("check calls of the model's own functions", () => {
    const call = (text: string) =>
      check(
        SMALL.replace('flag = Constant <value = bool {1}> ()', '')
          .replace('(flag)', '(x)')
          .replace('local.Twice (sum)', text),
      );
    assert.deepEqual(call('local.Twice <factor = 2> (sum)'), []);
    assert.deepEqual(call('local.Twice (sum, sum)'), ['error input-count at sum']);
    assert.deepEqual(call('local.Twice <other = 2> (sum)'), ['warning unknown-attribute at other']);
  });
});
