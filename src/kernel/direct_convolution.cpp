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
// Storing and adding the sums of a register block takes about as long as four of its steps.
constexpr int64_t kExactSegment = 48;
constexpr int64_t kLineFloats = 16;

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Rounded up to an odd number of cache lines, so that a walk over channels touches all sets of a cache. */
int64_t oddLines(int64_t floats) { return (ceilDivide(floats, kLineFloats) | 1) * kLineFloats; }

int64_t indexOf(const std::vector<int64_t>& values, int64_t value) {
  return std::find(values.begin(), values.end(), value) - values.begin();
}

void sortUnique(std::vector<int64_t>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/** A kernel of one tap that moves by one and pads nothing sees no rows: then a plane is one long row. */
Convolution inOneRow(Convolution c) {
  constexpr Extent one{1, 1, 1};
  constexpr Extent none{0, 0, 0};
  if (c.kernel == one && c.stride == one && c.padBegin == none && c.padEnd == none &&
      !c.transposed) {
    c.input = {1, 1, c.input.volume()};
  }
  return c;
}

}  // namespace

/**
 * Ordinary: output o reads input o·stride + k·dilation − pad. Transposed: input (o + pad − k·dilation) / stride where
 * that is whole, so that the outputs with the same remainder share their taps, and consecutive ones consecutive inputs.
 */
StagedAxis::StagedAxis(const Convolution& c, int64_t Extent::*axis) {
  const int64_t kernel = c.kernel.*axis, dilation = c.dilation.*axis, pad = c.padBegin.*axis;
  const int64_t size = c.output().*axis;
  if (!c.transposed) {
    stride = c.stride.*axis;
    first = -pad;
    extra = (kernel - 1) * dilation / stride;
    outputs = size;
    for (int64_t k = 0; k < std::min(kernel, stride); k++) inputPhases.push_back(k * dilation % stride);
    sortUnique(inputPhases);
    outputPhases.push_back({0, {}});
    for (int64_t k = 0; k < kernel; k++) {
      const int64_t position = k * dilation;
      outputPhases[0].taps.push_back({k, indexOf(inputPhases, position % stride), position / stride});
    }
    return;
  }
  step = c.stride.*axis;
  outputs = (size + step - 1) / step;
  inputPhases.push_back(0);
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t most = std::numeric_limits<int64_t>::min();
  for (int64_t remainder = 0; remainder < std::min(step, size); remainder++) {
    OutputPhase phase{remainder, {}};
    // Ascending in the input, as the processor foresees.
    for (int64_t k = kernel - 1; k >= 0; k--) {
      const int64_t scaled = remainder + pad - k * dilation;
      if ((scaled % step + step) % step != 0) continue;
      phase.taps.push_back({k, 0, scaled / step});
      least = std::min(least, scaled / step);
      most = std::max(most, scaled / step);
    }
    outputPhases.push_back(std::move(phase));
  }
  if (least > most) least = most = 0;
  first = least;
  extra = most - least;
  for (OutputPhase& phase : outputPhases) {
    for (Tap& tap : phase.taps) tap.offset -= least;
  }
}

bool StagedAxis::hasEmptyPhase() const {
  return std::any_of(outputPhases.begin(), outputPhases.end(), [](const OutputPhase& p) { return p.taps.empty(); });
}

DirectConvolution::DirectConvolution(const Convolution& convolution, const float* weights, const Target& target,
                                     bool exact)
    : convolution_(inOneRow(convolution)),
      target_(target),
      depth_(convolution_, &Extent::depth),
      rows_(convolution_, &Extent::height),
      columns_(convolution_, &Extent::width) {
  assert(convolution.check().empty());
  layout_.segment = exact ? kExactSegment : std::numeric_limits<int32_t>::max();
  describe();
  chooseUnits();
  chooseTiles();
  chooseChunks();
  layOutStaging();
  listPhases();
  packWeights(weights);
}

