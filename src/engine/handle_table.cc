#include "src/engine/handle_table.h"

#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/engine/heap.h"
#include "src/metadata/metadata_memory.h"
#include "src/metadata/seeding.h"
#include "src/platform/memory.h"

namespace bartizan {

constinit HandleTable g_handle_table;

namespace {

constexpr uint64_t kIndexMask = HandleTable::kMostEntries - 1;
// Between entries and records, never mapped.
constexpr size_t kGapBytes = kMiB;

// Indices that differ in one bit differ in this, so that no bit of a handle can be turned over
// without its tag becoming another than that of the entry it then names.
constexpr uint64_t ParityOf(uint32_t index) { return std::popcount(index) & 1; }

}  // namespace

// --- Free entries -------------------------------------------------------------------------------

uint32_t HandleTable::HomeShard() { return CurrentBins()->id() % kShards; }

bool HandleTable::Pop(Shard& shard, uint32_t* index) {
  // Acquire pairs with the release in Push: the record of the head is seen. It may be another
  // thread's already; then the head has changed.
  uint64_t head = shard.head.load(std::memory_order_acquire);
  for (;;) {
    const auto first = static_cast<uint32_t>(head & kIndexMask);
    if (first == 0) return false;
    platform::MarkedPoint();
    const uint64_t next = RecordOf(first).load(std::memory_order_relaxed) & kIndexMask;
    const uint64_t changed = (head & ~kIndexMask) | next;
    platform::MarkedPoint();
    if (shard.head.compare_exchange_weak(head, changed, std::memory_order_acquire,
                                         std::memory_order_acquire)) {
      *index = first;
      return true;
    }
  }
}

void HandleTable::Push(uint32_t shard, uint32_t index) {
  std::atomic<uint64_t>& place = shards_[shard].head;
  Record& record = RecordOf(index);
  const uint64_t generation = record.load(std::memory_order_relaxed) & ~kIndexMask;
  uint64_t head = place.load(std::memory_order_relaxed);
  uint64_t changed;
  do {
    record.store(generation | (head & kIndexMask), std::memory_order_relaxed);
    changed = ((head >> kIndexBits) + 1) << kIndexBits | index;
    platform::MarkedPoint();
    // Release: who takes the entry sees its record.
  } while (!place.compare_exchange_weak(head, changed, std::memory_order_release,
                                        std::memory_order_relaxed));
}

HandleTable::Taken HandleTable::Take(uint32_t* index) {
  const uint32_t home = HomeShard();
  // Of others before fresh ones: where one thread allocates and another frees, the table does not
  // grow.
  for (uint32_t i = 0; i < kShards; ++i) {
    if (Pop(shards_[(home + i) % kShards], index)) return Taken::kDone;
  }
  return TakeFresh(home, index);
}

HandleTable::Taken HandleTable::TakeFresh(uint32_t shard, uint32_t* index) {
  uint32_t first;
  uint32_t end;
  {
    platform::LockGuard guard(lock_);
    if (fresh_ >= limit_.load(std::memory_order_relaxed)) {
      if (room_ != 0 && fresh_ >= room_) return Taken::kUsedUp;
      if (!Grow()) return Taken::kRefused;
    }
    const uint32_t left = limit_.load(std::memory_order_relaxed) - fresh_;
    first = fresh_;
    end = first + (left < kBatch ? left : kBatch);
    fresh_ = end;
  }
  *index = first;
  while (--end != first) Push(shard, end);
  return Taken::kDone;
}

// --- The table's memory -------------------------------------------------------------------------

// Keeps address space for all of it, or for a part where the process may not have as much.
bool HandleTable::Reserve() {
  RandomStream random = NewStream(StreamUse::kHandles);
  for (uint32_t entries = most_entries_; entries != 0;
       entries = entries > kLeastPiece ? entries / 8 : 0) {
    const size_t entry_bytes = entries * sizeof(Entry);
    const size_t bytes = entry_bytes + kGapBytes + entries * sizeof(Record);
    const uintptr_t place = ClaimMetadata(random, bytes, platform::Access::kNone);
    if (place == 0) continue;
    entries_ = reinterpret_cast<Entry*>(place);
    records_ = reinterpret_cast<Record*>(place + entry_bytes + kGapBytes);
    room_ = entries;
    DrawKey();
    return true;
  }
  return false;
}

bool HandleTable::Grow() {
  if (room_ == 0 && !Reserve()) return false;
  const uint32_t limit = limit_.load(std::memory_order_relaxed);
  uint32_t piece = limit < kLeastPiece ? kLeastPiece : limit < kMostPiece ? limit : kMostPiece;
  if (piece > room_ - limit) piece = room_ - limit;
  const auto entries = reinterpret_cast<uintptr_t>(entries_ + limit);
  const auto records = reinterpret_cast<uintptr_t>(records_ + limit);
  constexpr platform::Access kUse = platform::Access::kReadWrite;
  if (!platform::SetAccess(records, piece * sizeof(Record), kUse)) return false;
  if (!platform::SetAccess(entries, piece * sizeof(Entry), kUse)) return false;
  limit_.store(limit + piece, std::memory_order_release);
  return true;
}

void HandleTable::DrawKey() {
  RandomStream random = NewStream(StreamUse::kHandles);
  permutation_ = KeyedPermutation(HashKey{{random.Next64(), random.Next64()}});
}

void HandleTable::BeginChild() {
  if (room_ == 0) return;
  DrawKey();
  inherited_ = fresh_;
  for (Shard& shard : shards_) shard.head.store(0, std::memory_order_relaxed);
}

// --- Handles ------------------------------------------------------------------------------------

HandleTable::Entry* HandleTable::EntryOf(uint64_t handle) const {
  const uint64_t index = handle >> kTagBits;
  return index < limit_.load(std::memory_order_acquire) ? &entries_[index] : nullptr;
}

uint64_t HandleTable::Publish(uint32_t index, const Placed& placed) {
  Record& record = RecordOf(index);
  const uint64_t generation = record.load(std::memory_order_relaxed) >> kRecordShift;
  record.store(generation << kRecordShift | placed.distance_log, std::memory_order_relaxed);
  const uint64_t tag = permutation_.Map(index, generation) << 1 | ParityOf(index);
  Entry& entry = entries_[index];
  platform::MarkedPoint();
  // Release: who reads this block in Resolve reads a word that is not the last handle's any more.
  entry.block.store(placed.block, std::memory_order_release);
  platform::MarkedPoint();
  // Release: who reads this word has the block.
  entry.word.store(tag << (64 - kTagBits) | kLive, std::memory_order_release);
  return uint64_t{index} << kTagBits | tag;
}

HandleTable::Freed HandleTable::Free(uint64_t handle) {
  Entry* const entry = EntryOf(handle);
  if (entry == nullptr) return Freed::kNone;
  uint64_t word = entry->word.load(std::memory_order_relaxed);
  do {
    if (!Names(handle, word)) return Freed::kNone;
    platform::MarkedPoint();
    // Acquire: what those did who had it pinned lies before what becomes of the block. Release: see
    // Resolve.
  } while (!entry->word.compare_exchange_weak(word, word & ~kLive, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
  return (word & kMostPins) == 0 ? Freed::kNow : Freed::kLater;
}

HandleTable::Pinned HandleTable::Pin(uint64_t handle, void** block) {
  Entry* const entry = EntryOf(handle);
  if (entry == nullptr) return Pinned::kNone;
  uint64_t word = entry->word.load(std::memory_order_relaxed);
  do {
    if (!Names(handle, word)) return Pinned::kNone;
    if ((word & kMostPins) == kMostPins) return Pinned::kTooMany;
    platform::MarkedPoint();
    // Acquire pairs with the release in Publish.
  } while (!entry->word.compare_exchange_weak(word, word + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed));
  *block = entry->block.load(std::memory_order_relaxed);
  return Pinned::kDone;
}

HandleTable::Unpinned HandleTable::Unpin(uint64_t handle) {
  Entry* const entry = EntryOf(handle);
  if (entry == nullptr) return Unpinned::kWrong;
  uint64_t word = entry->word.load(std::memory_order_relaxed);
  do {
    if (!NamesEvenFreed(handle, word) || (word & kMostPins) == 0) return Unpinned::kWrong;
    platform::MarkedPoint();
    // Release: what this thread did with the block lies before its end. Acquire: so does what the
    // others did.
  } while (!entry->word.compare_exchange_weak(word, word - 1, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
  return (word & (kLive | kMostPins)) == 1 ? Unpinned::kLast : Unpinned::kDone;
}

HandleTable::Placed HandleTable::BlockOf(uint64_t handle) const {
  const auto index = static_cast<uint32_t>(handle >> kTagBits);
  const uint64_t distance = RecordOf(index).load(std::memory_order_relaxed) & kIndexMask;
  return {entries_[index].block.load(std::memory_order_relaxed), static_cast<unsigned>(distance)};
}

void HandleTable::GiveBack(uint64_t handle) {
  const auto index = static_cast<uint32_t>(handle >> kTagBits);
  entries_[index].block.store(nullptr, std::memory_order_release);
  Record& record = RecordOf(index);
  const uint64_t generation = (record.load(std::memory_order_relaxed) >> kRecordShift) + 1;
  if (generation == generations_ || index < inherited_) {
    retired_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  record.store(generation << kRecordShift, std::memory_order_relaxed);
  Push(HomeShard(), index);
}

void ReportWrongUnpin(uint64_t handle) {
  ReportMistake({
      .what = "invalid unpin",
      .detail = "the handle is not pinned: it was unpinned more often than pinned, or is none",
      .address = reinterpret_cast<uintptr_t>(g_handle_table.Resolve(handle)),
      .advice = "look for a second unpin of this handle, or for one without a pin that succeeded",
  });
}

}  // namespace bartizan
