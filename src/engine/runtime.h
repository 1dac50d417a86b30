// What is fixed at start: layers' effect on sizes, the window, the options the engine reads.
#ifndef BARTIZAN_SRC_ENGINE_RUNTIME_H_
#define BARTIZAN_SRC_ENGINE_RUNTIME_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/compiler.h"
#include "src/base/relaxed.h"
#include "src/engine/engine_roots.h"
#include "src/hooks/profile.h"
#include "src/metadata/size_classes.h"
#include "src/options/sealed_page.h"
#include "src/platform/lock.h"

namespace bartizan {

struct Bin;
struct Heap;
struct LargeBlock;
struct LargeView;
struct StackSource;

// Made before the first pointer is handed out, then read-only.
struct alignas(4096) Runtime {
  Relaxed<size_t> trailer_bytes;  // at the end of each slot, for layers
  // Larger ones are large blocks. Until the start, whatever may be a small block is taken for one:
  // the slow path starts the engine and looks again.
  Relaxed<size_t> max_slot_request = kMaxSlotBytes;
  EngineRoots roots;  // for those who read the engine by copies, from inside or outside
};
static_assert(sizeof(Runtime) == 4096, "nothing else may lie on a page that becomes read-only");

extern constinit Runtime g_runtime;

inline Toggles CurrentToggles() { return Toggles{TogglesInForce()}; }

// How a composition starts the engine it is made of: reads options, tells what layers need.
struct Composition {
  void (*load_options)();
  size_t (*trailer_bytes)(Toggles toggles);
  BlockWork (*block_work)(Toggles toggles);
  void (*plan_bin)(BinPlan& plan);
  // Layers look at free slots before these lose their pages.
  void (*examine)(Heap& heap, Bin& bin, const uint32_t* granules, uint32_t count);
  // An epoch is released with all its blocks.
  void (*on_free)(const SlotReturn& op);
  void (*release_large)(LargeBlock* block, const LargeView& view);
  const std::atomic<uint64_t>* unguarded_slabs;  // for the statistics; or nullptr
  const StackSource* stacks;                     // or nullptr: there are none
  // Programs with a malloc of their own (Firefox) still reach some of our functions. Whether this
  // is one: the engine then stays down, and what is freed here is handed to `free_elsewhere`.
  bool (*another_malloc_serves)();
  void (*free_elsewhere)(void* block);
};

// Set at link time by the one composition in this library or program.
extern const Composition kComposition;

// Brings the engine up, once, whoever comes first. False: the system refuses even the tables.
bool EnsureStarted();

// Whether it is up.
bool IsStarted();

// For fork.
platform::Lock* StartLock();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RUNTIME_H_
