#include <memory>

#include "../onnxruntime/runtime.h"
#include "addon.h"

namespace fusionlens::addon {
namespace {

using onnxruntime::ElementType;
using onnxruntime::Runtime;
using onnxruntime::Session;
using onnxruntime::TensorType;

struct ElementTypeName {
  ElementType type;
  const char* name;
  napi_typedarray_type array;
};

// Names as in ONNX text; float16 and bool travel as their bits.
constexpr ElementTypeName kElementTypes[] = {
    {ElementType::Float, "float", napi_float32_array},     {ElementType::Double, "double", napi_float64_array},
    {ElementType::Uint8, "uint8", napi_uint8_array},       {ElementType::Int8, "int8", napi_int8_array},
    {ElementType::Uint16, "uint16", napi_uint16_array},    {ElementType::Int16, "int16", napi_int16_array},
    {ElementType::Uint32, "uint32", napi_uint32_array},    {ElementType::Int32, "int32", napi_int32_array},
    {ElementType::Uint64, "uint64", napi_biguint64_array}, {ElementType::Int64, "int64", napi_bigint64_array},
    {ElementType::Bool, "bool", napi_uint8_array},         {ElementType::Float16, "float16", napi_uint16_array},
};

const ElementTypeName* find(ElementType type) {
  for (const ElementTypeName& entry : kElementTypes) {
    if (entry.type == type) return &entry;
  }
  return nullptr;
}

const ElementTypeName& byName(const std::string& name) {
  for (const ElementTypeName& entry : kElementTypes) {
    if (name == entry.name) return entry;
  }
  throw JsError("element type \"" + name + "\" can't be given as a typed array");
}

napi_value describe(napi_env env, const TensorType& type) {
  napi_value object = makeObject(env);
  const ElementTypeName* known = find(type.elementType);
  setProperty(env, object, "name", makeString(env, type.name));
  setProperty(env, object, "type", makeString(env, known == nullptr ? "other" : known->name));
  setProperty(env, object, "shape", makeNumbers(env, type.shape));
  return object;
}

napi_value describeAll(napi_env env, const std::vector<TensorType>& types) {
  napi_value array = nullptr;
  check(env, napi_create_array(env, &array));
  for (size_t i = 0; i < types.size(); i++) {
    check(env, napi_set_element(env, array, static_cast<uint32_t>(i), describe(env, types[i])));
  }
  return array;
}

struct RuntimeHolder {
  static constexpr napi_type_tag kTag{0x1d7fa90b46c3458e, 0xb6f2c85e09d7413a};
  std::shared_ptr<Runtime> runtime;
};

struct SessionHolder {
  static constexpr napi_type_tag kTag{0xe2945d1c7ab84f63, 0x80d36e9fa52b4c17};
  std::unique_ptr<Session> session;

  Session& get() const {
    if (!session) throw JsError("the session has been released");
    return *session;
  }
};

/** `new OnnxRuntime(path)`. */
napi_value constructRuntime(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    auto holder = std::make_unique<RuntimeHolder>();
    holder->runtime = Runtime::open(toString(env, call.argument(0), "the path of ONNX Runtime"));
    setProperty(env, call.self, "version", makeString(env, holder->runtime->version()));
    wrap(env, call.self, holder.release());
    return call.self;
  });
}

/** `new Session(runtime, model, { threads, fusedOps?, exact?, instructionSet?, externalDataFolder?, profilePrefix? })`. */
napi_value constructSession(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const RuntimeHolder& runtime = unwrap<RuntimeHolder>(env, call.argument(0));
    const TypedArray model = toTypedArray(env, call.argument(1), "the model");
    const napi_value given = call.argument(2);
    demandObject(env, given, "options");
    onnxruntime::SessionOptions options;
    const int64_t threads = toInteger(env, getProperty(env, given, "threads"), "threads");
    if (threads < 1 || threads > 256) throw JsError("threads must be between 1 and 256");
    options.threads = static_cast<int>(threads);
    if (isPresent(env, given, "fusedOps") && toBoolean(env, getProperty(env, given, "fusedOps"), "fusedOps")) {
      options.fusedOps = toInstructionSet(env, given, "instructionSet");
    }
    if (isPresent(env, given, "exact") && toBoolean(env, getProperty(env, given, "exact"), "exact")) {
      options.algorithms = AlgorithmChoice::Exact;
    }
    if (isPresent(env, given, "externalDataFolder")) {
      options.externalDataFolder = toString(env, getProperty(env, given, "externalDataFolder"), "externalDataFolder");
    }
    if (isPresent(env, given, "profilePrefix")) {
      options.profilePrefix = toString(env, getProperty(env, given, "profilePrefix"), "profilePrefix");
    }
    auto holder = std::make_unique<SessionHolder>();
    holder->session = std::make_unique<Session>(runtime.runtime, model.data, model.bytes, options);
    setProperty(env, call.self, "inputs", describeAll(env, holder->session->inputs()));
    setProperty(env, call.self, "outputs", describeAll(env, holder->session->outputs()));
    wrap(env, call.self, holder.release());
    return call.self;
  });
}

/** `setInput(name, type, shape, data)`. */
napi_value setInput(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const std::string name = toString(env, call.argument(0), "the input's name");
    const ElementTypeName& type = byName(toString(env, call.argument(1), "the element type"));
    const std::vector<int64_t> shape = toIntegers(env, call.argument(2), "the shape");
    const TypedArray data = toTypedArray(env, call.argument(3), "the data");
    if (data.type != type.array) throw JsError("the data of input \"" + name + "\" is not an array of " + type.name);
    unwrap<SessionHolder>(env, call.self).get().setInput(name, type.type, shape, data.data, data.bytes);
    return undefined(env);
  });
}

/** `run()`: milliseconds. */
napi_value run(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    return makeNumber(env, unwrap<SessionHolder>(env, call.self).get().run());
  });
}

/** `output(index)`: `{ name, type, shape, data }`, a copy. */
napi_value output(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    const Session& session = unwrap<SessionHolder>(env, call.self).get();
    const int64_t index = toInteger(env, call.argument(0), "the output's index");
    if (index < 0 || static_cast<size_t>(index) >= session.outputs().size()) throw JsError("there is no such output");
    const TensorType type = session.outputType(static_cast<size_t>(index));
    const ElementTypeName* known = find(type.elementType);
    if (known == nullptr) throw JsError("output \"" + type.name + "\" has a type that can't be read");
    napi_value object = describe(env, type);
    setProperty(env, object, "data",
                makeTypedArray(env, known->array, session.outputData(static_cast<size_t>(index)),
                               session.outputBytes(static_cast<size_t>(index))));
    return object;
  });
}

/** `fusedRuns()`: how often fused kernels have run in this session. */
napi_value fusedRuns(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    return makeNumber(env, static_cast<double>(unwrap<SessionHolder>(env, call.self).get().fusedRuns()));
  });
}

/** `release()`: frees the session's memory now rather than when it is collected. */
napi_value release(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Call call = readCall(env, info);
    unwrap<SessionHolder>(env, call.self).session.reset();
    return undefined(env);
  });
}

}  // namespace

void defineOnnxRuntime(napi_env env, napi_value exports) {
  setProperty(env, exports, "OnnxRuntime", defineClass(env, "OnnxRuntime", constructRuntime, {}));
  setProperty(env, exports, "Session",
              defineClass(env, "Session", constructSession,
                          {method("setInput", setInput), method("run", run), method("output", output),
                           method("fusedRuns", fusedRuns), method("release", release)}));
}

}  // namespace fusionlens::addon
