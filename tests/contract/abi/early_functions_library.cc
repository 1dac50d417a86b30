// Calls every function that bounded_libc watches in a constructor that runs before those of
// preloaded libraries, and keeps what they wrote.
#include "tests/contract/abi/early_functions_library.h"

#include <dlfcn.h>
#include <string.h>

namespace test {
namespace {

Written g_early[kMostFunctions];

void UseAll() {
  OpenFiles();
  for (size_t i = 0; i < kFunctionCount; ++i) g_early[i] = WrittenBy(kFunctions[i]);
}
[[gnu::constructor(101)]] void OnLoad() { UseAll(); }

}  // namespace

Written WrittenBy(const Function& function) {
  Written written = {};
  void* const entry = dlsym(RTLD_DEFAULT, function.name);
  written.exists = entry != nullptr;
  if (!written.exists) return written;
  alignas(wchar_t) char from[kWrittenBytes] = {};
  for (size_t i = 0; i < kTold; i += function.unit) from[i] = static_cast<char>('a' + i % 26);
  // A string of one character, for those that extend it.
  written.bytes[0] = 'x';
  function.call(entry, written.bytes, from, kTold);
  return written;
}

const Written& WrittenEarlyBy(size_t index) { return g_early[index]; }

}  // namespace test
