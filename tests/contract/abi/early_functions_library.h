// What the functions of bounded_libc write, early and late.
#ifndef BARTIZAN_TESTS_CONTRACT_ABI_EARLY_FUNCTIONS_LIBRARY_H_
#define BARTIZAN_TESTS_CONTRACT_ABI_EARLY_FUNCTIONS_LIBRARY_H_

#include <stddef.h>

#include "tests/violation/bounded_libc/functions.h"

namespace test {

inline constexpr size_t kMostFunctions = 100;
// Room for a path; what the functions are told is less.
inline constexpr size_t kWrittenBytes = 4096;
inline constexpr size_t kTold = 256;

struct Written {
  bool exists;
  alignas(wchar_t) char bytes[kWrittenBytes];
};

[[gnu::visibility("default")]] Written WrittenBy(const Function& function);
// By the function of that index in kFunctions, before any preloaded library was ready.
[[gnu::visibility("default")]] const Written& WrittenEarlyBy(size_t index);

}  // namespace test

#endif  // BARTIZAN_TESTS_CONTRACT_ABI_EARLY_FUNCTIONS_LIBRARY_H_
