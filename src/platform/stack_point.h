// Where a thread is: the registers that a stack is unwound from, and how it is.
#ifndef BARTIZAN_SRC_PLATFORM_STACK_POINT_H_
#define BARTIZAN_SRC_PLATFORM_STACK_POINT_H_

#include <ucontext.h>

#include <cstdint>

namespace bartizan::platform {

struct StackPoint {
  uintptr_t pc;
  uintptr_t sp;
  uintptr_t fp;
};

enum class StackWay : uint8_t {
  kTables,        // unwind tables; frame pointers in code without
  kFramePointer,  // frame pointers, except in this library's own code, which has none
};

// Of the function that this is inlined into.
[[gnu::always_inline]] inline StackPoint HereOnStack() {
  StackPoint here;
#if defined(__x86_64__)
  asm volatile(
      "lea 0(%%rip), %0\n\t"
      "mov %%rsp, %1\n\t"
      "mov %%rbp, %2"
      : "=&r"(here.pc), "=&r"(here.sp), "=&r"(here.fp));
#else
  here.fp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  here.sp = here.fp;
  here.pc = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
#endif
  return here;
}

// What a signal handler's third argument says was interrupted.
inline StackPoint InterruptedPoint(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<uintptr_t>(machine.gregs[REG_RIP]),
          static_cast<uintptr_t>(machine.gregs[REG_RSP]),
          static_cast<uintptr_t>(machine.gregs[REG_RBP])};
#elif defined(__aarch64__)
  return {machine.pc, machine.sp, machine.regs[29]};
#else
  (void)machine;
  return {};
#endif
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_STACK_POINT_H_
