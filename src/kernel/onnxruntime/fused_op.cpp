#include "fused_op.h"

#include <array>
#include <functional>
#include <list>
#include <mutex>
#include <string>

#include "../attributes.h"
#include "../fused_convolution.h"

namespace fusionlens::onnxruntime {
namespace {

// Input shapes whose plans are kept. Models with dynamic sizes alternate between few.
constexpr size_t kMostPlans = 4;
constexpr size_t kInputs = 4;
constexpr std::array<const char*, kInputs> kInputNames = {"X", "W", "scale", "B"};

std::vector<int64_t> shapeOf(const OrtApi* api, const OrtValue* value) {
  TensorInfo info(api);
  call<GetTensorTypeAndShape>(api, value, info.out());
  size_t rank = 0;
  call<GetDimensionsCount>(api, info.get(), &rank);
  std::vector<int64_t> dims(rank);
  call<GetDimensions>(api, info.get(), dims.data(), rank);
  return dims;
}

const float* dataOf(const OrtApi* api, const OrtValue* value) {
  void* data = nullptr;
  // The C API has no reading accessor for kernels before 1.23; nothing is written through this pointer.
  call<GetTensorMutableData>(api, const_cast<OrtValue*>(value), &data);
  return static_cast<const float*>(data);
}

std::vector<int64_t> integers(const OrtApi* api, const OrtKernelInfo* info, const char* name) {
  size_t size = 0;
  if (!tryCall<KernelInfoGetAttributeArrayInt64>(api, info, name, static_cast<int64_t*>(nullptr), &size)) return {};
  std::vector<int64_t> values(size);
  call<KernelInfoGetAttributeArrayInt64>(api, info, name, values.data(), &size);
  return values;
}

std::string text(const OrtApi* api, const OrtKernelInfo* info, const char* name) {
  size_t size = 0;
  if (!tryCall<KernelInfoGetAttributeString>(api, info, name, static_cast<char*>(nullptr), &size)) return {};
  std::string value(size, '\0');
  call<KernelInfoGetAttributeString>(api, info, name, value.data(), &size);
  while (!value.empty() && value.back() == '\0') value.pop_back();
  return value;
}

/** One node's kernel: its attributes, and plans for the input shapes seen last. */
class FusedKernel {
 public:
  FusedKernel(const OrtApi* api, const OrtKernelInfo* info, Activation activation, FusedOpDomain::Shared& shared)
      : api_(api), shared_(shared) {
    attributes_.kernelShape = integers(api, info, "kernel_shape");
    attributes_.strides = integers(api, info, "strides");
    attributes_.pads = integers(api, info, "pads");
    attributes_.dilations = integers(api, info, "dilations");
    attributes_.autoPad = text(api, info, "auto_pad");
    tryCall<KernelInfoGetAttributeInt64>(api, info, "group", &attributes_.group);
    tryCall<KernelInfoGetAttributeFloat>(api, info, "epsilon", &normalization_.epsilon);
    tryCall<KernelInfoGetAttributeFloat>(api, info, "alpha", &normalization_.alpha);
    normalization_.activation = activation;
    for (size_t i = 1; i < kInputs; i++) {
      int constant = 0;
      const OrtValue* value = nullptr;
      if (!tryCall<KernelInfoGetConstantInputTensor>(api, info, i, &constant, &value) || constant == 0) {
        weightsAreConstant_ = false;
      }
    }
  }

  const OrtApi* api() const { return api_; }

  void compute(OrtKernelContext* context) {
    std::array<const OrtValue*, kInputs> inputs{};
    for (size_t i = 0; i < kInputs; i++) {
      call<KernelContextGetInput>(api_, context, i, &inputs[i]);
      if (inputs[i] == nullptr) throw std::invalid_argument(std::string("input ") + kInputNames[i] + " is missing");
    }
    const std::shared_ptr<FusedConvolution> plan = planFor(inputs);
    const std::vector<int64_t> shape = outputShape(plan->convolution(), shapeOf(api_, inputs[0]).size());
    OrtValue* output = nullptr;
    call<KernelContextGetOutput>(api_, context, size_t{0}, shape.data(), shape.size(), &output);
    void* y = nullptr;
    call<GetTensorMutableData>(api_, output, &y);
    plan->run(dataOf(api_, inputs[0]), static_cast<float*>(y), shared_.pool, shared_.pool.threads());
    shared_.runs++;
  }

 private:
  struct CachedPlan {
    std::vector<int64_t> inputShape;
    std::shared_ptr<FusedConvolution> plan;
  };

