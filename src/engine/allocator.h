// The whole allocator over one profile: every request by size and alignment, and what is done with
// a pointer that comes back. The functions that src/abi exports are thin wraps of these.
//
// Thread-safe. Failure is nullptr; errno is the caller's to set.
#ifndef BARTIZAN_SRC_ENGINE_ALLOCATOR_H_
#define BARTIZAN_SRC_ENGINE_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "src/base/bits.h"
#include "src/base/violation.h"
#include "src/engine/epochs.h"
#include "src/engine/large_blocks.h"
#include "src/engine/large_policy.h"
#include "src/engine/refill.h"
#include "src/engine/samples.h"
#include "src/engine/slot_engine.h"
#include "src/engine/tidy.h"
#include "src/platform/fill.h"

namespace bartizan {

template <class P>
class Allocator {
  using Slots = SlotEngine<P>;
  using Trusted = typename Slots::Trusted;
  using Verdict = typename Slots::Verdict;

 public:
  // What the common path cannot serve, `otherwise` does: AllocateRarely, or what ends with it.
  template <class Otherwise>
  BARTIZAN_INLINE static void* Allocate(size_t bytes, Family family, Otherwise otherwise) {
    if (bytes <= kIndexedRequest) [[likely]] {
      return Slots::AllocateIndexed(bytes, family, otherwise);
    }
    return otherwise(bytes, family);
  }
  static void* Allocate(size_t bytes, Family family) {
    return Allocate(bytes, family, AllocateRarely);
  }
  BARTIZAN_NOINLINE static void* AllocateRarely(size_t bytes, Family family) {
    if (bytes > g_runtime.max_slot_request) {
      return AllocateLarge(bytes, kMinSlotBytes, family, nullptr);
    }
    if (bytes != 0) {
      BinSet& set = *CurrentBins();
      Bin& bin = set.bins[ClassOf(bytes + g_runtime.trailer_bytes)];
      if (!bin.IsEmpty()) return Slots::Issue(set, bin, bytes, family);
    }
    return AllocateSlow(bytes, family);
  }

  // `alignment` is a power of two.
  static void* AllocateAligned(size_t alignment, size_t bytes, Family family) {
    if (alignment <= kMinSlotBytes) return Allocate(bytes, family);
    if (bytes > kMaxRequest) return nullptr;
    if (!EnsureStarted()) return nullptr;
    const ClassId id = AlignedClass(alignment, bytes);
    if (id == kClasses) return AllocateLarge(bytes, alignment, family, nullptr);
    ScopedHeap heap;
    return heap ? AllocateClass(*heap, id, bytes, alignment, family) : nullptr;
  }

  static void* AllocateZeroed(size_t bytes, Family family) {
    if (bytes > g_runtime.max_slot_request) [[unlikely]] {
      bool zeroed = false;
      void* block = AllocateLarge(bytes, kMinSlotBytes, family, &zeroed);
      if (block != nullptr && !zeroed) std::memset(block, 0, bytes);
      return block;
    }
    void* block = Allocate(bytes, family);
    // Where freed memory is zeroed, what is issued is zero already.
    if (block != nullptr && !IssuesZeros()) {
      std::memset(block, 0, bytes);
    }
    return block;
  }

  BARTIZAN_INLINE static void Free(void* pointer, const FreeClaim& claim) {
    BinSet* const bins = CurrentBins();
    Trusted block;
    const Verdict verdict = Slots::Validate(bins, pointer, &block);
    if (verdict != Verdict::kTrusted) [[unlikely]]
      return FreeSlow(pointer, claim);
    Slots::Release(bins, block, claim);
  }

  // The bytes that the program may use; exactly what it asked for. 0 for nullptr.
  static size_t UsableSize(void* pointer) {
    if (pointer == nullptr) return 0;
    Found found;
    Resolve(Operation::kUsableSize, pointer, &found);
    return found.requested;
  }

