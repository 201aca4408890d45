// JavaScript values and C++ values. Every function throws `JsError` (or leaves a JavaScript exception pending and
// throws `PendingException`) where a value isn't what it should be.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "node_api.h"

namespace fusionlens::addon {

/** Becomes a JavaScript `Error` with this message. */
class JsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** A JavaScript exception is already pending. */
class PendingException {};

/** Throws where a Node-API call failed. */
void check(napi_env env, napi_status status);

napi_value undefined(napi_env env);
napi_value makeString(napi_env env, const std::string& value);
napi_value makeNumber(napi_env env, double value);
napi_value makeNumbers(napi_env env, const std::vector<int64_t>& values);
napi_value makeObject(napi_env env);
void setProperty(napi_env env, napi_value object, const char* name, napi_value value);

bool isPresent(napi_env env, napi_value object, const char* name);
/** The property, which must be there. */
napi_value getProperty(napi_env env, napi_value object, const char* name);
void demandObject(napi_env env, napi_value value, const char* what);

std::string toString(napi_env env, napi_value value, const char* what);
double toNumber(napi_env env, napi_value value, const char* what);
bool toBoolean(napi_env env, napi_value value, const char* what);
/** An integer of at most 2^53 − 1 in absolute value. */
int64_t toInteger(napi_env env, napi_value value, const char* what);
std::vector<int64_t> toIntegers(napi_env env, napi_value value, const char* what);

/** A view on a typed array's memory, valid while the caller's arguments are. */
struct TypedArray {
  napi_typedarray_type type;
  void* data;
  size_t length;
  size_t bytes;
};
TypedArray toTypedArray(napi_env env, napi_value value, const char* what);

struct Floats {
  float* data;
  size_t length;
};
/** A Float32Array of exactly `length` elements. */
Floats toFloats(napi_env env, napi_value value, size_t length, const char* what);

/** `new ArrayBuffer(bytes)` and its memory. Throws where there is not enough memory, which Node-API's own would not. */
napi_value makeArrayBuffer(napi_env env, size_t bytes, void** memory);
/** A new typed array with a copy of `bytes` bytes. */
napi_value makeTypedArray(napi_env env, napi_typedarray_type type, const void* data, size_t bytes);
size_t elementBytes(napi_typedarray_type type);

/** The arguments of a call, and what `this` wraps. */
struct Call {
  std::vector<napi_value> arguments;
  napi_value self = nullptr;
  napi_value argument(size_t index) const;
};
Call readCall(napi_env env, napi_callback_info info);

/** Runs `body`; what it throws becomes a JavaScript exception. */
template <typename Body>
napi_value guarded(napi_env env, Body&& body) {
  try {
    return body();
  } catch (const PendingException&) {
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, "There is not enough memory for this.");
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  } catch (...) {
    napi_throw_error(env, nullptr, "unknown error in the native kernel");
  }
  return nullptr;
}

/** The native object that `wrap` attached. `T::kTag` keeps objects of one class from being taken for another's. */
template <typename T>
T& unwrap(napi_env env, napi_value self) {
  bool tagged = false;
  void* object = nullptr;
  if (napi_check_object_type_tag(env, self, &T::kTag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(env, self, &object) != napi_ok || object == nullptr) {
    throw JsError("this method was called on the wrong kind of object");
  }
  return *static_cast<T*>(object);
}

template <typename T>
void wrap(napi_env env, napi_value self, T* object) {
  const napi_status status = napi_wrap(
      env, self, object, [](napi_env, void* data, void*) { delete static_cast<T*>(data); }, nullptr, nullptr);
  if (status != napi_ok) delete object;
  check(env, status);
  check(env, napi_type_tag_object(env, self, &T::kTag));
}

}  // namespace fusionlens::addon
