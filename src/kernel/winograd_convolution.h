// Winograd's algorithms: which layers they can do, pieces of the filter, packed transformed weights.
#pragma once

#include <array>
#include <vector>

#include "algorithm.h"
#include "aligned_buffer.h"

namespace fusionlens {

constexpr int64_t kPiece = 3;

/** Which of Winograd's algorithms, and whether F(2, 3) is nested with it over the depth of a 3×3×3 kernel. */
struct WinogradForm {
  WinogradKind kind;
  bool nestsDepth;
};

class WinogradConvolution final : public Algorithm {
 public:
  /**
   * Those that can do it, perhaps none. One group, dilation 1. Stride 1: kernels other than 3×3 are padded with zeros to
   * multiples of it. Stride 2: 3×3;
   * transposed only in two dimensions with odd padding at the beginning, which nearly all such layers have.
   */
  static std::vector<WinogradForm> forms(const Convolution& convolution);

  /** `form` is one of `forms(convolution)`. */
  WinogradConvolution(const Convolution& convolution, WinogradForm form, const float* weights, const Target& target);

  const char* name() const override { return "winograd"; }
  /** All of them: transforming the inputs again would cost more than normalising out of a farther cache. */
  int64_t channelsPerUnit() const override { return convolution_.outChannels; }
  int64_t tilesPerUnit() const override;
  int64_t tileElements(int64_t tile) const override;
  size_t scratchFloats() const override { return transformedFloats_ + productFloats_; }
  /** Not where phases see different taps, and so different shifts of the output. */
  bool subtractsShifts() const override { return kind_ != WinogradKind::Transposed; }
  void convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes, TileMoments* moments,
                    int64_t momentsStride, float* scratch) const override;

 private:
  using Piece = std::array<std::array<double, kPiece>, kPiece>;

  void listPoints();
  void findSources();
  void layOut();
  void packWeights(const float* weights);
  Piece pieceOf(const float* weights, int64_t out, const WinogradSource& source, int64_t kz) const;
  std::vector<Piece> depthPieces(const float* weights, int64_t out, const WinogradSource& source) const;
  int64_t groupsOfSlice() const;
  int64_t slicesPerTile() const;
  int64_t firstVector(int64_t group) const;

  Convolution convolution_;
  const Target& target_;
  WinogradKind kind_;
  bool nestsDepth_;
  std::vector<WinogradPoint> points_;
  WinogradLayout layout_{};
  std::vector<WinogradSource> sources_;
  AlignedBuffer packed_;
  size_t transformedFloats_ = 0;
  size_t productFloats_ = 0;
};

/** Vectors of tiles that cover the output, of `lanes` tiles each; with nested depth one serves two slices. */
int64_t winogradVectors(const Convolution& convolution, WinogradForm form, int lanes);

}  // namespace fusionlens
