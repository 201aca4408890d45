#include "winograd_convolution.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace fusionlens {
namespace {

// Products that are held at once, in floats: the fewer, the more often the transformed inputs, which are about as large,
// are read again.
constexpr int64_t kProductFloats = 64 << 10;
constexpr int64_t kLineFloats = 16;

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Rounded up to an odd number of cache lines: streams that are a power of two apart would share cache sets. */
int64_t oddLines(int64_t floats) { return (ceilDivide(floats, kLineFloats) | 1) * kLineFloats; }

constexpr size_t kMostFilters = 8;
using Points = std::array<std::array<double, kMostFilters>, kMostFilters>;
using FilterTransform = double[kMostFilters][kPiece];

/** G g Gᵀ of the kind with the matrix G. */
Points transformFilter(const FilterTransform& G, const std::array<std::array<double, kPiece>, kPiece>& g) {
  Points out{};
  for (size_t i = 0; i < kMostFilters; i++) {
    std::array<double, kPiece> row{};
    for (size_t x = 0; x < kPiece; x++) {
      for (size_t y = 0; y < kPiece; y++) row[x] += G[i][y] * g[y][x];
    }
    for (size_t j = 0; j < kMostFilters; j++) {
      for (size_t x = 0; x < kPiece; x++) out[i][j] += row[x] * G[j][x];
    }
  }
  return out;
}

/** F(4, 3) with the points 0, ±1, ±2 and infinity (Lavin and Gray). */
constexpr FilterTransform kF4Filter = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};
/** F(6, 3) with the points 0, ±1, ±2, ±1/2 and infinity. */
constexpr FilterTransform kF6Filter = {
    {1, 0, 0},
    {-2.0 / 9, -2.0 / 9, -2.0 / 9},
    {-2.0 / 9, 2.0 / 9, -2.0 / 9},
    {1.0 / 90, 1.0 / 45, 2.0 / 45},
    {1.0 / 90, -1.0 / 45, 2.0 / 45},
    {32.0 / 45, 16.0 / 45, 8.0 / 45},
    {32.0 / 45, -16.0 / 45, 8.0 / 45},
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
    case WinogradKind::F4:
      return kF4Filter;
    case WinogradKind::F6:
      return kF6Filter;
    case WinogradKind::Strided:
      return kStridedFilter;
    case WinogradKind::Transposed:
      return kTransposedFilter;
  }
  return kF4Filter;
}

}  // namespace

std::vector<WinogradForm> WinogradConvolution::forms(const Convolution& c) {
  if (c.groups != 1 || !(c.dilation == Extent{1, 1, 1})) return {};
  if (c.stride == Extent{1, 1, 1}) {
    if (c.transposed || c.kernel.height == 1 || c.kernel.width == 1) return {};
    std::vector<WinogradForm> forms = {{WinogradKind::F6, false}, {WinogradKind::F4, false}};
    if (c.kernel.depth == kPiece) {
      forms.push_back({WinogradKind::F6, true});
      forms.push_back({WinogradKind::F4, true});
    }
    return forms;
  }
  if (c.kernel.height != kPiece || c.kernel.width != kPiece || c.stride.height != 2 || c.stride.width != 2) return {};
  if (!c.transposed) return {{WinogradKind::Strided, false}};
  const bool flat = c.kernel.depth == 1 && c.input.depth == 1 && c.output().depth == 1 && c.padBegin.depth == 0;
  if (!flat || c.padBegin.height % 2 != 1 || c.padBegin.width % 2 != 1) return {};
  return {{WinogradKind::Transposed, false}};
}

int64_t winogradVectors(const Convolution& convolution, WinogradForm form, int lanes) {
  const Extent out = convolution.output();
  const int64_t tile = winogradTile(form.kind).outputs;
  const int64_t slices = form.nestsDepth ? ceilDivide(out.depth, kDepthOutputs) : out.depth;
  return slices * ceilDivide(ceilDivide(out.height, tile) * ceilDivide(out.width, tile), lanes);
}

