#include "depthwise_convolution.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

namespace fusionlens {
namespace {

// Outputs of a tile: enough for its overhead not to count, few enough for single-precision sums.
constexpr int64_t kTileOutputs = 2048;

}  // namespace

bool DepthwiseConvolution::canDo(const Convolution& c) {
  return !c.transposed && c.groups == c.inChannels && c.groups > 1 && c.kernel.depth == 1 && c.input.depth == 1 &&
         c.output().depth == 1 && c.padBegin.depth == 0 && c.stride.width == 1 && c.kernel.width <= kMostDepthwiseWidth &&
         (c.kernel.height - 1) * c.dilation.height * c.input.width < std::numeric_limits<int32_t>::max() / 2;
}

DepthwiseConvolution::DepthwiseConvolution(const Convolution& c, const float* weights, const Target& target)
    : convolution_(c), target_(target), weights_(weights, weights + c.weightElements()) {
  assert(c.check().empty() && canDo(c));
  const Extent out = c.output();
  DepthwiseLayout& l = layout_;
  l.outHeight = out.height;
  l.outWidth = out.width;
  tileRows_ = std::clamp<int64_t>(kTileOutputs / l.outWidth, 1, l.outHeight);
  copiesRows_ = c.border != Border::Zero;
  l.inHeight = c.input.height;
  l.inWidth = copiesRows_ ? c.padBegin.width + c.input.width + c.padEnd.width : c.input.width;
  l.kernelHeight = c.kernel.height;
  l.kernelWidth = c.kernel.width;
  l.strideHeight = c.stride.height;
  l.dilationHeight = c.dilation.height;
  l.dilationWidth = c.dilation.width;
  l.padHeight = c.padBegin.height;
  l.padWidth = copiesRows_ ? 0 : c.padBegin.width;
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
  if (copiesRows_) copiedRows_ = (tileRows_ - 1) * l.strideHeight + (l.kernelHeight - 1) * l.dilationHeight + 1;
}

size_t DepthwiseConvolution::scratchFloats() const {
  return static_cast<size_t>(copiedRows_ * layout_.inWidth + (copiesRows_ ? layout_.overrun : 0));
}

/** The rows that output rows from `firstRow` on need, with their border. */
void DepthwiseConvolution::copyRows(const float* plane, int64_t firstRow, int64_t rows, float* to) const {
  const Convolution& c = convolution_;
  const auto shown = [&](int64_t i, int64_t size) {
    if (c.border == Border::Reflect) i = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    return std::clamp<int64_t>(i, 0, size - 1);
  };
  for (int64_t r = 0; r < rows; r++) {
    const float* from = plane + shown(firstRow * c.stride.height - c.padBegin.height + r, c.input.height) * c.input.width;
    float* row = to + r * layout_.inWidth;
    for (int64_t i = 0; i < c.padBegin.width; i++) row[i] = from[shown(i - c.padBegin.width, c.input.width)];
    std::memcpy(row + c.padBegin.width, from, static_cast<size_t>(c.input.width) * sizeof(float));
    float* end = row + c.padBegin.width + c.input.width;
    for (int64_t i = 0; i < c.padEnd.width; i++) end[i] = from[shown(c.input.width + i, c.input.width)];
  }
}

int64_t DepthwiseConvolution::tilesPerUnit() const { return (layout_.outHeight + tileRows_ - 1) / tileRows_; }

int64_t DepthwiseConvolution::tileElements(int64_t tile) const {
  return std::min(tileRows_, layout_.outHeight - tile * tileRows_) * layout_.outWidth;
}

void DepthwiseConvolution::convolveTile(const Unit& unit, int64_t tile, const float* x, float* planes, TileMoments* moments,
                                        int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const int64_t inSize = c.input.volume();
  const int64_t outSize = c.output().volume();
  const int64_t inPlane = unit.image * c.inChannels + unit.group;
  const int64_t first = unit.group * channelsPerUnit() + unit.firstChannel;
  DepthwiseLayout copied = layout_;
  DepthwiseTask task{};
  task.layout = &layout_;
  task.input = x + inPlane * inSize;
  task.floatsBefore = inPlane * inSize;
  task.floatsAfter = c.inputElements() - (inPlane + 1) * inSize;
  task.firstRow = tile * tileRows_;
  task.endRow = std::min(task.firstRow + tileRows_, layout_.outHeight);
  if (copiesRows_) {
    const int64_t rows = (task.endRow - task.firstRow - 1) * copied.strideHeight + (copied.kernelHeight - 1) * copied.dilationHeight + 1;
    copyRows(task.input, task.firstRow, rows, scratch);
    // The copy has no padding; it begins where the first row's inputs do.
    copied.inHeight = rows;
    copied.padHeight = task.firstRow * copied.strideHeight;
    task.layout = &copied;
    task.input = scratch;
    task.floatsBefore = 0;
    task.floatsAfter = copied.overrun;
  }
  for (int64_t channel = 0; channel < unit.channels; channel++) {
    task.output = planes + channel * outSize;
    task.weights = weights_.data() + (first + channel) * c.kernel.volume();
    task.moments = moments == nullptr ? nullptr : moments + channel * momentsStride;
    target_.convolveDepthwise(task);
  }
}

}  // namespace fusionlens
