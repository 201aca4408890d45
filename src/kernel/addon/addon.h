// The classes that the addon exports.
#pragma once

#include "../instruction_set.h"
#include "values.h"

namespace fusionlens::addon {

/** `Plan`: a fused convolution; and `reference()`, its double-precision oracle. */
void definePlan(napi_env env, napi_value exports);

/** `OnnxRuntime` and its `Session`. */
void defineOnnxRuntime(napi_env env, napi_value exports);

/** The instruction set named, or the best available one for undefined. */
InstructionSet toInstructionSet(napi_env env, napi_value options, const char* name);

/** A class with methods. */
napi_value defineClass(napi_env env, const char* name, napi_callback constructor,
                       const std::vector<napi_property_descriptor>& properties);
napi_property_descriptor method(const char* name, napi_callback callback);

}  // namespace fusionlens::addon
