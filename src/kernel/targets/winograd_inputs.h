// The inputs of Winograd's tiles: where a vector of tiles reads, and its transform to points.
//
// Lanes are tiles. A tile reads each of its rows in groups of four floats, wherever it lies; the groups of four tiles are
// transposed within the registers' groups of four lanes, which processors do at no extra cost.
#pragma once

#include "border.h"
#include "winograd_kinds.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

/** Transposes 4×4 squares: element e of group g of vector v and element v of group g of vector e change places. */
FUSIONLENS_INLINE void transposeGroups(const Vec* in, Vec* out) {
  const Vec low01 = zipLow(in[0], in[1]), low23 = zipLow(in[2], in[3]);
  const Vec high01 = zipHigh(in[0], in[1]), high23 = zipHigh(in[2], in[3]);
  out[0] = joinLow(low01, low23);
  out[1] = joinHigh(low01, low23);
  out[2] = joinLow(high01, high23);
  out[3] = joinHigh(high01, high23);
}

constexpr int kGroup = 4;

/** Row and column of tiles, one after the other. */
struct TileWalk {
  int64_t row, column;

  TileWalk(const WinogradLayout& l, int64_t tile) : row(tile / l.tilesAcross), column(tile % l.tilesAcross) {}
  /** Stays at the last tile: what is computed for lanes beyond it isn't used. */
  void next(const WinogradLayout& l) {
    if (++column < l.tilesAcross) return;
    if (row + 1 < l.tilesDown) {
      row++;
      column = 0;
    } else {
      column--;
    }
  }
};

/** Slices of a channel that are read together: the first plus `factor` (0: none) times the second; negative: padding. */
struct InputSlices {
  int64_t first, second;
  float factor;
};

/** Where the tiles of a vector read. */
template <typename Kind>
class InputTiles {
 public:
  static constexpr int kInputs = Kind::kInputs;
  /** Floats that a tile reads of each row. */
  static constexpr int kWindow = (kInputs + kGroup - 1) / kGroup * kGroup;

  void begin(const WinogradLayout& l, int64_t vector) {
    layout_ = &l;
    TileWalk walk(l, vector * kLanes);
    for (int t = 0; t < kLanes; t++, walk.next(l)) {
      tops_[t] = walk.row * Kind::kInputStep;
      lefts_[t] = walk.column * Kind::kInputStep;
      offsets_[t] = tops_[t] * l.inWidth + lefts_[t];
    }
    placed_ = false;
  }

  /** Transforms the tiles of one source's slices. */
  void transform(const WinogradTask& task, const WinogradSource& source, const InputSlices& slices, float* to) {
    const WinogradLayout& l = *layout_;
    if (!placed_ || row_ != source.row || column_ != source.column) place(source.row, source.column);
    const float shift = task.shifts[source.channel] * (1 + slices.factor);
    const int64_t displacement = row_ * l.inWidth + column_;
    const auto sliceOffset = [&](int64_t slice) {
      return (source.channel * l.inDepth + slice) * l.inHeight * l.inWidth;
    };
    const auto planeOf = [&](int64_t slice) { return slice < 0 ? nullptr : task.input + sliceOffset(slice); };
    const auto isWithin = [&](int64_t slice) {
      const int64_t base = sliceOffset(slice) + displacement;
      return slice >= 0 && base + least_ >= 0 &&
             base + most_ + (kInputs - 1) * l.inWidth + kWindow <=
                 l.inChannels * l.inDepth * l.inHeight * l.inWidth;
    };
    const bool paired = slices.factor != 0;
    const bool readable = isWithin(slices.first) && (!paired || isWithin(slices.second));
    const int64_t stride = l.inWidth;
    const float* first = planeOf(slices.first);
    const float* second = paired ? planeOf(slices.second) : nullptr;
    // What lies outside a plane is there in memory, in the rows before and after; padding with zeros masks it.
    if (readable && (inside_ || (l.border == kBorderZero && shift == 0))) {
      first += displacement;
      if (paired) {
        second += displacement;
        const Vec factor = broadcast(slices.factor);
        transformFrom([&](int i, int t, int column) {
          const int64_t from = i * stride + column;
          return multiplyAdd(factor, loadGroups([&](int lane) { return second + from + offsets_[t + lane]; }),
                             loadGroups([&](int lane) { return first + from + offsets_[t + lane]; }));
        }, shift, to);
      } else {
        transformFrom([&](int i, int t, int column) {
          return loadGroups([&](int lane) { return first + (i * stride + column) + offsets_[t + lane]; });
        }, shift, to);
      }
      return;
    }
    if (!listed_) listShown();
    const float* tiles[kLanes];
    int64_t strides[kLanes];
    for (int t = 0; t < kLanes; t++) {
      if (readable && insideTile_[t] && !paired && shift == 0) {
        tiles[t] = first + displacement + offsets_[t];
        strides[t] = stride;
      } else {
        copyTile(t, first, second, slices.factor, shift);
        tiles[t] = copied_[t];
        strides[t] = kWindow;
      }
    }
    transformWith<false, false>([&](int i, int t, int column) {
      return loadGroups([&](int lane) { return tiles[t + lane] + i * strides[t + lane] + column; });
    }, 0, to);
  }

