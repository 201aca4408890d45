// Depthwise convolution, two-dimensional, moving by one along the rows: too few products per input for staging to pay,
// so the inputs are read where they are.
//
// A block is 4 rows × 2 vectors of outputs: 8 sums keep both multiply-add units busy, and as every product needs one
// load anyway, nothing is gained by reusing inputs across rows. At the sides the columns outside the plane are loaded
// with the others, since the rows before and after are there in memory, and masked.

#include "kernels.h"
#include "moments.h"
#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

constexpr int kRows = 4;
constexpr int kVectors = 2;

/** Stores one row's vectors, of which `columns` outputs lie inside the plane. */
template <bool WantMoments, int Vectors>
FUSIONLENS_INLINE void storeRow(const Vec sums[Vectors], float* to, int64_t columns, MomentsCollector& moments) {
  if (columns >= Vectors * kLanes) {
    FUSIONLENS_UNROLL
    for (int v = 0; v < Vectors; v++) {
      store(to + v * kLanes, sums[v]);
      if (WantMoments) moments.add(sums[v]);
    }
    return;
  }
  float line[Vectors * kLanes];
  for (int v = 0; v < Vectors; v++) store(line + v * kLanes, sums[v]);
  for (int64_t i = 0; i < columns; i++) {
    to[i] = line[i];
    if (WantMoments) moments.add(line[i]);
  }
}

/** Rows × kVectors vectors of outputs whose inputs all lie inside the plane; `from` is where the first tap reads. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolveInside(const DepthwiseTask& task, const float* from, int64_t firstTap, int64_t endTap,
                                      float* to, MomentsCollector& moments) {
  const DepthwiseLayout& l = *task.layout;
  const int64_t rowStep = l.strideHeight * l.inWidth;
  Vec sums[Rows][kVectors];
  FUSIONLENS_UNROLL
  for (int r = 0; r < Rows; r++) {
    FUSIONLENS_UNROLL
    for (int v = 0; v < kVectors; v++) sums[r][v] = zero();
  }
  for (int64_t tap = firstTap; tap < endTap; tap++) {
    const float* inputs = from + l.offsets[tap];
    const Vec weight = broadcast(task.weights[tap]);
    FUSIONLENS_UNROLL
    for (int r = 0; r < Rows; r++) {
      FUSIONLENS_UNROLL
      for (int v = 0; v < kVectors; v++) {
        sums[r][v] = multiplyAdd(load(inputs + r * rowStep + v * kLanes), weight, sums[r][v]);
      }
    }
  }
  FUSIONLENS_UNROLL
  for (int r = 0; r < Rows; r++) {
    storeRow<WantMoments, kVectors>(sums[r], to + r * l.outWidth, kVectors * kLanes, moments);
  }
}

/** Rows × one vector, of which some columns of inputs or outputs lie outside the plane. */
template <bool WantMoments, int Rows>
FUSIONLENS_INLINE void convolveMasked(const DepthwiseTask& task, const float* from, int64_t firstTap, int64_t endTap,
                                      const Mask* masks, float* to, int64_t columns, MomentsCollector& moments) {
  const DepthwiseLayout& l = *task.layout;
  const int64_t rowStep = l.strideHeight * l.inWidth;
  Vec sums[Rows][1];
  FUSIONLENS_UNROLL
  for (int r = 0; r < Rows; r++) sums[r][0] = zero();
  for (int64_t tap = firstTap; tap < endTap;) {
    for (int64_t kx = 0; kx < l.kernelWidth; kx++, tap++) {
      const float* inputs = from + l.offsets[tap];
      const Vec weight = broadcast(task.weights[tap]);
      FUSIONLENS_UNROLL
      for (int r = 0; r < Rows; r++) {
        sums[r][0] = multiplyAdd(keep(load(inputs + r * rowStep), masks[kx]), weight, sums[r][0]);
      }
    }
  }
  FUSIONLENS_UNROLL
  for (int r = 0; r < Rows; r++) storeRow<WantMoments, 1>(sums[r], to + r * l.outWidth, columns, moments);
}

