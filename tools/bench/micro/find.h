// Functions that only the malloc which is preloaded may have.
#ifndef BARTIZAN_TOOLS_BENCH_MICRO_FIND_H_
#define BARTIZAN_TOOLS_BENCH_MICRO_FIND_H_

#include <dlfcn.h>

namespace bench {

template <typename Function>
bool Find(const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

}  // namespace bench

#endif  // BARTIZAN_TOOLS_BENCH_MICRO_FIND_H_
