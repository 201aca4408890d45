// Attributes and shapes of ONNX `Conv` and `ConvTranspose`, and the problem that they describe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "convolution.h"

namespace fusionlens {

/** As in a node: an empty list or string is an absent attribute. */
struct ConvolutionAttributes {
  std::vector<int64_t> kernelShape;
  std::vector<int64_t> strides;
  std::vector<int64_t> pads;
  std::vector<int64_t> dilations;
  std::string autoPad;
  int64_t group = 1;
  /** What `pads` pads with. */
  Border border = Border::Zero;
  /** `ConvTranspose`, which alone has the two lists. */
  bool transposed = false;
  std::vector<int64_t> outputPadding;
  std::vector<int64_t> outputShape;
};

/**
 * The problem for an input of shape N×C×D1…Dk and weights of shape M×C/group×K1…Kk (transposed: C×M/group×K1…Kk),
 * with 1 to 3 spatial axes.
 * Throws std::invalid_argument, with a sentence, where they don't fit together.
 */
Convolution convolutionFrom(const ConvolutionAttributes& attributes, const std::vector<int64_t>& inputShape,
                            const std::vector<int64_t>& weightsShape);

/** The output's shape, of `rank` axes like the input's. */
std::vector<int64_t> outputShape(const Convolution& convolution, size_t rank);

}  // namespace fusionlens
