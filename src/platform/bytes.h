// Zeroing slots, and finding out whether memory is zero.
//
// `wide`: the processor has the instructions of wide_bytes.h, and the options allow them.
#ifndef BARTIZAN_SRC_PLATFORM_BYTES_H_
#define BARTIZAN_SRC_PLATFORM_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "src/base/compiler.h"
#include "src/platform/wide_bytes.h"

namespace bartizan::platform {

// Up to here zeroing is a fixed number of stores, and looking for zeros one of loads: when sizes
// vary, a mispredicted branch on the size costs more than accesses that overlap.
constexpr size_t MostShort(bool wide) { return wide ? wide::kMostShort : 128; }

// Zeroes at most MostShort(wide) bytes, and never less than 16: the memory is a slot's.
BARTIZAN_INLINE void ZeroShort(std::byte* slot, size_t bytes, bool wide) {
  if (wide) return wide::ZeroShort(slot, bytes);
  const size_t last = bytes < 16 ? 0 : bytes - 16;
#if defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  const auto store = [&](size_t at) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(slot + (at < last ? at : last)), zero);
  };
#else
  const auto store = [&](size_t at) { std::memset(slot + (at < last ? at : last), 0, 16); };
#endif
  store(0), store(16), store(32), store(48), store(64), store(80), store(96), store(last);
}

// Any number of bytes, and never less than 16.
BARTIZAN_INLINE void ZeroSlot(std::byte* slot, size_t bytes, bool wide) {
  if (bytes <= MostShort(wide)) return ZeroShort(slot, bytes, wide);
  if (wide && bytes <= wide::kMostMedium / 2) return wide::ZeroHalfMedium(slot, bytes);
  if (wide && bytes <= wide::kMostMedium) return wide::ZeroMedium(slot, bytes);
  std::memset(slot, 0, bytes);
}

// Whether a slot of at most MostShort(wide) bytes is zero. 16-byte aligned, a multiple of 16.
BARTIZAN_INLINE bool IsZeroShort(const std::byte* slot, size_t bytes, bool wide) {
  if (wide) return wide::IsZeroShort(slot, bytes);
  const size_t last = bytes - 16;
#if defined(__SSE2__)
  __m128i any = _mm_setzero_si128();
  const auto load = [&](size_t at) {
    const auto* from = reinterpret_cast<const __m128i*>(slot + (at < last ? at : last));
    any = _mm_or_si128(any, _mm_load_si128(from));
  };
  load(0), load(16), load(32), load(48), load(64), load(80), load(96), load(last);
  return _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) == 0xffff;
#else
  uint64_t any = 0;
  const auto load = [&](size_t at) {
    uint64_t words[2];
    std::memcpy(words, slot + (at < last ? at : last), sizeof words);
    any |= words[0] | words[1];
  };
  load(0), load(16), load(32), load(48), load(64), load(80), load(96), load(last);
  return any == 0;
#endif
}

// Whether all bytes are zero. `begin` is 16-byte aligned and `bytes` a multiple of 16.
inline bool IsZero(const std::byte* begin, size_t bytes, bool wide) {
  if (wide && bytes > wide::kMostMedium) return wide::IsZeroLong(begin, bytes);
  if (wide && bytes > wide::kMostMedium / 2) return wide::IsZeroMedium(begin, bytes);
  if (wide && bytes > wide::kMostShort) return wide::IsZeroHalfMedium(begin, bytes);
  if (wide) return wide::IsZeroShort(begin, bytes);
#if defined(__SSE2__)
  __m128i any = _mm_setzero_si128();
  for (size_t i = 0; i < bytes; i += 16) {
    any = _mm_or_si128(any, _mm_load_si128(reinterpret_cast<const __m128i*>(begin + i)));
  }
  return _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) == 0xffff;
#else
  uint64_t any = 0;
  for (size_t i = 0; i < bytes; i += sizeof any) {
    uint64_t word;
    std::memcpy(&word, begin + i, sizeof word);
    any |= word;
  }
  return any == 0;
#endif
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_BYTES_H_
