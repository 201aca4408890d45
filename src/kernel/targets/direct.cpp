// Direct convolution: any stride, padding, dilation and group, one to three dimensions, transposed too.
//
// For a tile of outputs the input is staged (see DirectLayout), some channels at a time, then blocks of output channels
// are computed from it. A block keeps channels × vectors sums in registers and adds one kernel tap of one input channel
// at a time: load the vectors of inputs, broadcast one weight per channel, multiply-add all pairs.
//
// The sums wait in a buffer in the second-level cache, and for each few vectors of outputs all blocks of channels follow
// each other: the inputs that these outputs need from a chunk stay in the first-level cache while the weights stream by,
// which the processor foresees, unlike the inputs scattered over channels and rows. Where the inputs of the whole tile
// stay there anyway, each block of channels is finished at once.

#include "border.h"
#include "kernels.h"
#include "moments.h"
#include "register_block.h"
#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

template <int Channels, int Vectors>
struct MultiplyTaps {
  static void function(const float* weights, TableSource source, int64_t depth, float* block, int64_t blockChannel,
                       bool accumulate) {
    multiplyBlock<Channels, Vectors>(weights, source, depth, block, blockChannel, accumulate);
  }
};
using MultiplyTapsFunction = void (*)(const float*, TableSource, int64_t, float*, int64_t, bool);
constexpr BlockTable<MultiplyTapsFunction> kMultiplyTaps = makeBlockTable<MultiplyTaps, MultiplyTapsFunction>();

constexpr int64_t kLineFloats = 16;

void stageChannels(const DirectTask& task, const DirectSlices& slices, int64_t first, int64_t count, int64_t rows,
                   int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t stagedRows = rows + l.extraRows;
  const int64_t stagedColumns = columns + l.extraColumns;
  const int64_t top = task.tileRow * l.tileHeight * l.strideHeight + l.firstRow;
  const int64_t left = task.tileColumn * l.tileWidth * l.strideWidth + l.firstColumn;
  for (int64_t channel = 0; channel < count; channel++) {
    const float* volume = task.input + (first + channel) * l.inDepth * l.inHeight * l.inWidth;
    float* to = task.staged + channel * l.stagedChannel;
    for (int64_t i = 0; i < slices.inputs; i++) {
      const int64_t z = shownIndex(l.border, task.z / l.stepDepth * l.strideDepth + slices.input[i], l.inDepth);
      for (int64_t py = 0; py < l.rowPhases; py++) {
        for (int64_t px = 0; px < l.columnPhases; px++, to += l.stagedPhase) {
          for (int64_t r = 0; r < stagedRows; r++) {
            const int64_t y = shownIndex(l.border, top + r * l.strideHeight + l.rowPhase[py], l.inHeight);
            float* row = to + r * l.stagedRow;
            if (z >= 0 && y >= 0) {
              // The same row of the next channel, which the processor can't foresee.
              const int64_t next = (l.inDepth * l.inHeight + z * l.inHeight + y) * l.inWidth + left;
              for (int64_t x = 0; px == 0 && x < stagedColumns * l.strideWidth; x += kLineFloats) {
                prefetch(volume, next + x);
              }
              copyPaddedRow(volume + (z * l.inHeight + y) * l.inWidth, l.inWidth, l.border, left + l.columnPhase[px],
                            l.strideWidth, row, stagedColumns);
            } else {
              for (int64_t x = 0; x < stagedColumns; x++) row[x] = 0;
            }
          }
        }
      }
    }
  }
}

/** A stretch of outputs that a register block runs along: a row of the tile or, flattened, all of them. */
struct Runs {
  int64_t count;
  int64_t length;
};

/**
 * Adds a chunk's products to the sums of one block of output channels, which begin at `sums`, for `vectors` vectors from
 * output `x` of a run.
 */
