#include "fuzz/preloaded/process_memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "fuzz/harness/check.h"

namespace fuzz {
namespace {

constexpr size_t kMostText = size_t{1} << 20;
char g_text[kMostText];

// Without a block of its own.
void ReadMaps() {
  const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  FUZZ_CHECK(file >= 0, "no /proc");
  size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < kMostText - 1; length += static_cast<size_t>(got)) {
    got = read(file, g_text + length, kMostText - 1 - length);
    if (got < 0) got = 0;
  }
  close(file);
  FUZZ_CHECK(length < kMostText - 1, "too many mappings");
  g_text[length] = '\0';
}

}  // namespace

size_t HeapBytesAt(uintptr_t address, size_t size) {
  ReadMaps();
  const uintptr_t variables = pthread_self();
  uintptr_t others_end = 0;  // of a run of mappings that begins with a file's
  for (char* line = g_text; *line != '\0';) {
    char* const end = std::strchr(line, '\n');
    *end = '\0';
    uintptr_t begin = 0;
    uintptr_t limit = 0;
    int name_at = 0;
    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %*s %n", &begin, &limit, &name_at);
    const bool named = line[name_at] != '\0';
    const bool others = named || begin == others_end || (variables >= begin && variables < limit);
    if (others) others_end = limit;
    if (address >= begin && address < limit) return others ? 0 : std::min(size, limit - address);
    line = end + 1;
  }
  return 0;
}

}  // namespace fuzz
