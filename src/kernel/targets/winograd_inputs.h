// Where the inputs of Winograd's tiles come from: the plane itself, its border, or tiles gathered one by one.
#pragma once

#include "border.h"
#include "winograd_phases.h"
#include "winograd_transforms.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

// Six rows of a vector of tiles, as the input transform reads them.

/** Rows inside the plane. */
struct InnerRows {
  const float* corner;
  int64_t stride;

  FUSIONLENS_INLINE Vec own(int i, int v) const { return load(corner + i * stride + v * kLanes); }
  FUSIONLENS_INLINE Vec next(int i, int v) const { return load(corner + i * stride + v * kLanes + kOut); }
};

/** Which columns lie inside the plane, for each of the loads of a row that begins at column `left`. */
struct ColumnMasks {
  int64_t left;
  bool valid;
  Mask own[kOut], next[kOut];
};

/**
 * Rows of which some inputs lie outside the plane; those are zero. Columns outside are loaded with the rest, since the
 * rows before and after are there in memory, and masked.
 */
struct BorderRows {
  const float* corner;
  int64_t stride;
  int64_t top, height;
  const ColumnMasks& masks;

  FUSIONLENS_INLINE bool isInside(int i) const { return top + i >= 0 && top + i < height; }
  FUSIONLENS_INLINE Vec own(int i, int v) const {
    return isInside(i) ? keep(load(corner + i * stride + v * kLanes), masks.own[v]) : zero();
  }
  FUSIONLENS_INLINE Vec next(int i, int v) const {
    return isInside(i) ? keep(load(corner + i * stride + v * kLanes + kOut), masks.next[v]) : zero();
  }
};

/** Rows copied with the border around them, where it isn't zero. */
struct CopiedRows {
  static constexpr int kLength = kRowInputs + kOut;
  float lines[kIn][kLength];

  FUSIONLENS_INLINE Vec own(int i, int v) const { return load(&lines[i][v * kLanes]); }
  FUSIONLENS_INLINE Vec next(int i, int v) const { return load(&lines[i][v * kLanes + kOut]); }
};

/** Inputs gathered tile by tile. */
struct GatheredRows {
  float ownInputs[kIn][kRowInputs];
  float nextInputs[kIn][kRowInputs];

  FUSIONLENS_INLINE Vec own(int i, int v) const { return load(&ownInputs[i][v * kLanes]); }
  FUSIONLENS_INLINE Vec next(int i, int v) const { return load(&nextInputs[i][v * kLanes]); }
};

/** Gathers the inputs of a vector's tiles one by one. */
void gatherTiles(const WinogradLayout& l, const WinogradSource& source, const float* plane, int64_t vector,
                 GatheredRows& rows) {
  for (int t = 0; t < kLanes; t++) {
    const int64_t tile = l.flattened ? vector * kLanes + t : vector % l.vectorsAcross * kLanes + t;
    const int64_t tileRow = l.flattened ? tile / l.tilesAcross : vector / l.vectorsAcross;
    // Tiles beyond the last one read what is there; their outputs are not stored.
    const int64_t y = tileRow * kOut + source.row;
    const int64_t x = (l.flattened ? tile % l.tilesAcross : tile) * kOut + source.column;
    const bool inner = x >= 0 && x + kIn <= l.inWidth;
    for (int i = 0; i < kIn; i++) {
      float* own = &rows.ownInputs[i][t * kOut];
      float* next = &rows.nextInputs[i][t * kOut];
      const int64_t row = shownIndex(l.border, y + i, l.inHeight);
      const float* from = plane + row * l.inWidth + x;
      if (row < 0) {
        for (int j = 0; j < kOut; j++) own[j] = 0;
        for (int j = kOut; j < kIn; j++) next[j - kOut] = 0;
      } else if (inner) {
        for (int j = 0; j < kOut; j++) own[j] = from[j];
        for (int j = kOut; j < kIn; j++) next[j - kOut] = from[j];
      } else if (l.border != kBorderZero) {
        const float* begin = plane + row * l.inWidth;
        for (int j = 0; j < kOut; j++) own[j] = begin[shownIndex(l.border, x + j, l.inWidth)];
        for (int j = kOut; j < kIn; j++) next[j - kOut] = begin[shownIndex(l.border, x + j, l.inWidth)];
      } else {
        for (int j = 0; j < kOut; j++) own[j] = x + j >= 0 && x + j < l.inWidth ? from[j] : 0;
        for (int j = kOut; j < kIn; j++) next[j - kOut] = x + j >= 0 && x + j < l.inWidth ? from[j] : 0;
      }
    }
  }
}

