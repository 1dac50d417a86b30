// Handles: names of blocks that name nothing once the block is freed. This is the table behind
// include/bartizan/handle.h; it knows no allocator and frees no block itself.
//
//   handle   iiiiiiiiiiiiiiiiiiiiiiii ttttttttttttttttttttttttttttttttttttttt p
//            24 bits of index         39 bits of tag                          parity of the index
//
//   word     ttttttttttttttttttttttttttttttttttttttt p l nnnnnnnnnnnnnnnnnnnnnnn
//            of the entry at that index: tag and parity of the handle issued last, whether it is
//            live, and how often it is pinned
//
// The tag is the image of the entry's generation, which is how often it was used before, under a
// keyed permutation that is another one for each index. So a tag comes back at an entry never; who
// wants to guess one that was not issued to him guesses 39 bits. A handle resolves if it is the
// one that the word says, whole, and live. What follows for certain, and what is only improbable:
// docs/handles.md.
//
// An entry whose generations are used up is retired: it is issued no more.
//
// Who may write: an entry belongs to the thread that took it (Take) until it publishes a handle;
// then to all, by compare-and-exchange on the word, until one of them has freed it and the last pin
// is gone; then to the thread that found that, until it gives the entry back (GiveBack). Resolving
// takes no lock and writes nothing.
#ifndef BARTIZAN_SRC_ENGINE_HANDLE_TABLE_H_
#define BARTIZAN_SRC_ENGINE_HANDLE_TABLE_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/base/keyed_permutation.h"
#include "src/platform/lock.h"
#include "src/platform/marked_point.h"

namespace bartizan {

// What a table holds. Exact where nothing runs meanwhile.
struct HandleCounts {
  uint64_t live;               // handles that resolve
  uint64_t pins;               // pins of these, and of freed ones
  uint64_t pinned_after_free;  // handles that were freed and whose blocks stay until the last unpin
  uint64_t retired;            // entries that are issued no more
  uint64_t entries;            // ever used
  uint64_t most_entries;       // for which there is address space, or may be
  uint64_t table_bytes;        // mapped for entries
};

class HandleTable {
 public:
  static constexpr unsigned kIndexBits = 24;
  static constexpr unsigned kTagBits = KeyedPermutation::kBits + 1;  // with the parity
  static_assert(kIndexBits + kTagBits == 64);
  static constexpr unsigned kPinBits = 64 - kTagBits - 1;

  static constexpr uint32_t kMostEntries = uint32_t{1} << kIndexBits;
  static constexpr uint64_t kMostGenerations = uint64_t{1} << KeyedPermutation::kBits;
  static constexpr uint64_t kMostPins = (uint64_t{1} << kPinBits) - 1;

  // Tests make small ones. `entries` is a multiple of 512, which is a page of the smallest records.
  constexpr explicit HandleTable(uint32_t entries = kMostEntries,
                                 uint64_t generations = kMostGenerations)
      : most_entries_(entries), generations_(generations) {}
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // The block, or nullptr. If the handle was live at any moment of the call, it is its block.
  BARTIZAN_INLINE void* Resolve(uint64_t handle) const {
    const uint64_t index = handle >> kTagBits;
    // Acquire pairs with the release in Grow: what lies below is mapped.
    if (index >= limit_.load(std::memory_order_acquire)) [[unlikely]]
      return nullptr;
    const Entry& entry = entries_[index];
    // First the block, then the word: it is stored in the other order when the entry is used again,
    // so a block of another handle comes with a word that is not this handle's any more.
    void* const block = entry.block.load(std::memory_order_acquire);
    platform::MarkedPoint();
    const uint64_t word = entry.word.load(std::memory_order_acquire);
    // A branch, so that who uses the block need not wait for the comparison.
    if (!Names(handle, word)) [[unlikely]]
      return nullptr;
    return block;
  }

  // What a block begins with is not what its handle resolves to: the distance is a power of two.
  struct Placed {
    void* block;
    unsigned distance_log;
  };

  // Takes an entry for a handle.
  enum class Taken { kDone, kRefused, kUsedUp };  // kRefused: the system gives no memory
  Taken Take(uint32_t* index);
  // The entry's handle; from now on it resolves to the block.
  uint64_t Publish(uint32_t index, const Placed& placed);
  // An entry that was taken, for others.
  void Return(uint32_t index) { Push(HomeShard(), index); }

  // The handle resolves no more. kNow: the caller frees the block and gives the entry back. kLater:
  // who makes the last unpin does. kNone: it was not live; of racing calls one is not told so.
  enum class Freed { kNow, kLater, kNone };
  Freed Free(uint64_t handle);

  // The block stays until as many calls of Unpin as were made of Pin.
  enum class Pinned { kDone, kNone, kTooMany };
  Pinned Pin(uint64_t handle, void** block);
  // kLast: the handle was freed and this was its last pin; as kNow above. kWrong: it is not pinned.
  enum class Unpinned { kDone, kLast, kWrong };
  Unpinned Unpin(uint64_t handle);

  // For who was told kNow or kLast.
  Placed BlockOf(uint64_t handle) const;
  void GiveBack(uint64_t handle);

  // In a fork child, while it has one thread: another key from now on, and none of the entries that
  // were used before is used again, so that what was freed before the fork, or is issued by the
  // parent after it, stays what it is here: nothing.
  void BeginChild();

