// Which instruction sets this processor and operating system run.
#pragma once

namespace fusionlens {

enum class InstructionSet { Baseline, Avx2, Avx512, Neon };

/** "baseline", "avx2", "avx512" or "neon". */
const char* nameOf(InstructionSet set);

/** True when the processor has the instructions and the operating system saves their registers. */
bool isSupported(InstructionSet set);

}  // namespace fusionlens
