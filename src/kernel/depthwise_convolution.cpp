#include "depthwise_convolution.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace fusionlens {
namespace {

// Outputs of a tile: enough for its overhead not to count, few enough for single-precision sums.
constexpr int64_t kTileOutputs = 2048;

}  // namespace

bool DepthwiseConvolution::canDo(const Convolution& c) {
  return c.groups == c.inChannels && c.groups > 1 && c.kernel.depth == 1 && c.input.depth == 1 &&
         c.output().depth == 1 && c.padBegin.depth == 0 && c.stride.width == 1 && c.kernel.width <= kMostDepthwiseWidth &&
         (c.kernel.height - 1) * c.dilation.height * c.input.width < std::numeric_limits<int32_t>::max() / 2;
}

DepthwiseConvolution::DepthwiseConvolution(const Convolution& c, const float* weights, const Target& target)
    : convolution_(c), target_(target), weights_(weights, weights + c.weightElements()) {
  assert(c.check().empty() && canDo(c));
  const Extent out = c.output();
  DepthwiseLayout& l = layout_;
  l.inHeight = c.input.height;
  l.inWidth = c.input.width;
  l.outHeight = out.height;
  l.outWidth = out.width;
  l.kernelHeight = c.kernel.height;
  l.kernelWidth = c.kernel.width;
  l.strideHeight = c.stride.height;
  l.dilationHeight = c.dilation.height;
  l.dilationWidth = c.dilation.width;
  l.padHeight = c.padBegin.height;
  l.padWidth = c.padBegin.width;
  // The last vector begins at the last output at the latest.
  const int64_t lastColumn =
      l.outWidth - 1 - l.padWidth + (l.kernelWidth - 1) * l.dilationWidth + target.lanes - 1;
  l.overrun = std::max<int64_t>(0, lastColumn - (l.inWidth - 1));
  for (int64_t ky = 0; ky < l.kernelHeight; ky++) {
    for (int64_t kx = 0; kx < l.kernelWidth; kx++) {
      offsets_.push_back(static_cast<int32_t>(ky * l.dilationHeight * l.inWidth + kx * l.dilationWidth));
    }
  }
  l.offsets = offsets_.data();
  tileRows_ = std::clamp<int64_t>(kTileOutputs / l.outWidth, 1, l.outHeight);
}

int64_t DepthwiseConvolution::tilesPerUnit() const { return (layout_.outHeight + tileRows_ - 1) / tileRows_; }

int64_t DepthwiseConvolution::tileElements(int64_t tile) const {
  return std::min(tileRows_, layout_.outHeight - tile * tileRows_) * layout_.outWidth;
}

void DepthwiseConvolution::convolveTile(const Unit& unit, int64_t tile, const float* x, float* y, TileMoments* moments,
                                        int64_t momentsStride, float*) const {
  const Convolution& c = convolution_;
  const int64_t inSize = c.input.volume();
  const int64_t outSize = c.output().volume();
  const int64_t inPlane = unit.image * c.inChannels + unit.group;
  const int64_t first = unit.group * channelsPerUnit() + unit.firstChannel;
  DepthwiseTask task{};
  task.layout = &layout_;
  task.input = x + inPlane * inSize;
  task.floatsBefore = inPlane * inSize;
  task.floatsAfter = c.inputElements() - (inPlane + 1) * inSize;
  task.firstRow = tile * tileRows_;
  task.endRow = std::min(task.firstRow + tileRows_, layout_.outHeight);
  for (int64_t channel = 0; channel < unit.channels; channel++) {
    task.output = y + (unit.image * c.outChannels + first + channel) * outSize;
    task.weights = weights_.data() + (first + channel) * c.kernel.volume();
    task.moments = moments == nullptr ? nullptr : moments + channel * momentsStride;
    target_.convolveDepthwise(task);
  }
}

}  // namespace fusionlens
