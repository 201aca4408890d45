#include "fused_op.h"

#include <array>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "../aligned_buffer.h"
#include "../attributes.h"
#include "../fused_convolution.h"
#include "../residual.h"

namespace fusionlens::onnxruntime {
namespace {

// Input shapes whose plans are kept. Models with dynamic sizes alternate between few.
constexpr size_t kMostPlans = 4;
// With `Add` there is a fifth.
constexpr size_t kConvolutionInputs = 4;
constexpr size_t kMostInputs = 5;
constexpr std::array<const char*, kMostInputs> kInputNames = {"X", "W", "scale", "B", "residual"};
using Inputs = std::array<const OrtValue*, kMostInputs>;

/** What an operator's name says. */
struct Variant {
  std::string name;
  Border border;
  bool padded;
  bool transposed;
  bool adds;
  Activation activation;

  size_t inputs() const { return adds ? kMostInputs : kConvolutionInputs; }
};

std::vector<Variant> allVariants() {
  struct Named {
    const char* name;
    Activation activation;
  };
  constexpr Named activations[] = {
      {"", Activation::None}, {"Relu", Activation::Relu}, {"LeakyRelu", Activation::LeakyRelu}};
  std::vector<Variant> variants;
  for (const Named& last : activations) {
    for (const bool adds : {false, true}) {
      const std::string end = std::string("InstanceNormalization") + (adds ? "Add" : "") + last.name;
      variants.push_back({"Conv" + end, Border::Zero, false, false, adds, last.activation});
      variants.push_back({"ConvTranspose" + end, Border::Zero, false, true, adds, last.activation});
      variants.push_back({"ReflectPadConv" + end, Border::Reflect, true, false, adds, last.activation});
      variants.push_back({"EdgePadConv" + end, Border::Edge, true, false, adds, last.activation});
    }
  }
  return variants;
}

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

void activate(const Normalization& normalization, float* values, int64_t count) {
  if (normalization.activation == Activation::None) return;
  const bool isRelu = normalization.activation == Activation::Relu;
  for (int64_t i = 0; i < count; i++) {
    if (values[i] < 0) values[i] = isRelu ? 0 : values[i] * normalization.alpha;
  }
}

/** One node's kernel: its attributes, and plans for the input shapes seen last. */
class FusedKernel {
 public:
  FusedKernel(const OrtApi* api, const OrtKernelInfo* info, const Variant& variant, FusedOpDomain::Shared& shared)
      : api_(api), variant_(variant), shared_(shared), pool_(shared.acquirePool()) {
    attributes_.kernelShape = integers(api, info, "kernel_shape");
    attributes_.strides = integers(api, info, "strides");
    attributes_.pads = integers(api, info, "pads");
    attributes_.dilations = integers(api, info, "dilations");
    if (!variant.padded) attributes_.autoPad = text(api, info, "auto_pad");
    attributes_.border = variant.border;
    attributes_.transposed = variant.transposed;
    if (variant.transposed) {
      attributes_.outputPadding = integers(api, info, "output_padding");
      attributes_.outputShape = integers(api, info, "output_shape");
    }
    tryCall<KernelInfoGetAttributeInt64>(api, info, "group", &attributes_.group);
    tryCall<KernelInfoGetAttributeFloat>(api, info, "epsilon", &normalization_.epsilon);
    tryCall<KernelInfoGetAttributeFloat>(api, info, "alpha", &normalization_.alpha);
    normalization_.activation = variant.activation;
    for (size_t i = 1; i < kConvolutionInputs; i++) {
      int constant = 0;
      const OrtValue* value = nullptr;
      if (!tryCall<KernelInfoGetConstantInputTensor>(api, info, i, &constant, &value) || constant == 0) {
        weightsAreConstant_ = false;
      }
    }
  }

  const OrtApi* api() const { return api_; }
  const char* name() const { return variant_.name.c_str(); }

  void compute(OrtKernelContext* context) {
    Inputs inputs{};
    for (size_t i = 0; i < variant_.inputs(); i++) {
      call<KernelContextGetInput>(api_, context, i, &inputs[i]);
      if (inputs[i] == nullptr) throw std::invalid_argument(std::string("input ") + kInputNames[i] + " is missing");
    }
    const std::vector<int64_t> inputShape = shapeOf(api_, inputs[0]);
    const std::shared_ptr<FusedConvolution> plan = planFor(inputs, inputShape, normalization_, plans_);
    const std::vector<int64_t> shape = outputShape(plan->convolution(), inputShape.size());
    const float* x = dataOf(api_, inputs[0]);
    if (!variant_.adds) {
      plan->run(x, allocate(context, shape), *pool_, pool_->threads());
    } else {
      const std::vector<int64_t> addedShape = shapeOf(api_, inputs[4]);
      const float* added = dataOf(api_, inputs[4]);
      if (const std::optional<Residual> residual = broadcastResidual(added, addedShape, shape)) {
        plan->run(x, allocate(context, shape), *pool_, pool_->threads(), Fusion::Fused, &*residual);
      } else {
        runWithLargerSum(context, inputs, shape, addedShape);
      }
    }
    shared_.runs++;
  }

