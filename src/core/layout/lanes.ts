import { groupBy } from './graph';

/** Pixels between neighbouring lanes. */
const LANE_GAP = 12;
/** Extra cost of a lane on the left, pixels: edges that could go either way go the same way. */
const LEFT_PENALTY = 48;

/**
 * What is needed to route edges beside the layers. Gap `g` lies above layer `g`; gap `layerCount` lies below the
 * last layer. An edge leaves its source into the gap below it and reaches its target from the gap above it.
 */
export interface LaneProblem {
  readonly layerCount: number;
  /** Leftmost and rightmost extent of what lies on each layer. */
  readonly layerLeft: Float64Array;
  readonly layerRight: Float64Array;
  /** For each edge on a lane: gaps where it leaves and arrives, centre lines of its ends, and the value it carries. */
  readonly leaveGap: Int32Array;
  readonly arriveGap: Int32Array;
  readonly sourceX: Float64Array;
  readonly targetX: Float64Array;
  readonly values: Int32Array;
  readonly valueCount: number;
}

/** A vertical line beside the layers that all edges of one value share, with a branch for each target. */
export interface Lanes {
  /** The lane of each edge. */
  readonly laneOf: Int32Array;
  readonly laneX: Float64Array;
  /** 1 for lanes on the right of the layers. */
  readonly onRight: Uint8Array;
  /** For each edge the horizontal track it leaves on, and the one it arrives on, numbered from the top of the gap. */
  readonly leaveTrack: Int32Array;
  readonly arriveTrack: Int32Array;
  /** Number of tracks in each gap. */
  readonly trackCount: Int32Array;
  /** Extents of each layer with its lanes. */
  readonly left: number;
  readonly right: number;
}

/**
 * Give every value its lane: those with the least length for each branch next to the layers, the others outside,
 * so that branches cross few lanes; each on the side that is nearer to its ends. O(edges · log layers).
 */
export function assignLanes(problem: LaneProblem): Lanes {
  const { layerCount, layerLeft, layerRight, leaveGap, arriveGap, sourceX, targetX, values, valueCount } = problem;
  const edgeCount = values.length;
  const byValue = groupBy(values, valueCount);
  const lanes: { value: number; from: number; to: number; stride: number }[] = [];
  for (let value = 0; value < valueCount; value++) {
    const start = byValue.start[value]!;
    const end = byValue.start[value + 1]!;
    if (start === end) continue;
    let from = leaveGap[byValue.items[start]!]!;
    let to = from;
    for (let k = start; k < end; k++) {
      const gap = arriveGap[byValue.items[k]!]!;
      from = Math.min(from, gap);
      to = Math.max(to, gap);
    }
    lanes.push({ value, from, to, stride: (to - from) / (end - start) });
  }
  lanes.sort((a, b) => a.stride - b.stride || a.from - b.from || a.value - b.value);

  const rightEdge = new RangeMax(layerRight);
  const leftEdge = new RangeMax(layerLeft.map((x) => -x));
  const laneOf = new Int32Array(edgeCount);
  const laneX = new Float64Array(lanes.length);
  const onRight = new Uint8Array(lanes.length);
  for (const [lane, { value, from, to }] of lanes.entries()) {
    const right = rightEdge.max(from, to) + LANE_GAP;
    const left = -leftEdge.max(from, to) - LANE_GAP;
    let rightCost = 0;
    let leftCost = 0;
    for (let k = byValue.start[value]!; k < byValue.start[value + 1]!; k++) {
      const edge = byValue.items[k]!;
      laneOf[edge] = lane;
      rightCost += 2 * right - sourceX[edge]! - targetX[edge]!;
      leftCost += sourceX[edge]! + targetX[edge]! - 2 * left + LEFT_PENALTY;
    }
    if (rightCost <= leftCost) {
      onRight[lane] = 1;
      laneX[lane] = right;
      rightEdge.raise(from, to, right);
    } else {
      laneX[lane] = left;
      leftEdge.raise(from, to, -left);
    }
  }
  const tracks = assignTracks(problem, laneOf, laneX, onRight);
  return {
    laneOf,
    laneX,
    onRight,
    ...tracks,
    left: -leftEdge.max(0, layerCount),
    right: rightEdge.max(0, layerCount),
  };
}

/** One horizontal stretch in a gap: the edges of one lane that leave or arrive there. */
interface Stretch {
  readonly gap: number;
  readonly lane: number;
  readonly arrives: boolean;
  readonly edges: number[];
  from: number;
  to: number;
}

