#include "src/engine/purge.h"

#include <atomic>

#include "src/base/bits.h"
#include "src/engine/cold_slots.h"
#include "src/engine/heap_registry.h"
#include "src/engine/large_policy.h"
#include "src/engine/rebuild.h"
#include "src/engine/reclaim.h"
#include "src/engine/slab_pool.h"
#include "src/engine/tidy.h"
#include "src/options/sealed_page.h"
#include "src/platform/entropy.h"

namespace bartizan {
namespace {

// What a heap may hold in empty slabs until they decay. A thread that frees everything and then
// sleeps keeps no more than this.
constexpr size_t kKeptEmptyBytes = kMiB;

// How many slabs of a class are looked at for an empty one, and how many may go for one that came.
constexpr int kSlabsLookedAt = 32;
constexpr int kMostExchanged = 16;

// After a refusal, for this long.
constexpr uint64_t kScarceMs = 10'000;
constinit std::atomic<uint64_t> g_scarce_until_ms{0};

bool IsScarce(uint64_t now_ms) {
  return now_ms < g_scarce_until_ms.load(std::memory_order_relaxed);
}

// Raised by RequestPurge; a heap that has seen a lower number purges all it can.
constinit std::atomic<uint32_t> g_purge_requests{0};

// Gives back the pages of parked slots, of those that were parked already when the last purge came
// or of all: a few slots that wait or are in use would keep them in memory.
void DropIdle(SlabRef ref, bool all) {
  Slab& slab = g_address_map.slab(ref);
  const ClassId id = ref.class_id();
  const SlotState* states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  uint32_t parked = 0;
  for (uint32_t i = 0; i < SlotsPerSlab(id); ++i) {
    if (states[i * stride].Load() == StateWord::AtRest(SlotKind::kParked)) parked |= 1u << i;
  }
  const uint32_t wanted = (all ? parked : parked & slab.idle) & ~slab.dropped;
  for (uint32_t i = 0; i < SlotsPerSlab(id); ++i) {
    if ((wanted >> i & 1) == 0) continue;
    const platform::AddressRange pages = g_address_map.PagesOfSlot(ref, i);
    platform::DropPages(pages.begin, pages.end - pages.begin);
  }
  slab.dropped = slab.dropped | wanted;
  slab.idle = parked;
}

// False: the slab is announced in the heap's inbox, which must not name slabs of others. It stays
// an empty one for the next purge.
bool ReturnSlab(Heap& heap, SlabRef ref) {
  if (g_address_map.slab(ref).remote_pending.load(std::memory_order_acquire)) return false;
  OnSlabUsed(heap, ref);
  UnlistSlab(heap, ref);
  slab_pool::Return(heap, ref);
  return true;
}

// The class, another than `taker`, with the most bytes in empty slabs.
ClassId MostEmptyClass(const Heap& heap, ClassId taker) {
  ClassId most = kClasses;
  size_t bytes = 0;
  for (ClassId id = 0; id < kClasses; ++id) {
    const size_t empty = heap.reserve[id].empty_slabs * SlabBytes(id);
    if (id == taker || empty <= bytes) continue;
    most = id;
    bytes = empty;
  }
  return most;
}

// False: none was found soon.
bool ReturnEmptySlab(Heap& heap, ClassId id) {
  SlabRef ref = heap.reserve[id].room;
  for (int i = 0; i < kSlabsLookedAt && ref; ++i) {
    if (g_address_map.slab(ref).empty_since_ms != 0) return ReturnSlab(heap, ref);
    ref = g_address_map.slab(ref).next;
  }
  return false;
}

}  // namespace

bool NotifyOwner(SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  // Most frees find the flag set. It may be stale for the length of a store buffer: the owner then
  // misses this slot now and finds it with the next free to the slab.
  if (slab.remote_pending.load(std::memory_order_relaxed)) return false;
  HeapId owner;
  do {
    if (slab.remote_pending.exchange(true, std::memory_order_acq_rel)) return false;
    owner = g_address_map.OwnerOf(ref);
    if (owner != kNoHeap) break;
    // In the pool: nothing to tell, unless it found an owner while the flag was up.
    slab.remote_pending.store(false, std::memory_order_release);
  } while (g_address_map.OwnerOf(ref) != kNoHeap);
  if (owner == kNoHeap) return false;
  Heap& heap = *registry::HeapById(owner);
  uint32_t head = heap.inbox.load(std::memory_order_relaxed);
  do {
    slab.remote_next.store(head, std::memory_order_relaxed);
    // Release pairs with the owner's acquire in DrainInbox: it sees the link.
  } while (!heap.inbox.compare_exchange_weak(head, heap.LinkTo(ref), std::memory_order_release,
                                             std::memory_order_relaxed));
  return true;
}

bool OnSlabEmpty(Heap& heap, SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  const uint64_t now = platform::CoarseMilliseconds();
  slab.empty_since_ms = now == 0 ? 1 : now;
  heap.empty_bytes += SlabBytes(ref.class_id());
  heap.reserve[ref.class_id()].empty_slabs++;
  const size_t share = heap.slab_bytes / 4;
  const size_t kept = share > kKeptEmptyBytes ? share : kKeptEmptyBytes;
  const bool keeps = OptionsInForce().decay_ms != 0 && !IsScarce(now);
  if (keeps && heap.empty_bytes <= kept) return false;
  return ReturnSlab(heap, ref);
}

void OnSlabUsed(Heap& heap, SlabRef ref) {
  g_address_map.slab(ref).empty_since_ms = 0;
  heap.empty_bytes -= SlabBytes(ref.class_id());
  heap.reserve[ref.class_id()].empty_slabs--;
}

void OnSlabTaken(Heap& heap, ClassId id) {
  size_t owed = SlabBytes(id);
  for (int i = 0; i < kMostExchanged && owed != 0 && heap.empty_bytes > kKeptEmptyBytes; ++i) {
    const ClassId other = MostEmptyClass(heap, id);
    if (other == kClasses || !ReturnEmptySlab(heap, other)) return;
    owed -= SlabBytes(other) < owed ? SlabBytes(other) : owed;
  }
}

void PurgeHeap(Heap& heap, uint64_t now_ms, uint64_t minimum_age_ms) {
  heap.last_purge_ms = now_ms;
  for (ClassId id = 0; id < kClasses; ++id) {
    if (heap.reserve[id].empty_slabs == 0 && !HasOwnPages(id)) continue;
    SlabRef next;
    for (SlabRef ref = heap.reserve[id].room; ref; ref = next) {
      const Slab& slab = g_address_map.slab(ref);
      next = slab.next;
      const bool empty = slab.empty_since_ms != 0;
      if (empty && now_ms - slab.empty_since_ms >= minimum_age_ms && ReturnSlab(heap, ref))
        continue;
      if (HasOwnPages(id)) DropIdle(ref, minimum_age_ms == 0);
    }
  }
}

void NoteScarcity(uint64_t now_ms) {
  g_scarce_until_ms.store(now_ms + kScarceMs, std::memory_order_relaxed);
}

void RequestPurge() { g_purge_requests.fetch_add(1, std::memory_order_relaxed); }

void internal::SlowTick(Heap& heap) {
  heap.slow_operations = 0;
  const uint64_t now = platform::CoarseMilliseconds();
  const uint32_t requests = g_purge_requests.load(std::memory_order_relaxed);
  const bool asked = heap.purges_seen != requests;
  if (IsScarce(now)) {
    heap.purges_seen = requests;
    EmptyHeap(heap, now);
    slab_pool::UnmapPooled(now);
    return;
  }
  const uint64_t decay = OptionsInForce().decay_ms;
  DropColdSlots(heap, now);
  g_large_blocks.Trim(now, LargePolicy{.cache_bytes = OptionsInForce().large_cache_bytes,
                                       .forgotten_per_ms = kForgottenPerMs});
  if (!asked && now - heap.last_purge_ms < decay / 2) return;
  heap.purges_seen = requests;
  DrainAll(heap);
  PurgeHeap(heap, now, asked ? 0 : decay);
  TidyIdle(now);
}

}  // namespace bartizan
