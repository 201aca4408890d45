// Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016): 36 products instead of 144 for 16 outputs. Kernels larger than 3×3 are sums of 3×3 pieces, three-dimensional
// ones sums over slices.
//
// For two vectors of tiles: transform the inputs of all sources; for a chunk of output channels and each of the 36
// points multiply, sources × channels; transform the products of each channel to outputs and collect their moments.

#include "kernels.h"
#include "moments.h"
#include "register_block.h"
#include "vec.h"
#include "winograd_inputs.h"
#include "winograd_phases.h"
#include "winograd_transforms.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

template <int Channels, int Vectors>
struct MultiplyPoint {
  static void function(const float* weights, const float* inputs, int64_t depth, float* products, int64_t channel) {
    multiplyBlock<Channels, Vectors>(weights, StridedSource{inputs, kWinogradVectors * kLanes}, depth, products,
                                     channel, false);
  }
};
using MultiplyPointFunction = void (*)(const float*, const float*, int64_t, float*, int64_t);
constexpr BlockTable<MultiplyPointFunction> kMultiplyPoint = makeBlockTable<MultiplyPoint, MultiplyPointFunction>();

/** The products of `channels` output channels, from channel `begin` of the task on, at all points. */
void multiplyChunk(const WinogradTask& task, const float* weights, int64_t begin, int64_t channels, NextInputs& next) {
  const WinogradLayout& l = *task.layout;
  const int64_t blocks = (channels + kBlockChannels - 1) / kBlockChannels;
  for (int64_t p = 0; p < l.pointCount;) {
    int64_t end = p + 1;
    while (end < l.pointCount && l.points[end].filter == l.points[p].filter) end++;
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t first = b * channels / blocks;
      const int64_t size = (b + 1) * channels / blocks - first;
      // A block's weights, once read, serve all points that share them.
      for (int64_t same = p; same < end; same++) {
        const int64_t point = l.points[same].point;
        kMultiplyPoint.entry[size - 1][task.vectors - 1](
            weights, task.transformed + point * l.inputPoint, l.sourceCount,
            task.products + first * l.productChannel + point * kWinogradVectors * kLanes, l.productChannel);
      }
      weights += size * l.sourceCount;
    }
    next.fetch(begin * l.pointCount + end * channels, task.channels * l.pointCount);
    p = end;
  }
}

/** Stores the first `columns` values of a row that ends at the plane's border, collecting their moments. */
template <bool WantMoments>
FUSIONLENS_INLINE void storeColumns(const float* line, int64_t columns, float* to, MomentsCollector& moments) {
  int64_t x = 0;
  for (; x + kLanes <= columns; x += kLanes) {
    const Vec values = load(line + x);
    store(to + x, values);
    if (WantMoments) moments.add(values);
  }
  for (; x < columns; x++) {
    to[x] = line[x];
    if (WantMoments) moments.add(line[x]);
  }
}

/** Stores those outputs of a vector of tiles that lie inside the plane, collecting their moments. */
template <bool WantMoments>
FUSIONLENS_INLINE void storeTiles(const WinogradLayout& l, const OutputTiles& tiles, int64_t vector, float* slice,
                                  MomentsCollector& moments) {
  if (!l.flattened) {
    const int64_t top = vector / l.vectorsAcross * kOut;
    const int64_t left = vector % l.vectorsAcross * kRowInputs;
    const int64_t rows = l.outHeight - top < kOut ? l.outHeight - top : kOut;
    const int64_t columns = l.outWidth - left;
    if (columns >= kRowInputs) {
      for (int64_t i = 0; i < rows; i++) {
        float* to = slice + (top + i) * l.outWidth + left;
        FUSIONLENS_UNROLL
        for (int v = 0; v < kOut; v++) {
          store(to + v * kLanes, tiles.rows[i][v]);
          if (WantMoments) moments.add(tiles.rows[i][v]);
        }
      }
      return;
    }
    for (int64_t i = 0; i < rows; i++) {
      float line[kRowInputs];
      for (int v = 0; v < kOut; v++) store(line + v * kLanes, tiles.rows[i][v]);
      storeColumns<WantMoments>(line, columns, slice + (top + i) * l.outWidth + left, moments);
    }
    return;
  }
  float lines[kOut][kRowInputs];
  for (int i = 0; i < kOut; i++) {
    for (int v = 0; v < kOut; v++) store(&lines[i][v * kLanes], tiles.rows[i][v]);
  }
  const int64_t count = l.tilesDown * l.tilesAcross;
  if (l.outHeight % kOut == 0 && l.outWidth % kOut == 0 && (vector + 1) * kLanes <= count) {
    for (int t = 0; t < kLanes; t++) {
      const int64_t tile = vector * kLanes + t;
      float* corner = slice + tile / l.tilesAcross * kOut * l.outWidth + tile % l.tilesAcross * kOut;
      for (int i = 0; i < kOut; i++) {
        for (int j = 0; j < kOut; j++) corner[i * l.outWidth + j] = lines[i][t * kOut + j];
      }
    }
    for (int i = 0; WantMoments && i < kOut; i++) {
      for (int v = 0; v < kOut; v++) moments.add(tiles.rows[i][v]);
    }
    return;
  }
  for (int t = 0; t < kLanes && vector * kLanes + t < count; t++) {
    const int64_t tile = vector * kLanes + t;
    const int64_t top = tile / l.tilesAcross * kOut;
    const int64_t left = tile % l.tilesAcross * kOut;
    const int64_t rows = l.outHeight - top < kOut ? l.outHeight - top : kOut;
    const int64_t columns = l.outWidth - left < kOut ? l.outWidth - left : kOut;
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < columns; j++) {
        const float value = lines[i][t * kOut + j];
        slice[(top + i) * l.outWidth + left + j] = value;
        if (WantMoments) moments.add(value);
      }
    }
  }
}