  static void* Reallocate(void* pointer, size_t bytes) {
    Found found;
    Resolve(Operation::kRealloc, pointer, &found);
    if (bytes > kMaxRequest) return nullptr;
    if (found.is_slot) {
      if (ResizeSlot(found.slot, bytes)) return pointer;
    } else if (bytes > g_runtime.max_slot_request) {
      P::template Run<kOnResizeLarge>(CurrentToggles(), found.large);
      const auto user = reinterpret_cast<uintptr_t>(pointer);
      const uintptr_t moved = g_large_blocks.Resize(user, bytes, PolicyInForce());
      if (moved != 0) {
        FillFresh(reinterpret_cast<void*>(moved), found.requested, bytes);
        return reinterpret_cast<void*>(moved);
      }
    }
    void* copy = Allocate(bytes, Family::kMalloc);
    if (copy == nullptr) return nullptr;
    std::memcpy(copy, pointer, bytes < found.requested ? bytes : found.requested);
    // Which family a block was of is no matter to realloc: what it returns is of malloc's.
    Free(pointer, FreeClaim{.family = found.family});
    return copy;
  }

  // Gives back what is not in use: of the calling thread and of threads that ended at once, of
  // other threads at their next slow path. True if anything was given back.
  static bool Trim() { return TrimAll(); }

  // A large block whose epoch is released.
  static void ReleaseLarge(LargeBlock* block, const LargeView& view) {
    EndLarge(block, view, FreeClaim{.family = view.family});
  }

 private:
  // No user address space is larger; what exceeds it need not be tried.
  static constexpr size_t kAddressSpace = 128 * kTiB;
  // Larger blocks are often reservations: filling them would take all memory there is.
  static constexpr size_t kMostFilled = kGiB;

  struct Found {
    bool is_slot;
    Trusted slot;
    size_t requested;
    Family family;
    SlotUse large;  // where it is no slot
    Bin outside;    // stands in where this thread has no bin for the class
  };

  static bool IssuesZeros() {
    return (P::kLayers & Bit(Toggle::kZeroOnFree)) != 0 && OptionsInForce().issues_zeros;
  }

  // What is new of a block with pages of its own, as zero_on_free does with slots.
  static void FillFresh(void* block, size_t from, size_t to) {
    const uint64_t pattern = OptionsInForce().fill;
    if ((P::kLayers & Bit(Toggle::kZeroOnFree)) == 0 || pattern == 0 || block == nullptr) return;
    platform::Fill(static_cast<std::byte*>(block), from, to < kMostFilled ? to : kMostFilled,
                   pattern);
  }

  static LargePolicy PolicyInForce() { return LargePolicyFor<P>(CurrentToggles()); }

  // --- Allocation -------------------------------------------------------------------------------

  BARTIZAN_NOINLINE static void* AllocateSlow(size_t bytes, Family family) {
    ScopedHeap heap;
    if (!heap) return nullptr;
    if (bytes > g_runtime.max_slot_request) {
      return AllocateLarge(bytes, kMinSlotBytes, family, nullptr);
    }
    const ClassId id = bytes == 0 ? kZeroClass : ClassOf(bytes + g_runtime.trailer_bytes);
    return AllocateClass(*heap, id, bytes, kMinSlotBytes, family);
  }

  static void* AllocateClass(Heap& heap, ClassId id, size_t bytes, size_t alignment,
                             Family family) {
    // A class whose address space is used up hands over to the next, then to large blocks.
    for (; id < kClasses && heap.BinOf(id).capacity <= bytes + kMaxSlack; ++id) {
      if (!IsAligned(kClassBytes[id], alignment)) continue;
      Bin& bin = heap.BinOf(id);
      auto result = slab_pool::Result::kDone;
      if (bin.IsEmpty()) {
        BinReserve& reserve = heap.reserve[id];
        if (reserve.until_sample == 0) {
          void* const sample = AllocateSample(heap, reserve, bytes, alignment, family);
          if (sample != nullptr) return sample;
        }
        result = Refill<P>::Fill(heap, bin);
      }
      for (Waiting waiting : {Waiting::kKept, Waiting::kGivenUp}) {
        if (result != slab_pool::Result::kRefused) break;
        ReclaimAll(waiting);
        result = Refill<P>::Fill(heap, bin);
      }
      if (result == slab_pool::Result::kRefused) return nullptr;
      if (result != slab_pool::Result::kDone) continue;
      return Slots::Issue(heap, bin, bytes, family);
    }
    return AllocateLarge(bytes, alignment, family, nullptr);
  }

