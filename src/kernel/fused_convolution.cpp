#include "fused_convolution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "direct_convolution.h"
#include "dispatch.h"

namespace fusionlens {
namespace {

// A pass's output should still be in cache when it is normalised: the size of a second-level cache, or of a core's
// share of the third-level one.
constexpr int64_t kPassBytes = 2 << 20;
// A unit stages its input for its own channels only, so with fewer channels staging would weigh too much.
constexpr int64_t kLeastUnitChannels = 32;
// Floats that one step of the normalisation pass handles: enough to be worth a step, enough steps to share.
constexpr int64_t kNormalizeChunk = 32 * 1024;
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
                                   const float* weights, const float* scale, const float* bias, InstructionSet set)
    : convolution_(checked(convolution)),
      normalization_(normalization),
      target_(targetFor(set)),
      scale_(scale, scale + convolution.outChannels),
      bias_(bias, bias + convolution.outChannels) {
  const int64_t groupChannels = convolution_.outChannels / convolution_.groups;
  const int64_t planeBytes = convolution_.output().volume() * static_cast<int64_t>(sizeof(float));
  const int64_t fitting = std::max(kLeastUnitChannels, kPassBytes / planeBytes);
  channelsPerUnit_ = ceilDivide(groupChannels, ceilDivide(groupChannels, fitting));
  algorithm_ = std::make_unique<DirectConvolution>(convolution_, weights, target_, channelsPerUnit_);
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
  const size_t chunks = static_cast<size_t>(ceilDivide(planeSize, kNormalizeChunk));
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
    const int64_t begin = static_cast<int64_t>(step % chunks) * kNormalizeChunk;
    task.to = y + (unit.image * convolution_.outChannels + channel) * planeSize + begin;
    task.from = task.to;
    task.count = std::min(kNormalizeChunk, planeSize - begin);
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

/** Chan, Golub and LeVeque's pairwise update ("Updating Formulae", 1979), tile by tile in a fixed order. */
TileMoments FusedConvolution::mergeTiles(const TileMoments* tiles) const {
  TileMoments all{0, 0};
  double count = 0;
  for (size_t t = 0; t < tileElements_.size(); t++) {
    const double n = static_cast<double>(tileElements_[t]);
    const double total = count + n;
    const double delta = tiles[t].mean - all.mean;
    all.mean += delta * n / total;
    all.squares += tiles[t].squares + delta * delta * count * n / total;
    count = total;
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
