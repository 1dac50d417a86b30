// The common path of small blocks. Read this file first.
//
// malloc: one line of the size index, the bin, the magazine entry, the slot's state.
// free:   the bin (found by address bits), the slot's state, the slab's owner, the ring entry.
// Neither takes a lock nor an atomic read-modify-write, except a free by another thread than the
// owner: one exchange on the state word (and, for the first such free in a slab that its owner has
// not heard of, two more to tell it).
//
// The common path keeps nothing in memory and calls nothing but what it ends with, so that it needs
// no stack frame: what is long or rare continues in a function of its own.
#ifndef BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_
#define BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/engine/purge.h"
#include "src/engine/reclaim.h"
#include "src/engine/refill.h"
#include "src/engine/runtime.h"
#include "src/hooks/profile.h"
#include "src/platform/bytes.h"

namespace bartizan {

// What a deallocation says about itself besides the pointer.
struct FreeClaim {
  Family family = Family::kMalloc;
  size_t size = SlotReturn::kNotStated;
};

template <class P>
class SlotEngine {
 public:
  // A block of `bytes` from the index, or what `otherwise` gives when its bin has no slot ready.
  template <class Otherwise>
  BARTIZAN_INLINE static void* AllocateIndexed(size_t bytes, Family family, Otherwise otherwise) {
    auto* set = reinterpret_cast<std::byte*>(CurrentBins());
    const size_t step = (bytes + kIndexStep - 1) / kIndexStep;
    Bin& bin = *reinterpret_cast<Bin*>(set + g_runtime.bin_offset[step]);
    if (bin.ready == 0) [[unlikely]]
      return otherwise(bytes, family);
    if (IsLong(bin)) return IssueLong(bin, bytes, family);
    return Issue<Extent::kShort>(bin, bytes, family);
  }

  // What layers may do to the slot. kNothing is for zero-size blocks: there is no memory.
  enum class Extent { kNothing, kShort, kLong };

  // Takes the next slot of a magazine that is not empty. An entry is believed only if the slot's
  // state says that it rests at this very place.
  template <Extent kExtent>
  BARTIZAN_INLINE static void* Issue(Bin& bin, size_t bytes, Family family) {
    const uint32_t place = bin.ready - 1;
    const uint32_t granule = bin.magazine[place] ^ bin.MaskAt(place);
    if (granule >= bin.limit) [[unlikely]]
      ReportCorruptReference(bin.id, granule);
    SlotState& state = bin.states[granule];
    bool fresh;
    if (!state.Load().IsReady(place, &fresh)) [[unlikely]] {
      ReportCorruptReference(bin.id, granule);
    }
    bin.ready = place;
    // Before layers touch the slot: a fork child takes what is not live for untouched.
    const uint32_t capacity = bin.capacity;
    state.Store(StateWord::Live(capacity - bytes, family));
    std::byte* const slot = bin.SlotAt(granule);
    const Toggles toggles = CurrentToggles();
    if (kExtent == Extent::kNothing || !P::template Acts<kOnAllocate>(toggles)) return slot;
    if constexpr (kExtent == Extent::kShort) {
      BARTIZAN_ASSUME(AlignUp(capacity, kMinSlotBytes) <= platform::kBranchFreeZero);
      // So short a slot shares its page with others: whether it is fresh is not worth a branch.
      const SlotUse use{slot, bytes, capacity};
      P::template RunShort<kOnAllocate>(toggles, use);
    } else {
      const SlotUse use{slot, bytes, capacity, fresh};
      P::template Run<kOnAllocate>(toggles, use);
    }
    return slot;
  }
  BARTIZAN_NOINLINE static void* IssueLong(Bin& bin, size_t bytes, Family family) {
    return Issue<Extent::kLong>(bin, bytes, family);
  }

  // A pointer becomes trusted here and nowhere else: `bin` is of its class, `granule` its slot,
  // which is live.
  struct Trusted {
    Bin* bin;
    uint32_t granule;
    StateWord word;
    std::byte* slot;

    SlotState& state() const { return bin->states[granule]; }
    SlabRef slab() const { return AddressMap::SlabAt(bin->id, size_t{granule} << bin->shift); }
    size_t requested() const { return bin->capacity - word.slack(); }
  };
  enum class Verdict { kTrusted, kNotHere, kBad };
  // kNotHere: this thread's bins know nothing of the address; ask the address map.
  BARTIZAN_INLINE static Verdict Validate(BinSet* bins, void* pointer, Trusted* out) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    constexpr uintptr_t kBinBits = uintptr_t{kBins - 1} * sizeof(Bin);
    constexpr unsigned kShift = kRegionShift - std::countr_zero(sizeof(Bin));
    auto* set = reinterpret_cast<std::byte*>(bins);
    Bin* bin = reinterpret_cast<Bin*>(set + ((address - g_runtime.window) >> kShift & kBinBits));
    return ValidateIn(bin, address, out);
  }
  BARTIZAN_INLINE static Verdict ValidateIn(Bin* bin, uintptr_t address, Trusted* out) {
    // Turned, so that the bits below a granule come to the top: one comparison is for both, the end
    // of the region and the alignment.
    const size_t granule = std::rotr(address - bin->base, bin->shift);
    if (granule >= bin->limit) [[unlikely]]
      return Verdict::kNotHere;
    const StateWord word = bin->states[granule].Load();
    if (!word.IsLive()) [[unlikely]]
      return Verdict::kBad;
    *out = {bin, static_cast<uint32_t>(granule), word, reinterpret_cast<std::byte*>(address)};
    return Verdict::kTrusted;
  }

