// Which addresses of this process are the preloaded allocator's, by elimination: all but what a
// file, the stack or the program's own variables have.
#ifndef BARTIZAN_FUZZ_PRELOADED_PROCESS_MEMORY_H_
#define BARTIZAN_FUZZ_PRELOADED_PROCESS_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace fuzz {

// The bytes from the address on that may be the heap's, at most `size`; 0: another's, or unmapped.
size_t HeapBytesAt(uintptr_t address, size_t size);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_PRELOADED_PROCESS_MEMORY_H_
