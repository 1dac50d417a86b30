#include "src/engine/epoch_table.h"

#include <cstring>

#include "src/base/bits.h"
#include "src/engine/epochs.h"
#include "src/metadata/metadata_memory.h"
#include "src/metadata/seeding.h"
#include "src/platform/entropy.h"
#include "src/platform/memory.h"

namespace bartizan {

constinit EpochTable g_epochs;

bool EpochTable::Grow() {
  constexpr size_t kPiece = 64 * kKiB;
  constexpr size_t kAll = kMost * sizeof(Epoch);
  if (records_ == nullptr) {
    RandomStream random = NewStream(StreamUse::kEpochs);
    records_ = reinterpret_cast<Epoch*>(ClaimMetadata(random, kAll, platform::Access::kNone));
    if (records_ == nullptr) return false;
  }
  const size_t had = accessible_ * sizeof(Epoch);
  if (had == kAll) return false;
  const uintptr_t place = reinterpret_cast<uintptr_t>(records_) + had;
  if (!platform::SetAccess(place, kPiece, platform::Access::kReadWrite)) return false;
  accessible_ += kPiece / sizeof(Epoch);
  return true;
}

EpochStatus EpochTable::Open(std::string_view label, EpochName* name) {
  if (label.size() >= kEpochLabelBytes) return EpochStatus::kBadLabel;
  uint64_t era;
  uint32_t id;
  {
    platform::LockGuard guard(lock_);
    id = free_;
    if (id != 0) {
      free_ = records_[id].next_free;
    } else {
      id = limit_.load(std::memory_order_relaxed);
      if (id >= accessible_ && !Grow()) return EpochStatus::kNoMemory;
      limit_.store(id + 1, std::memory_order_release);
    }
    era = next_era_++;
  }
  platform::LockGuard guard(LockOf(id));
  Epoch& epoch = records_[id];
  epoch.opened_ms = platform::CoarseMilliseconds();
  epoch.closing = epoch.release = false;
  epoch.until_look.store(1, std::memory_order_relaxed);
  std::memset(epoch.label, 0, sizeof epoch.label);
  std::memcpy(epoch.label, label.data(), label.size());
  epoch.era = era;
  *name = {id, era};
  return EpochStatus::kDone;
}

Epoch* EpochTable::At(uint32_t id) { return id != 0 && id < limit() ? &records_[id] : nullptr; }

Epoch* EpochTable::Find(const EpochName& name) {
  Epoch* const epoch = At(name.id);
  return epoch != nullptr && name.era != 0 && epoch->era == name.era ? epoch : nullptr;
}

void EpochTable::Drop(uint32_t id) {
  records_[id].era = 0;
  platform::LockGuard guard(lock_);
  records_[id].next_free = free_;
  free_ = id;
}

}  // namespace bartizan
