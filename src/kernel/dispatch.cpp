#include "dispatch.h"

#include <stdexcept>

namespace fusionlens {

// Defined by targets/table.cpp, compiled once for each.
const Target& baselineTarget();
#ifdef FUSIONLENS_HAS_AVX2
const Target& avx2Target();
#endif
#ifdef FUSIONLENS_HAS_AVX512
const Target& avx512Target();
#endif
#ifdef FUSIONLENS_HAS_NEON
const Target& neonTarget();
#endif
#ifdef FUSIONLENS_HAS_WIDE_TEST
// The sources of a 64-byte target lowered by the compiler to AVX2: their logic, testable without AVX-512.
const Target& avx512Target();
#endif

namespace {

struct Entry {
  InstructionSet set;
  const Target& (*target)();
};

// Best first.
constexpr Entry kEntries[] = {
#if defined(FUSIONLENS_HAS_AVX512) || defined(FUSIONLENS_HAS_WIDE_TEST)
    {InstructionSet::Avx512, &avx512Target},
#endif
#ifdef FUSIONLENS_HAS_AVX2
    {InstructionSet::Avx2, &avx2Target},
#endif
#ifdef FUSIONLENS_HAS_NEON
    {InstructionSet::Neon, &neonTarget},
#endif
    {InstructionSet::Baseline, &baselineTarget},
};

bool isAvailable(InstructionSet set) {
#ifdef FUSIONLENS_HAS_WIDE_TEST
  if (set == InstructionSet::Avx512) return isSupported(InstructionSet::Avx2);
#endif
  return isSupported(set);
}

std::vector<InstructionSet> detect() {
  std::vector<InstructionSet> sets;
  for (const Entry& entry : kEntries) {
    if (isAvailable(entry.set)) sets.push_back(entry.set);
  }
  return sets;
}

}  // namespace

const std::vector<InstructionSet>& availableInstructionSets() {
  static const std::vector<InstructionSet> sets = detect();
  return sets;
}

const Target& targetFor(InstructionSet set) {
  for (const Entry& entry : kEntries) {
    if (entry.set == set && isAvailable(set)) return entry.target();
  }
  throw std::invalid_argument(std::string("instruction set ") + nameOf(set) + " is not available on this machine");
}

}  // namespace fusionlens
