// The one-dimensional transforms of Winograd's algorithms, on vectors whose lanes are tiles. Matrices after Cook and Toom
// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
#pragma once

#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

/** The sizes of `winogradTile(Kind)`, for arrays. */
template <WinogradKind Kind>
struct TileSizes {
  static constexpr WinogradKind kKind = Kind;
  static constexpr int kInputs = static_cast<int>(winogradTile(Kind).inputs);
  static constexpr int kInputStep = static_cast<int>(winogradTile(Kind).inputStep);
  static constexpr int kPoints = static_cast<int>(winogradTile(Kind).points);
  static constexpr int kOutputs = static_cast<int>(winogradTile(Kind).outputs);
};

/** F(4, 3) with the points 0, ±1, ±2 and infinity. */
struct F4 : TileSizes<WinogradKind::F4> {
  /** Bᵀd. */
  static FUSIONLENS_INLINE void transformInputs(const Vec* d, Vec* out) {
    const Vec two = broadcast(2), four = broadcast(4), five = broadcast(5);
    const Vec evens = d[4] - four * d[2];
    const Vec odds = d[3] - four * d[1];
    const Vec outerEvens = d[4] - d[2];
    const Vec outerOdds = d[3] - d[1];
    out[0] = multiplyAdd(four, d[0], d[4] - five * d[2]);
    out[1] = evens + odds;
    out[2] = evens - odds;
    out[3] = multiplyAdd(two, outerOdds, outerEvens);
    out[4] = outerEvens - two * outerOdds;
    out[5] = multiplyAdd(four, d[1], d[5] - five * d[3]);
  }

  /** Aᵀm. */
  static FUSIONLENS_INLINE void transformProducts(const Vec* m, Vec* out) {
    const Vec two = broadcast(2), four = broadcast(4), eight = broadcast(8);
    const Vec sum1 = m[1] + m[2];
    const Vec difference1 = m[1] - m[2];
    const Vec sum2 = m[3] + m[4];
    const Vec difference2 = m[3] - m[4];
    out[0] = m[0] + sum1 + sum2;
    out[1] = multiplyAdd(two, difference2, difference1);
    out[2] = multiplyAdd(four, sum2, sum1);
    out[3] = multiplyAdd(eight, difference2, difference1) + m[5];
  }
};

/** F(6, 3) with the points 0, ±1, ±2, ±1/2 and infinity. */
struct F6 : TileSizes<WinogradKind::F6> {
  static FUSIONLENS_INLINE void transformInputs(const Vec* d, Vec* out) {
    const Vec half = broadcast(0.5f), two = broadcast(2), quarter = broadcast(0.25f), four = broadcast(4);
    const Vec five = broadcast(5), fiveQuarters = broadcast(1.25f);
    const Vec seventeenQuarters = broadcast(4.25f), twentyOneQuarters = broadcast(5.25f);
    out[0] = multiplyAdd(twentyOneQuarters, d[4] - d[2], d[0] - d[6]);
    const Vec evens1 = d[2] + d[6] - seventeenQuarters * d[4];
    const Vec odds1 = d[1] + d[5] - seventeenQuarters * d[3];
    out[1] = evens1 + odds1;
    out[2] = evens1 - odds1;
    const Vec evens2 = multiplyAdd(quarter, d[2], d[6] - fiveQuarters * d[4]);
    const Vec odds2 = multiplyAdd(quarter, d[1], d[5] - fiveQuarters * d[3]);
    out[3] = multiplyAdd(two, odds2, evens2);
    out[4] = evens2 - two * odds2;
    const Vec evens3 = multiplyAdd(four, d[2], d[6] - five * d[4]);
    const Vec odds3 = multiplyAdd(four, d[1], d[5] - five * d[3]);
    out[5] = multiplyAdd(half, odds3, evens3);
    out[6] = evens3 - half * odds3;
    out[7] = multiplyAdd(twentyOneQuarters, d[3] - d[5], d[7] - d[1]);
  }

