// The `fusionlens` operators as ONNX Runtime custom operators.
#pragma once

#include <memory>
#include <vector>

#include "../instruction_set.h"
#include "../thread_pool.h"
#include "api.h"

namespace fusionlens::onnxruntime {

constexpr const char* kDomain = "fusionlens";

/**
 * The domain with its operators ConvInstanceNormalization, ConvInstanceNormalizationRelu and
 * ConvInstanceNormalizationLeakyRelu. Inputs X, W, scale, B (float); attributes are Conv's, `epsilon`, and `alpha` for
 * LeakyRelu. It must outlive every session that it is added to.
 */
class FusedOpDomain {
 public:
  /** Kernels run on `threads` threads of a pool of their own with the instruction set given. */
  FusedOpDomain(const OrtApi* api, int threads, InstructionSet set);
  ~FusedOpDomain();
  FusedOpDomain(const FusedOpDomain&) = delete;
  FusedOpDomain& operator=(const FusedOpDomain&) = delete;

  OrtCustomOpDomain* get() const { return domain_.get(); }
  /** How often a kernel of this domain has run. */
  int64_t runs() const { return shared_.runs.load(); }

  struct Shared {
    explicit Shared(int threads, InstructionSet instructions) : pool(threads), set(instructions) {}
    ThreadPool pool;
    InstructionSet set;
    std::atomic<int64_t> runs{0};
  };

 private:
  struct Op;

  Shared shared_;
  std::vector<std::unique_ptr<Op>> ops_;
  Owned<OrtCustomOpDomain, ReleaseCustomOpDomain> domain_;
};

}  // namespace fusionlens::onnxruntime
