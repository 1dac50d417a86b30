// Reading memory that may not be there, without a fault.
#ifndef BARTIZAN_SRC_PLATFORM_READABLE_MEMORY_H_
#define BARTIZAN_SRC_PLATFORM_READABLE_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "src/platform/memory.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {

// Whether the eight bytes at `address` can be read: the kernel looks at the new mask before it
// rejects the operation, and changes nothing. No sandbox refuses this call.
inline bool IsReadable(uintptr_t address) {
  constexpr int kNoOperation = -1;
  return Syscall(SYS_rt_sigprocmask, kNoOperation, address, nullptr, sizeof(uint64_t)) == -EINVAL;
}

// Asks the kernel once for each page, as long as the object lives: for memory that does not vanish
// meanwhile, such as the stack of the thread that reads.
class ReadableMemory {
 public:
  // The page where the object lies can be read: on a stack that is read, it spares most questions.
  ReadableMemory() {
    const uintptr_t page = reinterpret_cast<uintptr_t>(this) / kPageBytes;
    pages_[page % kPages] = page;
  }

  // False: there is nothing to read, or `address` is not a multiple of eight.
  [[clang::no_sanitize("address", "thread", "memory")]] bool Read(uintptr_t address,
                                                                  uintptr_t* word) {
    if (address % sizeof(uintptr_t) != 0 || !CanRead(address)) return false;
    *word = *reinterpret_cast<const volatile uintptr_t*>(address);
    return true;
  }

  bool CanRead(uintptr_t address) {
    const uintptr_t page = address / kPageBytes;
    uintptr_t& known = pages_[page % kPages];
    // The first page is nobody's, and stands for none here.
    if (page == 0) return false;
    if (known == page) return true;
    if (!IsReadable(page * kPageBytes)) return false;
    known = page;
    return true;
  }

 private:
  static constexpr size_t kPages = 8;
  uintptr_t pages_[kPages] = {};
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_READABLE_MEMORY_H_
