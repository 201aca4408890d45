// A tensor that is added after the normalisation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace fusionlens {

/** A tensor read as if it had the output's shape: an axis that is broadcast has stride 0. */
struct Residual {
  static constexpr size_t kAxes = 5;  // batch, channel, depth, height, width

  const float* data = nullptr;
  /** Floats from an element to the next along each axis. */
  std::array<int64_t, kAxes> strides{};

  /** True: a plane's elements follow each other as the output's do. */
  bool hasWholePlanes(int64_t height, int64_t width) const {
    return strides[4] == 1 && strides[3] == width && strides[2] == height * width;
  }
  /** True: a plane has one value. */
  bool hasOneValueAPlane() const { return strides[2] == 0 && strides[3] == 0 && strides[4] == 0; }
};

/**
 * The residual of shape `shape` for an output of shape `output` (3 to 5 axes), broadcast as ONNX `Add` does; nothing
 * where the sum's shape is not the output's.
 */
std::optional<Residual> broadcastResidual(const float* data, const std::vector<int64_t>& shape,
                                          const std::vector<int64_t>& output);

/** The shape of the sum of two tensors; throws std::invalid_argument where they can't be broadcast together. */
std::vector<int64_t> broadcastShape(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

/** `sum` = a + b, of any shapes that broadcast together: the plain way, for what `broadcastResidual` can't say. */
void addBroadcast(const float* a, const std::vector<int64_t>& aShape, const float* b, const std::vector<int64_t>& bShape,
                  float* sum);

}  // namespace fusionlens
