// What is fixed at start: layers' effect on sizes, the window, the options the engine reads.
#ifndef BARTIZAN_SRC_ENGINE_RUNTIME_H_
#define BARTIZAN_SRC_ENGINE_RUNTIME_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/base/relaxed.h"
#include "src/hooks/profile.h"
#include "src/metadata/size_classes.h"
#include "src/options/sealed_page.h"
#include "src/platform/lock.h"

namespace bartizan {

// Requests up to here find their bin in a table, by steps of eight bytes.
constexpr size_t kIndexedRequest = 1024;
constexpr size_t kIndexStep = 8;

// Made before the first pointer is handed out, then read-only.
struct alignas(4096) Runtime {
  Relaxed<uintptr_t> window;      // of the address map, next to what else a free reads
  Relaxed<size_t> trailer_bytes;  // at the end of each slot, for layers
  // Blocks of at most that capacity need neither a call nor a loop of the layers in force.
  Relaxed<uint32_t> short_capacity;
  // Larger ones are large blocks. Until the start, whatever may be a small block is taken for one:
  // the slow path starts the engine and looks again.
  Relaxed<size_t> max_slot_request = kMaxSlotBytes;
  // Byte offset of the bin in a BinSet, by (request + 7) / 8.
  Relaxed<uint32_t> bin_offset[kIndexedRequest / kIndexStep + 1];
};
static_assert(sizeof(Runtime) == 4096, "nothing else may lie on a page that becomes read-only");

extern constinit Runtime g_runtime;

inline Toggles CurrentToggles() { return Toggles{TogglesInForce()}; }

// How a composition starts the engine it is made of: reads options, tells what layers need.
struct Composition {
  void (*load_options)();
  size_t (*trailer_bytes)(Toggles toggles);
  bool (*acts_on_blocks)(Toggles toggles);
  bool (*has_costly)(Toggles toggles);
  void (*plan_bin)(BinPlan& plan);
  uint64_t (*unguarded_slabs)();  // for the statistics
  // Programs with a malloc of their own (Firefox) still reach some of our functions. Whether this
  // is one: the engine then stays down, and what is freed here is handed to `free_elsewhere`.
  bool (*another_malloc_serves)();
  void (*free_elsewhere)(void* block);
};

// Set at link time by the one composition in this library or program.
extern const Composition kComposition;

// Brings the engine up, once, whoever comes first. False: the system refuses even the tables.
bool EnsureStarted();

// For fork.
platform::Lock* StartLock();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RUNTIME_H_
