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

/** What lies beyond the input's edges: zeros, the input mirrored without its edge, or its edge repeated (ONNX `Pad`). */
enum class Border { Zero, Reflect, Edge };

/**
 * Attributes and sizes of ONNX `Conv`, or of `ConvTranspose` where `transposed`; tensors are row-major float32:
 * X is batch × inChannels × input, Y is batch × outChannels × output, and W is outChannels × inChannels/groups × kernel
 * or, transposed, inChannels × outChannels/groups × kernel.
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
  /** Of a transposed convolution only `padBegin` counts: its output's size is given. */
  Extent padEnd{0, 0, 0};
  Border border = Border::Zero;
  bool transposed = false;
  /** Output size of a transposed convolution, which its other sizes leave open. */
  Extent transposedOutput;

  /** Output size, floor rounding as in ONNX. Meaningful only when `check()` finds nothing. */
  Extent output() const;
  int64_t inputElements() const { return batch * inChannels * input.volume(); }
  int64_t weightElements() const { return outChannels * (inChannels / groups) * kernel.volume(); }
  /** Where W has the filter from input channel `in` of its group to output channel `out` (of all). */
  int64_t filterIndex(int64_t out, int64_t in) const {
    const int64_t groupIn = inChannels / groups;
    const int64_t groupOut = outChannels / groups;
    const int64_t filter =
        transposed ? (out / groupOut * groupIn + in) * groupOut + out % groupOut : out * groupIn + in;
    return filter * kernel.volume();
  }
  int64_t outputElements() const { return batch * outChannels * output().volume(); }
  /** Multiply-adds of the direct algorithm, those with padding included. */
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
