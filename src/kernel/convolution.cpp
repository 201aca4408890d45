#include "convolution.h"

namespace fusionlens {
namespace {

int64_t outputSize(int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t padBegin, int64_t padEnd) {
  return (input + padBegin + padEnd - ((kernel - 1) * dilation + 1)) / stride + 1;
}

// Sizes beyond this can't be a real layer, and keeping below it keeps every product here within 64 bits.
constexpr int64_t kLargestSize = int64_t{1} << 30;
constexpr double kMostElements = 1e12;

bool within(const Extent& e, int64_t least) {
  return e.depth >= least && e.height >= least && e.width >= least && e.depth <= kLargestSize &&
         e.height <= kLargestSize && e.width <= kLargestSize;
}

double elements(const Extent& e) {
  return static_cast<double>(e.depth) * static_cast<double>(e.height) * static_cast<double>(e.width);
}

}  // namespace

Extent Convolution::output() const {
  if (transposed) return transposedOutput;
  return {outputSize(input.depth, kernel.depth, stride.depth, dilation.depth, padBegin.depth, padEnd.depth),
          outputSize(input.height, kernel.height, stride.height, dilation.height, padBegin.height, padEnd.height),
          outputSize(input.width, kernel.width, stride.width, dilation.width, padBegin.width, padEnd.width)};
}

double Convolution::multiplyAdds() const {
  return static_cast<double>(batch) * static_cast<double>(outChannels) *
         static_cast<double>(inChannels / groups) * elements(kernel) *
         elements(transposed ? input : output());
}

std::string Convolution::check() const {
  if (batch < 1 || batch > kLargestSize) return "the batch size must be at least 1";
  if (inChannels < 1 || inChannels > kLargestSize) return "there must be at least one input channel";
  if (outChannels < 1 || outChannels > kLargestSize) return "there must be at least one output channel";
  if (groups < 1) return "the group count must be at least 1";
  if (inChannels % groups != 0) return "the input channels are no multiple of the group count";
  if (outChannels % groups != 0) return "the output channels are no multiple of the group count";
  if (!within(input, 1)) return "every spatial input size must be at least 1";
  if (!within(kernel, 1)) return "every kernel size must be at least 1";
  if (!within(stride, 1)) return "every stride must be at least 1";
  if (!within(dilation, 1)) return "every dilation must be at least 1";
  if (!within(padBegin, 0) || !within(padEnd, 0)) return "no padding may be negative";
  if (border != Border::Zero && transposed) return "a transposed convolution can only be padded with zeros";
  if (border == Border::Reflect &&
      (padBegin.depth >= input.depth || padBegin.height >= input.height || padBegin.width >= input.width ||
       padEnd.depth >= input.depth || padEnd.height >= input.height || padEnd.width >= input.width)) {
    return "reflected padding must be smaller than the input";
  }
  if (transposed && !within(transposedOutput, 1)) return "every output size of a transposed convolution must be at least 1";
  const Extent reach{(kernel.depth - 1) * dilation.depth + 1, (kernel.height - 1) * dilation.height + 1,
                     (kernel.width - 1) * dilation.width + 1};
  if (!transposed && (reach.depth > input.depth + padBegin.depth + padEnd.depth ||
                      reach.height > input.height + padBegin.height + padEnd.height ||
                      reach.width > input.width + padBegin.width + padEnd.width)) {
    return "the dilated kernel is larger than the padded input";
  }
  const Extent out = output();
  const double images = static_cast<double>(batch);
  if (images * static_cast<double>(inChannels) * elements(input) > kMostElements ||
      images * static_cast<double>(outChannels) * elements(out) > kMostElements ||
      static_cast<double>(outChannels) * static_cast<double>(inChannels / groups) * elements(kernel) > kMostElements) {
    return "a tensor has more than 10^12 elements";
  }
  return {};
}

}  // namespace fusionlens
