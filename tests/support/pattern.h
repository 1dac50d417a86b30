// Block contents that a reader can check knowing only the seed.
//
// Word i of a block is seed * k + i * step: cheap, different at every place and for every seed, so
// that a block that was moved, torn, zeroed or overwritten by a neighbour does not check out.
#ifndef BARTIZAN_TESTS_SUPPORT_PATTERN_H_
#define BARTIZAN_TESTS_SUPPORT_PATTERN_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/expect.h"

namespace test {

inline constexpr uint64_t kPatternSeedFactor = 0x9e3779b97f4a7c15u;
inline constexpr uint64_t kPatternStep = 0xd1342543de82ef95u;

inline uint64_t PatternWord(uint64_t seed, size_t index) {
  return (seed | 1) * kPatternSeedFactor + index * kPatternStep;
}

// Writes bytes [from, size) of the pattern; `from` is a multiple of 8.
inline void FillFrom(void* block, size_t from, size_t size, uint64_t seed) {
  char* bytes = static_cast<char*>(block);
  size_t index = from / 8;
  uint64_t word = PatternWord(seed, index);
  for (; (index + 1) * 8 <= size; ++index, word += kPatternStep) {
    memcpy(bytes + index * 8, &word, 8);
  }
  for (size_t i = index * 8; i < size; ++i) {
    bytes[i] = static_cast<char>(word >> (8 * (i - index * 8)));
  }
}

inline void Fill(void* block, size_t size, uint64_t seed) { FillFrom(block, 0, size, seed); }

// The first byte in [from, size) that differs, or `size`; `from` is a multiple of 8.
inline size_t FirstMismatchFrom(const void* block, size_t from, size_t size, uint64_t seed) {
  const char* bytes = static_cast<const char*>(block);
  size_t index = from / 8;
  uint64_t expected = PatternWord(seed, index);
  for (; (index + 1) * 8 <= size; ++index, expected += kPatternStep) {
    uint64_t found;
    memcpy(&found, bytes + index * 8, 8);
    if (found != expected) return index * 8 + __builtin_ctzll(found ^ expected) / 8;
  }
  for (size_t i = index * 8; i < size; ++i) {
    if (bytes[i] != static_cast<char>(expected >> (8 * (i - index * 8)))) return i;
  }
  return size;
}

// Blocks up to this size are filled and checked whole by FillSparse and CheckSparse.
inline constexpr size_t kWholeLimit = 4096;
inline constexpr size_t kEdge = 512;

// For large blocks: both edges whole, and between them one cache line in every page, so that every
// page is resident and a lost or exchanged page is seen; or nothing, to leave the pages untouched.
enum class Coverage { kEveryPage, kEdges };

template <typename Range>
void ForEachSparseRange(size_t size, Coverage coverage, Range range) {
  if (size <= kWholeLimit) {
    range(size_t{0}, size);
    return;
  }
  range(size_t{0}, kEdge);
  if (coverage == Coverage::kEveryPage) {
    for (size_t at = 4096; at + 64 < size - kEdge; at += 4096) range(at, at + 64);
  }
  range((size - kEdge) & ~size_t{7}, size);
}

inline void FillSparse(void* block, size_t size, uint64_t seed,
                       Coverage coverage = Coverage::kEveryPage) {
  ForEachSparseRange(size, coverage,
                     [=](size_t from, size_t to) { FillFrom(block, from, to, seed); });
}

// Checks what Fill or FillSparse wrote in the first `size` bytes of the block.
inline void Check(const char* what, const void* block, size_t size, uint64_t seed) {
  size_t at = FirstMismatchFrom(block, 0, size, seed);
  EXPECT(at == size, "%s: block %p of %zu bytes (seed %llx) is wrong from byte %zu on", what, block,
         size, static_cast<unsigned long long>(seed), at);
}

// Checks the first `size` bytes of a block of which FillSparse once wrote `filled` >= `size` bytes:
// what realloc must have kept.
inline void CheckPrefix(const char* what, const void* block, size_t size, size_t filled,
                        uint64_t seed, Coverage coverage = Coverage::kEveryPage) {
  ForEachSparseRange(filled, coverage, [=](size_t from, size_t to) {
    if (from >= size) return;
    size_t end = to < size ? to : size;
    size_t at = FirstMismatchFrom(block, from, end, seed);
    EXPECT(at == end, "%s: block %p of %zu bytes (seed %llx) is wrong at byte %zu", what, block,
           size, static_cast<unsigned long long>(seed), at);
  });
}

inline void CheckSparse(const char* what, const void* block, size_t size, uint64_t seed,
                        Coverage coverage = Coverage::kEveryPage) {
  CheckPrefix(what, block, size, size, seed, coverage);
}

inline bool AllBytesAre(const void* block, size_t size, unsigned char value) {
  const unsigned char* bytes = static_cast<const unsigned char*>(block);
  if (size == 0) return true;
  return bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_PATTERN_H_
