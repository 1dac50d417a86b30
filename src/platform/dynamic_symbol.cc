#include "src/platform/dynamic_symbol.h"

#include <dlfcn.h>

// Before glibc 2.34 these live in libdl, which may not be loaded: weak, of the version both have.
#if defined(__x86_64__) && defined(__GLIBC__)
extern "C" {
[[gnu::weak]] void* bartizan_dlopen(const char*, int);
[[gnu::weak]] void* bartizan_dlsym(void*, const char*);
[[gnu::weak]] char* bartizan_dlerror();
}
asm(".symver bartizan_dlopen, dlopen@GLIBC_2.2.5");
asm(".symver bartizan_dlsym, dlsym@GLIBC_2.2.5");
asm(".symver bartizan_dlerror, dlerror@GLIBC_2.2.5");
#else
#define bartizan_dlopen dlopen
#define bartizan_dlsym dlsym
#define bartizan_dlerror dlerror
#endif

namespace bartizan::platform {

void* SymbolOfLoadedLibrary(const char* library, const char* symbol) {
  if (&bartizan_dlopen == nullptr || &bartizan_dlsym == nullptr) return nullptr;
  void* handle = bartizan_dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  return handle == nullptr ? nullptr : bartizan_dlsym(handle, symbol);
}

void* SymbolBehindUs(const char* symbol) {
  if (&bartizan_dlsym == nullptr || &bartizan_dlerror == nullptr) return nullptr;
  void* address = bartizan_dlsym(RTLD_NEXT, symbol);
  // A library that is found after the C library, or was loaded late, has nothing behind it.
  if (address == nullptr) address = SymbolOfLoadedLibrary("libc.so.6", symbol);
  // The program's own dlerror() shall not tell of our failures.
  if (address == nullptr) bartizan_dlerror();
  return address;
}

}  // namespace bartizan::platform
