#include "values.h"

#include <cmath>
#include <cstring>

namespace fusionlens::addon {

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw JsError(info != nullptr && info->error_message != nullptr ? info->error_message : "a Node-API call failed");
}

napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  check(env, napi_get_undefined(env, &value));
  return value;
}

napi_value makeString(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  check(env, napi_create_string_utf8(env, text.data(), text.size(), &value));
  return value;
}

napi_value makeNumber(napi_env env, double number) {
  napi_value value = nullptr;
  check(env, napi_create_double(env, number, &value));
  return value;
}

napi_value makeNumbers(napi_env env, const std::vector<int64_t>& values) {
  napi_value array = nullptr;
  check(env, napi_create_array_with_length(env, values.size(), &array));
  for (size_t i = 0; i < values.size(); i++) {
    check(env, napi_set_element(env, array, static_cast<uint32_t>(i), makeNumber(env, static_cast<double>(values[i]))));
  }
  return array;
}

napi_value makeObject(napi_env env) {
  napi_value object = nullptr;
  check(env, napi_create_object(env, &object));
  return object;
}

void setProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}

void demandObject(napi_env env, napi_value value, const char* what) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  if (type != napi_object) throw JsError(std::string(what) + " must be an object");
}

bool isPresent(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  check(env, napi_get_named_property(env, object, name, &value));
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  return type != napi_undefined;
}

napi_value getProperty(napi_env env, napi_value object, const char* name) {
  if (!isPresent(env, object, name)) throw JsError(std::string(name) + " is missing");
  napi_value value = nullptr;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

std::string toString(napi_env env, napi_value value, const char* what) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw JsError(std::string(what) + " must be a string");
  }
  std::string text(length + 1, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), text.size(), &length));
  text.resize(length);
  return text;
}

double toNumber(napi_env env, napi_value value, const char* what) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw JsError(std::string(what) + " must be a number");
  return number;
}

bool toBoolean(napi_env env, napi_value value, const char* what) {
  bool result = false;
  if (napi_get_value_bool(env, value, &result) != napi_ok) throw JsError(std::string(what) + " must be a boolean");
  return result;
}

int64_t toInteger(napi_env env, napi_value value, const char* what) {
  const double number = toNumber(env, value, what);
  constexpr double largest = 9007199254740991.0;
  if (!(std::fabs(number) <= largest) || std::floor(number) != number) {
    throw JsError(std::string(what) + " must be an integer");
  }
  return static_cast<int64_t>(number);
}

std::vector<int64_t> toIntegers(napi_env env, napi_value value, const char* what) {
  bool isArray = false;
  check(env, napi_is_array(env, value, &isArray));
  if (!isArray) throw JsError(std::string(what) + " must be an array of integers");
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  constexpr uint32_t most = 64;
  if (length > most) throw JsError(std::string(what) + " has too many elements");
  std::vector<int64_t> values;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    check(env, napi_get_element(env, value, i, &element));
    values.push_back(toInteger(env, element, what));
  }
  return values;
}

size_t elementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

TypedArray toTypedArray(napi_env env, napi_value value, const char* what) {
  bool isTypedArray = false;
  check(env, napi_is_typedarray(env, value, &isTypedArray));
  if (!isTypedArray) throw JsError(std::string(what) + " must be a typed array");
  TypedArray array{};
  check(env,
        napi_get_typedarray_info(env, value, &array.type, &array.length, &array.data, nullptr, nullptr));
  array.bytes = array.length * elementBytes(array.type);
  return array;
}

Floats toFloats(napi_env env, napi_value value, size_t length, const char* what) {
  const TypedArray array = toTypedArray(env, value, what);
  if (array.type != napi_float32_array) throw JsError(std::string(what) + " must be a Float32Array");
  if (array.length != length) {
    throw JsError(std::string(what) + " has " + std::to_string(array.length) + " elements, not " +
                  std::to_string(length));
  }
  return {static_cast<float*>(array.data), array.length};
}

napi_value makeArrayBuffer(napi_env env, size_t bytes, void** memory) {
  napi_value global = nullptr;
  napi_value constructor = nullptr;
  napi_value buffer = nullptr;
  check(env, napi_get_global(env, &global));
  check(env, napi_get_named_property(env, global, "ArrayBuffer", &constructor));
  const napi_value length = makeNumber(env, static_cast<double>(bytes));
  check(env, napi_new_instance(env, constructor, 1, &length, &buffer));
  check(env, napi_get_arraybuffer_info(env, buffer, memory, nullptr));
  return buffer;
}

napi_value makeTypedArray(napi_env env, napi_typedarray_type type, const void* data, size_t bytes) {
  void* memory = nullptr;
  const napi_value buffer = makeArrayBuffer(env, bytes, &memory);
  if (bytes > 0) std::memcpy(memory, data, bytes);
  napi_value array = nullptr;
  check(env, napi_create_typedarray(env, type, bytes / elementBytes(type), buffer, 0, &array));
  return array;
}

napi_value Call::argument(size_t index) const {
  if (index >= arguments.size()) throw JsError("too few arguments");
  return arguments[index];
}

Call readCall(napi_env env, napi_callback_info info) {
  Call call;
  size_t count = 8;
  call.arguments.resize(count);
  check(env, napi_get_cb_info(env, info, &count, call.arguments.data(), &call.self, nullptr));
  if (count < call.arguments.size()) call.arguments.resize(count);
  return call;
}

}  // namespace fusionlens::addon