FUSIONLENS_INLINE void multiplyAt(const DirectTask& task, const DirectPhase& phase, const float* weights, int64_t count,
                                  float* sums, int64_t channels, int64_t run, int64_t x, int64_t vectors,
                                  bool accumulate) {
  const DirectLayout& l = *task.layout;
  const MultiplyTapsFunction multiply = kMultiplyTaps.entry[channels - 1][vectors - 1];
  const float* from = task.staged + run * l.stagedRow + x;
  float* block = sums + run * l.sumsRow + x;
  const int64_t depth = count * phase.taps;
  for (int64_t k = 0; k < depth; k += l.segment) {
    multiply(weights + k * channels, TableSource{from, phase.offsets + k}, depth - k < l.segment ? depth - k : l.segment,
             block, l.sumsChannel, accumulate || k > 0);
  }
}

/** Adds a chunk's products to one phase's sums of all channels, all blocks for one place after the other. */
void multiplyChunk(const DirectTask& task, const DirectPhase& phase, const float* weights, int64_t count, float* sums,
                   Runs runs, bool accumulate) {
  const DirectLayout& l = *task.layout;
  for (int64_t run = 0; run < runs.count; run++) {
    for (int64_t x = 0; x < runs.length;) {
      const int64_t left = (runs.length - x + kLanes - 1) / kLanes;
      // All blocks have about as many channels, so that one width suits them.
      const int64_t most = vectorsFor(static_cast<int>((task.channels + task.blocks - 1) / task.blocks));
      const int64_t vectors = left < most ? left : most;
      for (int64_t b = 0; b < task.blocks; b++) {
        const int64_t first = b * task.channels / task.blocks;
        const int64_t channels = (b + 1) * task.channels / task.blocks - first;
        multiplyAt(task, phase, weights + first * count * phase.taps, count, sums + first * l.sumsChannel, channels, run,
                   x, vectors, accumulate);
      }
      x += vectors * kLanes;
    }
  }
}

/** One channel's outputs of a phase in the tile, and where its sums are. */
struct PhaseSums {
  const float* sums;
  int64_t sumsRow;
  int64_t rows, columns;
};

/** Moves one channel's sums of the only phase to its plane, collecting their moments on the way. */
template <bool WantMoments>
void storeWhole(const PhaseSums& p, float* output, int64_t outputRow, MomentsCollector& moments) {
  for (int64_t r = 0; r < p.rows; r++) {
    const float* from = p.sums + r * p.sumsRow;
    float* to = output + r * outputRow;
    int64_t x = 0;
    constexpr int kVectors = 4;
    for (; x + kVectors * kLanes <= p.columns; x += kVectors * kLanes) {
      Vec values[kVectors];
      FUSIONLENS_UNROLL
      for (int v = 0; v < kVectors; v++) {
        values[v] = load(from + x + v * kLanes);
        store(to + x + v * kLanes, values[v]);
      }
      if (WantMoments) moments.addAll<kVectors>(values);
    }
    for (; x + kLanes <= p.columns; x += kLanes) {
      const Vec values = load(from + x);
      store(to + x, values);
      if (WantMoments) moments.add(values);
    }
    for (; x < p.columns; x++) {
      to[x] = from[x];
      if (WantMoments) moments.add(from[x]);
    }
  }
}

/** The same for a phase whose rows another phase follows in every other column: both are stored together. */
template <bool WantMoments>
void storePair(const PhaseSums& even, const PhaseSums& odd, float* output, int64_t outputRow,
               MomentsCollector& moments) {
  for (int64_t r = 0; r < even.rows; r++) {
    const float* first = even.sums + r * even.sumsRow;
    const float* second = odd.sums + r * odd.sumsRow;
    float* to = output + r * outputRow;
    int64_t x = 0;
    for (; x + kLanes <= odd.columns; x += kLanes) {
      const Vec both[2] = {load(first + x), load(second + x)};
      store(to + 2 * x, interleaveLow(both[0], both[1]));
      store(to + 2 * x + kLanes, interleaveHigh(both[0], both[1]));
      if (WantMoments) moments.addAll<2>(both);
    }
    for (; x < even.columns; x++) {
      to[2 * x] = first[x];
      if (WantMoments) moments.add(first[x]);
      if (x >= odd.columns) break;
      to[2 * x + 1] = second[x];
      if (WantMoments) moments.add(second[x]);
    }
  }
}

