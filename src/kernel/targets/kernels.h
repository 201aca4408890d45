// The functions of one target, for its table.
#pragma once

#include "target.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

// Register blocks. Two vectors of outputs times kBlockChannels channels: 6 × 2 sums, 2 inputs and 1 weight use 15 of
// 16 registers, 12 × 2 + 2 + 1 use 27 of 32; a step of 12 (24) multiply-adds then needs 8 (14) loads, fewer than the
// two load ports serve meanwhile, and has more independent sums than latency × throughput of the multiply-add (8).
#if FUSIONLENS_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int kBlockChannels = 12;
#else
constexpr int kBlockChannels = 6;
#endif

void convolveDirect(const DirectTask& task);
TileMoments measureMoments(const float* values, int64_t count);
void normalize(const NormalizeTask& task);

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
