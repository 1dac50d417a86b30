// What the layers detect, through the whole allocator: with the layer alone where it can stand
// alone, and in the profiles that have it.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>

#include "src/api/embedded.h"
#include "src/platform/address_plan.h"
#include "tests/unit/engine/dying.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

const char kOverwritten[] = "bytes right behind the block were overwritten";
const char kCheckBounds[] = "check every write to blocks of this size for its bound";
const char kWritten[] =
    "a free slot was written to after its block was freed, or beyond its end before";
const char kKeptPointers[] = "look for pointers kept after free to blocks of this size class";
const char kOtherSize[] = "sized deallocation names another size than was allocated";
const char kCompareTypes[] =
    "compare the types of the new and the delete expression; a polymorphic type needs a virtual "
    "destructor";
const char kCounterpart[] = "free the block with the counterpart of the function that made it";

char* Block(size_t bytes) { return static_cast<char*>(bartizan_malloc(bytes)); }

long SlotBytes(size_t requested) { return ClassBytesOf("hardened", requested); }

// --- canaries -----------------------------------------------------------------------------------

constexpr size_t kOverflown[] = {1, 8, 24, 100, 1000, 5000, 100000};
constexpr const char* kWithCanaries[] = {"profile=hardened", "profile=strict",
                                         "profile=fast:canaries"};

Report Overflow(size_t requested) {
  return {.what = "heap overflow",
          .detail = kOverwritten,
          .advice = kCheckBounds,
          .slot_bytes = SlotBytes(requested),
          .requested = static_cast<long>(requested)};
}

TEST(CanariesDeathTest, AByteBehindTheBlockIsSeenAtFree) {
  for (const char* options : kWithCanaries) {
    for (size_t bytes : kOverflown) {
      ExpectReport(options, Overflow(bytes), [bytes] {
        char* block = Block(bytes);
        block[bytes] ^= 1;
        bartizan_free(block);
      });
    }
  }
}

// A string that is one too long: nothing but its zero overflows.
TEST(CanariesDeathTest, AZeroBehindTheBlockIsSeen) {
  for (size_t bytes : kOverflown) {
    ExpectReport("profile=hardened", Overflow(bytes), [bytes] {
      char* block = Block(bytes);
      block[bytes] = '\0';
      bartizan_free(block);
    });
  }
}

TEST(CanariesDeathTest, EveryBitOfTheCanaryCounts) {
  for (size_t at = 0; at < 8; ++at) {
    for (int bit : {0, 7}) {
      ExpectReport("profile=hardened", Overflow(24), [at, bit] {
        char* block = Block(24);
        block[24 + at] = static_cast<char>(block[24 + at] ^ 1 << bit);
        bartizan_free(block);
      });
    }
  }
}

TEST(CanariesDeathTest, AnOverflowIsSeenAtRealloc) {
  for (size_t bytes : kOverflown) {
    if (bytes < 8) continue;
    // In its slot, and to another.
    for (size_t resized : {bytes - 1, 3 * bytes + 100}) {
      ExpectReport("profile=hardened", Overflow(bytes), [bytes, resized] {
        char* block = Block(bytes);
        block[bytes] ^= 1;
        bartizan_free(bartizan_realloc(block, resized));
      });
    }
  }
}

TEST(CanariesDeathTest, AnOverflowIsSeenByAnotherThreadsFree) {
  ExpectReport("profile=hardened", Overflow(100), [] {
    char* block = Block(100);
    block[100] ^= 1;
    std::thread([block] { bartizan_free(block); }).join();
  });
}

// What alignment leaves behind a large block.
TEST(CanariesDeathTest, AByteBehindALargeBlockIsSeen) {
  constexpr size_t kBytes = 300 * kKiB + 5;
  for (const char* options : {"profile=hardened", "profile=strict"}) {
    for (size_t resized : {size_t{0}, kBytes - 1, 2 * kBytes}) {
      Report report = Overflow(kBytes);
      report.slot_bytes = -1;  // it has no class
      ExpectReport(options, report, [resized] {
        char* block = Block(kBytes);
        block[kBytes] = 1;
        bartizan_free(resized == 0 ? block : bartizan_realloc(block, resized));
      });
    }
  }
}

// The canary moves with the end of the block.
TEST(CanariesDeathTest, ABlockThatWasResizedIsStillGuarded) {
  for (size_t bytes : {size_t{90}, size_t{99}}) {
    ExpectReport("profile=hardened", Overflow(bytes), [bytes] {
      auto* block = static_cast<char*>(bartizan_realloc(Block(95), bytes));
      block[bytes] ^= 1;
      bartizan_free(block);
    });
  }
}