void DirectConvolution::describe() {
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
  l.strideDepth = depth_.stride;
  l.strideHeight = rows_.stride;
  l.strideWidth = columns_.stride;
  l.stepDepth = depth_.step;
  l.stepHeight = rows_.step;
  l.stepWidth = columns_.step;
  l.firstRow = rows_.first;
  l.firstColumn = columns_.first;
  l.border = static_cast<int>(c.border);
  l.extraRows = rows_.extra;
  l.extraColumns = columns_.extra;
  l.rowPhases = static_cast<int64_t>(rows_.inputPhases.size());
  l.columnPhases = static_cast<int64_t>(columns_.inputPhases.size());
  l.rowPhase = rows_.inputPhases.data();
  l.columnPhase = columns_.inputPhases.data();
  l.sparse = depth_.hasEmptyPhase() || rows_.hasEmptyPhase() || columns_.hasEmptyPhase();
}

/** Phases of an output slice whose sums are held at once. */
int64_t DirectConvolution::outputPhases() const {
  const auto withTaps = [](const StagedAxis& axis) {
    return std::count_if(axis.outputPhases.begin(), axis.outputPhases.end(),
                         [](const StagedAxis::OutputPhase& phase) { return !phase.taps.empty(); });
  };
  return std::max<int64_t>(1, withTaps(rows_) * withTaps(columns_));
}

void DirectConvolution::chooseUnits() {
  const Convolution& c = convolution_;
  const DirectLayout& l = layout_;
  const int64_t groupChannels = c.outChannels / c.groups;
  const int64_t planeBytes = c.output().volume() * static_cast<int64_t>(sizeof(float));
  const int64_t fitting = kUnitBytes / planeBytes;
  const double staged = static_cast<double>(c.inChannels / c.groups * c.kernel.depth * l.strideHeight * l.strideWidth) /
                        static_cast<double>(l.stepDepth * l.stepHeight * l.stepWidth);
  const bool worthIt = static_cast<double>(fitting) >= staged * kStagingPerSaving && fitting > 0;
  channelsPerUnit_ = worthIt ? ceilDivide(groupChannels, ceilDivide(groupChannels, fitting)) : groupChannels;
}

void DirectConvolution::chooseTiles() {
  DirectLayout& l = layout_;
  const int64_t lanes = target_.lanes;

  // Running a register block over the ends of rows computes the columns between rows for nothing, but fills vectors
  // where rows are short. It needs whole rows in the tile.
  const int64_t height = rows_.outputs;
  const int64_t width = columns_.outputs;
  const int64_t flatRow = width + l.extraColumns;
  l.flattened = height > 1 && width <= kTileWidth &&
                ceilDivide((height - 1) * flatRow + width, lanes) < height * ceilDivide(width, lanes);

  const int64_t outputs =
      std::clamp(kSumsFloats / (channelsPerUnit_ * outputPhases()), kLeastTileOutputs, kMostTileOutputs);
  l.tileWidth = l.flattened ? width : std::min(width, std::min(kTileWidth, outputs));
  if (height == 1) l.tileWidth = std::min(width, outputs);
  l.tileHeight = std::min(height, std::max<int64_t>(1, outputs / l.tileWidth));
  // A single channel must fit.
  const int64_t planes = stagedPlanes();
  const auto staged = [&] { return planes * (l.tileHeight + l.extraRows) * (l.tileWidth + l.extraColumns); };
  while (staged() > kStagedFloats && l.tileHeight > 1) l.tileHeight = ceilDivide(l.tileHeight, 2);
  while (!l.flattened && staged() > kStagedFloats && l.tileWidth > 2 * lanes) {
    l.tileWidth = std::max(2 * lanes, ceilDivide(ceilDivide(l.tileWidth, 2), lanes) * lanes);
  }
  l.tilesDown = ceilDivide(height, l.tileHeight);
  l.tilesAcross = ceilDivide(width, l.tileWidth);
  // Equal tiles rather than a small last one.
  l.tileHeight = ceilDivide(height, l.tilesDown);
}

/** Planes that are staged of one input channel, at most. */
int64_t DirectConvolution::stagedPlanes() const {
  size_t slices = 0;
  for (const StagedAxis::OutputPhase& phase : depth_.outputPhases) slices = std::max(slices, phase.taps.size());
  return static_cast<int64_t>(slices) * layout_.rowPhases * layout_.columnPhases;
}