/** The same for a phase of any step. */
template <bool WantMoments>
void storeScattered(const PhaseSums& p, float* output, int64_t outputRow, int64_t step, MomentsCollector& moments) {
  for (int64_t r = 0; r < p.rows; r++) {
    for (int64_t x = 0; x < p.columns; x++) {
      const float value = p.sums[r * p.sumsRow + x];
      output[r * outputRow + x * step] = value;
      if (WantMoments) moments.add(value);
    }
  }
}

/** A tile's place in its output slice. */
struct Place {
  int64_t top, left;      // in outputs of a phase
  int64_t rows, columns;  // of the phase that has most

  static Place of(const DirectTask& task) {
    const DirectLayout& l = *task.layout;
    const int64_t top = task.tileRow * l.tileHeight;
    const int64_t left = task.tileColumn * l.tileWidth;
    const int64_t height = (l.outHeight + l.stepHeight - 1) / l.stepHeight;
    const int64_t width = (l.outWidth + l.stepWidth - 1) / l.stepWidth;
    return {top, left, height - top < l.tileHeight ? height - top : l.tileHeight,
            width - left < l.tileWidth ? width - left : l.tileWidth};
  }
};

/** What of a phase lies in the tile. */
PhaseSums sumsOf(const DirectLayout& l, const DirectPhase& phase, const Place& place, const float* sums) {
  const int64_t height = (l.outHeight - phase.row + l.stepHeight - 1) / l.stepHeight - place.top;
  const int64_t width = (l.outWidth - phase.column + l.stepWidth - 1) / l.stepWidth - place.left;
  return {sums, l.sumsRow, height < place.rows ? height : place.rows, width < place.columns ? width : place.columns};
}

/** Stores one channel of the tile; `sums` are those of the first phase, `phaseSums` floats before the next one's. */
template <bool WantMoments>
void storeChannel(const DirectTask& task, const DirectSlices& slices, const Place& place, const float* sums,
                  int64_t phaseSums, float* slice, MomentsCollector& moments) {
  const DirectLayout& l = *task.layout;
  float* corner = slice + place.top * l.stepHeight * l.outWidth + place.left * l.stepWidth;
  const int64_t outputRow = l.stepHeight * l.outWidth;
  if (l.sparse) {
    const int64_t rowsLeft = l.outHeight - place.top * l.stepHeight;
    const int64_t columnsLeft = l.outWidth - place.left * l.stepWidth;
    const int64_t rows = rowsLeft < place.rows * l.stepHeight ? rowsLeft : place.rows * l.stepHeight;
    const int64_t columns = columnsLeft < place.columns * l.stepWidth ? columnsLeft : place.columns * l.stepWidth;
    int64_t zeros = rows * columns;
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t x = 0; x < columns; x++) corner[r * l.outWidth + x] = 0;
    }
    for (int64_t i = 0; i < slices.phaseCount; i++) {
      const PhaseSums p = sumsOf(l, slices.phases[i], place, sums);
      zeros -= p.rows * p.columns;
    }
    if (WantMoments) moments.addRepeated(0, zeros);
  }
  for (int64_t i = 0; i < slices.phaseCount; i++) {
    const DirectPhase& phase = slices.phases[i];
    const PhaseSums p = sumsOf(l, phase, place, sums + i * phaseSums);
    float* to = corner + phase.row * l.outWidth + phase.column;
    if (l.stepWidth == 1) {
      storeWhole<WantMoments>(p, to, outputRow, moments);
    } else if (l.stepWidth == 2 && i + 1 < slices.phaseCount && slices.phases[i + 1].row == phase.row) {
      i++;
      storePair<WantMoments>(p, sumsOf(l, slices.phases[i], place, sums + i * phaseSums), to, outputRow, moments);
    } else {
      storeScattered<WantMoments>(p, to, outputRow, l.stepWidth, moments);
    }
  }
}

