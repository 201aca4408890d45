// The table of one target's functions.

#include "kernels.h"
#include "register_block.h"
#include "vec.h"

#define FUSIONLENS_JOIN_(a, b) a##b
#define FUSIONLENS_JOIN(a, b) FUSIONLENS_JOIN_(a, b)

namespace fusionlens {

const Target& FUSIONLENS_JOIN(FUSIONLENS_TARGET, Target)() {
  namespace target = FUSIONLENS_TARGET;
  static constexpr Target table = {target::kLanes,
                                   target::kBlockChannels,
                                   target::kWideBlockChannels,
                                   &target::convolveDirect,
                                   &target::convolveWinograd,
                                   &target::convolveDepthwise,
                                   &target::measureMoments,
                                   &target::normalize};
  return table;
}

}  // namespace fusionlens
