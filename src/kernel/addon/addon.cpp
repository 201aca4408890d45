#include "addon.h"

#include "../dispatch.h"

namespace fusionlens::addon {

napi_property_descriptor method(const char* name, napi_callback callback) {
  napi_property_descriptor descriptor{};
  descriptor.utf8name = name;
  descriptor.method = callback;
  descriptor.attributes = napi_default_method;
  return descriptor;
}

napi_value defineClass(napi_env env, const char* name, napi_callback constructor,
                       const std::vector<napi_property_descriptor>& properties) {
  napi_value result = nullptr;
  check(env, napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, properties.size(), properties.data(),
                               &result));
  return result;
}

InstructionSet toInstructionSet(napi_env env, napi_value options, const char* name) {
  if (!isPresent(env, options, name)) return availableInstructionSets().front();
  const std::string wanted = toString(env, getProperty(env, options, name), name);
  std::string available;
  for (const InstructionSet set : availableInstructionSets()) {
    if (wanted == nameOf(set)) return set;
    available += std::string(available.empty() ? "" : ", ") + nameOf(set);
  }
  throw JsError("instruction set \"" + wanted + "\" is not available on this machine; it has " + available);
}

namespace {

napi_value initialize(napi_env env, napi_value exports) {
  return guarded(env, [&] {
    napi_value sets = nullptr;
    check(env, napi_create_array(env, &sets));
    uint32_t index = 0;
    for (const InstructionSet set : availableInstructionSets()) {
      check(env, napi_set_element(env, sets, index++, makeString(env, nameOf(set))));
    }
    setProperty(env, exports, "instructionSets", sets);
    definePlan(env, exports);
    defineOnnxRuntime(env, exports);
    return exports;
  });
}

}  // namespace
}  // namespace fusionlens::addon

extern "C" {
NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1() { return NAPI_VERSION; }
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  return fusionlens::addon::initialize(env, exports);
}
}