/** Outputs of the tile in one plane. */
int64_t outputsOf(const DirectLayout& l, const Place& place) {
  const int64_t rows = l.outHeight - place.top * l.stepHeight;
  const int64_t columns = l.outWidth - place.left * l.stepWidth;
  return (rows < place.rows * l.stepHeight ? rows : place.rows * l.stepHeight) *
         (columns < place.columns * l.stepWidth ? columns : place.columns * l.stepWidth);
}

/** Stores channels `first` up to `end` of the tile, whose sums are complete and begin at `sums`. */
void storeChannels(const DirectTask& task, const DirectSlices& slices, const Place& place, const float* sums,
                   int64_t phaseSums, int64_t first, int64_t end) {
  const DirectLayout& l = *task.layout;
  for (int64_t c = first; c < end; c++, sums += l.sumsChannel) {
    float* slice = task.output + (c * l.outDepth + task.z) * l.outHeight * l.outWidth;
    MomentsCollector moments(slices.phaseCount > 0 ? sums[0] : 0.0f);
    if (task.moments != nullptr) {
      storeChannel<true>(task, slices, place, sums, phaseSums, slice, moments);
      task.moments[c * task.momentsStride] = moments.moments(outputsOf(l, place));
    } else {
      storeChannel<false>(task, slices, place, sums, phaseSums, slice, moments);
    }
  }
}

/** The case of inputs that stay in the nearest cache: each block of channels is computed over the whole tile and stored. */
void finishBlocks(const DirectTask& task, const DirectSlices& slices, const Place& place, Runs runs) {
  const DirectLayout& l = *task.layout;
  const int64_t phaseSums = kBlockChannels * l.sumsChannel;
  for (int64_t b = 0; b < task.blocks; b++) {
    const int64_t first = b * task.channels / task.blocks;
    const int64_t channels = (b + 1) * task.channels / task.blocks - first;
    const int64_t most = vectorsFor(static_cast<int>(channels));
    for (int64_t i = 0; i < slices.phaseCount; i++) {
      const DirectPhase& phase = slices.phases[i];
      const float* weights =
          task.weights + l.inChannels * (phase.tapsBefore * task.channels + first * phase.taps);
      for (int64_t run = 0; run < runs.count; run++) {
        for (int64_t x = 0; x < runs.length;) {
          const int64_t left = (runs.length - x + kLanes - 1) / kLanes;
          const int64_t vectors = left < most ? left : most;
          multiplyAt(task, phase, weights, l.inChannels, task.sums + i * phaseSums, channels, run, x, vectors, false);
          x += vectors * kLanes;
        }
      }
    }
    storeChannels(task, slices, place, task.sums, phaseSums, first, first + channels);
  }
}

}  // namespace

void convolveDirect(const DirectTask& task) {
  const DirectLayout& l = *task.layout;
  const DirectSlices& slices = l.slices[task.z % l.stepDepth];
  const Place place = Place::of(task);
  const Runs runs =
      l.flattened ? Runs{1, (place.rows - 1) * l.stagedRow + place.columns} : Runs{place.rows, place.columns};
  if (l.finishesBlocks) {
    stageChannels(task, slices, 0, l.inChannels, place.rows, place.columns);
    finishBlocks(task, slices, place, runs);
    return;
  }
  const int64_t phaseSums = task.channels * l.sumsChannel;
  for (int64_t first = 0; first < l.inChannels; first += l.chunkChannels) {
    const int64_t count = l.inChannels - first < l.chunkChannels ? l.inChannels - first : l.chunkChannels;
    stageChannels(task, slices, first, count, place.rows, place.columns);
    for (int64_t i = 0; i < slices.phaseCount; i++) {
      const DirectPhase& phase = slices.phases[i];
      const float* weights = task.weights + (first * slices.taps + count * phase.tapsBefore) * task.channels;
      multiplyChunk(task, phase, weights, count, task.sums + i * phaseSums, runs, first > 0);
    }
  }
  storeChannels(task, slices, place, task.sums, phaseSums, 0, task.channels);
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
