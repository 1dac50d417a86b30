// What happens to a sample ends the program: at the access, or when the block is freed.
#include <csignal>
#include <cstring>

#include "src/engine/allocator.h"
#include "src/engine/samples.h"
#include "src/platform/memory.h"
#include "tests/unit/engine/dying.h"

namespace bartizan {
namespace {

using Engine = SelectedAllocator;

volatile char* Allocate(size_t bytes) {
  return static_cast<volatile char*>(Engine::Allocate(bytes, Family::kMalloc));
}
void Free(volatile char* block) { Engine::Free(const_cast<char*>(block), FreeClaim{}); }

constexpr char kRight[] = "profile=fast:sampling=1:sample_side=right:stacks=off";
constexpr char kLeft[] = "profile=fast:sampling=1:sample_side=left:stacks=off";

void ExpectFault(const char* options, const std::function<void()>& access) {
  EXPECT_EXIT(
      {
        setenv("BARTIZAN_OPTIONS", options, 1);
        signal(SIGSEGV, [](int) { _exit(77); });
        access();
        _exit(1);
      },
      testing::ExitedWithCode(77), "");
}

// With the thread sanitizer, the kernel chooses where blocks lie: there are no guards, and no
// address waits.
#define SKIP_WITHOUT_GUARDS() \
  if (!platform::kChoosesAddresses) GTEST_SKIP() << "the kernel chooses addresses in this build"

TEST(SamplesDeathTest, AnOverflowFaults) {
  SKIP_WITHOUT_GUARDS();
  ExpectFault(kRight, [] { Allocate(48)[48] = 1; });
  ExpectFault(kRight, [] { static_cast<void>(Allocate(48)[48]); });
  ExpectFault(kRight, [] { Allocate(140000)[140000 / 16 * 16 + 16] = 1; });
  ExpectFault(kLeft, [] { Allocate(48)[4096] = 1; });
}

TEST(SamplesDeathTest, AnUnderflowFaults) {
  SKIP_WITHOUT_GUARDS();
  ExpectFault(kLeft, [] { Allocate(48)[-1] = 1; });
  ExpectFault(kRight, [] { Allocate(48)[48 - 4096 - 1] = 1; });
}

TEST(SamplesDeathTest, AUseAfterFreeFaults) {
  SKIP_WITHOUT_GUARDS();
  for (size_t bytes : {1, 48, 5000, 140000}) {
    ExpectFault(kRight, [=] {
      volatile char* const block = Allocate(bytes);
      Free(block);
      static_cast<void>(*block);
    });
  }
  ExpectFault(kRight, [] {
    volatile char* const block = Allocate(48);
    Engine::Reallocate(const_cast<char*>(block), 40);
    static_cast<void>(*block);
  });
}

// Each byte of what is left on either side, by any value: also by the zero of a string.
TEST(SamplesDeathTest, EachByteUpToTheGuardIsChecked) {
  SKIP_WITHOUT_GUARDS();
  const std::string advice = "check every write to blocks of this size for its bound";
  for (int past = 0; past < 15; ++past) {
    ExpectReport(kRight,
                 {.what = "heap overflow",
                  .detail = "bytes right behind the block were overwritten",
                  .advice = advice,
                  .requested = 33},
                 [=] {
                   volatile char* const block = Allocate(33);
                   block[33 + past] = 0;
                   Free(block);
                 });
  }
  for (int before : {1, 2, 7, 8, 9, 100, 4048}) {
    ExpectReport(kRight,
                 {.what = "heap underflow",
                  .detail = "bytes right before the block were overwritten",
                  .advice = advice,
                  .requested = 48},
                 [=] {
                   volatile char* const block = Allocate(48);
                   block[-before] = static_cast<char>(block[-before] ^ 0x10);
                   Free(block);
                 });
  }
  for (int past : {0, 1, 4046}) {
    ExpectReport(kLeft,
                 {.what = "heap overflow",
                  .detail = "bytes right behind the block were overwritten",
                  .advice = advice,
                  .requested = 49},
                 [=] {
                   volatile char* const block = Allocate(49);
                   block[49 + past] = 0;
                   Engine::Reallocate(const_cast<char*>(block), 200000);
                 });
  }
}

TEST(SamplesDeathTest, ASecondFreeIsReportedForAsLongAsTheAddressesWait) {
  SKIP_WITHOUT_GUARDS();
  ExpectReport(kRight,
               {.what = "double free",
                .detail = "the block was freed before",
                .advice = "look for a second owner of this pointer"},
               [] {
                 volatile char* const block = Allocate(48);
                 Free(block);
                 for (int i = 0; i < 1000; ++i) Free(Allocate(48));
                 Free(block);
               });
}

}  // namespace
}  // namespace bartizan