// --- reuse_check --------------------------------------------------------------------------------

Report WriteAfterFree(long slot_bytes) {
  return {.what = "write after free",
          .detail = kWritten,
          .advice = kKeptPointers,
          .slot_bytes = slot_bytes};
}

// Allocates and frees until the slot must have come out of quarantine.
void Churn(size_t bytes) {
  for (int i = 0; i < 3000; ++i) bartizan_free(Block(bytes));
}

TEST(ReuseCheckDeathTest, AWriteAfterFreeIsSeenBeforeReuse) {
  for (const char* options : {"profile=hardened", "profile=strict", "profile=hardened:canaries=off",
                              "profile=fast:zero_on_free:reuse_check:quarantine"}) {
    const bool canaries =
        std::string_view(options).find("canaries=off") == std::string_view::npos &&
        std::string_view(options).find("fast") == std::string_view::npos;
    for (size_t bytes : {size_t{8}, size_t{100}, size_t{1000}}) {
      for (size_t at : {size_t{0}, bytes / 2, bytes - 1}) {
        ExpectReport(options, WriteAfterFree(ClassBytesOf(canaries ? "hardened" : "fast", bytes)),
                     [bytes, at] {
                       char* block = Block(bytes);
                       bartizan_free(block);
                       block[at] = 1;
                       Churn(bytes);
                     });
      }
    }
  }
}

// A freed slot then goes to the magazine and is issued from there.
TEST(ReuseCheckDeathTest, AWriteAfterFreeIsSeenWithoutQuarantine) {
  ExpectReport("profile=hardened:quarantine=off", WriteAfterFree(SlotBytes(100)), [] {
    char* block = Block(100);
    bartizan_free(block);
    block[50] = 1;
    Churn(100);
  });
}

// Of large slots both ends are looked at each time.
TEST(ReuseCheckDeathTest, AWriteToTheEndsOfALargeSlotIsSeen) {
  for (size_t at : {size_t{0}, size_t{255}, size_t{5000 - 1}}) {
    ExpectReport("profile=hardened", WriteAfterFree(SlotBytes(5000)), [at] {
      char* block = Block(5000);
      bartizan_free(block);
      block[at] = 1;
      Churn(5000);
    });
  }
}

