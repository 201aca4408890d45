// A loaded ONNX Runtime, and sessions in it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../aligned_buffer.h"
#include "../instruction_set.h"
#include "api.h"
#include "fused_op.h"

namespace fusionlens::onnxruntime {

/** The library and its environment. It stays loaded until the process ends. */
class Runtime {
 public:
  /** Loads the shared library at `path` (UTF-8). Throws `Error` where it can't be loaded or isn't a known version. */
  static std::shared_ptr<Runtime> open(const std::string& path);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const OrtApi* api() const { return api_; }
  const OrtEnv* env() const { return env_.get(); }
  const std::string& version() const { return version_; }

 private:
  Runtime(const OrtApi* api, std::string version);

  const OrtApi* api_;
  std::string version_;
  Owned<OrtEnv, ReleaseEnv> env_;
};

struct SessionOptions {
  int threads = 1;
  /** Registers the fused operators, run with this instruction set. */
  std::optional<InstructionSet> fusedOps;
  /** Fastest, or Exact to leave out Winograd's algorithm. */
  AlgorithmChoice algorithms = AlgorithmChoice::Fastest;
  /** Where the model's external data is (UTF-8); empty: it has none. */
  std::string externalDataFolder;
  /** Where the runtime writes the times of all nodes when the session ends: `PREFIX_DATE.json`; empty: nowhere. */
  std::string profilePrefix;
};

/** Type and shape of an input or output; a size that isn't fixed is -1. */
struct TensorType {
  std::string name;
  ElementType elementType = ElementType::Undefined;
  std::vector<int64_t> shape;
};

/** A model ready to run, with its inputs set beforehand and its outputs kept from run to run. Not thread-safe. */
class Session {
 public:
  Session(std::shared_ptr<Runtime> runtime, const void* model, size_t bytes, const SessionOptions& options);

  const std::vector<TensorType>& inputs() const { return inputs_; }
  const std::vector<TensorType>& outputs() const { return outputs_; }

  /** Copies `data` as the value of an input for the runs to come. */
  void setInput(const std::string& name, ElementType type, const std::vector<int64_t>& shape, const void* data,
                size_t bytes);

  /** Runs the model and returns the wall-clock time of the run alone, in milliseconds. */
  double run();

  /** An output of the last run: its type, and its data, valid until the next run. */
  TensorType outputType(size_t index) const;
  const void* outputData(size_t index) const;
  size_t outputBytes(size_t index) const;

  /** How often the fused kernels have run in this session. */
  int64_t fusedRuns() const { return fusedOps_ ? fusedOps_->runs() : 0; }

 private:
  struct Input {
    AlignedBuffer data;
    Value value;
  };

  std::vector<TensorType> describe(bool inputs) const;

  std::shared_ptr<Runtime> runtime_;
  const OrtApi* api_;
  std::unique_ptr<FusedOpDomain> fusedOps_;
  Owned<OrtSession, ReleaseSession> session_;
  Owned<OrtMemoryInfo, ReleaseMemoryInfo> memory_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
  std::vector<Input> inputValues_;
  std::vector<Value> outputValues_;
};

/** Bytes of one element; 0 for types that have no fixed size or that we don't handle. */
size_t elementBytes(ElementType type);

}  // namespace fusionlens::onnxruntime
