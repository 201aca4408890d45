#include "runtime.h"

#include <chrono>
#include <cstring>
#include <limits>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace fusionlens::onnxruntime {
namespace {

constexpr int kLogErrorsOnly = 3;
constexpr int kOptimizeAll = 99;
constexpr int kDeviceAllocator = 0;
constexpr int kDefaultMemory = 0;

using GetApiBase = const OrtApiBase* (*)();

#ifdef _WIN32

std::wstring nativePath(const std::string& path) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  return wide;
}

GetApiBase findApiBase(const std::string& path) {
  const std::wstring wide = nativePath(path);
  // So that libraries beside it (DirectML) are found too.
  const HMODULE library = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) {
    throw Error("Could not load ONNX Runtime from " + path + ": Windows error " + std::to_string(GetLastError()));
  }
  return reinterpret_cast<GetApiBase>(reinterpret_cast<void*>(GetProcAddress(library, "OrtGetApiBase")));
}

#else

const std::string& nativePath(const std::string& path) { return path; }

GetApiBase findApiBase(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    throw Error("Could not load ONNX Runtime from " + path + ": " + (reason == nullptr ? "unknown error" : reason));
  }
  return reinterpret_cast<GetApiBase>(dlsym(library, "OrtGetApiBase"));
}

#endif

size_t elementCount(const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) throw Error("a tensor has an unknown size");
    const size_t factor = static_cast<size_t>(size);
    if (factor != 0 && count > std::numeric_limits<size_t>::max() / 16 / factor) throw Error("a tensor is too large");
    count *= factor;
  }
  return count;
}

TensorType tensorType(const OrtApi* api, const OrtTensorTypeAndShapeInfo* info) {
  TensorType type;
  call<GetTensorElementType>(api, info, &type.elementType);
  size_t rank = 0;
  call<GetDimensionsCount>(api, info, &rank);
  type.shape.resize(rank);
  call<GetDimensions>(api, info, type.shape.data(), rank);
  return type;
}

}  // namespace

size_t elementBytes(ElementType type) {
  switch (type) {
    case ElementType::Uint8:
    case ElementType::Int8:
    case ElementType::Bool:
      return 1;
    case ElementType::Uint16:
    case ElementType::Int16:
    case ElementType::Float16:
      return 2;
    case ElementType::Float:
    case ElementType::Int32:
    case ElementType::Uint32:
      return 4;
    case ElementType::Int64:
    case ElementType::Uint64:
    case ElementType::Double:
      return 8;
    case ElementType::Undefined:
    case ElementType::String:
      return 0;
  }
  return 0;
}

std::shared_ptr<Runtime> Runtime::open(const std::string& path) {
  const GetApiBase getApiBase = findApiBase(path);
  if (getApiBase == nullptr) throw Error(path + " is not an ONNX Runtime library: it has no OrtGetApiBase.");
  const OrtApiBase* base = getApiBase();
  const std::string version = base->GetVersionString();
  const OrtApi* api = isKnownVersion(version) ? base->GetApi(kApiVersion) : nullptr;
  if (api == nullptr) {
    throw Error("ONNX Runtime " + version + " (" + path + ") is not supported; versions 1." +
                std::to_string(kLeastMinorVersion) + " and later of 1.x are.");
  }
  return std::shared_ptr<Runtime>(new Runtime(api, version));
}

Runtime::Runtime(const OrtApi* api, std::string version) : api_(api), version_(std::move(version)), env_(api) {
  call<CreateEnv>(api_, kLogErrorsOnly, "fusion-lens", env_.out());
}

Session::Session(std::shared_ptr<Runtime> runtime, const void* model, size_t bytes, const SessionOptions& options)
    : runtime_(std::move(runtime)), api_(runtime_->api()), session_(api_), memory_(api_) {
  Owned<OrtSessionOptions, ReleaseSessionOptions> settings(api_);
  call<CreateSessionOptions>(api_, settings.out());
  call<SetIntraOpNumThreads>(api_, settings.get(), options.threads);
  call<SetInterOpNumThreads>(api_, settings.get(), 1);
  call<SetSessionGraphOptimizationLevel>(api_, settings.get(), kOptimizeAll);
  // A thread that spins after one session's run would steal time from whatever is measured next.
  call<AddSessionConfigEntry>(api_, settings.get(), "session.intra_op.allow_spinning", "0");
  if (!options.externalDataFolder.empty()) {
    call<AddSessionConfigEntry>(api_, settings.get(), "session.model_external_initializers_file_folder_path",
                                options.externalDataFolder.c_str());
  }
  if (!options.profilePrefix.empty()) {
    call<EnableProfiling>(api_, settings.get(), nativePath(options.profilePrefix).c_str());
  }
  if (options.fusedOps) {
    fusedOps_ = std::make_unique<FusedOpDomain>(api_, options.threads, *options.fusedOps, options.algorithms);
    call<AddCustomOpDomain>(api_, settings.get(), fusedOps_->get());
  }
  call<CreateSessionFromArray>(api_, runtime_->env(), model, bytes, settings.get(), session_.out());
  call<CreateCpuMemoryInfo>(api_, kDeviceAllocator, kDefaultMemory, memory_.out());
  inputs_ = describe(true);
  outputs_ = describe(false);
  inputValues_.resize(inputs_.size());
  for (size_t i = 0; i < outputs_.size(); i++) outputValues_.emplace_back(api_);
}

