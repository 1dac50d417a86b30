// Searching a run of sixteen-bit words for one value.
#ifndef BARTIZAN_SRC_PLATFORM_WORD_SCAN_H_
#define BARTIZAN_SRC_PLATFORM_WORD_SCAN_H_

#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Whether accesses are instrumented for the thread sanitizer, which knows no vectors.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BARTIZAN_THREAD_SANITIZER 1
#endif
#endif
#ifndef BARTIZAN_THREAD_SANITIZER
#define BARTIZAN_THREAD_SANITIZER 0
#endif

namespace bartizan::platform {

// Words that are read at a time.
constexpr uint32_t kScanStep = 8;

// The first index in [from, end) whose word is `wanted`, or `end`. Other threads may write words
// meanwhile; each is read whole, in no order. `words` is 16-byte aligned and may be read up to the
// next multiple of kScanStep.
inline uint32_t FindWord(const uint16_t* words, uint32_t from, uint32_t end, uint16_t wanted) {
#if defined(__SSE2__) && !BARTIZAN_THREAD_SANITIZER
  const __m128i pattern = _mm_set1_epi16(static_cast<int16_t>(wanted));
  const auto equal = [&](uint32_t at) {
    return _mm_cmpeq_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(words + at)), pattern);
  };
  uint32_t at = from / kScanStep * kScanStep;
  // Two bits of the mask for each word; those before `from` do not count.
  uint32_t ignored = (uint32_t{1} << (from % kScanStep * 2)) - 1;
  while (at < end) {
    const uint32_t found = static_cast<uint32_t>(_mm_movemask_epi8(equal(at))) & ~ignored;
    if (found != 0) {
      const uint32_t index = at + static_cast<uint32_t>(std::countr_zero(found)) / 2;
      return index < end ? index : end;
    }
    ignored = 0;
    at += kScanStep;
    // Long runs without it: a cache line at a time.
    for (; at + 4 * kScanStep <= end; at += 4 * kScanStep) {
      const __m128i first = _mm_or_si128(equal(at), equal(at + kScanStep));
      const __m128i second = _mm_or_si128(equal(at + 2 * kScanStep), equal(at + 3 * kScanStep));
      if (_mm_movemask_epi8(_mm_or_si128(first, second)) != 0) break;
    }
  }
  return end;
#else
  for (uint32_t at = from; at < end; ++at) {
    if (__atomic_load_n(words + at, __ATOMIC_RELAXED) == wanted) return at;
  }
  return end;
#endif
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_WORD_SCAN_H_
