// Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): F(4×4, 3×3)
// needs 36 products instead of 144 for 16 outputs, F(6×6, 3×3) 64 instead of 324 for 36. Kernels larger than 3×3 are
// sums of 3×3 pieces; over depth F(2, 3) is nested with it, or slices are summed.
//
// For a few vectors of tiles: transform the inputs of all sources; for a chunk of output channels and each of the
// points multiply, sources × channels; transform the products of each channel to outputs and collect their moments.

#include "kernels.h"
#include "moments.h"
#include "register_block.h"
#include "vec.h"
#include "winograd_inputs.h"
#include "winograd_outputs.h"

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
constexpr BlockTable<MultiplyPointFunction> kMultiplyPoint =
    makeWideBlockTable<MultiplyPoint, MultiplyPointFunction>();

/** The products of `channels` output channels, from channel `begin` of the task on, at all points. */
template <typename Kind>
void multiplyChunk(const WinogradTask& task, const float* weights, int64_t begin, int64_t channels,
                   NextInputs<Kind>& next) {
  const WinogradLayout& l = *task.layout;
  const int64_t blocks = (channels + kWideBlockChannels - 1) / kWideBlockChannels;
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

/** One channel of the task's tiles in one output slice; `product(products, p)` is the product at point p of the slice. */
template <typename Kind, bool WantMoments, typename Product>
FUSIONLENS_INLINE void finishSlice(const WinogradTask& task, OutputTiles<Kind>* tiles, int64_t channel, int64_t z,
                                   const float* products, const Product& product, MomentsCollector& moments) {
  const WinogradLayout& l = *task.layout;
  float* slice = task.output + (channel * l.outDepth + z) * l.outHeight * l.outWidth;
  for (int64_t v = 0; v < task.vectors; v++) {
    const auto own = [&](int p) { return product(products + v * kLanes, p); };
    tiles[v].template finish<WantMoments>(own, slice, z == task.z && v == 0, moments);
  }
}

template <typename Kind, bool WantMoments>
void finishChunk(const WinogradTask& task, OutputTiles<Kind>* tiles, int64_t first, int64_t channels) {
  const WinogradLayout& l = *task.layout;
  constexpr int kPoint = kWinogradVectors * kLanes;
  constexpr int kDepthPoint = Kind::kPoints * Kind::kPoints * kPoint;
  for (int64_t c = 0; c < channels; c++) {
    const float* products = task.products + c * l.productChannel;
    MomentsCollector moments(0);
    if (!l.nestsDepth) {
      finishSlice<Kind, WantMoments>(task, tiles, first + c, task.z, products,
                                     [](const float* at, int p) { return load(at + p * kPoint); }, moments);
    } else {
      // Aᵀ of F(2, 3).
      finishSlice<Kind, WantMoments>(
          task, tiles, first + c, task.z, products,
          [](const float* at, int p) {
            at += p * kPoint;
            return load(at) + load(at + kDepthPoint) + load(at + 2 * kDepthPoint);
          },
          moments);
      if (task.z + 1 < l.outDepth) {
        finishSlice<Kind, WantMoments>(
            task, tiles, first + c, task.z + 1, products,
            [](const float* at, int p) {
              at += p * kPoint;
              return load(at + kDepthPoint) - load(at + 2 * kDepthPoint) - load(at + 3 * kDepthPoint);
            },
            moments);
      }
    }
    if (WantMoments) task.moments[(first + c) * task.momentsStride] = moments.moments(task.outputs);
  }
}

template <typename Kind>
void convolve(const WinogradTask& task) {
  const WinogradLayout& l = *task.layout;
  transformSources<Kind>(task);
  OutputTiles<Kind> tiles[kWinogradVectors];
  for (int64_t v = 0; v < task.vectors; v++) tiles[v].begin(l, task.firstVector + v);
  NextInputs<Kind> next(task);
  for (int64_t first = 0; first < task.channels; first += l.chunkChannels) {
    const int64_t channels = task.channels - first < l.chunkChannels ? task.channels - first : l.chunkChannels;
    multiplyChunk(task, task.weights + first * l.filterCount * l.sourceCount, first, channels, next);
    if (task.moments != nullptr) {
      finishChunk<Kind, true>(task, tiles, first, channels);
    } else {
      finishChunk<Kind, false>(task, tiles, first, channels);
    }
  }
}

}  // namespace

void convolveWinograd(const WinogradTask& task) {
  switch (task.layout->kind) {
    case WinogradKind::F4:
      return convolve<F4>(task);
    case WinogradKind::F6:
      return convolve<F6>(task);
    case WinogradKind::Strided:
      return convolve<Strided>(task);
    case WinogradKind::Transposed:
      return convolve<Transposed>(task);
  }
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
