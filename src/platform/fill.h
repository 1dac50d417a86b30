// Memory with a pattern: a word of eight bytes, repeated from where a block begins.
#ifndef BARTIZAN_SRC_PLATFORM_FILL_H_
#define BARTIZAN_SRC_PLATFORM_FILL_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "src/base/compiler.h"

namespace bartizan::platform {

// Bytes [from, to) of the block.
inline void Fill(std::byte* block, size_t from, size_t to, uint64_t pattern) {
  constexpr size_t kWord = sizeof pattern;
  const auto one = [&](size_t at) {
    block[at] = static_cast<std::byte>(pattern >> (8 * (at % kWord)));
  };
  for (; from < to && from % kWord != 0; ++from) one(from);
  for (; to - from >= kWord && from < to; from += kWord) {
    std::memcpy(block + from, &pattern, kWord);
  }
  for (; from < to; ++from) one(from);
}

// Whether each word is zero or the pattern. Both numbers are multiples of eight.
BARTIZAN_INLINE bool IsZeroOr(uint64_t pattern, const std::byte* begin, size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof pattern) {
    uint64_t word;
    std::memcpy(&word, begin + i, sizeof word);
    if (word != 0 && word != pattern) return false;
  }
  return true;
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_FILL_H_
