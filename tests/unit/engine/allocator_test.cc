// The whole allocator by one thread, once per profile: what C promises, and what blocks hold.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "src/metadata/size_classes.h"
#include "tests/support/pattern.h"
#include "tests/support/random.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

uintptr_t AddressOf(const void* block) { return reinterpret_cast<uintptr_t>(block); }

// Every size a slot serves and some beyond, denser where the classes are.
std::vector<size_t> Sizes() {
  std::vector<size_t> sizes;
  for (size_t n = 1; n <= 2 * kMiB; n += n < 3000 ? 1 : n / 100) sizes.push_back(n);
  for (ClassId id = 1; id < kClasses; ++id) {
    for (size_t n : {kClassBytes[id] - 9, kClassBytes[id] - 8, kClassBytes[id] - 7,
                     kClassBytes[id] - 1, kClassBytes[id], kClassBytes[id] + 1}) {
      sizes.push_back(n);
    }
  }
  return sizes;
}

TEST(Allocator, ServesEverySize) {
  for (size_t bytes : Sizes()) {
    void* block = bartizan_malloc(bytes);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(IsAligned(AddressOf(block), 16));
    ASSERT_EQ(bartizan_usable_size(block), bytes);
    test::FillSparse(block, bytes, bytes);
    test::CheckSparse("block", block, bytes, bytes);
    bartizan_free(block);
  }
}

TEST(Allocator, ServesEveryAlignment) {
  for (size_t alignment = 1; alignment <= 8 * kMiB; alignment *= 2) {
    for (size_t bytes : {size_t{0}, size_t{1}, alignment - 1, alignment, alignment + 1,
                         3 * alignment / 2, size_t{1000}, 200 * kKiB}) {
      void* block = bartizan_aligned_alloc(alignment, bytes);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(IsAligned(AddressOf(block), alignment)) << alignment << ", " << bytes;
      ASSERT_TRUE(IsAligned(AddressOf(block), 16));
      ASSERT_GE(bartizan_usable_size(block), bytes);
      test::FillSparse(block, bytes, 1);
      bartizan_free(block);
    }
  }
}

TEST(Allocator, BlocksOfNothingAreUniqueAndCannotBeTouched) {
  const MemoryProbe probe;
  std::set<void*> blocks;
  for (int i = 0; i < 10000; ++i) {
    void* block = bartizan_malloc(0);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(blocks.insert(block).second);
    ASSERT_EQ(bartizan_usable_size(block), 0u);
    if (i % 100 == 0) {
      ASSERT_FALSE(probe.Readable(AddressOf(block)));
    }
  }
  for (void* block : blocks) bartizan_free(block);
  void* block = bartizan_realloc(bartizan_malloc(0), 100);
  ASSERT_NE(block, nullptr);
  test::FillSparse(block, 100, 1);
  EXPECT_EQ(bartizan_realloc(block, 0), nullptr);
}

TEST(Allocator, MemoryFromCallocIsZero) {
  for (int round = 0; round < 3; ++round) {
    for (size_t bytes : Sizes()) {
      if (bytes > 3000 && round > 0 && bytes % 5 != 0) continue;
      void* block = bartizan_calloc(1, bytes);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(test::AllBytesAre(block, bytes, 0)) << bytes;
      std::memset(block, 0xff, bytes);
      bartizan_free(block);
    }
  }
}

TEST(Allocator, ProductsAreChecked) {
  for (const auto& [count, bytes] : {std::pair{SIZE_MAX / 2, size_t{3}},
                                     {SIZE_MAX, SIZE_MAX},
                                     {size_t{1} << 32, size_t{1} << 32},
                                     {size_t{2}, kMaxRequest}}) {
    errno = 0;
    EXPECT_EQ(bartizan_calloc(count, bytes), nullptr);
    EXPECT_EQ(errno, ENOMEM);
  }
  void* block = bartizan_calloc(0, SIZE_MAX);
  EXPECT_NE(block, nullptr);
  bartizan_free(block);
}

TEST(Allocator, ImpossibleSizesAreRefused) {
  void* block = bartizan_malloc(100);
  test::FillSparse(block, 100, 1);
  for (size_t bytes : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX - 65536,
                       kMaxRequest + 1, kMaxRequest, kMaxRequest - 4096, size_t{1} << 60}) {
    errno = 0;
    EXPECT_EQ(bartizan_malloc(bytes), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_EQ(bartizan_calloc(1, bytes), nullptr);
    EXPECT_EQ(bartizan_aligned_alloc(16, bytes), nullptr);
    EXPECT_EQ(bartizan_aligned_alloc(4096, bytes), nullptr);
    for (int shift : {40, 47, 62, 63}) {
      EXPECT_EQ(bartizan_aligned_alloc(size_t{1} << shift, bytes), nullptr) << shift;
    }
    EXPECT_EQ(bartizan_realloc(block, bytes), nullptr);
    test::CheckSparse("block that could not grow", block, 100, 1);
  }
  // Added to any size, it may be more than a size can hold.
  for (size_t bytes : {size_t{1}, size_t{100}, size_t{1} << 20, size_t{1} << 46}) {
    for (int shift : {47, 62, 63}) {
      EXPECT_EQ(bartizan_aligned_alloc(size_t{1} << shift, bytes), nullptr)
          << bytes << " " << shift;
    }
  }
  bartizan_free(block);
}

