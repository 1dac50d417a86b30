// The common path of small blocks. Read this file first.
//
// malloc: one line of the size index, the bin, the magazine's next reference, the slot's state.
// free:   the bin (found by address bits), the slot's state, the slab's owner, the ring's place.
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
#include "src/engine/closing_slabs.h"
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
  // A block of `bytes` from the index, or what `otherwise` gives where its bin's next reference is
  // not to be believed just so: none, fresh, or corrupt.
  template <class Otherwise>
  BARTIZAN_INLINE static void* AllocateIndexed(size_t bytes, Family family, Otherwise otherwise) {
    BinSet& set = *CurrentBins();
    Bin& bin = set.BinFor(bytes);
    const Place place = bin.next;
    const uint32_t granule = set.At(place) ^ Bin::Mask(bin.key, place);
    if (granule >= bin.limit) [[unlikely]]
      return otherwise(bytes, family);
    if (bin.states[granule].Load() != StateWord::AtRest(SlotKind::kCached, place)) [[unlikely]]
      return otherwise(bytes, family);
    bin.next = place - kPlaceStep;
    std::byte* const slot = MakeLive(bin, granule, bytes, family);
    if (P::kBlockLayers == 0 || bin.work == BlockWork::kNone) return slot;
    if (bin.work != BlockWork::kUsual) return Prepare(slot, bytes, bin.capacity, false);
    // So short a slot shares its page with others: whether it is fresh is not worth a branch.
    const SlotUse use{.slot = slot, .requested = bytes, .capacity = bin.capacity, .is_short = true};
    P::template Run<kOnAllocate>(P::kUsual, use);
    return slot;
  }

  // Takes the next slot of a magazine that is not empty. A reference is believed only if the slot's
  // state says that it rests at this very place.
  static void* Issue(BinSet& set, Bin& bin, size_t bytes, Family family) {
    const Place place = bin.next;
    SlotKind kind;
    const uint32_t granule = Take(set, bin, place, &kind);
    bin.next = place - kPlaceStep;
    std::byte* const slot = MakeLive(bin, granule, bytes, family);
    // A block without bytes has no memory that layers could touch.
    if (P::kBlockLayers == 0 || bin.work == BlockWork::kNone || bin.id == kZeroClass) return slot;
    return Prepare(slot, bytes, bin.capacity, kind == SlotKind::kFresh);
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
    Bin* bin = reinterpret_cast<Bin*>(set + ((address - bins->window) >> kShift & kBinBits));
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
  BARTIZAN_INLINE static void Release(BinSet* bins, const Trusted& block, const FreeClaim& claim) {
    Bin& bin = *block.bin;
    // Acquire: of a slab that is this heap's, what its maker prepared is seen.
    if (bin.states[block.granule | bin.slab_mask].LoadOwner() != bins->owner_word) [[unlikely]]
      return ReleaseRemote(bin, block.granule, block.word, claim);
    if (P::kBlockLayers == 0 || bin.work == BlockWork::kNone) {
      return PutBackReady(*bins, bin, block.granule);
    }
    if (bin.work != BlockWork::kUsual) {
      return ReleaseOther(*bins, bin, block.granule, block.word, claim);
    }
    SlotReturn op = ReturnOf(P::kUsual, block, block.word, claim);
    op.use.is_short = true;
    P::template Run<kOnFree>(P::kUsual, op);
    PutBack(P::kUsual, *bins, bin, block.granule);
  }

  // The slab is another heap's, or this thread has no heap. The exchange decides between racing
  // frees; after it, nobody else touches the slot until kRemote is stored, then only its owner.
  BARTIZAN_NOINLINE static void ReleaseRemote(Bin& bin, uint32_t granule, StateWord word,
                                              FreeClaim claim) {
    const Trusted block{&bin, granule, word, bin.SlotAt(granule)};
    const StateWord before = block.state().BeginRelease();
    if (before != word) {
      ReportBadPointer(Operation::kFree, reinterpret_cast<uintptr_t>(block.slot));
    }
    if (bin.id != kZeroClass) {
      const StateWord releasing = StateWord::AtRest(SlotKind::kReleasing);
      const SlotReturn op = ReturnOf(CurrentToggles(), block, releasing, claim);
      P::template Run<kOnFree>(CurrentToggles(), op);
    }
    block.state().FinishRemoteFree();
    const SlabRef slab = block.slab();
    const uint32_t epoch = g_address_map.slab(slab).epoch;
    if (epoch != 0 && closing::FinishFree(slab, block.state())) return;
    const bool news = NotifyOwner(slab);
    if (epoch != 0) epochs::OnFreedByOther(epoch);
    // A thread that only frees what others made has no other slow path to keep time by.
    if (news && HasHeap(CurrentBins())) {
      Heap& heap = *static_cast<Heap*>(CurrentBins());
      HeapCounters::Add(heap.counters.remote_notices, 1);
      Tick(heap);
    }
  }

 private:
  // Makes a slot live that was taken from a magazine. Before layers touch it: a fork child takes
  // what is not live for untouched.
  BARTIZAN_INLINE static std::byte* MakeLive(const Bin& bin, uint32_t granule, size_t bytes,
                                             Family family) {
    bin.states[granule].Store(StateWord::Live(bin.capacity - bytes, family));
    return bin.SlotAt(granule);
  }
  BARTIZAN_NOINLINE static void* Prepare(std::byte* slot, size_t bytes, size_t capacity,
                                         bool fresh) {
    const SlotUse use{.slot = slot, .requested = bytes, .capacity = capacity, .fresh = fresh};
    P::template Run<kOnAllocate>(CurrentToggles(), use);
    return slot;
  }

  BARTIZAN_INLINE static SlotReturn ReturnOf(Toggles toggles, const Trusted& block, StateWord word,
                                             const FreeClaim& claim) {
    return {{block.slot, block.requested(), block.bin->capacity},
            block.word.family(),
            claim.family,
            claim.size,
            P::TrailerBytes(toggles),
            P::Has(toggles, Toggle::kZeroOnFree),
            word,
            &block.state()};
  }
  BARTIZAN_NOINLINE static void ReleaseOther(BinSet& set, Bin& bin, uint32_t granule,
                                             StateWord word, FreeClaim claim) {
    const Toggles toggles = CurrentToggles();
    const Trusted block{&bin, granule, word, bin.SlotAt(granule)};
    if (bin.id != kZeroClass) {
      const SlotReturn op = ReturnOf(toggles, block, word, claim);
      P::template Run<kOnFree>(toggles, op);
    }
    PutBack(toggles, set, bin, granule);
  }

  // Where the slot waits for its next use.
  BARTIZAN_INLINE static void PutBack(Toggles toggles, BinSet& set, Bin& bin, uint32_t granule) {
    if (!P::UsesRing(toggles)) return PutBackReady(set, bin, granule);
    if (bin.ring_next >= bin.ring_stop) [[unlikely]]
      return PutBackToFullRing(bin, granule);
    PushRing(set, bin, granule);
  }
  BARTIZAN_INLINE static void PutBackReady(BinSet& set, Bin& bin, uint32_t granule) {
    if (bin.next >= bin.stop) [[unlikely]]
      return PutBackToFullMagazine(bin, granule);
    PushMagazine(set, bin, granule);
  }
  BARTIZAN_COLD static void PutBackToFullRing(Bin& bin, uint32_t granule) {
    Heap& heap = *static_cast<Heap*>(CurrentBins());
    CheckPlaces(heap, bin);
    if (!WrapRing(heap, bin)) {
      // Layers have been here: to those that look at it as a neighbour it is no live block any
      // more.
      bin.states[granule].Store(StateWord::AtRest(SlotKind::kReleasing));
      Tick(heap);
      if (!WrapRing(heap, bin) && !Refill<P>::MakeRoom(heap, bin)) SpillRing(heap, bin);
      WrapRing(heap, bin);
    }
    PushRing(heap, bin, granule);
  }
  // Full, or of a watched heap: then every free comes here.
  BARTIZAN_NOINLINE static void PutBackToFullMagazine(Bin& bin, uint32_t granule) {
    Heap& heap = *static_cast<Heap*>(CurrentBins());
    if (bin.next < bin.last && !IsTickDue(heap)) [[likely]]
      return PushMagazine(heap, bin, granule);
    MakeRoomInMagazine(heap, bin);
    PushMagazine(heap, bin, granule);
  }
  BARTIZAN_COLD static void MakeRoomInMagazine(Heap& heap, Bin& bin) {
    CheckPlaces(heap, bin);
    if (bin.Room() != 0) internal::SlowTick(heap);
    // What other threads freed may have come in.
    if (bin.Room() == 0) SpillMagazine(heap, bin);
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SLOT_ENGINE_H_
