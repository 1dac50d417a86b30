#include "src/platform/stack_walk.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "src/platform/frame_rules.h"
#include "src/platform/readable_memory.h"
#include "tests/unit/platform/unwound_code.h"

namespace bartizan::platform {
namespace {

constexpr size_t kMost = 64;

struct Walked {
  size_t count = 0;
  uintptr_t frames[kMost] = {};
  // What the unwinder of exceptions says.
  size_t reference_count = 0;
  uintptr_t reference[kMost] = {};
};

Walked* g_walked = nullptr;

_Unwind_Reason_Code NoteReference(_Unwind_Context* context, void*) {
  int is_place = 0;
  const uintptr_t address = _Unwind_GetIPInfo(context, &is_place);
  if (address != 0 && g_walked->reference_count < kMost) {
    g_walked->reference[g_walked->reference_count++] = is_place != 0 ? address : address - 1;
  }
  return _URC_NO_REASON;
}

[[gnu::noinline]] void WalkHere(StackWay way = StackWay::kTables) {
  g_walked->count = WalkStack(HereOnStack(), way, g_walked->frames, kMost);
  g_walked->reference_count = 0;
  _Unwind_Backtrace(NoteReference, nullptr);
}
void WalkByTables() { WalkHere(); }

class StackWalkTest : public testing::Test {
 protected:
  void SetUp() override { g_walked = &walked_; }
  void TearDown() override { g_walked = nullptr; }

  // The first frame is another place of the same function.
  void ExpectSameAsReference() const {
    ASSERT_GT(walked_.count, 2u);
    ASSERT_EQ(walked_.count, walked_.reference_count);
    for (size_t i = 1; i < walked_.count; ++i) {
      EXPECT_EQ(walked_.frames[i], walked_.reference[i]) << i;
    }
  }
  bool Contains(const void* function, size_t bytes = 256) const {
    const auto begin = reinterpret_cast<uintptr_t>(function);
    return std::any_of(walked_.frames, walked_.frames + walked_.count,
                       [&](uintptr_t frame) { return frame - begin < bytes; });
  }

  Walked walked_;
};

TEST_F(StackWalkTest, IsThatOfExceptions) {
  WalkHere();
  ExpectSameAsReference();
}

TEST_F(StackWalkTest, ThroughTheCLibrary) {
  int numbers[] = {2, 1};
  qsort(numbers, 2, sizeof(int), [](const void*, const void*) {
    WalkHere();
    return 0;
  });
  ExpectSameAsReference();
}

TEST_F(StackWalkTest, ThroughFramesWithoutFramePointer) {
  CallWithoutFramePointer(WalkByTables);
  ExpectSameAsReference();
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithoutFramePointer)));
}

TEST_F(StackWalkTest, ThroughLargeFrames) {
  CallWithLargeFrame(WalkByTables);
  ExpectSameAsReference();
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithLargeFrame)));
}

TEST_F(StackWalkTest, ThroughFramesWhoseEndIsStored) {
  CallWithStoredFrameEnd(WalkByTables);
  ExpectSameAsReference();
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithStoredFrameEnd)));
}

TEST_F(StackWalkTest, ThroughRealignedFrames) {
  CallWithRealignedStack(WalkByTables);
  ExpectSameAsReference();
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithRealignedStack)));
}

TEST_F(StackWalkTest, AtMostAsManyAsAskedFor) {
  uintptr_t frames[4] = {1, 1, 1, 1};
  EXPECT_EQ(WalkStack(HereOnStack(), StackWay::kTables, frames, 0), 0u);
  EXPECT_EQ(frames[0], 1u);
  EXPECT_EQ(WalkStack(HereOnStack(), StackWay::kTables, frames, 3), 3u);
  EXPECT_NE(frames[2], 1u);
  EXPECT_EQ(frames[3], 1u);
}

TEST_F(StackWalkTest, InAThread) {
  std::thread([] { WalkHere(); }).join();
  ExpectSameAsReference();
}

