// What the tests of large blocks share: instances of their own, and the policies of the profiles.
#ifndef BARTIZAN_TESTS_UNIT_ENGINE_LARGE_BLOCKS_UNDER_TEST_H_
#define BARTIZAN_TESTS_UNIT_ENGINE_LARGE_BLOCKS_UNDER_TEST_H_

#include <memory>

#include "src/base/bits.h"
#include "src/engine/large_blocks.h"

namespace bartizan {

inline constexpr LargePolicy kFastPolicy = {.cache_bytes = 64 * kMiB, .decay_ms = 1000};
inline constexpr LargePolicy kHardenedPolicy = {.zero = true,
                                                .waits = true,
                                                .quarantine_bytes = 32 * kMiB,
                                                .cache_bytes = 32 * kMiB,
                                                .decay_ms = 1000};
inline constexpr LargePolicy kNothingKept = {};

// A stream that no other test of this program had: what lies at one test's addresses stays there.
inline RandomStream NewStream() {
  static uint32_t seed = 0;
  const uint32_t key[RandomStream::kKeyWords] = {++seed};
  RandomStream random;
  random.Seed(key);
  return random;
}
inline std::unique_ptr<LargeBlocks> MakeLargeBlocks() {
  RandomStream random = NewStream();
  auto blocks = std::make_unique<LargeBlocks>();
  blocks->Initialize(random);
  return blocks;
}

// False when no block begins there.
inline bool FreeAt(LargeBlocks& blocks, uintptr_t user, const LargePolicy& policy) {
  LargeView view;
  LargeBlock* const block = blocks.Take(user, &view);
  if (block != nullptr) blocks.Free(block, policy);
  return block != nullptr;
}

inline LargeRequest Request(size_t bytes, size_t alignment = 16) {
  return {.bytes = bytes, .alignment = alignment, .family = Family::kNew};
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_ENGINE_LARGE_BLOCKS_UNDER_TEST_H_
