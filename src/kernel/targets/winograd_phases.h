// The arithmetic of the 3×3 algorithms of stride 2 (see kPhasePoints), for kLanes tiles at once. Lanes are tiles, in the
// order that transposing 4×4 squares gives (see winograd_transforms.h).
//
// Two taps a, b by F(4, 2) with the points 0, 1, −1, 2 and infinity; matrices after Cook and Toom (Lavin and Gray):
//   y_i = d_i a + d_{i+1} b  for i = 0 … 3.
#pragma once

#include "winograd_transforms.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

constexpr int kPairs = kPhasePairPoints;
/** Inputs of a strided vector of tiles along a row, and outputs of a transposed one. */
constexpr int kWideRow = 2 * kRowInputs;

/** F(4, 2)'s Bᵀd. */
static FUSIONLENS_INLINE void transformPairInputs(const Vec d[kPairs], Vec out[kPairs]) {
  const Vec two = broadcast(2), three = broadcast(3);
  const Vec odds = d[3] - d[1];
  out[0] = multiplyAdd(two, d[0] - d[2], odds);
  out[1] = d[3] - d[2] - two * d[1];
  out[2] = multiplyAdd(two, d[1], d[3] - three * d[2]);
  out[3] = odds;
  out[4] = d[4] - d[2] - two * odds;
}

/** F(4, 2)'s Aᵀm. */
static FUSIONLENS_INLINE void transformPairProducts(const Vec m[kPairs], Vec out[kOut]) {
  const Vec two = broadcast(2), four = broadcast(4), eight = broadcast(8);
  const Vec sum = m[1] + m[2];
  const Vec difference = m[1] - m[2];
  out[0] = m[0] + sum + m[3];
  out[1] = multiplyAdd(two, m[3], difference);
  out[2] = multiplyAdd(four, m[3], sum);
  out[3] = multiplyAdd(eight, m[3], difference) + m[4];
}

/** Nine strided inputs to nine points: the even ones by F(4, 2), the odd ones as they are. */
static FUSIONLENS_INLINE void transformStrided(const Vec d[kStridedInput], Vec out[kPhasePoints]) {
  const Vec evens[kPairs] = {d[0], d[2], d[4], d[6], d[8]};
  transformPairInputs(evens, out);
  FUSIONLENS_UNROLL
  for (int i = 0; i < kOut; i++) out[kPairs + i] = d[2 * i + 1];
}

/** Five inputs of a transposed tile to nine points: by F(4, 2), and the first four as they are. */
static FUSIONLENS_INLINE void transformTransposed(const Vec d[kTransposedInput], Vec out[kPhasePoints]) {
  transformPairInputs(d, out);
  FUSIONLENS_UNROLL
  for (int i = 0; i < kOut; i++) out[kPairs + i] = d[i];
}

/** Six or nine rows, transformed along the row, to points `point` floats apart. */
template <int Rows, void (*Transform)(const Vec*, Vec*)>
static FUSIONLENS_INLINE void transformColumns(const Vec (&half)[Rows][kPhasePoints], float* to, int64_t point) {
  for (int j = 0; j < kPhasePoints; j++) {
    Vec column[Rows], out[kPhasePoints];
    FUSIONLENS_UNROLL
    for (int i = 0; i < Rows; i++) column[i] = half[i][j];
    Transform(column, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kPhasePoints; i++) store(to + (i * kPhasePoints + j) * point, out[i]);
  }
}

/** Transforms strided tiles: row i begins at `row(i)`, and tile t's nine inputs 8·t floats further. */
template <typename Rows>
static FUSIONLENS_INLINE void transformStridedTiles(const Rows& row, float* to, int64_t point) {
  constexpr int64_t tileStep = 2 * kOut;
  constexpr int64_t vectorStep = tileStep * kLanes / kOut;
  Vec half[kStridedInput][kPhasePoints];
  for (int i = 0; i < kStridedInput; i++) {
    const float* from = row(i);
    Vec low[kOut], high[kOut], next[kOut], d[kStridedInput];
    FUSIONLENS_UNROLL
    for (int v = 0; v < kOut; v++) {
      low[v] = loadGroups(from + v * vectorStep, tileStep);
      high[v] = loadGroups(from + v * vectorStep + kOut, tileStep);
      next[v] = loadGroups(from + v * vectorStep + tileStep, tileStep);
    }
    transposeGroups(low, d);
    transposeGroups(high, d + kOut);
    d[2 * kOut] = joinLow(zipLow(next[0], next[1]), zipLow(next[2], next[3]));
    transformStrided(d, half[i]);
  }
  transformColumns<kStridedInput, transformStrided>(half, to, point);
}

