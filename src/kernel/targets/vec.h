// A vector of floats as wide as the target's registers. Included once per target: everything here is in the
// target's own namespace, so that no function compiled for one instruction set is linked into another.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "target.h"

#if !defined(FUSIONLENS_TARGET) || !defined(FUSIONLENS_VECTOR_BYTES)
#error "compile with -DFUSIONLENS_TARGET=name and -DFUSIONLENS_VECTOR_BYTES=16, 32 or 64"
#endif

#if defined(__GNUC__)
#define FUSIONLENS_INLINE inline __attribute__((always_inline))
#define FUSIONLENS_UNROLL _Pragma("GCC unroll 16")
#else
#define FUSIONLENS_INLINE __forceinline
#define FUSIONLENS_UNROLL
#endif

namespace fusionlens {
namespace FUSIONLENS_TARGET {

constexpr int kLanes = FUSIONLENS_VECTOR_BYTES / 4;

#if defined(__GNUC__) && !defined(FUSIONLENS_ARRAY_VECTORS)

typedef float Vec __attribute__((vector_size(FUSIONLENS_VECTOR_BYTES)));
typedef float UnalignedVec __attribute__((vector_size(FUSIONLENS_VECTOR_BYTES), aligned(4), may_alias));

static FUSIONLENS_INLINE Vec load(const float* p) { return *reinterpret_cast<const UnalignedVec*>(p); }
static FUSIONLENS_INLINE void store(float* p, Vec v) { *reinterpret_cast<UnalignedVec*>(p) = v; }
static FUSIONLENS_INLINE Vec zero() { return Vec{}; }
// Subtracting a vector of zeros spreads the scalar and keeps -0, which adding would not.
static FUSIONLENS_INLINE Vec broadcast(float value) { return value - Vec{}; }
/** a × b + c, one rounding where the target has the instruction (-ffp-contract=fast). */
static FUSIONLENS_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) { return a * b + c; }
/** Where `test` is below zero `a`, elsewhere (NaN included) `b`. */
static FUSIONLENS_INLINE Vec selectNegative(Vec test, Vec a, Vec b) { return test < zero() ? a : b; }

/** All bits set in the lanes to keep. */
typedef int32_t Mask __attribute__((vector_size(FUSIONLENS_VECTOR_BYTES)));
/** The lanes of `v` that the mask keeps, and zero, whatever `v` has in the others. */
static FUSIONLENS_INLINE Vec keep(Vec v, Mask mask) {
  return reinterpret_cast<Vec>(reinterpret_cast<Mask>(v) & mask);
}
/** Keeps the lanes that are `true`. */
static FUSIONLENS_INLINE Mask maskOf(const bool lanes[kLanes]) {
  Mask mask{};
  for (int i = 0; i < kLanes; i++) mask[i] = lanes[i] ? -1 : 0;
  return mask;
}
static FUSIONLENS_INLINE Mask both(Mask a, Mask b) { return a & b; }

template <int... Lane>
struct Lanes {};
template <int Count, int... Rest>
struct LanesUpTo : LanesUpTo<Count - 1, Count - 1, Rest...> {};
template <int... Rest>
struct LanesUpTo<0, Rest...> {
  using Type = Lanes<Rest...>;
};
using AllLanes = LanesUpTo<kLanes>::Type;

template <int... Lane>
static FUSIONLENS_INLINE Vec evenLanes(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (2 * Lane)...);
}
/** a[0], a[2], …, b[0], b[2], … */
static FUSIONLENS_INLINE Vec evenLanes(Vec a, Vec b) { return evenLanes(a, b, AllLanes()); }

template <int... Lane>
static FUSIONLENS_INLINE Vec interleaveLow(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (Lane / 2 + Lane % 2 * kLanes)...);
}
template <int... Lane>
static FUSIONLENS_INLINE Vec interleaveHigh(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (kLanes / 2 + Lane / 2 + Lane % 2 * kLanes)...);
}
/** a[0], b[0], a[1], b[1], …: the first half. */
static FUSIONLENS_INLINE Vec interleaveLow(Vec a, Vec b) { return interleaveLow(a, b, AllLanes()); }
/** The second half. */
static FUSIONLENS_INLINE Vec interleaveHigh(Vec a, Vec b) { return interleaveHigh(a, b, AllLanes()); }