  static FUSIONLENS_INLINE void transformProducts(const Vec* m, Vec* out) {
    const Vec half = broadcast(0.5f), quarter = broadcast(0.25f), eighth = broadcast(0.125f);
    const Vec sixteenth = broadcast(0.0625f), thirtySecond = broadcast(0.03125f);
    const Vec two = broadcast(2), four = broadcast(4), eight = broadcast(8), sixteen = broadcast(16);
    const Vec thirtyTwo = broadcast(32);
    const Vec sum1 = m[1] + m[2], difference1 = m[1] - m[2];
    const Vec sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    const Vec sum3 = m[5] + m[6], difference3 = m[5] - m[6];
    out[0] = m[0] + sum1 + (sum2 + sum3);
    out[1] = multiplyAdd(half, difference3, multiplyAdd(two, difference2, difference1));
    out[2] = multiplyAdd(quarter, sum3, multiplyAdd(four, sum2, sum1));
    out[3] = multiplyAdd(eighth, difference3, multiplyAdd(eight, difference2, difference1));
    out[4] = multiplyAdd(sixteenth, sum3, multiplyAdd(sixteen, sum2, sum1));
    out[5] = multiplyAdd(thirtySecond, difference3, multiplyAdd(thirtyTwo, difference2, difference1)) + m[7];
  }
};

// F(4, 2), y_i = d_i a + d_{i+1} b for i = 0 … 3, with the points 0, 1, −1, 2 and infinity.
constexpr int kPairPoints = 5;
constexpr int kPairOutputs = 4;

static FUSIONLENS_INLINE void transformPairInputs(const Vec* d, Vec* out) {
  const Vec two = broadcast(2), three = broadcast(3);
  const Vec odds = d[3] - d[1];
  out[0] = multiplyAdd(two, d[0] - d[2], odds);
  out[1] = d[3] - d[2] - two * d[1];
  out[2] = multiplyAdd(two, d[1], d[3] - three * d[2]);
  out[3] = odds;
  out[4] = d[4] - d[2] - two * odds;
}

static FUSIONLENS_INLINE void transformPairProducts(const Vec* m, Vec* out) {
  const Vec two = broadcast(2), four = broadcast(4), eight = broadcast(8);
  const Vec sum = m[1] + m[2];
  const Vec difference = m[1] - m[2];
  out[0] = m[0] + sum + m[3];
  out[1] = multiplyAdd(two, m[3], difference);
  out[2] = multiplyAdd(four, m[3], sum);
  out[3] = multiplyAdd(eight, m[3], difference) + m[4];
}

/** Nine inputs to nine points and four outputs: the even inputs by F(4, 2), the odd ones meet the middle tap as they are. */
struct Strided : TileSizes<WinogradKind::Strided> {
  static FUSIONLENS_INLINE void transformInputs(const Vec* d, Vec* out) {
    const Vec evens[kPairPoints] = {d[0], d[2], d[4], d[6], d[8]};
    transformPairInputs(evens, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kPairOutputs; i++) out[kPairPoints + i] = d[2 * i + 1];
  }

  static FUSIONLENS_INLINE void transformProducts(const Vec* m, Vec* out) {
    transformPairProducts(m, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kPairOutputs; i++) out[i] = out[i] + m[kPairPoints + i];
  }
};

/** Five inputs to nine points and eight outputs: the odd ones by F(4, 2), the even ones see only the middle tap. */
struct Transposed : TileSizes<WinogradKind::Transposed> {
  static FUSIONLENS_INLINE void transformInputs(const Vec* d, Vec* out) {
    transformPairInputs(d, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kPairOutputs; i++) out[kPairPoints + i] = d[i];
  }

  static FUSIONLENS_INLINE void transformProducts(const Vec* m, Vec* out) {
    Vec odd[kPairOutputs];
    transformPairProducts(m, odd);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kPairOutputs; i++) {
      out[2 * i] = m[kPairPoints + i];
      out[2 * i + 1] = odd[i];
    }
  }
};

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
