#include "winograd_convolution.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace fusionlens {
namespace {

// Output channels whose products are held at once: 32 × 36 points × 2 vectors are 72 KiB with 8 lanes, which leaves
// room in a second-level cache for the transformed inputs.
constexpr int64_t kChunkChannels = 32;
// The same with 81 points: two of the smaller register blocks, 62 KiB with 8 lanes.
constexpr int64_t kPhaseChunkChannels = 12;
constexpr int64_t kLineFloats = 16;

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Rounded up to an odd number of cache lines: streams that are a power of two apart would share cache sets. */
int64_t oddLines(int64_t floats) { return (ceilDivide(floats, kLineFloats) | 1) * kLineFloats; }

// Filters have six points along an axis, of stride 2 too: the middle tap's four points share one.
using Points = std::array<std::array<double, kWinogradInput>, kWinogradInput>;
using FilterTransform = double[kWinogradInput][kPiece];

/** G g Gᵀ. */
Points transformFilter(const FilterTransform& G, const std::array<std::array<double, kPiece>, kPiece>& g) {
  Points out{};
  for (size_t i = 0; i < kWinogradInput; i++) {
    std::array<double, kPiece> row{};
    for (size_t x = 0; x < kPiece; x++) {
      for (size_t y = 0; y < kPiece; y++) row[x] += G[i][y] * g[y][x];
    }
    for (size_t j = 0; j < kWinogradInput; j++) {
      for (size_t x = 0; x < kPiece; x++) out[i][j] += row[x] * G[j][x];
    }
  }
  return out;
}

/** F(4, 3) with the points 0, ±1, ±2 and infinity (Lavin and Gray). */
constexpr FilterTransform kPlainFilter = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};
/** F(4, 2) of the outer taps with the points 0, ±1, 2 and infinity, and the middle tap as it is. */
constexpr FilterTransform kStridedFilter = {
    {1.0 / 2, 0, 0}, {-1.0 / 2, 0, -1.0 / 2}, {-1.0 / 6, 0, 1.0 / 6}, {1.0 / 6, 0, 1.0 / 3}, {0, 0, 1}, {0, 1, 0},
};
/** The same with the outer taps exchanged: a transposed convolution's first tap meets the later input. */
constexpr FilterTransform kTransposedFilter = {
    {0, 0, 1.0 / 2}, {-1.0 / 2, 0, -1.0 / 2}, {1.0 / 6, 0, -1.0 / 6}, {1.0 / 3, 0, 1.0 / 6}, {1, 0, 0}, {0, 1, 0},
};

const FilterTransform& filterTransform(WinogradKind kind) {
  switch (kind) {
    case WinogradKind::Plain:
      return kPlainFilter;
    case WinogradKind::Strided:
      return kStridedFilter;
    case WinogradKind::Transposed:
      return kTransposedFilter;
  }
  return kPlainFilter;
}

/** Outputs of a tile along an axis. */
int64_t tileOutputs(WinogradKind kind) { return kind == WinogradKind::Transposed ? kTransposedOutput : kWinogradOutput; }

bool runsOverRows(const Convolution& convolution, int lanes) {
  if (winogradKind(convolution) != WinogradKind::Plain) return false;
  const Extent out = convolution.output();
  const int64_t down = ceilDivide(out.height, kWinogradOutput);
  const int64_t across = ceilDivide(out.width, kWinogradOutput);
  // Gathering single tiles costs about a tenth of a layer's time, so saving fewer vectors would not pay.
  return 10 * ceilDivide(down * across, lanes) < 9 * down * ceilDivide(across, lanes);
}

}  // namespace

WinogradKind winogradKind(const Convolution& c) {
  if (c.transposed) return WinogradKind::Transposed;
  return c.stride.width == 2 ? WinogradKind::Strided : WinogradKind::Plain;
}

bool WinogradConvolution::canDo(const Convolution& c) {
  if (c.groups != 1 || !(c.dilation == Extent{1, 1, 1})) return false;
  if (c.stride == Extent{1, 1, 1}) return !c.transposed && c.kernel.height > 1 && c.kernel.width > 1;
  if (c.kernel.height != kPiece || c.kernel.width != kPiece || c.stride.height != 2 || c.stride.width != 2) return false;
  return !c.transposed || (c.kernel.depth == 1 && c.input.depth == 1 && c.output().depth == 1 && c.padBegin.depth == 0 &&
                           c.padBegin.height % 2 == 1 && c.padBegin.width % 2 == 1);
}