// Eight lines of the seventy that nobody looks at otherwise, drawn in turns: seen soon.
TEST(ReuseCheckDeathTest, WritesToTheMiddleOfLargeSlotsAreSeenInTheEnd) {
  for (size_t bytes : {size_t{5000}, size_t{20'000}}) {
    ExpectReport("profile=hardened", WriteAfterFree(SlotBytes(bytes)), [bytes] {
      for (int round = 0; round < 3000; ++round) {
        char* block = Block(bytes);
        bartizan_free(block);
        std::memset(block + 1024, 1, 8 * 64);
      }
    });
  }
}

// Beyond the canary, where only what the block held is zeroed when it is freed.
TEST(ReuseCheckDeathTest, AWriteThatJumpedOverTheCanaryIsSeen) {
  if (!CanSwitchLayers()) GTEST_SKIP() << "neighbour_check sees it at the free";
  ExpectReport("profile=hardened", WriteAfterFree(SlotBytes(90)), [] {
    char* block = Block(90);  // of a slot of 112
    block[90 + 8] = 1;
    bartizan_free(block);
    Churn(90);
  });
}

TEST(ReuseCheckDeathTest, AWriteAfterAnotherThreadsFreeIsSeen) {
  ExpectReport("profile=hardened", WriteAfterFree(SlotBytes(100)), [] {
    char* block = Block(100);
    std::thread([block] { bartizan_free(block); }).join();
    block[50] = 1;
    Block(100);  // the owner learns of it at its next slow path
    Churn(100);
  });
}

// --- size_check, origin_check -------------------------------------------------------------------

struct Origin {
  Family made_by;
  Family freed_by;
  const char* detail;  // nullptr: that is right
};
const char kByFree[] = "the block was made by malloc or its like and must be freed by free";
const char kByDelete[] = "the block was made by operator new and must be freed by operator delete";
const char kByArrayDelete[] =
    "the block was made by operator new[] and must be freed by operator delete[]";
constexpr Origin kOrigins[] = {
    {Family::kMalloc, Family::kMalloc, nullptr},
    {Family::kAligned, Family::kMalloc, nullptr},
    {Family::kMalloc, Family::kAligned, nullptr},
    {Family::kNew, Family::kNew, nullptr},
    {Family::kNewArray, Family::kNewArray, nullptr},
    {Family::kMalloc, Family::kNew, kByFree},
    {Family::kMalloc, Family::kNewArray, kByFree},
    {Family::kAligned, Family::kNew, kByFree},
    {Family::kNew, Family::kMalloc, kByDelete},
    {Family::kNew, Family::kNewArray, kByDelete},
    {Family::kNewArray, Family::kMalloc, kByArrayDelete},
    {Family::kNewArray, Family::kNew, kByArrayDelete},
};
constexpr size_t kChecked[] = {100, 300 * kKiB};

TEST(OriginCheckDeathTest, TheWrongCounterpartIsSeen) {
  for (const Origin& origin : kOrigins) {
    for (size_t bytes : kChecked) {
      const auto fault = [=] {
        SelectedAllocator::Free(SelectedAllocator::Allocate(bytes, origin.made_by),
                                FreeClaim{origin.freed_by});
      };
      ExpectNoReport("profile=hardened", fault);
      if (origin.detail == nullptr) {
        ExpectNoReport("profile=strict", fault);
        continue;
      }
      for (const char* options : {"profile=strict", "profile=fast:origin_check"}) {
        ExpectReport(options,
                     {.what = "origin mismatch",
                      .detail = origin.detail,
                      .advice = kCounterpart,
                      .requested = static_cast<long>(bytes)},
                     fault);
      }
    }
  }
}

TEST(SizeCheckDeathTest, AnotherSizeIsSeen) {
  for (size_t bytes : kChecked) {
    for (size_t stated : {bytes - 1, bytes + 1, size_t{0}, 2 * bytes}) {
      for (const char* options :
           {"profile=hardened", "profile=strict", "profile=fast:size_check"}) {
        ExpectReport(options,
                     {.what = "size mismatch",
                      .detail = kOtherSize,
                      .advice = kCompareTypes,
                      .requested = static_cast<long>(bytes),
                      .stated = static_cast<long>(stated)},
                     [=] {
                       SelectedAllocator::Free(SelectedAllocator::Allocate(bytes, Family::kNew),
                                               FreeClaim{Family::kNew, stated});
                     });
      }
    }
    ExpectNoReport("profile=strict", [bytes] {
      for (Family family : {Family::kNew, Family::kNewArray, Family::kMalloc}) {
        SelectedAllocator::Free(SelectedAllocator::Allocate(bytes, family),
                                FreeClaim{family, bytes});
      }
    });
  }
}

// By another thread than the block's owner, too.
TEST(SizeCheckDeathTest, AnotherSizeIsSeenByEveryThread) {
  ExpectReport("profile=hardened",
               {.what = "size mismatch",
                .detail = kOtherSize,
                .advice = kCompareTypes,
                .requested = 100,
                .stated = 99},
               [] {
                 void* block = SelectedAllocator::Allocate(100, Family::kNew);
                 std::thread([block] {
                   SelectedAllocator::Free(block, FreeClaim{Family::kNew, 99});
                 }).join();
               });
}

// --- guard_pages, quarantine --------------------------------------------------------------------

// Overflows that leave the slab or the large block end at the page they reach.
TEST(GuardPagesDeathTest, LongOverflowsFault) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "what follows would be the sanitizer's memory";
  for (size_t bytes : {size_t{100}, size_t{5000}, size_t{100000}, 300 * kKiB, 3 * kMiB}) {
    EXPECT_EXIT(
        {
          setenv("BARTIZAN_OPTIONS", "profile=hardened", 1);
          volatile char* block = Block(bytes);
          for (size_t i = 0; i < 8 * kMiB; ++i) block[i] = 1;
          _exit(0);
        },
        [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) != 0; }, "");
  }
}

// Its own address, and for as long as others are made.
TEST(QuarantineDeathTest, AFreedLargeBlockFaults) {
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "blocks of the kernel's choice do not wait";
  for (const char* options : {"profile=hardened", "profile=strict", "profile=fast:quarantine"}) {
    ExpectNoReport(options, [] {
      const MemoryProbe probe;
      char* block = Block(kMiB);
      const auto address = reinterpret_cast<uintptr_t>(block);
      if (!probe.Writable(address)) _exit(1);
      bartizan_free(block);
      for (int i = 0; i < 10; ++i) {
        if (!probe.Inaccessible(address, kMiB) || Block(kMiB) == block) _exit(2);
      }
    });
  }
}

}  // namespace
}  // namespace bartizan
