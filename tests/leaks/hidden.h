// Pointers that nothing can be mistaken for: what the compiler leaves of them in registers and in
// frames that have returned is cleared before the process is looked at.
#ifndef BARTIZAN_TESTS_LEAKS_HIDDEN_H_
#define BARTIZAN_TESTS_LEAKS_HIDDEN_H_

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

// A block whose size tells the case.
[[gnu::noinline]] inline void* Block(size_t bytes) {
  return std::memset(std::malloc(bytes), 0, bytes);
}

inline void Use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

// What a pointer is kept as where it must not be found.
inline uintptr_t Hide(const void* p) { return ~reinterpret_cast<uintptr_t>(p); }
inline void* Shown(uintptr_t hidden) { return reinterpret_cast<void*>(~hidden); }

// Of the registers that calls need not keep.
inline void ClearRegisters() {
  asm volatile(
      "xor %%eax, %%eax\n xor %%ecx, %%ecx\n xor %%edx, %%edx\n xor %%esi, %%esi\n"
      "xor %%edi, %%edi\n xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n"
      "xor %%r11d, %%r11d\n"
      :
      :
      : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}

// And the frames that others left below this one.
[[gnu::noinline]] inline void ClearTraces() {
  volatile char frames[32 << 10];
  for (volatile char& byte : frames) byte = 0;
  ClearRegisters();
}

// Waits for a byte of the pipe, with a word in a register that calls keep. No memory is written.
// How many bytes came; 0 is the end.
inline long WaitHolding(int descriptor, uintptr_t word) {
  char byte;
  long result;
  register uintptr_t held asm("r13") = word;
  do {
    result = SYS_read;
    asm volatile("syscall"
                 : "+a"(result), "+r"(held)
                 : "D"(descriptor), "S"(&byte), "d"(1)
                 : "rcx", "r11", "memory");
  } while (result < 0);
  return result;
}

#endif  // BARTIZAN_TESTS_LEAKS_HIDDEN_H_