int64_t winogradVectors(const Convolution& convolution, int lanes) {
  const Extent out = convolution.output();
  const int64_t tile = tileOutputs(winogradKind(convolution));
  const int64_t down = ceilDivide(out.height, tile);
  const int64_t across = ceilDivide(out.width, tile);
  return out.depth * (runsOverRows(convolution, lanes) ? ceilDivide(down * across, lanes)
                                                       : down * ceilDivide(across, lanes));
}

WinogradConvolution::WinogradConvolution(const Convolution& convolution, const float* weights, const Target& target)
    : convolution_(convolution), target_(target), kind_(winogradKind(convolution)) {
  assert(convolution.check().empty() && canDo(convolution));
  listPoints();
  findSources();
  layOut();
  packWeights(weights);
}

void WinogradConvolution::listPoints() {
  const int32_t side = kind_ == WinogradKind::Plain ? kWinogradInput : kPhasePoints;
  const auto filterOf = [](int32_t i) { return i < kWinogradInput ? i : kWinogradInput - 1; };
  for (int32_t i = 0; i < side; i++) {
    for (int32_t j = 0; j < side; j++) {
      points_.push_back({i * side + j, filterOf(i) * kWinogradInput + filterOf(j)});
    }
  }
  std::stable_sort(points_.begin(), points_.end(),
                   [](const WinogradPoint& a, const WinogradPoint& b) { return a.filter < b.filter; });
}

void WinogradConvolution::findSources() {
  const Convolution& c = convolution_;
  if (kind_ == WinogradKind::Transposed) {
    // The first even output comes from the middle tap: input (0 + pad − 1) / 2.
    const int64_t row = (c.padBegin.height - 1) / 2;
    const int64_t column = (c.padBegin.width - 1) / 2;
    for (int64_t channel = 0; channel < c.inChannels; channel++) sources_.push_back({channel, 0, row, column});
    return;
  }
  for (int64_t channel = 0; channel < c.inChannels; channel++) {
    for (int64_t kz = 0; kz < c.kernel.depth; kz++) {
      for (int64_t row = 0; row < c.kernel.height; row += kPiece) {
        for (int64_t column = 0; column < c.kernel.width; column += kPiece) {
          sources_.push_back({channel, kz - c.padBegin.depth, row - c.padBegin.height, column - c.padBegin.width});
        }
      }
    }
  }
}

void WinogradConvolution::layOut() {
  const Convolution& c = convolution_;
  const Extent out = c.output();
  const int64_t lanes = target_.lanes;
  WinogradLayout& l = layout_;
  l.inChannels = c.inChannels;
  l.inDepth = c.input.depth;
  l.inHeight = c.input.height;
  l.inWidth = c.input.width;
  l.outDepth = out.depth;
  l.outHeight = out.height;
  l.outWidth = out.width;
  l.kind = kind_;
  l.inputStep = kind_ == WinogradKind::Strided ? 2 * kWinogradOutput : kWinogradOutput;
  l.inputRows = kind_ == WinogradKind::Plain     ? kWinogradInput
                : kind_ == WinogradKind::Strided ? kStridedInput
                                                 : kTransposedInput;
  l.strideDepth = c.stride.depth;
  l.points = points_.data();
  l.pointCount = static_cast<int64_t>(points_.size());
  l.filterCount = kWinogradPoints;
  l.tilesDown = ceilDivide(out.height, tileOutputs(kind_));
  l.tilesAcross = ceilDivide(out.width, tileOutputs(kind_));
  l.flattened = runsOverRows(c, target_.lanes);
  l.vectorsAcross = ceilDivide(l.tilesAcross, lanes);
  l.sliceVectors = l.flattened ? ceilDivide(l.tilesDown * l.tilesAcross, lanes) : l.tilesDown * l.vectorsAcross;
  l.sources = sources_.data();
  l.sourceCount = static_cast<int64_t>(sources_.size());
  l.border = static_cast<int>(c.border);
  l.inputPoint = oddLines(l.sourceCount * kWinogradVectors * lanes);
  l.productChannel = oddLines(l.pointCount * kWinogradVectors * lanes);
  l.chunkChannels = kind_ == WinogradKind::Plain ? kChunkChannels : kPhaseChunkChannels;
  transformedFloats_ = static_cast<size_t>(l.pointCount * l.inputPoint);
  productFloats_ = static_cast<size_t>(l.chunkChannels * l.productChannel);
}

