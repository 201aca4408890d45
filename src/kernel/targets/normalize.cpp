// The normalisation pass, and the moments of a finished plane for the unfused control.

#include "kernels.h"
#include "moments.h"
#include "vec.h"

namespace fusionlens {
namespace FUSIONLENS_TARGET {
namespace {

// What comes before the rounding to float of a shift is some hundred values long, like a tile of the convolution.
constexpr int64_t kMomentsChunk = 1024;

template <int Activation>
FUSIONLENS_INLINE Vec activate(Vec value, Vec alpha) {
  if (Activation == 1) return selectNegative(value, zero(), value);
  if (Activation == 2) return selectNegative(value, value * alpha, value);
  return value;
}

template <int Activation>
FUSIONLENS_INLINE float activate(float value, float alpha) {
  if (Activation == 1) return value < 0 ? 0 : value;
  if (Activation == 2) return value < 0 ? value * alpha : value;
  return value;
}

template <int Activation, bool Residual, bool Stream>
void normalizeWith(const NormalizeTask& t) {
  const Vec mean = broadcast(t.mean);
  const Vec factor = broadcast(t.factor);
  const Vec offset = broadcast(t.offset);
  const Vec alpha = broadcast(t.alpha);
  const auto single = [&](int64_t i) {
    const float value = (t.from[i] - t.mean) * t.factor + t.offset;
    t.to[i] = activate<Activation>(Residual ? value + t.residual[i] : value, t.alpha);
  };
  int64_t i = 0;
  // Up to where a vector lies within one cache line: stores that cross lines take twice as long.
  constexpr uintptr_t vectorBytes = kLanes * sizeof(float);
  while (i < t.count && reinterpret_cast<uintptr_t>(t.to + i) % vectorBytes != 0) single(i++);
  for (; i + kLanes <= t.count; i += kLanes) {
    const Vec value = multiplyAdd(load(t.from + i) - mean, factor, offset);
    const Vec result = activate<Activation>(Residual ? value + load(t.residual + i) : value, alpha);
    if (Stream) {
      streamStore(t.to + i, result);
    } else {
      store(t.to + i, result);
    }
  }
  for (; i < t.count; i++) single(i);
  if (Stream) finishStreaming();
}

template <int Activation, bool Residual>
void normalizeWith(const NormalizeTask& t) {
  return t.stream ? normalizeWith<Activation, Residual, true>(t) : normalizeWith<Activation, Residual, false>(t);
}

template <int Activation>
void normalizeWith(const NormalizeTask& t) {
  return t.residual == nullptr ? normalizeWith<Activation, false>(t) : normalizeWith<Activation, true>(t);
}

}  // namespace

void normalize(const NormalizeTask& task) {
  switch (task.activation) {
    case 1:
      return normalizeWith<1>(task);
    case 2:
      return normalizeWith<2>(task);
    default:
      return normalizeWith<0>(task);
  }
}

TileMoments measureMoments(const float* values, int64_t count) {
  TileMoments all{0, 0};
  for (int64_t begin = 0; begin < count; begin += kMomentsChunk) {
    const int64_t size = count - begin < kMomentsChunk ? count - begin : kMomentsChunk;
    MomentsCollector collector(values[begin]);
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) collector.add(load(values + begin + i));
    for (; i < size; i++) collector.add(values[begin + i]);
    mergeMoments(all, begin, collector.moments(size), size);
  }
  return all;
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
