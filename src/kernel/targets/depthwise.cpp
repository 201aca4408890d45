// Depthwise convolution, two-dimensional, moving by one along the rows: too few products per input for the direct
// algorithm's staging to pay. The input rows of a few output rows are copied with their padding, so that no other code
// has to know of borders, and stay in the nearest cache.
//
// For 3×3 a block is 4 rows × 1 vector of outputs: the nine weights stay in registers, and each of the 18 vectors of
// inputs, once loaded, serves all rows that it belongs to. Other kernels have too many weights for that; their blocks
// are 4 rows × 2 vectors, and every product loads its input.

#include "border.h"
#include "kernels.h"
#include "moments.h"
#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

constexpr int kRows = 4;
// Columns of a block's rows, and outputs, whose moments are summed in single precision.
constexpr int64_t kColumns = 512;
constexpr int64_t kMomentsOutputs = 2048;

/** Stores one vector for each of `Rows` rows, of which `columns` outputs lie inside the plane. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void storeRows(const Vec* sums, float* to, int64_t outWidth, int64_t columns,
                                 MomentsCollector& moments) {
  if (columns >= kLanes) {
    FUSIONLENS_UNROLL
    for (int r = 0; r < Rows; r++) store(to + r * outWidth, sums[r]);
    if (WantMoments) moments.addAll<Rows>(sums);
    return;
  }
  for (int r = 0; r < Rows; r++) {
    float line[kLanes];
    store(line, sums[r]);
    for (int64_t i = 0; i < columns; i++) {
      to[r * outWidth + i] = line[i];
      if (WantMoments) moments.add(line[i]);
    }
  }
}

/**
 * Columns `begin` up to `end` of rows of outputs of a 3×3 kernel that moves by one; `from` is where the first tap of the
 * first output of the row reads.
 */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolve3x3(const DepthwiseTask& task, const float* from, float* to, int64_t begin, int64_t end,
                                   MomentsCollector& moments) {
  constexpr int kSize = 3;
  const DepthwiseLayout& l = *task.layout;
  Vec weights[kSize][kSize];
  FUSIONLENS_UNROLL
  for (int i = 0; i < kSize * kSize; i++) weights[i / kSize][i % kSize] = broadcast(task.weights[i]);
  for (int64_t x = begin; x < end; x += kLanes) {
    Vec sums[Rows];
    FUSIONLENS_UNROLL
    for (int r = 0; r < Rows; r++) sums[r] = zero();
    FUSIONLENS_UNROLL
    for (int i = 0; i < Rows + kSize - 1; i++) {
      FUSIONLENS_UNROLL
      for (int kx = 0; kx < kSize; kx++) {
        const Vec inputs = load(from + i * l.copiedRow + x + kx);
        FUSIONLENS_UNROLL
        for (int r = 0; r < Rows; r++) {
          if (i >= r && i < r + kSize) sums[r] = multiplyAdd(inputs, weights[i - r][kx], sums[r]);
        }
      }
    }
    storeRows<WantMoments, Rows>(sums, to + x, l.outWidth, end - x, moments);
  }
}

/** The same for any kernel. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolveAny(const DepthwiseTask& task, const float* from, float* to, int64_t begin, int64_t end,
                                   MomentsCollector& moments) {
  constexpr int kVectors = 2;
  const DepthwiseLayout& l = *task.layout;
  const int64_t rowStep = l.strideHeight * l.copiedRow;
  for (int64_t x = begin; x < end; x += kVectors * kLanes) {
    Vec sums[kVectors][Rows];
    FUSIONLENS_UNROLL
    for (int v = 0; v < kVectors; v++) {
      FUSIONLENS_UNROLL
      for (int r = 0; r < Rows; r++) sums[v][r] = zero();
    }
    for (int64_t tap = 0; tap < l.taps; tap++) {
      const float* inputs = from + l.offsets[tap] + x;
      const Vec weight = broadcast(task.weights[tap]);
      FUSIONLENS_UNROLL
      for (int r = 0; r < Rows; r++) {
        FUSIONLENS_UNROLL
        for (int v = 0; v < kVectors; v++) {
          sums[v][r] = multiplyAdd(load(inputs + r * rowStep + v * kLanes), weight, sums[v][r]);
        }
      }
    }
    for (int v = 0; v < kVectors && x + v * kLanes < end; v++) {
      const int64_t column = x + v * kLanes;
      storeRows<WantMoments, Rows>(sums[v], to + column, l.outWidth, end - column, moments);
    }
  }
}

template <bool WantMoments, int Rows>
void convolveRows(const DepthwiseTask& task, const float* from, float* to, int64_t begin, int64_t end,
                  MomentsCollector& moments) {
  if (task.layout->is3x3) {
    convolve3x3<WantMoments, Rows>(task, from, to, begin, end, moments);
  } else {
    convolveAny<WantMoments, Rows>(task, from, to, begin, end, moments);
  }
}

/** Copies the input rows that the task's output rows need, with their padding. */
void copyRows(const DepthwiseTask& task) {
  const DepthwiseLayout& l = *task.layout;
  const int64_t first = task.firstRow * l.strideHeight - l.padHeight;
  const int64_t count = (task.endRow - task.firstRow - 1) * l.strideHeight + l.reach;
  for (int64_t i = 0; i < count; i++) {
    float* to = task.copied + i * l.copiedRow;
    const int64_t y = shownIndex(l.border, first + i, l.inHeight);
    if (y >= 0) {
      copyPaddedRow(task.input + y * l.inWidth, l.inWidth, l.border, -l.padWidth, 1, to, l.copiedRow);
    } else {
      for (int64_t x = 0; x < l.copiedRow; x++) to[x] = 0;
    }
  }
}

/** The output whose first tap reads at `from`. */
float outputAt(const DepthwiseTask& task, const float* from) {
  float sum = 0;
  for (int64_t tap = 0; tap < task.layout->taps; tap++) sum += task.weights[tap] * from[task.layout->offsets[tap]];
  return sum;
}

template <bool WantMoments>
void convolvePlaneRows(const DepthwiseTask& task) {
  const DepthwiseLayout& l = *task.layout;
  copyRows(task);
  TileMoments all{0, 0};
  int64_t merged = 0, count = 0;
  MomentsCollector moments(0);
  for (int64_t y = task.firstRow; y < task.endRow;) {
    const float* from = task.copied + (y - task.firstRow) * l.strideHeight * l.copiedRow;
    float* to = task.output + y * l.outWidth;
    const int64_t rows = y + kRows <= task.endRow ? kRows : 1;
    for (int64_t x = 0; x < l.outWidth; x += kColumns) {
      const int64_t end = l.outWidth - x < kColumns ? l.outWidth : x + kColumns;
      if (WantMoments && count == 0) moments = MomentsCollector(outputAt(task, from + x));
      if (rows == kRows) {
        convolveRows<WantMoments, kRows>(task, from, to, x, end, moments);
      } else {
        convolveRows<WantMoments, 1>(task, from, to, x, end, moments);
      }
      count += rows * (end - x);
      if (!WantMoments || count < kMomentsOutputs) continue;
      mergeMoments(all, merged, moments.moments(count), count);
      merged += count;
      count = 0;
    }
    y += rows;
  }
  if (!WantMoments) return;
  if (count > 0) mergeMoments(all, merged, moments.moments(count), count);
  *task.moments = all;
}

}  // namespace

void convolveDepthwise(const DepthwiseTask& task) {
  if (task.moments != nullptr) {
    convolvePlaneRows<true>(task);
  } else {
    convolvePlaneRows<false>(task);
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