 private:
  struct CachedPlan {
    std::vector<int64_t> inputShape;
    std::shared_ptr<FusedConvolution> plan;
  };

  float* allocate(OrtKernelContext* context, const std::vector<int64_t>& shape) const {
    OrtValue* output = nullptr;
    call<KernelContextGetOutput>(api_, context, size_t{0}, shape.data(), shape.size(), &output);
    void* y = nullptr;
    call<GetTensorMutableData>(api_, output, &y);
    return static_cast<float*>(y);
  }

  /** The rare case of a sum larger than the normalised output: the output is what is broadcast. */
  void runWithLargerSum(OrtKernelContext* context, const Inputs& inputs, const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& addedShape) {
    Normalization linear = normalization_;
    linear.activation = Activation::None;
    const std::shared_ptr<FusedConvolution> plan = planFor(inputs, shapeOf(api_, inputs[0]), linear, linearPlans_);
    AlignedBuffer normalized(static_cast<size_t>(plan->convolution().outputElements()));
    plan->run(dataOf(api_, inputs[0]), normalized.data(), *pool_, pool_->threads());
    const std::vector<int64_t> sumShape = broadcastShape(shape, addedShape);
    float* sum = allocate(context, sumShape);
    addBroadcast(normalized.data(), shape, dataOf(api_, inputs[4]), addedShape, sum);
    int64_t count = 1;
    for (const int64_t size : sumShape) count *= size;
    activate(normalization_, sum, count);
  }

  std::shared_ptr<FusedConvolution> planFor(const Inputs& inputs, const std::vector<int64_t>& inputShape,
                                            const Normalization& normalization, std::list<CachedPlan>& plans) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (weightsAreConstant_) {
      for (auto cached = plans.begin(); cached != plans.end(); ++cached) {
        if (cached->inputShape != inputShape) continue;
        plans.splice(plans.begin(), plans, cached);
        return cached->plan;
      }
    }
    const Convolution convolution = convolutionFrom(attributes_, inputShape, shapeOf(api_, inputs[1]));
    for (size_t i = 2; i < kConvolutionInputs; i++) {
      if (shapeOf(api_, inputs[i]) != std::vector<int64_t>{convolution.outChannels}) {
        throw std::invalid_argument(std::string("input ") + kInputNames[i] +
                                    " must have one value for each output channel");
      }
    }
    auto plan = std::make_shared<FusedConvolution>(convolution, normalization, dataOf(api_, inputs[1]),
                                                   dataOf(api_, inputs[2]), dataOf(api_, inputs[3]), shared_.set,
                                                   shared_.choice);
    if (weightsAreConstant_) {
      plans.push_front({inputShape, plan});
      if (plans.size() > kMostPlans) plans.pop_back();
    }
    return plan;
  }

  const OrtApi* api_;
  const Variant& variant_;
  FusedOpDomain::Shared& shared_;
  const std::shared_ptr<ThreadPool> pool_;
  ConvolutionAttributes attributes_;
  Normalization normalization_;
  bool weightsAreConstant_ = true;
  std::mutex mutex_;
  std::list<CachedPlan> plans_;
  std::list<CachedPlan> linearPlans_;
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
  Variant variant;
  const OrtApi* api;
  Shared* shared;
};

std::shared_ptr<ThreadPool> FusedOpDomain::Shared::acquirePool() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<ThreadPool> pool = pool_.lock();
  if (!pool) {
    pool = std::make_shared<ThreadPool>(threads);
    pool_ = pool;
  }
  return pool;
}

FusedOpDomain::FusedOpDomain(const OrtApi* api, int threads, InstructionSet set, AlgorithmChoice choice)
    : shared_(threads, set, choice), domain_(api) {
  call<CreateCustomOpDomain>(api, kDomain, domain_.out());
  for (Variant& variant : allVariants()) {
    auto op = std::make_unique<Op>();
    static_cast<OrtCustomOp&>(*op) = OrtCustomOp{};
    op->variant = std::move(variant);
    op->api = api;
    op->shared = &shared_;
    op->version = kCustomOpVersion;
    op->GetName = [](const OrtCustomOp* self) { return static_cast<const Op*>(self)->variant.name.c_str(); };
    op->GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };  // the CPU's
    op->GetInputType = [](const OrtCustomOp*, size_t) { return ElementType::Float; };
    op->GetInputTypeCount = [](const OrtCustomOp* self) { return static_cast<const Op*>(self)->variant.inputs(); };
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
      return guarded(self->api, self->variant.name.c_str(),
                     [&] { *kernel = new FusedKernel(self->api, info, self->variant, *self->shared); });
    };
    op->KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      FusedKernel* self = static_cast<FusedKernel*>(kernel);
      return guarded(self->api(), self->name(), [&] { self->compute(context); });
    };
    op->KernelDestroy = [](void* kernel) { delete static_cast<FusedKernel*>(kernel); };
    call<CustomOpDomainAdd>(api, domain_.get(), static_cast<const OrtCustomOp*>(op.get()));
    ops_.push_back(std::move(op));
  }
}

FusedOpDomain::~FusedOpDomain() = default;

}  // namespace fusionlens::onnxruntime