template <int... Lane>
static FUSIONLENS_INLINE Vec zipLow(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (Lane / 4 * 4 + Lane % 4 / 2 + Lane % 2 * kLanes)...);
}
template <int... Lane>
static FUSIONLENS_INLINE Vec zipHigh(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (Lane / 4 * 4 + 2 + Lane % 4 / 2 + Lane % 2 * kLanes)...);
}
template <int... Lane>
static FUSIONLENS_INLINE Vec joinLow(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (Lane / 4 * 4 + Lane % 2 + Lane % 4 / 2 * kLanes)...);
}
template <int... Lane>
static FUSIONLENS_INLINE Vec joinHigh(Vec a, Vec b, Lanes<Lane...>) {
  return __builtin_shufflevector(a, b, (Lane / 4 * 4 + 2 + Lane % 2 + Lane % 4 / 2 * kLanes)...);
}
// Within each group of four lanes, which is what processors shuffle at no extra cost:
/** a0 b0 a1 b1 */
static FUSIONLENS_INLINE Vec zipLow(Vec a, Vec b) { return zipLow(a, b, AllLanes()); }
/** a2 b2 a3 b3 */
static FUSIONLENS_INLINE Vec zipHigh(Vec a, Vec b) { return zipHigh(a, b, AllLanes()); }
/** a0 a1 b0 b1 */
static FUSIONLENS_INLINE Vec joinLow(Vec a, Vec b) { return joinLow(a, b, AllLanes()); }
/** a2 a3 b2 b3 */
static FUSIONLENS_INLINE Vec joinHigh(Vec a, Vec b) { return joinHigh(a, b, AllLanes()); }

#else

// Compilers without vector extensions (MSVC): plain loops, which the optimiser may or may not vectorise.
struct Vec {
  float lane[kLanes];
};

static FUSIONLENS_INLINE Vec load(const float* p) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = p[i];
  return v;
}
static FUSIONLENS_INLINE void store(float* p, const Vec& v) {
  for (int i = 0; i < kLanes; i++) p[i] = v.lane[i];
}
static FUSIONLENS_INLINE Vec broadcast(float value) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = value;
  return v;
}
static FUSIONLENS_INLINE Vec zero() { return broadcast(0); }
static FUSIONLENS_INLINE Vec operator+(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = a.lane[i] + b.lane[i];
  return v;
}
static FUSIONLENS_INLINE Vec operator-(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = a.lane[i] - b.lane[i];
  return v;
}
static FUSIONLENS_INLINE Vec operator*(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = a.lane[i] * b.lane[i];
  return v;
}
static FUSIONLENS_INLINE Vec multiplyAdd(const Vec& a, const Vec& b, const Vec& c) { return a * b + c; }
static FUSIONLENS_INLINE Vec selectNegative(const Vec& test, const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = test.lane[i] < 0 ? a.lane[i] : b.lane[i];
  return v;
}
struct Mask {
  bool lane[kLanes];
};
static FUSIONLENS_INLINE Vec keep(const Vec& a, const Mask& mask) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = mask.lane[i] ? a.lane[i] : 0;
  return v;
}
static FUSIONLENS_INLINE Mask maskOf(const bool lanes[kLanes]) {
  Mask m;
  for (int i = 0; i < kLanes; i++) m.lane[i] = lanes[i];
  return m;
}
static FUSIONLENS_INLINE Mask both(const Mask& a, const Mask& b) {
  Mask m;
  for (int i = 0; i < kLanes; i++) m.lane[i] = a.lane[i] && b.lane[i];
  return m;
}
static FUSIONLENS_INLINE Vec evenLanes(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes / 2; i++) {
    v.lane[i] = a.lane[2 * i];
    v.lane[kLanes / 2 + i] = b.lane[2 * i];
  }
  return v;
}
static FUSIONLENS_INLINE Vec interleaveLow(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 2 == 0 ? a : b).lane[i / 2];
  return v;
}
static FUSIONLENS_INLINE Vec interleaveHigh(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 2 == 0 ? a : b).lane[kLanes / 2 + i / 2];
  return v;
}
static FUSIONLENS_INLINE Vec zipLow(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 2 == 0 ? a : b).lane[i / 4 * 4 + i % 4 / 2];
  return v;
}
static FUSIONLENS_INLINE Vec zipHigh(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 2 == 0 ? a : b).lane[i / 4 * 4 + 2 + i % 4 / 2];
  return v;
}
static FUSIONLENS_INLINE Vec joinLow(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 4 < 2 ? a : b).lane[i / 4 * 4 + i % 2];
  return v;
}
static FUSIONLENS_INLINE Vec joinHigh(const Vec& a, const Vec& b) {
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = (i % 4 < 2 ? a : b).lane[i / 4 * 4 + 2 + i % 2];
  return v;
}

