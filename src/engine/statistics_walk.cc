// The walk of statistics.h, over copies: nothing here touches the engine's own variables.
#include <algorithm>

#include "src/engine/record_copy.h"
#include "src/engine/statistics.h"
#include "src/engine/statistics_records.h"
#include "src/metadata/address_map.h"
#include "src/platform/entropy.h"

namespace bartizan {
namespace {

using record_copy::Copy;
using record_copy::ElementOf;
using record_copy::Number;
using record_copy::PlaceOf;
using record_copy::SlabCopy;
using record_copy::StatesCopy;

class Walk {
 public:
  Walk(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out)
      : memory_(memory), roots_(roots), out_(*out) {}

  void Run() {
    out_ = {};
    ReadNodes();
    ReadEpochs();
    for (ClassId id = 0; id < kClasses; ++id) AddClass(id);
    for (ClassId id = 0; id < kClasses; ++id) AddToTotals(id);
    AddHeaps();
    ReadLarge();
    ReadRecords();
  }

 private:
  void ReadNodes() {
    const uint64_t count = Number(memory_, roots_.node_count);
    out_.nodes = static_cast<uint32_t>(std::clamp<uint64_t>(count, 1, platform::kMaxNodes));
    for (uint32_t i = 0; out_.nodes > 1 && i < out_.nodes; ++i) {
      out_.node[i].number = static_cast<int>(Number(memory_, ElementOf(roots_.node_numbers, i)));
    }
  }

  // The oldest ones with what they know of themselves; their slabs come later.
  void ReadEpochs() {
    uintptr_t place = 0;
    if (!memory_(reinterpret_cast<uintptr_t>(roots_.epochs), &place, sizeof place)) {
      out_.incomplete = true;
      return;
    }
    const auto* const records = PlaceOf<Epoch>(place);
    const uint64_t limit =
        std::min<uint64_t>(Number(memory_, roots_.epoch_limit), EpochTable::kMost);
    const uint64_t now = platform::CoarseMilliseconds();
    for (uint32_t id = 1; id < limit && records != nullptr; ++id) {
      Copy<Epoch> epoch;
      if (!epoch.Read(memory_, ElementOf(records, id))) {
        out_.incomplete = true;
        return;
      }
      if (epoch->era != 0) ShowIfOld(id, *epoch, now);
    }
  }
  void ShowIfOld(uint32_t id, const Epoch& epoch, uint64_t now) {
    const bool closing = epoch.closing != 0;
    (closing ? out_.closing_epochs : out_.open_epochs)++;
    uint32_t at = out_.epochs_shown;
    for (; at != 0 && out_.epochs[at - 1].era > epoch.era; --at) {
      if (at != kEpochsShown) out_.epochs[at] = out_.epochs[at - 1];
    }
    if (at == kEpochsShown) return;
    if (out_.epochs_shown != kEpochsShown) out_.epochs_shown++;
    EpochStatistics& shown = out_.epochs[at];
    shown = {};
    shown.id = id;
    shown.era = epoch.era;
    shown.closing = closing;
    shown.scopes = epoch.inside();
    std::copy_n(epoch.label, kEpochLabelBytes - 1, shown.label);
    shown.age_ms = now > epoch.opened_ms ? now - epoch.opened_ms : 0;
    shown.live_blocks = epoch.large_blocks;
    shown.live_bytes = epoch.large_bytes;
    shown.committed_bytes = epoch.large_mapped_bytes;
  }
  void AddToEpoch(uint32_t id, const ClassStatistics& slab) {
    if (id == 0) return;
    for (uint32_t i = 0; i < out_.epochs_shown; ++i) {
      EpochStatistics& epoch = out_.epochs[i];
      if (epoch.id != id) continue;
      epoch.slabs++;
      epoch.live_blocks += slab.live_blocks;
      epoch.live_bytes += slab.live_bytes;
      epoch.committed_bytes += slab.committed_bytes;
    }
  }

  size_t MemoryPerSlot(ClassId id) const { return id == kZeroClass ? 0 : kClassBytes[id]; }
  size_t Capacity(ClassId id) const {
    const size_t memory = MemoryPerSlot(id);
    return memory < roots_.trailer_bytes ? 0 : memory - roots_.trailer_bytes;
  }

  void AddClass(ClassId id) {
    Copy<ClassRegion> region;
    if (!region.Read(memory_, ElementOf(roots_.regions, id))) {
      out_.incomplete = true;
      return;
    }
    // What lies below the limit was there before the limit.
    std::atomic_thread_fence(std::memory_order_acquire);
    out_.classes[id].pooled_slabs = region->pool_slabs;
    const size_t limit = region->limit.load(std::memory_order_relaxed);
    const size_t end = std::min({limit, region->next_slab, kUsableRegionBytes});
    for (size_t offset = 0; offset + SlabBytes(id) <= end; offset += SlabBytes(id)) {
      if (AddSlab(*region, AddressMap::SlabAt(id, offset))) continue;
      out_.incomplete = true;
      return;
    }
  }

