// Looks at what blocks hold that were just allocated, and those that were freed, with `fill` and
// `fill_freed`.
//
// usage: filled FRESH FREED|unmapped
// Both in hexadecimal, eight bytes each. Says what is wrong, a line each; ends with 1 then.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace {

constexpr size_t kSizes[] = {1, 7, 8, 24, 100, 129, 1000, 5000, 20000, 100000, 300000, 3000000};
constexpr int kRounds = 300;  // until freed memory has come back

bool failed = false;

// One byte at a time, past every function that a layer watches.
bool Holds(const void* block, size_t from, size_t to, uint64_t pattern) {
  const auto* const bytes = static_cast<const volatile unsigned char*>(block);
  for (size_t i = from; i < to; ++i) {
    if (bytes[i] != static_cast<unsigned char>(pattern >> (8 * (i % 8)))) return false;
  }
  return true;
}

void Expect(bool right, const char* what, size_t size) {
  if (right) return;
  printf("%s of %zu bytes\n", what, size);
  failed = true;
}

void* Opaque(void* block) {
  asm volatile("" : "+r"(block) : : "memory");
  return block;
}

void Check(size_t size, uint64_t fresh, bool reads_freed, uint64_t freed) {
  void* block = Opaque(malloc(size));
  Expect(Holds(block, 0, size, fresh), "malloc", size);
  memset(block, 0x11, size);
  block = Opaque(realloc(block, size + size / 4));
  Expect(Holds(block, 0, size, 0x1111111111111111), "what realloc keeps", size);
  Expect(Holds(block, size, size + size / 4, fresh), "what realloc adds", size);
  memset(block, 0x22, size + size / 4);
  block = Opaque(realloc(block, size));
  block = Opaque(realloc(block, size + 1));
  Expect(Holds(block, size, size + 1, fresh), "what a second realloc adds", size);
  free(block);
  if (reads_freed) Expect(Holds(block, 0, size, freed), "a freed block", size);

  void* const zeroed = Opaque(calloc(1, size));
  Expect(Holds(zeroed, 0, size, 0), "calloc", size);
  memset(zeroed, 0x33, size);
  free(zeroed);
  void* const aligned = Opaque(memalign(64, size));
  Expect(Holds(aligned, 0, size, fresh), "memalign", size);
  free(aligned);
  char* const object = static_cast<char*>(Opaque(new char[size]));
  Expect(Holds(object, 0, size, fresh), "new", size);
  delete[] object;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const uint64_t fresh = strtoull(argv[1], nullptr, 16);
  const bool reads_freed = strcmp(argv[2], "unmapped") != 0;
  const uint64_t freed = strtoull(argv[2], nullptr, 16);
  for (const size_t size : kSizes) {
    const int rounds = size < 10000 ? kRounds : 20;
    for (int i = 0; i < rounds && !failed; ++i) {
      // What large blocks lie in is unmapped, or kept as zeros.
      Check(size, fresh, reads_freed && size < 100000, freed);
    }
  }
  return failed ? 1 : 0;
}