/** The 3×3 piece of the filters of output channel `out` that `source` has, with zeros beyond the filter. */
WinogradConvolution::Piece WinogradConvolution::pieceOf(const float* weights, int64_t out,
                                                         const WinogradSource& source) const {
  const Extent& kernel = convolution_.kernel;
  const float* filter = weights + convolution_.filterIndex(out, source.channel);
  if (kind_ == WinogradKind::Transposed) {
    Piece whole{};
    for (size_t i = 0; i < kPiece * kPiece; i++) whole[i / kPiece][i % kPiece] = static_cast<double>(filter[i]);
    return whole;
  }
  const int64_t kz = source.depth + convolution_.padBegin.depth;
  const int64_t row = source.row + convolution_.padBegin.height;
  const int64_t column = source.column + convolution_.padBegin.width;
  Piece piece{};
  for (int64_t y = 0; y < kPiece && row + y < kernel.height; y++) {
    for (int64_t x = 0; x < kPiece && column + x < kernel.width; x++) {
      const int64_t index = (kz * kernel.height + row + y) * kernel.width + column + x;
      piece[static_cast<size_t>(y)][static_cast<size_t>(x)] = static_cast<double>(filter[index]);
    }
  }
  return piece;
}

void WinogradConvolution::packWeights(const float* weights) {
  const Convolution& c = convolution_;
  const int64_t pieces = layout_.sourceCount;
  packed_ = AlignedBuffer(static_cast<size_t>(c.outChannels * kWinogradPoints * pieces));
  for (int64_t chunk = 0; chunk < c.outChannels; chunk += layout_.chunkChannels) {
    const int64_t channels = std::min(layout_.chunkChannels, c.outChannels - chunk);
    const int64_t blocks = ceilDivide(channels, target_.blockChannels);
    float* chunkWeights = packed_.data() + chunk * kWinogradPoints * pieces;
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t first = b * channels / blocks;
      const int64_t size = (b + 1) * channels / blocks - first;
      for (int64_t i = 0; i < size; i++) {
        for (int64_t s = 0; s < pieces; s++) {
          const Points points = transformFilter(
              filterTransform(kind_), pieceOf(weights, chunk + first + i, sources_[static_cast<size_t>(s)]));
          float* to = chunkWeights + first * pieces + s * size + i;
          for (size_t p = 0; p < kWinogradPoints; p++, to += channels * pieces) {
            *to = static_cast<float>(points[p / kWinogradInput][p % kWinogradInput]);
          }
        }
      }
    }
  }
}

int64_t WinogradConvolution::groupsOfSlice() const { return ceilDivide(layout_.sliceVectors, kWinogradVectors); }

int64_t WinogradConvolution::tilesPerUnit() const { return layout_.outDepth * groupsOfSlice(); }

int64_t WinogradConvolution::vectorElements(int64_t vector) const {
  const WinogradLayout& l = layout_;
  const int64_t lanes = target_.lanes;
  int64_t count = 0;
  for (int64_t lane = 0; lane < lanes; lane++) {
    const int64_t index = vector * lanes + lane;
    const int64_t row = l.flattened ? index / l.tilesAcross : vector / l.vectorsAcross;
    const int64_t column = l.flattened ? index % l.tilesAcross : vector % l.vectorsAcross * lanes + lane;
    const int64_t tile = tileOutputs(kind_);
    const int64_t rows = std::min(tile, l.outHeight - row * tile);
    const int64_t columns = std::min(tile, l.outWidth - column * tile);
    if (rows > 0 && columns > 0) count += rows * columns;
  }
  return count;
}

int64_t WinogradConvolution::tileElements(int64_t tile) const {
  const int64_t first = tile % groupsOfSlice() * kWinogradVectors;
  const int64_t end = std::min(first + kWinogradVectors, layout_.sliceVectors);
  int64_t count = 0;
  for (int64_t vector = first; vector < end; vector++) count += vectorElements(vector);
  return count;
}

void WinogradConvolution::convolveTile(const Unit& unit, int64_t tile, const float* x, float* planes, TileMoments* moments,
                                       int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const WinogradLayout& l = layout_;
  WinogradTask task{};
  task.layout = &l;
  task.input = x + unit.image * c.inChannels * c.input.volume();
  task.output = planes;
  task.weights = packed_.data() + unit.firstChannel * kWinogradPoints * l.sourceCount;
  task.channels = unit.channels;
  task.z = tile / groupsOfSlice();
  task.firstVector = tile % groupsOfSlice() * kWinogradVectors;
  task.vectors = std::min<int64_t>(kWinogradVectors, l.sliceVectors - task.firstVector);
  task.outputs = tileElements(tile);
  task.moments = moments;
  task.momentsStride = momentsStride;
  task.transformed = scratch;
  task.products = scratch + transformedFloats_;
  target_.convolveWinograd(task);
}

}  // namespace fusionlens
