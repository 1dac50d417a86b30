#include "fuzz/harness/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace fuzz {

void Found(const char* file, int line, const char* condition, const char* format, ...) {
  char message[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  fprintf(stderr, "fuzz: found: %s:%d: expected %s: %s\n", file, line, condition, message);
  fflush(stderr);
  abort();
}

}  // namespace fuzz
