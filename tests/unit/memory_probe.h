// Whether memory can be read and written, asked of the kernel: nothing faults, and no sanitizer
// looks on.
#ifndef BARTIZAN_TESTS_UNIT_MEMORY_PROBE_H_
#define BARTIZAN_TESTS_UNIT_MEMORY_PROBE_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/platform/address_plan.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"
#include "src/platform/syscall.h"

namespace bartizan {

class MemoryProbe {
 public:
  MemoryProbe() {
    if (pipe2(ends_, O_NONBLOCK | O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  ~MemoryProbe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  MemoryProbe(const MemoryProbe&) = delete;
  MemoryProbe& operator=(const MemoryProbe&) = delete;

  bool Readable(uintptr_t address) const {
    if (platform::Syscall(SYS_write, ends_[1], address, 1) != 1) return false;
    char byte;
    platform::Syscall(SYS_read, ends_[0], &byte, 1);
    return true;
  }
  // The byte keeps its value.
  bool Writable(uintptr_t address) const {
    if (platform::Syscall(SYS_write, ends_[1], address, 1) != 1) return false;
    if (platform::Syscall(SYS_read, ends_[0], address, 1) == 1) return true;
    char byte;
    platform::Syscall(SYS_read, ends_[0], &byte, 1);
    return false;
  }
  // Of a range of pages: none of them, all of them.
  bool Inaccessible(uintptr_t begin, size_t bytes) const {
    for (size_t at = 0; at < bytes; at += platform::kPageBytes) {
      if (Readable(begin + at) || Readable(begin + at + platform::kPageBytes - 1)) return false;
    }
    return true;
  }
  bool Accessible(uintptr_t begin, size_t bytes) const {
    for (size_t at = 0; at < bytes; at += platform::kPageBytes) {
      if (!Writable(begin + at) || !Writable(begin + at + platform::kPageBytes - 1)) return false;
    }
    return true;
  }

 private:
  int ends_[2];
};

// Address space at a random place in which nothing is mapped (or nothing but an inaccessible
// reservation that claims replace, where addresses cannot be chosen).
inline uintptr_t UnusedRange(size_t bytes) {
  for (;;) {
    uint64_t random;
    platform::FillRandom(&random, sizeof random);
    const uintptr_t place = platform::ChoosePlace(bytes, random);
    if (!platform::kChoosesAddresses) return place;
    // Somebody may be there: it is tried out.
    if (platform::ClaimAt(place, bytes, platform::Access::kNone) != platform::Claim::kDone)
      continue;
    platform::Release(place, bytes);
    return place;
  }
}

// How many of the pages are in memory, or SIZE_MAX when the kernel does not tell.
inline size_t ResidentPageCount(uintptr_t begin, size_t bytes) {
  std::vector<unsigned char> pages(bytes / platform::kPageBytes);
  if (!platform::ResidentPages(begin, bytes, pages.data())) return SIZE_MAX;
  size_t count = 0;
  for (unsigned char page : pages) count += page & 1;
  return count;
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_MEMORY_PROBE_H_
