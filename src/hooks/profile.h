// How layers are composed: a profile is a pack of layers, each always on or behind its toggle.
//
// A layer is an empty struct with a static function for each event it acts on:
//
//   struct ZeroOnFree {
//     static constexpr Toggle kToggle = Toggle::kZeroOnFree;
//     static constexpr uint32_t kHooks = kOnFree | kOnResize;
//     static constexpr size_t kTrailerBytes = 0;
//     static void OnFree(const SlotReturn& op);
//     static void OnResize(const SlotResize& op);
//   };
//
// The layer's file is the same in the static profile, where absent layers compile to nothing, and
// in the dynamic one, where each is one bit of a sealed word that is loaded once per operation.
#ifndef BARTIZAN_SRC_HOOKS_PROFILE_H_
#define BARTIZAN_SRC_HOOKS_PROFILE_H_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "src/base/compiler.h"
#include "src/hooks/events.h"
#include "src/options/option_table.h"

namespace bartizan {

enum Hook : uint32_t {
  kOnPlanBin = 1,         // void OnPlanBin(BinPlan&)
  kOnPrepareSlab = 2,     // void OnPrepareSlab(const SlabSpan&)
  kOnAllocate = 4,        // void OnAllocate(const SlotUse&)
  kOnResize = 8,          // void OnResize(const SlotResize&)
  kOnFree = 16,           // void OnFree(const SlotReturn&)
  kOnReuse = 32,          // void OnReuse(const FreeSlot&)
  kOnPlaceLarge = 64,     // void OnPlaceLarge(LargePlan&)
  kOnFreeLarge = 128,     // void OnFreeLarge(const SlotReturn&)
  kOnChooseSlot = 256,    // void OnChooseSlot(SlotChoice&)
  kOnResizeLarge = 512,   // void OnResizeLarge(const SlotUse&)
  kOnPlanSlab = 1024,     // void OnPlanSlab(SlabPlan&)
  kOnLibraryCall = 2048,  // void OnLibraryCall(const LibraryCall&)
};

// The hooks that a layer really has.
template <class L>
constexpr uint32_t kDefinedHooks =
    (requires(BinPlan& p) { L::OnPlanBin(p); } ? kOnPlanBin : 0u) |
    (requires(const SlabSpan& s) { L::OnPrepareSlab(s); } ? kOnPrepareSlab : 0u) |
    (requires(const SlotUse& u) { L::OnAllocate(u); } ? kOnAllocate : 0u) |
    (requires(const SlotResize& r) { L::OnResize(r); } ? kOnResize : 0u) |
    (requires(const SlotReturn& r) { L::OnFree(r); } ? kOnFree : 0u) |
    (requires(const FreeSlot& f) { L::OnReuse(f); } ? kOnReuse : 0u) |
    (requires(LargePlan& p) { L::OnPlaceLarge(p); } ? kOnPlaceLarge : 0u) |
    (requires(const SlotReturn& r) { L::OnFreeLarge(r); } ? kOnFreeLarge : 0u) |
    (requires(SlotChoice& c) { L::OnChooseSlot(c); } ? kOnChooseSlot : 0u) |
    (requires(const SlotUse& u) { L::OnResizeLarge(u); } ? kOnResizeLarge : 0u) |
    (requires(SlabPlan& p) { L::OnPlanSlab(p); } ? kOnPlanSlab : 0u) |
    (requires(const LibraryCall& c) { L::OnLibraryCall(c); } ? kOnLibraryCall : 0u);

// A misspelt or undeclared hook fails here, at compile time.
template <class L>
concept Layer = std::is_empty_v<L> && L::kHooks != 0 && L::kHooks == kDefinedHooks<L> && requires {
  { L::kToggle } -> std::convertible_to<Toggle>;
  { L::kTrailerBytes } -> std::convertible_to<size_t>;
};

// The toggles in force, loaded once per operation and passed by value.
struct Toggles {
  uint64_t bits;
  bool Has(Toggle toggle) const { return (bits & Bit(toggle)) != 0; }
};

// What the common path does for blocks besides the engine's own work.
enum class BlockWork : uint8_t {
  kNone,   // no layer acts on blocks, and none of them waits
  kUsual,  // the layers of `hardened` act, and no other: in place, nothing is asked
  kOther,  // in a function of its own
};

template <Layer L>
struct Always : L {
  static constexpr bool kAlways = true;
};
template <Layer L>
struct Gated : L {
  static constexpr bool kAlways = false;
};

template <class... Entries>
class Profile {
  template <class E>
  static constexpr uint64_t kBit = Bit(E::kToggle);
  static_assert(std::popcount((uint64_t{0} | ... | kBit<Entries>)) == sizeof...(Entries),
                "each layer once");

