// Epochs over src/engine/epochs.h and epoch_scopes.h.
#include "bartizan/epoch.h"

#include <cerrno>
#include <cstring>

#include "src/base/compiler.h"
#include "src/engine/epoch_scopes.h"
#include "src/engine/epochs.h"
#include "src/engine/find_object.h"
#include "src/engine/runtime.h"
#include "src/platform/entropy.h"

using Allocator = bartizan::SelectedAllocator;
using bartizan::EpochName;
using bartizan::EpochStatus;
using bartizan::EpochView;
using bartizan::ScopeName;

namespace {

constexpr auto kFamily = bartizan::Family::kMalloc;
constexpr uint32_t kUsualSlots = 16;

bartizan_epoch_status Public(EpochStatus status) {
  static_assert(static_cast<int>(EpochStatus::kThreadIsEnding) == BARTIZAN_EPOCH_THREAD_IS_ENDING);
  return static_cast<bartizan_epoch_status>(status);
}
EpochName NameOf(bartizan_epoch epoch) { return {epoch.id, epoch.era}; }
bartizan_epoch Public(const EpochName& name) { return {name.id, 0, name.era}; }

// errno stays as it was.
class KeptErrno {
 public:
  ~KeptErrno() { errno = value_; }

 private:
  const int value_ = errno;
};

struct Held {
  EpochView view;
  uint64_t resident;
};

Held Hold(const EpochName& name) {
  Held held = {};
  bartizan::epochs::View(name, &held.view);
  held.resident = bartizan::epochs::ResidentBytes(name);
  return held;
}

bartizan_epoch_status CloseAndTell(bartizan_epoch epoch, bool release,
                                   bartizan_epoch_given_back* out) {
  const KeptErrno kept;
  const EpochName name = NameOf(epoch);
  if (out == nullptr) return Public(bartizan::epochs::Close(name, release));
  *out = {};
  const Held before = Hold(name);
  const EpochStatus status = bartizan::epochs::Close(name, release);
  if (status != EpochStatus::kDone) return Public(status);
  const Held after = Hold(name);
  out->live_blocks = after.view.use.live_blocks;
  out->live_bytes = after.view.use.live_bytes;
  out->committed_before = before.view.use.committed_bytes;
  out->committed_after = after.view.use.committed_bytes;
  out->resident_before = before.resident;
  out->resident_after = after.resident;
  out->returned = before.resident > after.resident ? before.resident - after.resident : 0;
  out->scopes_inside = after.view.scopes;
  return BARTIZAN_EPOCH_OK;
}

template <class Allocate>
void* AllocateIn(bartizan_epoch epoch, bartizan_epoch_status* status, Allocate allocate) {
  const int saved = errno;
  void* block = nullptr;
  EpochStatus result = EpochStatus::kNoMemory;
  if (epoch.id == 0) {
    result = EpochStatus::kStale;
  } else if (bartizan::EnsureStarted()) {
    const bartizan::epoch_scopes::ScopedEpoch scope(NameOf(epoch));
    result = scope.status();
    if (result == EpochStatus::kDone) {
      block = allocate();
      if (block == nullptr) result = EpochStatus::kNoMemory;
    }
  }
  if (status != nullptr) *status = Public(result);
  errno = block != nullptr ? saved : result == EpochStatus::kNoMemory ? ENOMEM : EINVAL;
  return block;
}

}  // namespace

