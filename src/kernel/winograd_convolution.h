// Winograd's F(4×4, 3×3), and F(4, 2) by stride phase, as an algorithm: which layers it can do, pieces of the filter, packed transformed weights.
#pragma once

#include <array>
#include <vector>

#include "algorithm.h"
#include "aligned_buffer.h"

namespace fusionlens {

constexpr int64_t kPiece = 3;

class WinogradConvolution final : public Algorithm {
 public:
  /**
   * One group, dilation 1. Stride 1: kernels other than 3×3 are padded with zeros to multiples of it. Stride 2: 3×3;
   * transposed only in two dimensions with odd padding at the beginning, which nearly all such layers have.
   */
  static bool canDo(const Convolution& convolution);

  /** `canDo(convolution)` must hold. */
  WinogradConvolution(const Convolution& convolution, const float* weights, const Target& target);

  const char* name() const override { return "winograd"; }
  /** All of them: transforming the inputs again would cost more than normalising out of a farther cache. */
  int64_t channelsPerUnit() const override { return convolution_.outChannels; }
  int64_t tilesPerUnit() const override;
  int64_t tileElements(int64_t tile) const override;
  size_t scratchFloats() const override { return transformedFloats_ + productFloats_; }
  void convolveTile(const Unit& unit, int64_t tile, const float* x, float* planes, TileMoments* moments,
                    int64_t momentsStride, float* scratch) const override;

 private:
  using Piece = std::array<std::array<double, kPiece>, kPiece>;

  void listPoints();
  void findSources();
  void layOut();
  void packWeights(const float* weights);
  Piece pieceOf(const float* weights, int64_t out, const WinogradSource& source) const;
  int64_t vectorElements(int64_t vector) const;
  int64_t groupsOfSlice() const;

  Convolution convolution_;
  const Target& target_;
  WinogradKind kind_;
  std::vector<WinogradPoint> points_;
  WinogradLayout layout_{};
  std::vector<WinogradSource> sources_;
  AlignedBuffer packed_;
  size_t transformedFloats_ = 0;
  size_t productFloats_ = 0;
};

/** `WinogradConvolution::canDo(convolution)` must hold. */
WinogradKind winogradKind(const Convolution& convolution);

/** Vectors of tiles that cover the output, of `lanes` tiles each. */
int64_t winogradVectors(const Convolution& convolution, int lanes);

}  // namespace fusionlens
