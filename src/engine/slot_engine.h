// The common path of small blocks. Read this file first.
//
// malloc: one line of the size index, the bin, the magazine entry, the slot's state.
// free:   the bin (found by address bits), the slot's state, the slab's owner, the ring entry.
// Neither takes a lock nor an atomic read-modify-write, except a free by another thread than the
// owner: one exchange on the state word (and, for the first such free in a slab that its owner has
// not heard of, two more to tell it).
#ifndef BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_
#define BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_

#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/engine/bad_pointer.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/engine/purge.h"
#include "src/engine/reclaim.h"
#include "src/engine/runtime.h"
#include "src/hooks/profile.h"

namespace bartizan {

// What a deallocation says about itself besides the pointer.
struct FreeClaim {
  Family family = Family::kMalloc;
  size_t size = SlotReturn::kNotStated;
};

template <class P>
class SlotEngine {
 public:
  // A block of `bytes` from the index, or what `slow` gives when its bin has no slot ready.
  template <class Slow>
  BARTIZAN_INLINE static void* AllocateIndexed(size_t bytes, Family family, Slow slow) {
    auto* set = reinterpret_cast<std::byte*>(CurrentBins());
    const size_t step = (bytes + kIndexStep - 1) / kIndexStep;
    Bin& bin = *reinterpret_cast<Bin*>(set + g_runtime.bin_offset[step]);
    if (bin.ready == 0) [[unlikely]]
      return slow(bytes, family);
    return Issue(bin, bytes, family);
  }

  // Takes the next slot of a magazine that is not empty. An entry is believed only if the slot's
  // state says that it rests at this very place.
  // `kTouches` is false for zero-size blocks: layers must not look at memory that is not there.
  template <bool kTouches = true>
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
    state.Store(StateWord::Live(bin.capacity - bytes, family));
    const SlotUse use{bin.SlotAt(granule), bytes, bin.capacity, fresh};
    if constexpr (kTouches) P::template Run<kOnAllocate>(CurrentToggles(), use);
    return use.slot;
  }

  // A pointer becomes trusted here and nowhere else: `bin` is of its class, `granule` its slot,
  // which is live.
  struct Trusted {
    Bin* bin;
    size_t offset;  // from bin->base
    size_t granule;
    StateWord word;

    SlotState& state() const { return bin->states[granule]; }
    size_t requested() const { return bin->capacity - word.slack(); }
  };
  enum class Verdict { kTrusted, kNotHere, kBad };
  // kNotHere: this thread's bins know nothing of the address; ask the address map.
  BARTIZAN_INLINE static Verdict Validate(const void* pointer, Trusted* out) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    constexpr uintptr_t kBinBits = uintptr_t{kBins - 1} * sizeof(Bin);
    constexpr unsigned kShift = kRegionShift - std::countr_zero(sizeof(Bin));
    auto* set = reinterpret_cast<std::byte*>(CurrentBins());
    Bin* bin = reinterpret_cast<Bin*>(set + ((address - g_runtime.window) >> kShift & kBinBits));
    return ValidateIn(bin, address, out);
  }
  BARTIZAN_INLINE static Verdict ValidateIn(Bin* bin, uintptr_t address, Trusted* out) {
    const size_t offset = address - bin->base;
    const size_t granule = offset >> bin->shift;
    if (granule >= bin->limit) [[unlikely]]
      return Verdict::kNotHere;
    const StateWord word = bin->states[granule].Load();
    if (!word.IsLive() || granule << bin->shift != offset) [[unlikely]]
      return Verdict::kBad;
    *out = {bin, offset, granule, word};
    return Verdict::kTrusted;
  }

  // Gives a live block back.
  template <bool kTouches = true>
  BARTIZAN_INLINE static void Release(const Trusted& block, const FreeClaim& claim) {
    Bin& bin = *block.bin;
    const HeapId owner = g_address_map.OwnerAt(bin.id, block.offset);
    if (owner != CurrentBins()->id) [[unlikely]]
      return ReleaseRemote<kTouches>(block, claim);
    const Toggles toggles = CurrentToggles();
    RunFreeHooks<kTouches>(toggles, block, block.word, claim);
    const auto granule = static_cast<uint32_t>(block.granule);
    if (P::Has(toggles, Toggle::kQuarantine)) {
      if (bin.ring_head == bin.ring_limit) [[unlikely]]
        return ReleaseToFullRing(bin, granule);
      PushRing(bin, granule);
    } else {
      if (bin.ready == bin.magazine_capacity) [[unlikely]] {
        return ReleaseToFullMagazine(bin, granule);
      }
      PushMagazine(bin, granule);
    }
  }

  // The slab is another heap's, or this thread has no heap. The exchange decides between racing
  // frees; after it, nobody else touches the slot until kRemote is stored, then only its owner.
  template <bool kTouches>
  BARTIZAN_NOINLINE static void ReleaseRemote(Trusted block, FreeClaim claim) {
    Bin& bin = *block.bin;
    const StateWord before = block.state().BeginRelease();
    if (before != block.word) {
      ReportBadPointer(Operation::kFree, bin.base + block.offset);
    }
    RunFreeHooks<kTouches>(CurrentToggles(), block, StateWord::AtRest(SlotKind::kReleasing), claim);
    block.state().FinishRemoteFree();
    const bool news = NotifyOwner(AddressMap::SlabAt(bin.id, block.offset));
    // A thread that only frees what others made has no other slow path to keep time by.
    if (news && HasHeap(CurrentBins())) Tick(*static_cast<Heap*>(CurrentBins()));
  }

 private:
  template <bool kTouches>
  BARTIZAN_INLINE static void RunFreeHooks(Toggles toggles, const Trusted& block, StateWord word,
                                           const FreeClaim& claim) {
    if constexpr (kTouches) {
      const SlotReturn op{{block.bin->SlotAt(static_cast<uint32_t>(block.granule)),
                           block.requested(), block.bin->capacity},
                          block.word.family(),
                          claim.family,
                          claim.size,
                          g_runtime.trailer_bytes,
                          word,
                          &block.state()};
      P::template Run<kOnFree>(toggles, op);
    }
  }

  BARTIZAN_COLD static void ReleaseToFullRing(Bin& bin, uint32_t granule) {
    SpillRing(*static_cast<Heap*>(CurrentBins()), bin);
    PushRing(bin, granule);
  }
  BARTIZAN_COLD static void ReleaseToFullMagazine(Bin& bin, uint32_t granule) {
    SpillMagazine(*static_cast<Heap*>(CurrentBins()), bin);
    PushMagazine(bin, granule);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_