WinogradConvolution::WinogradConvolution(const Convolution& convolution, WinogradForm form, const float* weights,
                                         const Target& target)
    : convolution_(convolution), target_(target), kind_(form.kind), nestsDepth_(form.nestsDepth) {
  assert(convolution.check().empty());
  const std::vector<WinogradForm> possible = forms(convolution);
  assert(std::any_of(possible.begin(), possible.end(), [&](const WinogradForm& other) {
    return other.kind == form.kind && other.nestsDepth == form.nestsDepth;
  }));
  static_cast<void>(possible);
  listPoints();
  findSources();
  layOut();
  packWeights(weights);
}

void WinogradConvolution::listPoints() {
  const int32_t side = static_cast<int32_t>(winogradTile(kind_).points);
  const int32_t filters = static_cast<int32_t>(winogradTile(kind_).filters);
  const auto filterOf = [&](int32_t i) { return std::min(i, filters - 1); };
  for (int32_t d = 0; d < (nestsDepth_ ? kDepthPoints : 1); d++) {
    for (int32_t i = 0; i < side; i++) {
      for (int32_t j = 0; j < side; j++) {
        points_.push_back({(d * side + i) * side + j, (d * filters + filterOf(i)) * filters + filterOf(j)});
      }
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
  for (int64_t kz = 0; kz < (nestsDepth_ ? 1 : c.kernel.depth); kz++) {
    for (int64_t row = 0; row < c.kernel.height; row += kPiece) {
      for (int64_t column = 0; column < c.kernel.width; column += kPiece) {
        for (int64_t channel = 0; channel < c.inChannels; channel++) {
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
  l.nestsDepth = nestsDepth_;
  l.strideDepth = c.stride.depth;
  l.points = points_.data();
  l.pointCount = static_cast<int64_t>(points_.size());
  const WinogradTile& tile = winogradTile(kind_);
  l.filterCount = (nestsDepth_ ? kDepthPoints : 1) * tile.filters * tile.filters;
  l.firstRow = -c.padBegin.height;
  l.endRow = c.input.height + c.padEnd.height;
  l.firstColumn = -c.padBegin.width;
  l.endColumn = c.input.width + c.padEnd.width;
  l.tilesDown = ceilDivide(out.height, tile.outputs);
  l.tilesAcross = ceilDivide(out.width, tile.outputs);
  l.sliceVectors = ceilDivide(l.tilesDown * l.tilesAcross, lanes);
  l.sources = sources_.data();
  l.sourceCount = static_cast<int64_t>(sources_.size());
  l.border = static_cast<int>(c.border);
  l.inputPoint = oddLines(l.sourceCount * kWinogradVectors * lanes);
  l.productChannel = oddLines(l.pointCount * kWinogradVectors * lanes);
  const int64_t blocks = std::max<int64_t>(1, kProductFloats / l.productChannel / target_.winogradBlockChannels);
  l.chunkChannels = std::min(c.outChannels, blocks * target_.winogradBlockChannels);
  transformedFloats_ = static_cast<size_t>(l.pointCount * l.inputPoint);
  productFloats_ = static_cast<size_t>(l.chunkChannels * l.productChannel);
}

/** The 3×3 piece of slice `kz` of the filter of output channel `out` that `source` has, with zeros beyond the filter. */
WinogradConvolution::Piece WinogradConvolution::pieceOf(const float* weights, int64_t out, const WinogradSource& source,
                                                         int64_t kz) const {
  const Extent& kernel = convolution_.kernel;
  const float* filter = weights + convolution_.filterIndex(out, source.channel);
  if (kind_ == WinogradKind::Transposed) {
    Piece whole{};
    for (size_t i = 0; i < kPiece * kPiece; i++) whole[i / kPiece][i % kPiece] = static_cast<double>(filter[i]);
    return whole;
  }
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

/** The pieces to transform, one for each point of F(2, 3) over depth, where it is nested; G g along the depth. */
std::vector<WinogradConvolution::Piece> WinogradConvolution::depthPieces(const float* weights, int64_t out,
                                                                         const WinogradSource& source) const {
  if (!nestsDepth_) return {pieceOf(weights, out, source, source.depth + convolution_.padBegin.depth)};
  const std::array<Piece, kPiece> g = {pieceOf(weights, out, source, 0), pieceOf(weights, out, source, 1),
                                       pieceOf(weights, out, source, 2)};
  std::vector<Piece> pieces = {g[0], g[0], g[0], g[2]};
  for (size_t y = 0; y < kPiece; y++) {
    for (size_t x = 0; x < kPiece; x++) {
      pieces[1][y][x] = (g[0][y][x] + g[1][y][x] + g[2][y][x]) / 2;
      pieces[2][y][x] = (g[0][y][x] - g[1][y][x] + g[2][y][x]) / 2;
    }
  }
  return pieces;
}

void WinogradConvolution::packWeights(const float* weights) {
  const Convolution& c = convolution_;
  const int64_t pieces = layout_.sourceCount;
  packed_ = AlignedBuffer(static_cast<size_t>(c.outChannels * layout_.filterCount * pieces));
  const size_t filters = static_cast<size_t>(winogradTile(kind_).filters);
  for (int64_t chunk = 0; chunk < c.outChannels; chunk += layout_.chunkChannels) {
    const int64_t channels = std::min(layout_.chunkChannels, c.outChannels - chunk);
    const int64_t blocks = ceilDivide(channels, target_.winogradBlockChannels);
    float* chunkWeights = packed_.data() + chunk * layout_.filterCount * pieces;
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t first = b * channels / blocks;
      const int64_t size = (b + 1) * channels / blocks - first;
      for (int64_t i = 0; i < size; i++) {
        for (int64_t s = 0; s < pieces; s++) {
          float* to = chunkWeights + first * pieces + s * size + i;
          for (const Piece& piece : depthPieces(weights, chunk + first + i, sources_[static_cast<size_t>(s)])) {
            const Points points = transformFilter(filterTransform(kind_), piece);
            for (size_t p = 0; p < filters * filters; p++, to += channels * pieces) {
              *to = static_cast<float>(points[p / filters][p % filters]);
            }
          }
        }
      }
    }
  }
}

int64_t WinogradConvolution::groupsOfSlice() const { return ceilDivide(layout_.sliceVectors, kWinogradVectors); }

/** Of a group of vectors that are multiplied together; groups have about as many, so that each keeps many sums busy. */
int64_t WinogradConvolution::firstVector(int64_t group) const {
  return group * layout_.sliceVectors / groupsOfSlice();
}

int64_t WinogradConvolution::slicesPerTile() const { return nestsDepth_ ? kDepthOutputs : 1; }

int64_t WinogradConvolution::tilesPerUnit() const {
  return ceilDivide(layout_.outDepth, slicesPerTile()) * groupsOfSlice();
}

int64_t WinogradConvolution::tileElements(int64_t tile) const {
  const WinogradLayout& l = layout_;
  const int64_t outputs = winogradTile(kind_).outputs;
  const int64_t group = tile % groupsOfSlice();
  const int64_t first = firstVector(group) * target_.lanes;
  const int64_t end = std::min(firstVector(group + 1) * target_.lanes, l.tilesDown * l.tilesAcross);
  int64_t count = 0;
  for (int64_t index = first; index < end; index++) {
    const int64_t rows = std::min(outputs, l.outHeight - index / l.tilesAcross * outputs);
    const int64_t columns = std::min(outputs, l.outWidth - index % l.tilesAcross * outputs);
    count += rows * columns;
  }
  const int64_t z = tile / groupsOfSlice() * slicesPerTile();
  return count * std::min(slicesPerTile(), l.outDepth - z);
}

void WinogradConvolution::convolveTile(const Unit& unit, int64_t tile, const Input& input, float* planes,
                                       TileMoments* moments, int64_t momentsStride, float* scratch) const {
  const Convolution& c = convolution_;
  const WinogradLayout& l = layout_;
  WinogradTask task{};
  task.layout = &l;
  task.input = input.x + unit.image * c.inChannels * c.input.volume();
  task.shifts = input.shifts + unit.image * c.inChannels;
  task.output = planes;
  task.weights = packed_.data() + unit.firstChannel * l.filterCount * l.sourceCount;
  task.channels = unit.channels;
  task.z = tile / groupsOfSlice() * slicesPerTile();
  task.firstVector = firstVector(tile % groupsOfSlice());
  task.vectors = firstVector(tile % groupsOfSlice() + 1) - task.firstVector;
  task.outputs = tileElements(tile);
  task.moments = moments;
  task.momentsStride = momentsStride;
  task.transformed = scratch;
  task.products = scratch + transformedFloats_;
  target_.convolveWinograd(task);
}

}  // namespace fusionlens
