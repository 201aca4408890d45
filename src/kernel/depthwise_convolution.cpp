#include "depthwise_convolution.h"

#include <algorithm>
#include <cassert>

namespace fusionlens {
namespace {

// Outputs of a tile: enough for its overhead not to count, few enough for its inputs to stay in the nearest cache.
constexpr int64_t kTileOutputs = 4096;
// Floats that a row of outputs reaches over; large dilations copy much that no tap reads.
constexpr int64_t kMostCopied = 1 << 20;
// Rows share most of their inputs' copies.
constexpr int64_t kLeastRows = 4;
// The last outputs of a row read up to two vectors beyond it.
constexpr int64_t kVectors = 2;

}  // namespace

bool DepthwiseConvolution::canDo(const Convolution& c) {
  return !c.transposed && c.groups == c.inChannels && c.groups > 1 && c.kernel.depth == 1 && c.input.depth == 1 &&
         c.output().depth == 1 && c.padBegin.depth == 0 && c.stride.width == 1 &&
         (c.kernel.height - 1) * c.dilation.height * (c.padBegin.width + c.input.width + c.padEnd.width) < kMostCopied;
}

DepthwiseConvolution::DepthwiseConvolution(const Convolution& c, const float* weights, const Target& target)
    : convolution_(c), target_(target), weights_(weights, weights + c.weightElements()) {
  assert(c.check().empty() && canDo(c));
  const Extent out = c.output();
  DepthwiseLayout& l = layout_;
  l.outHeight = out.height;
  l.outWidth = out.width;
  tileRows_ = std::min(std::max(kTileOutputs / l.outWidth, kLeastRows), l.outHeight);
  l.inHeight = c.input.height;
  l.inWidth = c.input.width;
  l.strideHeight = c.stride.height;
  l.padHeight = c.padBegin.height;
  l.padWidth = c.padBegin.width;
  l.border = static_cast<int>(c.border);
  l.copiedRow = c.padBegin.width + c.input.width + c.padEnd.width;
  l.reach = (c.kernel.height - 1) * c.dilation.height + 1;
  l.is3x3 = c.kernel == Extent{1, 3, 3} && c.dilation == Extent{1, 1, 1} && c.stride.height == 1;
  for (int64_t ky = 0; ky < c.kernel.height; ky++) {
    for (int64_t kx = 0; kx < c.kernel.width; kx++) {
      offsets_.push_back(static_cast<int32_t>(ky * c.dilation.height * l.copiedRow + kx * c.dilation.width));
    }
  }
  l.taps = static_cast<int64_t>(offsets_.size());
  l.offsets = offsets_.data();
}

size_t DepthwiseConvolution::scratchFloats() const {
  const int64_t rows = (tileRows_ - 1) * layout_.strideHeight + layout_.reach;
  return static_cast<size_t>(rows * layout_.copiedRow + kVectors * target_.lanes);
}

int64_t DepthwiseConvolution::tilesPerUnit() const { return (layout_.outHeight + tileRows_ - 1) / tileRows_; }

int64_t DepthwiseConvolution::tileElements(int64_t tile) const {
  return std::min(tileRows_, layout_.outHeight - tile * tileRows_) * layout_.outWidth;
}

void DepthwiseConvolution::convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes,
                                        TileMoments* moments, int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const int64_t inSize = c.input.volume();
  const int64_t outSize = c.output().volume();
  const int64_t first = unit.group * channelsPerUnit() + unit.firstChannel;
  DepthwiseTask task{};
  task.layout = &layout_;
  task.input = input.x + (unit.image * c.inChannels + unit.group) * inSize;
  task.firstRow = tile * tileRows_;
  task.endRow = std::min(task.firstRow + tileRows_, layout_.outHeight);
  task.copied = scratch;
  for (int64_t channel = 0; channel < unit.channels; channel++) {
    task.output = planes + channel * outSize;
    task.weights = weights_.data() + (first + channel) * c.kernel.volume();
    task.moments = moments == nullptr ? nullptr : moments + channel * momentsStride;
    target_.convolveDepthwise(task);
  }
}

}  // namespace fusionlens