  // The countdown has come to this allocation. nullptr: it stays a block like others.
  static void* AllocateSample(Heap& heap, BinReserve& reserve, size_t bytes, size_t alignment,
                              Family family) {
    const uint32_t interval = reserve.sample_interval;
    reserve.until_sample = samples::DrawDistance(heap.random, interval);
    const uint64_t weight = interval != 0 ? samples::Admit(heap.random, interval) : 0;
    LargeRequest request{.bytes = bytes, .alignment = alignment, .family = family};
    void* block = nullptr;
    bool zeroed;
    if (weight != 0) block = PlaceLarge(heap, request, weight, &zeroed);
    FillFresh(block, 0, bytes);
    if (block == nullptr && reserve.until_sample == 0) reserve.until_sample = 1;
    return block;
  }

  // The class whose slots have the alignment, or kClasses: then the block is a large one.
  static ClassId AlignedClass(size_t alignment, size_t bytes) {
    if (alignment > platform::kPageBytes || bytes > g_runtime.max_slot_request) return kClasses;
    const size_t wanted = bytes + g_runtime.trailer_bytes;
    ClassId id = ClassOf(wanted < alignment ? alignment : wanted);
    while (id < kClasses && !IsAligned(kClassBytes[id], alignment)) ++id;
    const bool fits = id < kClasses && kClassBytes[id] - wanted <= kMaxSlack;
    return fits ? id : kClasses;
  }

  BARTIZAN_NOINLINE static void* AllocateLarge(size_t bytes, size_t alignment, Family family,
                                               bool* zeroed) {
    if (bytes > kAddressSpace || alignment > kAddressSpace) return nullptr;
    ScopedHeap heap;
    if (!heap) return nullptr;
    LargeRequest request{
        .bytes = bytes, .alignment = alignment, .family = family, .zeroed = zeroed != nullptr};
    bool is_zero = false;
    void* block = PlaceLarge(*heap, request, 0, &is_zero);
    // What waits in quarantine cannot help a very large block: asking for one must not end it.
    constexpr size_t kWorthGivingUp = 4 * kMiB;
    for (Waiting waiting : {Waiting::kKept, Waiting::kGivenUp}) {
      if (block != nullptr || (waiting == Waiting::kGivenUp && bytes > kWorthGivingUp)) break;
      if (!ReclaimAll(waiting)) break;
      block = g_large_blocks.Allocate(request, PolicyInForce(), &is_zero);
    }
    if (zeroed != nullptr) {
      *zeroed = is_zero;
    } else {
      FillFresh(block, 0, bytes);
    }
    return block;
  }

  // As the layers say. `weight` is that of a sample, or 0: then they may still choose the block.
  static void* PlaceLarge(Heap& heap, LargeRequest& request, uint64_t weight, bool* zeroed) {
    request.epoch = heap.epoch;
    if (!g_large_blocks.GuardsSpent() || (weight != 0 && !g_large_blocks.SamplesSpendMappings())) {
      LargePlan plan{.requested = request.bytes, .random = heap.random, .weight = weight};
      P::template Run<kOnPlaceLarge>(CurrentToggles(), plan);
      request.guard_before = plan.guard_before;
      request.guard_after = plan.guard_after;
      request.against_upper = plan.against_upper;
      request.weight = plan.weight;
    } else if (weight != 0) {
      return nullptr;  // without guards it is no sample
    } else if (P::Has(CurrentToggles(), Toggle::kGuardPages)) {
      SayDegraded(Degradation::kLargeGuards);
    }
    void* const block = g_large_blocks.Allocate(request, PolicyInForce(), zeroed);
    if (block == nullptr) return nullptr;
    HeapCounters::Add(heap.counters.large_allocations, 1);
    if (request.weight != 0) HeapCounters::Add(heap.counters.samples, 1);
    return block;
  }

  // --- Pointers that come back ------------------------------------------------------------------

  // A bin that stands for the class as seen by a thread without a heap: enough to validate and to
  // free as another thread than the owner.
  static void MakeOutsideBin(ClassId id, Bin* bin) {
    const ClassRegion& region = g_address_map.region(id);
    *bin = {};
    bin->base = region.base;
    bin->states = region.states;
    bin->slab_mask = static_cast<uint16_t>(GranulesPerSlab(id) - 1);
    bin->shift = static_cast<uint8_t>(GranuleShift(id));
    bin->id = static_cast<uint8_t>(id);
    bin->limit = static_cast<uint32_t>(region.limit.load(std::memory_order_acquire) >> bin->shift);
    bin->capacity =
        id == kZeroClass ? 0 : kClassBytes[id] - static_cast<uint32_t>(g_runtime.trailer_bytes);
  }

