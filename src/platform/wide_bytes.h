// The same as bytes.h with vectors of 64 bytes, for processors that have masked ones (AVX-512 with
// byte masks, BMI2) and do not slow down for them.
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
// Where the string functions of the C library are no slower.
constexpr size_t kMostInLoop = 1536;
constexpr size_t kLeastInLoop = kVector;

#if defined(__x86_64__)

// Where the second of two vectors begins that cover `bytes` bytes, at most 128: both have the mask
// of the lowest `bytes` lanes, which is all of them from 64 on.
BARTIZAN_INLINE size_t SecondOf(size_t bytes) { return bytes < kVector ? 0 : bytes - kVector; }

// Zeroes at most 128 bytes.
BARTIZAN_INLINE void ZeroShort(std::byte* slot, size_t bytes) {
  uint64_t mask = ~uint64_t{0};
  asm volatile(
      "bzhi %[bytes], %[mask], %[mask]\n\t"
      "kmovq %[mask], %%k1\n\t"
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vmovdqu8 %%zmm0, (%[slot])%{%%k1%}\n\t"
      "vmovdqu8 %%zmm0, (%[slot], %[second])%{%%k1%}\n\t"
      : [mask] "+r"(mask)
      : [slot] "r"(slot), [second] "r"(SecondOf(bytes)), [bytes] "r"(bytes)
      : "xmm0", "memory");
}

// At least kVector bytes.
BARTIZAN_INLINE void ZeroLong(std::byte* slot, size_t bytes) {
  std::byte* const last = slot + bytes - kVector;
  std::byte* at = slot;
  asm volatile(
      "vpxor %%xmm0, %%xmm0, %%xmm0\n"
      "1:\n\t"
      "vmovdqu64 %%zmm0, (%[at])\n\t"
      "add $64, %[at]\n\t"
      "cmp %[last], %[at]\n\t"
      "jb 1b\n\t"
      "vmovdqu64 %%zmm0, (%[last])\n\t"
      : [at] "+r"(at)
      : [last] "r"(last)
      : "xmm0", "memory", "cc");
}

BARTIZAN_INLINE bool IsZeroShort(const std::byte* slot, size_t bytes) {
  uint64_t mask = ~uint64_t{0};
  bool zero;
  asm volatile(
      "bzhi %[bytes], %[mask], %[mask]\n\t"
      "kmovq %[mask], %%k1\n\t"
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vpcmpneqb (%[slot]), %%zmm0, %%k2%{%%k1%}\n\t"
      "vpcmpneqb (%[slot], %[second]), %%zmm0, %%k1%{%%k1%}\n\t"
      "kortestq %%k1, %%k2\n\t"
      : "=@ccz"(zero), [mask] "+r"(mask)
      : [slot] "r"(slot), [second] "r"(SecondOf(bytes)), [bytes] "r"(bytes)
      : "xmm0", "memory");
  return zero;
}

// At least kLeastInLoop bytes.
BARTIZAN_INLINE bool IsZeroLong(const std::byte* begin, size_t bytes) {
  const std::byte* const last = begin + bytes - kVector;
  const std::byte* at = begin;
  bool zero;
  asm volatile(
      "vpxor %%xmm0, %%xmm0, %%xmm0\n\t"
      "vpcmpneqb (%[last]), %%zmm0, %%k1\n"
      "1:\n\t"
      "vpcmpneqb (%[at]), %%zmm0, %%k2\n\t"
      "korq %%k1, %%k2, %%k1\n\t"
      "add $64, %[at]\n\t"
      "cmp %[last], %[at]\n\t"
      "jb 1b\n\t"
      "kortestq %%k1, %%k1\n\t"
      : "=@ccz"(zero), [at] "+r"(at)
      : [last] "r"(last)
      : "xmm0", "memory");
  return zero;
}

#else

// Never called: HasWideVectors() is false.
inline void ZeroShort(std::byte*, size_t) {}
inline void ZeroLong(std::byte*, size_t) {}
inline bool IsZeroShort(const std::byte*, size_t) { return false; }
inline bool IsZeroLong(const std::byte*, size_t) { return false; }

#endif

}  // namespace wide
}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_WIDE_BYTES_H_
