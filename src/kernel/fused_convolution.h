// A convolution, instance normalisation, addition and activation as one operation, prepared once and run many times.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "algorithm.h"
#include "aligned_buffer.h"
#include "choose_algorithm.h"
#include "convolution.h"
#include "instruction_set.h"
#include "residual.h"
#include "thread_pool.h"

namespace fusionlens {

enum class Fusion {
  /** Moments are collected while the convolution's output is in registers; planes are normalised while in cache. */
  Fused,
  /** The control: the same convolution, then InstanceNormalization with the activation as a pass of its own. */
  Unfused,
};

class FusedConvolution {
 public:
  /**
   * Packs the weights for `set`. `weights` has `weightElements()` values, `scale` and `bias` one per output channel;
   * none is kept. Throws std::invalid_argument, with a sentence, where the problem or the set can't be had.
   */
  FusedConvolution(const Convolution& convolution, const Normalization& normalization, const float* weights,
                   const float* scale, const float* bias, InstructionSet set,
                   AlgorithmChoice choice = AlgorithmChoice::Fastest);

  /**
   * Computes `y` (`outputElements()`) from `x` (`inputElements()`), which must not overlap, on at most `threads`
   * threads of `pool`. `residual`, where there is one, is added before the activation and must not overlap `y` either.
   * The result is the same for any number of threads. Concurrent calls wait for each other, since they share the plan's
   * workspace.
   */
  void run(const float* x, float* y, ThreadPool& pool, int threads, Fusion fusion = Fusion::Fused,
           const Residual* residual = nullptr);

  const Convolution& convolution() const { return convolution_; }
  const char* algorithm() const { return algorithm_->name(); }
  /** Bytes of workspace held for `threads` threads of fused runs. */
  size_t workspaceBytes(int threads) const;

 private:
  /** What a thread, or a team of them, needs for one unit at a time. */
  struct Workspace {
    AlignedBuffer scratch;
    /** A unit's planes before they are normalised, where the output is streamed. */
    AlignedBuffer held;
    std::vector<TileMoments> moments;
  };

  void listUnits();
  int usefulThreads(int threads) const;
  /** True: each thread does whole units; false: all threads share each unit. */
  bool splitsByUnit(int threads) const;
  void prepareWorkspace(int threads, Fusion fusion);
  void measureShifts(const float* x);
  size_t heldFloats() const;
  int64_t firstPlane(const Unit& unit) const;
  float* heldPlanes(const Unit& unit, float* y, Workspace& workspace) const;
  void convolveTile(const Unit& unit, size_t tile, const Input& input, float* planes, TileMoments* moments,
                    float* scratch) const;
  void normalizeRange(NormalizeTask task, int64_t plane, int64_t begin, int64_t end, const float* from,
                      const Residual* residual, float* y) const;
  void normalizePlane(const Unit& unit, int64_t channelOfUnit, const float* planes, const TileMoments* moments,
                      int64_t begin, int64_t end, const Residual* residual, float* y) const;
  void runUnit(const Unit& unit, const Input& input, const Residual* residual, float* y, Workspace& workspace) const;
  void runUnitTogether(Team& team, const Unit& unit, const Input& input, const Residual* residual, float* y,
                       Workspace& shared, float* scratch) const;
  void convolveAll(Team& team, const Input& input, float* convolved, float* scratch) const;
  void normalizeAll(Team& team, const float* convolved, const Residual* residual, float* y) const;
  NormalizeTask normalizeTask(int64_t channel, const TileMoments& plane) const;
  TileMoments mergeTiles(const TileMoments* tiles) const;

  Convolution convolution_;
  Normalization normalization_;
  const Target& target_;
  std::unique_ptr<Algorithm> algorithm_;
  std::vector<float> scale_;
  std::vector<float> bias_;
  std::vector<int64_t> tileElements_;
  int64_t channelsPerUnit_;
  /**
   * True: a unit's planes are convolved into the workspace, which stays in a cache, and only the normalised values are
   * written to memory. In place they would be read into the cache, written out, and read and written again.
   */
  bool streams_;
  std::vector<Unit> units_;

  std::mutex mutex_;
  std::vector<Workspace> workspaces_;
  AlignedBuffer convolved_;
  /** See `Input`. */
  std::vector<float> shifts_;
};

}  // namespace fusionlens
