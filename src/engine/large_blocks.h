// Large blocks: each has a mapping of its own, but for samples, which may share one.
#ifndef BARTIZAN_SRC_ENGINE_LARGE_BLOCKS_H_
#define BARTIZAN_SRC_ENGINE_LARGE_BLOCKS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/bits.h"
#include "src/engine/large_space.h"
#include "src/engine/range_tree.h"
#include "src/engine/samples.h"
#include "src/hooks/events.h"
#include "src/metadata/slot_state.h"
#include "src/platform/address_plan.h"
#include "src/platform/lock.h"
#include "src/platform/memory.h"

namespace bartizan {

// What the layers in force want of large blocks, read from toggles and options by the caller.
struct LargePolicy {
  bool zero = false;   // freed memory must not be readable any more
  bool waits = false;  // a freed address must not be reused at once, nor stay accessible
  bool huge_pages = true;
  size_t quarantine_bytes = 0;
  size_t cache_bytes = 0;
  uint64_t decay_ms = 0;
  size_t sample_budget = 0;
  // The cache may hold as much as was asked for lately: this much of it is forgotten each
  // millisecond.
  size_t forgotten_per_ms = 0;
};

// From here on huge pages are asked for: a 2 MiB fault costs far less than the 4 KiB faults of the
// same range, and at most an eighth of a huge page is spent on the rounding. Blocks above the limit
// are often reservations that are touched here and there, which huge pages would fill with memory
// nobody asked for.
constexpr size_t kHugeThreshold = platform::kHugePageBytes / 8 * 7;
constexpr size_t kHugeLimit = kGiB;

inline bool WantsHugePages(size_t bytes, const LargePolicy& policy) {
  return policy.huge_pages && bytes >= kHugeThreshold && bytes <= kHugeLimit;
}

struct LargeRequest {
  size_t bytes;
  size_t alignment;  // power of two, >= 16
  Family family;
  size_t guard_before = 0;
  size_t guard_after = 0;
  bool against_upper = false;
  bool zeroed = false;  // the caller wants it all zero
  uint32_t epoch = 0;   // that it belongs to
  uint64_t weight = 0;  // not 0: a sample, which stands for so many allocations
};

// What is known of a live block.
struct LargeView {
  uintptr_t user;
  size_t requested;
  Family family;
  uintptr_t map_end;  // of the block's accessible memory
  bool sampled;

  // What the block could grow to where it is.
  size_t capacity() const { return sampled ? requested : map_end - user; }
};

struct LargeStatistics {
  size_t live_blocks;
  size_t live_bytes;
  size_t mapped_bytes;    // of live blocks
  size_t sampled_blocks;  // live ones
  size_t cached_bytes;
  size_t waiting_bytes;  // of address space
  size_t unguarded_blocks;
  size_t stuck_bytes;  // mapped, without pages: the kernel would not unmap them
};

class LargeBlocks {
 public:
  void Initialize(RandomStream& random);
  // The same for samples, if there are to be some.
  void StartSamples() { space_.StartSamples(); }
  // In a fork child: other random places than the parent's.
  void Reseed();

  // nullptr when the system refuses. `zeroed` tells whether the block is known to be all zero.
  void* Allocate(const LargeRequest& request, const LargePolicy& policy, bool* zeroed);

  // The live block that the address is inside of, guards and all. False: none.
  bool Find(uintptr_t address, LargeView* view);
  // The epoch of the live block that the address is inside of, or 0.
  uint32_t EpochOf(uintptr_t address);
  // What became of the large block that the address was in lately: what a report can tell.
  enum class Past { kUnknown, kFreed, kReleased };
  Past PastOf(uintptr_t address);

