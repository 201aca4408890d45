// The entries of ONNX Runtime's C API that we call, declared by hand: no package ships its header, and its table of
// functions only ever grows at the end (onnxruntime_c_api.h: "new functions are added at the end"), so that an entry
// keeps its index in every later version. Indices counted in version 1.17 and checked with 1.30.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

#if defined(_WIN32) && !defined(_WIN64)
#error "ONNX Runtime's 32-bit calling convention is not supported"
#endif

namespace fusionlens::onnxruntime {

// Opaque types of the C API.
struct OrtEnv;
struct OrtStatus;
struct OrtSession;
struct OrtSessionOptions;
struct OrtMemoryInfo;
struct OrtAllocator;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorTypeAndShapeInfo;
struct OrtRunOptions;
struct OrtCustomOpDomain;
struct OrtKernelInfo;
struct OrtKernelContext;

/** `ONNXTensorElementDataType`; the numbers are those of `TensorProto.DataType`. */
enum class ElementType : int32_t {
  Undefined = 0,
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Uint16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Uint32 = 12,
  Uint64 = 13,
};

enum class ErrorCode : int32_t { Fail = 1, InvalidArgument = 2, NotImplemented = 9 };

/** The table that `OrtApiBase::GetApi` returns. */
struct OrtApi {
  void* entries[1];  // in truth some hundred
};

struct OrtApiBase {
  const OrtApi* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

/** The version of the C API that we ask for; every ONNX Runtime from 1.17 on serves it. */
constexpr uint32_t kApiVersion = 17;
constexpr int kLeastMinorVersion = 17;

/** True for a version string such as "1.17.3" of a release that serves the API. */
bool isKnownVersion(const std::string& version);

/** An error that ONNX Runtime reported. */
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** Index and type of an entry. */
template <int Index, typename Function>
struct Entry;
template <int Index, typename Result, typename... Arguments>
struct Entry<Index, Result(Arguments...)> {
  static Result call(const OrtApi* api, Arguments... arguments) {
    return reinterpret_cast<Result (*)(Arguments...)>(api->entries[Index])(arguments...);
  }
};

using CreateStatus = Entry<0, OrtStatus*(ErrorCode, const char*)>;
using GetErrorMessage = Entry<2, const char*(const OrtStatus*)>;
using CreateEnv = Entry<3, OrtStatus*(int severity, const char* name, OrtEnv**)>;
using CreateSessionFromArray =
    Entry<8, OrtStatus*(const OrtEnv*, const void* model, size_t bytes, const OrtSessionOptions*, OrtSession**)>;
using Run = Entry<9, OrtStatus*(OrtSession*, const OrtRunOptions*, const char* const* inputNames,
                                const OrtValue* const* inputs, size_t inputCount, const char* const* outputNames,
                                size_t outputCount, OrtValue** outputs)>;
using CreateSessionOptions = Entry<10, OrtStatus*(OrtSessionOptions**)>;
#if defined(_WIN32)
using PathChar = wchar_t;
#else
using PathChar = char;
#endif
using EnableProfiling = Entry<14, OrtStatus*(OrtSessionOptions*, const PathChar* prefix)>;
using SetSessionGraphOptimizationLevel = Entry<23, OrtStatus*(OrtSessionOptions*, int level)>;
using SetIntraOpNumThreads = Entry<24, OrtStatus*(OrtSessionOptions*, int)>;
using SetInterOpNumThreads = Entry<25, OrtStatus*(OrtSessionOptions*, int)>;
using CreateCustomOpDomain = Entry<26, OrtStatus*(const char* domain, OrtCustomOpDomain**)>;
struct OrtCustomOp;
using CustomOpDomainAdd = Entry<27, OrtStatus*(OrtCustomOpDomain*, const OrtCustomOp*)>;
using AddCustomOpDomain = Entry<28, OrtStatus*(OrtSessionOptions*, OrtCustomOpDomain*)>;
using SessionGetInputCount = Entry<30, OrtStatus*(const OrtSession*, size_t*)>;
using SessionGetOutputCount = Entry<31, OrtStatus*(const OrtSession*, size_t*)>;
using SessionGetInputTypeInfo = Entry<33, OrtStatus*(const OrtSession*, size_t, OrtTypeInfo**)>;
using SessionGetOutputTypeInfo = Entry<34, OrtStatus*(const OrtSession*, size_t, OrtTypeInfo**)>;
using SessionGetInputName = Entry<36, OrtStatus*(const OrtSession*, size_t, OrtAllocator*, char**)>;
using SessionGetOutputName = Entry<37, OrtStatus*(const OrtSession*, size_t, OrtAllocator*, char**)>;
using CreateTensorWithData =
    Entry<49, OrtStatus*(const OrtMemoryInfo*, void* data, size_t bytes, const int64_t* dims, size_t rank, ElementType,
                         OrtValue**)>;
using IsTensor = Entry<50, OrtStatus*(const OrtValue*, int*)>;
using GetTensorMutableData = Entry<51, OrtStatus*(OrtValue*, void**)>;
using CastTypeInfoToTensorInfo = Entry<55, OrtStatus*(const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**)>;
using GetTensorElementType = Entry<60, OrtStatus*(const OrtTensorTypeAndShapeInfo*, ElementType*)>;
using GetDimensionsCount = Entry<61, OrtStatus*(const OrtTensorTypeAndShapeInfo*, size_t*)>;
using GetDimensions = Entry<62, OrtStatus*(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t)>;
using GetTensorTypeAndShape = Entry<65, OrtStatus*(const OrtValue*, OrtTensorTypeAndShapeInfo**)>;
using CreateCpuMemoryInfo = Entry<69, OrtStatus*(int allocator, int memory, OrtMemoryInfo**)>;
using AllocatorFree = Entry<76, OrtStatus*(OrtAllocator*, void*)>;
using GetAllocatorWithDefaultOptions = Entry<78, OrtStatus*(OrtAllocator**)>;
using KernelInfoGetAttributeFloat = Entry<85, OrtStatus*(const OrtKernelInfo*, const char*, float*)>;
using KernelInfoGetAttributeInt64 = Entry<86, OrtStatus*(const OrtKernelInfo*, const char*, int64_t*)>;
using KernelInfoGetAttributeString = Entry<87, OrtStatus*(const OrtKernelInfo*, const char*, char*, size_t*)>;
using KernelContextGetInputCount = Entry<88, OrtStatus*(const OrtKernelContext*, size_t*)>;
using KernelContextGetInput = Entry<90, OrtStatus*(const OrtKernelContext*, size_t, const OrtValue**)>;
using KernelContextGetOutput =
    Entry<91, OrtStatus*(OrtKernelContext*, size_t, const int64_t* dims, size_t rank, OrtValue**)>;
using ReleaseEnv = Entry<92, void(OrtEnv*)>;
using ReleaseStatus = Entry<93, void(OrtStatus*)>;
using ReleaseMemoryInfo = Entry<94, void(OrtMemoryInfo*)>;
using ReleaseSession = Entry<95, void(OrtSession*)>;
using ReleaseValue = Entry<96, void(OrtValue*)>;
using ReleaseTypeInfo = Entry<98, void(OrtTypeInfo*)>;
using ReleaseTensorTypeAndShapeInfo = Entry<99, void(OrtTensorTypeAndShapeInfo*)>;
using ReleaseSessionOptions = Entry<100, void(OrtSessionOptions*)>;
using ReleaseCustomOpDomain = Entry<101, void(OrtCustomOpDomain*)>;
using AddSessionConfigEntry = Entry<130, OrtStatus*(OrtSessionOptions*, const char* key, const char* value)>;
using KernelInfoGetAttributeArrayInt64 = Entry<163, OrtStatus*(const OrtKernelInfo*, const char*, int64_t*, size_t*)>;
/** Version 14. Whether the options have an entry; its value, of which `size` gives the bytes where `value` is null. */
using HasSessionConfigEntry = Entry<237, OrtStatus*(const OrtSessionOptions*, const char* key, int* has)>;
using GetSessionConfigEntry =
    Entry<238, OrtStatus*(const OrtSessionOptions*, const char* key, char* value, size_t* size)>;
using KernelInfoGetConstantInputTensor =
    Entry<249, OrtStatus*(const OrtKernelInfo*, size_t index, int* isConstant, const OrtValue**)>;

/** `OrtCustomOp` as of version 16 of the API. */
struct OrtCustomOp {
  uint32_t version;
  void* (*CreateKernel)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char* (*GetName)(const OrtCustomOp*);
  const char* (*GetExecutionProviderType)(const OrtCustomOp*);
  ElementType (*GetInputType)(const OrtCustomOp*, size_t);
  size_t (*GetInputTypeCount)(const OrtCustomOp*);
  ElementType (*GetOutputType)(const OrtCustomOp*, size_t);
  size_t (*GetOutputTypeCount)(const OrtCustomOp*);
  void (*KernelCompute)(void*, OrtKernelContext*);
  void (*KernelDestroy)(void*);
  int (*GetInputCharacteristic)(const OrtCustomOp*, size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp*, size_t);
  int (*GetInputMemoryType)(const OrtCustomOp*, size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp*);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp*);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus* (*CreateKernelV2)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*, void** kernel);
  OrtStatus* (*KernelComputeV2)(void* kernel, OrtKernelContext*);
};
constexpr uint32_t kCustomOpVersion = 16;

