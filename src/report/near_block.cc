#include "src/report/near_block.h"

#include <algorithm>

#include "src/base/text.h"
#include "src/engine/find_object.h"
#include "src/engine/large_blocks.h"
#include "src/engine/memory_view.h"
#include "src/engine/runtime.h"
#include "src/engine/samples.h"
#include "src/engine/stacks.h"
#include "src/metadata/address_map.h"
#include "src/metadata/stack_table.h"
#include "src/platform/file.h"
#include "src/platform/process.h"

namespace bartizan {
namespace {

std::string_view NameOfFamily(Family family) {
  switch (family) {
    case Family::kMalloc:
      return "malloc";
    case Family::kNew:
      return "new";
    case Family::kNewArray:
      return "new[]";
    case Family::kAligned:
      return "aligned_alloc";
  }
  return "";
}

void FillSlot(ClassId id, const SlotView& slot, BlockFacts* block) {
  *block = {.begin = slot.begin, .slot_bytes = id == kZeroClass ? 0 : kClassBytes[id]};
  if (slot.word.IsLive()) {
    block->state = BlockState::kLive;
    block->requested = slot.capacity - slot.word.slack();
    block->family = NameOfFamily(slot.word.family());
  } else if (slot.word.IsUnused()) {
    block->state = BlockState::kNeverIssued;
  } else {
    // What was asked for is not kept.
    block->state = BlockState::kFreed;
    block->requested = slot.capacity;
  }
}

bool WasIssued(const BlockFacts& block) {
  return block.state == BlockState::kLive || block.state == BlockState::kFreed;
}

// The first live slot, from `slot` on by steps of `step` bytes, within its slab; or the first one
// that was issued.
bool FindIssued(ClassId id, uintptr_t slot, ptrdiff_t step, BlockFacts* block) {
  bool found = false;
  for (uint32_t i = 0; i < SlotsPerSlab(id); ++i, slot += static_cast<uintptr_t>(step)) {
    SlotView view;
    if (g_address_map.ClassOfAddress(slot) != id || !FindSlot(id, slot, &view)) break;
    BlockFacts facts;
    FillSlot(id, view, &facts);
    if (facts.state == BlockState::kLive || (!found && WasIssued(facts))) *block = facts;
    if (facts.state == BlockState::kLive) return true;
    found = found || WasIssued(facts);
  }
  return found;
}

// The address lies behind the slots of a slab: the nearer one of those that an access came from, if
// it came straight.
Nearness FindAcrossGuard(ClassId id, uintptr_t address, size_t within, BlockFacts* block) {
  const uintptr_t slab = address - within;
  const size_t bytes = kClassBytes[id];
  BlockFacts last;
  BlockFacts first;
  const bool has_last =
      FindIssued(id, slab + (SlotsPerSlab(id) - 1) * bytes, -static_cast<ptrdiff_t>(bytes), &last);
  const bool has_first =
      FindIssued(id, slab + SlabBytes(id), static_cast<ptrdiff_t>(bytes), &first);
  if (has_last && (!has_first || address - last.begin - bytes <= first.begin - address)) {
    *block = last;
    return Nearness::kLastSlot;
  }
  *block = first;
  return has_first ? Nearness::kFirstSlot : Nearness::kBetweenSlabs;
}

// How far from the slabs of a class, or from a large block, an access is still one that left them.
constexpr size_t kNear = size_t{2} << 20;
// The outermost ones may be gaps.
constexpr size_t kSlabsLookedAt = 8;

// Whether the address lies near all slabs of a class: before the first one, or behind the last
// one's guard. A copy from the end of a range meets what is behind first.
bool LiesBesideSlabs(uintptr_t address, ClassId* id, Nearness* side) {
  const uintptr_t found = (address - g_address_map.window()) >> kRegionShift;
  if (found >= kClasses) return false;
  *id = static_cast<ClassId>(found);
  const ClassRegion& region = g_address_map.region(*id);
  const uint64_t limit = region.limit.load(std::memory_order_acquire);
  if (limit == 0) return false;
  const bool before = address < region.base;
  *side = before ? Nearness::kFirstSlot : Nearness::kLastSlot;
  return (before ? region.base - address : address - region.base - limit) <= kNear;
}

Nearness FindOutermost(ClassId id, Nearness side, BlockFacts* block) {
  const ClassRegion& region = g_address_map.region(id);
  const size_t bytes = kClassBytes[id];
  const auto step = static_cast<ptrdiff_t>(bytes);
  const size_t slabs = region.limit.load(std::memory_order_acquire) / SlabBytes(id);
  for (size_t i = 0; i < std::min(slabs, kSlabsLookedAt); ++i) {
    const uintptr_t low = region.base + i * SlabBytes(id);
    const uintptr_t high = region.base + (slabs - 1 - i) * SlabBytes(id);
    const bool found = side == Nearness::kFirstSlot
                           ? FindIssued(id, low, step, block)
                           : FindIssued(id, high + (SlotsPerSlab(id) - 1) * bytes, -step, block);
    if (found) return side;
  }
  return Nearness::kBetweenSlabs;
}

// The name that the thread has now, if it is still there.
void NameThreadOf(int thread, ThreadFacts* facts) {
  facts->id = thread;
  Text<64> path;
  path << "/proc/self/task/" << thread << "/comm";
  char name[sizeof facts->name];
  const platform::FileText text = platform::ReadSmallFile(path.c_str(), name, sizeof name);
  for (long i = 0; i < text.length && i < long{sizeof name} - 1 && name[i] != '\n'; ++i) {
    facts->name[i] = name[i];
  }
}

void FillEvent(const SampleEvent& event, uint64_t now, EventFacts* facts) {
  if (event.time_ns == 0) return;
  facts->known = true;
  NameThreadOf(event.thread, &facts->thread);
  facts->age_ns = now > event.time_ns ? now - event.time_ns : 0;
  facts->number = event.number;
  facts->stack = event.stack;
}

void FillSampled(const SampleView& view, BlockFacts* block) {
  *block = {.state = view.live ? BlockState::kLive : BlockState::kFreed,
            .begin = view.user,
            .requested = view.requested,
            .family = NameOfFamily(view.family)};
  if (!view.has_sample) return;
  // One time for both, so that the older one is the older one.
  const uint64_t now = platform::MonotonicNs();
  FillEvent(view.sample.allocation, now, &block->allocation);
  if (!view.live) FillEvent(view.sample.free, now, &block->free);
}

// --- Neighbours ---------------------------------------------------------------------------------

// How many slots are looked at on either side.
constexpr size_t kSlotsLookedAt = 16;

void FindLiveSlots(ClassId id, uintptr_t slot, Description* description) {
  const size_t bytes = kClassBytes[id];
  const auto look = [&](ptrdiff_t step, NeighbourFacts* neighbour) {
    uintptr_t at = slot;
    for (size_t i = 0; i < kSlotsLookedAt; ++i) {
      at += static_cast<uintptr_t>(step);
      SlotView found;
      if (g_address_map.ClassOfAddress(at) != id || !FindSlot(id, at, &found)) return;
      if (!found.word.IsLive()) continue;
      *neighbour = {found.begin, found.capacity - found.word.slack()};
      return;
    }
  };
  look(-static_cast<ptrdiff_t>(bytes), &description->below);
  look(static_cast<ptrdiff_t>(bytes), &description->above);
}

// The one that is nearest to the address, if it lies in [begin, end).
void FindLiveSampled(uintptr_t address, uintptr_t begin, uintptr_t end, NeighbourFacts* neighbour) {
  SampleView view;
  if (!g_large_blocks.FindNear(address, kNear, &view) || !view.live) return;
  if (view.user < begin || view.user >= end) return;
  *neighbour = {view.user, view.requested};
}

}  // namespace

Nearness FindNearBlock(uintptr_t address, BlockFacts* block) {
  if (!IsStarted() || !MayBeOurs(address)) return Nearness::kForeign;
  ClassId id = g_address_map.ClassOfAddress(address);
  if (id != kClasses) {
    SlotView slot;
    if (!FindSlot(id, address, &slot)) {
      const size_t offset = address - g_address_map.region(id).base;
      return FindAcrossGuard(id, address, offset & (SlabBytes(id) - 1), block);
    }
    FillSlot(id, slot, block);
    return Nearness::kOwnSlot;
  }
  Nearness side;
  if (LiesBesideSlabs(address, &id, &side)) return FindOutermost(id, side, block);
  SampleView view;
  if (!g_large_blocks.FindNear(address, kNear, &view)) return Nearness::kForeign;
  FillSampled(view, block);
  return Nearness::kOwnPages;
}

namespace {

void DescribeBlocks(uintptr_t address, Description* description) {
  BlockFacts& block = description->block;
  const Nearness nearness = FindNearBlock(address, &block);
  if (nearness == Nearness::kForeign || nearness == Nearness::kBetweenSlabs) {
    block = {};
    return;
  }
  if (nearness != Nearness::kOwnPages) {
    return FindLiveSlots(g_address_map.ClassOfAddress(block.begin), block.begin, description);
  }
  SampleView view;
  if (!g_large_blocks.FindNear(address, kNear, &view)) return;
  FindLiveSampled(view.begin - 1, 0, view.begin, &description->below);
  FindLiveSampled(view.end, view.end, UINTPTR_MAX, &description->above);
}

size_t WalkStack(const platform::StackPoint& from, uintptr_t* frames, size_t max) {
  uintptr_t found[StackTable::kMostFrames];
  const size_t count = std::min(StackFrom(from, found), max);
  std::copy_n(found, count, frames);
  return count;
}

size_t StoredStack(uint32_t stack, uintptr_t* frames, size_t max) {
  return g_stack_table.Frames(stack, frames, max);
}

}  // namespace

constinit const ReportSources kEngineSources = {
    .describe = DescribeBlocks, .walk = WalkStack, .stored = StoredStack};

}  // namespace bartizan