/** Order the stretches in each gap so that those of one side don't cross each other. */
function assignTracks(
  problem: LaneProblem,
  laneOf: Int32Array,
  laneX: Float64Array,
  onRight: Uint8Array,
): Pick<Lanes, 'leaveTrack' | 'arriveTrack' | 'trackCount'> {
  const { layerCount, leaveGap, arriveGap, sourceX, targetX, values } = problem;
  const stretches = new Map<number, Stretch>();
  const perGap: Stretch[][] = Array.from({ length: layerCount + 1 }, () => []);
  const add = (edge: number, gap: number, arrives: boolean, x: number): void => {
    const lane = laneOf[edge]!;
    const key = (lane * (layerCount + 1) + gap) * 2 + (arrives ? 1 : 0);
    let stretch = stretches.get(key);
    if (!stretch) {
      stretch = { gap, lane, arrives, edges: [], from: laneX[lane]!, to: laneX[lane]! };
      stretches.set(key, stretch);
      perGap[gap]!.push(stretch);
    }
    stretch.edges.push(edge);
    stretch.from = Math.min(stretch.from, x);
    stretch.to = Math.max(stretch.to, x);
  };
  for (let edge = 0; edge < values.length; edge++) {
    add(edge, leaveGap[edge]!, false, sourceX[edge]!);
    add(edge, arriveGap[edge]!, true, targetX[edge]!);
  }

  const leaveTrack = new Int32Array(values.length);
  const arriveTrack = new Int32Array(values.length);
  const trackCount = new Int32Array(layerCount + 1);
  for (const [gap, list] of perGap.entries()) {
    if (list.length === 0) continue;
    let leftReach = Number.NEGATIVE_INFINITY;
    let rightReach = Number.POSITIVE_INFINITY;
    let used = 0;
    for (const right of [false, true]) {
      // Arrivals from inner lanes first, then departures to outer lanes first: then no lane cuts a stretch.
      const side = list.filter((stretch) => (onRight[stretch.lane] === 1) === right);
      const reach = (stretch: Stretch): number => (right ? laneX[stretch.lane]! : -laneX[stretch.lane]!);
      side.sort((a, b) => {
        if (a.arrives !== b.arrives) return a.arrives ? -1 : 1;
        return a.arrives ? reach(a) - reach(b) : reach(b) - reach(a);
      });
      if (right) for (const { from } of side) rightReach = Math.min(rightReach, from);
      else for (const { to } of side) leftReach = Math.max(leftReach, to);
      const first = right && leftReach + LANE_GAP > rightReach ? used : 0;
      for (const [i, stretch] of side.entries()) {
        for (const edge of stretch.edges) (stretch.arrives ? arriveTrack : leaveTrack)[edge] = first + i;
      }
      used = Math.max(used, first + side.length);
    }
    trackCount[gap] = used;
  }
  return { leaveTrack, arriveTrack, trackCount };
}

/** A row of numbers with "raise all of a range to at least" and "largest of a range", both O(log n). */
class RangeMax {
  private readonly size: number;
  private readonly largest: Float64Array;
  private readonly raised: Float64Array;

  constructor(values: Float64Array) {
    this.size = Math.max(1, values.length);
    this.largest = new Float64Array(2 * this.size).fill(Number.NEGATIVE_INFINITY);
    this.raised = new Float64Array(2 * this.size).fill(Number.NEGATIVE_INFINITY);
    this.largest.set(values, this.size);
    for (let i = this.size - 1; i > 0; i--) this.pull(i);
  }

  private pull(i: number): void {
    this.largest[i] = Math.max(this.largest[2 * i]!, this.largest[2 * i + 1]!, this.raised[i]!);
  }

  /** The largest number of `[from, to)`. */
  max(from: number, to: number): number {
    let result = Number.NEGATIVE_INFINITY;
    let low = from + this.size;
    let high = to + this.size;
    const ends = [low, high - 1];
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) result = Math.max(result, this.largest[low++]!);
      if (high & 1) result = Math.max(result, this.largest[--high]!);
    }
    for (const end of ends) for (let i = end >> 1; i > 0; i >>= 1) result = Math.max(result, this.raised[i]!);
    return result;
  }

  /** Raise the numbers of `[from, to)` to at least `value`. */
  raise(from: number, to: number, value: number): void {
    let low = from + this.size;
    let high = to + this.size;
    const ends = [low, high - 1];
    const touch = (i: number): void => {
      this.largest[i] = Math.max(this.largest[i]!, value);
      this.raised[i] = Math.max(this.raised[i]!, value);
    };
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) touch(low++);
      if (high & 1) touch(--high);
    }
    for (const end of ends) for (let i = end >> 1; i > 0; i >>= 1) this.pull(i);
  }
}