std::vector<TensorType> Session::describe(bool inputs) const {
  OrtAllocator* allocator = nullptr;
  call<GetAllocatorWithDefaultOptions>(api_, &allocator);
  size_t count = 0;
  if (inputs) {
    call<SessionGetInputCount>(api_, session_.get(), &count);
  } else {
    call<SessionGetOutputCount>(api_, session_.get(), &count);
  }
  std::vector<TensorType> types;
  for (size_t i = 0; i < count; i++) {
    char* name = nullptr;
    Owned<OrtTypeInfo, ReleaseTypeInfo> info(api_);
    if (inputs) {
      call<SessionGetInputTypeInfo>(api_, session_.get(), i, info.out());
      call<SessionGetInputName>(api_, session_.get(), i, allocator, &name);
    } else {
      call<SessionGetOutputTypeInfo>(api_, session_.get(), i, info.out());
      call<SessionGetOutputName>(api_, session_.get(), i, allocator, &name);
    }
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    call<CastTypeInfoToTensorInfo>(api_, info.get(), &tensor);
    // Null for sequences and maps: those keep an undefined element type.
    types.push_back(tensor == nullptr ? TensorType{} : tensorType(api_, tensor));
    types.back().name = name;
    call<AllocatorFree>(api_, allocator, static_cast<void*>(name));
  }
  return types;
}

void Session::setInput(const std::string& name, ElementType type, const std::vector<int64_t>& shape, const void* data,
                       size_t bytes) {
  for (size_t i = 0; i < inputs_.size(); i++) {
    if (inputs_[i].name != name) continue;
    const size_t expected = elementCount(shape) * elementBytes(type);
    if (expected != bytes) {
      throw Error("input \"" + name + "\" has " + std::to_string(bytes) + " bytes of data where its shape needs " +
                  std::to_string(expected));
    }
    Input input;
    input.data = AlignedBuffer(bytes / sizeof(float) + 1);
    if (bytes > 0) std::memcpy(input.data.data(), data, bytes);
    input.value = Value(api_);
    call<CreateTensorWithData>(api_, memory_.get(), static_cast<void*>(input.data.data()), bytes, shape.data(),
                               shape.size(), type, input.value.out());
    inputValues_[i] = std::move(input);
    // Other inputs may bring other output shapes.
    for (Value& output : outputValues_) output.reset();
    return;
  }
  throw Error("the model has no input \"" + name + "\"");
}

double Session::run() {
  std::vector<const char*> inputNames;
  std::vector<const OrtValue*> inputs;
  for (size_t i = 0; i < inputs_.size(); i++) {
    if (inputValues_[i].value.get() == nullptr) throw Error("input \"" + inputs_[i].name + "\" has no value");
    inputNames.push_back(inputs_[i].name.c_str());
    inputs.push_back(inputValues_[i].value.get());
  }
  std::vector<const char*> outputNames;
  // Where an output has a value already, the runtime writes into it; a null one it allocates.
  std::vector<OrtValue*> outputs;
  for (size_t i = 0; i < outputs_.size(); i++) {
    outputNames.push_back(outputs_[i].name.c_str());
    outputs.push_back(outputValues_[i].get());
  }
  const auto start = std::chrono::steady_clock::now();
  OrtStatus* status = Run::call(api_, session_.get(), nullptr, inputNames.data(), inputs.data(), inputs.size(),
                                outputNames.data(), outputs.size(), outputs.data());
  const auto end = std::chrono::steady_clock::now();
  for (size_t i = 0; i < outputs_.size(); i++) {
    if (outputValues_[i].get() == nullptr) outputValues_[i] = Value(api_, outputs[i]);
  }
  check(api_, status);
  return std::chrono::duration<double, std::milli>(end - start).count();
}

TensorType Session::outputType(size_t index) const {
  const OrtValue* value = outputValues_.at(index).get();
  if (value == nullptr) throw Error("the model has not been run with these inputs");
  int isTensor = 0;
  call<IsTensor>(api_, value, &isTensor);
  if (isTensor == 0) throw Error("output \"" + outputs_[index].name + "\" is not a tensor");
  TensorInfo info(api_);
  call<GetTensorTypeAndShape>(api_, value, info.out());
  TensorType type = tensorType(api_, info.get());
  type.name = outputs_[index].name;
  return type;
}

const void* Session::outputData(size_t index) const {
  void* data = nullptr;
  call<GetTensorMutableData>(api_, outputValues_.at(index).get(), &data);
  return data;
}

size_t Session::outputBytes(size_t index) const {
  const TensorType type = outputType(index);
  return elementCount(type.shape) * elementBytes(type.elementType);
}

}  // namespace fusionlens::onnxruntime
