// The direct algorithm's plan: tiles, staging layout, packed weights.
#pragma once

#include <vector>

#include "algorithm.h"
#include "aligned_buffer.h"

namespace fusionlens {

class DirectConvolution final : public Algorithm {
 public:
  DirectConvolution(const Convolution& convolution, const float* weights, const Target& target);

  const char* name() const override { return "direct"; }
  int64_t channelsPerUnit() const override { return channelsPerUnit_; }
  int64_t tilesPerUnit() const override;
  int64_t tileElements(int64_t tile) const override;
  size_t scratchFloats() const override { return stagedFloats_ + sumsFloats_; }
  void convolveTile(const Unit& unit, int64_t tile, const float* x, float* y, TileMoments* moments,
                    int64_t momentsStride, float* scratch) const override;

 private:
  void chooseUnits();
  void chooseTiles();
  void chooseChunks();
  void layOutStaging();
  void packWeights(const float* weights);

  Convolution convolution_;
  const Target& target_;
  DirectLayout layout_{};
  std::vector<int64_t> rowPhases_;
  std::vector<int64_t> columnPhases_;
  std::vector<int32_t> offsets_;
  AlignedBuffer packed_;
  int64_t channelsPerUnit_ = 1;
  size_t stagedFloats_ = 0;
  size_t sumsFloats_ = 0;
};

}  // namespace fusionlens