  // The block, live or freed, in whose range the address lies, guards and all: see samples.h.
  bool FindSample(uintptr_t address, SampleView* view);
  // The same for blocks that are no samples, too; where there is none in whose range the address
  // lies, of the nearest live one, if it is no farther than that.
  bool FindNear(uintptr_t address, size_t distance, SampleView* view);
  // Live samples; and whether further ones spend a mapping each.
  size_t sampled_count() const { return sampled_count_.load(std::memory_order_relaxed); }
  bool SamplesSpendMappings() const { return !space_.sample_space().grows(); }

  // The same for addresses that the program passes to functions which may be called anywhere, in
  // signal handlers too: does not wait for the lock. What cannot be told now is foreign. Blocks
  // that the kernel placed are not found.
  MemoryKind Look(uintptr_t address, LargeView* view);

  // Takes the block that begins at `user` out of the live ones: of racing frees exactly one gets
  // it, and looks at it before it ends its life. nullptr when there is none (any more).
  LargeBlock* Take(uintptr_t user, LargeView* view);
  // The same for any block of the epoch; it ends with all of them.
  LargeBlock* TakeOf(uint32_t epoch, LargeView* view);
  void Free(LargeBlock* taken, const LargePolicy& policy);

  // Gives the block a new size without copying it, where it is or elsewhere: its new address, or 0
  // when that does not work (the block is then unchanged). `user` is a live block.
  uintptr_t Resize(uintptr_t user, size_t bytes, const LargePolicy& policy);

  // Gives back cached blocks that are more than what was asked for lately.
  void Trim(uint64_t now_ms, const LargePolicy& policy);
  // Gives back cached blocks that are older.
  void Purge(uint64_t now_ms, uint64_t minimum_age_ms);

  // Gaps between blocks keep the kernel from merging their mappings. When half of the mappings a
  // process may have are spent, further blocks get no guards.
  bool GuardsSpent() const {
    return mapped_count_.load(std::memory_order_relaxed) > guarded_limit_;
  }

  LargeStatistics Statistics();
  // What `resident` tells of each block's mapping, live ones and cached ones; without the lock.
  uint64_t ResidentBytes(uint64_t (*resident)(uintptr_t begin, size_t bytes));
  // For those who read them by copies, without the lock. `statistics` lacks the waiting bytes.
  struct Places {
    const LargeStatistics* statistics;
    const size_t* waiting_bytes;
    const std::atomic<uintptr_t>* lowest;
    const std::atomic<uintptr_t>* highest;
    RangeNode* const* live;
    LargeBlock* const* cached;
    const size_t* cached_count;
    const platform::Lock* lock;
    const std::atomic<uintptr_t>* samples_begin;
    const std::atomic<size_t>* samples_bytes;
  };
  Places places() const {
    return {&statistics_,
            space_.waiting_bytes_place(),
            &lowest_,
            &highest_,
            live_.root_place(),
            cached_,
            &cached_count_,
            &lock_,
            space_.sample_space().begin_place(),
            space_.sample_space().bytes_place()};
  }
  platform::Lock* lock() { return &lock_; }

  static constexpr size_t kMaxCached = 64;

 private:
  static constexpr size_t kRemembered = 128;

  // Where a new block is mapped.
  struct Shape {
    size_t map_bytes;
    size_t alignment;
    size_t guard_before;
    size_t guard_after;
    bool huge;
  };
  // Of pages that are in memory.
  static void ZeroPages(uintptr_t begin, size_t bytes);
  static void ClearSlack(const LargeBlock& block);
  static LargeView ViewOf(const LargeBlock& block) {
    return {block.user, block.requested, block.family, block.map_end, block.sample != nullptr};
  }
  static Shape ShapeOf(const LargeRequest& request, const LargePolicy& policy);

