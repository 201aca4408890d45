// Direct convolution: any stride, padding, dilation and group, one to three dimensions.
//
// For a tile of outputs the input is staged (see DirectLayout), some channels at a time, then blocks of output channels
// are computed from it. A block keeps channels × vectors sums in registers and adds one kernel tap of one input channel
// at a time: load the vectors of inputs, broadcast one weight per channel, multiply-add all pairs.
//
// With several chunks the sums wait in a buffer in the second-level cache, and for each few vectors of outputs all
// blocks of channels follow each other: the inputs that these outputs need from a chunk stay in the first-level cache
// while the weights stream by, which the processor foresees, unlike the inputs scattered over channels and rows. With
// one chunk the inputs of the whole tile stay there anyway, so each block is finished at once.

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

/** Copies `count` elements of a row, every `stride`-th, from column `first` on; columns outside the row are zero. */
void stageRow(const float* row, int64_t width, int64_t first, int64_t stride, float* to, int64_t count) {
  int64_t begin = first >= 0 ? 0 : (-first + stride - 1) / stride;
  if (begin > count) begin = count;
  int64_t end = first >= width ? 0 : (width - first + stride - 1) / stride;
  if (end > count) end = count;
  if (end < begin) end = begin;
  for (int64_t i = 0; i < begin; i++) to[i] = 0;
  const float* from = row + first;
  int64_t i = begin;
  if (stride == 1) {
    for (; i + kLanes <= end; i += kLanes) store(to + i, load(from + i));
  } else if (stride == 2) {
    // The last vector reads one float beyond the last element wanted, so it must not be the row's last one.
    for (; i + kLanes < end; i += kLanes) store(to + i, evenLanes(load(from + 2 * i), load(from + 2 * i + kLanes)));
  }
  for (; i < end; i++) to[i] = from[i * stride];
  for (i = end; i < count; i++) to[i] = 0;
}

