#include "direct_convolution.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>

namespace fusionlens {
namespace {

// The sums of all channels of a unit over a tile wait in the second-level cache (256 KiB and more on all processors of
// the last ten years) beside a chunk's inputs and weights.
constexpr int64_t kSumsFloats = 128 * 1024 / 4;
// Outputs of a tile in one plane: enough that a block's weights, read once per place in the tile, pay.
constexpr int64_t kLeastTileOutputs = 128;
constexpr int64_t kMostTileOutputs = 1024;
// Rows are read from memory faster in long stretches, which the processor foresees.
constexpr int64_t kTileWidth = 256;
// Staged inputs of a chunk over a whole tile: a share of the second-level cache.
constexpr int64_t kStagedFloats = 128 * 1024 / 4;
// Staged inputs of a chunk that one register block reads: most of a 32 KiB first-level cache, since the weights only
// stream through it.
constexpr int64_t kPlaceFloats = 24 * 1024 / 4;
// The planes of a unit should still be in the third-level cache when they are normalised, unless that takes so many
// units that staging the input for each costs more than it saves: some 5 cycles for each vector of inputs, against
// some 4 cycles for each vector of outputs that need not come from memory again.
constexpr int64_t kUnitBytes = 12 << 20;
constexpr double kStagingPerSaving = 5.0 / 4;
constexpr int64_t kLineFloats = 16;

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Rounded up to an odd number of cache lines, so that a walk over channels touches all sets of a cache. */
int64_t oddLines(int64_t floats) { return (ceilDivide(floats, kLineFloats) | 1) * kLineFloats; }

/** The residues modulo `stride` that a tap of the axis has, ascending. */
std::vector<int64_t> usedPhases(int64_t kernel, int64_t dilation, int64_t stride) {
  std::vector<int64_t> phases;
  for (int64_t k = 0; k < std::min(kernel, stride); k++) phases.push_back(k * dilation % stride);
  std::sort(phases.begin(), phases.end());
  phases.erase(std::unique(phases.begin(), phases.end()), phases.end());
  return phases;
}

int64_t indexOf(const std::vector<int64_t>& values, int64_t value) {
  return std::find(values.begin(), values.end(), value) - values.begin();
}

/** A kernel of one tap that moves by one and pads nothing sees no rows: then a plane is one long row. */
Convolution inOneRow(Convolution c) {
  constexpr Extent one{1, 1, 1};
  constexpr Extent none{0, 0, 0};
  if (c.kernel == one && c.stride == one && c.padBegin == none && c.padEnd == none) {
    c.input = {1, 1, c.input.volume()};
  }
  return c;
}

}  // namespace

DirectConvolution::DirectConvolution(const Convolution& convolution, const float* weights, const Target& target)
    : convolution_(inOneRow(convolution)), target_(target) {
  assert(convolution.check().empty());
  const Convolution& c = convolution_;
  const Extent out = c.output();
  DirectLayout& l = layout_;
  l.inChannels = c.inChannels / c.groups;
  l.inDepth = c.input.depth;
  l.inHeight = c.input.height;
  l.inWidth = c.input.width;
  l.outDepth = out.depth;
  l.outHeight = out.height;
  l.outWidth = out.width;
  l.kernelDepth = c.kernel.depth;
  l.strideDepth = c.stride.depth;
  l.strideHeight = c.stride.height;
  l.strideWidth = c.stride.width;
  l.dilationDepth = c.dilation.depth;
  l.padDepth = c.padBegin.depth;
  l.padHeight = c.padBegin.height;
  l.padWidth = c.padBegin.width;
  l.extraRows = (c.kernel.height - 1) * c.dilation.height / c.stride.height;
  l.extraColumns = (c.kernel.width - 1) * c.dilation.width / c.stride.width;
  rowPhases_ = usedPhases(c.kernel.height, c.dilation.height, c.stride.height);
  columnPhases_ = usedPhases(c.kernel.width, c.dilation.width, c.stride.width);
  l.rowPhases = static_cast<int64_t>(rowPhases_.size());
  l.columnPhases = static_cast<int64_t>(columnPhases_.size());
  l.rowPhase = rowPhases_.data();
  l.columnPhase = columnPhases_.data();
  l.taps = c.kernel.volume();
  chooseUnits();
  chooseTiles();
  chooseChunks();
  layOutStaging();
  packWeights(weights);
}

void DirectConvolution::chooseUnits() {
  const Convolution& c = convolution_;
  const int64_t groupChannels = c.outChannels / c.groups;
  const int64_t planeBytes = c.output().volume() * static_cast<int64_t>(sizeof(float));
  const int64_t fitting = kUnitBytes / planeBytes;
  const double staged = static_cast<double>(c.inChannels / c.groups * c.kernel.depth * c.stride.height * c.stride.width);
  const bool worthIt = static_cast<double>(fitting) >= staged * kStagingPerSaving && fitting > 0;
  channelsPerUnit_ = worthIt ? ceilDivide(groupChannels, ceilDivide(groupChannels, fitting)) : groupChannels;
}

void DirectConvolution::chooseTiles() {
  DirectLayout& l = layout_;
  const int64_t lanes = target_.lanes;

  // Running a register block over the ends of rows computes the columns between rows for nothing, but fills vectors
  // where rows are short. It needs whole rows in the tile.
  const int64_t flatRow = l.outWidth + l.extraColumns;
  l.flattened = l.outHeight > 1 && l.outWidth <= kTileWidth &&
                ceilDivide((l.outHeight - 1) * flatRow + l.outWidth, lanes) <
                    l.outHeight * ceilDivide(l.outWidth, lanes);

  const int64_t outputs = std::clamp(kSumsFloats / channelsPerUnit_, kLeastTileOutputs, kMostTileOutputs);
  l.tileWidth = l.flattened ? l.outWidth : std::min(l.outWidth, std::min(kTileWidth, outputs));
  if (l.outHeight == 1) l.tileWidth = std::min(l.outWidth, outputs);
  l.tileHeight = std::min(l.outHeight, std::max<int64_t>(1, outputs / l.tileWidth));
  // A single channel must fit.
  const int64_t planes = l.kernelDepth * l.rowPhases * l.columnPhases;
  const auto staged = [&] { return planes * (l.tileHeight + l.extraRows) * (l.tileWidth + l.extraColumns); };
  while (staged() > kStagedFloats && l.tileHeight > 1) l.tileHeight = ceilDivide(l.tileHeight, 2);
  while (!l.flattened && staged() > kStagedFloats && l.tileWidth > 2 * lanes) {
    l.tileWidth = std::max(2 * lanes, ceilDivide(ceilDivide(l.tileWidth, 2), lanes) * lanes);
  }
  l.tilesDown = ceilDivide(l.outHeight, l.tileHeight);
  l.tilesAcross = ceilDivide(l.outWidth, l.tileWidth);
  // Equal tiles rather than a small last one.
  l.tileHeight = ceilDivide(l.outHeight, l.tilesDown);
}

void DirectConvolution::chooseChunks() {
  DirectLayout& l = layout_;
  const Convolution& c = convolution_;
  // Of one channel: what a tile stages, and what the two vectors of a register block read of it, in cache lines.
  const int64_t planes = l.kernelDepth * l.rowPhases * l.columnPhases;
  const int64_t tile = planes * (l.tileHeight + l.extraRows) * (l.tileWidth + l.extraColumns);
  const int64_t rowFloats = (2 * target_.lanes + l.extraColumns + kLineFloats) / kLineFloats * kLineFloats;
  const int64_t place = l.kernelDepth * c.kernel.height * l.columnPhases * rowFloats;
  const int64_t most = std::max<int64_t>(1, std::min(kStagedFloats / tile, kPlaceFloats / place));
  l.chunkChannels = ceilDivide(l.inChannels, ceilDivide(l.inChannels, most));
}

void DirectConvolution::layOutStaging() {
  DirectLayout& l = layout_;
  const Convolution& c = convolution_;
  const int64_t lanes = target_.lanes;
  l.stagedRow = l.tileWidth + l.extraColumns;
  l.stagedPhase = (l.tileHeight + l.extraRows) * l.stagedRow;
  l.stagedChannel = oddLines(l.kernelDepth * l.rowPhases * l.columnPhases * l.stagedPhase);
  // A vector that starts at the last wanted output may read up to a vector beyond it.
  const int64_t staged = l.chunkChannels * l.stagedChannel + lanes;
  if (staged > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("the convolution reaches over too much input for one tile of output");
  }
  stagedFloats_ = static_cast<size_t>(oddLines(staged));

  l.sumsRow = l.flattened ? l.stagedRow : ceilDivide(l.tileWidth, lanes) * lanes;
  const int64_t longest = l.flattened ? (l.tileHeight - 1) * l.stagedRow + l.tileWidth : l.tileHeight * l.sumsRow;
  l.sumsChannel = oddLines(ceilDivide(longest, lanes) * lanes);
  const int64_t waiting = l.chunkChannels == l.inChannels ? target_.blockChannels : channelsPerUnit_;
  sumsFloats_ = static_cast<size_t>(waiting * l.sumsChannel);

  offsets_.reserve(static_cast<size_t>(l.chunkChannels * l.taps));
  for (int64_t channel = 0; channel < l.chunkChannels; channel++) {
    for (int64_t kz = 0; kz < c.kernel.depth; kz++) {
      for (int64_t ky = 0; ky < c.kernel.height; ky++) {
        for (int64_t kx = 0; kx < c.kernel.width; kx++) {
          const int64_t y = ky * c.dilation.height;
          const int64_t x = kx * c.dilation.width;
          const int64_t py = indexOf(rowPhases_, y % c.stride.height);
          const int64_t px = indexOf(columnPhases_, x % c.stride.width);
          const int64_t phase = (kz * l.rowPhases + py) * l.columnPhases + px;
          offsets_.push_back(static_cast<int32_t>(channel * l.stagedChannel + phase * l.stagedPhase +
                                                  y / c.stride.height * l.stagedRow + x / c.stride.width));
        }
      }
    }
  }
  l.offsets = offsets_.data();
}

void DirectConvolution::packWeights(const float* weights) {
  const Convolution& c = convolution_;
  const DirectLayout& l = layout_;
  const int64_t groupChannels = c.outChannels / c.groups;
  const int64_t reduction = l.inChannels * l.taps;
  packed_ = AlignedBuffer(static_cast<size_t>(c.weightElements()));
  float* to = packed_.data();
  for (int64_t group = 0; group < c.groups; group++) {
    for (int64_t unit = 0; unit < groupChannels; unit += channelsPerUnit_) {
      const int64_t channels = std::min(channelsPerUnit_, groupChannels - unit);
      const int64_t blocks = ceilDivide(channels, target_.blockChannels);
      for (int64_t chunk = 0; chunk < l.inChannels; chunk += l.chunkChannels) {
        const int64_t chunkEnd = std::min(chunk + l.chunkChannels, l.inChannels);
        for (int64_t b = 0; b < blocks; b++) {
          const int64_t first = group * groupChannels + unit + b * channels / blocks;
          const int64_t end = group * groupChannels + unit + (b + 1) * channels / blocks;
          for (int64_t k = chunk * l.taps; k < chunkEnd * l.taps; k++) {
            for (int64_t m = first; m < end; m++) *to++ = weights[m * reduction + k];
          }
        }
      }
    }
  }
}

int64_t DirectConvolution::tilesPerUnit() const {
  return layout_.outDepth * layout_.tilesDown * layout_.tilesAcross;
}

int64_t DirectConvolution::tileElements(int64_t tile) const {
  const DirectLayout& l = layout_;
  const int64_t column = tile % l.tilesAcross;
  const int64_t row = tile / l.tilesAcross % l.tilesDown;
  return std::min(l.tileHeight, l.outHeight - row * l.tileHeight) *
         std::min(l.tileWidth, l.outWidth - column * l.tileWidth);
}

void DirectConvolution::convolveTile(const Unit& unit, int64_t tile, const float* x, float* y, TileMoments* moments,
                                     int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const DirectLayout& l = layout_;
  const int64_t channel = unit.group * (c.outChannels / c.groups) + unit.firstChannel;
  DirectTask task{};
  task.layout = &l;
  task.input = x + (unit.image * c.inChannels + unit.group * l.inChannels) * c.input.volume();
  task.output = y + (unit.image * c.outChannels + channel) * c.output().volume();
  task.weights = packed_.data() + channel * l.inChannels * l.taps;
  task.channels = unit.channels;
  task.blocks = ceilDivide(unit.channels, target_.blockChannels);
  task.tileColumn = tile % l.tilesAcross;
  task.tileRow = tile / l.tilesAcross % l.tilesDown;
  task.z = tile / (l.tilesAcross * l.tilesDown);
  task.moments = moments;
  task.momentsStride = momentsStride;
  task.staged = scratch;
  task.sums = scratch + stagedFloats_;
  target_.convolveDirect(task);
}

}  // namespace fusionlens