  std::shared_ptr<FusedConvolution> planFor(const std::array<const OrtValue*, kInputs>& inputs) {
    const std::vector<int64_t> inputShape = shapeOf(api_, inputs[0]);
    std::lock_guard<std::mutex> lock(mutex_);
    if (weightsAreConstant_) {
      for (auto cached = plans_.begin(); cached != plans_.end(); ++cached) {
        if (cached->inputShape != inputShape) continue;
        plans_.splice(plans_.begin(), plans_, cached);
        return cached->plan;
      }
    }
    const Convolution convolution = convolutionFrom(attributes_, inputShape, shapeOf(api_, inputs[1]));
    for (size_t i = 2; i < kInputs; i++) {
      if (shapeOf(api_, inputs[i]) != std::vector<int64_t>{convolution.outChannels}) {
        throw std::invalid_argument(std::string("input ") + kInputNames[i] +
                                    " must have one value for each output channel");
      }
    }
    auto plan = std::make_shared<FusedConvolution>(convolution, normalization_, dataOf(api_, inputs[1]),
                                                   dataOf(api_, inputs[2]), dataOf(api_, inputs[3]), shared_.set);
    if (weightsAreConstant_) {
      plans_.push_front({inputShape, plan});
      if (plans_.size() > kMostPlans) plans_.pop_back();
    }
    return plan;
  }

  const OrtApi* api_;
  FusedOpDomain::Shared& shared_;
  ConvolutionAttributes attributes_;
  Normalization normalization_;
  bool weightsAreConstant_ = true;
  std::mutex mutex_;
  std::list<CachedPlan> plans_;
};

/** Runs `body`, turning what it throws into a status. */
template <typename Body>
OrtStatus* guarded(const OrtApi* api, const char* op, Body&& body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return CreateStatus::call(api, ErrorCode::InvalidArgument, (std::string(op) + ": " + error.what()).c_str());
  } catch (...) {
    return CreateStatus::call(api, ErrorCode::Fail, op);
  }
}

}  // namespace

struct FusedOpDomain::Op : OrtCustomOp {
  const char* name;
  Activation activation;
  const OrtApi* api;
  Shared* shared;
};

FusedOpDomain::FusedOpDomain(const OrtApi* api, int threads, InstructionSet set)
    : shared_(threads, set), domain_(api) {
  call<CreateCustomOpDomain>(api, kDomain, domain_.out());
  struct Variant {
    const char* name;
    Activation activation;
  };
  constexpr Variant variants[] = {{"ConvInstanceNormalization", Activation::None},
                                  {"ConvInstanceNormalizationRelu", Activation::Relu},
                                  {"ConvInstanceNormalizationLeakyRelu", Activation::LeakyRelu}};
  for (const Variant& variant : variants) {
    auto op = std::make_unique<Op>();
    static_cast<OrtCustomOp&>(*op) = OrtCustomOp{};
    op->name = variant.name;
    op->activation = variant.activation;
    op->api = api;
    op->shared = &shared_;
    op->version = kCustomOpVersion;
    op->GetName = [](const OrtCustomOp* self) { return static_cast<const Op*>(self)->name; };
    op->GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };  // the CPU's
    op->GetInputType = [](const OrtCustomOp*, size_t) { return ElementType::Float; };
    op->GetInputTypeCount = [](const OrtCustomOp*) { return kInputs; };
    op->GetOutputType = [](const OrtCustomOp*, size_t) { return ElementType::Float; };
    op->GetOutputTypeCount = [](const OrtCustomOp*) { return size_t{1}; };
    op->GetInputCharacteristic = [](const OrtCustomOp*, size_t) { return 0; };  // required
    op->GetOutputCharacteristic = [](const OrtCustomOp*, size_t) { return 0; };
    op->GetInputMemoryType = [](const OrtCustomOp*, size_t) { return 0; };  // default
    op->GetVariadicInputMinArity = [](const OrtCustomOp*) { return 0; };
    op->GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
    op->GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 0; };
    op->GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 0; };
    op->CreateKernelV2 = [](const OrtCustomOp* base, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
      const Op* self = static_cast<const Op*>(base);
      return guarded(self->api, self->name,
                     [&] { *kernel = new FusedKernel(self->api, info, self->activation, *self->shared); });
    };
    op->KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      FusedKernel* self = static_cast<FusedKernel*>(kernel);
      return guarded(self->api(), "fused convolution", [&] { self->compute(context); });
    };
    op->KernelDestroy = [](void* kernel) { delete static_cast<FusedKernel*>(kernel); };
    call<CustomOpDomainAdd>(api, domain_.get(), static_cast<const OrtCustomOp*>(op.get()));
    ops_.push_back(std::move(op));
  }
}

FusedOpDomain::~FusedOpDomain() = default;

}  // namespace fusionlens::onnxruntime
