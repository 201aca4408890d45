// The functions of one target, for its table.
#pragma once

#include "target.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {

void convolveDirect(const DirectTask& task);
void convolveWinograd(const WinogradTask& task);
void convolveDepthwise(const DepthwiseTask& task);
TileMoments measureMoments(const float* values, int64_t count);
void normalize(const NormalizeTask& task);

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
