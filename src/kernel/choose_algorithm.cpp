#include "choose_algorithm.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "depthwise_convolution.h"
#include "direct_convolution.h"
#include "winograd_convolution.h"

namespace fusionlens {
namespace {

// Costs in processor cycles on one core that starts two vector multiply-adds a cycle, for one vector of tiles.
// Measured on Zen 3; their ratios are what matters.
constexpr double kMultiplyAdd = 0.5;
struct TransformCosts {
  double source;   // of one source's inputs
  double channel;  // of one output channel's products
};
constexpr TransformCosts transformCosts(WinogradKind kind) {
  switch (kind) {
    case WinogradKind::F4:
      return {130, 160};
    case WinogradKind::F6:
      return {280, 330};
    case WinogradKind::Strided:
      return {330, 220};
    case WinogradKind::Transposed:
      return {200, 350};
  }
  return {};
}
// How much longer the products of a channel take to transform where depth is nested, three being added for each point.
constexpr double kDepthSums = 1.5;
// Overhead of the direct algorithm beyond its multiply-adds: staging, storing.
constexpr double kDirectPerInput = 4;   // of one vector of inputs of one channel
constexpr double kDirectPerOutput = 3;  // of one vector of outputs of one channel

// Beyond this the direct algorithm's staging pays: its loop needs fewer loads for each product.
constexpr int64_t kMostDepthwiseTaps = 25;

double winogradCost(const Convolution& c, WinogradForm form, int lanes) {
  const double sources = static_cast<double>(c.inChannels * (form.nestsDepth ? 1 : c.kernel.depth) *
                                             ((c.kernel.height + 2) / 3) * ((c.kernel.width + 2) / 3));
  const double channels = static_cast<double>(c.outChannels);
  const double points = static_cast<double>(winogradTile(form.kind).points * winogradTile(form.kind).points);
  const TransformCosts transform = transformCosts(form.kind);
  const double inputs = form.nestsDepth ? kDepthPoints : 1;
  const double outputs = form.nestsDepth ? kDepthOutputs * kDepthSums : 1;
  return static_cast<double>(winogradVectors(c, form, lanes)) *
         (inputs * points * sources * channels * kMultiplyAdd + inputs * sources * transform.source +
          outputs * channels * transform.channel);
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

bool isWinograd(AlgorithmChoice choice) {
  return choice == AlgorithmChoice::Winograd || choice == AlgorithmChoice::WinogradF4 ||
         choice == AlgorithmChoice::WinogradF6 || choice == AlgorithmChoice::WinogradDepth;
}

bool allows(AlgorithmChoice choice, WinogradForm form) {
  switch (choice) {
    case AlgorithmChoice::WinogradF4:
      return form.kind == WinogradKind::F4 && !form.nestsDepth;
    case AlgorithmChoice::WinogradF6:
      return form.kind == WinogradKind::F6 && !form.nestsDepth;
    case AlgorithmChoice::WinogradDepth:
      return form.nestsDepth;
    default:
      return true;
  }
}

}  // namespace

AlgorithmChoice algorithmChoiceOf(const std::string& name) {
  if (name == "fastest") return AlgorithmChoice::Fastest;
  if (name == "exact") return AlgorithmChoice::Exact;
  if (name == "direct") return AlgorithmChoice::Direct;
  if (name == "winograd") return AlgorithmChoice::Winograd;
  if (name == "winogradF4") return AlgorithmChoice::WinogradF4;
  if (name == "winogradF6") return AlgorithmChoice::WinogradF6;
  if (name == "winogradDepth") return AlgorithmChoice::WinogradDepth;
  if (name == "depthwise") return AlgorithmChoice::Depthwise;
  throw std::invalid_argument("algorithm \"" + name +
                              "\" is unknown; fastest, exact, direct, winograd, winogradF4, winogradF6, winogradDepth "
                              "and depthwise are known");
}

std::unique_ptr<Algorithm> chooseAlgorithm(const Convolution& c, const float* weights, const Target& target,
                                           AlgorithmChoice choice) {
  std::vector<WinogradForm> forms = WinogradConvolution::forms(c);
  const bool fastest = choice == AlgorithmChoice::Fastest;
  const bool winograd = isWinograd(choice);
  if (winograd) {
    forms.erase(std::remove_if(forms.begin(), forms.end(), [&](WinogradForm form) { return !allows(choice, form); }),
                forms.end());
    if (forms.empty()) {
      throw std::invalid_argument(
          "Winograd's algorithm needs dilation 1, one group, and stride 1 and a two-dimensional kernel or stride 2 and "
          "3×3; over depth, stride 1 and a depth of 3");
    }
  }
  if (winograd || (fastest && !forms.empty())) {
    const auto cost = [&](WinogradForm form) { return winogradCost(c, form, target.lanes); };
    const WinogradForm best = *std::min_element(
        forms.begin(), forms.end(), [&](WinogradForm a, WinogradForm b) { return cost(a) < cost(b); });
    if (winograd || cost(best) < directCost(c, target.lanes)) {
      return std::make_unique<WinogradConvolution>(c, best, weights, target);
    }
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
