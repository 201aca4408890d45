#include "reference.h"

#include <cmath>

namespace fusionlens {
namespace {

/** The index that a position of a padded axis shows, or -1 where it shows a zero. */
int64_t indexAt(Border border, int64_t position, int64_t size) {
  if (position >= 0 && position < size) return position;
  switch (border) {
    case Border::Zero:
      return -1;
    case Border::Edge:
      return position < 0 ? 0 : size - 1;
    case Border::Reflect:
      return indexAt(border, position < 0 ? -position : 2 * (size - 1) - position, size);
  }
  return -1;
}

/** The input index that tap `k` brings to output `o` along an axis, or -1 where it brings nothing. */
struct Axis {
  const Convolution& c;
  int64_t Extent::* axis;

  int64_t inputOf(int64_t o, int64_t k) const {
    const int64_t stride = c.stride.*axis;
    const int64_t size = c.input.*axis;
    if (!c.transposed) return indexAt(c.border, o * stride + k * (c.dilation.*axis) - c.padBegin.*axis, size);
    const int64_t scaled = o + c.padBegin.*axis - k * (c.dilation.*axis);
    return scaled >= 0 && scaled % stride == 0 && scaled / stride < size ? scaled / stride : -1;
  }
};

double convolveAt(const Convolution& c, const float* x, const float* weights, int64_t m, int64_t oz, int64_t oy,
                  int64_t ox) {
  const Axis depth{c, &Extent::depth}, height{c, &Extent::height}, width{c, &Extent::width};
  double sum = 0;
  for (int64_t channel = 0; channel < c.inChannels / c.groups; channel++) {
    const float* plane = x + channel * c.input.volume();
    const float* filter = weights + c.filterIndex(m, channel);
    for (int64_t kz = 0; kz < c.kernel.depth; kz++) {
      const int64_t z = depth.inputOf(oz, kz);
      if (z < 0) continue;
      for (int64_t ky = 0; ky < c.kernel.height; ky++) {
        const int64_t y = height.inputOf(oy, ky);
        if (y < 0) continue;
        for (int64_t kx = 0; kx < c.kernel.width; kx++) {
          const int64_t column = width.inputOf(ox, kx);
          if (column < 0) continue;
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
                                const float* weights, const float* scale, const float* bias,
                                const float* residual, double* y) {
  const Extent out = c.output();
  const int64_t size = out.volume();
  const int64_t groupIn = c.inChannels / c.groups;
  const int64_t groupOut = c.outChannels / c.groups;
  for (int64_t image = 0; image < c.batch; image++) {
    for (int64_t m = 0; m < c.outChannels; m++) {
      const float* input = x + (image * c.inChannels + m / groupOut * groupIn) * c.input.volume();
      double* plane = y + (image * c.outChannels + m) * size;
      double sum = 0;
      for (int64_t i = 0; i < size; i++) {
        plane[i] = convolveAt(c, input, weights, m, i / (out.height * out.width), i / out.width % out.height, i % out.width);
        sum += plane[i];
      }
      const double mean = sum / static_cast<double>(size);
      double squares = 0;
      for (int64_t i = 0; i < size; i++) squares += (plane[i] - mean) * (plane[i] - mean);
      const double factor = static_cast<double>(scale[m]) /
                            std::sqrt(squares / static_cast<double>(size) + static_cast<double>(normalization.epsilon));
      for (int64_t i = 0; i < size; i++) {
        double value = (plane[i] - mean) * factor + static_cast<double>(bias[m]);
        if (residual != nullptr) value += static_cast<double>(residual[plane - y + i]);
        plane[i] = activate(normalization, value);
      }
    }
  }
}

}  // namespace fusionlens