void DirectConvolution::chooseChunks() {
  DirectLayout& l = layout_;
  // Of one channel: what a tile stages, and what the two vectors of a register block read of it, in cache lines.
  const int64_t planes = stagedPlanes();
  const int64_t tile = std::max<int64_t>(1, planes * (l.tileHeight + l.extraRows) * (l.tileWidth + l.extraColumns));
  const int64_t rowFloats = (2 * target_.lanes + l.extraColumns + kLineFloats) / kLineFloats * kLineFloats;
  size_t rowsRead = 1;
  for (const StagedAxis::OutputPhase& phase : rows_.outputPhases) rowsRead = std::max(rowsRead, phase.taps.size());
  const int64_t place =
      std::max<int64_t>(1, planes / l.rowPhases) * static_cast<int64_t>(rowsRead) * rowFloats;
  const int64_t most = std::max<int64_t>(1, std::min(kStagedFloats / tile, kPlaceFloats / place));
  l.chunkChannels = ceilDivide(l.inChannels, ceilDivide(l.inChannels, most));
  l.finishesBlocks = l.chunkChannels == l.inChannels && l.chunkChannels * tile <= kPlaceFloats;
}

void DirectConvolution::layOutStaging() {
  DirectLayout& l = layout_;
  const int64_t lanes = target_.lanes;
  l.stagedRow = l.tileWidth + l.extraColumns;
  l.stagedPhase = (l.tileHeight + l.extraRows) * l.stagedRow;
  l.stagedChannel = oddLines(stagedPlanes() * l.stagedPhase);
  // A vector that starts at the last wanted output may read up to a vector beyond it.
  const int64_t staged = l.chunkChannels * l.stagedChannel + lanes;
  if (staged > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument("the convolution reaches over too much input for one tile of output");
  }
  stagedFloats_ = static_cast<size_t>(oddLines(staged));

  l.sumsRow = l.flattened ? l.stagedRow : ceilDivide(l.tileWidth, lanes) * lanes;
  const int64_t longest = l.flattened ? (l.tileHeight - 1) * l.stagedRow + l.tileWidth : l.tileHeight * l.sumsRow;
  l.sumsChannel = oddLines(ceilDivide(longest, lanes) * lanes);
  const int64_t waiting = l.finishesBlocks ? target_.blockChannels : channelsPerUnit_;
  sumsFloats_ = static_cast<size_t>(waiting * l.sumsChannel * outputPhases());
}

void DirectConvolution::listPhases() {
  const Convolution& c = convolution_;
  DirectLayout& l = layout_;
  slicePhases_.resize(depth_.outputPhases.size());
  slices_.resize(depth_.outputPhases.size());
  for (size_t z = 0; z < slices_.size(); z++) {
    const std::vector<StagedAxis::Tap>& slices = depth_.outputPhases[z].taps;
    SlicePhases& own = slicePhases_[z];
    DirectSlices& s = slices_[z];
    own.tapsBefore = taps_;
    // Depth isn't split by stride phase: a staged slice is whatever slice of the input its tap reads.
    for (const StagedAxis::Tap& slice : slices) {
      const int64_t position = c.transposed ? slice.offset : slice.index * c.dilation.depth;
      own.inputs.push_back(depth_.first + position);
    }
    for (const StagedAxis::OutputPhase& row : rows_.outputPhases) {
      for (const StagedAxis::OutputPhase& column : columns_.outputPhases) {
        const size_t taps = slices.size() * row.taps.size() * column.taps.size();
        if (taps == 0) continue;
        own.phases.push_back({row.first, column.first, static_cast<int64_t>(taps), s.taps, nullptr});
        s.taps += static_cast<int64_t>(taps);
        std::vector<int64_t> indices;
        std::vector<int32_t> offsets;
        for (int64_t channel = 0; channel < l.chunkChannels; channel++) {
          for (size_t slice = 0; slice < slices.size(); slice++) {
            for (const StagedAxis::Tap& y : row.taps) {
              for (const StagedAxis::Tap& x : column.taps) {
                const int64_t plane = (static_cast<int64_t>(slice) * l.rowPhases + y.phase) * l.columnPhases + x.phase;
                offsets.push_back(static_cast<int32_t>(channel * l.stagedChannel + plane * l.stagedPhase +
                                                       y.offset * l.stagedRow + x.offset));
                if (channel > 0) continue;
                indices.push_back((slices[slice].index * c.kernel.height + y.index) * c.kernel.width + x.index);
              }
            }
          }
        }
        own.taps.push_back(std::move(indices));
        own.offsets.push_back(std::move(offsets));
      }
    }
    for (size_t i = 0; i < own.phases.size(); i++) own.phases[i].offsets = own.offsets[i].data();
    s.inputs = static_cast<int64_t>(own.inputs.size());
    s.input = own.inputs.data();
    s.phaseCount = static_cast<int64_t>(own.phases.size());
    s.phases = own.phases.data();
    taps_ += s.taps;
  }
  l.slices = slices_.data();
}