 private:
  /** What a position beyond the padding shows, where tiles overhang the output. */
  static constexpr int64_t kNothing = -2;

  /** The input that a position of an axis shows, or -1 for zero; the padding ends at `begin` and `end`. */
  static int64_t shown(int border, int64_t i, int64_t size, int64_t begin, int64_t end) {
    return i < begin || i >= end ? kNothing : shownIndex(border, i, size);
  }

  /** Sees which inputs lie inside the plane, for a source that is displaced by `row` and `column`. */
  void place(int64_t row, int64_t column) {
    const WinogradLayout& l = *layout_;
    placed_ = true;
    listed_ = false;
    row_ = row;
    column_ = column;
    inside_ = true;
    least_ = most_ = offsets_[0];
    for (int t = 0; t < kLanes; t++) {
      const int64_t top = tops_[t] + row, left = lefts_[t] + column;
      insideTile_[t] = top >= 0 && top + kInputs <= l.inHeight && left >= 0 && left + kInputs <= l.inWidth;
      inside_ = inside_ && insideTile_[t];
      least_ = offsets_[t] < least_ ? offsets_[t] : least_;
      most_ = offsets_[t] > most_ ? offsets_[t] : most_;
    }
    if (inside_) return;
    for (int i = 0; i < kInputs; i++) {
      bool rows[kLanes], columns[kLanes];
      for (int t = 0; t < kLanes; t++) {
        const int64_t y = tops_[t] + row + i, x = lefts_[t] + column + i;
        rows[t] = y >= 0 && y < l.inHeight;
        columns[t] = x >= 0 && x < l.inWidth;
      }
      rows_[i] = maskOf(rows);
      columns_[i] = maskOf(columns);
    }
  }

  /** Sees what all tiles show, for the source that they are placed for. */
  void listShown() {
    const WinogradLayout& l = *layout_;
    listed_ = true;
    for (int t = 0; t < kLanes; t++) {
      for (int i = 0; i < kInputs; i++) {
        shownRows_[t][i] = shown(l.border, tops_[t] + row_ + i, l.inHeight, l.firstRow, l.endRow);
        shownColumns_[t][i] = shown(l.border, lefts_[t] + column_ + i, l.inWidth, l.firstColumn, l.endColumn);
      }
    }
  }

  /**
   * Copies what a tile shows of the first plane plus `factor` times the second, less the shift; a null plane is all
   * padding. What is beyond the padding reaches no output that is kept, but for its rounding errors: zeros have none.
   */
  void copyTile(int t, const float* first, const float* second, float factor, float shift) {
    const int64_t* columns = shownColumns_[t];
    for (int i = 0; i < kInputs; i++) {
      float* to = copied_[t] + i * kWindow;
      const int64_t y = shownRows_[t][i];
      const float* row = y < 0 || first == nullptr ? nullptr : first + y * layout_->inWidth;
      const float* other = y < 0 || second == nullptr ? nullptr : second + y * layout_->inWidth;
      for (int j = 0; j < kInputs; j++) to[j] = row != nullptr && columns[j] >= 0 ? row[columns[j]] : 0;
      for (int j = 0; other != nullptr && j < kInputs; j++) to[j] += columns[j] >= 0 ? factor * other[columns[j]] : 0;
      for (int j = 0; shift != 0 && y != kNothing && j < kInputs; j++) to[j] -= columns[j] == kNothing ? 0 : shift;
    }
  }

  template <typename Load>
  FUSIONLENS_INLINE void transformFrom(const Load& load, float shift, float* to) const {
    if (!inside_) {
      transformWith<true, false>(load, shift, to);
    } else if (shift != 0) {
      transformWith<false, true>(load, shift, to);
    } else {
      transformWith<false, false>(load, shift, to);
    }
  }

  /**
   * The inputs of all tiles to points `inputPoint` floats apart. `load(i, t, column)` are groups of four inputs of row i
   * from `column` on: of tile t, and of every fourth after it.
   */
  template <bool Masked, bool Shifted, typename Load>
  FUSIONLENS_INLINE void transformWith(const Load& load, float shift, float* to) const {
    const Vec shifts = broadcast(shift);
    Vec half[kInputs][Kind::kPoints];
    for (int i = 0; i < kInputs; i++) {
      Vec d[kWindow];
      FUSIONLENS_UNROLL
      for (int first = 0; first < kWindow; first += kGroup) {
        Vec groups[kGroup];
        FUSIONLENS_UNROLL
        for (int t = 0; t < kGroup; t++) groups[t] = load(i, t, first);
        transposeGroups(groups, d + first);
      }
      FUSIONLENS_UNROLL
      for (int j = 0; j < kInputs; j++) {
        if (Masked) d[j] = keep(d[j], both(rows_[i], columns_[j]));
        if (Shifted) d[j] = d[j] - shifts;
      }
      Kind::transformInputs(d, half[i]);
    }
    const int64_t point = layout_->inputPoint;
    for (int j = 0; j < Kind::kPoints; j++) {
      Vec column[kInputs], out[Kind::kPoints];
      FUSIONLENS_UNROLL
      for (int i = 0; i < kInputs; i++) column[i] = half[i][j];
      Kind::transformInputs(column, out);
      FUSIONLENS_UNROLL
      for (int i = 0; i < Kind::kPoints; i++) store(to + (i * Kind::kPoints + j) * point, out[i]);
    }
  }

