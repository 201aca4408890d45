// Direct convolution: any stride, padding, dilation and group, one to three dimensions.
//
// For a tile of outputs the input is staged once (see DirectLayout), then blocks of output channels are computed from
// it. A block keeps channels × vectors sums in registers and adds one kernel tap of one input channel at a time:
// load the vectors of inputs, broadcast one weight per channel, multiply-add all pairs.

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

void stageTile(const DirectTask& task, int64_t rows, int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t stagedRows = rows + l.extraRows;
  const int64_t stagedColumns = columns + l.extraColumns;
  const int64_t top = task.tileRow * l.tileHeight * l.strideHeight - l.padHeight;
  const int64_t left = task.tileColumn * l.tileWidth * l.strideWidth - l.padWidth;
  for (int64_t channel = 0; channel < l.inChannels; channel++) {
    const float* volume = task.input + channel * l.inDepth * l.inHeight * l.inWidth;
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

/** Computes one block of output channels over the whole tile into the block buffer. */
void convolveBlock(const DirectTask& task, const float* weights, int64_t channels, int64_t rows, int64_t columns) {
  const DirectLayout& l = *task.layout;
  const int64_t runs = l.flattened ? 1 : rows;
  const int64_t length = l.flattened ? (rows - 1) * l.stagedRow + columns : columns;
  const MultiplyTapsFunction* table = kMultiplyTaps.entry[channels - 1];
  const int64_t most = vectorsFor(static_cast<int>(channels));
  for (int64_t k = 0; k < l.reduction; k += l.reductionChunk) {
    const int64_t depth = l.reduction - k < l.reductionChunk ? l.reduction - k : l.reductionChunk;
    for (int64_t run = 0; run < runs; run++) {
      const float* staged = task.staged + run * l.stagedRow;
      float* block = task.block + run * l.blockRow;
      for (int64_t x = 0; x < length;) {
        const int64_t left = (length - x + kLanes - 1) / kLanes;
        const int64_t vectors = left < most ? left : most;
        table[vectors - 1](weights + k * channels, TableSource{staged + x, l.offsets + k}, depth, block + x,
                           l.blockChannel, k > 0);
        x += vectors * kLanes;
      }
    }
  }
}

/** Moves one channel of the block buffer to its plane, collecting its moments on the way. */
template <bool WantMoments>
TileMoments storeTile(const float* block, int64_t blockRow, float* output, int64_t outputRow, int64_t rows,
                      int64_t columns) {
  MomentsCollector moments(block[0]);
  for (int64_t r = 0; r < rows; r++) {
    const float* from = block + r * blockRow;
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

}  // namespace

void convolveDirect(const DirectTask& task) {
  const DirectLayout& l = *task.layout;
  const int64_t top = task.tileRow * l.tileHeight;
  const int64_t left = task.tileColumn * l.tileWidth;
  const int64_t rows = l.outHeight - top < l.tileHeight ? l.outHeight - top : l.tileHeight;
  const int64_t columns = l.outWidth - left < l.tileWidth ? l.outWidth - left : l.tileWidth;
  stageTile(task, rows, columns);
  const int64_t planeSize = l.outDepth * l.outHeight * l.outWidth;
  float* corner = task.output + (task.z * l.outHeight + top) * l.outWidth + left;
  for (int64_t b = 0; b < task.blocks; b++) {
    const int64_t first = b * task.channels / task.blocks;
    const int64_t channels = (b + 1) * task.channels / task.blocks - first;
    convolveBlock(task, task.weights + first * l.reduction, channels, rows, columns);
    for (int64_t c = 0; c < channels; c++) {
      const float* block = task.block + c * l.blockChannel;
      float* plane = corner + (first + c) * planeSize;
      if (task.moments != nullptr) {
        task.moments[(first + c) * task.momentsStride] =
            storeTile<true>(block, l.blockRow, plane, l.outWidth, rows, columns);
      } else {
        storeTile<false>(block, l.blockRow, plane, l.outWidth, rows, columns);
      }
    }
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