/** Throws `Error` with the status' message and releases it; does nothing for success. */
inline void check(const OrtApi* api, OrtStatus* status) {
  if (status == nullptr) return;
  const std::string message = GetErrorMessage::call(api, status);
  ReleaseStatus::call(api, status);
  throw Error(message);
}

/** Calls an entry that returns a status, and throws what it reports. */
template <typename Function, typename... Arguments>
void call(const OrtApi* api, Arguments... arguments) {
  check(api, Function::call(api, arguments...));
}

/** Calls an entry that returns a status; false where it reports an error. */
template <typename Function, typename... Arguments>
bool tryCall(const OrtApi* api, Arguments... arguments) {
  OrtStatus* status = Function::call(api, arguments...);
  if (status == nullptr) return true;
  ReleaseStatus::call(api, status);
  return false;
}

/** An object of the C API that is released with its owner. */
template <typename T, typename Release>
class Owned {
 public:
  Owned() = default;
  explicit Owned(const OrtApi* api) : api_(api) {}
  Owned(const OrtApi* api, T* object) : api_(api), object_(object) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : api_(other.api_), object_(other.object_) { other.object_ = nullptr; }
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) {
      reset();
      api_ = other.api_;
      object_ = other.object_;
      other.object_ = nullptr;
    }
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  T* get() const { return object_; }
  /** For a C API function that creates the object. */
  T** out() {
    reset();
    return &object_;
  }
  void reset() {
    if (object_ != nullptr) Release::call(api_, object_);
    object_ = nullptr;
  }

 private:
  const OrtApi* api_ = nullptr;
  T* object_ = nullptr;
};

using Value = Owned<OrtValue, ReleaseValue>;
using TensorInfo = Owned<OrtTensorTypeAndShapeInfo, ReleaseTensorTypeAndShapeInfo>;

}  // namespace fusionlens::onnxruntime
