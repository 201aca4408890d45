// The targets that this build has, and the best one for this processor.
#pragma once

#include <vector>

#include "instruction_set.h"
#include "targets/target.h"

namespace fusionlens {

/** The instruction sets that are both compiled in and supported here, best first; never empty. */
const std::vector<InstructionSet>& availableInstructionSets();

/** The functions compiled for `set`, which must be available. */
const Target& targetFor(InstructionSet set);

}  // namespace fusionlens
