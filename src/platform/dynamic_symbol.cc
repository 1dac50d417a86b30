#include "src/platform/dynamic_symbol.h"

#include <dlfcn.h>

// Before glibc 2.34 these live in libdl, which may not be loaded: weak, of the version both have.
#if defined(__x86_64__) && defined(__GLIBC__)
extern "C" {
[[gnu::weak]] void* bartizan_dlopen(const char*, int);
[[gnu::weak]] void* bartizan_dlsym(void*, const char*);
}
asm(".symver bartizan_dlopen, dlopen@GLIBC_2.2.5");
asm(".symver bartizan_dlsym, dlsym@GLIBC_2.2.5");
#else
#define bartizan_dlopen dlopen
#define bartizan_dlsym dlsym
#endif

namespace bartizan::platform {

void* SymbolOfLoadedLibrary(const char* library, const char* symbol) {
  if (&bartizan_dlopen == nullptr || &bartizan_dlsym == nullptr) return nullptr;
  void* handle = bartizan_dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  return handle == nullptr ? nullptr : bartizan_dlsym(handle, symbol);
}

}  // namespace bartizan::platform