#endif

/** Groups of four floats: lanes 0 to 3 from `at(0)` on, 4 to 7 from `at(4)` on, and so on. */
template <typename At>
static FUSIONLENS_INLINE Vec loadGroups(const At& at) {
#if defined(__GNUC__) && !defined(FUSIONLENS_ARRAY_VECTORS)
  typedef float Group __attribute__((vector_size(16)));
  typedef float UnalignedGroup __attribute__((vector_size(16), aligned(4), may_alias));
  const auto group = [&](int g) { return static_cast<Group>(*reinterpret_cast<const UnalignedGroup*>(at(4 * g))); };
#if FUSIONLENS_VECTOR_BYTES == 16
  return group(0);
#elif FUSIONLENS_VECTOR_BYTES == 32
  return __builtin_shufflevector(group(0), group(1), 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return __builtin_shufflevector(__builtin_shufflevector(group(0), group(1), 0, 1, 2, 3, 4, 5, 6, 7),
                                 __builtin_shufflevector(group(2), group(3), 0, 1, 2, 3, 4, 5, 6, 7), 0, 1, 2, 3, 4, 5,
                                 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#else
  Vec v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = at(i / 4 * 4)[i % 4];
  return v;
#endif
}
/** Stores group g of `v` at `to[4·g] + offset`. */
static FUSIONLENS_INLINE void storeGroups(float* const* to, int64_t offset, const Vec& v) {
#if defined(__GNUC__) && !defined(FUSIONLENS_ARRAY_VECTORS)
  typedef float Group __attribute__((vector_size(16)));
  typedef float UnalignedGroup __attribute__((vector_size(16), aligned(4), may_alias));
  const auto put = [&](int g, Group group) { *reinterpret_cast<UnalignedGroup*>(to[4 * g] + offset) = group; };
  put(0, __builtin_shufflevector(v, v, 0, 1, 2, 3));
#if FUSIONLENS_VECTOR_BYTES >= 32
  put(1, __builtin_shufflevector(v, v, 4, 5, 6, 7));
#endif
#if FUSIONLENS_VECTOR_BYTES == 64
  put(2, __builtin_shufflevector(v, v, 8, 9, 10, 11));
  put(3, __builtin_shufflevector(v, v, 12, 13, 14, 15));
#endif
#else
  for (int i = 0; i < kLanes; i++) to[i / 4 * 4][offset + i % 4] = v.lane[i];
#endif
}

/** Brings the cache line of `base[offset]` into the second-level cache. The address may be any: it is not accessed. */
static FUSIONLENS_INLINE void prefetch(const float* base, int64_t offset) {
#if defined(__GNUC__)
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(base) +
                                                   static_cast<uintptr_t>(offset) * sizeof(float)),
                     0, 2);
#else
  (void)base;
  (void)offset;
#endif
}

/** Stores past the caches where the processor can; `p` is aligned to the vector. `finishStreaming` must follow. */
static FUSIONLENS_INLINE void streamStore(float* p, Vec v) {
#if defined(FUSIONLENS_ARRAY_VECTORS) || !defined(__GNUC__)
  store(p, v);
#elif defined(__clang__)
  __builtin_nontemporal_store(v, reinterpret_cast<Vec*>(p));
#elif FUSIONLENS_VECTOR_BYTES == 64 && defined(__AVX512F__)
  __builtin_ia32_movntps512(p, v);
#elif FUSIONLENS_VECTOR_BYTES == 32 && defined(__AVX__)
  __builtin_ia32_movntps256(p, v);
#elif FUSIONLENS_VECTOR_BYTES == 16 && defined(__SSE__)
  __builtin_ia32_movntps(p, v);
#else
  store(p, v);
#endif
}
/** Makes streamed stores visible to other threads before whatever these are told next. */
static FUSIONLENS_INLINE void finishStreaming() {
#if defined(__GNUC__) && defined(__SSE__)
  __builtin_ia32_sfence();
#endif
}

/** The sum of all lanes, in double precision. */
static FUSIONLENS_INLINE double sumLanes(Vec v) {
  float lanes[kLanes];
  store(lanes, v);
  double sum = 0;
  for (int i = 0; i < kLanes; i++) sum += static_cast<double>(lanes[i]);
  return sum;
}

}  // namespace FUSIONLENS_TARGET
}  // namespace fusionlens