float outputAt(const DepthwiseTask& task, int64_t y, int64_t x) {
  const DepthwiseLayout& l = *task.layout;
  float sum = 0;
  for (int64_t ky = 0; ky < l.kernelHeight; ky++) {
    const int64_t row = y * l.strideHeight - l.padHeight + ky * l.dilationHeight;
    if (row < 0 || row >= l.inHeight) continue;
    for (int64_t kx = 0; kx < l.kernelWidth; kx++) {
      const int64_t column = x - l.padWidth + kx * l.dilationWidth;
      if (column < 0 || column >= l.inWidth) continue;
      sum += task.weights[ky * l.kernelWidth + kx] * task.input[row * l.inWidth + column];
    }
  }
  return sum;
}

/** Rows `y` on, with the kernel rows from `firstRow` up to `endRow`, which meet the plane. */
template <bool WantMoments, int Rows>
void convolveRows(const DepthwiseTask& task, int64_t y, int64_t firstRow, int64_t endRow, MomentsCollector& moments) {
  const DepthwiseLayout& l = *task.layout;
  // Outputs from `begin` up to `end` have all their inputs inside the plane.
  const int64_t begin = l.padWidth;
  const int64_t end = l.inWidth + l.padWidth - (l.kernelWidth - 1) * l.dilationWidth;
  const float* row = task.input + (y * l.strideHeight - l.padHeight) * l.inWidth - l.padWidth;
  float* to = task.output + y * l.outWidth;
  const int64_t firstTap = firstRow * l.kernelWidth;
  const int64_t endTap = endRow * l.kernelWidth;
  const int64_t reach = (l.kernelHeight - 1) * l.dilationHeight * l.inWidth;
  for (int64_t x = 0; x < l.outWidth;) {
    if (x >= begin && x + kVectors * kLanes <= end) {
      // The inputs that the next rows need beyond these.
      for (int r = 0; r < Rows; r++) prefetch(row + x, reach + (r + 1) * l.strideHeight * l.inWidth);
      convolveInside<WantMoments, Rows>(task, row + x, firstTap, endTap, to + x, moments);
      x += kVectors * kLanes;
      continue;
    }
    Mask masks[kMostDepthwiseWidth];
    for (int64_t kx = 0; kx < l.kernelWidth; kx++) {
      masks[kx] = maskInside(x - l.padWidth + kx * l.dilationWidth, l.inWidth);
    }
    convolveMasked<WantMoments, Rows>(task, row + x, firstTap, endTap, masks, to + x, l.outWidth - x, moments);
    x += kLanes;
  }
}

template <bool WantMoments>
void convolvePlaneRows(const DepthwiseTask& task) {
  const DepthwiseLayout& l = *task.layout;
  MomentsCollector moments(outputAt(task, task.firstRow, l.outWidth / 2));
  const int64_t reach = (l.kernelHeight - 1) * l.dilationHeight;
  // Loads at the sides go beyond their row; in the tensor's first and last rows there may be nothing.
  const auto fits = [&](int64_t firstRow, int64_t lastRow) {
    return task.floatsBefore + firstRow * l.inWidth >= l.padWidth &&
           task.floatsAfter + (l.inHeight - 1 - lastRow) * l.inWidth >= l.overrun;
  };
  for (int64_t y = task.firstRow; y < task.endRow;) {
    const int64_t top = y * l.strideHeight - l.padHeight;
    const int64_t bottom = top + (kRows - 1) * l.strideHeight + reach;
    if (y + kRows <= task.endRow && top >= 0 && bottom < l.inHeight && fits(top, bottom)) {
      convolveRows<WantMoments, kRows>(task, y, 0, l.kernelHeight, moments);
      y += kRows;
      continue;
    }
    // The kernel rows that meet the plane.
    const int64_t firstTap = top >= 0 ? 0 : (-top + l.dilationHeight - 1) / l.dilationHeight;
    const int64_t lastTap = top >= l.inHeight ? -1 : (l.inHeight - 1 - top) / l.dilationHeight;
    const int64_t endTap = lastTap + 1 < l.kernelHeight ? lastTap + 1 : l.kernelHeight;
    if (fits(top + firstTap * l.dilationHeight, top + (endTap - 1) * l.dilationHeight)) {
      convolveRows<WantMoments, 1>(task, y, firstTap, endTap, moments);
    } else {
      for (int64_t x = 0; x < l.outWidth; x++) {
        const float value = outputAt(task, y, x);
        task.output[y * l.outWidth + x] = value;
        if (WantMoments) moments.add(value);
      }
    }
    y++;
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
