// The oracle: the same function in double precision by plain loops.
#pragma once

#include "convolution.h"

namespace fusionlens {

/**
 * Conv or ConvTranspose without bias, then InstanceNormalization, the residual's addition where there is one, and the
 * activation, all in double precision. `scale` and `bias` have outChannels values; `y` receives, and `residual` has or is
 * null, `outputElements()` values.
 */
void referenceConvolveNormalize(const Convolution& convolution, const Normalization& normalization, const float* x,
                                const float* weights, const float* scale, const float* bias,
                                const float* residual, double* y);

}  // namespace fusionlens
