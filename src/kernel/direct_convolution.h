// The direct algorithm's plan: tiles, staging layout, packed weights.
#pragma once

#include <vector>

#include "algorithm.h"
#include "aligned_buffer.h"

namespace fusionlens {

/** How one axis of the input is staged, and which taps its output phases have (see `DirectLayout`). */
struct StagedAxis {
  struct Tap {
    int64_t index;   // in the kernel
    int64_t phase;   // index of its input phase
    int64_t offset;  // staged elements from an output's own
  };
  struct OutputPhase {
    int64_t first;  // output
    std::vector<Tap> taps;
  };

  int64_t stride = 1, step = 1;
  int64_t first = 0;  // input position that staging begins with
  int64_t extra = 0;  // staged elements beyond the outputs'
  std::vector<int64_t> inputPhases;
  std::vector<OutputPhase> outputPhases;  // all that have outputs, also those without taps
  int64_t outputs = 0;                    // of the phase that has most

  StagedAxis() = default;
  StagedAxis(const Convolution& convolution, int64_t Extent::* axis);
  bool hasEmptyPhase() const;
};

class DirectConvolution final : public Algorithm {
 public:
  /** `exact`: sums long reductions in segments, whose rounding errors add up less. */
  DirectConvolution(const Convolution& convolution, const float* weights, const Target& target, bool exact);

  const char* name() const override { return "direct"; }
  int64_t channelsPerUnit() const override { return channelsPerUnit_; }
  int64_t tilesPerUnit() const override;
  int64_t tileElements(int64_t tile) const override;
  size_t scratchFloats() const override { return stagedFloats_ + sumsFloats_; }
  void convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes, TileMoments* moments,
                    int64_t momentsStride, float* scratch) const override;

 private:
  /** What one `DirectSlices` points to. */
  struct SlicePhases {
    std::vector<int64_t> inputs;
    std::vector<DirectPhase> phases;
    /** Of each phase, its taps' indices in the kernel. */
    std::vector<std::vector<int64_t>> taps;
    std::vector<std::vector<int32_t>> offsets;
    int64_t tapsBefore = 0;  // of the slices before
  };

  void describe();
  void chooseUnits();
  void chooseTiles();
  void chooseChunks();
  void layOutStaging();
  void listPhases();
  void packWeights(const float* weights);
  int64_t outputPhases() const;
  int64_t stagedPlanes() const;

  Convolution convolution_;
  const Target& target_;
  StagedAxis depth_, rows_, columns_;
  DirectLayout layout_{};
  std::vector<DirectSlices> slices_;
  std::vector<SlicePhases> slicePhases_;
  int64_t taps_ = 0;  // of all phases of all slices
  AlignedBuffer packed_;
  int64_t channelsPerUnit_ = 1;
  size_t stagedFloats_ = 0;
  size_t sumsFloats_ = 0;
};

}  // namespace fusionlens