TEST_F(StackWalkTest, ThroughASignalHandlerOnAStackOfItsOwn) {
  std::vector<char> memory(1 << 16);
  const stack_t stack{.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
  stack_t before;
  ASSERT_EQ(sigaltstack(&stack, &before), 0);
  struct sigaction action = {};
  struct sigaction previous;
  action.sa_handler = [](int) { WalkHere(); };
  action.sa_flags = SA_ONSTACK;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &previous), 0);
  CallWithoutFramePointer([] { raise(SIGUSR1); });
  sigaction(SIGUSR1, &previous, nullptr);
  sigaltstack(&before, nullptr);
  ExpectSameAsReference();
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithoutFramePointer)));
}

TEST_F(StackWalkTest, FromWhatASignalInterrupted) {
  struct sigaction action = {};
  struct sigaction previous;
  action.sa_sigaction = [](int, siginfo_t*, void* context) {
    const StackPoint point = InterruptedPoint(context);
    g_walked->count = WalkStack(point, StackWay::kTables, g_walked->frames, kMost);
    EXPECT_EQ(g_walked->frames[0], point.pc);
  };
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(sigaction(SIGTRAP, &action, &previous), 0);
  CallWithoutFramePointer([] { asm volatile("int3"); });
  sigaction(SIGTRAP, &previous, nullptr);
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithoutFramePointer)));
}

TEST_F(StackWalkTest, FramePointersLeadThroughCodeThatHasThem) {
  CallWithFramePointer([] { WalkHere(StackWay::kFramePointer); });
  EXPECT_TRUE(Contains(reinterpret_cast<const void*>(&CallWithFramePointer)));
}

// Machine code that no table knows: push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret
constexpr unsigned char kGenerated[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};

class GeneratedCode {
 public:
  explicit GeneratedCode(const unsigned char* code, size_t bytes) {
    void* place =
        mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(place, code, bytes);
    mprotect(place, kPageBytes, PROT_READ | PROT_EXEC);
    call_ = reinterpret_cast<void (*)(void (*)())>(place);
  }
  ~GeneratedCode() { munmap(reinterpret_cast<void*>(call_), kPageBytes); }
  // What was generated has no type in front of it that the sanitizer could look at.
  [[clang::no_sanitize("function")]]
  void Call(void (*function)()) const {
    call_(function);
  }
  const void* place() const { return reinterpret_cast<const void*>(call_); }

 private:
  void (*call_)(void (*)());
};

TEST_F(StackWalkTest, ThroughGeneratedCodeByFramePointers) {
  const GeneratedCode code(kGenerated, sizeof kGenerated);
  code.Call(WalkByTables);
  EXPECT_TRUE(Contains(code.place()));
  EXPECT_GT(walked_.count, 4u);
}

// The same without a frame: the pointer in the register is that of the caller. One frame is lost.
TEST_F(StackWalkTest, CodeWithoutTablesNorFramePointersEndsNothing) {
  constexpr unsigned char kFrameless[] = {0x50, 0xff, 0xd7, 0x58, 0xc3};
  const GeneratedCode code(kFrameless, sizeof kFrameless);
  code.Call(WalkByTables);
  EXPECT_TRUE(Contains(code.place()));
}

TEST_F(StackWalkTest, RegistersThatLeadNowhere) {
  uintptr_t words[8] = {};
  const auto stack = reinterpret_cast<uintptr_t>(words);
  const uintptr_t code = HereOnStack().pc;
  uintptr_t frames[kMost];
  const StackPoint points[] = {
      {0, 0, 0},
      {1, 1, 1},
      {code, 0, 0},
      {code, 8, 8},
      {code, stack + 1, stack + 1},
      {code, ~uintptr_t{0}, ~uintptr_t{0}},
      {code, ~uintptr_t{7}, ~uintptr_t{7}},
      {uintptr_t{1} << 63, stack, stack},
      {code, uintptr_t{1} << 62, uintptr_t{1} << 62},
      {reinterpret_cast<uintptr_t>(words), stack, stack},
  };
  for (const StackPoint& point : points) {
    for (const StackWay way : {StackWay::kTables, StackWay::kFramePointer}) {
      EXPECT_LE(WalkStack(point, way, frames, kMost), 2u)
          << std::hex << point.pc << " " << point.sp;
    }
  }
}

