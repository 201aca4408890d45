#include "fused_convolution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dispatch.h"

namespace fusionlens {
namespace {

// Steps of the normalisation pass for each thread, so that none waits long for another; a plane is cut only where
// there are too few, since each of its steps merges the moments of all its tiles.
constexpr int64_t kStepsPerThread = 4;
// Units for each thread from which on the threads need not share them to finish at about the same time.
constexpr size_t kUnitsPerThread = 4;
// Waking a thread costs some 20 µs; a thread computes this many multiply-adds in about twice that time.
constexpr double kMultiplyAddsPerThread = 1e6;
// An output larger than this doesn't stay in the last-level cache for whoever reads it next.
constexpr int64_t kCachedOutputBytes = 12 << 20;

// What of an input channel is looked at for its mean: parts of one cache line each.
constexpr int64_t kSampleParts = 4;
constexpr int64_t kSampleFloats = 16;
// Deviations from which on a mean is worth subtracting.
constexpr double kLargeMean = 2;

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
      channelsPerUnit_(algorithm_->channelsPerUnit()),
      streams_(convolution.outputElements() * static_cast<int64_t>(sizeof(float)) > kCachedOutputBytes &&
               channelsPerUnit_ * convolution.output().volume() * static_cast<int64_t>(sizeof(float)) <=
                   kCachedOutputBytes) {
  for (int64_t tile = 0; tile < algorithm_->tilesPerUnit(); tile++) {
    tileElements_.push_back(algorithm_->tileElements(tile));
  }
  listUnits();
}

void FusedConvolution::listUnits() {
  const int64_t groupChannels = convolution_.outChannels / convolution_.groups;
  for (int64_t image = 0; image < convolution_.batch; image++) {
    for (int64_t group = 0; group < convolution_.groups; group++) {
      for (int64_t first = 0; first < groupChannels; first += channelsPerUnit_) {
        units_.push_back({image, group, first, std::min(channelsPerUnit_, groupChannels - first)});
      }
    }
  }
}

size_t FusedConvolution::workspaceBytes(int threads) const {
  const size_t moments = static_cast<size_t>(channelsPerUnit_) * tileElements_.size() * sizeof(TileMoments);
  return static_cast<size_t>(usefulThreads(threads)) *
         ((algorithm_->scratchFloats() + heldFloats()) * sizeof(float) + moments);
}

size_t FusedConvolution::heldFloats() const {
  return streams_ ? static_cast<size_t>(channelsPerUnit_ * convolution_.output().volume()) : 0;
}

int FusedConvolution::usefulThreads(int threads) const {
  const double most = convolution_.multiplyAdds() / kMultiplyAddsPerThread;
  return most < 1 ? 1 : most < threads ? static_cast<int>(most) : std::max(1, threads);
}

bool FusedConvolution::splitsByUnit(int threads) const {
  return threads == 1 || units_.size() >= kUnitsPerThread * static_cast<size_t>(threads);
}

void FusedConvolution::prepareWorkspace(int threads, Fusion fusion) {
  while (workspaces_.size() < static_cast<size_t>(threads)) {
    workspaces_.push_back({AlignedBuffer(algorithm_->scratchFloats()), AlignedBuffer(heldFloats()),
                           std::vector<TileMoments>(static_cast<size_t>(channelsPerUnit_) * tileElements_.size())});
  }
  if (fusion == Fusion::Unfused && convolved_.size() == 0) {
    convolved_ = AlignedBuffer(static_cast<size_t>(convolution_.outputElements()));
  }
}

/**
 * About the mean of each input channel, from a few of its values, where it is large beside their deviation. Only the size
 * of rounding errors depends on it.
 */
void FusedConvolution::measureShifts(const float* x) {
  const size_t channels = static_cast<size_t>(convolution_.batch * convolution_.inChannels);
  shifts_.assign(channels, 0);
  if (!algorithm_->subtractsShifts()) return;
  const int64_t size = convolution_.input.volume();
  const int64_t run = std::min(size, kSampleFloats);
  for (size_t channel = 0; channel < channels; channel++) {
    double sum = 0, squares = 0;
    for (int64_t part = 0; part < kSampleParts; part++) {
      const float* from = x + static_cast<int64_t>(channel) * size + (size - run) * part / (kSampleParts - 1);
      for (int64_t i = 0; i < run; i++) {
        sum += static_cast<double>(from[i]);
        squares += static_cast<double>(from[i]) * static_cast<double>(from[i]);
      }
    }
    const double mean = sum / static_cast<double>(kSampleParts * run);
    const double variance = squares / static_cast<double>(kSampleParts * run) - mean * mean;
    if (mean * mean > kLargeMean * kLargeMean * variance) shifts_[channel] = static_cast<float>(mean);
  }
}

void FusedConvolution::run(const float* x, float* y, ThreadPool& pool, int threads, Fusion fusion,
                           const Residual* residual) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int useful = std::min(usefulThreads(threads), pool.threads());
  prepareWorkspace(useful, fusion);
  measureShifts(x);
  const Input input{x, shifts_.data()};
  pool.run(useful, [&](Team& team, int thread) {
    Workspace& own = workspaces_[static_cast<size_t>(thread)];
    if (fusion == Fusion::Unfused) {
      convolveAll(team, input, convolved_.data(), own.scratch.data());
      normalizeAll(team, convolved_.data(), residual, y);
    } else if (splitsByUnit(team.size())) {
      team.forEach(units_.size(), [&](size_t i) { runUnit(units_[i], input, residual, y, own); });
    } else {
      for (const Unit& unit : units_) {
        runUnitTogether(team, unit, input, residual, y, workspaces_[0], own.scratch.data());
      }
    }
  });
}

/** The unit's first plane, of all images and channels. */
int64_t FusedConvolution::firstPlane(const Unit& unit) const {
  return unit.image * convolution_.outChannels + unit.group * (convolution_.outChannels / convolution_.groups) +
         unit.firstChannel;
}

/** Where the unit's planes wait to be normalised. */
float* FusedConvolution::heldPlanes(const Unit& unit, float* y, Workspace& workspace) const {
  return streams_ ? workspace.held.data() : y + firstPlane(unit) * convolution_.output().volume();
}

void FusedConvolution::convolveTile(const Unit& unit, size_t tile, const Input& input, float* planes, TileMoments* moments,
                                    float* scratch) const {
  algorithm_->convolveTile(unit, static_cast<int64_t>(tile), input, planes, moments == nullptr ? nullptr : moments + tile,
                           static_cast<int64_t>(tileElements_.size()), scratch);
}

/** Normalises elements `begin` up to `end` of `plane` (of all images and channels), which is at `from`, into `y`. */
void FusedConvolution::normalizeRange(NormalizeTask task, int64_t plane, int64_t begin, int64_t end, const float* from,
                                      const Residual* residual, float* y) const {
  const Extent out = convolution_.output();
  const int64_t base = plane * out.volume();
  const auto normalizePart = [&](int64_t first, int64_t last) {
    task.from = from + first;
    task.to = y + base + first;
    task.count = last - first;
    target_.normalize(task);
  };
  if (residual == nullptr) return normalizePart(begin, end);
  const float* added = residual->data + plane / convolution_.outChannels * residual->strides[0] +
                       plane % convolution_.outChannels * residual->strides[1];
  if (residual->hasWholePlanes(out.height, out.width)) {
    task.residual = added + begin;
    return normalizePart(begin, end);
  }
  const float offset = task.offset;
  if (residual->hasOneValueAPlane()) {
    task.offset = offset + *added;
    return normalizePart(begin, end);
  }
  for (int64_t first = begin; first < end;) {
    const int64_t row = first / out.width;
    const int64_t column = first % out.width;
    const int64_t last = std::min(end, (row + 1) * out.width);
    const float* rowAdded = added + row / out.height * residual->strides[2] + row % out.height * residual->strides[3];
    task.residual = residual->strides[4] == 0 ? nullptr : rowAdded + column;
    task.offset = residual->strides[4] == 0 ? offset + *rowAdded : offset;
    normalizePart(first, last);
    first = last;
  }
}

void FusedConvolution::normalizePlane(const Unit& unit, int64_t channelOfUnit, const float* planes,
                                      const TileMoments* moments, int64_t begin, int64_t end, const Residual* residual,
                                      float* y) const {
  const int64_t plane = firstPlane(unit) + channelOfUnit;
  const TileMoments whole = mergeTiles(moments + static_cast<size_t>(channelOfUnit) * tileElements_.size());
  NormalizeTask task = normalizeTask(plane % convolution_.outChannels, whole);
  task.stream = streams_;
  normalizeRange(task, plane, begin, end, planes + channelOfUnit * convolution_.output().volume(), residual, y);
}

void FusedConvolution::runUnit(const Unit& unit, const Input& input, const Residual* residual, float* y,
                               Workspace& workspace) const {
  TileMoments* moments = workspace.moments.data();
  float* planes = heldPlanes(unit, y, workspace);
  for (size_t tile = 0; tile < tileElements_.size(); tile++) {
    convolveTile(unit, tile, input, planes, moments, workspace.scratch.data());
  }
  // Backwards: what was written last is still in the nearest cache.
  for (int64_t channel = unit.channels - 1; channel >= 0; channel--) {
    normalizePlane(unit, channel, planes, moments, 0, convolution_.output().volume(), residual, y);
  }
}

void FusedConvolution::runUnitTogether(Team& team, const Unit& unit, const Input& input, const Residual* residual,
                                       float* y, Workspace& shared, float* scratch) const {
  TileMoments* moments = shared.moments.data();
  float* planes = heldPlanes(unit, y, shared);
  team.forEach(tileElements_.size(), [&](size_t tile) { convolveTile(unit, tile, input, planes, moments, scratch); });
  const int64_t planeSize = convolution_.output().volume();
  const int64_t wanted = ceilDivide(kStepsPerThread * team.size(), unit.channels);
  const int64_t size = ceilDivide(planeSize, std::min(wanted, planeSize));
  const int64_t parts = ceilDivide(planeSize, size);
  team.forEach(static_cast<size_t>(unit.channels * parts), [&](size_t i) {
    const int64_t step = unit.channels * parts - 1 - static_cast<int64_t>(i);
    const int64_t begin = step % parts * size;
    normalizePlane(unit, step / parts, planes, moments, begin, std::min(begin + size, planeSize), residual, y);
  });
}

void FusedConvolution::convolveAll(Team& team, const Input& input, float* convolved, float* scratch) const {
  const size_t tiles = tileElements_.size();
  team.forEach(units_.size() * tiles, [&](size_t i) {
    const Unit& unit = units_[i / tiles];
    float* planes = convolved + firstPlane(unit) * convolution_.output().volume();
    convolveTile(unit, i % tiles, input, planes, nullptr, scratch);
  });
}

void FusedConvolution::normalizeAll(Team& team, const float* convolved, const Residual* residual, float* y) const {
  const int64_t planeSize = convolution_.output().volume();
  const int64_t planes = convolution_.batch * convolution_.outChannels;
  team.forEach(static_cast<size_t>(planes), [&](size_t i) {
    const int64_t plane = static_cast<int64_t>(i);
    const float* from = convolved + plane * planeSize;
    const TileMoments moments = target_.measureMoments(from, planeSize);
    normalizeRange(normalizeTask(plane % convolution_.outChannels, moments), plane, 0, planeSize, from, residual, y);
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
