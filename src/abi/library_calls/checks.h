// Whether ranges stay in their blocks. Everything here may be called from signal handlers and in
// children of vfork, and leaves errno alone.
#ifndef BARTIZAN_SRC_ABI_LIBRARY_CALLS_CHECKS_H_
#define BARTIZAN_SRC_ABI_LIBRARY_CALLS_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/compiler.h"
#include "src/engine/memory_view.h"

namespace bartizan::library_calls {

enum class Access : bool { kReads, kWrites };

void CheckRangeSlow(std::string_view function, const void* begin, size_t bytes, Access access);

// Ends the process when [begin, begin + bytes) begins in our memory and is not part of a live
// block.
BARTIZAN_INLINE void CheckRange(std::string_view function, const void* begin, size_t bytes,
                                Access access) {
  if (!MayBeOurs(reinterpret_cast<uintptr_t>(begin)) || bytes == 0) return;
  CheckRangeSlow(function, begin, bytes, access);
}

// Where the address is no memory of ours, whatever follows it is none of our business.
constexpr size_t kNoBound = SIZE_MAX;

// Bytes from the address to the end of its block; 0 when it is in none, though in our memory.
size_t BytesLeft(const void* address);

// SIZE_MAX for what no size_t holds: no block is as large.
BARTIZAN_INLINE size_t Product(size_t count, size_t bytes) {
  size_t product;
  return __builtin_mul_overflow(count, bytes, &product) ? SIZE_MAX : product;
}

}  // namespace bartizan::library_calls

#endif  // BARTIZAN_SRC_ABI_LIBRARY_CALLS_CHECKS_H_
