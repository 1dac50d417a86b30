/* The fuzz target, as every fuzzing engine wants it. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/example/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parse_message(data, size);
  return 0;
}