  template <Hook H, class E, class Op>
  BARTIZAN_INLINE static void One([[maybe_unused]] Toggles toggles, [[maybe_unused]] Op& op) {
    if constexpr ((E::kHooks & H) != 0) {
      if (!E::kAlways && (toggles.bits & kBit<E>) == 0) return;
      if constexpr (H == kOnPlanBin) E::OnPlanBin(op);
      if constexpr (H == kOnPrepareSlab) E::OnPrepareSlab(op);
      if constexpr (H == kOnAllocate) E::OnAllocate(op);
      if constexpr (H == kOnResize) E::OnResize(op);
      if constexpr (H == kOnFree) E::OnFree(op);
      if constexpr (H == kOnReuse) E::OnReuse(op);
      if constexpr (H == kOnPlaceLarge) E::OnPlaceLarge(op);
      if constexpr (H == kOnFreeLarge) E::OnFreeLarge(op);
      if constexpr (H == kOnChooseSlot) E::OnChooseSlot(op);
      if constexpr (H == kOnResizeLarge) E::OnResizeLarge(op);
      if constexpr (H == kOnPlanSlab) E::OnPlanSlab(op);
      if constexpr (H == kOnLibraryCall) E::OnLibraryCall(op);
    }
  }

 public:
  // Layers in the order of their rank: those that verify come before those that overwrite.
  template <Hook H, class Op>
  BARTIZAN_INLINE static void Run(Toggles toggles, Op& op) {
    (One<H, Entries>(toggles, op), ...);
  }
  static constexpr uint64_t kLayers = (uint64_t{0} | ... | kBit<Entries>);
  // Those that act when blocks are allocated and freed, or make them wait.
  static constexpr uint64_t kBlockLayers =
      (uint64_t{0} | ... |
       ((Entries::kHooks & (kOnAllocate | kOnFree)) != 0 || Entries::kToggle == Toggle::kQuarantine
            ? kBit<Entries>
            : 0));
  static constexpr bool kSamples = (kLayers & Bit(Toggle::kSampling)) != 0;
  // Whether freed slots go through a ring before they are issued again.
  BARTIZAN_INLINE static bool UsesRing(Toggles toggles) {
    return Has(toggles, Toggle::kQuarantine) || Has(toggles, Toggle::kSampling);
  }
  static constexpr Toggles kUsual{LayersOf(ProfileId::kHardened)};
  static constexpr bool kHasAlways = (Entries::kAlways || ... || false);

  static BlockWork WorkOf(Toggles toggles) {
    if (kHasAlways) return BlockWork::kUsual;
    const uint64_t acting = toggles.bits & kBlockLayers;
    // Samples are counted where slots pass a ring.
    const bool counts = kSamples && toggles.Has(Toggle::kSampling);
    if (acting == 0) return counts ? BlockWork::kOther : BlockWork::kNone;
    return acting == (kUsual.bits & kBlockLayers) ? BlockWork::kUsual : BlockWork::kOther;
  }

  template <class L>
  static constexpr bool kHas = (std::is_base_of_v<L, Entries> || ... || false);

  // Whether a layer is in force.
  BARTIZAN_INLINE static bool Has([[maybe_unused]] Toggles toggles,
                                  [[maybe_unused]] Toggle toggle) {
    return ((Entries::kToggle == toggle && (Entries::kAlways || toggles.Has(toggle))) || ... ||
            false);
  }

  // Bytes at the end of each slot that belong to layers.
  static size_t TrailerBytes([[maybe_unused]] Toggles toggles) {
    return ((Entries::kAlways || toggles.Has(Entries::kToggle) ? Entries::kTrailerBytes : 0) + ... +
            size_t{0});
  }
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_HOOKS_PROFILE_H_
