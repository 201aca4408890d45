// The problem: a convolution followed by an instance normalisation and an optional activation.
#pragma once

#include <cstdint>
#include <string>

namespace fusionlens {

/** Sizes along the spatial axes. A convolution of fewer dimensions has ones in front: 2-D has `depth` 1. */
struct Extent {
  int64_t depth = 1;
  int64_t height = 1;
  int64_t width = 1;

  int64_t volume() const { return depth * height * width; }
};

inline bool operator==(const Extent& a, const Extent& b) {
  return a.depth == b.depth && a.height == b.height && a.width == b.width;
}

/**
 * Attributes and sizes of ONNX `Conv` with zero padding; tensors are row-major float32:
 * X is batch × inChannels × input, W is outChannels × inChannels/groups × kernel, Y is batch × outChannels × output.
 */
struct Convolution {
  int64_t batch = 1;
  int64_t inChannels = 1;
  int64_t outChannels = 1;
  int64_t groups = 1;
  Extent input;
  Extent kernel;
  Extent stride;
  Extent dilation;
  Extent padBegin{0, 0, 0};
  Extent padEnd{0, 0, 0};

  /** Output size, floor rounding as in ONNX. Meaningful only when `check()` finds nothing. */
  Extent output() const;
  int64_t inputElements() const { return batch * inChannels * input.volume(); }
  int64_t weightElements() const { return outChannels * (inChannels / groups) * kernel.volume(); }
  int64_t outputElements() const { return batch * outChannels * output().volume(); }
  /** Multiply-adds of the direct algorithm. */
  double multiplyAdds() const;

  /** What is wrong with the attributes, as a sentence; empty when nothing is. */
  std::string check() const;
};

enum class Activation { None, Relu, LeakyRelu };

/** InstanceNormalization's epsilon and what follows it. */
struct Normalization {
  float epsilon = 1e-5f;
  Activation activation = Activation::None;
  /** Slope of LeakyRelu below zero. */
  float alpha = 0.01f;
};

}  // namespace fusionlens
