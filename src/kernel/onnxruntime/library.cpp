// The custom-op library: what ONNX Runtime's `RegisterCustomOpsLibrary` (Python: `register_custom_ops_library`) calls.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "../dispatch.h"
#include "api.h"
#include "fused_op.h"

#if defined(_WIN32)
#define FUSIONLENS_EXPORT __declspec(dllexport)
#else
#define FUSIONLENS_EXPORT __attribute__((visibility("default")))
#endif

namespace fusionlens::onnxruntime {
namespace {

constexpr int kMostThreads = 256;

/** The session's entry `key`, else the environment's `variable`; empty where neither is set. */
std::string setting(const OrtApi* api, const OrtSessionOptions* options, const char* key, const char* variable) {
  int has = 0;
  if (tryCall<HasSessionConfigEntry>(api, options, key, &has) && has != 0) {
    size_t size = 0;
    call<GetSessionConfigEntry>(api, options, key, static_cast<char*>(nullptr), &size);
    std::string value(size, '\0');
    call<GetSessionConfigEntry>(api, options, key, value.data(), &size);
    while (!value.empty() && value.back() == '\0') value.pop_back();
    return value;
  }
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/** The C API doesn't tell a library how many threads the session has. */
int threadsOf(const std::string& value) {
  if (value.empty()) return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
  char* end = nullptr;
  const long threads = std::strtol(value.c_str(), &end, 10);
  if (*end != '\0' || threads < 1 || threads > kMostThreads) {
    throw Error("fusionlens.threads (or FUSION_LENS_THREADS) must be a number from 1 to 256, not \"" + value + "\"");
  }
  return static_cast<int>(threads);
}

bool isExact(const std::string& value) {
  if (value.empty() || value == "0") return false;
  if (value == "1") return true;
  throw Error("fusionlens.exact (or FUSION_LENS_EXACT) must be 0 or 1, not \"" + value + "\"");
}

void registerOps(const OrtApi* api, OrtSessionOptions* options) {
  const int threads = threadsOf(setting(api, options, "fusionlens.threads", "FUSION_LENS_THREADS"));
  const bool exact = isExact(setting(api, options, "fusionlens.exact", "FUSION_LENS_EXACT"));
  // A domain must outlive every session that it is added to, so it is kept until the library is unloaded.
  static std::mutex mutex;
  static std::map<std::pair<int, bool>, std::unique_ptr<FusedOpDomain>> domains;
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<FusedOpDomain>& domain = domains[{threads, exact}];
  if (!domain) {
    const InstructionSet set = availableInstructionSets().front();
    domain = std::make_unique<FusedOpDomain>(api, threads, set, exact ? AlgorithmChoice::Exact : AlgorithmChoice::Fastest);
  }
  call<AddCustomOpDomain>(api, options, domain->get());
}

OrtStatus* failure(const OrtApiBase* base, const std::string& message) {
  // The first version of the API has CreateStatus, and every runtime serves it.
  const OrtApi* api = base->GetApi(1);
  if (api != nullptr) return CreateStatus::call(api, ErrorCode::Fail, message.c_str());
  std::fprintf(stderr, "%s\n", message.c_str());
  return nullptr;
}

}  // namespace
}  // namespace fusionlens::onnxruntime

extern "C" FUSIONLENS_EXPORT fusionlens::onnxruntime::OrtStatus* RegisterCustomOps(
    fusionlens::onnxruntime::OrtSessionOptions* options, const fusionlens::onnxruntime::OrtApiBase* base) {
  using namespace fusionlens::onnxruntime;
  if (options == nullptr || base == nullptr) return nullptr;
  const std::string version = base->GetVersionString();
  const OrtApi* api = isKnownVersion(version) ? base->GetApi(kApiVersion) : nullptr;
  if (api == nullptr) {
    return failure(base, "The fusionlens custom operators need ONNX Runtime 1." + std::to_string(kLeastMinorVersion) +
                             " or a later 1.x; this is " + version + ".");
  }
  try {
    registerOps(api, options);
    return nullptr;
  } catch (const std::exception& error) {
    return failure(base, std::string("fusionlens custom operators: ") + error.what());
  } catch (...) {
    return failure(base, "The fusionlens custom operators could not be registered.");
  }
}