/** What the transforms of one vector of tiles share. */
struct Gathering {
  GatheredRows rows;
  CopiedRows copied;
  float wide[kStridedInput][kWideRow + 2 * kOut];
  ColumnMasks masks;
};

/** Transforms the inputs of one vector of tiles of a stride-2 convolution; rows that touch the border are copied. */
template <WinogradKind Kind>
void transformPhases(const WinogradTask& task, const WinogradSource& source, int64_t slice, int64_t vector,
                     Gathering& gathering, float* to) {
  const WinogradLayout& l = *task.layout;
  constexpr int64_t columns = Kind == WinogradKind::Strided ? kWideRow + 2 * kOut : kRowInputs + kOut;
  constexpr int rows = Kind == WinogradKind::Strided ? kStridedInput : kTransposedInput;
  const float* plane = task.input + slice * l.inHeight * l.inWidth;
  const int64_t y = vector / l.vectorsAcross * l.inputStep + source.row;
  const int64_t x = vector % l.vectorsAcross * l.inputStep * kLanes + source.column;
  const auto transform = [&](const auto& row) {
    if (Kind == WinogradKind::Strided) {
      transformStridedTiles(row, to, l.inputPoint);
    } else {
      transformTransposedTiles(row, to, l.inputPoint);
    }
  };
  if (y >= 0 && y + rows <= l.inHeight && x >= 0 && x + columns <= l.inWidth) {
    transform([&](int i) { return plane + (y + i) * l.inWidth + x; });
    return;
  }
  for (int i = 0; i < rows; i++) {
    const int64_t row = shownIndex(l.border, y + i, l.inHeight);
    float* copy = gathering.wide[i];
    if (row >= 0) {
      copyPaddedRow(plane + row * l.inWidth, l.inWidth, l.border, x, 1, copy, columns);
    } else {
      for (int64_t j = 0; j < columns; j++) copy[j] = 0;
    }
  }
  transform([&](int i) { return static_cast<const float*>(gathering.wide[i]); });
}

/** Transforms the inputs of one vector of tiles of one source, in slice `slice` of the image's channels. */
void transformVector(const WinogradTask& task, const WinogradSource& source, int64_t slice, int64_t vector,
                     Gathering& gathering, float* to) {
  const WinogradLayout& l = *task.layout;
  const float* plane = task.input + slice * l.inHeight * l.inWidth;
  const int64_t y = vector / l.vectorsAcross * kOut + source.row;
  const int64_t x = vector % l.vectorsAcross * kRowInputs + source.column;
  if (!l.flattened && y >= 0 && y + kIn <= l.inHeight && x >= 0 && x + kRowInputs + kOut <= l.inWidth) {
    transformTiles(InnerRows{plane + y * l.inWidth + x, l.inWidth}, to, l.inputPoint);
    return;
  }
  if (!l.flattened && l.border != kBorderZero) {
    for (int i = 0; i < kIn; i++) {
      copyPaddedRow(plane + borderIndex(l.border, y + i, l.inHeight) * l.inWidth, l.inWidth, l.border, x, 1,
                    gathering.copied.lines[i], CopiedRows::kLength);
    }
    transformTiles(gathering.copied, to, l.inputPoint);
    return;
  }
  // Masked loads must stay within the image, which they would leave only in its first or last rows.
  const int64_t firstRow = slice * l.inHeight + (y < 0 ? 0 : y);
  const int64_t lastRow = slice * l.inHeight + (y + kIn > l.inHeight ? l.inHeight : y + kIn) - 1;
  if (l.flattened || firstRow * l.inWidth + x < 0 ||
      lastRow * l.inWidth + x + kRowInputs + kOut > l.inChannels * l.inDepth * l.inHeight * l.inWidth) {
    gatherTiles(l, source, plane, vector, gathering.rows);
    transformTiles(gathering.rows, to, l.inputPoint);
    return;
  }
  ColumnMasks& masks = gathering.masks;
  if (!masks.valid || masks.left != x) {
    masks.valid = true;
    masks.left = x;
    for (int v = 0; v < kOut; v++) {
      masks.own[v] = maskInside(x + v * kLanes, l.inWidth);
      masks.next[v] = maskInside(x + v * kLanes + kOut, l.inWidth);
    }
  }
  const float* corner = task.input + (slice * l.inHeight + y) * l.inWidth + x;
  transformTiles(BorderRows{corner, l.inWidth, y, l.inHeight, masks}, to, l.inputPoint);
}

