#include "attributes.h"

#include <stdexcept>

namespace fusionlens {
namespace {

constexpr int64_t kLargest = int64_t{1} << 30;

void demand(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

std::vector<int64_t> orDefault(const std::vector<int64_t>& values, size_t count, int64_t fallback, const char* name) {
  if (values.empty()) return std::vector<int64_t>(count, fallback);
  demand(values.size() == count,
         std::string(name) + " has " + std::to_string(values.size()) + " values, not " + std::to_string(count));
  return values;
}

/** The last axis is the width; missing axes in front get `fill`. */
Extent extentOf(const int64_t* values, size_t axes, int64_t fill) {
  Extent e{fill, fill, fill};
  e.width = values[axes - 1];
  if (axes > 1) e.height = values[axes - 2];
  if (axes > 2) e.depth = values[axes - 3];
  return e;
}

/** ONNX `auto_pad`: SAME_* makes the output ceil(input / stride) long; the odd one goes to the end for SAME_UPPER. */
std::vector<int64_t> automaticPads(const std::string& mode, const int64_t* input, const int64_t* kernel,
                                   const std::vector<int64_t>& strides, const std::vector<int64_t>& dilations) {
  const size_t axes = strides.size();
  std::vector<int64_t> pads(2 * axes, 0);
  if (mode == "VALID") return pads;
  demand(mode == "SAME_UPPER" || mode == "SAME_LOWER", "auto_pad \"" + mode + "\" is unknown");
  for (size_t i = 0; i < axes; i++) {
    demand(strides[i] >= 1 && dilations[i] >= 1, "every stride and dilation must be at least 1");
    const int64_t output = (input[i] + strides[i] - 1) / strides[i];
    const int64_t needed = (output - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - input[i];
    const int64_t total = needed > 0 ? needed : 0;
    pads[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
    pads[axes + i] = total - pads[i];
  }
  return pads;
}

/** Padding at the beginning, and output size, of each axis of a transposed convolution. */
struct TransposedAxes {
  std::vector<int64_t> begin;
  std::vector<int64_t> output;
};

/**
 * As ONNX Runtime computes them: `output_shape` wins over `pads`; what padding it or SAME_* asks for is never negative,
 * and the odd one goes to the beginning unless SAME_UPPER says otherwise (the ONNX specification of ConvTranspose).
 */
TransposedAxes transposedAxes(const ConvolutionAttributes& a, const int64_t* input, const int64_t* kernel,
                              const std::vector<int64_t>& strides, const std::vector<int64_t>& dilations) {
  const size_t axes = strides.size();
  const std::vector<int64_t> pads = orDefault(a.pads, 2 * axes, 0, "pads");
  const std::vector<int64_t> extra = orDefault(a.outputPadding, axes, 0, "output_padding");
  // Some exporters give all axes of the output, batch and channels included.
  const std::vector<int64_t> wanted(a.outputShape.size() == axes + 2 ? a.outputShape.begin() + 2 : a.outputShape.begin(),
                                    a.outputShape.end());
  demand(wanted.empty() || wanted.size() == axes, "output_shape has the wrong number of values");
  const bool same = a.autoPad == "SAME_UPPER" || a.autoPad == "SAME_LOWER";
  const bool given = a.autoPad.empty() || a.autoPad == "NOTSET";
  demand(same || given || a.autoPad == "VALID", "auto_pad \"" + a.autoPad + "\" is unknown");
  TransposedAxes result;
  for (size_t i = 0; i < axes; i++) {
    demand(strides[i] >= 1 && dilations[i] >= 1 && strides[i] < kLargest && dilations[i] < kLargest,
           "every stride and dilation must be at least 1");
    demand(input[i] < kLargest && kernel[i] < kLargest, "a size is too large");
    demand(extra[i] >= 0 && extra[i] < kLargest, "output_padding must not be negative");
    const int64_t full = strides[i] * (input[i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1;
    if (wanted.empty() && !same) {
      const int64_t begin = given ? pads[i] : 0;
      const int64_t end = given ? pads[axes + i] : 0;
      demand(begin >= 0 && end >= 0 && begin < kLargest && end < kLargest, "no padding may be negative");
      result.begin.push_back(begin);
      result.output.push_back(full - begin - end);
      continue;
    }
    const int64_t output = wanted.empty() ? strides[i] * input[i] : wanted[i];
    const int64_t total = full > output ? full - output : 0;
    result.begin.push_back(a.autoPad == "SAME_UPPER" ? total / 2 : total - total / 2);
    result.output.push_back(wanted.empty() ? full - total : output);
  }
  return result;
}

}  // namespace

Convolution convolutionFrom(const ConvolutionAttributes& a, const std::vector<int64_t>& inputShape,
                            const std::vector<int64_t>& weightsShape) {
  demand(inputShape.size() >= 3 && inputShape.size() <= 5,
         "the input must have 3 to 5 axes (batch, channels, 1 to 3 spatial), not " +
             std::to_string(inputShape.size()));
  demand(weightsShape.size() == inputShape.size(), "the weights must have as many axes as the input");
  const size_t axes = inputShape.size() - 2;
  for (const int64_t size : inputShape) demand(size >= 1, "every size of the input must be at least 1");
  for (const int64_t size : weightsShape) demand(size >= 1, "every size of the weights must be at least 1");
  const std::vector<int64_t> kernel(weightsShape.begin() + 2, weightsShape.end());
  demand(a.kernelShape.empty() || a.kernelShape == kernel, "kernel_shape and the weights' shape differ");
  const std::vector<int64_t> strides = orDefault(a.strides, axes, 1, "strides");
  const std::vector<int64_t> dilations = orDefault(a.dilations, axes, 1, "dilations");
  Convolution c;
  c.batch = inputShape[0];
  c.inChannels = inputShape[1];
  c.groups = a.group;
  c.border = a.border;
  c.transposed = a.transposed;
  c.input = extentOf(&inputShape[2], axes, 1);
  c.kernel = extentOf(kernel.data(), axes, 1);
  c.stride = extentOf(strides.data(), axes, 1);
  c.dilation = extentOf(dilations.data(), axes, 1);
  if (a.transposed) {
    const TransposedAxes transposed = transposedAxes(a, &inputShape[2], kernel.data(), strides, dilations);
    c.outChannels = a.group >= 1 && a.group < kLargest && weightsShape[1] < kLargest ? weightsShape[1] * a.group : 0;
    c.padBegin = extentOf(transposed.begin.data(), axes, 0);
    c.transposedOutput = extentOf(transposed.output.data(), axes, 1);
  } else {
    const std::vector<int64_t> pads = a.autoPad.empty() || a.autoPad == "NOTSET"
                                          ? orDefault(a.pads, 2 * axes, 0, "pads")
                                          : automaticPads(a.autoPad, &inputShape[2], kernel.data(), strides, dilations);
    c.outChannels = weightsShape[0];
    c.padBegin = extentOf(pads.data(), axes, 0);
    c.padEnd = extentOf(pads.data() + axes, axes, 0);
  }
  const std::string problem = c.check();
  demand(problem.empty(), problem);
  if (a.transposed) {
    demand(weightsShape[0] == c.inChannels,
           "the weights have " + std::to_string(weightsShape[0]) + " input channels, not " + std::to_string(c.inChannels));
    return c;
  }
  demand(weightsShape[1] == c.inChannels / c.groups,
         "the weights have " + std::to_string(weightsShape[1]) + " input channels, not " +
             std::to_string(c.inChannels / c.groups));
  return c;
}

std::vector<int64_t> outputShape(const Convolution& convolution, size_t rank) {
  const Extent out = convolution.output();
  const int64_t spatial[] = {out.depth, out.height, out.width};
  std::vector<int64_t> shape = {convolution.batch, convolution.outChannels};
  shape.insert(shape.end(), spatial + 5 - rank, spatial + 3);
  return shape;
}

}  // namespace fusionlens
