/** Random small graphs around pairs of convolution and normalisation. */
import fc from 'fast-check';
import { modelText, weights } from './text';

/** A layer by numbers: which kind, and what its parts are. */
export interface Layer {
  readonly kind: number;
  /** Which earlier value it reads: most often the last. */
  readonly back: number;
  /** Choices of its parts, in the order in which they are asked for. */
  readonly picks: readonly number[];
  readonly output: boolean;
}

/** A graph by numbers. */
export interface Recipe {
  readonly layers: readonly Layer[];
  readonly opset: number;
  readonly rank: number;
  readonly seed: number;
}

export const recipe: fc.Arbitrary<Recipe> = fc.record({
  layers: fc.array(
    fc.record({
      kind: fc.noBias(fc.nat(19)),
      back: fc.constantFrom(0, 0, 0, 0, 0, 1, 2),
      picks: fc.noBias(fc.array(fc.nat(1000), { minLength: 48, maxLength: 48 })),
      output: fc.constantFrom(false, false, false, false, true),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  opset: fc.constantFrom(9, 10, 11, 12, 13, 17, 18, 22),
  rank: fc.constantFrom(1, 2, 2, 2, 3),
  seed: fc.nat(1000),
});

/** Spatial sizes by rank. */
const SIZES: Readonly<Record<number, readonly number[]>> = { 1: [7], 2: [5, 6], 3: [4, 5, 4] };
const BATCH = 2;
const CHANNELS = 4;

/** Shape of the input `x`, which all values but those that end in an output keep. */
export const shapeOf = ({ rank }: Recipe): readonly number[] => [BATCH, CHANNELS, ...SIZES[rank]!];

/** The graph as text, with input `x`. */
export const randomModel = (graph: Recipe): string => new RandomModel(graph).text();

class RandomModel {
  private readonly declared = new Map<string, string>();
  private readonly outputs = new Map<string, string>();
  private readonly values = ['x'];
  private readonly statements: string[] = [];
  private readonly functions = new Set<string>();
  private count = 0;
  private picks: readonly number[] = [];
  private at = 0;

  constructor(private readonly graph: Recipe) {}

  text(): string {
    const { layers, opset } = this.graph;
    const type = `float[${shapeOf(this.graph).join(',')}]`;
    layers.forEach((layer) => {
      this.picks = layer.picks;
      this.at = 0;
      const from = this.values[Math.max(0, this.values.length - 1 - layer.back)]!;
      const to = this.layer(layer.kind, from, this.statements, type);
      if (to === undefined) return;
      this.values.push(to);
      if (layer.output) this.outputs.set(to, type);
    });
    const last = this.values.at(-1)!;
    if (last !== 'x') this.outputs.set(last, type);
    if (this.outputs.size === 0)
      this.outputs.set(
        this.emit(this.statements, (name) => `${name} = Tanh (x)`),
        type,
      );
    return modelText({
      inputs: `${type} x`,
      outputs: [...this.outputs].map(([name, of]) => `${of} ${name}`).join(', '),
      declared: [...this.declared.values(), `bool q = {${this.graph.seed % 2}}`],
      nodes: this.statements,
      opset,
      ...(this.functions.size > 0 && {
        imports: ', "my": 1',
        functions: [...this.functions].map((name) => this.definition(name)).join('\n'),
      }),
    });
  }

  /** A function that is a pair; in `Written` the normalisation is written out. */
  private definition(name: string): string {
    const { opset, rank } = this.graph;
    const kernel = new Array<number>(rank).fill(3).join(', ');
    const axes = Array.from({ length: rank }, (_, axis) => axis + 2).join(', ');
    const mean = (of: string): string =>
      opset < 18 ? `ReduceMean <axes = [${axes}]> (${of})` : `ReduceMean (${of}, axes)`;
    const normalization =
      name === 'Block'
        ? 'n = InstanceNormalization <epsilon = 0.01> (h, S, B)'
        : `axes = Constant <value = int64[${rank}] {${axes}}> ()
  eps = Constant <value = float {0.01}> ()
  m = ${mean('h')}
  d = Sub (h, m)
  q = Mul (d, d)
  v = ${mean('q')}
  e = Add (v, eps)
  r = Sqrt (e)
  n = Div (d, r)`;
    return `<domain: "my", opset_import: ["": ${opset}]>
${name} <border, slope> (X, W, S, B) => (Y)
<float[${[CHANNELS, CHANNELS, ...new Array<number>(rank).fill(3)].join(',')}] W>
{
  h = Conv <kernel_shape = [${kernel}], pads: ints = @border> (X, W)
  ${normalization}
  Y = LeakyRelu <alpha: float = @slope> (n)
}`;
  }

  /** One of several, as the layer's next number says. */
  private pick<T>(...choices: readonly T[]): T {
    return choices[(this.picks[this.at++] ?? 0) % choices.length]!;
  }

  private emit(into: string[], statement: (name: string) => string): string {
    const name = `v${++this.count}`;
    into.push(statement(name));
    return name;
  }

  private declare(name: string, ...dims: readonly number[]): string {
    this.declared.set(name, weights(name, ...dims));
    return name;
  }

  private integers(into: string[], name: string, values: readonly number[]): string {
    const data = `int64[${values.length}]`;
    const list = `{${values.join(', ')}}`;
    if (this.pick(true, false)) return this.emit(into, (at) => `${at} = Constant <value = ${data} ${list}> ()`);
    const full = `${name}_${values.map((value) => (value < 0 ? `m${-value}` : value)).join('_')}`;
    this.declared.set(full, `${data} ${full} = ${list}`);
    return full;
  }

  private number(name: string, value: number, shape = ''): string {
    this.declared.set(name, `float${shape} ${name} = {${value}}`);
    return name;
  }

  private layer(kind: number, x: string, into: string[], type: string): string | undefined {
    if (kind < 9) return this.pair(x, into, true);
    switch (kind) {
      case 9:
        return this.convolve(x, into, true);
      case 10:
        return this.normalize(x, into);
      case 11:
        return this.activate(x, into);
      case 12:
        return this.emit(into, (name) => `${name} = Add (${x}, ${this.values[this.graph.seed % this.values.length]!})`);
      case 13:
        return this.emit(into, (name) => `${name} = Tanh (${x})`);
      case 14:
      case 15:
        return this.branch(x, into, type);
      case 16:
        return this.loop(x, into, type);
      case 17:
        return this.call(x, into);
      default:
        this.pair(x, into, false);
        return undefined;
    }
  }

  /** A pair with what may be around it. Where it doesn't keep the shape, it ends in an output. */
  private pair(x: string, into: string[], keepsShape: boolean): string {
    let at = this.convolve(x, into, keepsShape);
    this.tap(at, into);
    at = this.link(at, into);
    at = this.normalize(at, into);
    this.tap(at, into);
    at = this.link(at, into);
    if (keepsShape && this.pick(true, false, false)) at = this.residual(at, x, into);
    if (this.pick(true, true, false)) at = this.activate(at, into);
    if (!keepsShape)
      this.outputs.set(
        at,
        `float[${['N', 'M', ...SIZES[this.graph.rank]!.map((_, axis) => `S${this.count}_${axis}`)].join(',')}]`,
      );
    return at;
  }

  /** Now and then, makes something else need a value in the middle. */
  private tap(x: string, into: string[]): void {
    const how = this.pick(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2);
    if (how > 0 && into === this.statements)
      this.outputs.set(how === 1 ? x : this.emit(into, (name) => `${name} = Size (${x})`), '');
  }

  private convolve(x: string, into: string[], keepsShape: boolean): string {
    const { rank } = this.graph;
    const all = (value: number): number[] => new Array<number>(rank).fill(value);
    const ints = (name: string, values: readonly number[]): string => `${name} = [${values.join(', ')}]`;
    const group = this.pick(1, 1, 2, 4);
    const isTransposed = this.pick(false, false, false, true);
    const op = isTransposed ? 'ConvTranspose' : 'Conv';
    const kernel = this.pick(3, 3, 1);
    const set = this.pick(0, 1, 2);
    const w = this.declare(`w${set}_${group}_${kernel}`, CHANNELS, CHANNELS / group, ...all(kernel));
    const bias = this.pick(true, false) ? `, ${this.declare(`c${set}`, CHANNELS)}` : '';
    const attributes = group > 1 ? [`group = ${group}`] : [];
    const dilation = kernel === 3 ? this.pick(1, 1, 2) : 1;
    if (dilation > 1) attributes.push(ints('dilations', all(dilation)));
    const border = ((kernel - 1) * dilation) / 2;
    let from = x;
    if (!keepsShape) {
      attributes.push(ints('strides', all(2)));
      if (isTransposed) {
        const how = this.pick(
          ints('output_padding', all(1)),
          ints(
            'output_shape',
            SIZES[rank]!.map((size) => 2 * size),
          ),
          dilation > 1 ? '' : 'auto_pad = "SAME_UPPER"',
          ints('pads', [...all(0), ...all(border)]),
        );
        if (!how.startsWith('auto_pad') || kernel > 2) attributes.push(how);
      } else {
        const auto = dilation > 1 ? '' : 'auto_pad = "SAME_LOWER"';
        const how = this.pick(auto, ints('pads', [...all(border), ...all(0)]), '');
        // Without padding, the extent has to fit the smallest axis.
        attributes.push(how === '' && dilation > 1 ? ints('pads', all(border).concat(all(border))) : how);
      }
    } else if (border === 0) {
      attributes.push(this.pick('', ints('pads', all(0).concat(all(0)))));
    } else if (isTransposed) {
      attributes.push(ints('pads', all(border).concat(all(border))));
    } else if (this.pick(true, true, false)) {
      from = this.pad(x, into, attributes, border);
    } else {
      attributes.push(
        // ONNX Runtime has no auto_pad with dilation.
        dilation > 1
          ? ints('pads', all(border).concat(all(border)))
          : this.pick(
              ints('pads', all(border).concat(all(border))),
              'auto_pad = "SAME_UPPER"',
              'auto_pad = "SAME_LOWER"',
            ),
      );
    }
    const list = attributes.filter((attribute) => attribute !== '');
    const given = list.length > 0 ? `<${list.join(', ')}> ` : '';
    return this.emit(into, (name) => `${name} = ${op} ${given}(${from}, ${w}${bias})`);
  }

  /** A Pad that adds, together with the convolution's own padding, `border` on each side. */
  private pad(x: string, into: string[], attributes: string[], border: number): string {
    const { rank, opset } = this.graph;
    const all = (value: number): number[] => new Array<number>(rank).fill(value);
    const own = (begin: number, end: number): string => `pads = [${[...all(begin), ...all(end)].join(', ')}]`;
    const mode = this.pick('constant', 'constant', 'reflect', 'reflect', 'edge', 'edge', opset >= 19 ? 'wrap' : 'edge');
    const value = mode === 'constant' ? this.pick(undefined, 0, 0, 0.5) : undefined;
    const [begin, end] = this.pick<readonly [number, number]>(
      [border, border],
      [border, border],
      [border, border],
      [border, border],
      [border, 0],
      [0, border],
      // What is taken away on one side may leave too little to reflect on the other.
      mode === 'constant' || mode === 'edge' ? [border, -1] : [border, border],
    );
    const extra = end < 0 ? border + 1 : border - end;
    if (begin === border && end === border) attributes.push(this.pick('', 'auto_pad = "VALID"', own(0, 0)));
    else attributes.push(own(border - begin, extra));
    const pads = [0, 0, ...all(begin), 0, 0, ...all(end)];
    const result = this.spared(into, x);
    if (opset < 11) {
      const given = value === undefined ? '' : `, value = ${value.toFixed(1)}`;
      const text = `Pad <mode = "${mode}", pads = [${pads.join(', ')}]${given}> (${result})`;
      return this.emit(into, (name) => `${name} = ${text}`);
    }
    const padValue = value === undefined ? '' : this.number(value === 0 ? 'zero' : 'half', value);
    const given = mode === 'constant' && this.pick(true, false) ? '' : `<mode = "${mode}"> `;
    if (opset >= 18 && this.pick(true, false)) {
      const axes = this.integers(
        into,
        'axes',
        this.pick(0, 1) ? all(0).map((_, axis) => axis + 2) : all(0).map((_, axis) => axis - rank),
      );
      const amounts = this.integers(into, 'pads', [...all(begin), ...all(end)]);
      return this.emit(into, (name) => `${name} = Pad ${given}(${result}, ${amounts}, ${padValue}, ${axes})`);
    }
    const amounts = this.pick(true, true, true, false)
      ? this.integers(into, 'pads', pads)
      : this.emit(into, (name) => `${name} = Identity (${this.integers(into, 'pads', pads)})`);
    const inputs = [result, amounts, ...(padValue === '' ? [] : [padValue])].join(', ');
    const padded = this.emit(into, (name) => `${name} = Pad ${given}(${inputs})`);
    this.tap(padded, into);
    return padded;
  }

  /** The value, which now and then something else reads too. */
  private spared(into: string[], x: string): string {
    return this.pick(false, false, true) ? this.emit(into, (name) => `${name} = Identity (${x})`) : x;
  }

  private link(x: string, into: string[]): string {
    const op = this.pick(undefined, undefined, undefined, undefined, 'Identity', 'Dropout');
    return op === undefined ? x : this.emit(into, (name) => `${name} = ${op} (${x})`);
  }

  private normalize(x: string, into: string[]): string {
    const set = this.pick(0, 1, 2);
    if (this.pick(true, false, false)) return this.writtenOut(x, set, into);
    let s = this.declare(`s${set}`, CHANNELS);
    const b = this.declare(`b${set}`, CHANNELS);
    if (this.pick(false, false, true)) s = this.emit(into, (name) => `${name} = Abs (s${set})`);
    const epsilon = this.pick('<epsilon = 0.01> ', '<epsilon = 0.1> ', '<epsilon = 0.001> ');
    return this.emit(into, (name) => `${name} = InstanceNormalization ${epsilon}(${x}, ${s}, ${b})`);
  }

  /** An instance normalisation as reductions and arithmetic. */
  private writtenOut(x: string, set: number, into: string[]): string {
    const { rank, opset } = this.graph;
    const ones = new Array<number>(rank).fill(1);
    const last = this.pick(true, false);
    const axes = ones.map((_, axis) => (last ? axis - rank : axis + 2));
    const emit = (text: string): string => this.emit(into, (name) => `${name} = ${text}`);
    const mean = (of: string): string =>
      opset < 18
        ? emit(`ReduceMean <axes = [${axes.join(', ')}]> (${of})`)
        : emit(`ReduceMean (${of}, ${this.integers(into, 'axes', axes)})`);
    const epsilon = this.number('eps', 0.01);
    const m = mean(x);
    this.tap(m, into);
    const d = emit(`Sub (${x}, ${m})`);
    const how = this.pick('product', 'power', 'squares');
    const squared = how === 'squares' ? x : d;
    const q = emit(how === 'power' ? `Pow (${squared}, ${this.number('two', 2)})` : `Mul (${squared}, ${squared})`);
    const v = how === 'squares' ? emit(`Sub (${mean(q)}, ${emit(`Mul (${m}, ${m})`)})`) : mean(q);
    const e = emit(this.pick(`Add (${v}, ${epsilon})`, `Add (${epsilon}, ${v})`));
    const r = emit(`Sqrt (${e})`);
    let z = emit(this.pick(true, false) ? `Div (${d}, ${r})` : `Mul (${d}, ${emit(`Reciprocal (${r})`)})`);
    this.tap(z, into);
    const full = this.pick(true, false);
    const dims = full ? [1, CHANNELS, ...ones] : [CHANNELS, ...ones];
    const suffix = full ? 'Full' : '';
    if (this.pick(true, true, false)) z = emit(`Mul (${z}, ${this.declare(`g${set}${suffix}`, ...dims)})`);
    if (this.pick(true, true, false)) z = emit(`Add (${this.declare(`k${set}${suffix}`, ...dims)}, ${z})`);
    return z;
  }

  private residual(x: string, before: string, into: string[]): string {
    const { rank } = this.graph;
    const ones = new Array<number>(rank).fill(1);
    const other = this.pick<() => string>(
      () => before,
      () => this.values[this.graph.seed % this.values.length]!,
      () => this.declare('perChannel', CHANNELS, ...ones),
      () => this.declare('perPlane', ...SIZES[rank]!),
      () => this.number('one', 1),
      () => this.pair(before, into, true),
    )();
    const [a, b] = this.pick([x, other], [other, x]);
    return this.emit(into, (name) => `${name} = Add (${a}, ${b})`);
  }

  private activate(x: string, into: string[]): string {
    const { opset, rank } = this.graph;
    const ones = new Array<number>(rank).fill(1);
    const bounds = (least: number, most?: number): string => {
      if (opset < 11)
        return `Clip <min = ${least.toFixed(1)}${most === undefined ? '' : `, max = ${most.toFixed(1)}`}> (${x})`;
      const max = most === undefined ? '' : `, ${this.number('six', most)}`;
      return `Clip (${x}, ${this.number(least === 0 ? 'zero' : 'half', least)}${max})`;
    };
    const text = this.pick<() => string>(
      () => `Relu (${x})`,
      () => `Relu (${x})`,
      () => `LeakyRelu (${x})`,
      () => 'LeakyRelu <alpha = 0.3> ' + `(${x})`,
      () => `PRelu (${x}, ${this.number('slope', 0.2, '[1]')})`,
      () => `PRelu (${x}, ${this.number('slope2', -0.1, `[${['1', ...ones].join(',')}]`)})`,
      () => `PRelu (${x}, ${this.declare('slopes', CHANNELS, ...ones)})`,
      () => bounds(0),
      () => bounds(0, 6),
      () => bounds(0.5),
      () => `Max (${x}, ${this.number('zero', 0)})`,
      () => `Max (${this.number('zero', 0)}, ${x})`,
      () => `Sigmoid (${x})`,
    )();
    return this.emit(into, (name) => `${name} = ${text}`);
  }

  /** An If whose branches capture values; statements of a branch, indented as they may. */
  private branch(x: string, into: string[], type: string): string {
    const then: string[] = [];
    const otherwise: string[] = [];
    const a = this.pair(x, then, true);
    const b = this.pick(true, false) ? this.pair(x, otherwise, true) : this.normalize(x, otherwise);
    return this.emit(
      into,
      (name) => `${name} = If (q) <
    then_branch = t${name} () => (${type} ${a}) {
      ${then.join('\n      ')}
    },
    else_branch = e${name} () => (${type} ${b}) { ${otherwise.join(' ')} }
  >`,
    );
  }

  /** A Loop of two iterations whose body reads its state and values of the graph. */
  private loop(x: string, into: string[], type: string): string {
    const body: string[] = [];
    const trips = this.emit(into, (name) => `${name} = Constant <value = int64 {2}> ()`);
    const state = `state${++this.count}`;
    const next = this.pair(state, body, true);
    const again = this.emit(body, (name) => `${name} = Identity (go${state})`);
    return this.emit(
      into,
      (name) => `${name} = Loop (${trips}, , ${x}) <
    body = l${name} (int64 i${state}, bool go${state}, ${type} ${state}) => (bool ${again}, ${type} ${next}) {
      ${body.join('\n      ')}
    }
  >`,
    );
  }

  private call(x: string, into: string[]): string {
    const fn = this.pick('Block', 'Block', 'Written');
    this.functions.add(fn);
    const { rank } = this.graph;
    const w = this.declare('w0_1_3', CHANNELS, CHANNELS, ...new Array<number>(rank).fill(3));
    const s = this.declare('s0', CHANNELS);
    const b = this.declare('b0', CHANNELS);
    const border = new Array<number>(2 * rank).fill(1).join(', ');
    return this.emit(into, (name) => `${name} = my.${fn} <border = [${border}], slope = 0.2> (${x}, ${w}, ${s}, ${b})`);
  }
}