  void MakeSample(LargeBlock* block, uint64_t weight);
  LargeBlock* FindExact(uintptr_t user) const;
  // A cached mapping serves requests down to four fifths of it as it is.
  static bool FitsWithin(size_t mapped, size_t wanted) {
    return mapped >= wanted && mapped <= wanted + wanted / 4;
  }
  size_t CacheBudget(uint64_t now_ms, const LargePolicy& policy);
  size_t FindCached(const LargeRequest& request, const Shape& shape) const;
  LargeBlock* TakeCached(const LargeRequest& request, const LargePolicy& policy);
  LargeBlock* FitCached(LargeBlock* block, const Shape& shape);
  void EnterCached(LargeBlock* block, uint64_t now_ms, const LargePolicy& policy);
  void RemoveCached(size_t first, size_t count);
  size_t RemoveOldest(size_t bytes, size_t blocks, LargeBlock** removed);
  LargeBlock* TakeStuck(const Shape& shape);
  LargeBlock* Place(const Shape& shape);
  LargeBlock* PlaceSample(const Shape& shape);
  platform::Claim MapInto(LargeBlock* block, const Shape& shape);
  LargeBlock* PlaceByKernel(const Shape& shape);
  void Enter(LargeBlock* block);
  void Leave(LargeBlock* block);
  void CountLive();
  bool Keep(LargeBlock* block, const LargePolicy& policy);
  LargeBlock* Hide(LargeBlock* block, const LargePolicy& policy);
  // False: it cannot be unmapped and waits to serve again.
  bool GiveBack(LargeBlock* block, const LargePolicy& policy);
  bool GiveBackAmongSamples(LargeBlock* block);
  bool GiveBackStuck();
  bool ResizeTaken(LargeBlock** block, size_t bytes, const LargePolicy& policy);
  void ShrinkInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy);
  bool GrowInPlace(LargeBlock* block, size_t bytes, const LargePolicy& policy);
  bool MakeRoomBehind(LargeBlock* block, uintptr_t end);
  static bool MoveEnd(LargeBlock* block, uintptr_t end);
  LargeBlock* GrowElsewhere(LargeBlock* block, size_t map_bytes, bool huge,
                            const LargePolicy& policy);
  void EnterEpoch(LargeBlock* block);
  void LeaveEpoch(LargeBlock* block);
  void Remember(const LargeBlock& block, Past past);
  // Whose range an address is in, guards and all, whether it lives or was freed.
  struct Known {
    const LargeBlock* block;
    bool live;
  };
  Known OwnerOf(uintptr_t address) const;
  Known NearerNeighbour(uintptr_t address, const Known& owner) const;
  const LargeBlock* FindTaken(uintptr_t address) const;
  const LargeBlock* NearestLive(uintptr_t address, size_t distance) const;
  MemoryKind LookLocked(uintptr_t address, LargeView* view, bool* cached) const;

  platform::Lock lock_;  // guards all of this; not held across system calls on blocks' pages
  LargeSpace space_;
  RangeTree live_;
  LargeBlock* cached_[kMaxCached] = {};  // oldest first
  size_t cached_count_ = 0;
  std::atomic<size_t> cached_bytes_{0};  // copy of statistics_.cached_bytes that needs no lock
  size_t demand_ = 0;                    // bytes asked for lately
  uint64_t demand_ms_ = 0;               // when some of it was forgotten last
  LargeBlock* stuck_ = nullptr;          // linked by `next`
  platform::AddressRange freed_[kRemembered] = {};  // the last ones
  Past freed_how_[kRemembered] = {};
  // The records that were theirs, and may be somebody else's by now; they are never unmapped.
  const LargeBlock* freed_block_[kRemembered] = {};
  size_t freed_count_ = 0;
  LargeStatistics statistics_ = {};
  size_t guarded_limit_ = 0;
  size_t among_samples_ = 0;  // live blocks in the space of samples
  // Where blocks were ever placed by us. Written under the lock, read without.
  std::atomic<uintptr_t> lowest_{UINTPTR_MAX};
  std::atomic<uintptr_t> highest_{0};
  std::atomic<size_t> sampled_count_{0};  // copy of statistics_.sampled_blocks, likewise
  std::atomic<size_t> mapped_count_{0};   // live blocks with a mapping each; needs no lock
};

extern constinit LargeBlocks g_large_blocks;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_LARGE_BLOCKS_H_
