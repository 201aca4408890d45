// The outputs of Winograd's tiles: the transform of a vector of tiles' products, their moments, and where they go.
#pragma once

#include "moments.h"
#include "winograd_inputs.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

FUSIONLENS_INLINE float firstLane(const Vec& v) {
  float lanes[kLanes];
  store(lanes, v);
  return lanes[0];
}

/** Where the outputs of a vector of tiles go, the same in all channels. */
template <typename Kind>
class OutputTiles {
 public:
  static constexpr int kOutputs = Kind::kOutputs;

  void begin(const WinogradLayout& l, int64_t vector) {
    layout_ = &l;
    whole_ = true;
    TileWalk walk(l, vector * kLanes);
    for (int t = 0; t < kLanes; t++, walk.next(l)) {
      const int64_t top = walk.row * kOutputs, left = walk.column * kOutputs;
      const bool exists = vector * kLanes + t < l.tilesDown * l.tilesAcross;
      offsets_[t] = top * l.outWidth + left;
      heights_[t] = !exists ? 0 : l.outHeight - top < kOutputs ? l.outHeight - top : kOutputs;
      widths_[t] = !exists ? 0 : l.outWidth - left < kOutputs ? l.outWidth - left : kOutputs;
      whole_ = whole_ && heights_[t] == kOutputs && widths_[t] == kOutputs;
    }
    if (whole_) return;
    for (int i = 0; i < kOutputs; i++) {
      bool rows[kLanes], columns[kLanes];
      for (int t = 0; t < kLanes; t++) {
        rows[t] = i < heights_[t];
        columns[t] = i < widths_[t];
      }
      rows_[i] = maskOf(rows);
      columns_[i] = maskOf(columns);
    }
  }

  /**
   * Transforms one channel's products and stores them in its slice. With `first` the moments begin anew, their shift
   * being the first output. `product(p)` is the product at point p of the plane.
   */
  template <bool WantMoments, typename Product>
  FUSIONLENS_INLINE void finish(const Product& product, float* slice, bool first, MomentsCollector& moments) {
    if (whole_) {
      finishWith<WantMoments, true>(product, slice, first, moments);
    } else {
      finishWith<WantMoments, false>(product, slice, first, moments);
    }
  }

 private:
  template <bool WantMoments, bool Whole, typename Product>
  FUSIONLENS_INLINE void finishWith(const Product& product, float* slice, bool first, MomentsCollector& moments) {
    Vec half[kOutputs][Kind::kPoints];
    for (int j = 0; j < Kind::kPoints; j++) {
      Vec column[Kind::kPoints], out[kOutputs];
      FUSIONLENS_UNROLL
      for (int i = 0; i < Kind::kPoints; i++) column[i] = product(i * Kind::kPoints + j);
      Kind::transformProducts(column, out);
      FUSIONLENS_UNROLL
      for (int i = 0; i < kOutputs; i++) half[i][j] = out[i];
    }
    float* to[kLanes];
    int64_t steps[kLanes];
    for (int t = 0; t < kLanes; t++) {
      const bool cut = !Whole && (heights_[t] < kOutputs || widths_[t] < kOutputs);
      to[t] = cut ? cut_[t] : slice + offsets_[t];
      steps[t] = cut ? kOutputs : layout_->outWidth;
    }
    Vec row[kOutputs];
    Kind::transformProducts(half[0], row);
    if (WantMoments && first) moments = MomentsCollector(firstLane(row[0]));
    for (int i = 0; i < kOutputs; i++) {
      if (i > 0) Kind::transformProducts(half[i], row);
      if (WantMoments && Whole) moments.addAll<kOutputs>(row);
      if (WantMoments && !Whole) moments.addAll<kOutputs>(row, rows_[i], columns_);
      storeRow(row, to);
      for (int t = 0; t < kLanes; t++) to[t] += steps[t];
    }
    if (!Whole) storeCut(slice);
  }

  /** A row of each tile; where four does not divide its length, two groups overlap. */
  static FUSIONLENS_INLINE void storeRow(const Vec* row, float* const* to) {
    Vec groups[kGroup];
    FUSIONLENS_UNROLL
    for (int first = 0; first < kOutputs; first += kGroup) {
      const int from = first + kGroup <= kOutputs ? first : kOutputs - kGroup;
      transposeGroups(row + from, groups);
      FUSIONLENS_UNROLL
      for (int t = 0; t < kGroup; t++) storeGroups(to + t, from, groups[t]);
    }
  }

  /** Moves what lies inside the plane of the tiles that don't as a whole. */
  void storeCut(float* slice) const {
    for (int t = 0; t < kLanes; t++) {
      if (heights_[t] == kOutputs && widths_[t] == kOutputs) continue;
      for (int64_t i = 0; i < heights_[t]; i++) {
        for (int64_t j = 0; j < widths_[t]; j++) {
          slice[offsets_[t] + i * layout_->outWidth + j] = cut_[t][i * kOutputs + j];
        }
      }
    }
  }

  const WinogradLayout* layout_ = nullptr;
  bool whole_ = true;
  int64_t offsets_[kLanes];  // of the tiles' first outputs in a slice
  int64_t heights_[kLanes], widths_[kLanes];
  Mask rows_[kOutputs], columns_[kOutputs];
  float cut_[kLanes][kOutputs * kOutputs];
};

}  // namespace
}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
