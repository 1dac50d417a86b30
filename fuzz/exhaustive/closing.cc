// How each program ends: as a correct one would, and then far enough that layers have looked at
// what it left behind.
#include "fuzz/exhaustive/player.h"
#include "src/api/embedded.h"
#include "src/options/sealed_page.h"

namespace fuzz {
namespace {

using bartizan::Toggle;

// Batches of so many blocks, each twice the one before, then of the most: enough for any
// quarantine, and for slots that random_slots holds back.
constexpr size_t kFirstBatch = 64;
constexpr size_t kMostBatch = 1024;
constexpr size_t kBatches = 24;

}  // namespace

bool Player::Close() {
  for (size_t i = 0; i < count_; ++i) {
    if (!blocks_[i].believed) continue;
    blocks_[i].believed = false;
    if (!FreeBlock(i, {})) return false;
  }
  // Only reuse_check promises to look.
  if (!bartizan::OptionsInForce().Has(Toggle::kReuseCheck)) return true;
  for (size_t i = 0; i < free_count_; ++i) {
    if (free_[i].dirty) return ReuseUntilSeen(free_[i].id);
  }
  return true;
}

// Blocks of the class are allocated and freed until the slot comes round; it must not be issued.
bool Player::ReuseUntilSeen(bartizan::ClassId id) {
  static void* blocks[kMostBatch];
  const bool canaries = bartizan::OptionsInForce().Has(Toggle::kCanaries);
  const size_t size = bartizan::kClassBytes[id] - (canaries ? kTail : 0);
  size_t batch = kFirstBatch;
  for (size_t i = 0; i < kBatches; ++i) {
    for (size_t j = 0; j < batch; ++j) {
      blocks[j] = bartizan_malloc(size);
      const auto begin = reinterpret_cast<uintptr_t>(blocks[j]);
      if (!IssuedWhileFree(begin, begin + size)) return false;
    }
    for (size_t j = 0; j < batch; ++j) bartizan_free(blocks[j]);
    frees_[id] += batch;
    if (batch < kMostBatch) batch *= 2;
  }
  return Broken("a slot that was written to while it was free was never issued again");
}

}  // namespace fuzz
