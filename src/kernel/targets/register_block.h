// The inner loop of every algorithm here: a block of output channels × vectors of outputs, summed in registers.
#pragma once

#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

// Sums that a block keeps in registers, and then the inputs of a step and a weight: 12 + 3 + 1 are 16 registers, 24 + 3 + 1
// leave some of 32. That many independent sums hide the latency × throughput of the multiply-add (8), and a step of 12
// (24) multiply-adds needs 7 or 8 (11 or 14) loads, fewer than the two load ports serve meanwhile.
#if FUSIONLENS_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int kSums = 24;
#else
constexpr int kSums = 12;
#endif
/** Output channels of a block of two vectors. */
constexpr int kBlockChannels = kSums / 2;
/** The same of kWinogradVectors. */
constexpr int kWideBlockChannels = kSums / kWinogradVectors;
constexpr int kMostVectors = 8;

/** Vectors of a block: two, and with few channels more, to keep as many sums busy. */
constexpr int vectorsFor(int channels) {
  return channels == 1 ? kMostVectors : channels * 4 <= kSums ? 4 : channels * 3 <= kSums ? 3 : 2;
}

/** Inputs of step k are at `base + offsets[k]`. */
struct TableSource {
  const float* base;
  const int32_t* offsets;
  FUSIONLENS_INLINE const float* at(int64_t k) const { return base + offsets[k]; }
};

/** Inputs of step k are at `base + k × stride`. */
struct StridedSource {
  const float* base;
  int64_t stride;
  FUSIONLENS_INLINE const float* at(int64_t k) const { return base + k * stride; }
};

/**
 * Sums `depth` products for a block of Channels × Vectors outputs and puts them, or, to `accumulate`, adds them, to
 * `block`. (Adding at the end rather than starting from what is there keeps rounding errors small.) Step k multiplies
 * Vectors vectors of inputs by one weight per channel, `weights[k × Channels + channel]`.
 */
template <int Channels, int Vectors, typename Source>
static FUSIONLENS_INLINE void multiplyBlock(const float* weights, Source source, int64_t depth, float* block,
                                            int64_t blockChannel, bool accumulate) {
  Vec sums[Channels][Vectors];
  FUSIONLENS_UNROLL
  for (int c = 0; c < Channels; c++) {
    FUSIONLENS_UNROLL
    for (int v = 0; v < Vectors; v++) sums[c][v] = zero();
  }
  for (int64_t k = 0; k < depth; k++) {
    const float* from = source.at(k);
    Vec inputs[Vectors];
    FUSIONLENS_UNROLL
    for (int v = 0; v < Vectors; v++) inputs[v] = load(from + v * kLanes);
    FUSIONLENS_UNROLL
    for (int c = 0; c < Channels; c++) {
      const Vec weight = broadcast(weights[c]);
      FUSIONLENS_UNROLL
      for (int v = 0; v < Vectors; v++) sums[c][v] = multiplyAdd(inputs[v], weight, sums[c][v]);
    }
    weights += Channels;
  }
  if (accumulate) {
    FUSIONLENS_UNROLL
    for (int c = 0; c < Channels; c++) {
      FUSIONLENS_UNROLL
      for (int v = 0; v < Vectors; v++) sums[c][v] = sums[c][v] + load(block + c * blockChannel + v * kLanes);
    }
  }
  FUSIONLENS_UNROLL
  for (int c = 0; c < Channels; c++) {
    FUSIONLENS_UNROLL
    for (int v = 0; v < Vectors; v++) store(block + c * blockChannel + v * kLanes, sums[c][v]);
  }
}

/** One function per block size: `Make<Channels, Vectors>::function`. */
template <typename Function>
struct BlockTable {
  Function entry[kBlockChannels][kMostVectors];
};

template <template <int, int> class Make, typename Function, int Channels, int Vectors, int MostVectors>
struct FillTable {
  static constexpr void fill(BlockTable<Function>& table) {
    table.entry[Channels - 1][Vectors - 1] = &Make<Channels, Vectors>::function;
    if constexpr (Vectors > 1) {
      FillTable<Make, Function, Channels, Vectors - 1, MostVectors>::fill(table);
    } else if constexpr (Channels > 1) {
      constexpr int vectors = MostVectors > 0 ? MostVectors : vectorsFor(Channels - 1);
      FillTable<Make, Function, Channels - 1, vectors, MostVectors>::fill(table);
    }
  }
};

/** For up to kBlockChannels channels and as many vectors as `vectorsFor` allows. */
template <template <int, int> class Make, typename Function>
constexpr BlockTable<Function> makeBlockTable() {
  BlockTable<Function> table{};
  FillTable<Make, Function, kBlockChannels, vectorsFor(kBlockChannels), 0>::fill(table);
  return table;
}

/** For up to kWideBlockChannels channels and kWinogradVectors vectors. */
template <template <int, int> class Make, typename Function>
constexpr BlockTable<Function> makeWideBlockTable() {
  BlockTable<Function> table{};
  FillTable<Make, Function, kWideBlockChannels, kWinogradVectors, kWinogradVectors>::fill(table);
  return table;
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
