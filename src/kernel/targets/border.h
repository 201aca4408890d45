// What a padded axis shows beyond its ends.
#pragma once

#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

/**
 * The index that position `i` of an axis of `size` elements shows, for a reflecting or repeating border. Any `i` is
 * allowed: tiles that overhang the output read positions beyond the padding, whose values are not used.
 */
static FUSIONLENS_INLINE int64_t borderIndex(int border, int64_t i, int64_t size) {
  if (border == kBorderReflect) {
    if (i < 0) i = -i;
    if (i >= size) i = 2 * (size - 1) - i;
  }
  return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/** The rows (or slices) of an axis that lie inside it, or are shown by its border; -1 for one that is all zeros. */
static FUSIONLENS_INLINE int64_t shownIndex(int border, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  return border == kBorderZero ? -1 : borderIndex(border, i, size);
}

/**
 * Copies `count` elements of a padded row of `width`, every `stride`-th, from position `first` on. Vectors read nothing
 * outside the row.
 */
static inline void copyPaddedRow(const float* row, int64_t width, int border, int64_t first, int64_t stride, float* to,
                                 int64_t count) {
  int64_t begin = first >= 0 ? 0 : (-first + stride - 1) / stride;
  if (begin > count) begin = count;
  int64_t end = first >= width ? 0 : (width - first + stride - 1) / stride;
  if (end > count) end = count;
  if (end < begin) end = begin;
  const float* from = row + first;
  int64_t i = begin;
  if (stride == 1) {
    for (; i + kLanes <= end; i += kLanes) store(to + i, load(from + i));
  } else if (stride == 2) {
    // The last vector reads one float beyond the last element wanted, so it must not be the row's last one.
    for (; i + kLanes < end; i += kLanes) store(to + i, evenLanes(load(from + 2 * i), load(from + 2 * i + kLanes)));
  }
  for (; i < end; i++) to[i] = from[i * stride];
  if (border == kBorderZero) {
    for (i = 0; i < begin; i++) to[i] = 0;
    for (i = end; i < count; i++) to[i] = 0;
  } else {
    for (i = 0; i < begin; i++) to[i] = row[borderIndex(border, first + i * stride, width)];
    for (i = end; i < count; i++) to[i] = row[borderIndex(border, first + i * stride, width)];
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