  // Gives a live block back.
  template <Extent kExtent>
  BARTIZAN_INLINE static void Release(const BinSet* bins, const Trusted& block,
                                      const FreeClaim& claim) {
    Bin& bin = *block.bin;
    // Acquire: of a slab that is this heap's, what its maker prepared is seen.
    if (bin.states[block.granule | bin.slab_mask].LoadOwner() != bins->owner_word) [[unlikely]] {
      return ReleaseRemote<kExtent>(bin, block.granule, block.word, claim);
    }
    if (kExtent == Extent::kShort && IsLong(bin)) {
      return ReleaseLong(bin, block.granule, block.word, claim);
    }
    const Toggles toggles = CurrentToggles();
    if (kExtent != Extent::kNothing && P::template Acts<kOnFree>(toggles)) {
      const SlotReturn op = ReturnOf(block, block.word, claim);
      if constexpr (kExtent == Extent::kShort) {
        BARTIZAN_ASSUME(op.use.requested + op.trailer <= platform::kBranchFreeZero);
        P::template RunShort<kOnFree>(toggles, op);
      } else {
        P::template Run<kOnFree>(toggles, op);
      }
    }
    PutBack(toggles, bin, block.granule);
  }

  // The slab is another heap's, or this thread has no heap. The exchange decides between racing
  // frees; after it, nobody else touches the slot until kRemote is stored, then only its owner.
  template <Extent kExtent>
  BARTIZAN_NOINLINE static void ReleaseRemote(Bin& bin, uint32_t granule, StateWord word,
                                              FreeClaim claim) {
    const Trusted block{&bin, granule, word, bin.SlotAt(granule)};
    const StateWord before = block.state().BeginRelease();
    if (before != word) {
      ReportBadPointer(Operation::kFree, reinterpret_cast<uintptr_t>(block.slot));
    }
    if constexpr (kExtent != Extent::kNothing) {
      const SlotReturn op = ReturnOf(block, StateWord::AtRest(SlotKind::kReleasing), claim);
      P::template Run<kOnFree>(CurrentToggles(), op);
    }
    block.state().FinishRemoteFree();
    const bool news = NotifyOwner(block.slab());
    // A thread that only frees what others made has no other slow path to keep time by.
    if (news && HasHeap(CurrentBins())) Tick(*static_cast<Heap*>(CurrentBins()));
  }

 private:
  // Whether layers in force need a call or a loop for blocks of that bin.
  BARTIZAN_INLINE static bool IsLong(const Bin& bin) {
    return P::kActsOnBlocks && bin.capacity > g_runtime.short_capacity;
  }

  BARTIZAN_INLINE static SlotReturn ReturnOf(const Trusted& block, StateWord word,
                                             const FreeClaim& claim) {
    return {{block.slot, block.requested(), block.bin->capacity},
            block.word.family(),
            claim.family,
            claim.size,
            g_runtime.trailer_bytes,
            word,
            &block.state()};
  }
  BARTIZAN_NOINLINE static void ReleaseLong(Bin& bin, uint32_t granule, StateWord word,
                                            FreeClaim claim) {
    Release<Extent::kLong>(CurrentBins(), {&bin, granule, word, bin.SlotAt(granule)}, claim);
  }

  // Where the slot waits for its next use.
  BARTIZAN_INLINE static void PutBack(Toggles toggles, Bin& bin, uint32_t granule) {
    if (P::Has(toggles, Toggle::kQuarantine)) {
      if (bin.ring_head == bin.ring_limit) [[unlikely]]
        return PutBackToFullRing(bin, granule);
      PushRing(bin, granule);
    } else {
      if (bin.ready == bin.magazine_capacity) [[unlikely]]
        return PutBackToFullMagazine(bin, granule);
      PushMagazine(bin, granule);
    }
  }
  BARTIZAN_COLD static void PutBackToFullRing(Bin& bin, uint32_t granule) {
    Heap& heap = *static_cast<Heap*>(CurrentBins());
    // Layers have been here: to those that look at it as a neighbour it is no live block any more.
    bin.states[granule].Store(StateWord::AtRest(SlotKind::kReleasing));
    Tick(heap);
    if (bin.ring_head == bin.ring_limit && !Refill<P>::MakeRoom(heap, bin)) SpillRing(heap, bin);
    PushRing(bin, granule);
  }
  BARTIZAN_COLD static void PutBackToFullMagazine(Bin& bin, uint32_t granule) {
    SpillMagazine(*static_cast<Heap*>(CurrentBins()), bin);
    PushMagazine(bin, granule);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_
