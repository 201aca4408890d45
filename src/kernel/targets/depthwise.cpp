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

/** Rows of outputs of a 3×3 kernel that moves by one; `from` is where the first tap of the first output reads. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolve3x3(const DepthwiseTask& task, const float* from, float* to, MomentsCollector& moments) {
  constexpr int kSize = 3;
  const DepthwiseLayout& l = *task.layout;
  Vec weights[kSize][kSize];
  FUSIONLENS_UNROLL
  for (int i = 0; i < kSize * kSize; i++) weights[i / kSize][i % kSize] = broadcast(task.weights[i]);
  for (int64_t x = 0; x < l.outWidth; x += kLanes) {
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
    storeRows<WantMoments, Rows>(sums, to + x, l.outWidth, l.outWidth - x, moments);
  }
}

/** The same for any kernel. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolveAny(const DepthwiseTask& task, const float* from, float* to, MomentsCollector& moments) {
  constexpr int kVectors = 2;
  const DepthwiseLayout& l = *task.layout;
  const int64_t rowStep = l.strideHeight * l.copiedRow;
  for (int64_t x = 0; x < l.outWidth; x += kVectors * kLanes) {
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
    for (int v = 0; v < kVectors && x + v * kLanes < l.outWidth; v++) {
      const int64_t column = x + v * kLanes;
      storeRows<WantMoments, Rows>(sums[v], to + column, l.outWidth, l.outWidth - column, moments);
    }
  }
}

template <bool WantMoments, int Rows>
void convolveRows(const DepthwiseTask& task, const float* from, float* to, MomentsCollector& moments) {
  if (task.layout->is3x3) {
    convolve3x3<WantMoments, Rows>(task, from, to, moments);
  } else {
    convolveAny<WantMoments, Rows>(task, from, to, moments);
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

template <bool WantMoments>
void convolvePlaneRows(const DepthwiseTask& task) {
  const DepthwiseLayout& l = *task.layout;
  copyRows(task);
  float middle = 0;
  for (int64_t tap = 0; tap < l.taps; tap++) middle += task.weights[tap] * task.copied[l.offsets[tap] + l.outWidth / 2];
  MomentsCollector moments(middle);
  for (int64_t y = task.firstRow; y < task.endRow;) {
    const float* from = task.copied + (y - task.firstRow) * l.strideHeight * l.copiedRow;
    float* to = task.output + y * l.outWidth;
    if (y + kRows <= task.endRow) {
      convolveRows<WantMoments, kRows>(task, from, to, moments);
      y += kRows;
    } else {
      convolveRows<WantMoments, 1>(task, from, to, moments);
      y++;
    }
  }
  if (WantMoments) *task.moments = moments.moments((task.endRow - task.firstRow) * l.outWidth);
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
