// What is known of the memory that the allocator under test has.
#ifndef BARTIZAN_FUZZ_HARNESS_MEMORY_H_
#define BARTIZAN_FUZZ_HARNESS_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace fuzz {

class Memory {
 public:
  // Whether all of the range is the allocator's, as far as anybody knows.
  virtual bool Covers(uintptr_t begin, size_t bytes) const = 0;
  virtual bool IsGuard(uintptr_t begin, size_t bytes) const = 0;

 protected:
  ~Memory() = default;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_MEMORY_H_
