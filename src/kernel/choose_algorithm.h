// Which algorithm a layer gets.
#pragma once

#include <memory>
#include <string>

#include "algorithm.h"

namespace fusionlens {

enum class AlgorithmChoice {
  /** Whichever should be fastest for the layer. */
  Fastest,
  /** The same without Winograd's, whose transforms lose about one decimal digit. */
  Exact,
  /** This one, or an error where it can't do the layer: for tests and benchmarks. */
  Direct,
  /** The cheapest one. */
  Winograd,
  WinogradF4,
  WinogradF6,
  /** One that nests F(2, 3) over depth. */
  WinogradDepth,
  Depthwise,
};

/**
 * "fastest", "exact", "direct", "winograd", "winogradF4", "winogradF6", "winogradDepth", "depthwise"; throws
 * std::invalid_argument for anything else.
 */
AlgorithmChoice algorithmChoiceOf(const std::string& name);

/** The algorithm for a layer, with its weights packed. */
std::unique_ptr<Algorithm> chooseAlgorithm(const Convolution& convolution, const float* weights, const Target& target,
                                           AlgorithmChoice choice);

}  // namespace fusionlens
