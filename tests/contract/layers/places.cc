// Prints where blocks lie, for the tests beside it to judge over many processes.
//
// usage: places SIZE
// One line: the address of the first block of the size; the distances, in bytes, of the next eight
// from the one before each; the address of the first block of another size.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const size_t size = strtoul(argv[1], nullptr, 10);
  const auto first = reinterpret_cast<uintptr_t>(malloc(size));
  uintptr_t before = first;
  printf("%#zx", first);
  for (int i = 0; i < 8; ++i) {
    const auto next = reinterpret_cast<uintptr_t>(malloc(size));
    printf(" %zd", static_cast<ssize_t>(next - before));
    before = next;
  }
  printf(" %#zx\n", reinterpret_cast<uintptr_t>(malloc(size * 3)));
  return 0;
}