void stageChannels(const DirectTask& task, int64_t first, int64_t count, int64_t rows, int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t stagedRows = rows + l.extraRows;
  const int64_t stagedColumns = columns + l.extraColumns;
  const int64_t top = task.tileRow * l.tileHeight * l.strideHeight - l.padHeight;
  const int64_t left = task.tileColumn * l.tileWidth * l.strideWidth - l.padWidth;
  for (int64_t channel = 0; channel < count; channel++) {
    const float* volume = task.input + (first + channel) * l.inDepth * l.inHeight * l.inWidth;
    float* to = task.staged + channel * l.stagedChannel;
    for (int64_t kz = 0; kz < l.kernelDepth; kz++) {
      const int64_t z = task.z * l.strideDepth + kz * l.dilationDepth - l.padDepth;
      const bool insideDepth = z >= 0 && z < l.inDepth;
      for (int64_t py = 0; py < l.rowPhases; py++) {
        for (int64_t px = 0; px < l.columnPhases; px++, to += l.stagedPhase) {
          for (int64_t r = 0; r < stagedRows; r++) {
            const int64_t y = top + r * l.strideHeight + l.rowPhase[py];
            float* row = to + r * l.stagedRow;
            if (insideDepth && y >= 0 && y < l.inHeight) {
              // The same row of the next channel, which the processor can't foresee.
              const int64_t next = (l.inDepth * l.inHeight + z * l.inHeight + y) * l.inWidth + left;
              for (int64_t x = 0; px == 0 && x < stagedColumns * l.strideWidth; x += kLineFloats) {
                prefetch(volume, next + x);
              }
              stageRow(volume + (z * l.inHeight + y) * l.inWidth, l.inWidth, left + l.columnPhase[px], l.strideWidth,
                       row, stagedColumns);
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

/** Adds a chunk's products to the sums of one block of output channels, for `vectors` vectors from output `x` of a run. */
FUSIONLENS_INLINE void multiplyAt(const DirectTask& task, const float* weights, int64_t depth, int64_t firstChannel,
                                  int64_t channels, int64_t run, int64_t x, int64_t vectors, bool accumulate) {
  const DirectLayout& l = *task.layout;
  kMultiplyTaps.entry[channels - 1][vectors - 1](weights, TableSource{task.staged + run * l.stagedRow + x, l.offsets},
                                                 depth, task.sums + firstChannel * l.sumsChannel + run * l.sumsRow + x,
                                                 l.sumsChannel, accumulate);
}

/** Adds a chunk's products to the sums of all channels, all blocks for one place after the other. */
void multiplyChunk(const DirectTask& task, const float* weights, int64_t depth, Runs runs, bool accumulate) {
  for (int64_t run = 0; run < runs.count; run++) {
    for (int64_t x = 0; x < runs.length;) {
      const int64_t left = (runs.length - x + kLanes - 1) / kLanes;
      // All blocks have about as many channels, so that one width suits them.
      const int64_t most = vectorsFor(static_cast<int>((task.channels + task.blocks - 1) / task.blocks));
      const int64_t vectors = left < most ? left : most;
      for (int64_t b = 0; b < task.blocks; b++) {
        const int64_t first = b * task.channels / task.blocks;
        const int64_t channels = (b + 1) * task.channels / task.blocks - first;
        multiplyAt(task, weights + first * depth, depth, first, channels, run, x, vectors, accumulate);
      }
      x += vectors * kLanes;
    }
  }
}

/** Moves one channel's sums to its plane, collecting its moments on the way. */
template <bool WantMoments>
TileMoments storeTile(const float* sums, int64_t sumsRow, float* output, int64_t outputRow, int64_t rows,
                      int64_t columns) {
  MomentsCollector moments(sums[0]);
  for (int64_t r = 0; r < rows; r++) {
    const float* from = sums + r * sumsRow;
    float* to = output + r * outputRow;
    int64_t x = 0;
    for (; x + kLanes <= columns; x += kLanes) {
      const Vec values = load(from + x);
      store(to + x, values);
      if (WantMoments) moments.add(values);
    }
    for (; x < columns; x++) {
      to[x] = from[x];
      if (WantMoments) moments.add(from[x]);
    }
  }
  return WantMoments ? moments.moments(rows * columns) : TileMoments{0, 0};
}

/** Stores channels `first` up to `end` of the tile, whose sums are complete and begin at `sums`. */
void storeChannels(const DirectTask& task, const float* sums, int64_t first, int64_t end, int64_t rows,
                   int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t planeSize = l.outDepth * l.outHeight * l.outWidth;
  float* corner = task.output + (task.z * l.outHeight + task.tileRow * l.tileHeight) * l.outWidth +
                  task.tileColumn * l.tileWidth;
  for (int64_t c = first; c < end; c++, sums += l.sumsChannel) {
    float* plane = corner + c * planeSize;
    if (task.moments != nullptr) {
      task.moments[c * task.momentsStride] = storeTile<true>(sums, l.sumsRow, plane, l.outWidth, rows, columns);
    } else {
      storeTile<false>(sums, l.sumsRow, plane, l.outWidth, rows, columns);
    }
  }
}

/** The case of one chunk: each block of channels is computed over the whole tile and stored. */
void finishBlocks(const DirectTask& task, Runs runs, int64_t rows, int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t depth = l.inChannels * l.taps;
  for (int64_t b = 0; b < task.blocks; b++) {
    const int64_t first = b * task.channels / task.blocks;
    const int64_t channels = (b + 1) * task.channels / task.blocks - first;
    const int64_t most = vectorsFor(static_cast<int>(channels));
    for (int64_t run = 0; run < runs.count; run++) {
      for (int64_t x = 0; x < runs.length;) {
        const int64_t left = (runs.length - x + kLanes - 1) / kLanes;
        const int64_t vectors = left < most ? left : most;
        multiplyAt(task, task.weights + first * depth, depth, 0, channels, run, x, vectors, false);
        x += vectors * kLanes;
      }
    }
    storeChannels(task, task.sums, first, first + channels, rows, columns);
  }
}

}  // namespace

void convolveDirect(const DirectTask& task) {
  const DirectLayout& l = *task.layout;
  const int64_t top = task.tileRow * l.tileHeight;
  const int64_t left = task.tileColumn * l.tileWidth;
  const int64_t rows = l.outHeight - top < l.tileHeight ? l.outHeight - top : l.tileHeight;
  const int64_t columns = l.outWidth - left < l.tileWidth ? l.outWidth - left : l.tileWidth;
  const Runs runs = l.flattened ? Runs{1, (rows - 1) * l.stagedRow + columns} : Runs{rows, columns};
  if (l.chunkChannels == l.inChannels) {
    stageChannels(task, 0, l.inChannels, rows, columns);
    finishBlocks(task, runs, rows, columns);
    return;
  }
  for (int64_t first = 0; first < l.inChannels; first += l.chunkChannels) {
    const int64_t count = l.inChannels - first < l.chunkChannels ? l.inChannels - first : l.chunkChannels;
    stageChannels(task, first, count, rows, columns);
    multiplyChunk(task, task.weights + first * l.taps * task.channels, count * l.taps, runs, first > 0);
  }
  storeChannels(task, task.sums, 0, task.channels, rows, columns);
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
