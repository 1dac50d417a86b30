// The program uses up the number of mappings that the kernel allows a process: malloc of every size
// works or fails with ENOMEM, frees work, live data stays intact, and after the program gives its
// mappings back everything works again.
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/exhaust.h"
#include "tests/support/process_memory.h"
#include "tests/support/watchdog.h"
#include "tests/support/working_set.h"

namespace {

constexpr uint64_t kMostMappings = 1 << 20;

// One reservation whose pages alternate in protection is as many mappings as it has pages.
class Mappings {
 public:
  Mappings() : page_(test::PageSize()), size_(2 * (test::MaxMappings() + 100) * page_) {
    base_ = static_cast<char*>(
        mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    EXPECT(base_ != MAP_FAILED, "mmap: errno %d", errno);
  }

  // Returns how many mappings it made before the kernel refused.
  uint64_t Exhaust() {
    uint64_t made = 0;
    for (size_t at = 0; at < size_; at += 2 * page_) {
      if (mprotect(base_ + at, page_, PROT_READ) != 0) {
        EXPECT(errno == ENOMEM, "mprotect: errno %d", errno);
        refused_ = true;
        // A split takes two; one at the end of the reservation takes the last one.
        mprotect(base_ + size_ - page_, page_, PROT_READ);
        return made;
      }
      made += at == 0 ? 1 : 2;
    }
    return made;
  }

  bool Refused() const { return refused_; }
  void Return() { EXPECT(munmap(base_, size_) == 0, "munmap: errno %d", errno); }

 private:
  size_t page_;
  size_t size_;
  char* base_;
  bool refused_ = false;
};

// Blocks of every kind of size: small classes, the largest classes, large blocks, huge blocks.
void FillEverySize(test::Hoard& hoard, uint64_t seed, uint64_t& refused) {
  test::Random random(seed);
  for (size_t size = 24; size <= (256 << 20); size += size / 3 + 1) {
    for (int i = 0; i < 3; ++i) refused += hoard.Add(size + random.Below(8)) ? 0 : 1;
  }
}

void TryAlignments() {
  for (size_t alignment = 16; alignment <= (4 << 20); alignment *= 2) {
    errno = 0;
    void* block = test::Opaque(test::AlignedAlloc(alignment, 5000));
    EXPECT(block != nullptr || errno == ENOMEM, "memalign: errno %d", errno);
    EXPECT(reinterpret_cast<uintptr_t>(block) % alignment == 0, "%p is not aligned to %zu", block,
           alignment);
    if (block != nullptr) test::Fill(block, 5000, alignment);
    test::Free(block);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  if (test::MaxMappings() > kMostMappings) {
    test::Skip("vm.max_map_count is %llu here, too many to use up",
               static_cast<unsigned long long>(test::MaxMappings()));
  }
  test::Watchdog(200, "filling the heap");
  uint64_t refused = 0;
  test::Hoard before(test::Coverage::kEdges);
  FillEverySize(before, 1, refused);
  EXPECT(refused == 0, "%llu blocks were refused before any limit was reached",
         static_cast<unsigned long long>(refused));

  Mappings mappings;
  test::Hoard within(test::Coverage::kEdges);
  uint64_t made = mappings.Exhaust();
  EXPECT(mappings.Refused(), "the kernel let us make %llu mappings",
         static_cast<unsigned long long>(made));
  test::watchdog_phase = "allocating without mappings to spare";
  FillEverySize(within, 2, refused);
  TryAlignments();
  before.Check();
  within.Check();
  within.TryToGrow(2);
  before.ReleaseOneIn(3);
  FillEverySize(within, 3, refused);
  before.TryToGrow(3);
  before.Check();
  within.Check();
  within.ReleaseOneIn(2);
  before.ReleaseOneIn(2);
  before.Check();
  within.Check();

  test::watchdog_phase = "after the mappings were returned";
  mappings.Return();
  uint64_t refused_after = 0;
  FillEverySize(within, 4, refused_after);
  EXPECT(refused_after == 0, "%llu blocks were refused after the mappings were returned",
         static_cast<unsigned long long>(refused_after));
  before.Check();
  within.Check();
  before.ReleaseAll();
  within.ReleaseAll();
  test::Say("%llu mappings used up, %llu blocks refused meanwhile",
            static_cast<unsigned long long>(made), static_cast<unsigned long long>(refused));
  return 0;
}
