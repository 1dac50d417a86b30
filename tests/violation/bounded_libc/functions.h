// The functions that the layer bounded_libc watches, each called so that it accesses exactly as
// many bytes as it is told.
#ifndef BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_FUNCTIONS_H_
#define BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_FUNCTIONS_H_

#include <stddef.h>

namespace test {

// What a function reads besides its arguments.
enum class Source {
  kNone,
  kMemory,  // as many bytes as it is told
  kString,  // up to the terminator
};

// What it does before it writes.
enum class Target {
  kOverwritten,
  kExtended,  // looks for the end of the string that is there
};

struct Function {
  const char* name;
  Source source;
  Target target;
  size_t unit;   // bytes of an element
  bool counted;  // is told how many: none is possible
  // Calls the function at `entry`: it shall write `bytes` bytes to `to` and read as many from
  // `from`.
  void (*call)(void* entry, char* to, const char* from, size_t bytes);
};

// What is needed for the calls and allocates: before anything is freed.
void OpenFiles();

extern const Function kFunctions[];
extern const size_t kFunctionCount;

}  // namespace test

#endif  // BARTIZAN_TESTS_VIOLATION_BOUNDED_LIBC_FUNCTIONS_H_