/** The same for transposed tiles of 8×8 outputs. */
template <bool WantMoments>
FUSIONLENS_INLINE void storeWideTiles(const WinogradLayout& l, const WideTiles& tiles, int64_t vector, float* slice,
                                      MomentsCollector& moments) {
  constexpr int64_t tileStep = kTransposedOutput;
  constexpr int64_t vectorStep = tileStep * kLanes / kOut;
  const int64_t top = vector / l.vectorsAcross * kTransposedOutput;
  const int64_t left = vector % l.vectorsAcross * kWideRow;
  const int64_t rows = l.outHeight - top < kTransposedOutput ? l.outHeight - top : kTransposedOutput;
  const int64_t columns = l.outWidth - left;
  for (int64_t i = 0; i < rows; i++) {
    float line[kWideRow];
    float* to = slice + (top + i) * l.outWidth + left;
    float* row = columns >= kWideRow ? to : line;
    FUSIONLENS_UNROLL
    for (int v = 0; v < kOut; v++) {
      storeGroups(row + v * vectorStep, tileStep, tiles.low[i][v]);
      storeGroups(row + v * vectorStep + kOut, tileStep, tiles.high[i][v]);
      if (WantMoments && columns >= kWideRow) {
        moments.add(tiles.low[i][v]);
        moments.add(tiles.high[i][v]);
      }
    }
    if (columns < kWideRow) storeColumns<WantMoments>(line, columns, to, moments);
  }
}

float firstLane(const Vec& v) {
  float lanes[kLanes];
  store(lanes, v);
  return lanes[0];
}

template <WinogradKind Kind>
FUSIONLENS_INLINE OutputTiles outputTiles(const float* products) {
  return Kind == WinogradKind::Plain ? transformChannel(products) : transformStridedChannel(products);
}

template <bool WantMoments, WinogradKind Kind>
void finishChunk(const WinogradTask& task, int64_t first, int64_t channels) {
  const WinogradLayout& l = *task.layout;
  const int64_t sliceSize = l.outHeight * l.outWidth;
  for (int64_t c = 0; c < channels; c++) {
    float* slice = task.output + ((first + c) * l.outDepth + task.z) * sliceSize;
    const float* products = task.products + c * l.productChannel;
    TileMoments* to = WantMoments ? task.moments + (first + c) * task.momentsStride : nullptr;
    // The shift is the first tile's corner, which the first lane is in every layout.
    if constexpr (Kind == WinogradKind::Transposed) {
      WideTiles tiles;
      transformTransposedChannel(products, tiles);
      MomentsCollector moments(firstLane(tiles.low[0][0]));
      storeWideTiles<WantMoments>(l, tiles, task.firstVector, slice, moments);
      for (int64_t v = 1; v < task.vectors; v++) {
        transformTransposedChannel(products + v * kLanes, tiles);
        storeWideTiles<WantMoments>(l, tiles, task.firstVector + v, slice, moments);
      }
      if (WantMoments) *to = moments.moments(task.outputs);
    } else {
      OutputTiles tiles = outputTiles<Kind>(products);
      MomentsCollector moments(firstLane(tiles.rows[0][0]));
      storeTiles<WantMoments>(l, tiles, task.firstVector, slice, moments);
      for (int64_t v = 1; v < task.vectors; v++) {
        tiles = outputTiles<Kind>(products + v * kLanes);
        storeTiles<WantMoments>(l, tiles, task.firstVector + v, slice, moments);
      }
      if (WantMoments) *to = moments.moments(task.outputs);
    }
  }
}

template <WinogradKind Kind>
void finishChunk(const WinogradTask& task, int64_t first, int64_t channels) {
  if (task.moments != nullptr) {
    finishChunk<true, Kind>(task, first, channels);
  } else {
    finishChunk<false, Kind>(task, first, channels);
  }
}

}  // namespace

void convolveWinograd(const WinogradTask& task) {
  const WinogradLayout& l = *task.layout;
  transformSources(task);
  NextInputs next(task);
  for (int64_t first = 0; first < task.channels; first += l.chunkChannels) {
    const int64_t channels = task.channels - first < l.chunkChannels ? task.channels - first : l.chunkChannels;
    multiplyChunk(task, task.weights + first * l.filterCount * l.sourceCount, first, channels, next);
    switch (l.kind) {
      case WinogradKind::Plain:
        finishChunk<WinogradKind::Plain>(task, first, channels);
        break;
      case WinogradKind::Strided:
        finishChunk<WinogradKind::Strided>(task, first, channels);
        break;
      case WinogradKind::Transposed:
        finishChunk<WinogradKind::Transposed>(task, first, channels);
        break;
    }
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
