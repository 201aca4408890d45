import { convolutionAttributes } from './convolution';
import type { Node } from '../onnx/model';

/** Bytes a second that one core moves when it passes over an activation, a little above memory's own. */
const BANDWIDTH = 16e9;
/**
 * Floating-point operations a second that one core reaches in ONNX Runtime's convolutions, measured on AVX-512 cores
 * whose peak is 112 GFLOP/s: two-dimensional; three-dimensional; a single input channel in 3-D; few output channels.
 */
const ARITHMETIC = { plane: 105e9, volume: 68e9, singleChannelVolume: 17e9, fewOutputs: 20e9 };
const FEW_OUTPUTS = 8;
const FLOAT_BYTES = 4;

/** Parts of the pair's time below which fusing alone is hardly worth it, and above which it clearly is. */
const HARDLY = 0.05;
const CLEARLY = 0.15;

/** What an estimate says of fusing alone; the fused kernel's convolution may gain or lose more. */
export type Verdict = 'worth' | 'small' | 'hardly';

/** What fusing saves by a roofline model. It says nothing about a machine: only measuring does. */
export interface Estimate {
  /** Part of the unfused pair's time, 0 to 1. */
  readonly savedShare: number;
  readonly verdict: Verdict;
}

/**
 * Estimates what fusing saves, by the roofline model (Williams, Waterman and
 * Patterson, CACM 52(4), 2009): a convolution takes the longer of its
 * arithmetic and its memory traffic, and each activation that need not be
 * written and read again costs its traffic. Both grow alike with the plane, so
 * that sizes aren't needed.
 * @param weights shape of the convolution's weights.
 * @param planes how many activations of the output's size vanish.
 * @param padded whether a padded copy of the input vanishes too.
 */
export function estimate(
  convolution: Node,
  weights: readonly number[],
  planes: number,
  padded: boolean,
): Estimate | undefined {
  const rank = weights.length - 2;
  const { group, strides } = convolutionAttributes(convolution);
  const isTransposed = convolution.opType === 'ConvTranspose';
  const inputs = isTransposed ? weights[0]! : weights[1]! * group;
  const outputs = isTransposed ? weights[1]! * group : weights[0]!;
  const step = (strides ?? []).reduce((total, stride) => total * stride, 1);
  const taps = weights.slice(2).reduce((total, size) => total * size, 1);
  // Of one output element, on average.
  const multiplyAdds = ((inputs / group) * taps) / (isTransposed ? step : 1);
  const inputElements = (inputs / outputs) * (isTransposed ? 1 / step : step);
  if (!(multiplyAdds > 0 && Number.isFinite(inputElements))) return undefined;
  const arithmetic = (2 * multiplyAdds) / throughput(rank, inputs, outputs);
  const traffic = (FLOAT_BYTES * (1 + inputElements)) / BANDWIDTH;
  const saved = (2 * FLOAT_BYTES * (planes + (padded ? inputElements : 0))) / BANDWIDTH;
  const savedShare = saved / (Math.max(arithmetic, traffic) + saved);
  return { savedShare, verdict: savedShare < HARDLY ? 'hardly' : savedShare < CLEARLY ? 'small' : 'worth' };
}

function throughput(rank: number, inputs: number, outputs: number): number {
  if (outputs < FEW_OUTPUTS) return ARITHMETIC.fewOutputs;
  if (rank < 3) return ARITHMETIC.plane;
  return inputs === 1 ? ARITHMETIC.singleChannelVolume : ARITHMETIC.volume;
}