TEST_F(StackWalkTest, FramePointersInACircle) {
  const GeneratedCode generated(kGenerated, sizeof kGenerated);
  uintptr_t words[4] = {};
  const auto begin = reinterpret_cast<uintptr_t>(words);
  uintptr_t frames[kMost];
  // By frame pointers, and by tables that name them: behind the call of each function.
  for (const uintptr_t place : {reinterpret_cast<uintptr_t>(generated.place()) + 6,
                                reinterpret_cast<uintptr_t>(&CallWithFramePointer) + 6}) {
    words[0] = begin;
    words[1] = place;
    EXPECT_EQ(WalkStack({place, begin, begin}, StackWay::kTables, frames, kMost), 2u);
  }
}

// A stack that ends in the middle of a frame, with nothing mapped behind it.
TEST_F(StackWalkTest, AStackWithoutAnEnd) {
  auto* const pages = static_cast<char*>(
      mmap(nullptr, 2 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(pages + kPageBytes, kPageBytes, PROT_NONE);
  const GeneratedCode generated(kGenerated, sizeof kGenerated);
  const uintptr_t place = reinterpret_cast<uintptr_t>(generated.place()) + 6;
  const auto end = reinterpret_cast<uintptr_t>(pages + kPageBytes);
  uintptr_t frames[kMost];
  for (size_t words = 1; words < 6; ++words) {
    const uintptr_t sp = end - words * sizeof(uintptr_t);
    for (uintptr_t at = sp; at < end; at += sizeof at) *reinterpret_cast<uintptr_t*>(at) = place;
    EXPECT_GE(WalkStack({place, sp, sp}, StackWay::kTables, frames, kMost), 1u);
  }
  munmap(pages, 2 * kPageBytes);
}

TEST_F(StackWalkTest, EveryDamageOfTheStackIsSurvived) {
  CallWithoutFramePointer([] {
    const StackPoint here = HereOnStack();
    // A copy of the stack, so that this thread can go on.
    static uintptr_t copy[512];
    const auto begin = reinterpret_cast<uintptr_t>(copy);
    uintptr_t frames[kMost];
    for (size_t word = 0; word < 256; ++word) {
      for (const uintptr_t value : {uintptr_t{0}, ~uintptr_t{0}, begin, here.pc, here.sp}) {
        ReadableMemory memory;
        for (size_t i = 0; i < std::size(copy); ++i) {
          if (!memory.Read(here.sp + i * sizeof(uintptr_t), &copy[i])) copy[i] = 0;
        }
        copy[word] = value;
        const StackPoint point{here.pc, begin, begin + (here.fp - here.sp)};
        WalkStack(point, StackWay::kTables, frames, kMost);
        WalkStack(point, StackWay::kFramePointer, frames, kMost);
      }
    }
  });
}

TEST_F(StackWalkTest, KeepsErrno) {
  errno = 77;
  WalkHere();
  EXPECT_EQ(errno, 77);
}

TEST_F(StackWalkTest, InAForkChildOfAThreadedProcess) {
  // As the engine does it.
  static constinit Lock* lock = nullptr;
  lock = FrameRulesLock();
  pthread_atfork([] { lock->Acquire(); }, [] { lock->Release(); }, [] { lock->Release(); });
  std::atomic<bool> stop{false};
  std::thread other([&stop] {
    uintptr_t frames[kMost];
    while (!stop.load(std::memory_order_relaxed)) {
      WalkStack(HereOnStack(), StackWay::kTables, frames, kMost);
    }
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      uintptr_t frames[kMost];
      _exit(WalkStack(HereOnStack(), StackWay::kTables, frames, kMost) > 2 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop.store(true, std::memory_order_relaxed);
  other.join();
}

[[gnu::noinline]] size_t WalkFromHere(uintptr_t* frames) {
  return WalkStack(HereOnStack(), StackWay::kTables, frames, kMost);
}

TEST_F(StackWalkTest, ManyThreadsFindTheSame) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&wrong] {
      uintptr_t first[kMost];
      uintptr_t again[kMost];
      size_t count = 0;
      // One call, at one place.
#pragma clang loop unroll(disable)
      for (int i = 0; i < 2000; ++i) {
        uintptr_t* const into = i == 0 ? first : again;
        const size_t n = WalkFromHere(into);
        if (i == 0) {
          count = n;
        } else if (n != count || !std::equal(again, again + n, first)) {
          wrong.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace bartizan::platform
