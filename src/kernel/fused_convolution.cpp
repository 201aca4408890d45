#include "fused_convolution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dispatch.h"

namespace fusionlens {
namespace {

// A pass's output should still be in cache when it is normalised: the size of a second-level cache, or of a core's
// share of the third-level one.
constexpr int64_t kPassBytes = 2 << 20;
// Steps of the normalisation pass for each thread, so that none waits long for another; a plane is cut only where
// there are too few, since each of its steps merges the moments of all its tiles.
constexpr int64_t kStepsPerThread = 4;
// Waking a thread costs some 20 µs; a thread computes this many multiply-adds in about twice that time.
constexpr double kMultiplyAddsPerThread = 1e6;

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

const Convolution& checked(const Convolution& convolution) {
  const std::string problem = convolution.check();
  if (!problem.empty()) throw std::invalid_argument(problem);
  return convolution;
}

}  // namespace

FusedConvolution::FusedConvolution(const Convolution& convolution, const Normalization& normalization,
                                   const float* weights, const float* scale, const float* bias, InstructionSet set,
                                   AlgorithmChoice choice)
    : convolution_(checked(convolution)),
      normalization_(normalization),
      target_(targetFor(set)),
      algorithm_(chooseAlgorithm(convolution_, weights, target_, choice)),
      scale_(scale, scale + convolution.outChannels),
      bias_(bias, bias + convolution.outChannels),
      channelsPerUnit_(algorithm_->channelsPerUnit()) {
  for (int64_t tile = 0; tile < algorithm_->tilesPerUnit(); tile++) {
    tileElements_.push_back(algorithm_->tileElements(tile));
  }
  divideIntoPasses();
}

void FusedConvolution::divideIntoPasses() {
  const Convolution& c = convolution_;
  const int64_t groupChannels = c.outChannels / c.groups;
  const int64_t planeBytes = c.output().volume() * static_cast<int64_t>(sizeof(float));
  int64_t bytes = 0;
  for (int64_t image = 0; image < c.batch; image++) {
    for (int64_t group = 0; group < c.groups; group++) {
      for (int64_t first = 0; first < groupChannels; first += channelsPerUnit_) {
        const int64_t channels = std::min(channelsPerUnit_, groupChannels - first);
        if (passes_.empty() || bytes + channels * planeBytes > kPassBytes) {
          passes_.push_back({units_.size(), 0});
          bytes = 0;
        }
        units_.push_back({image, group, first, channels});
        passes_.back().units++;
        bytes += channels * planeBytes;
      }
    }
  }
}

size_t FusedConvolution::workspaceBytes(int threads) const {
  size_t largest = 0;
  for (const Pass& pass : passes_) largest = std::max(largest, pass.units);
  return static_cast<size_t>(usefulThreads(threads)) * algorithm_->scratchFloats() * sizeof(float) +
         largest * static_cast<size_t>(channelsPerUnit_) * tileElements_.size() * sizeof(TileMoments);
}

int FusedConvolution::usefulThreads(int threads) const {
  const double most = convolution_.multiplyAdds() / kMultiplyAddsPerThread;
  return most < 1 ? 1 : most < threads ? static_cast<int>(most) : std::max(1, threads);
}

void FusedConvolution::prepareWorkspace(int threads, Fusion fusion) {
  while (scratch_.size() < static_cast<size_t>(threads)) scratch_.emplace_back(algorithm_->scratchFloats());
  if (fusion == Fusion::Fused) {
    size_t largest = 0;
    for (const Pass& pass : passes_) largest = std::max(largest, pass.units);
    moments_.resize(largest * static_cast<size_t>(channelsPerUnit_) * tileElements_.size());
  } else if (convolved_.size() == 0) {
    convolved_ = AlignedBuffer(static_cast<size_t>(convolution_.outputElements()));
  }
}

void FusedConvolution::run(const float* x, float* y, ThreadPool& pool, int threads, Fusion fusion) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int useful = std::min(usefulThreads(threads), pool.threads());
  prepareWorkspace(useful, fusion);
  pool.run(useful, [&](Team& team, int thread) {
    float* scratch = scratch_[static_cast<size_t>(thread)].data();
    if (fusion == Fusion::Fused) {
      for (const Pass& pass : passes_) {
        convolvePass(team, pass, x, y, moments_.data(), scratch);
        normalizePass(team, pass, y);
      }
    } else {
      for (const Pass& pass : passes_) convolvePass(team, pass, x, convolved_.data(), nullptr, scratch);
      normalizeAll(team, convolved_.data(), y);
    }
  });
}

