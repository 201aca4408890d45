// The `fusionlens` operators as ONNX Runtime custom operators.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "../choose_algorithm.h"
#include "../instruction_set.h"
#include "../thread_pool.h"
#include "api.h"

namespace fusionlens::onnxruntime {

constexpr const char* kDomain = "fusionlens";

/**
 * The domain with all its operators, whose names are the sequence of what they do:
 *
 *   [ReflectPad|EdgePad] (Conv|ConvTranspose) InstanceNormalization [Add] [Relu|LeakyRelu]
 *
 * (a Pad before Conv only). Inputs X, W, scale, B and, with Add, the residual, all float; attributes are Conv's or
 * ConvTranspose's, `epsilon`, and `alpha` for LeakyRelu; with a Pad, `pads` are its own and the convolution adds none. It
 * must outlive every session that it is added to.
 */
class FusedOpDomain {
 public:
  /** Kernels run on `threads` threads of a pool of their own. `choice` is Fastest or Exact. */
  FusedOpDomain(const OrtApi* api, int threads, InstructionSet set, AlgorithmChoice choice);
  ~FusedOpDomain();
  FusedOpDomain(const FusedOpDomain&) = delete;
  FusedOpDomain& operator=(const FusedOpDomain&) = delete;

  OrtCustomOpDomain* get() const { return domain_.get(); }
  /** How often a kernel of this domain has run. */
  int64_t runs() const { return shared_.runs.load(); }

  /** What the kernels of all sessions share. */
  struct Shared {
    Shared(int threadCount, InstructionSet instructions, AlgorithmChoice algorithms)
        : threads(threadCount), set(instructions), choice(algorithms) {}

    /**
     * The pool, which lives as long as some kernel holds it: its threads must be gone before a library that holds this
     * code is unloaded.
     */
    std::shared_ptr<ThreadPool> acquirePool();

    const int threads;
    const InstructionSet set;
    const AlgorithmChoice choice;
    std::atomic<int64_t> runs{0};

   private:
    std::mutex mutex_;
    std::weak_ptr<ThreadPool> pool_;
  };

 private:
  struct Op;

  Shared shared_;
  std::vector<std::unique_ptr<Op>> ops_;
  Owned<OrtCustomOpDomain, ReleaseCustomOpDomain> domain_;
};

}  // namespace fusionlens::onnxruntime
