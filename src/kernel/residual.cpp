#include "residual.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace fusionlens {
namespace {

std::string describe(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); i++) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

/** Row-major strides of `shape` aligned at its last axis with `rank` axes; 0 where an axis has one element or none. */
std::vector<int64_t> alignedStrides(const std::vector<int64_t>& shape, size_t rank) {
  std::vector<int64_t> strides(rank, 0);
  int64_t stride = 1;
  for (size_t i = 1; i <= shape.size(); i++) {
    const int64_t size = shape[shape.size() - i];
    if (size != 1) strides[rank - i] = stride;
    stride *= size;
  }
  return strides;
}

}  // namespace

std::vector<int64_t> broadcastShape(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  std::vector<int64_t> sum(std::max(a.size(), b.size()));
  for (size_t i = 1; i <= sum.size(); i++) {
    const int64_t left = i <= a.size() ? a[a.size() - i] : 1;
    const int64_t right = i <= b.size() ? b[b.size() - i] : 1;
    if (left != right && left != 1 && right != 1) {
      throw std::invalid_argument("the residual's shape " + describe(b) + " can't be broadcast with the output's, " +
                                  describe(a));
    }
    sum[sum.size() - i] = left == 1 ? right : left;
  }
  return sum;
}

std::optional<Residual> broadcastResidual(const float* data, const std::vector<int64_t>& shape,
                                          const std::vector<int64_t>& output) {
  if (broadcastShape(output, shape) != output) return std::nullopt;
  const std::vector<int64_t> strides = alignedStrides(shape, output.size());
  Residual residual;
  residual.data = data;
  residual.strides[0] = strides[0];
  residual.strides[1] = strides[1];
  // Missing spatial axes have one element; a stride for them that fits the next axis keeps planes whole.
  const size_t missing = Residual::kAxes - output.size();
  for (size_t i = 2; i < output.size(); i++) residual.strides[missing + i] = strides[i];
  // So do axes of one element of the output itself.
  for (size_t i = Residual::kAxes - 1; i >= 2; i--) {
    const bool isMissing = i < 2 + missing;
    const int64_t size = isMissing ? 1 : output[i - missing];
    if (size != 1) continue;
    const int64_t next = i == Residual::kAxes - 1 ? 1 : residual.strides[i + 1];
    const int64_t nextSize = i == Residual::kAxes - 1 ? 1 : i + 1 < 2 + missing ? 1 : output[i + 1 - missing];
    residual.strides[i] = next * nextSize;
  }
  return residual;
}

void addBroadcast(const float* a, const std::vector<int64_t>& aShape, const float* b, const std::vector<int64_t>& bShape,
                  float* sum) {
  const std::vector<int64_t> shape = broadcastShape(aShape, bShape);
  const size_t rank = shape.size();
  const std::vector<int64_t> aStrides = alignedStrides(aShape, rank);
  const std::vector<int64_t> bStrides = alignedStrides(bShape, rank);
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  std::vector<int64_t> index(rank, 0);
  int64_t fromA = 0;
  int64_t fromB = 0;
  for (int64_t i = 0; i < count; i++) {
    sum[i] = a[fromA] + b[fromB];
    for (size_t axis = rank; axis-- > 0;) {
      fromA += aStrides[axis];
      fromB += bStrides[axis];
      if (++index[axis] < shape[axis]) break;
      fromA -= aStrides[axis] * shape[axis];
      fromB -= bStrides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace fusionlens