  const WinogradLayout* layout_ = nullptr;
  int64_t tops_[kLanes], lefts_[kLanes];  // of the tiles, for a source that isn't displaced
  int64_t offsets_[kLanes];               // of their first inputs in a slice
  bool placed_ = false, listed_ = false;
  int64_t row_ = 0, column_ = 0;
  bool inside_ = false;
  int64_t least_ = 0, most_ = 0;  // of the offsets
  Mask rows_[kInputs], columns_[kInputs];
  bool insideTile_[kLanes];
  int64_t shownRows_[kLanes][kInputs], shownColumns_[kLanes][kInputs];
  float copied_[kLanes][kInputs * kWindow] = {};
};

/**
 * Fetches the inputs of the vectors that follow the task's, some at a time. The transforms alone would wait for memory
 * most of the time, and the multiplications in between leave it idle.
 */
template <typename Kind>
class NextInputs {
 public:
  explicit NextInputs(const WinogradTask& task) : task_(task), layout_(*task.layout) {
    const int64_t tiles = task.vectors * kLanes;
    TileWalk walk(layout_, (task.firstVector + task.vectors) * kLanes);
    if (walk.row >= layout_.tilesDown) return;
    for (int64_t t = 0; t < tiles; t++, walk.next(layout_)) {
      const int64_t offset = (walk.row * layout_.inWidth + walk.column) * Kind::kInputStep;
      if (count_ == 0 || offset < offsets_[count_ - 1] || offset >= offsets_[count_ - 1] + kLineFloats) {
        offsets_[count_++] = offset;
      }
    }
  }

  /** Goes on to fetch until `share` / `shares` of all sources' inputs are fetched. */
  FUSIONLENS_INLINE void fetch(int64_t share, int64_t shares) {
    for (; next_ * shares < share * layout_.sourceCount; next_++) {
      const WinogradSource& source = layout_.sources[next_];
      const int64_t first = source.channel * layout_.inDepth + task_.z * layout_.strideDepth + source.depth;
      for (int64_t slice = first; slice < first + (layout_.nestsDepth ? kDepthInputs : 1); slice++) {
        const int64_t row = (slice * layout_.inHeight + source.row) * layout_.inWidth + source.column;
        // Some of these lie outside the tensor.
        for (int64_t v = 0; v < count_; v++) {
          for (int i = 0; i < Kind::kInputs; i++) prefetch(task_.input, row + offsets_[v] + i * layout_.inWidth);
        }
      }
    }
  }

 private:
  static constexpr int64_t kLineFloats = 16;

  const WinogradTask& task_;
  const WinogradLayout& layout_;
  int64_t offsets_[kWinogradVectors * kLanes];
  int64_t count_ = 0;
  int64_t next_ = 0;
};

/** The slices of a point of F(2, 3) over depth: Bᵀ has two entries in each row, of size 1. */
static FUSIONLENS_INLINE InputSlices depthSlices(int point, const int64_t* slices) {
  switch (point) {
    case 0:
      return {slices[0], slices[2], -1};
    case 1:
      return {slices[1], slices[2], 1};
    case 2:
      return {slices[2], slices[1], -1};
    default:
      return {slices[1], slices[3], -1};
  }
}

/** Transforms the inputs of all sources of the task's tiles. */
template <typename Kind>
void transformSources(const WinogradTask& task) {
  const WinogradLayout& l = *task.layout;
  InputTiles<Kind> tiles[kWinogradVectors];
  for (int64_t v = 0; v < task.vectors; v++) tiles[v].begin(l, task.firstVector + v);
  for (int64_t s = 0; s < l.sourceCount; s++) {
    const WinogradSource& source = l.sources[s];
    const int64_t first = task.z * l.strideDepth + source.depth;
    int64_t slices[kDepthInputs];
    for (int i = 0; i < (l.nestsDepth ? kDepthInputs : 1); i++) slices[i] = shownIndex(l.border, first + i, l.inDepth);
    for (int d = 0; d < (l.nestsDepth ? kDepthPoints : 1); d++) {
      const InputSlices read = l.nestsDepth ? depthSlices(d, slices) : InputSlices{slices[0], -1, 0};
      float* to = task.transformed + d * Kind::kPoints * Kind::kPoints * l.inputPoint + s * kWinogradVectors * kLanes;
      for (int64_t v = 0; v < task.vectors; v++) tiles[v].transform(task, source, read, to + v * kLanes);
    }
  }
}

}  // namespace
}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