extern "C" {

BARTIZAN_EXPORT const char* bartizan_epoch_status_name(bartizan_epoch_status status) {
  static constexpr const char* kNames[] = {
      "BARTIZAN_EPOCH_OK",         "BARTIZAN_EPOCH_STALE",           "BARTIZAN_EPOCH_CLOSING",
      "BARTIZAN_EPOCH_BUSY",       "BARTIZAN_EPOCH_NO_MEMORY",       "BARTIZAN_EPOCH_BAD_LABEL",
      "BARTIZAN_EPOCH_TOO_DEEP",   "BARTIZAN_EPOCH_NOT_INNERMOST",   "BARTIZAN_EPOCH_OTHER_THREAD",
      "BARTIZAN_EPOCH_NOT_INSIDE", "BARTIZAN_EPOCH_THREAD_IS_ENDING"};
  const auto index = static_cast<size_t>(status);
  return index < sizeof kNames / sizeof kNames[0] ? kNames[index] : "unknown";
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_open(const char* label,
                                                          bartizan_epoch* epoch) {
  const KeptErrno kept;
  *epoch = {};
  if (!bartizan::EnsureStarted()) return BARTIZAN_EPOCH_NO_MEMORY;
  EpochName name;
  const EpochStatus status = bartizan::g_epochs.Open(label == nullptr ? "" : label, &name);
  if (status == EpochStatus::kDone) *epoch = Public(name);
  return Public(status);
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_close(bartizan_epoch epoch,
                                                           bartizan_epoch_given_back* given_back) {
  return CloseAndTell(epoch, false, given_back);
}

BARTIZAN_EXPORT bartizan_epoch_status
bartizan_epoch_release(bartizan_epoch epoch, bartizan_epoch_given_back* given_back) {
  return CloseAndTell(epoch, true, given_back);
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_get_info(bartizan_epoch epoch,
                                                              bartizan_epoch_info* info) {
  constexpr size_t kFirstVersionBytes = sizeof(bartizan_epoch_info);
  const uint64_t bytes = info->struct_bytes;
  if (bytes < kFirstVersionBytes) return BARTIZAN_EPOCH_NO_MEMORY;
  EpochView view;
  const EpochStatus status = bartizan::epochs::View(NameOf(epoch), &view);
  std::memset(info, 0, bytes);
  info->struct_bytes = bytes;
  if (status != EpochStatus::kDone) return Public(status);
  std::memcpy(info->label, view.label, sizeof info->label);
  info->closing = view.closing ? 1 : 0;
  info->scopes = view.scopes;
  info->live_blocks = view.use.live_blocks;
  info->live_bytes = view.use.live_bytes;
  info->committed_bytes = view.use.committed_bytes;
  info->age_ms = bartizan::platform::CoarseMilliseconds() - view.opened_ms;
  info->slabs = view.use.slabs;
  return BARTIZAN_EPOCH_OK;
}

BARTIZAN_EXPORT bartizan_epoch bartizan_epoch_of(const void* inside) {
  const auto address = reinterpret_cast<uintptr_t>(inside);
  return Public(bartizan::epochs::NameOf(bartizan::EpochOfBlock(address)));
}

BARTIZAN_EXPORT size_t bartizan_epoch_list(bartizan_epoch* epochs, size_t count) {
  size_t found = 0;
  const uint32_t limit = bartizan::g_epochs.limit();
  for (uint32_t id = 1; id < limit; ++id) {
    const EpochName name = bartizan::epochs::NameOf(id);
    if (name.id == 0) continue;
    if (found < count) epochs[found] = Public(name);
    ++found;
  }
  return found;
}

BARTIZAN_EXPORT void* bartizan_epoch_malloc(bartizan_epoch epoch, size_t size,
                                            bartizan_epoch_status* status) {
  return AllocateIn(epoch, status, [size] { return Allocator::Allocate(size, kFamily); });
}

BARTIZAN_EXPORT void* bartizan_epoch_calloc(bartizan_epoch epoch, size_t count, size_t size,
                                            bartizan_epoch_status* status) {
  return AllocateIn(epoch, status, [count, size]() -> void* {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
    return Allocator::AllocateZeroed(bytes, kFamily);
  });
}

BARTIZAN_EXPORT void* bartizan_epoch_aligned_alloc(bartizan_epoch epoch, size_t alignment,
                                                   size_t size, bartizan_epoch_status* status) {
  return AllocateIn(epoch, status, [alignment, size]() -> void* {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) return nullptr;
    return Allocator::AllocateAligned(alignment, size, kFamily);
  });
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_make_current(bartizan_epoch epoch) {
  const KeptErrno kept;
  return Public(bartizan::epoch_scopes::MakeCurrent(NameOf(epoch)));
}

BARTIZAN_EXPORT bartizan_epoch bartizan_epoch_current(void) {
  return Public(bartizan::epoch_scopes::Current());
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_enter(bartizan_epoch epoch, unsigned flags,
                                                           bartizan_epoch_scope* scope) {
  const KeptErrno kept;
  *scope = {};
  ScopeName name;
  const bool closes = (flags & BARTIZAN_EPOCH_CLOSE_ON_LEAVE) != 0;
  const EpochStatus status = bartizan::epoch_scopes::Enter(NameOf(epoch), closes, &name);
  if (status == EpochStatus::kDone) *scope = {name.serial, name.thread, epoch};
  return Public(status);
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_leave(const bartizan_epoch_scope* scope) {
  const KeptErrno kept;
  return Public(
      bartizan::epoch_scopes::Leave({scope->serial, scope->thread, NameOf(scope->epoch)}));
}

// --- A ring of epochs
// ---------------------------------------------------------------------------

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_ring_open(bartizan_epoch_ring* ring,
                                                               uint32_t slots, const char* label) {
  std::memset(ring, 0, sizeof *ring);
  if (slots == 0) slots = kUsualSlots;
  if (slots < 2 || slots > BARTIZAN_EPOCH_RING_MOST) return BARTIZAN_EPOCH_TOO_DEEP;
  bartizan_epoch first;
  const bartizan_epoch_status status = bartizan_epoch_open(label, &first);
  if (status != BARTIZAN_EPOCH_OK) return status;
  ring->slots = slots;
  if (label != nullptr) std::memcpy(ring->label, label, strlen(label));
  ring->epochs[0] = first;
  return BARTIZAN_EPOCH_OK;
}

BARTIZAN_EXPORT bartizan_epoch_status bartizan_epoch_ring_advance(bartizan_epoch_ring* ring) {
  bartizan_epoch next;
  const bartizan_epoch_status status = bartizan_epoch_open(ring->label, &next);
  if (status != BARTIZAN_EPOCH_OK) return status;
  const bartizan_epoch last = ring->epochs[ring->position];
  ring->position = (ring->position + 1) % ring->slots;
  ring->epochs[ring->position] = next;
  bartizan_epoch_close(last, nullptr);
  return BARTIZAN_EPOCH_OK;
}

BARTIZAN_EXPORT bartizan_epoch bartizan_epoch_ring_at(const bartizan_epoch_ring* ring,
                                                      uint32_t steps) {
  if (steps >= ring->slots) return {};
  return ring->epochs[(ring->position + ring->slots - steps) % ring->slots];
}

BARTIZAN_EXPORT void bartizan_epoch_ring_close(bartizan_epoch_ring* ring) {
  bartizan_epoch_close(ring->epochs[ring->position], nullptr);
}

}  // extern "C"