void FusedConvolution::convolvePass(Team& team, const Pass& pass, const float* x, float* y, TileMoments* moments,
                                    float* scratch) const {
  const size_t tiles = tileElements_.size();
  team.forEach(pass.units * tiles, [&](size_t i) {
    const size_t unit = i / tiles;
    const size_t tile = i % tiles;
    TileMoments* first =
        moments == nullptr ? nullptr : moments + unit * static_cast<size_t>(channelsPerUnit_) * tiles + tile;
    algorithm_->convolveTile(units_[pass.firstUnit + unit], static_cast<int64_t>(tile), x, y, first,
                             static_cast<int64_t>(tiles), scratch);
  });
}

void FusedConvolution::normalizePass(Team& team, const Pass& pass, float* y) const {
  const int64_t planeSize = convolution_.output().volume();
  const int64_t planes = static_cast<int64_t>(pass.units) * channelsPerUnit_;
  const int64_t wanted = team.size() == 1 ? 1 : ceilDivide(kStepsPerThread * team.size(), planes);
  const int64_t chunk = ceilDivide(planeSize, std::min(wanted, planeSize));
  const size_t chunks = static_cast<size_t>(ceilDivide(planeSize, chunk));
  const size_t perUnit = static_cast<size_t>(channelsPerUnit_) * chunks;
  const size_t steps = pass.units * perUnit;
  team.forEach(steps, [&](size_t i) {
    // Backwards: what was written last is still in the nearest cache.
    const size_t step = steps - 1 - i;
    const Unit& unit = units_[pass.firstUnit + step / perUnit];
    const int64_t channelOfUnit = static_cast<int64_t>(step % perUnit / chunks);
    if (channelOfUnit >= unit.channels) return;
    const int64_t channel =
        unit.group * (convolution_.outChannels / convolution_.groups) + unit.firstChannel + channelOfUnit;
    const size_t plane = step / perUnit * static_cast<size_t>(channelsPerUnit_) + static_cast<size_t>(channelOfUnit);
    NormalizeTask task = normalizeTask(channel, mergeTiles(&moments_[plane * tileElements_.size()]));
    const int64_t begin = static_cast<int64_t>(step % chunks) * chunk;
    task.to = y + (unit.image * convolution_.outChannels + channel) * planeSize + begin;
    task.from = task.to;
    task.count = std::min(chunk, planeSize - begin);
    target_.normalize(task);
  });
}

void FusedConvolution::normalizeAll(Team& team, const float* convolved, float* y) const {
  const int64_t planeSize = convolution_.output().volume();
  const int64_t planes = convolution_.batch * convolution_.outChannels;
  team.forEach(static_cast<size_t>(planes), [&](size_t i) {
    const int64_t plane = static_cast<int64_t>(i);
    const float* from = convolved + plane * planeSize;
    NormalizeTask task = normalizeTask(plane % convolution_.outChannels, target_.measureMoments(from, planeSize));
    task.from = from;
    task.to = y + plane * planeSize;
    task.count = planeSize;
    target_.normalize(task);
  });
}

/**
 * Chan, Golub and LeVeque's formula ("Updating Formulae and a Pairwise Algorithm", 1979) for many parts at once: the
 * deviations of the parts plus those of their means. Always in the same order, so that the threads don't matter.
 */
TileMoments FusedConvolution::mergeTiles(const TileMoments* tiles) const {
  const size_t count = tileElements_.size();
  TileMoments all{0, 0};
  for (size_t t = 0; t < count; t++) all.mean += static_cast<double>(tileElements_[t]) * tiles[t].mean;
  all.mean /= static_cast<double>(convolution_.output().volume());
  for (size_t t = 0; t < count; t++) {
    const double delta = tiles[t].mean - all.mean;
    all.squares += tiles[t].squares + static_cast<double>(tileElements_[t]) * delta * delta;
  }
  return all;
}

NormalizeTask FusedConvolution::normalizeTask(int64_t channel, const TileMoments& plane) const {
  const double variance = plane.squares / static_cast<double>(convolution_.output().volume());
  const double factor = static_cast<double>(scale_[static_cast<size_t>(channel)]) /
                        std::sqrt(variance + static_cast<double>(normalization_.epsilon));
  NormalizeTask task{};
  task.mean = static_cast<float>(plane.mean);
  task.factor = static_cast<float>(factor);
  // What rounding the mean to float loses is made up for here.
  task.offset = static_cast<float>(static_cast<double>(bias_[static_cast<size_t>(channel)]) -
                                   (plane.mean - static_cast<double>(task.mean)) * factor);
  task.activation = static_cast<int>(normalization_.activation);
  task.alpha = normalization_.alpha;
  return task;
}

}  // namespace fusionlens
