// Small facts about the process and the kernel from /proc, read without allocating.
#ifndef BARTIZAN_TESTS_SUPPORT_PROCESS_MEMORY_H_
#define BARTIZAN_TESTS_SUPPORT_PROCESS_MEMORY_H_

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"

namespace test {

// Reads the beginning of a file as a string; false when it cannot be opened.
template <size_t kSize>
bool ReadSmallFile(const char* path, char (&text)[kSize]) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t size = read(file, text, kSize - 1);
  close(file);
  if (size < 0) return false;
  text[size] = '\0';
  return true;
}

inline uint64_t NumberIn(const char* path, uint64_t otherwise) {
  char text[64];
  return ReadSmallFile(path, text) ? strtoull(text, nullptr, 10) : otherwise;
}

inline size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Column `column` of /proc/self/statm in bytes: 0 is the address space, 1 is resident.
inline uint64_t Statm(int column) {
  char text[128];
  EXPECT(ReadSmallFile("/proc/self/statm", text), "/proc is not mounted");
  char* at = text;
  uint64_t pages = 0;
  for (int i = 0; i <= column; ++i) pages = strtoull(at, &at, 10);
  return pages * PageSize();
}

inline uint64_t ResidentBytes() { return Statm(1); }

inline uint64_t MaxMappings() { return NumberIn("/proc/sys/vm/max_map_count", 65530); }

inline double Mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_PROCESS_MEMORY_H_
