#include "choose_algorithm.h"

#include <stdexcept>

#include "depthwise_convolution.h"
#include "direct_convolution.h"
#include "winograd_convolution.h"

namespace fusionlens {
namespace {

// Costs in processor cycles on one core that starts two vector multiply-adds a cycle, for one vector of tiles.
// Measured on Zen 3; their ratios are what matters.
constexpr double kMultiplyAdd = 0.5;
constexpr double kTransformInputs = 130;   // of one source
constexpr double kTransformProducts = 160;  // of one output channel
constexpr double kTransformStrided = 330;
constexpr double kTransformStridedProducts = 220;
constexpr double kTransformTransposed = 200;
constexpr double kTransformTransposedProducts = 350;
// Overhead of the direct algorithm beyond its multiply-adds: staging, storing.
constexpr double kDirectPerInput = 4;   // of one vector of inputs of one channel
constexpr double kDirectPerOutput = 3;  // of one vector of outputs of one channel

// Beyond this the direct algorithm's staging pays: its loop needs fewer loads for each product.
constexpr int64_t kMostDepthwiseTaps = 25;

double winogradCost(const Convolution& c, int lanes) {
  const double sources = static_cast<double>(c.inChannels * c.kernel.depth * ((c.kernel.height + 2) / 3) *
                                             ((c.kernel.width + 2) / 3));
  const double channels = static_cast<double>(c.outChannels);
  const double vectors = static_cast<double>(winogradVectors(c, lanes));
  const double products = kMostWinogradPoints * static_cast<double>(c.inChannels * c.kernel.depth) * channels;
  switch (winogradKind(c)) {
    case WinogradKind::Strided:
      return vectors * (products * kMultiplyAdd + sources * kTransformStrided + channels * kTransformStridedProducts);
    case WinogradKind::Transposed:
      return vectors *
             (products * kMultiplyAdd + sources * kTransformTransposed + channels * kTransformTransposedProducts);
    case WinogradKind::Plain:
      break;
  }
  return vectors *
         (kWinogradPoints * sources * channels * kMultiplyAdd + sources * kTransformInputs +
          channels * kTransformProducts);
}

double directCost(const Convolution& c, int lanes) {
  if (c.transposed) {
    const double products = static_cast<double>(c.input.volume() * c.kernel.volume() * c.inChannels) / lanes;
    const double stored = static_cast<double>(c.output().volume()) / lanes;
    return static_cast<double>(c.outChannels) * (products * kMultiplyAdd + stored * kDirectPerOutput);
  }
  const double outputs = static_cast<double>(c.output().volume()) / lanes;
  const double inputs = static_cast<double>(c.input.volume() * c.kernel.depth) / lanes;
  const double channels = static_cast<double>(c.outChannels);
  return outputs * channels * (static_cast<double>(c.inChannels * c.kernel.volume()) * kMultiplyAdd + kDirectPerOutput) +
         inputs * static_cast<double>(c.inChannels) * kDirectPerInput;
}

}  // namespace

AlgorithmChoice algorithmChoiceOf(const std::string& name) {
  if (name == "fastest") return AlgorithmChoice::Fastest;
  if (name == "exact") return AlgorithmChoice::Exact;
  if (name == "direct") return AlgorithmChoice::Direct;
  if (name == "winograd") return AlgorithmChoice::Winograd;
  if (name == "depthwise") return AlgorithmChoice::Depthwise;
  throw std::invalid_argument("algorithm \"" + name +
                              "\" is unknown; fastest, exact, direct, winograd and depthwise are known");
}

std::unique_ptr<Algorithm> chooseAlgorithm(const Convolution& c, const float* weights, const Target& target,
                                           AlgorithmChoice choice) {
  const bool possible = WinogradConvolution::canDo(c);
  if (choice == AlgorithmChoice::Winograd && !possible) {
    throw std::invalid_argument(
        "Winograd's algorithm needs dilation 1, one group, and stride 1 and a two-dimensional kernel or stride 2 and 3×3");
  }
  if (choice == AlgorithmChoice::Winograd || (choice == AlgorithmChoice::Fastest && possible &&
                                              winogradCost(c, target.lanes) < directCost(c, target.lanes))) {
    return std::make_unique<WinogradConvolution>(c, weights, target);
  }
  const bool depthwise = DepthwiseConvolution::canDo(c);
  if (choice == AlgorithmChoice::Depthwise && !depthwise) {
    throw std::invalid_argument(
        "the depthwise algorithm needs two dimensions, one input channel a group and stride 1 along the rows");
  }
  const bool fastDepthwise = depthwise && c.kernel.volume() <= kMostDepthwiseTaps;
  if (choice == AlgorithmChoice::Depthwise || (fastDepthwise && choice != AlgorithmChoice::Direct)) {
    return std::make_unique<DepthwiseConvolution>(c, weights, target);
  }
  return std::make_unique<DirectConvolution>(c, weights, target, choice == AlgorithmChoice::Exact);
}

}  // namespace fusionlens
