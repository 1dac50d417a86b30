// Frees of what is not a live block, in every profile: the engine's own detectors.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "src/api/embedded.h"
#include "tests/unit/engine/dying.h"
#include "tests/unit/engine/white_box.h"

namespace bartizan {
namespace {

const char kDebugger[] =
    "run under a debugger, or open the core dump: the caller of this function has the bug";
const char kSecondOwner[] = "look for a second owner of this pointer";
const char kFreedBefore[] = "the block was freed before";
const char kInsideLive[] = "the address is inside a live block, not its beginning";
const char kInsideFreed[] = "the address is inside a freed block, not its beginning";
const char kNeverHandedOut[] =
    "this address was never handed out, or its memory was given back since";
const char kForeign[] =
    "not a block of this allocator: the stack, a global, another allocator's memory, or a large "
    "block freed long ago";

// Of the first class, between classes, of the last class, and large ones.
constexpr std::array<size_t, 6> kSizes = {0, 16, 100, 5000, 131064, 300 * kKiB + 5};

char* Block(size_t bytes) { return static_cast<char*>(bartizan_malloc(bytes)); }

Report DoubleFree(const std::string& profile, size_t bytes) {
  return {.what = "double free",
          .detail = kFreedBefore,
          .advice = kSecondOwner,
          .slot_bytes = ClassBytesOf(profile, bytes)};
}
Report InvalidFree(const char* detail, long slot_bytes = -1, long requested = -1) {
  return {.what = "invalid free",
          .detail = detail,
          .advice = kDebugger,
          .slot_bytes = slot_bytes,
          .requested = requested};
}

class BadFreeDeathTest : public testing::TestWithParam<std::string> {
 protected:
  std::string options() const { return "profile=" + GetParam(); }
  void Expect(const Report& report, const std::function<void()>& fault) const {
    ExpectReport(options(), report, fault);
  }
};
INSTANTIATE_TEST_SUITE_P(Profiles, BadFreeDeathTest, testing::ValuesIn(ProfilesToTry()),
                         [](const auto& info) { return info.param; });

TEST_P(BadFreeDeathTest, WhatIsRightIsNotReported) {
  ExpectNoReport(options(), [] {
    for (int round = 0; round < 3; ++round) {
      for (size_t bytes : kSizes) {
        char* block = Block(bytes);
        if (bytes != 0) block[0] = block[bytes - 1] = 1;
        bartizan_free(block);
      }
      bartizan_free(nullptr);
    }
  });
}

TEST_P(BadFreeDeathTest, TwiceInARow) {
  for (size_t bytes : kSizes) {
    Expect(DoubleFree(GetParam(), bytes), [bytes] {
      char* block = Block(bytes);
      bartizan_free(block);
      bartizan_free(block);
    });
  }
}

// The slot went on: behind others in its ring or magazine, or back to its slab.
TEST_P(BadFreeDeathTest, TwiceWithOthersBetween) {
  for (size_t bytes : kSizes) {
    for (size_t others : {1, 10, 3000}) {
      if (bytes * others > 4 * kMiB) continue;  // slabs would be given back
      Expect(DoubleFree(GetParam(), bytes), [bytes, others] {
        std::vector<char*> blocks(others + 1);
        for (char*& block : blocks) block = Block(bytes);
        for (char* block : blocks) bartizan_free(block);
        bartizan_free(blocks[0]);
      });
    }
  }
}

// A freed block whose first word was overwritten is as freed as before.
TEST_P(BadFreeDeathTest, TwiceWithAWriteBetween) {
  for (size_t bytes : {size_t{16}, size_t{100}, size_t{5000}}) {
    Expect(DoubleFree(GetParam(), bytes), [bytes] {
      char* block = Block(bytes);
      bartizan_free(block);
      for (size_t i = 0; i < 16; ++i) block[i] = static_cast<char>(i + 1);
      bartizan_free(block);
    });
  }
}

TEST_P(BadFreeDeathTest, TwiceByDifferentThreads) {
  for (size_t bytes : kSizes) {
    Expect(DoubleFree(GetParam(), bytes), [bytes] {
      char* block = Block(bytes);
      std::thread([block] { bartizan_free(block); }).join();
      bartizan_free(block);
    });
    Expect(DoubleFree(GetParam(), bytes), [bytes] {
      char* block = Block(bytes);
      bartizan_free(block);
      std::thread([block] { bartizan_free(block); }).join();
    });
    Expect(DoubleFree(GetParam(), bytes), [bytes] {
      char* block = Block(bytes);
      std::thread([block] { bartizan_free(block); }).join();
      std::thread([block] { bartizan_free(block); }).join();
    });
  }
}

TEST_P(BadFreeDeathTest, InsideALiveBlock) {
  for (size_t bytes : kSizes) {
    // Within a granule of sixteen bytes, and at one.
    for (size_t inside : {size_t{1}, size_t{8}, size_t{16}, bytes / 2, bytes - 1}) {
      if (bytes == 0 || inside == 0 || inside >= bytes) continue;
      const long requested = static_cast<long>(bytes);
      Expect(InvalidFree(kInsideLive, ClassBytesOf(GetParam(), bytes), requested),
             [bytes, inside] { bartizan_free(Block(bytes) + inside); });
    }
  }
}

TEST_P(BadFreeDeathTest, InsideAFreedBlock) {
  for (size_t bytes : {size_t{100}, size_t{1024}, size_t{70000}}) {
    for (size_t inside : {size_t{8}, size_t{16}, bytes / 2}) {
      Expect(InvalidFree(kInsideFreed, ClassBytesOf(GetParam(), bytes)), [bytes, inside] {
        char* block = Block(bytes);
        bartizan_free(block);
        bartizan_free(block + inside);
      });
    }
  }
  Expect(DoubleFree(GetParam(), kMiB), [] {
    char* block = Block(kMiB);
    bartizan_free(block);
    bartizan_free(block + 16);
  });
}

TEST_P(BadFreeDeathTest, WhereNoBlockEverWas) {
  // The page at the end of a slab, and the last slot of a slab that was hardly used.
  for (size_t bytes : {size_t{16}, size_t{100}, size_t{5000}}) {
    const ClassId id = ClassOf(bytes + TrailerOf(GetParam()));
    const auto slab_of = [id](void* block) {
      return AlignDown(reinterpret_cast<uintptr_t>(block), SlabBytes(id));
    };
    for (uintptr_t offset : {SlabBytes(id) - 16, SlabBytes(id) - kSlabGuardBytes}) {
      Expect(InvalidFree(kNeverHandedOut, kClassBytes[id]),
             [=] { bartizan_free(reinterpret_cast<void*>(slab_of(Block(bytes)) + offset)); });
    }
    // A slot that waits in the magazine since it was carved, or one that was not even carved.
    Expect(InvalidFree(kNeverHandedOut, kClassBytes[id]), [=] {
      void* block = Block(bytes);
      const uintptr_t slab = slab_of(block);
      uintptr_t other = slab;
      while (!StateOf(BinFor(bytes), reinterpret_cast<void*>(other)).Load().IsUnused()) {
        other += kClassBytes[id];
      }
      bartizan_free(reinterpret_cast<void*>(other));
    });
  }
}

TEST_P(BadFreeDeathTest, ForeignMemory) {
  Expect(InvalidFree(kForeign), [] {
    Block(1);
    alignas(16) char on_stack[64];
    bartizan_free(on_stack);
  });
  Expect(InvalidFree(kForeign), [] {
    Block(1);
    alignas(16) static char global[64];
    bartizan_free(global);
  });
  Expect(InvalidFree(kForeign), [] {
    Block(1);
    bartizan_free(std::malloc(64));
  });
  for (uintptr_t address : {uintptr_t{8}, uintptr_t{16}, UINTPTR_MAX, UINTPTR_MAX - 15,
                            uintptr_t{1} << 63, uintptr_t{1} << 47}) {
    Expect(InvalidFree(kForeign), [address] {
      Block(1);
      bartizan_free(reinterpret_cast<void*>(address));
    });
  }
}

// The very first call of a process.
TEST_P(BadFreeDeathTest, BeforeAnythingWasAllocated) {
  Expect(InvalidFree(kForeign), [] {
    alignas(16) char on_stack[64];
    bartizan_free(on_stack);
  });
}

struct OtherUse {
  const char* name;
  void (*call)(void* block);
};
constexpr OtherUse kOtherUses[] = {
    {"realloc", [](void* block) { bartizan_realloc(block, 20); }},
    {"malloc_usable_size", [](void* block) { bartizan_usable_size(block); }},
};

// realloc in place and moving, and a question: no pointer is trusted without the same check.
TEST_P(BadFreeDeathTest, ByOtherFunctionsThanFree) {
  for (const OtherUse& use : kOtherUses) {
    for (size_t bytes : kSizes) {
      Expect({.what = std::string("use after free in ") + use.name,
              .detail = kFreedBefore,
              .advice = kSecondOwner,
              .slot_bytes = ClassBytesOf(GetParam(), bytes)},
             [bytes, use] {
               char* block = Block(bytes);
               bartizan_free(block);
               use.call(block);
             });
      if (bytes < 32) continue;
      Expect({.what = std::string("invalid ") + use.name,
              .detail = kInsideLive,
              .advice = kDebugger,
              .slot_bytes = ClassBytesOf(GetParam(), bytes),
              .requested = static_cast<long>(bytes)},
             [bytes, use] { use.call(Block(bytes) + 16); });
    }
    Expect({.what = std::string("invalid ") + use.name, .detail = kForeign, .advice = kDebugger},
           [use] {
             char on_stack[64];
             use.call(on_stack);
           });
  }
}

}  // namespace
}  // namespace bartizan