/**
 * Fetches the inputs of the vectors that follow the task's, some at a time. The transforms alone would wait for memory
 * most of the time, and the multiplications in between leave it idle.
 */
class NextInputs {
 public:
  explicit NextInputs(const WinogradTask& task) : task_(task), layout_(*task.layout) {
    for (int64_t v = 0; v < task.vectors; v++) {
      const int64_t vector = task.firstVector + task.vectors + v;
      corners_[v] = (vector / layout_.vectorsAcross * layout_.inWidth + vector % layout_.vectorsAcross * kLanes) *
                    layout_.inputStep;
    }
  }

  /** Goes on to fetch until `share` / `shares` of all sources' inputs are fetched. */
  FUSIONLENS_INLINE void fetch(int64_t share, int64_t shares) {
    if (layout_.flattened) return;
    constexpr int lineFloats = 16;
    for (; next_ * shares < share * layout_.sourceCount; next_++) {
      const WinogradSource& source = layout_.sources[next_];
      const int64_t slice = source.channel * layout_.inDepth + task_.z * layout_.strideDepth + source.depth;
      const int64_t row = (slice * layout_.inHeight + source.row) * layout_.inWidth;
      for (int64_t v = 0; v < task_.vectors; v++) {
        // Some of these lie outside the tensor.
        for (int i = 0; i < kIn; i++) {
          for (int j = 0; j < kRowInputs; j += lineFloats) {
            prefetch(task_.input, row + corners_[v] + i * layout_.inWidth + j);
          }
        }
      }
    }
  }

 private:
  const WinogradTask& task_;
  const WinogradLayout& layout_;
  int64_t corners_[kWinogradVectors] = {};
  int64_t next_ = 0;
};

void transformSources(const WinogradTask& task) {
  const WinogradLayout& l = *task.layout;
  Gathering gathering[kWinogradVectors] = {};
  for (int64_t s = 0; s < l.sourceCount; s++) {
    const WinogradSource& source = l.sources[s];
    const int64_t z = shownIndex(l.border, task.z * l.strideDepth + source.depth, l.inDepth);
    for (int64_t v = 0; v < task.vectors; v++) {
      float* to = task.transformed + (s * kWinogradVectors + v) * kLanes;
      const int64_t slice = source.channel * l.inDepth + z;
      const int64_t vector = task.firstVector + v;
      if (z < 0) {
        for (int64_t p = 0; p < l.pointCount; p++) store(to + p * l.inputPoint, zero());
      } else if (l.kind == WinogradKind::Plain) {
        transformVector(task, source, slice, vector, gathering[v], to);
      } else if (l.kind == WinogradKind::Strided) {
        transformPhases<WinogradKind::Strided>(task, source, slice, vector, gathering[v], to);
      } else {
        transformPhases<WinogradKind::Transposed>(task, source, slice, vector, gathering[v], to);
      }
    }
  }
}

}  // namespace
}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