  platform::Lock* lock() { return &lock_; }

  // Entries that are issued no more. Exact when no other thread gives entries back.
  uint64_t retired() const { return retired_.load(std::memory_order_relaxed); }

  // Of a table that may be another process's: `read(address, to, bytes)` copies from its memory,
  // and may fail. Nothing of what it says is believed. False: the table cannot be read.
  template <class Read>
  static bool CountElsewhere(const Read& read, uintptr_t table, HandleCounts* counts);

 private:
  static constexpr uint64_t kLive = uint64_t{1} << kPinBits;
  // Free entries, linked: so many lists that threads seldom meet.
  static constexpr uint32_t kShards = 8;
  // Entries that a list gets at a time when there are no free ones.
  static constexpr uint32_t kBatch = 32;
  // The table is mapped by pieces; a piece is as large as what there is, within these bounds.
  static constexpr uint32_t kLeastPiece = 4096;
  static constexpr uint32_t kMostPiece = 65536;

  struct Entry {
    std::atomic<uint64_t> word;
    std::atomic<void*> block;
  };
  // Beside the entry: its generation, and below that the next of a list or, of a live entry, the
  // distance from the block's beginning.
  using Record = std::atomic<uint64_t>;
  static constexpr unsigned kRecordShift = kIndexBits;
  static_assert(KeyedPermutation::kBits + kRecordShift <= 64);

  // The head of a list: an index, and above it how often one was put there. So a head that was read
  // is the same head, with the same list behind it, as long as it is equal.
  struct alignas(64) Shard {
    std::atomic<uint64_t> head{0};
  };

  BARTIZAN_INLINE static bool Names(uint64_t handle, uint64_t word) {
    return (word ^ handle << (64 - kTagBits)) >> kPinBits == 1;
  }
  // The same for one that is freed and still pinned, too.
  static bool NamesEvenFreed(uint64_t handle, uint64_t word) {
    return (word ^ handle << (64 - kTagBits)) >> (kPinBits + 1) == 0;
  }
  static uint32_t HomeShard();
  // nullptr: there is none at the handle's index.
  Entry* EntryOf(uint64_t handle) const;
  Record& RecordOf(uint32_t index) const { return records_[index]; }

  bool Pop(Shard& shard, uint32_t* index);
  void Push(uint32_t shard, uint32_t index);
  Taken TakeFresh(uint32_t shard, uint32_t* index);
  bool Grow();
  bool Reserve();
  void DrawKey();

  // Read by Resolve. Written before the limit is raised for the first time, then constant.
  Entry* entries_ = nullptr;
  Record* records_ = nullptr;
  std::atomic<uint32_t> limit_{0};  // entries that are mapped; grows only, under the lock
  uint32_t most_entries_;
  uint64_t generations_;
  KeyedPermutation permutation_;
  uint32_t inherited_ = 0;  // entries below are those of processes that this one was forked from
  std::atomic<uint64_t> retired_{0};

  platform::Lock lock_;  // guards what follows, and growth; nothing is locked under it
  uint32_t fresh_ = 1;   // the first entry never used; 0 belongs to nobody, so 0 is no handle
  uint32_t room_ = 0;    // entries that address space is kept for
  Shard shards_[kShards];
};

extern constinit HandleTable g_handle_table;

template <class Read>
bool HandleTable::CountElsewhere(const Read& read, uintptr_t table, HandleCounts* counts) {
  *counts = {};
  alignas(HandleTable) std::byte bytes[sizeof(HandleTable)];
  if (!read(table, bytes, sizeof bytes)) return false;
  const auto* const copy = reinterpret_cast<const HandleTable*>(bytes);
  const uint32_t mapped = copy->limit_.load(std::memory_order_relaxed);
  const uint32_t limit = mapped < kMostEntries ? mapped : kMostEntries;
  const uint32_t end = copy->fresh_ < limit ? copy->fresh_ : limit;
  counts->retired = copy->retired_.load(std::memory_order_relaxed);
  counts->most_entries = copy->room_ != 0 ? copy->room_ : copy->most_entries_;
  counts->table_bytes = limit * (sizeof(Entry) + sizeof(Record));
  // Copied before the first piece was mapped.
  if (copy->entries_ == nullptr || end == 0) return true;
  counts->entries = end - 1;  // the first belongs to nobody
  constexpr uint32_t kAtATime = 64;
  uint64_t words[kAtATime * sizeof(Entry) / sizeof(uint64_t)];
  for (uint32_t first = 1; first < end; first += kAtATime) {
    const uint32_t some = end - first < kAtATime ? end - first : kAtATime;
    const auto from = reinterpret_cast<uintptr_t>(copy->entries_) + first * sizeof(Entry);
    if (!read(from, words, some * sizeof(Entry))) return false;
    for (uint32_t i = 0; i < some; ++i) {
      const uint64_t word = words[i * sizeof(Entry) / sizeof(uint64_t)];
      const bool live = (word & kLive) != 0;
      counts->live += live ? 1 : 0;
      counts->pins += word & kMostPins;
      counts->pinned_after_free += !live && (word & kMostPins) != 0 ? 1 : 0;
    }
  }
  return true;
}

// Ends the process: an unpin of what is not pinned.
BARTIZAN_COLD void ReportWrongUnpin(uint64_t handle);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_HANDLE_TABLE_H_
