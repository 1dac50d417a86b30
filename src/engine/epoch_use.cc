// What epochs hold.
#include <cstring>

#include "src/engine/epochs.h"
#include "src/engine/large_blocks.h"
#include "src/engine/runtime.h"
#include "src/engine/statistics.h"
#include "src/platform/lock.h"

namespace bartizan::epochs {
namespace {

void AddSlab(SlabRef ref, EpochUse* use) {
  const ClassId id = ref.class_id();
  const Slab& slab = g_address_map.slab(ref);
  const SlotState* const states = g_address_map.SlabStates(ref);
  const size_t stride = kClassBytes[id] >> GranuleShift(id);
  const size_t memory = id == kZeroClass ? 0 : kClassBytes[id];
  const size_t capacity = id == kZeroClass ? 0 : memory - g_runtime.trailer_bytes;
  const uint32_t uncarved = slab.uncarved;
  use->slabs++;
  for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
    if ((uncarved >> unit & 1) != 0) continue;
    const SlotSpan slots = SlotsOfUnit(id, unit);
    use->committed_bytes += (slots.end - slots.begin) * memory;
    for (size_t i = slots.begin; i < slots.end; ++i) {
      const StateWord word = states[i * stride].Load();
      if (!word.IsLive()) continue;
      use->live_blocks++;
      use->live_bytes += capacity - word.slack();
    }
  }
}

void Fill(Epoch& epoch, uint32_t id, EpochView* view) {
  view->name = {id, epoch.era};
  std::memcpy(view->label, epoch.label, sizeof view->label);
  view->closing = epoch.closing != 0;
  view->scopes = epoch.inside();
  view->opened_ms = epoch.opened_ms;
  view->use = {};
  for (SlabRef ref = epoch.slabs; ref; ref = g_address_map.slab(ref).epoch_next) {
    AddSlab(ref, &view->use);
  }
  platform::LockGuard guard(*g_large_blocks.lock());
  view->use.live_blocks += epoch.large_blocks;
  view->use.live_bytes += epoch.large_bytes;
  view->use.committed_bytes += epoch.large_mapped_bytes;
}

}  // namespace

EpochStatus View(const EpochName& name, EpochView* view) {
  platform::LockGuard guard(g_epochs.LockOf(name.id));
  Epoch* const epoch = g_epochs.Find(name);
  if (epoch == nullptr) return EpochStatus::kStale;
  Fill(*epoch, name.id, view);
  return EpochStatus::kDone;
}

bool ViewAt(uint32_t id, EpochView* view) {
  platform::LockGuard guard(g_epochs.LockOf(id));
  Epoch* const epoch = g_epochs.At(id);
  if (epoch == nullptr || epoch->era == 0) return false;
  Fill(*epoch, id, view);
  return true;
}

uint64_t ResidentBytes(const EpochName& name) {
  platform::LockGuard guard(g_epochs.LockOf(name.id));
  Epoch* const epoch = g_epochs.Find(name);
  if (epoch == nullptr) return 0;
  uint64_t bytes = 0;
  for (SlabRef ref = epoch->slabs; ref; ref = g_address_map.slab(ref).epoch_next) {
    if (ref.class_id() == kZeroClass) continue;
    bytes += bartizan::ResidentBytes(g_address_map.SlabAddress(ref), SlabBytes(ref.class_id()));
  }
  platform::LockGuard large(*g_large_blocks.lock());
  for (const LargeBlock* block = epoch->large; block != nullptr; block = block->epoch_next) {
    bytes += bartizan::ResidentBytes(block->map_begin, block->map_bytes());
  }
  return bytes;
}

EpochName NameOf(uint32_t id) {
  platform::LockGuard guard(g_epochs.LockOf(id));
  const Epoch* const epoch = g_epochs.At(id);
  return epoch == nullptr || epoch->era == 0 ? EpochName() : EpochName{id, epoch->era};
}

}  // namespace bartizan::epochs
