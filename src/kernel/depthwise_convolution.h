// Depthwise convolution as an algorithm.
#pragma once

#include <vector>

#include "algorithm.h"

namespace fusionlens {

class DepthwiseConvolution final : public Algorithm {
 public:
  /** One input channel a group (any number of outputs), at most two dimensions, stride 1 along the rows. */
  static bool canDo(const Convolution& convolution);

  /** `canDo(convolution)` must hold. */
  DepthwiseConvolution(const Convolution& convolution, const float* weights, const Target& target);

  const char* name() const override { return "depthwise"; }
  int64_t channelsPerUnit() const override { return convolution_.outChannels / convolution_.groups; }
  int64_t tilesPerUnit() const override;
  int64_t tileElements(int64_t tile) const override;
  size_t scratchFloats() const override;
  void convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes, TileMoments* moments,
                    int64_t momentsStride, float* scratch) const override;

 private:
  Convolution convolution_;
  const Target& target_;
  DepthwiseLayout layout_{};
  std::vector<float> weights_;
  std::vector<int32_t> offsets_;
  int64_t tileRows_ = 1;
};

}  // namespace fusionlens
