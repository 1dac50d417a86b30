#include "src/engine/purge.h"

#include <atomic>

#include "src/base/bits.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/clock.h"
#include "src/engine/closing_slabs.h"
#include "src/engine/cold_slots.h"
#include "src/engine/container_limits.h"
#include "src/engine/heap_registry.h"
#include "src/engine/idle_units.h"
#include "src/engine/large_policy.h"
#include "src/engine/rebuild.h"
#include "src/engine/reclaim.h"
#include "src/engine/slab_pool.h"
#include "src/engine/tidy.h"
#include "src/options/sealed_page.h"
#include "src/platform/marked_point.h"

namespace bartizan {
namespace {

// What a heap may hold in empty slabs until they decay. A thread that frees everything and then
// sleeps keeps no more than this.
constexpr size_t kKeptEmptyBytes = kMiB;

// A heap that has a larger share than this in empty slabs is watched until they are given back, if
// that is no more than so long: being watched costs each free of the profile without quarantine a
// few nanoseconds.
constexpr size_t kShareWatched = 16;
constexpr uint64_t kLongestWatchMs = 10'000;

// Purges in the time of `decay`: what is due is given back no later than that after it became free.
// The last of them finds what has been empty for so many of them, a class that nobody has used for
// fewer gives back all it has.
constexpr uint64_t kPurgesPerDecay = 8;
constexpr uint64_t kPurgesUntilDue = 6;
constexpr uint32_t kPurgesUntilIdle = 4;
// For so long nothing became free that is worth it: the free slots which that has scattered over
// many slabs are then exchanged for some that lie together.
constexpr uint64_t kSettlesPerDecay = 4;
// Looks that this takes at least, where the thread was kept from running meanwhile. And refills,
// where slots wait: rings of many classes must have gone round.
constexpr uint32_t kPurgesUntilSettled = 4;
constexpr uint64_t kRefillsUntilSettled = 1024;
// Slabs in use are looked through for free parts by every so many, or in a watched heap. Those
// without slots that have pages of their own are many: their turn comes more seldom.
constexpr uint32_t kPurgesPerLook = 4;
constexpr uint32_t kPurgesPerLookWatched = 2;
constexpr uint32_t kPurgesPerUnitLook = 16;

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

// Units without a slot in use, as above: where the slab was the same when the last look came. It is
// not looked through again before it changes.
void DropIdleUnits(Heap& heap, SlabRef ref, bool all) {
  Slab& slab = g_address_map.slab(ref);
  const bool settled = slab.idle == slab.parked;
  slab.idle = slab.parked;
  if ((!all && !settled) || slab.dropped == slab.parked) return;
  if (slab.parked < SlotsPerUnit(ref.class_id())) return;
  const uint32_t slots = GiveBackIdlePages(ref);
  if (slots > slab.parked || slots > slab.carved) ReportCorruptSlab(ref);
  slab.carved -= slots;
  slab.parked -= slots;
  slab.idle = slab.parked;
  slab.dropped = slab.parked;
  if (slots == 0 || slab.parked == 0) return;
  // The next slots are taken from what is still in memory.
  UnlistSlab(heap, ref);
  ListSlab(heap, ref);
}

// False: the slab is announced in the heap's inbox, which must not name slabs of others. It stays
// an empty one for the next purge.
bool ReturnSlab(Heap& heap, SlabRef ref) {
  platform::MarkedPoint();
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

void CheckFirstListed(SlabRef ref, ClassId id, HeapId owner) {
  CheckLink(ref, id, owner);
  if (g_address_map.slab(ref).previous) ReportCorruptLink(ref);
}

// False: none was found soon.
bool ReturnEmptySlab(Heap& heap, ClassId id) {
  SlabRef ref = heap.reserve[id].room;
  if (ref) CheckFirstListed(ref, id, heap.id());
  for (int i = 0; i < kSlabsLookedAt && ref; ++i) {
    if (g_address_map.slab(ref).empty_since_ms != 0) return ReturnSlab(heap, ref);
    ref = NextListed(ref);
  }
  return false;
}

}  // namespace

bool NotifyOwner(SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  // Most frees find the flag set. It may be stale for the length of a store buffer: the owner then
  // misses this slot now and finds it with the next free to the slab.
  platform::MarkedPoint();
  if (slab.remote_pending.load(std::memory_order_relaxed)) return false;
  HeapId owner;
  do {
    platform::MarkedPoint();
    if (slab.remote_pending.exchange(true, std::memory_order_acq_rel)) return false;
    owner = g_address_map.OwnerOf(ref);
    if (owner != kNoHeap) break;
    platform::MarkedPoint();
    // In the pool: nothing to tell, unless it found an owner while the flag was up.
    slab.remote_pending.store(false, std::memory_order_release);
  } while (g_address_map.OwnerOf(ref) != kNoHeap);
  if (owner == kNoHeap) return false;
  if (owner == kNobodysHeap) {
    // It went without an owner after the free had looked; whoever took it away has seen the slot.
    slab.remote_pending.store(false, std::memory_order_release);
    closing::Settle(ref);
    return false;
  }
  Heap* const found = registry::HeapById(owner);
  if (found == nullptr) ReportCorruptSlab(ref);
  Heap& heap = *found;
  uint32_t head = heap.inbox.load(std::memory_order_relaxed);
  do {
    slab.remote_next.store(head, std::memory_order_relaxed);
    platform::MarkedPoint();
    // Release pairs with the owner's acquire in DrainInbox: it sees the link.
  } while (!heap.inbox.compare_exchange_weak(head, heap.LinkTo(ref), std::memory_order_release,
                                             std::memory_order_relaxed));
  return true;
}

namespace {

// How thoroughly to look.
struct Care {
  uint64_t minimum_age_ms = 0;  // of empty slabs
  bool all = true;              // parts of slabs, too, that became free since the last look
  bool slots = true;            // slots with pages of their own
  bool units = false;           // in slabs without such
};

void PurgeClass(Heap& heap, ClassId id, uint64_t now_ms, const Care& care) {
  const bool parts = id != kZeroClass && (HasOwnPages(id) ? care.slots : care.units);
  if (heap.reserve[id].empty_slabs == 0 && !parts) return;
  const SlabRef first = heap.reserve[id].room;
  if (first) CheckFirstListed(first, id, heap.id());
  SlabRef next;
  for (SlabRef ref = first; ref; ref = next) {
    const Slab& slab = g_address_map.slab(ref);
    next = NextListed(ref);
    const bool empty = slab.empty_since_ms != 0;
    if (empty && now_ms - slab.empty_since_ms >= care.minimum_age_ms && ReturnSlab(heap, ref))
      continue;
    if (!parts) continue;
    if (HasOwnPages(id)) {
      DropIdle(ref, care.all);
    } else if (!empty) {
      DropIdleUnits(heap, ref, care.all);
    }
  }
}

// True: nothing was taken from the bin nor put into it for a while, and only now so.
bool HasBecomeIdle(Heap& heap, Bin& bin) {
  BinReserve& reserve = heap.reserve[bin.id];
  const uint32_t activity = BinReserve::Activity(bin);
  const bool same = activity == reserve.purge_activity;
  reserve.purge_activity = activity;
  if (!same) reserve.idle_purges = 0;
  return same && ++reserve.idle_purges == kPurgesUntilIdle;
}

// What may be in empty slabs without anybody looking after it.
size_t UnwatchedBytes(const Heap& heap) {
  return kKeptEmptyBytes + heap.slab_bytes / kShareWatched;
}
bool HasSettled(const Heap& heap, uint64_t refills) {
  const bool waits = OptionsInForce().Has(Toggle::kQuarantine);
  return heap.settling_purges >= kPurgesUntilSettled &&
         refills - heap.settling_refills >= (waits ? kRefillsUntilSettled : 0);
}
void Watch(Heap& heap, uint64_t now_ms) {
  if (!heap.settles) heap.freed_ms = now_ms;
  if (heap.watched || OptionsInForce().decay_ms > kLongestWatchMs) return;
  heap.watched = true;
  for (ClassId id = 0; id < kClasses; ++id) heap.BinOf(id).stop = heap.BinOf(id).bottom;
}
void EndWatch(Heap& heap) {
  heap.watched = heap.settles = false;
  for (ClassId id = 0; id < kClasses; ++id) heap.BinOf(id).stop = heap.BinOf(id).last;
}

// All that the decay time asks for.
void PurgeDue(Heap& heap, uint64_t now_ms) {
  heap.last_purge_ms = now_ms;
  const uint64_t decay = OptionsInForce().decay_ms;
  heap.settles = heap.watched && now_ms - heap.freed_ms >= decay / kSettlesPerDecay;
  const uint64_t refills = heap.counters.refills.load(std::memory_order_relaxed);
  if (!heap.settles) {
    heap.settling_purges = 0;
    heap.settling_refills = refills;
  }
  ++heap.settling_purges;
  const uint32_t count = ++heap.purge_count;
  const uint32_t per_look = heap.watched ? kPurgesPerLookWatched : kPurgesPerLook;
  Care care;
  care.minimum_age_ms = decay / kPurgesPerDecay * kPurgesUntilDue;
  care.all = false;
  care.slots = count % per_look == 0;
  care.units = heap.watched ? care.slots : count % kPurgesPerUnitLook == 0;
  for (ClassId id = 0; id < kClasses; ++id) {
    Bin& bin = heap.BinOf(id);
    const bool idle = HasBecomeIdle(heap, bin);
    // What much that became free has left in a magazine lies scattered over many slabs.
    const bool scattered = heap.settles && care.slots;
    if (idle || scattered) {
      Flush(heap, bin);
      heap.reserve[id].purge_activity = BinReserve::Activity(bin);
    }
    PurgeClass(heap, id, now_ms, idle ? Care{.units = true} : care);
  }
  const bool over = now_ms - heap.freed_ms > decay && HasSettled(heap, refills) &&
                    heap.empty_bytes <= UnwatchedBytes(heap);
  if (heap.watched && over) EndWatch(heap);
}

}  // namespace

bool OnSlabEmpty(Heap& heap, SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  const uint64_t now = EngineMilliseconds();
  slab.empty_since_ms = now == 0 ? 1 : now;
  heap.empty_bytes += SlabBytes(ref.class_id());
  heap.reserve[ref.class_id()].empty_slabs++;
  const size_t share = heap.slab_bytes / 4;
  const size_t kept = share > kKeptEmptyBytes ? share : kKeptEmptyBytes;
  // An epoch keeps nothing: what it has must not lack elsewhere while it stays open.
  const bool keeps = OptionsInForce().decay_ms != 0 && !IsScarce(now) &&
                     !container_limits::IsNear() && heap.epoch == 0;
  if (keeps && heap.empty_bytes > UnwatchedBytes(heap)) Watch(heap, now);
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

void PurgeAll(Heap& heap, uint64_t now_ms) {
  heap.last_purge_ms = now_ms;
  for (ClassId id = 0; id < kClasses; ++id) PurgeClass(heap, id, now_ms, Care{.units = true});
}

void NoteScarcity(uint64_t now_ms) {
  g_scarce_until_ms.store(now_ms + kScarceMs, std::memory_order_relaxed);
}

void RequestPurge() { g_purge_requests.fetch_add(1, std::memory_order_relaxed); }

void internal::SlowTick(Heap& heap) {
  heap.slow_operations = heap.watched_frees = 0;
  HeapCounters::Add(heap.counters.ticks, 1);
  const uint64_t now = EngineMilliseconds();
  const uint32_t requests = g_purge_requests.load(std::memory_order_relaxed);
  const bool asked = heap.purges_seen != requests;
  if (IsScarce(now)) {
    heap.purges_seen = requests;
    EmptyHeap(heap, now);
    slab_pool::UnmapPooled(now);
    return;
  }
  if (container_limits::IsFoundNear(now)) TrimAll(Waiting::kGivenUp);
  const uint32_t shrinks = container_limits::Shrinks();
  if (heap.shrinks_seen != shrinks) {
    heap.shrinks_seen = shrinks;
    EmptyHeap(heap, now, Waiting::kGivenUp);
  }
  const uint64_t decay = OptionsInForce().decay_ms;
  // What others freed in the thread's own heap, while it works in one of an epoch.
  if (heap.home != nullptr) DrainAll(*heap.home);
  DropColdSlots(heap, now);
  g_large_blocks.Trim(now, LargePolicy{.cache_bytes = OptionsInForce().large_cache_bytes,
                                       .forgotten_per_ms = kForgottenPerMs});
  if (!asked && now - heap.last_purge_ms < decay / kPurgesPerDecay) return;
  heap.purges_seen = requests;
  HeapCounters::Add(heap.counters.purges, 1);
  DrainAll(heap);
  if (asked) {
    PurgeAll(heap, now);
  } else {
    PurgeDue(heap, now);
  }
  TidyIdle(now);
}

}  // namespace bartizan
