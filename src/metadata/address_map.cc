#include "src/metadata/address_map.h"

#include "src/base/bits.h"
#include "src/platform/memory.h"

namespace bartizan {

constinit AddressMap g_address_map;

namespace {

using platform::Access;
using platform::Claim;
using platform::kPageBytes;
using platform::kPlaceAlignment;

// Extents: small at first, so that a small program and an address-space limit are not taxed, then
// half of what the class has, so that the number of system calls grows with the logarithm.
constexpr size_t kFirstExtent = 256 * kKiB;
constexpr size_t kLargestExtent = 32 * kMiB;

constexpr size_t kStatesSpan = (kRegionBytes >> 4) * sizeof(SlotState);
// Tables lie apart, at random distances, with nothing mapped between them.
constexpr size_t kTableGap = kGiB >> (36 - kRegionShift);
constexpr size_t kWindowSpan = kClasses * kRegionBytes;
constexpr size_t kStateTablesSpan = kClasses * (kStatesSpan + kTableGap);
constexpr size_t kSlabsSpan = (kRegionBytes >> kMinSlabShift) * kBins * sizeof(Slab);
constexpr size_t kSpread = kWindowSpan / 4;  // by which the parts may move against each other

size_t RandomOffset(RandomStream& random, size_t bound, size_t alignment) {
  return random.Next64() % (bound / alignment) * alignment;
}

// Maps the part of a table from `*mapped` bytes to at least `wanted`, with some to spare.
Claim ExtendTable(uintptr_t table, size_t wanted, size_t* mapped) {
  if (wanted <= *mapped) return Claim::kDone;
  constexpr size_t kFirst = 16 * kKiB;
  const size_t spare = *mapped / 2 < kFirst ? kFirst : *mapped / 2;
  Claim claim = Claim::kDone;
  for (size_t target : {AlignUp(wanted + spare, kPageBytes), AlignUp(wanted, kPageBytes)}) {
    claim = platform::ClaimAt(table + *mapped, target - *mapped, Access::kReadWrite);
    if (claim == Claim::kDone) {
      *mapped = target;
      break;
    }
  }
  return claim;
}

}  // namespace

bool AddressMap::Initialize(RandomStream& random) {
  constexpr size_t kTables = kStateTablesSpan + kSlabsSpan + kTableGap;
  constexpr size_t kTotal = kWindowSpan + kTables + 2 * kSpread;
  // Somebody else may sit where a table would begin: then choose again. The first page of the
  // shared table is mapped at once to find out.
  for (int tries = 0; tries < 16 && slabs_bytes_ == 0; ++tries) {
    const uintptr_t place = platform::ChoosePlace(kTotal, random.Next64());
    if (place == 0) return false;
    layout_ = {place, place + kTotal};
    const size_t first_gap = RandomOffset(random, kSpread, kPlaceAlignment);
    const size_t second_gap = RandomOffset(random, kSpread, kPlaceAlignment);
    const bool window_first = random.Below(2) == 0;
    window_ = place + first_gap + (window_first ? 0 : kTables + second_gap);
    states_ = place + first_gap + (window_first ? kWindowSpan + second_gap : 0);
    const uintptr_t slabs = states_ + kStateTablesSpan + kTableGap;
    slabs_ = reinterpret_cast<Slab*>(slabs);
    if (ExtendTable(slabs, kPageBytes, &slabs_bytes_) != Claim::kDone) slabs_bytes_ = 0;
  }
  if (slabs_bytes_ == 0) return false;
  for (ClassId id = 0; id < kClasses; ++id) {
    ClassRegion& region = regions_[id];
    const size_t room = kRegionBytes - kUsableRegionBytes;
    region.base = window_ + id * kRegionBytes + RandomOffset(random, room, kPlaceAlignment);
    const size_t place = RandomOffset(random, kTableGap, kPageBytes);
    region.states = reinterpret_cast<SlotState*>(states_ + id * (kStatesSpan + kTableGap) + place);
  }
  return true;
}

Claim AddressMap::ExtendTables(ClassId id, size_t new_limit) {
  ClassRegion& region = regions_[id];
  const size_t states = (new_limit >> GranuleShift(id)) * sizeof(SlotState);
  Claim claim =
      ExtendTable(reinterpret_cast<uintptr_t>(region.states), states, &region.states_bytes);
  if (claim != Claim::kDone) return claim;
  constexpr size_t kSlabRow = kBins * kSlabsPerRow * sizeof(Slab);
  const size_t slab_rows = (((new_limit - 1) >> SlabShift(id)) / kSlabsPerRow) + 1;
  platform::LockGuard guard(rows_lock_);
  return ExtendTable(reinterpret_cast<uintptr_t>(slabs_), slab_rows * kSlabRow, &slabs_bytes_);
}

AddressMap::Growth AddressMap::Grow(ClassId id) {
  ClassRegion& region = regions_[id];
  const size_t slab_bytes = SlabBytes(id);
  size_t limit = region.limit.load(std::memory_order_relaxed);
  const size_t half = limit / 2;
  size_t extent = half < kFirstExtent ? kFirstExtent : half;
  extent = AlignUp(extent > kLargestExtent ? kLargestExtent : extent, slab_bytes);
  // Zero-size blocks have addresses but no memory.
  const Access access = id == kZeroClass ? Access::kNone : Access::kReadWrite;
  for (size_t skip = slab_bytes; limit + extent <= kUsableRegionBytes;) {
    const Claim tables = ExtendTables(id, limit + extent);
    // A table that meets somebody else's mapping cannot grow any more.
    if (tables == Claim::kOccupied) return Growth::kExhausted;
    const Claim claim = tables == Claim::kDone
                            ? platform::ClaimAt(region.base + limit, extent, access)
                            : Claim::kRefused;
    if (claim == Claim::kDone) {
      region.next_slab = limit;
      region.limit.store(limit + extent, std::memory_order_release);
      return Growth::kDone;
    }
    if (extent > slab_bytes) {
      extent = slab_bytes;  // less is better than nothing, and passes a small obstacle closely
    } else if (claim == Claim::kRefused) {
      return Growth::kRefused;
    } else {
      limit += skip;  // a large obstacle is passed in ever longer steps
      skip *= 2;
    }
  }
  return Growth::kExhausted;
}

AddressMap::Growth AddressMap::TakeFreshSlab(ClassId id, uint32_t gap, SlabRef* ref) {
  ClassRegion& region = regions_[id];
  if (region.next_slab == region.limit.load(std::memory_order_relaxed)) {
    const Growth growth = Grow(id);
    if (growth != Growth::kDone) return growth;
  }
  const size_t last = region.limit.load(std::memory_order_relaxed) - SlabBytes(id);
  const size_t wanted = region.next_slab + gap * SlabBytes(id);
  const size_t begin = wanted < last ? wanted : last;
  *ref = SlabAt(id, begin);
  slab(*ref).gap = static_cast<uint8_t>((begin - region.next_slab) / SlabBytes(id));
  region.next_slab = begin;
  region.next_slab += SlabBytes(id);
  return Growth::kDone;
}

}  // namespace bartizan
