// Copies of what other threads may be writing to, for readers who can do with an old value.
#ifndef BARTIZAN_SRC_PLATFORM_RACING_COPY_H_
#define BARTIZAN_SRC_PLATFORM_RACING_COPY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bartizan::platform {

namespace internal {

// What one copy takes: from where to where, and how much is left.
struct RacingCopy {
  unsigned char* out;
  const volatile unsigned char* in;
  size_t bytes;
};

// The thread sanitizer need not see it: nothing but numbers comes of it.
template <class Word>
[[gnu::noinline, gnu::no_sanitize_thread]] void CopyWords(RacingCopy& copy) {
  for (; copy.bytes >= sizeof(Word); copy.bytes -= sizeof(Word)) {
    const Word word = *reinterpret_cast<const volatile Word*>(copy.in);
    __builtin_memcpy(copy.out, &word, sizeof word);
    copy.in += sizeof word;
    copy.out += sizeof word;
  }
}

}  // namespace internal

// Each aligned word of eight, four or two bytes of `from` is read whole; which of the words are of
// before and which of after a store that is under way, nobody knows.
inline void CopyRacing(void* to, const void* from, size_t bytes) {
  internal::RacingCopy copy = {static_cast<unsigned char*>(to),
                               static_cast<const volatile unsigned char*>(from), bytes};
  const auto place = reinterpret_cast<uintptr_t>(from);
  if (place % 8 == 0) internal::CopyWords<uint64_t>(copy);
  if (place % 4 == 0) internal::CopyWords<uint32_t>(copy);
  if (place % 2 == 0) internal::CopyWords<uint16_t>(copy);
  internal::CopyWords<uint8_t>(copy);
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_RACING_COPY_H_