  // False: it cannot be read.
  bool AddSlab(const ClassRegion& region, SlabRef ref) {
    SlabCopy slab;
    if (!slab.Read(memory_, roots_, region, ref)) return false;
    return !slab.in_use || AddSlots(ref, *slab.record, slab.states);
  }

  bool AddSlots(SlabRef ref, const Slab& slab, const SlotState* table) {
    const ClassId id = ref.class_id();
    const uint32_t slots = SlotsPerSlab(id);
    const uint32_t stride = kClassBytes[id] >> GranuleShift(id);
    const uint32_t uncarved = slab.uncarved;
    const uint32_t with_pages = HasOwnPages(id) ? ~uint32_t{slab.dropped} : ~uint32_t{0};
    ClassStatistics& sum = out_.classes[id];
    ClassStatistics mine = {};
    uint32_t used = 0;  // live, waiting or cached
    StatesCopy states(memory_, table, GranulesPerSlab(id));
    for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
      // Of slots that were never used, there is nothing to count.
      if ((uncarved >> unit & 1) != 0) continue;
      const SlotSpan in_unit = SlotsOfUnit(id, unit);
      for (uint32_t i = in_unit.begin; i < in_unit.end; ++i) {
        StateWord word;
        if (!states.At(i * stride, &word)) return false;
        const bool has_pages = (with_pages >> (i & 31) & 1) != 0;
        const size_t committed = MemoryPerSlot(id) - (has_pages ? 0 : DroppedBytes(ref, i));
        mine.committed_bytes += committed;
        if (AddSlot(id, word, &mine)) {
          ++used;
        } else {
          mine.idle_bytes += committed;
        }
      }
    }
    sum.empty_slabs += mine.live_blocks == 0;
    sum.full_slabs += mine.live_blocks != 0 && used == slots;
    sum.partly_used_slabs += mine.live_blocks != 0 && used != slots;
    AddSums(mine, &sum);
    const uint8_t index = slab.node;
    NodeStatistics& node = out_.node[index < out_.nodes ? index : 0];
    node.slabs++;
    node.slab_bytes += SlabBytes(id);
    node.live_bytes += mine.live_bytes;
    node.committed_bytes += mine.committed_bytes;
    AddToEpoch(slab.epoch, mine);
    return true;
  }

  // The bytes of whole pages in a slot.
  static size_t DroppedBytes(SlabRef ref, uint32_t slot) {
    const size_t bytes = kClassBytes[ref.class_id()];
    const size_t begin = slot * bytes;  // slabs begin at pages
    return AlignDown(begin + bytes, platform::kPageBytes) - AlignUp(begin, platform::kPageBytes);
  }

  // Whether the slot is anything but free.
  bool AddSlot(ClassId id, StateWord word, ClassStatistics* mine) const {
    if (word.IsLive()) {
      mine->live_blocks++;
      mine->live_bytes += Capacity(id) - std::min(Capacity(id), word.slack());
      return true;
    }
    switch (word.kind()) {
      case SlotKind::kQuarantined:
        mine->quarantined_slots++;
        return true;
      case SlotKind::kCached:
      case SlotKind::kFresh:
        mine->cached_slots++;
        return true;
      case SlotKind::kReleasing:
      case SlotKind::kRemote:
        mine->remote_slots++;
        return false;
      default:
        mine->parked_slots++;
        return false;
    }
  }

  static void AddSums(const ClassStatistics& mine, ClassStatistics* sum) {
    sum->live_blocks += mine.live_blocks;
    sum->live_bytes += mine.live_bytes;
    sum->quarantined_slots += mine.quarantined_slots;
    sum->cached_slots += mine.cached_slots;
    sum->remote_slots += mine.remote_slots;
    sum->parked_slots += mine.parked_slots;
    sum->committed_bytes += mine.committed_bytes;
    sum->idle_bytes += mine.idle_bytes;
  }

  void AddToTotals(ClassId id) {
    const ClassStatistics& from = out_.classes[id];
    const size_t memory = MemoryPerSlot(id);
    out_.small_live_blocks += from.live_blocks;
    out_.small_live_bytes += from.live_bytes;
    out_.small_quarantined_bytes += from.quarantined_slots * memory;
    out_.small_cached_bytes += from.cached_slots * memory;
    out_.small_free_bytes += (from.parked_slots + from.remote_slots) * memory;
    out_.slabs += from.slabs();
    out_.slab_bytes += from.slabs() * SlabBytes(id);
    out_.pooled_slabs += from.pooled_slabs;
    out_.committed_bytes += from.committed_bytes;
  }

