#include "src/engine/closing_slabs.h"

#include "src/engine/bad_pointer.h"
#include "src/engine/idle_units.h"
#include "src/engine/runtime.h"
#include "src/engine/slab_pool.h"
#include "src/options/sealed_page.h"
#include "src/platform/marked_point.h"

namespace bartizan::closing {
namespace {

constexpr StateWord kParkedWord = StateWord::AtRest(SlotKind::kParked);
constexpr StateWord kRemoteWord = StateWord::AtRest(SlotKind::kRemote);

// Calls `visit` with each slot's state of the units that were carved.
template <class Visit>
void ForEachCarved(SlabRef ref, Visit visit) {
  const ClassId id = ref.class_id();
  SlotState* const states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  const uint32_t uncarved = g_address_map.slab(ref).uncarved;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    if ((uncarved >> unit & 1) != 0) continue;
    const SlotSpan slots = SlotsOfUnit(id, unit);
    for (uint32_t i = slots.begin; i < slots.end; ++i) visit(i, states[i * stride]);
  }
}

void GiveBack(Epoch& epoch, uint32_t id, SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  // Announced to the heap it had: that heap must not find it in other hands. See Settle.
  if (slab.remote_pending.load(std::memory_order_acquire)) return;
  epochs::UnlinkSlab(epoch, ref);
  if (epoch.release) slab.released = true;
  slab_pool::GiveBack(ref);
  epochs::DropIfOver(epoch, id);
}

// So many slots fewer are not parked. The lock of the epoch is held.
void CountDown(Epoch& epoch, uint32_t id, SlabRef ref, uint32_t slots) {
  std::atomic<uint32_t>& unparked = g_address_map.slab(ref).unparked;
  const uint32_t before = unparked.fetch_sub(slots, std::memory_order_acq_rel);
  if (before < slots) ReportCorruptSlab(ref);
  if (before == slots) GiveBack(epoch, id, ref);
}

// Who freed them could not tell: the slab had an owner then. The lock of the epoch is held.
uint32_t ParkRemote(SlabRef ref) {
  uint32_t parked = 0;
  ForEachCarved(ref, [&](uint32_t, SlotState& state) {
    if (state.LoadRemote() == kRemoteWord && state.Change(kRemoteWord, kParkedWord)) ++parked;
  });
  return parked;
}

uint32_t CountUnparked(SlabRef ref) {
  uint32_t unparked = 0;
  ForEachCarved(ref, [&](uint32_t, const SlotState& state) {
    unparked += state.Load() != kParkedWord ? 1 : 0;
  });
  return unparked;
}

}  // namespace

bool FinishFree(SlabRef ref, SlotState& state) {
  Slab& slab = g_address_map.slab(ref);
  const uint32_t id = slab.epoch;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  platform::MarkedPoint();
  if (g_address_map.OwnerOf(ref) != kNobodysHeap) return false;
  // Whoever changes the state counts.
  if (!state.Change(kRemoteWord, kParkedWord)) return true;
  platform::MarkedPoint();
  if (slab.unparked.fetch_sub(1, std::memory_order_acq_rel) != 1) return true;
  if (id == 0 || g_epochs.At(id) == nullptr) ReportCorruptSlab(ref);
  Settle(ref);
  return true;
}

void Settle(SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  const uint32_t id = slab.epoch;
  Epoch* const epoch = g_epochs.At(id);
  if (epoch == nullptr) return;
  platform::LockGuard guard(g_epochs.LockOf(id));
  const bool same = slab.epoch == id && g_address_map.OwnerOf(ref) == kNobodysHeap;
  if (same && slab.unparked.load(std::memory_order_acquire) == 0) GiveBack(*epoch, id, ref);
}

void HandOver(Epoch& epoch, uint32_t id, SlabRef ref) {
  Slab& slab = g_address_map.slab(ref);
  slab.listed = false;
  slab.next = slab.previous = SlabRef();
  slab.empty_since_ms = 0;
  UncarveIdleUnits(ref);
  // One more than there are, so that nobody comes to zero before we have looked.
  slab.unparked.store(CountUnparked(ref) + 1, std::memory_order_relaxed);
  g_address_map.SetOwner(ref, kNobodysHeap);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  platform::MarkedPoint();
  CountDown(epoch, id, ref, ParkRemote(ref) + 1);
}

void CountAnew(Epoch& epoch, uint32_t id, SlabRef ref) {
  ParkRemote(ref);
  Slab& slab = g_address_map.slab(ref);
  slab.unparked.store(CountUnparked(ref) + 1, std::memory_order_relaxed);
  CountDown(epoch, id, ref, 1);
}

void ReleaseBlocks(Epoch& epoch, uint32_t id, SlabRef ref) {
  const ClassId class_id = ref.class_id();
  const size_t bytes = kClassBytes[class_id];
  const size_t trailer = g_runtime.trailer_bytes;
  const size_t capacity = class_id == kZeroClass ? 0 : bytes - trailer;
  auto* const begin = reinterpret_cast<std::byte*>(g_address_map.SlabAddress(ref));
  uint32_t released = 0;
  g_address_map.slab(ref).unparked.fetch_add(1, std::memory_order_relaxed);
  ForEachCarved(ref, [&](uint32_t slot, SlotState& state) {
    const StateWord word = state.Load();
    const StateWord releasing = StateWord::AtRest(SlotKind::kReleasing);
    if (!word.IsLive() || !state.Change(word, releasing)) return;
    if (class_id != kZeroClass) {
      SlotReturn op{{begin + slot * bytes, capacity - word.slack(), capacity},
                    word.family(),
                    word.family(),
                    SlotReturn::kNotStated,
                    trailer,
                    OptionsInForce().Has(Toggle::kZeroOnFree)};
      op.word = releasing;
      op.state = &state;
      kComposition.on_free(op);
    }
    state.Store(kParkedWord);
    ++released;
  });
  CountDown(epoch, id, ref, released + 1);
}

}  // namespace bartizan::closing
