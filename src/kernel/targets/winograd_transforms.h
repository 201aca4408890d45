// The arithmetic of Winograd's F(4×4, 3×3): 6×6 inputs to 36 points, 36 products to 4×4 outputs, for kLanes tiles at once.
//
// Lanes are tiles. A row of 4·kLanes neighbouring inputs is brought to that form by transposing 4×4 squares within
// groups of four lanes, which processors do within registers at no extra cost; the lanes then hold the tiles in a fixed
// order, the same for all rows, and transposing the outputs the same way puts them back in theirs.
#pragma once

#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

constexpr int kIn = kWinogradInput;
constexpr int kOut = kWinogradOutput;
/** Inputs, and outputs, of a row of kLanes tiles. */
constexpr int kRowInputs = kOut * kLanes;

/** Bᵀd for one row or column of six. */
static FUSIONLENS_INLINE void transformInputs(const Vec d[kIn], Vec out[kIn]) {
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

/** Aᵀm for one row or column of six. */
static FUSIONLENS_INLINE void transformProducts(const Vec m[kIn], Vec out[kOut]) {
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

/** Transposes 4×4 squares: element e of group g of vector v and element v of group g of vector e change places. */
static FUSIONLENS_INLINE void transposeGroups(const Vec in[kOut], Vec out[kOut]) {
  const Vec low01 = zipLow(in[0], in[1]), low23 = zipLow(in[2], in[3]);
  const Vec high01 = zipHigh(in[0], in[1]), high23 = zipHigh(in[2], in[3]);
  out[0] = joinLow(low01, low23);
  out[1] = joinHigh(low01, low23);
  out[2] = joinLow(high01, high23);
  out[3] = joinHigh(high01, high23);
}

/**
 * Transforms the 6×6 inputs of kLanes tiles to 36 vectors, `point` floats apart. `rows.own(i, v)` is the v-th vector of
 * row i, and `rows.next(i, v)` the same four columns on, of which each tile needs two.
 */
template <typename Rows>
static FUSIONLENS_INLINE void transformTiles(const Rows& rows, float* to, int64_t point) {
  Vec half[kIn][kIn];
  for (int i = 0; i < kIn; i++) {
    Vec own[kOut], next[kOut];
    FUSIONLENS_UNROLL
    for (int v = 0; v < kOut; v++) {
      own[v] = rows.own(i, v);
      next[v] = rows.next(i, v);
    }
    Vec d[kIn];
    transposeGroups(own, d);
    const Vec next01 = zipLow(next[0], next[1]), next23 = zipLow(next[2], next[3]);
    d[4] = joinLow(next01, next23);
    d[5] = joinHigh(next01, next23);
    transformInputs(d, half[i]);
  }
  for (int j = 0; j < kIn; j++) {
    const Vec column[kIn] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
    Vec out[kIn];
    transformInputs(column, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kIn; i++) store(to + (i * kIn + j) * point, out[i]);
  }
}

/** The 4×4 outputs of kLanes tiles: row i of all tiles, kRowInputs floats, in `rows[i]`. */
struct OutputTiles {
  Vec rows[kOut][kOut];
};

static FUSIONLENS_INLINE OutputTiles transformChannel(const float* products) {
  constexpr int64_t point = kWinogradVectors * kLanes;
  Vec half[kOut][kIn];
  for (int j = 0; j < kIn; j++) {
    Vec column[kIn];
    FUSIONLENS_UNROLL
    for (int i = 0; i < kIn; i++) column[i] = load(products + (i * kIn + j) * point);
    Vec out[kOut];
    transformProducts(column, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kOut; i++) half[i][j] = out[i];
  }
  OutputTiles tiles;
  for (int i = 0; i < kOut; i++) {
    Vec o[kOut];
    transformProducts(half[i], o);
    transposeGroups(o, tiles.rows[i]);
  }
  return tiles;
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
