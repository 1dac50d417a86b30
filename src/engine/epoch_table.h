// The records of epochs.
#ifndef BARTIZAN_SRC_ENGINE_EPOCH_TABLE_H_
#define BARTIZAN_SRC_ENGINE_EPOCH_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/relaxed.h"
#include "src/metadata/slab.h"
#include "src/platform/lock.h"

namespace bartizan {

struct Heap;
struct LargeBlock;

// What names an epoch: the number of its record, and an era that no other epoch of this process
// ever has.
struct EpochName {
  uint32_t id = 0;
  uint64_t era = 0;

  friend bool operator==(const EpochName&, const EpochName&) = default;
};

enum class EpochStatus {
  kDone,
  kStale,           // no such epoch any more
  kClosing,         // it takes no further blocks
  kBusy,            // threads are inside
  kNoMemory,        // the system gives none, or there are too many epochs or heaps
  kBadLabel,        // too long
  kTooDeep,         // too many scopes in one thread
  kNotInnermost,    // a scope is left before one that was entered later
  kOtherThread,     // a scope of another thread
  kNotInside,       // a scope that was left already, or never entered
  kThreadIsEnding,  // the thread's heap is given up already
};

inline constexpr size_t kEpochLabelBytes = 32;  // with the terminating zero

struct alignas(64) Epoch {
  uint64_t era;  // 0: the record is free
  uint64_t opened_ms;
  Heap* idle;       // its heaps that no thread is in, linked by next_idle
  uint32_t heaps;   // all of them
  uint32_t scopes;  // threads' scopes, allocations under way, and `tended`
  uint32_t tended;  // by threads that are not inside, but look after what rests here
  SlabRef slabs;    // all of them, linked by epoch_next
  uint32_t slab_count;
  Relaxed<uint8_t> closing;  // 1 or 0; a byte, for it may be read from anything
  bool release;              // what is live when it is retired is released
  uint32_t next_free;
  std::atomic<int32_t> until_look;  // so many frees by threads outside
  char label[kEpochLabelBytes];

  // Which end when the program wants it.
  uint32_t inside() const { return scopes > tended ? scopes - tended : 0; }

  // Guarded by the lock of the large blocks.
  LargeBlock* large;
  uint64_t large_blocks;
  uint64_t large_bytes;
  uint64_t large_mapped_bytes;
};
static_assert(sizeof(Epoch) == 128, "two cache lines");

class EpochTable {
 public:
  static constexpr uint32_t kMost = 1u << 20;
  static constexpr int kStripes = 64;
  static constexpr int kLocks = kStripes + 1;

  // A record with that label, open. kNoMemory, kBadLabel.
  EpochStatus Open(std::string_view label, EpochName* name);
  // Whoever holds the lock of the record's stripe may read and write it. nullptr: there is no
  // record of that number.
  Epoch* At(uint32_t id);
  // The same if the epoch is still this one, or nullptr. The lock is held.
  Epoch* Find(const EpochName& name);
  // The record is free from now on. The lock is held.
  void Drop(uint32_t id);
  // One past the highest number ever used.
  uint32_t limit() const { return limit_.load(std::memory_order_acquire); }

  // For those who read them by copies.
  struct Places {
    Epoch* const* records;
    const std::atomic<uint32_t>* limit;
  };
  Places places() const { return {&records_, &limit_}; }

  platform::Lock& LockOf(uint32_t id) { return stripes_[id % kStripes].lock; }
  // In the order in which they are taken, for fork.
  platform::Lock* LockAt(int i) { return i < kStripes ? &stripes_[i].lock : &lock_; }

 private:
  bool Grow();

  struct alignas(64) Stripe {
    platform::Lock lock;
  };

  Stripe stripes_[kStripes];
  platform::Lock lock_;  // guards what follows; taken last
  Epoch* records_ = nullptr;
  uint32_t accessible_ = 0;  // records that have memory
  uint32_t free_ = 0;        // list of free records
  std::atomic<uint32_t> limit_{1};
  uint64_t next_era_ = 1;
};

extern constinit EpochTable g_epochs;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_EPOCH_TABLE_H_