  void AddHeaps() {
    const uint64_t limit = std::min<uint64_t>(Number(memory_, roots_.heap_limit), kMaxHeaps + 1);
    for (uint32_t id = 1; id < limit; ++id) {
      HeapStatistics heap;
      if (!WalkHeap(memory_, roots_, static_cast<HeapId>(id), &heap)) {
        out_.incomplete = true;
        continue;
      }
      out_.heaps++;
      out_.attached_heaps += heap.attached;
      for (size_t i = 0; i < kHeapCounterCount; ++i) out_.counters[i] += heap.counters[i];
    }
  }

  void ReadLarge() {
    if (!memory_(reinterpret_cast<uintptr_t>(roots_.large), &out_.large, sizeof out_.large)) {
      out_.large = {};
      out_.incomplete = true;
    }
    out_.large.waiting_bytes = Number(memory_, roots_.large_waiting_bytes);
    out_.committed_bytes += out_.large.mapped_bytes + out_.large.cached_bytes;
  }

  void ReadRecords() {
    out_.guarded = (roots_.toggles & Bit(Toggle::kGuardPages)) != 0 ? 1 : 0;
    out_.unguarded_slabs = Number(memory_, roots_.unguarded_slabs);
    const bool read[] = {
        ReadProcessCounters(memory_, roots_, &out_), ReadCatches(memory_, roots_, &out_),
        ReadSampleCounters(memory_, roots_, &out_), ReadHandles(memory_, roots_, &out_)};
    for (const bool one : read) out_.incomplete |= !one;
  }

  const MemoryReader& memory_;
  const EngineRoots& roots_;
  EngineStatistics& out_;
};

// References between two places. The places may be anything: no more than any bin can hold.
uint64_t Between(Place from, Place to) {
  constexpr uint32_t kMost = 1 << 16;
  const uint32_t count = (to - from) / kPlaceStep;
  return count <= kMost ? count : 0;
}

}  // namespace

bool WalkHeap(const MemoryReader& memory, const EngineRoots& roots, HeapId id,
              HeapStatistics* out) {
  Copy<std::atomic<Heap*>> entry;
  if (!entry.Read(memory, ElementOf(roots.heaps, id))) return false;
  const auto at = reinterpret_cast<uintptr_t>(entry->load(std::memory_order_relaxed));
  constexpr unsigned kAddressBits = 48;
  if (at == 0 || at >> kAddressBits != 0 || at % alignof(Heap) != 0) return false;
  const Heap* const heap = PlaceOf<Heap>(at);
  Copy<HeapCounters> counters;
  uint64_t holder = 0;
  *out = {};
  out->id = id;
  bool read = counters.Read(memory, &heap->counters);
  read = read && memory(reinterpret_cast<uintptr_t>(&heap->holder), &holder, sizeof holder);
  out->attached = holder != 0;
  out->node = static_cast<uint32_t>(Number(memory, &heap->node));
  out->slab_bytes = Number(memory, &heap->slab_bytes);
  out->empty_bytes = Number(memory, &heap->empty_bytes);
  for (size_t i = 0; read && i < kHeapCounterCount; ++i) {
    out->counters[i] = ((*counters).*kHeapCounters[i].member).load(std::memory_order_relaxed);
  }
  for (ClassId class_id = 0; read && class_id < kClasses; ++class_id) {
    Copy<Bin> bin;
    Copy<BinReserve> reserve;
    const bool zero = class_id == kZeroClass;
    read = bin.Read(memory, zero ? &heap->zero_bin : &heap->bins[class_id]) &&
           reserve.Read(memory, &heap->reserve[class_id]);
    if (!read) break;
    out->slabs += reserve->slabs;
    if (zero) continue;  // no memory
    const bool turned = bin->ring_next < reserve->ring_tail;
    const uint64_t waiting = turned ? Between(reserve->ring_tail, reserve->ring_end) +
                                          Between(reserve->ring, bin->ring_next)
                                    : Between(reserve->ring_tail, bin->ring_next);
    out->cached_bytes += (Between(bin->bottom, bin->next) + reserve->held) * kClassBytes[class_id];
    out->quarantined_bytes += waiting * kClassBytes[class_id];
  }
  return read;
}

void WalkStatistics(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out) {
  Walk(memory, roots, out).Run();
}

}  // namespace bartizan
