#include "api.h"

#include <cstdio>

namespace fusionlens::onnxruntime {

bool isKnownVersion(const std::string& version) {
  int major = 0;
  int minor = 0;
  return std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 && major == 1 && minor >= kLeastMinorVersion;
}

}  // namespace fusionlens::onnxruntime
