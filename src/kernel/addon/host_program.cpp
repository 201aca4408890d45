// See node_api.h.
#ifdef _WIN32

#include "node_api.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

namespace fusionlens::addon {
namespace {

template <typename Function>
Function findInHost(const char* name) {
  FARPROC found = GetProcAddress(GetModuleHandleW(nullptr), name);
  // Programs may have Node.js in a library of its own.
  const HMODULE library = found == nullptr ? GetModuleHandleW(L"libnode.dll") : nullptr;
  if (library != nullptr) found = GetProcAddress(library, name);
  // By way of a type without arguments, which compilers let be cast to any other.
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(found));
}

}  // namespace

#define FUSIONLENS_DEFINE(name) decltype(&::name) const name = findInHost<decltype(&::name)>(#name);
FUSIONLENS_NODE_API(FUSIONLENS_DEFINE)
#undef FUSIONLENS_DEFINE

}  // namespace fusionlens::addon

#endif
