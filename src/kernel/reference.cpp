#include "reference.h"

#include <cmath>

namespace fusionlens {
namespace {

double convolveAt(const Convolution& c, const float* x, const float* weights, int64_t oz, int64_t oy, int64_t ox) {
  double sum = 0;
  const int64_t channels = c.inChannels / c.groups;
  for (int64_t channel = 0; channel < channels; channel++) {
    const float* plane = x + channel * c.input.volume();
    const float* filter = weights + channel * c.kernel.volume();
    for (int64_t kz = 0; kz < c.kernel.depth; kz++) {
      const int64_t z = oz * c.stride.depth + kz * c.dilation.depth - c.padBegin.depth;
      if (z < 0 || z >= c.input.depth) continue;
      for (int64_t ky = 0; ky < c.kernel.height; ky++) {
        const int64_t y = oy * c.stride.height + ky * c.dilation.height - c.padBegin.height;
        if (y < 0 || y >= c.input.height) continue;
        for (int64_t kx = 0; kx < c.kernel.width; kx++) {
          const int64_t column = ox * c.stride.width + kx * c.dilation.width - c.padBegin.width;
          if (column < 0 || column >= c.input.width) continue;
          sum += static_cast<double>(plane[(z * c.input.height + y) * c.input.width + column]) *
                 static_cast<double>(filter[(kz * c.kernel.height + ky) * c.kernel.width + kx]);
        }
      }
    }
  }
  return sum;
}

double activate(const Normalization& n, double value) {
  switch (n.activation) {
    case Activation::None:
      return value;
    case Activation::Relu:
      return value < 0 ? 0 : value;
    case Activation::LeakyRelu:
      return value < 0 ? value * static_cast<double>(n.alpha) : value;
  }
  return value;
}

}  // namespace

void referenceConvolveNormalize(const Convolution& c, const Normalization& normalization, const float* x,
                                const float* weights, const float* scale, const float* bias, double* y) {
  const Extent out = c.output();
  const int64_t size = out.volume();
  const int64_t groupIn = c.inChannels / c.groups;
  const int64_t groupOut = c.outChannels / c.groups;
  for (int64_t image = 0; image < c.batch; image++) {
    for (int64_t m = 0; m < c.outChannels; m++) {
      const float* input = x + (image * c.inChannels + m / groupOut * groupIn) * c.input.volume();
      const float* filters = weights + m * groupIn * c.kernel.volume();
      double* plane = y + (image * c.outChannels + m) * size;
      double sum = 0;
      for (int64_t i = 0; i < size; i++) {
        plane[i] = convolveAt(c, input, filters, i / (out.height * out.width), i / out.width % out.height, i % out.width);
        sum += plane[i];
      }
      const double mean = sum / static_cast<double>(size);
      double squares = 0;
      for (int64_t i = 0; i < size; i++) squares += (plane[i] - mean) * (plane[i] - mean);
      const double factor = static_cast<double>(scale[m]) /
                            std::sqrt(squares / static_cast<double>(size) + static_cast<double>(normalization.epsilon));
      for (int64_t i = 0; i < size; i++) {
        plane[i] = activate(normalization, (plane[i] - mean) * factor + static_cast<double>(bias[m]));
      }
    }
  }
}

}  // namespace fusionlens