TEST(Allocator, ErrnoIsTheProgramsOwn) {
  errno = 4711;
  for (size_t bytes : {size_t{0}, size_t{10}, size_t{5000}, kMiB, 10 * kMiB}) {
    void* block = bartizan_malloc(bytes);
    bartizan_usable_size(block);
    bartizan_free(bartizan_realloc(block, bytes + 100));
    bartizan_free(bartizan_calloc(1, bytes));
  }
  EXPECT_EQ(errno, 4711);
}

TEST(Allocator, ReallocKeepsTheCommonPart) {
  test::Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const size_t before = random.Logarithmic(1, kMiB);
    const size_t after = random.OneIn(2) ? random.Logarithmic(1, kMiB)
                                         : before + random.Below(40) - (before > 20 ? 20 : 0) + 1;
    void* block = random.OneIn(4) ? bartizan_aligned_alloc(64, before) : bartizan_malloc(before);
    test::FillSparse(block, before, 1);
    block = bartizan_realloc(block, after);
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(bartizan_usable_size(block), after);
    test::CheckPrefix("reallocated block", block, std::min(before, after), before, 1);
    test::FillSparse(block, after, 2);
    bartizan_free(block);
  }
  void* block = bartizan_realloc(nullptr, 10);
  EXPECT_EQ(bartizan_usable_size(block), 10u);
  bartizan_free(block);
}

// A block that grows by a byte at a time stays where it is most of the time.
TEST(Allocator, ReallocMovesSeldom) {
  void* block = bartizan_malloc(1);
  int moves = 0;
  for (size_t bytes = 2; bytes <= 20000; ++bytes) {
    void* moved = bartizan_realloc(block, bytes);
    moves += moved != block;
    block = moved;
  }
  bartizan_free(block);
  EXPECT_LT(moves, 60) << "about one per size class";
}

// --- Against a list of what is live -------------------------------------------------------------

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}
  ~Model() {
    while (!live_.empty()) Free(live_.begin());
  }

  void Step() {
    const bool grows = steps_++ / 2000 % 2 == 0;
    if (live_.empty() || random_.Below(10) < (grows ? 6u : 3u)) {
      Allocate();
      return;
    }
    // Anywhere in the address space, which favours large blocks, or one of the lowest.
    const uintptr_t address = random_.Below(AddressOf(live_.rbegin()->first));
    const auto entry =
        live_.lower_bound(random_.OneIn(2) ? nullptr : reinterpret_cast<char*>(address));
    random_.OneIn(5) ? Resize(entry) : Free(entry);
  }

 private:
  struct Block {
    size_t bytes;
    uint64_t seed;
  };
  using Entry = std::map<char*, Block>::iterator;

  size_t SomeSize() {
    if (random_.OneIn(200)) return random_.Logarithmic(64 * kKiB, kMiB);
    return random_.OneIn(10) ? random_.Logarithmic(1, 64 * kKiB) : random_.Logarithmic(1, 1000);
  }
  void Allocate() {
    const size_t bytes = SomeSize();
    char* block;
    if (random_.OneIn(8)) {
      block = static_cast<char*>(bartizan_calloc(1, bytes));
      ASSERT_TRUE(test::AllBytesAre(block, bytes, 0)) << bytes;
    } else if (random_.OneIn(8)) {
      block = static_cast<char*>(bartizan_aligned_alloc(size_t{16} << random_.Below(9), bytes));
    } else {
      block = static_cast<char*>(bartizan_malloc(bytes));
    }
    Enter(block, bytes);
  }
  void Resize(Entry entry) {
    const size_t bytes = SomeSize();
    const Block old = entry->second;
    auto* block = static_cast<char*>(bartizan_realloc(entry->first, bytes));
    live_.erase(entry);
    test::CheckPrefix("resized block", block, std::min(old.bytes, bytes), old.bytes, old.seed);
    Enter(block, bytes);
  }
  void Free(Entry entry) {
    test::CheckSparse("block", entry->first, entry->second.bytes, entry->second.seed);
    bartizan_free(entry->first);
    live_.erase(entry);
  }
  void Enter(char* block, size_t bytes) {
    ASSERT_NE(block, nullptr);
    const auto after = live_.lower_bound(block);
    if (after != live_.end()) {
      ASSERT_LE(block + bytes, after->first) << "overlaps";
    }
    if (after != live_.begin()) {
      ASSERT_LE(std::prev(after)->first + std::prev(after)->second.bytes, block) << "overlaps";
    }
    const uint64_t seed = random_.Next();
    test::FillSparse(block, bytes, seed);
    live_[block] = {bytes, seed};
  }

  test::Random random_;
  std::map<char*, Block> live_;
  uint64_t steps_ = 0;
};

TEST(Allocator, LiveBlocksNeverOverlapAndKeepWhatTheyHold) {
  Model model(1);
  for (int i = 0; i < 60000; ++i) {
    model.Step();
    ASSERT_FALSE(testing::Test::HasFailure()) << "step " << i;
  }
}

}  // namespace
}  // namespace bartizan
