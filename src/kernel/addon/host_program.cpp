// On Windows the addon imports Node-API from "NODE.EXE", but the host may be any program that embeds Node.js, such as
// VS Code. This hook of the delay-load mechanism gives it the running program instead.
#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <delayimp.h>
#include <string.h>

static FARPROC WINAPI useRunningProgram(unsigned int event, DelayLoadInfo* info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "NODE.EXE") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(GetModuleHandleW(nullptr));
}

extern "C" const PfnDliHook __pfnDliNotifyHook2 = useRunningProgram;

#endif
