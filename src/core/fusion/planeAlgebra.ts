/**
 * What a normalisation written out in arithmetic computes, as formulas in x,
 * its mean μ and its variance v over each plane, and numbers for each channel.
 */

import type { Node } from '../onnx/model';

/** A number for each channel: `factor`, times the value called `name` where there is one. */
export interface Coefficient {
  readonly factor: number;
  readonly name?: string | undefined;
}

/** How the deviation is made: √(v + ε) over some axes, or something near it that the fused op doesn't compute. */
export interface Deviation {
  /** `undefined`: not a known number. */
  readonly epsilon: number | undefined;
  readonly departure?: DeviationDeparture | undefined;
}

/** How the way it is made is unlike the fused op's. */
export interface DeviationDeparture {
  readonly code: 'element-scale' | 'epsilon-outside' | 'epsilon-unknown' | 'variance-factor';
  /** The node that makes the difference. */
  readonly node: Node | undefined;
  /** The operand of it that does. */
  readonly value?: string | undefined;
}

export type Formula =
  /** (x·`x` + μ·`mean`) · deviation^-`power` + `constant`; an absent coefficient is zero. */
  | {
      readonly kind: 'linear';
      readonly x?: Coefficient | undefined;
      readonly mean?: Coefficient | undefined;
      readonly constant?: Coefficient | undefined;
      /** Set where the deviation divides. */
      readonly deviation?: Deviation | undefined;
    }
  /** `factor` · x², (x − μ)², mean of x², or μ². */
  | {
      readonly kind: 'square' | 'squaredDistance' | 'meanSquare' | 'squaredMean';
      readonly factor: number;
      readonly scaledBy?: Node | undefined;
    }
  /** `factor` · v + ε. */
  | {
      readonly kind: 'variance';
      readonly factor: number;
      /** `undefined` with the departure that the deviation will have: not a known number. */
      readonly epsilon: number | undefined;
      readonly unknown?: DeviationDeparture | undefined;
      /** The node that gave it its factor. */
      readonly scaledBy?: Node | undefined;
    }
  /** `factor` · deviation, or `factor` / deviation. */
  | { readonly kind: 'deviation' | 'inverse'; readonly factor: Coefficient; readonly deviation: Deviation };

export type Linear = Extract<Formula, { kind: 'linear' }>;

const ONE: Coefficient = { factor: 1 };
/**
 * Constants such as 1/(H·W) are rounded to float32, each by at most 2⁻²⁴ of it; a factor is the product of a few of
 * them. Anything further off is another number, such as n/(n − 1) of an unbiased variance.
 */
const ROUNDING = 2 ** -22;

/** x itself. */
export const IDENTITY: Linear = { kind: 'linear', x: ONE };

export const near = (a: number, b: number): boolean => Math.abs(a - b) <= ROUNDING * Math.abs(b);

/** (x − μ) / √(v + ε) · scale + bias. */
export const normalized = (scale: Coefficient, bias: Coefficient | undefined, deviation: Deviation): Linear => ({
  kind: 'linear',
  x: scale,
  mean: scaleCoefficient(scale, -1),
  constant: bias,
  deviation,
});

/** The scale of a formula that is a normalisation, or `undefined` for any other. */
export function scaleOf(formula: Formula): Coefficient | undefined {
  if (formula.kind !== 'linear' || !formula.deviation || !formula.x || !formula.mean) return undefined;
  const { x, mean } = formula;
  return x.name === mean.name && near(x.factor, -mean.factor) ? x : undefined;
}

const scaleCoefficient = ({ factor, name }: Coefficient, by: number): Coefficient => ({ factor: factor * by, name });

function product(a: Coefficient | undefined, b: Coefficient): Coefficient | undefined | 'unknown' {
  if (!a) return undefined;
  if (a.name !== undefined && b.name !== undefined) return 'unknown';
  return { factor: a.factor * b.factor, name: a.name ?? b.name };
}

function sum(a: Coefficient | undefined, b: Coefficient | undefined): Coefficient | undefined | 'unknown' {
  if (!a || !b) return a ?? b;
  if (a.name !== b.name) return 'unknown';
  const factor = a.factor + b.factor;
  return Math.abs(factor) <= ROUNDING * Math.abs(a.factor) ? undefined : { factor, name: a.name };
}

const sameDeviation = (a: Deviation, b: Deviation): boolean =>
  a.epsilon !== undefined && a.epsilon === b.epsilon && a.departure?.code === b.departure?.code;

/** `formula` times a number for each channel, as `node` computes it; `undefined` when that has no formula here. */
export function times(formula: Formula, by: Coefficient, node?: Node): Formula | undefined {
  switch (formula.kind) {
    case 'linear': {
      const [x, mean, constant] = [formula.x, formula.mean, formula.constant].map((part) => product(part, by));
      if (x === 'unknown' || mean === 'unknown' || constant === 'unknown') return undefined;
      return { ...formula, x, mean, constant };
    }
    case 'deviation':
    case 'inverse': {
      const factor = product(formula.factor, by);
      return factor === undefined || factor === 'unknown' ? undefined : { ...formula, factor };
    }
    case 'variance':
      if (by.name !== undefined) return undefined;
      return {
        ...formula,
        factor: formula.factor * by.factor,
        scaledBy: node,
        epsilon: formula.epsilon === undefined ? undefined : formula.epsilon * by.factor,
      };
    default:
      return by.name === undefined ? { ...formula, factor: formula.factor * by.factor, scaledBy: node } : undefined;
  }
}

