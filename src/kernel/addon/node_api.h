// Node-API. Every file of the addon takes it from here.
//
// On Linux and macOS the addon's references to it are bound to the program that loads the addon. Windows binds them to
// a program's file name, but the host may be any program that embeds Node.js: node.exe for the command line, Code.exe in
// VS Code. So there the functions are looked up in the running program; within the namespace their pointers hide the
// functions of the same names, and neither an import library nor delayed loading is needed.
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#if defined(_WIN32)

/** The functions that the addon calls. One that is missing here is an undefined symbol when linking. */
#define FUSIONLENS_NODE_API(X)   \
  X(napi_check_object_type_tag)  \
  X(napi_create_array)           \
  X(napi_create_array_with_length) \
  X(napi_create_double)          \
  X(napi_create_function)        \
  X(napi_create_object)          \
  X(napi_create_string_utf8)     \
  X(napi_create_typedarray)      \
  X(napi_define_class)           \
  X(napi_get_array_length)       \
  X(napi_get_arraybuffer_info)   \
  X(napi_get_cb_info)            \
  X(napi_get_element)            \
  X(napi_get_global)             \
  X(napi_get_last_error_info)    \
  X(napi_get_named_property)     \
  X(napi_get_typedarray_info)    \
  X(napi_get_undefined)          \
  X(napi_get_value_bool)         \
  X(napi_get_value_double)       \
  X(napi_get_value_string_utf8)  \
  X(napi_has_named_property)     \
  X(napi_is_array)               \
  X(napi_is_exception_pending)   \
  X(napi_is_typedarray)          \
  X(napi_new_instance)           \
  X(napi_set_element)            \
  X(napi_set_named_property)     \
  X(napi_throw_error)            \
  X(napi_type_tag_object)        \
  X(napi_typeof)                 \
  X(napi_unwrap)                 \
  X(napi_wrap)

namespace fusionlens::addon {

#define FUSIONLENS_DECLARE(name) extern decltype(&::name) const name;
FUSIONLENS_NODE_API(FUSIONLENS_DECLARE)
#undef FUSIONLENS_DECLARE

}  // namespace fusionlens::addon

#endif
