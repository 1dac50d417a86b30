// The same as bytes.h with vectors of 64 bytes, for processors that have masked ones (AVX-512 with
// byte masks and DQ, BMI2) and do not slow down for them.
//
// As assembly text, since functions compiled for such processors cannot be inlined into others. A
// register of zeros is made by an instruction on 16 bytes and no other vector register is written,
// so the upper halves stay clean and no vzeroupper is due. What a mask leaves out cannot fault.
#ifndef BARTIZAN_SRC_PLATFORM_WIDE_BYTES_H_
#define BARTIZAN_SRC_PLATFORM_WIDE_BYTES_H_

#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"

namespace bartizan::platform {

// Whether this processor has what the functions below are made of, and the system saves it.
bool HasWideVectors();

namespace wide {

constexpr size_t kVector = 64;
constexpr size_t kHalf = kVector / 2;
// Up to here without a branch that depends on the size.
constexpr size_t kMostShort = 256;
constexpr size_t kMostMedium = 1024;

#if defined(__x86_64__)

// Zeroes at most kMostShort bytes: eight vectors of 32 bytes that lie one over the other where
// there are fewer bytes. All have the mask of the lowest `bytes` lanes, which is all of them from
// 32 on.
BARTIZAN_INLINE void ZeroShort(std::byte* slot, size_t bytes) {
  const size_t last = bytes < kHalf ? 0 : bytes - kHalf;
  uint64_t mask = ~uint64_t{0};
  uint64_t at;
  asm volatile(
      "bzhi %[lanes], %[mask], %[mask]\n\t"
      "kmovd %k[mask], %%k1\n\t"
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vmovdqu8 %%ymm0, (%[slot])%{%%k1%}\n\t"
      ".irp next, 32, 64, 96, 128, 160, 192\n\t"
      "mov $\\next, %k[at]\n\t"
      "cmp %[at], %[last]\n\t"
      "cmovb %[last], %[at]\n\t"
      "vmovdqu8 %%ymm0, (%[slot], %[at])%{%%k1%}\n\t"
      ".endr\n\t"
      "vmovdqu8 %%ymm0, (%[slot], %[last])%{%%k1%}\n\t"
      : [mask] "+r"(mask), [at] "=&r"(at)
      : [slot] "r"(slot), [last] "r"(last), [lanes] "r"(bytes - last)
      : "xmm0", "memory", "cc");
}

// The cache line in which a slot begins.
template <class Byte>
BARTIZAN_INLINE Byte* LineOf(Byte* slot) {
  return slot - reinterpret_cast<uintptr_t>(slot) % kVector;
}

// From kMostShort to half of kMostMedium bytes: the first vector, those that begin with a cache
// line, the last one, and that one again where there are fewer.
BARTIZAN_INLINE void ZeroHalfMedium(std::byte* slot, size_t bytes) {
  std::byte* const at = LineOf(slot);
  asm volatile(
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vmovdqu64 %%zmm0, (%[slot])\n\t"
      "vmovdqu64 %%zmm0, 64(%[at])\n\t"
      "vmovdqu64 %%zmm0, 128(%[at])\n\t"
      "vmovdqu64 %%zmm0, 192(%[at])\n\t"
      ".irp next, 256, 320, 384, 448\n\t"
      "lea \\next(%[at]), %[slot]\n\t"
      "cmp %[last], %[slot]\n\t"
      "cmova %[last], %[slot]\n\t"
      "vmovdqu64 %%zmm0, (%[slot])\n\t"
      ".endr\n\t"
      "vmovdqu64 %%zmm0, (%[last])\n\t"
      : [slot] "+r"(slot)
      : [at] "r"(at), [last] "r"(slot + bytes - kVector)
      : "xmm0", "memory", "cc");
}

// From there to kMostMedium bytes.
BARTIZAN_INLINE void ZeroMedium(std::byte* slot, size_t bytes) {
  std::byte* const at = LineOf(slot);
  asm volatile(
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vmovdqu64 %%zmm0, (%[slot])\n\t"
      "vmovdqu64 %%zmm0, 64(%[at])\n\t"
      "vmovdqu64 %%zmm0, 128(%[at])\n\t"
      "vmovdqu64 %%zmm0, 192(%[at])\n\t"
      ".irp next, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960\n\t"
      "lea \\next(%[at]), %[slot]\n\t"
      "cmp %[last], %[slot]\n\t"
      "cmova %[last], %[slot]\n\t"
      "vmovdqu64 %%zmm0, (%[slot])\n\t"
      ".endr\n\t"
      "vmovdqu64 %%zmm0, (%[last])\n\t"
      : [slot] "+r"(slot)
      : [at] "r"(at), [last] "r"(slot + bytes - kVector)
      : "xmm0", "memory", "cc");
}

// Whether at most kMostShort bytes are zero, a multiple of eight. The registers from zmm16 on,
// which compilers for older processors do not know, have no upper halves to be cleaned.
BARTIZAN_INLINE bool IsZeroShort(const std::byte* slot, size_t bytes) {
  const size_t last = bytes < kHalf ? 0 : bytes - kHalf;
  uint64_t mask = ~uint64_t{0};
  uint64_t at;
  bool zero;
  asm volatile(
      "bzhi %[words], %[mask], %[mask]\n\t"
      "kmovb %k[mask], %%k1\n\t"
      "vmovdqu64 (%[slot]), %%ymm16%{%%k1%}%{z%}\n\t"
      ".irp next, 32, 64, 96, 128, 160, 192\n\t"
      "mov $\\next, %k[at]\n\t"
      "cmp %[at], %[last]\n\t"
      "cmovb %[last], %[at]\n\t"
      "vporq (%[slot], %[at]), %%ymm16, %%ymm16%{%%k1%}\n\t"
      ".endr\n\t"
      "vporq (%[slot], %[last]), %%ymm16, %%ymm16%{%%k1%}\n\t"
      "vptestmq %%ymm16, %%ymm16, %%k1\n\t"
      "kortestb %%k1, %%k1\n\t"
      : "=@ccz"(zero), [mask] "+r"(mask), [at] "=&r"(at)
      : [slot] "r"(slot), [last] "r"(last), [words] "r"((bytes - last) / sizeof(uint64_t))
      : "memory");
  return zero;
}

// From kMostShort to half of kMostMedium bytes.
BARTIZAN_INLINE bool IsZeroHalfMedium(const std::byte* slot, size_t bytes) {
  const std::byte* const at = LineOf(slot);
  bool zero;
  asm volatile(
      "vmovdqu64 (%[slot]), %%zmm16\n\t"
      "vmovdqu64 64(%[at]), %%zmm17\n\t"
      "vporq 128(%[at]), %%zmm16, %%zmm16\n\t"
      "vporq 192(%[at]), %%zmm17, %%zmm17\n\t"
      ".irp next, 256, 320, 384, 448\n\t"
      "lea \\next(%[at]), %[slot]\n\t"
      "cmp %[last], %[slot]\n\t"
      "cmova %[last], %[slot]\n\t"
      "vporq (%[slot]), %%zmm16, %%zmm16\n\t"
      ".endr\n\t"
      "vporq (%[last]), %%zmm17, %%zmm17\n\t"
      "vporq %%zmm16, %%zmm17, %%zmm16\n\t"
      "vptestmq %%zmm16, %%zmm16, %%k1\n\t"
      "kortestb %%k1, %%k1\n\t"
      : "=@ccz"(zero), [slot] "+r"(slot)
      : [at] "r"(at), [last] "r"(slot + bytes - kVector)
      : "memory");
  return zero;
}

// From there to kMostMedium bytes.
BARTIZAN_INLINE bool IsZeroMedium(const std::byte* slot, size_t bytes) {
  const std::byte* const at = LineOf(slot);
  bool zero;
  asm volatile(
      "vmovdqu64 (%[slot]), %%zmm16\n\t"
      "vmovdqu64 64(%[at]), %%zmm17\n\t"
      "vporq 128(%[at]), %%zmm16, %%zmm16\n\t"
      "vporq 192(%[at]), %%zmm17, %%zmm17\n\t"
      ".irp next, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960\n\t"
      "lea \\next(%[at]), %[slot]\n\t"
      "cmp %[last], %[slot]\n\t"
      "cmova %[last], %[slot]\n\t"
      "vporq (%[slot]), %%zmm16, %%zmm16\n\t"
      ".endr\n\t"
      "vporq (%[last]), %%zmm17, %%zmm17\n\t"
      "vporq %%zmm16, %%zmm17, %%zmm16\n\t"
      "vptestmq %%zmm16, %%zmm16, %%k1\n\t"
      "kortestb %%k1, %%k1\n\t"
      : "=@ccz"(zero), [slot] "+r"(slot)
      : [at] "r"(at), [last] "r"(slot + bytes - kVector)
      : "memory");
  return zero;
}

// At least kVector bytes.
BARTIZAN_INLINE bool IsZeroLong(const std::byte* begin, size_t bytes) {
  const std::byte* const last = begin + bytes - kVector;
  const std::byte* at = begin;
  bool zero;
  asm volatile(
      "vmovdqu64 (%[last]), %%zmm16\n"
      "1:\n\t"
      "vporq (%[at]), %%zmm16, %%zmm16\n\t"
      "add $64, %[at]\n\t"
      "cmp %[last], %[at]\n\t"
      "jb 1b\n\t"
      "vptestmq %%zmm16, %%zmm16, %%k1\n\t"
      "kortestb %%k1, %%k1\n\t"
      : "=@ccz"(zero), [at] "+r"(at)
      : [last] "r"(last)
      : "memory");
  return zero;
}

#else

// Never called: HasWideVectors() is false.
inline void ZeroShort(std::byte*, size_t) {}
inline void ZeroHalfMedium(std::byte*, size_t) {}
inline void ZeroMedium(std::byte*, size_t) {}
inline bool IsZeroShort(const std::byte*, size_t) { return false; }
inline bool IsZeroHalfMedium(const std::byte*, size_t) { return false; }
inline bool IsZeroMedium(const std::byte*, size_t) { return false; }
inline bool IsZeroLong(const std::byte*, size_t) { return false; }

#endif

}  // namespace wide
}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_WIDE_BYTES_H_
