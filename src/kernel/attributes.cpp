#include "attributes.h"

#include <stdexcept>

namespace fusionlens {
namespace {

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
  const std::vector<int64_t> pads = a.autoPad.empty() || a.autoPad == "NOTSET"
                                        ? orDefault(a.pads, 2 * axes, 0, "pads")
                                        : automaticPads(a.autoPad, &inputShape[2], kernel.data(), strides, dilations);
  Convolution c;
  c.batch = inputShape[0];
  c.inChannels = inputShape[1];
  c.outChannels = weightsShape[0];
  c.groups = a.group;
  c.input = extentOf(&inputShape[2], axes, 1);
  c.kernel = extentOf(kernel.data(), axes, 1);
  c.stride = extentOf(strides.data(), axes, 1);
  c.dilation = extentOf(dilations.data(), axes, 1);
  c.padBegin = extentOf(pads.data(), axes, 0);
  c.padEnd = extentOf(pads.data() + axes, axes, 0);
  const std::string problem = c.check();
  demand(problem.empty(), problem);
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
