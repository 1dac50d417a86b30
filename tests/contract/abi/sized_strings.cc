// strlcpy and strlcat, where they are: POSIX.1-2024.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"

namespace {

using Sized = size_t(char*, const char*, size_t);

void TryCopies(Sized* copy) {
  for (size_t length = 0; length < 20; ++length) {
    for (size_t size = 0; size < 24; ++size) {
      char from[32] = "";
      memset(from, 'a', length);
      char* to = test::Opaque(static_cast<char*>(malloc(24)));
      memset(to, 'x', 24);
      EXPECT(copy(to, from, size) == length, "strlcpy(%zu of %zu)", length, size);
      const size_t copied = size == 0 ? 0 : length < size ? length : size - 1;
      EXPECT(memcmp(to, from, copied) == 0, "strlcpy(%zu of %zu)", length, size);
      EXPECT(size == 0 || to[copied] == '\0', "strlcpy(%zu of %zu) has no end", length, size);
      EXPECT(to[size == 0         ? 0
                : copied + 1 < 24 ? copied + 1
                                  : 23] == (copied < 23 ? 'x' : '\0'),
             "strlcpy(%zu of %zu) wrote too much", length, size);
      free(to);
    }
  }
}

void TryConcatenations(Sized* concatenate) {
  for (size_t before = 0; before < 10; ++before) {
    for (size_t length = 0; length < 10; ++length) {
      for (size_t size = 0; size < 24; ++size) {
        char from[32] = "";
        memset(from, 'b', length);
        char* to = test::Opaque(static_cast<char*>(malloc(24)));
        memset(to, 'x', 24);
        memset(to, 'a', before);
        to[before] = '\0';
        const size_t seen = before < size ? before : size;
        EXPECT(concatenate(to, from, size) == seen + length, "strlcat(%zu, %zu, %zu)", before,
               length, size);
        const size_t whole = before + length;
        const size_t end = before >= size ? before : whole < size ? whole : size - 1;
        EXPECT(strlen(to) == end, "strlcat(%zu, %zu, %zu): %zu", before, length, size, strlen(to));
        EXPECT(to[end + 1] == 'x', "strlcat(%zu, %zu, %zu) wrote too much", before, length, size);
        free(to);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  auto* copy = reinterpret_cast<Sized*>(dlsym(RTLD_DEFAULT, "strlcpy"));
  auto* concatenate = reinterpret_cast<Sized*>(dlsym(RTLD_DEFAULT, "strlcat"));
  if (copy == nullptr || concatenate == nullptr) test::Skip("there is no strlcpy here");
  TryCopies(copy);
  TryConcatenations(concatenate);
  return 0;
}
