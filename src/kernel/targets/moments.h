// Mean and squared deviations of the values that pass through the registers.
#pragma once

#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

/**
 * Sums of (x − shift) and (x − shift)². With a shift taken from the data itself nothing cancels even where the mean is
 * far larger than the deviation, which E[x²] − E[x]² in single precision would lose. A collector serves one tile
 * (some hundred values), so that single-precision sums are exact enough; tiles are merged in double precision.
 */
class MomentsCollector {
 public:
  FUSIONLENS_INLINE explicit MomentsCollector(float shift)
      : shiftValue_(shift), shift_(broadcast(shift)), sum_(zero()), squares_(zero()) {}

  FUSIONLENS_INLINE void add(Vec values) {
    const Vec d = values - shift_;
    sum_ = sum_ + d;
    squares_ = multiplyAdd(d, d, squares_);
  }

  /** Adds several vectors, summed by themselves first: one long chain of additions would wait for each. */
  template <int Count>
  FUSIONLENS_INLINE void addAll(const Vec* values) {
    addDeviations<Count>([&](int i) { return values[i] - shift_; });
  }

  /** The same of the lanes that the masks keep. */
  template <int Count>
  FUSIONLENS_INLINE void addAll(const Vec* values, Mask row, const Mask* masks) {
    addDeviations<Count>([&](int i) { return keep(values[i] - shift_, both(row, masks[i])); });
  }

  FUSIONLENS_INLINE void add(float value) { addRepeated(value, 1); }

  /** Adds `count` values that are the same. */
  FUSIONLENS_INLINE void addRepeated(float value, int64_t count) {
    const double d = static_cast<double>(value - shiftValue_);
    const double n = static_cast<double>(count);
    tailSum_ += n * d;
    tailSquares_ += n * d * d;
  }

  FUSIONLENS_INLINE TileMoments moments(int64_t count) const {
    const double n = static_cast<double>(count);
    const double sum = sumLanes(sum_) + tailSum_;
    const double squares = sumLanes(squares_) + tailSquares_;
    const double deviation = squares - sum * sum / n;
    TileMoments m;
    m.mean = static_cast<double>(shiftValue_) + sum / n;
    m.squares = deviation < 0 ? 0 : deviation;
    return m;
  }

 private:
  template <int Count, typename Deviation>
  FUSIONLENS_INLINE void addDeviations(const Deviation& deviation) {
    const Vec first = deviation(0);
    Vec sum = first, squares = first * first;
    FUSIONLENS_UNROLL
    for (int i = 1; i < Count; i++) {
      const Vec d = deviation(i);
      sum = sum + d;
      squares = multiplyAdd(d, d, squares);
    }
    sum_ = sum_ + sum;
    squares_ = squares_ + squares;
  }

  float shiftValue_;
  Vec shift_;
  Vec sum_;
  Vec squares_;
  // One after the other, which single precision would not bear for a whole tile.
  double tailSum_ = 0;
  double tailSquares_ = 0;
};

/** Adds the moments of `count` further values to those of `before` (Chan, Golub and LeVeque, 1979). */
static FUSIONLENS_INLINE void mergeMoments(TileMoments& all, int64_t before, const TileMoments& part, int64_t count) {
  const double n = static_cast<double>(count);
  const double total = static_cast<double>(before + count);
  const double delta = part.mean - all.mean;
  all.squares += part.squares + delta * delta * static_cast<double>(before) * n / total;
  all.mean += delta * n / total;
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