void DirectConvolution::packWeights(const float* weights) {
  const Convolution& c = convolution_;
  const DirectLayout& l = layout_;
  const int64_t groupChannels = c.outChannels / c.groups;
  packed_ = AlignedBuffer(static_cast<size_t>(c.outChannels * l.inChannels * taps_));
  float* to = packed_.data();
  // One block of output channels, one phase, one chunk of input channels.
  const auto packBlock = [&](int64_t first, int64_t end, const std::vector<int64_t>& taps, int64_t chunk) {
    for (int64_t channel = chunk; channel < std::min(chunk + l.chunkChannels, l.inChannels); channel++) {
      for (const int64_t tap : taps) {
        for (int64_t m = first; m < end; m++) *to++ = weights[c.filterIndex(m, channel) + tap];
      }
    }
  };
  for (int64_t group = 0; group < c.groups; group++) {
    for (int64_t unit = 0; unit < groupChannels; unit += channelsPerUnit_) {
      const int64_t channels = std::min(channelsPerUnit_, groupChannels - unit);
      const int64_t blocks = ceilDivide(channels, target_.blockChannels);
      const int64_t first = group * groupChannels + unit;
      for (const SlicePhases& slice : slicePhases_) {
        for (int64_t chunk = 0; chunk < l.inChannels; chunk += l.chunkChannels) {
          for (const std::vector<int64_t>& taps : slice.taps) {
            for (int64_t b = 0; b < blocks; b++) {
              packBlock(first + b * channels / blocks, first + (b + 1) * channels / blocks, taps, chunk);
            }
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
  const int64_t height = l.tileHeight * l.stepHeight;
  const int64_t width = l.tileWidth * l.stepWidth;
  return std::min(height, l.outHeight - row * height) * std::min(width, l.outWidth - column * width);
}

void DirectConvolution::convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes, TileMoments* moments,
                                     int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const DirectLayout& l = layout_;
  const int64_t channel = unit.group * (c.outChannels / c.groups) + unit.firstChannel;
  DirectTask task{};
  task.layout = &l;
  task.input = input.x + (unit.image * c.inChannels + unit.group * l.inChannels) * c.input.volume();
  task.output = planes;
  task.channels = unit.channels;
  task.blocks = ceilDivide(unit.channels, target_.blockChannels);
  task.tileColumn = tile % l.tilesAcross;
  task.tileRow = tile / l.tilesAcross % l.tilesDown;
  task.z = tile / (l.tilesAcross * l.tilesDown);
  const SlicePhases& slice = slicePhases_[static_cast<size_t>(task.z % l.stepDepth)];
  task.weights = packed_.data() + l.inChannels * (channel * taps_ + slice.tapsBefore * unit.channels);
  task.moments = moments;
  task.momentsStride = momentsStride;
  task.staged = scratch;
  task.sums = scratch + stagedFloats_;
  target_.convolveDirect(task);
}

}  // namespace fusionlens
