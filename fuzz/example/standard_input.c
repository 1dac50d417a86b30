/* A program around the fuzz target that takes one message from standard input: for AFL++ without
 * persistent mode, and for a look at one input without any fuzzing engine. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(void) {
  static uint8_t message[4096];
  return LLVMFuzzerTestOneInput(message, fread(message, 1, sizeof message, stdin));
}
