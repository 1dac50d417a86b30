#include "src/engine/live_blocks.h"

#include <algorithm>

#include "src/engine/epoch_table.h"
#include "src/engine/heap.h"
#include "src/engine/large_blocks.h"
#include "src/engine/record_copy.h"
#include "src/metadata/address_map.h"

namespace bartizan {
namespace {

using record_copy::Address;
using record_copy::Copy;
using record_copy::ElementOf;
using record_copy::Number;
using record_copy::PlaceOf;
using record_copy::SlabCopy;
using record_copy::StatesCopy;

class BlockWalk {
 public:
  BlockWalk(const MemoryReader& memory, const EngineRoots& roots, const HeapVisitor& visitor)
      : memory_(memory), roots_(roots), visitor_(visitor) {
    epochs_ = Address(memory, roots.epochs);
  }

  bool Run() {
    VisitTables();
    bool whole = true;
    for (ClassId id = 0; id < kClasses; ++id) whole &= VisitClass(id);
    return VisitLarge() && whole;
  }

 private:
  void Record(uintptr_t begin, size_t bytes) {
    if (begin != 0) visitor_.range(visitor_.context, {begin, begin + bytes, true});
  }
  void Range(uintptr_t begin, uintptr_t end) {
    visitor_.range(visitor_.context, {begin, end, false});
  }

  void VisitTables() {
    Range(roots_.layout_range.begin, roots_.layout_range.end);
    for (const platform::AddressRange& variable : roots_.variables) {
      Range(variable.begin, variable.end);
    }
    // Closed pages of it look as if they were in use.
    const uintptr_t samples = Number(memory_, roots_.samples_begin);
    Range(samples, samples + Number(memory_, roots_.samples_bytes));
    Record(epochs_, sizeof(Epoch));
    const uint64_t limit = std::min<uint64_t>(Number(memory_, roots_.heap_limit), kMaxHeaps + 1);
    for (uint32_t id = 1; id < limit; ++id) {
      Record(Address(memory_, ElementOf(roots_.heaps, id)), sizeof(Heap));
    }
    const uint64_t cached =
        std::min<uint64_t>(Number(memory_, roots_.large_cached_count), LargeBlocks::kMaxCached);
    for (uint32_t i = 0; i < cached; ++i) {
      Copy<LargeBlock> block;
      const uintptr_t place = Address(memory_, ElementOf(roots_.large_cached, i));
      if (block.Read(memory_, PlaceOf<LargeBlock>(place))) {
        Range(block->map_begin, block->map_end);
      }
    }
  }

  bool IsHeld(uint32_t epoch) {
    if (epoch == 0) return false;
    if (epoch == known_epoch_) return known_held_;
    Copy<Epoch> record;
    known_epoch_ = epoch;
    known_held_ = epoch < EpochTable::kMost && epochs_ != 0 &&
                  record.Read(memory_, ElementOf(PlaceOf<Epoch>(epochs_), epoch)) &&
                  record->era != 0 && record->closing == 0;
    return known_held_;
  }

  bool VisitClass(ClassId id) {
    Copy<ClassRegion> region;
    if (!region.Read(memory_, ElementOf(roots_.regions, id))) return false;
    const size_t limit = region->limit.load(std::memory_order_relaxed);
    const size_t end = std::min({limit, region->next_slab, kUsableRegionBytes});
    for (size_t offset = 0; offset + SlabBytes(id) <= end; offset += SlabBytes(id)) {
      if (!VisitSlab(*region, AddressMap::SlabAt(id, offset))) return false;
    }
    return true;
  }

  bool VisitSlab(const ClassRegion& region, SlabRef ref) {
    const ClassId id = ref.class_id();
    SlabCopy slab;
    if (!slab.Read(memory_, roots_, region, ref)) return false;
    if (!slab.in_use) return true;
    const uintptr_t begin = region.base + (size_t{ref.index()} << SlabShift(id));
    const bool held = IsHeld(slab.record->epoch);
    const size_t slot_bytes = id == kZeroClass ? 0 : kClassBytes[id];
    const size_t capacity = slot_bytes - std::min<size_t>(slot_bytes, roots_.trailer_bytes);
    const uint32_t uncarved = slab.record->uncarved;
    StatesCopy words(memory_, slab.states, GranulesPerSlab(id));
    for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
      if ((uncarved >> unit & 1) != 0) continue;
      const SlotSpan slots = SlotsOfUnit(id, unit);
      for (uint32_t i = slots.begin; i < slots.end; ++i) {
        StateWord word;
        if (!words.At(i * (kClassBytes[id] >> GranuleShift(id)), &word)) return false;
        if (!word.IsLive()) continue;
        visitor_.block(visitor_.context, {begin + size_t{i} * kClassBytes[id],
                                          capacity - std::min(capacity, word.slack()), 0, held});
      }
    }
    return true;
  }

  // In the order of addresses. A tree deeper than any that is whole leads nowhere.
  bool VisitLarge() {
    constexpr int kDeepest = 256;
    const LargeBlock* path[kDeepest];
    int depth = 0;
    uintptr_t place = Address(memory_, roots_.large_live);
    for (size_t visited = 0; visited <= kMostLarge; ++visited) {
      Copy<LargeBlock> block;
      for (; place != 0; place = reinterpret_cast<uintptr_t>(block->left)) {
        if (depth == kDeepest || !block.Read(memory_, PlaceOf<LargeBlock>(place))) return false;
        path[depth++] = PlaceOf<LargeBlock>(place);
      }
      if (depth == 0) return true;
      const LargeBlock* const at = path[--depth];
      if (!block.Read(memory_, at)) return false;
      VisitLargeBlock(at, *block);
      place = reinterpret_cast<uintptr_t>(block->right);
    }
    return false;
  }

  void VisitLargeBlock(const LargeBlock* at, const LargeBlock& block) {
    Record(reinterpret_cast<uintptr_t>(at), sizeof block);
    Copy<Sample> sample;
    StackId stack = 0;
    if (block.sample != nullptr && sample.Read(memory_, block.sample)) {
      stack = sample->allocation.stack;
      Record(reinterpret_cast<uintptr_t>(block.sample), sizeof(Sample));
    }
    // What lies beside the block in its pages is not the program's.
    Range(block.map_begin, block.map_end);
    visitor_.block(visitor_.context, {block.user, block.requested, stack, IsHeld(block.epoch)});
  }

  // Far more than fit the memory of samples, and the mappings of all others.
  static constexpr size_t kMostLarge = size_t{1} << 24;

  const MemoryReader& memory_;
  const EngineRoots& roots_;
  const HeapVisitor& visitor_;
  uintptr_t epochs_;
  uint32_t known_epoch_ = 0;
  bool known_held_ = false;
};

}  // namespace

bool WalkLiveBlocks(const MemoryReader& memory, const EngineRoots& roots,
                    const HeapVisitor& visitor) {
  return BlockWalk(memory, roots, visitor).Run();
}

bool LargeBlocksChange(const MemoryReader& memory, const EngineRoots& roots) {
  return Number(memory, static_cast<const uint32_t*>(roots.large_lock)) != 0;
}

}  // namespace bartizan
