// The oracle: the same function in double precision by plain loops.
#pragma once

#include "convolution.h"

namespace fusionlens {

/**
 * Conv without bias, then InstanceNormalization, then the activation, all in double precision.
 * `scale` and `bias` have outChannels values; `y` receives `outputElements()` values.
 */
void referenceConvolveNormalize(const Convolution& convolution, const Normalization& normalization, const float* x,
                                const float* weights, const float* scale, const float* bias, double* y);

}  // namespace fusionlens
