#include "instruction_set.h"

#include <cstdint>

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define FUSIONLENS_X86 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace fusionlens {
namespace {

#ifdef FUSIONLENS_X86

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
#if defined(_MSC_VER)
  int out[4];
  __cpuid(out, 0);
  if (static_cast<uint32_t>(out[0]) < leaf) return r;
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  r.eax = static_cast<uint32_t>(out[0]);
  r.ebx = static_cast<uint32_t>(out[1]);
  r.ecx = static_cast<uint32_t>(out[2]);
  r.edx = static_cast<uint32_t>(out[3]);
#else
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

/** XCR0: which register states the operating system saves on a context switch. */
uint64_t savedStates() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

constexpr uint32_t bit(int n) { return uint32_t{1} << n; }
constexpr bool hasAll(uint64_t value, uint64_t wanted) { return (value & wanted) == wanted; }

// Bit positions: Intel SDM volume 2A, CPUID leaves 1 and 7; volume 1, section 13.3 for XCR0.
bool hasAvx2() {
  const Registers basic = cpuid(1, 0);
  constexpr uint32_t fma = bit(12), osxsave = bit(27), avx = bit(28);
  if (!hasAll(basic.ecx, fma | osxsave | avx)) return false;
  constexpr uint64_t sseAndAvx = 0x6;
  if (!hasAll(savedStates(), sseAndAvx)) return false;
  constexpr uint32_t avx2 = bit(5);
  return hasAll(cpuid(7, 0).ebx, avx2);
}

bool hasAvx512() {
  if (!hasAvx2()) return false;
  constexpr uint64_t masksAndUpperHalves = 0xE6;
  if (!hasAll(savedStates(), masksAndUpperHalves)) return false;
  constexpr uint32_t foundation = bit(16), dq = bit(17), bw = bit(30), vl = bit(31);
  return hasAll(cpuid(7, 0).ebx, foundation | dq | bw | vl);
}

#else

bool hasAvx2() { return false; }
bool hasAvx512() { return false; }

#endif

}  // namespace

const char* nameOf(InstructionSet set) {
  switch (set) {
    case InstructionSet::Baseline:
      return "baseline";
    case InstructionSet::Avx2:
      return "avx2";
    case InstructionSet::Avx512:
      return "avx512";
    case InstructionSet::Neon:
      return "neon";
  }
  return "unknown";
}

bool isSupported(InstructionSet set) {
  switch (set) {
    case InstructionSet::Baseline:
      return true;
    case InstructionSet::Avx2:
      return hasAvx2();
    case InstructionSet::Avx512:
      return hasAvx512();
    case InstructionSet::Neon:
#if defined(__aarch64__) || defined(_M_ARM64)
      return true;
#else
      return false;
#endif
  }
  return false;
}

}  // namespace fusionlens