/** Transforms transposed tiles: row i begins at `row(i)`, and tile t's five inputs 4·t floats further. */
template <typename Rows>
static FUSIONLENS_INLINE void transformTransposedTiles(const Rows& row, float* to, int64_t point) {
  Vec half[kTransposedInput][kPhasePoints];
  for (int i = 0; i < kTransposedInput; i++) {
    const float* from = row(i);
    Vec own[kOut], next[kOut], d[kTransposedInput];
    FUSIONLENS_UNROLL
    for (int v = 0; v < kOut; v++) {
      own[v] = load(from + v * kLanes);
      next[v] = load(from + v * kLanes + kOut);
    }
    transposeGroups(own, d);
    d[kOut] = joinLow(zipLow(next[0], next[1]), zipLow(next[2], next[3]));
    transformTransposed(d, half[i]);
  }
  transformColumns<kTransposedInput, transformTransposed>(half, to, point);
}

/** What the products of pairs in column `j` contribute to the outputs. */
static FUSIONLENS_INLINE void transformPairColumn(const float* products, int j, Vec* out) {
  constexpr int64_t point = kWinogradVectors * kLanes;
  Vec column[kPairs];
  FUSIONLENS_UNROLL
  for (int i = 0; i < kPairs; i++) column[i] = load(products + (i * kPhasePoints + j) * point);
  transformPairProducts(column, out);
}

/** The 4×4 outputs of kLanes strided tiles. */
static FUSIONLENS_INLINE OutputTiles transformStridedChannel(const float* products) {
  constexpr int64_t point = kWinogradVectors * kLanes;
  Vec half[kOut][kPhasePoints];
  for (int j = 0; j < kPhasePoints; j++) {
    Vec out[kOut];
    transformPairColumn(products, j, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kOut; i++) half[i][j] = out[i] + load(products + ((kPairs + i) * kPhasePoints + j) * point);
  }
  OutputTiles tiles;
  for (int i = 0; i < kOut; i++) {
    Vec out[kOut];
    transformPairProducts(half[i], out);
    FUSIONLENS_UNROLL
    for (int j = 0; j < kOut; j++) out[j] = out[j] + half[i][kPairs + j];
    transposeGroups(out, tiles.rows[i]);
  }
  return tiles;
}

/** The 8×8 outputs of kLanes transposed tiles, row i of all in `low` and `high`: the halves of each tile's row. */
struct WideTiles {
  Vec low[kTransposedOutput][kOut];
  Vec high[kTransposedOutput][kOut];
};

static FUSIONLENS_INLINE void transformTransposedChannel(const float* products, WideTiles& tiles) {
  constexpr int64_t point = kWinogradVectors * kLanes;
  Vec half[kTransposedOutput][kPhasePoints];
  for (int j = 0; j < kPhasePoints; j++) {
    Vec out[kOut];
    transformPairColumn(products, j, out);
    FUSIONLENS_UNROLL
    for (int i = 0; i < kOut; i++) {
      half[2 * i][j] = load(products + ((kPairs + i) * kPhasePoints + j) * point);
      half[2 * i + 1][j] = out[i];
    }
  }
  for (int i = 0; i < kTransposedOutput; i++) {
    Vec odd[kOut];
    transformPairProducts(half[i], odd);
    const Vec* even = half[i] + kPairs;
    const Vec low[kOut] = {even[0], odd[0], even[1], odd[1]};
    const Vec high[kOut] = {even[2], odd[2], even[3], odd[3]};
    transposeGroups(low, tiles.low[i]);
    transposeGroups(high, tiles.high[i]);
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
