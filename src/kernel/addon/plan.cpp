#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "../attributes.h"
#include "../fused_convolution.h"
#include "../reference.h"
#include "addon.h"

namespace fusionlens::addon {
namespace {

constexpr int64_t kMostThreads = 256;

/** A problem as JavaScript states it, with its arrays. */
struct Problem {
  Convolution convolution;
  Normalization normalization;
  size_t rank = 0;
  Floats weights{};
  Floats scale{};
  Floats bias{};
};

std::vector<int64_t> optionalIntegers(napi_env env, napi_value object, const char* name) {
  return isPresent(env, object, name) ? toIntegers(env, getProperty(env, object, name), name) : std::vector<int64_t>{};
}

Activation toActivation(const std::string& name) {
  if (name == "none") return Activation::None;
  if (name == "Relu") return Activation::Relu;
  if (name == "LeakyRelu") return Activation::LeakyRelu;
  throw JsError("activation \"" + name + "\" is unknown; none, Relu and LeakyRelu are known");
}

Border toBorder(const std::string& name) {
  if (name == "zero") return Border::Zero;
  if (name == "reflect") return Border::Reflect;
  if (name == "edge") return Border::Edge;
  throw JsError("border \"" + name + "\" is unknown; zero, reflect and edge are known");
}

Problem readProblem(napi_env env, napi_value spec) {
  demandObject(env, spec, "the problem");
  Problem p;
  ConvolutionAttributes attributes;
  attributes.kernelShape = optionalIntegers(env, spec, "kernelShape");
  attributes.strides = optionalIntegers(env, spec, "strides");
  attributes.pads = optionalIntegers(env, spec, "pads");
  attributes.dilations = optionalIntegers(env, spec, "dilations");
  attributes.outputPadding = optionalIntegers(env, spec, "outputPadding");
  attributes.outputShape = optionalIntegers(env, spec, "outputShape");
  if (isPresent(env, spec, "autoPad")) attributes.autoPad = toString(env, getProperty(env, spec, "autoPad"), "autoPad");
  if (isPresent(env, spec, "border")) {
    attributes.border = toBorder(toString(env, getProperty(env, spec, "border"), "border"));
  }
  if (isPresent(env, spec, "transposed")) {
    attributes.transposed = toBoolean(env, getProperty(env, spec, "transposed"), "transposed");
  }
  if (isPresent(env, spec, "group")) attributes.group = toInteger(env, getProperty(env, spec, "group"), "group");
  const std::vector<int64_t> inputShape = toIntegers(env, getProperty(env, spec, "inputShape"), "inputShape");
  p.convolution = convolutionFrom(attributes, inputShape,
                                  toIntegers(env, getProperty(env, spec, "weightsShape"), "weightsShape"));
  p.rank = inputShape.size();
  const size_t channels = static_cast<size_t>(p.convolution.outChannels);
  p.weights = toFloats(env, getProperty(env, spec, "weights"),
                       static_cast<size_t>(p.convolution.weightElements()), "weights");
  p.scale = toFloats(env, getProperty(env, spec, "scale"), channels, "scale");
  p.bias = toFloats(env, getProperty(env, spec, "bias"), channels, "bias");
  if (isPresent(env, spec, "epsilon")) {
    p.normalization.epsilon = static_cast<float>(toNumber(env, getProperty(env, spec, "epsilon"), "epsilon"));
  }
  if (isPresent(env, spec, "activation")) {
    p.normalization.activation = toActivation(toString(env, getProperty(env, spec, "activation"), "activation"));
  }
  if (isPresent(env, spec, "alpha")) {
    p.normalization.alpha = static_cast<float>(toNumber(env, getProperty(env, spec, "alpha"), "alpha"));
  }
  return p;
}

/** `{ data, shape }` as `residual` in `options`, broadcast to the output; nothing where it is absent. */
std::optional<Residual> readResidual(napi_env env, napi_value options, const std::vector<int64_t>& output) {
  if (!isPresent(env, options, "residual")) return std::nullopt;
  const napi_value given = getProperty(env, options, "residual");
  demandObject(env, given, "residual");
  const std::vector<int64_t> shape = toIntegers(env, getProperty(env, given, "shape"), "the residual's shape");
  size_t count = 1;
  for (const int64_t size : shape) {
    if (size < 1) throw JsError("every size of the residual must be at least 1");
    count *= static_cast<size_t>(size);
  }
  const std::optional<Residual> residual =
      broadcastResidual(toFloats(env, getProperty(env, given, "data"), count, "the residual").data, shape, output);
  if (!residual) throw JsError("the residual is larger than the output");
  return residual;
}

/** One pool for all plans: its threads sleep between runs. Replaced by a larger one when more threads are wanted. */
std::shared_ptr<ThreadPool> poolOf(int threads) {
  static std::mutex mutex;
  static std::shared_ptr<ThreadPool> pool;
  std::lock_guard<std::mutex> lock(mutex);
  if (!pool || pool->threads() < threads) pool = std::make_shared<ThreadPool>(threads);
  return pool;
}

struct Plan {
  static constexpr napi_type_tag kTag{0x5b0c2f6de8a14d0f, 0x9a4e71b35c8d2601};
  FusedConvolution convolution;
  size_t rank;