/** The product of two formulas. */
export function multiply(a: Formula, b: Formula): Formula | undefined {
  if (a.kind === 'linear' && b.kind === 'linear') return squareOf(a, b);
  if (a.kind === 'inverse' && b.kind === 'linear') return multiply(b, a);
  if (a.kind !== 'linear' || b.kind !== 'inverse' || a.deviation || a.constant) return undefined;
  const scaled = times(a, b.factor);
  return scaled?.kind === 'linear' ? { ...scaled, deviation: b.deviation } : undefined;
}

/** The quotient of two formulas. */
export function divide(a: Formula, b: Formula): Formula | undefined {
  const inverse = reciprocal(b);
  return inverse && multiply(a, inverse);
}

/** 1 / `formula`. */
export function reciprocal(formula: Formula): Formula | undefined {
  if (formula.kind !== 'deviation' && formula.kind !== 'inverse') return undefined;
  if (formula.factor.name !== undefined) return undefined;
  const factor = { factor: 1 / formula.factor.factor };
  return { kind: formula.kind === 'deviation' ? 'inverse' : 'deviation', factor, deviation: formula.deviation };
}

function squareOf(a: Linear, b: Linear): Formula | undefined {
  const parts = [a, b];
  if (parts.some(({ constant, deviation }) => constant !== undefined || deviation !== undefined)) return undefined;
  const plain = (part: Coefficient | undefined): number | undefined =>
    part && part.name === undefined ? part.factor : undefined;
  if (parts.some(({ x, mean }) => (x && plain(x) === undefined) || (mean && plain(mean) === undefined)))
    return undefined;
  const factor = (a.x ?? a.mean)!.factor * (b.x ?? b.mean)!.factor;
  if (a.x && b.x && !a.mean && !b.mean) return { kind: 'square', factor };
  if (!a.x && !b.x && a.mean && b.mean) return { kind: 'squaredMean', factor };
  const centered = parts.every(({ x, mean }) => x && mean && near(x.factor, -mean.factor));
  return centered ? { kind: 'squaredDistance', factor } : undefined;
}

/** `a` + `b`. */
export function add(a: Formula, b: Formula): Formula | undefined {
  if (a.kind === 'linear' && b.kind === 'linear') return addLinear(a, b);
  const [first, second] = a.kind === 'meanSquare' ? [a, b] : [b, a];
  if (first.kind !== 'meanSquare' || second.kind !== 'squaredMean') return undefined;
  return near(first.factor, -second.factor) && first.factor > 0
    ? { kind: 'variance', factor: first.factor, epsilon: 0, scaledBy: first.scaledBy }
    : undefined;
}

function addLinear(a: Linear, b: Linear): Formula | undefined {
  const { deviation } = a.deviation ? a : b;
  for (const part of [a, b]) {
    const varies = part.x !== undefined || part.mean !== undefined;
    if (varies && (part.deviation === undefined) !== (deviation === undefined)) return undefined;
  }
  if (a.deviation && b.deviation && !sameDeviation(a.deviation, b.deviation)) return undefined;
  const x = sum(a.x, b.x);
  const mean = sum(a.mean, b.mean);
  const constant = sum(a.constant, b.constant);
  if (x === 'unknown' || mean === 'unknown' || constant === 'unknown') return undefined;
  return { kind: 'linear', x, mean, constant, deviation };
}

/** `formula` plus a number for each channel, as `node` computes it. */
export function addConstant(formula: Formula, by: Coefficient, node?: Node): Formula | undefined {
  switch (formula.kind) {
    case 'linear':
      return addLinear(formula, { kind: 'linear', constant: by });
    case 'variance':
      if (formula.epsilon === undefined) return formula;
      if (by.name !== undefined) return unknownEpsilon(formula, by.name, node);
      return { ...formula, epsilon: formula.epsilon + by.factor };
    case 'deviation':
      return { ...formula, deviation: { ...formula.deviation, departure: { code: 'epsilon-outside', node } } };
    default:
      return undefined;
  }
}

/** A variance to which `node` adds a `value` that isn't a known number. */
export const unknownEpsilon = (
  formula: Extract<Formula, { kind: 'variance' }>,
  value: string,
  node: Node | undefined,
): Formula => ({ ...formula, epsilon: undefined, unknown: { code: 'epsilon-unknown', node, value } });

/** The square root. */
export function squareRoot(formula: Formula): Formula | undefined {
  if (formula.kind !== 'variance') return undefined;
  const { epsilon, factor, scaledBy, unknown } = formula;
  return {
    kind: 'deviation',
    factor: ONE,
    deviation: { epsilon, departure: near(factor, 1) ? unknown : { code: 'variance-factor', node: scaledBy } },
  };
}

/** The mean over each plane. */
export function mean(formula: Formula): Formula | undefined {
  switch (formula.kind) {
    case 'linear': {
      if (formula.deviation) return undefined;
      const both = sum(formula.x, formula.mean);
      return both === 'unknown' ? undefined : { kind: 'linear', mean: both, constant: formula.constant };
    }
    case 'square':
      return { ...formula, kind: 'meanSquare' };
    case 'squaredDistance':
      return { ...formula, kind: 'variance', epsilon: 0 };
    default:
      return undefined;
  }
}

/** Is the formula never negative, so that taking its magnitude changes nothing? */
export function isNonNegative(formula: Formula): boolean {
  switch (formula.kind) {
    case 'linear':
      return false;
    case 'variance':
      return formula.factor > 0 && (formula.epsilon ?? -1) >= 0;
    case 'deviation':
    case 'inverse':
      return formula.factor.name === undefined && formula.factor.factor > 0;
    default:
      return formula.factor > 0;
  }
}
