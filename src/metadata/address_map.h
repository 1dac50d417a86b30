// The address map: which class an address belongs to, where its state word and its slab
// record are, and who owns it. docs/address-space.md has the drawing.
//
// Every class has one region of address space, at a random place inside a window of all classes.
// Nothing is reserved: a region is claimed in extents of half of what the class has, and its tables
// with it. What lies below a region's `limit` has tables; what lies above is nobody's.
#ifndef BARTIZAN_SRC_METADATA_ADDRESS_MAP_H_
#define BARTIZAN_SRC_METADATA_ADDRESS_MAP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/bits.h"
#include "src/base/compiler.h"
#include "src/base/random.h"
#include "src/metadata/size_classes.h"
#include "src/metadata/slab.h"
#include "src/metadata/slot_state.h"
#include "src/platform/address_plan.h"
#include "src/platform/lock.h"
#include "src/platform/memory.h"

namespace bartizan {

constexpr unsigned kRegionShift = platform::kRegionShift;
constexpr size_t kRegionBytes = size_t{1} << kRegionShift;
// A quarter of each region's span is spent on the random place of its beginning.
constexpr size_t kUsableRegionBytes = kRegionBytes / 4 * 3;

static_assert(kRegionShift - kMinSlabShift <= SlabRef::kIndexBits, "slab names must fit");
static_assert(kRegionShift - 4 <= 32, "granule indices are stored in 32 bits");

// What a thread needs of one class to judge an address; copied into its bins.
struct RegionView {
  uintptr_t base;
  SlotState* states;
  size_t limit;  // bytes from base that have tables
};

struct alignas(64) ClassRegion {
  uintptr_t base;
  SlotState* states;
  // Grows only. Release when it grows; acquire by readers: the tables below it are mapped.
  std::atomic<size_t> limit;

  platform::Lock lock;  // guards what follows, and records of slabs that nobody owns
  size_t next_slab;     // offset of the first slab never handed out
  size_t states_bytes;  // mapped part of the state table
  SlabRef pool;         // slabs without owner, the one that came first
  SlabRef pool_last;
  uint32_t pool_slabs;
};

class AddressMap {
 public:
  // Chooses random places. Called once, before any other member. False: not even tables.
  bool Initialize(RandomStream& random);

  uintptr_t window() const { return window_; }
  // All that the map may ever use: nothing else of ours is placed there.
  platform::AddressRange layout() const { return layout_; }
  ClassRegion& region(ClassId id) { return regions_[id]; }

  // The class whose region holds the address, or kClasses.
  ClassId ClassOfAddress(uintptr_t address) const {
    const uintptr_t offset = address - window_;
    const uintptr_t id = offset >> kRegionShift;
    if (id >= kClasses) return kClasses;
    const ClassRegion& region = regions_[id];
    const bool inside = address - region.base < region.limit.load(std::memory_order_acquire);
    return inside ? static_cast<ClassId>(id) : kClasses;
  }

  // The slab's owner stands in the state word of its last granule.
  HeapId OwnerAt(ClassId id, size_t offset) const { return OwnerOf(SlabAt(id, offset)); }
  HeapId OwnerOf(SlabRef ref) const { return OwnerWord(ref).LoadOwner().owner(); }
  void SetOwner(SlabRef slab, HeapId owner) { OwnerWord(slab).StoreOwner(owner); }

  Slab& slab(SlabRef ref) const { return slabs_[RecordIndex(ref)]; }
  // Where a slab's record stands among all, which begin at `records`.
  static size_t RecordIndex(SlabRef ref) {
    const size_t row = ref.index() / kSlabsPerRow;
    return (row * kBins + ref.class_id()) * kSlabsPerRow + ref.index() % kSlabsPerRow;
  }
  // For those who read the map by copies. Fixed once it is initialized.
  const Slab* records() const { return slabs_; }
  const ClassRegion* regions() const { return regions_; }
  // Whether there is a slab of that name: anything may stand where a name was stored.
  bool HasSlab(SlabRef ref) const {
    if (!ref || ref.class_id() >= kClasses) return false;
    const size_t end = (size_t{ref.index()} + 1) << SlabShift(ref.class_id());
    return end <= regions_[ref.class_id()].limit.load(std::memory_order_acquire);
  }
  static SlabRef SlabAt(ClassId id, size_t offset) {
    return SlabRef(id, static_cast<uint32_t>(offset >> SlabShift(id)));
  }
  uintptr_t SlabAddress(SlabRef ref) const {
    return regions_[ref.class_id()].base + (size_t{ref.index()} << SlabShift(ref.class_id()));
  }
  // The pages that hold nothing but that slot.
  platform::AddressRange PagesOfSlot(SlabRef ref, uint32_t slot) const {
    const size_t bytes = kClassBytes[ref.class_id()];
    const uintptr_t begin = SlabAddress(ref) + slot * bytes;
    return {AlignUp(begin, platform::kPageBytes), AlignDown(begin + bytes, platform::kPageBytes)};
  }
  SlotState* SlabStates(SlabRef ref) const {
    const ClassId id = ref.class_id();
    return regions_[id].states + (size_t{ref.index()} << (SlabShift(id) - GranuleShift(id)));
  }

  // A slab that was never handed out, its tables in place. Of the extent it lies in, up to `gap`
  // slabs before it are never handed out. The class lock is held.
  enum class Growth { kDone, kRefused, kExhausted };
  Growth TakeFreshSlab(ClassId id, uint32_t gap, SlabRef* slab);

  // Every lock of the map in the order in which they may be taken, for fork.
  static constexpr int kLocks = kClasses + 1;
  platform::Lock* LockAt(int i) {
    return i < static_cast<int>(kClasses) ? &regions_[i].lock : &rows_lock_;
  }

 private:
  static constexpr size_t kSlabsPerRow = 8;

  SlotState& OwnerWord(SlabRef ref) const {
    return SlabStates(ref)[GranulesPerSlab(ref.class_id()) - 1];
  }
  Growth Grow(ClassId id);
  platform::Claim ExtendTables(ClassId id, size_t new_limit);

  uintptr_t window_ = 0;
  platform::AddressRange layout_ = {0, 0};
  Slab* slabs_ = nullptr;
  uintptr_t states_ = 0;
  platform::Lock rows_lock_;  // guards the size; innermost of all locks
  size_t slabs_bytes_ = 0;
  ClassRegion regions_[kClasses] = {};
};

extern constinit AddressMap g_address_map;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_ADDRESS_MAP_H_