  Plan(const Problem& p, InstructionSet set, AlgorithmChoice choice)
      : convolution(p.convolution, p.normalization, p.weights.data, p.scale.data, p.bias.data, set, choice),
        rank(p.rank) {}
};

/** `new Plan(problem)`. */
napi_value constructPlan(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const Problem problem = readProblem(env, call.argument(0));
    const InstructionSet set = toInstructionSet(env, call.argument(0), "instructionSet");
    AlgorithmChoice choice = AlgorithmChoice::Fastest;
    if (isPresent(env, call.argument(0), "algorithm")) {
      choice = algorithmChoiceOf(toString(env, getProperty(env, call.argument(0), "algorithm"), "algorithm"));
    }
    auto plan = std::make_unique<Plan>(problem, set, choice);
    setProperty(env, call.self, "outputShape",
                makeNumbers(env, fusionlens::outputShape(plan->convolution.convolution(), problem.rank)));
    setProperty(env, call.self, "algorithm", makeString(env, plan->convolution.algorithm()));
    setProperty(env, call.self, "instructionSet", makeString(env, nameOf(set)));
    wrap(env, call.self, plan.release());
    return call.self;
  });
}

/** `run(x, y, { threads, fused, residual? })`: milliseconds. */
napi_value runPlan(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    Plan& plan = unwrap<Plan>(env, call.self);
    const Convolution& c = plan.convolution.convolution();
    const Floats x = toFloats(env, call.argument(0), static_cast<size_t>(c.inputElements()), "x");
    const Floats y = toFloats(env, call.argument(1), static_cast<size_t>(c.outputElements()), "y");
    if (x.data < y.data + y.length && y.data < x.data + x.length) throw JsError("x and y must not overlap");
    const napi_value options = call.argument(2);
    demandObject(env, options, "options");
    const int64_t threads = toInteger(env, getProperty(env, options, "threads"), "threads");
    if (threads < 1 || threads > kMostThreads) throw JsError("threads must be between 1 and 256");
    const Fusion fusion =
        toBoolean(env, getProperty(env, options, "fused"), "fused") ? Fusion::Fused : Fusion::Unfused;
    const std::optional<Residual> residual = readResidual(env, options, fusionlens::outputShape(c, plan.rank));
    const std::shared_ptr<ThreadPool> pool = poolOf(static_cast<int>(threads));
    const auto start = std::chrono::steady_clock::now();
    plan.convolution.run(x.data, y.data, *pool, static_cast<int>(threads), fusion, residual ? &*residual : nullptr);
    const auto end = std::chrono::steady_clock::now();
    return makeNumber(env, std::chrono::duration<double, std::milli>(end - start).count());
  });
}

napi_value workspaceBytes(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const int64_t threads = toInteger(env, call.argument(0), "threads");
    if (threads < 1 || threads > kMostThreads) throw JsError("threads must be between 1 and 256");
    const size_t bytes = unwrap<Plan>(env, call.self).convolution.workspaceBytes(static_cast<int>(threads));
    return makeNumber(env, static_cast<double>(bytes));
  });
}

/** `reference(problem, x, residual?)`: the exact output as a Float64Array. The residual has the output's shape. */
napi_value reference(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const Problem p = readProblem(env, call.argument(0));
    const Floats x = toFloats(env, call.argument(1), static_cast<size_t>(p.convolution.inputElements()), "x");
    std::vector<double> y(static_cast<size_t>(p.convolution.outputElements()));
    const float* residual = nullptr;
    if (call.arguments.size() > 2) residual = toFloats(env, call.argument(2), y.size(), "the residual").data;
    referenceConvolveNormalize(p.convolution, p.normalization, x.data, p.weights.data, p.scale.data, p.bias.data,
                               residual, y.data());
    return makeTypedArray(env, napi_float64_array, y.data(), y.size() * sizeof(double));
  });
}

/**
 * `alignedFloats(length)`: a Float32Array of zeros that begins at a cache line, as the memory of ONNX Runtime does. Plain
 * arrays begin anywhere, and vectors that cross cache lines take longer.
 */
napi_value alignedFloats(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const int64_t length = toInteger(env, call.argument(0), "length");
    constexpr int64_t most = int64_t{1} << 40;
    if (length < 0 || length > most) throw JsError("length is out of range");
    constexpr size_t line = 64;
    void* memory = nullptr;
    const napi_value buffer = makeArrayBuffer(env, static_cast<size_t>(length) * sizeof(float) + line, &memory);
    const size_t offset = (line - reinterpret_cast<uintptr_t>(memory) % line) % line;
    napi_value array = nullptr;
    check(env, napi_create_typedarray(env, napi_float32_array, static_cast<size_t>(length), buffer, offset, &array));
    return array;
  });
}

void defineFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
  setProperty(env, exports, name, function);
}

}  // namespace

void definePlan(napi_env env, napi_value exports) {
  setProperty(env, exports, "Plan",
              defineClass(env, "Plan", constructPlan, {method("run", runPlan), method("workspaceBytes", workspaceBytes)}));
  defineFunction(env, exports, "reference", reference);
  defineFunction(env, exports, "alignedFloats", alignedFloats);
}

}  // namespace fusionlens::addon