  // Looks the address up in the address map, where the thread's bins knew nothing of it. False: no
  // slab's.
  static bool LookUp(Operation operation, uintptr_t address, Bin* outside, Trusted* block) {
    const ClassId id = g_address_map.ClassOfAddress(address);
    if (id == kClasses) return false;
    Bin* bin = outside;
    MakeOutsideBin(id, outside);
    if (HasHeap(CurrentBins())) {
      bin = &static_cast<Heap*>(CurrentBins())->BinOf(id);
      bin->limit = outside->limit;
    }
    if (Slots::ValidateIn(bin, address, block) != Verdict::kTrusted) {
      ReportBadPointer(operation, address);
    }
    return true;
  }

  BARTIZAN_NOINLINE static void FreeSlow(void* pointer, FreeClaim claim) {
    if (pointer == nullptr) return;
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    Bin outside;
    Trusted block;
    if (!LookUp(Operation::kFree, address, &outside, &block)) return FreeLarge(address, claim);
    if (block.bin == &outside) {
      Slots::ReleaseRemote(outside, block.granule, block.word, claim);
    } else {
      Slots::Release(CurrentBins(), block, claim);
    }
  }

  static void FreeLarge(uintptr_t address, const FreeClaim& claim) {
    LargeView view;
    LargeBlock* const block = g_large_blocks.Take(address, &view);
    if (block == nullptr) {
      if (kComposition.another_malloc_serves()) {
        return kComposition.free_elsewhere(reinterpret_cast<void*>(address));
      }
      ReportBadPointer(Operation::kFree, address);
    }
    EndLarge(block, view, claim);
    if (!HasHeap(CurrentBins())) return;
    Heap& heap = *static_cast<Heap*>(CurrentBins());
    HeapCounters::Add(heap.counters.large_frees, 1);
    Tick(heap);
  }

  static void EndLarge(LargeBlock* block, const LargeView& view, const FreeClaim& claim) {
    const SlotReturn op{UseOf(view), view.family, claim.family, claim.size, 0, false};
    P::template Run<kOnFreeLarge>(CurrentToggles(), op);
    const uint32_t epoch = block->epoch;
    g_large_blocks.Free(block, PolicyInForce());
    if (epoch != 0) epochs::OnLargeFreed(epoch);
  }

  static SlotUse UseOf(const LargeView& view) {
    return {reinterpret_cast<std::byte*>(view.user), view.requested, view.capacity()};
  }

  static void Resolve(Operation operation, void* pointer, Found* found) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    found->is_slot = true;
    const bool known = Slots::Validate(CurrentBins(), pointer, &found->slot) == Verdict::kTrusted;
    if (known || LookUp(operation, address, &found->outside, &found->slot)) {
      found->requested = found->slot.requested();
      found->family = found->slot.word.family();
      return;
    }
    LargeView view;
    if (!g_large_blocks.Find(address, &view) || view.user != address) {
      ReportBadPointer(operation, address);
    }
    found->is_slot = false;
    found->large = UseOf(view);
    found->requested = view.requested;
    found->family = view.family;
  }

  // Keeps the block in its slot if the new size fits it well: not when half of it would be unused.
  static bool ResizeSlot(const Trusted& block, size_t bytes) {
    const size_t capacity = block.bin->capacity;
    if (bytes > capacity || capacity - bytes > kMaxSlack || capacity == 0) return false;
    const bool same_class = ClassOf(bytes + g_runtime.trailer_bytes) == block.bin->id;
    if (!same_class && bytes < capacity / 2) return false;
    std::byte* slot = block.slot;
    // Nobody else may free the block, nor judge what lies behind it, while it changes.
    if (block.state().BeginRelease() != block.word) {
      ReportBadPointer(Operation::kRealloc, reinterpret_cast<uintptr_t>(slot));
    }
    const SlotResize op{{slot, bytes, capacity}, block.requested(), g_runtime.trailer_bytes};
    P::template Run<kOnResize>(CurrentToggles(), op);
    block.state().StoreLive(StateWord::Live(capacity - bytes, Family::kMalloc));
    return true;
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_ALLOCATOR_H_
