// Which library provides malloc in this process.
#ifndef BARTIZAN_TESTS_SUPPORT_ALLOCATOR_H_
#define BARTIZAN_TESTS_SUPPORT_ALLOCATOR_H_

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

namespace test {

// The path of the object that a function of this name resolves to; empty when there is none.
inline const char* ProviderOf(const char* name) {
  void* function = dlsym(RTLD_DEFAULT, name);
  Dl_info info = {};
  if (function == nullptr || dladdr(function, &info) == 0) return "";
  return info.dli_fname == nullptr ? "" : info.dli_fname;
}

inline const char* BaseName(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// True when malloc is Bartizan's: preloaded, or linked in.
inline bool UnderBartizan() {
  if (strncmp(BaseName(ProviderOf("malloc")), "libbartizan", 11) == 0) return true;
  return dlsym(RTLD_DEFAULT, "bartizan_version") != nullptr;
}

// True when malloc is the C library's own.
inline bool UnderGlibc() { return strncmp(BaseName(ProviderOf("malloc")), "libc.so", 7) == 0; }

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_ALLOCATOR_H_
