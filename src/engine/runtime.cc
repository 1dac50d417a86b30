#include "src/engine/runtime.h"

#include "src/engine/clock.h"
#include "src/engine/container_limits.h"
#include "src/engine/fork.h"
#include "src/engine/heap.h"
#include "src/engine/large_blocks.h"
#include "src/engine/stacks.h"
#include "src/metadata/address_map.h"
#include "src/metadata/seeding.h"
#include "src/platform/bytes.h"
#include "src/platform/memory.h"

namespace bartizan {

constinit Runtime g_runtime = {};

namespace {

constinit platform::Lock g_lock;
// Release when all below is in place; acquire by every other thread's first slow path.
constinit std::atomic<bool> g_started{false};

void Start(RandomStream& random) {
  g_runtime.max_slot_request = kMaxSlotBytes - g_runtime.trailer_bytes;
  for (uint64_t& secret : bartizan_sealed_page.secrets) secret = random.Next64();
  g_large_blocks.Initialize(random);
  if (OptionsInForce().Has(Toggle::kSampling)) g_large_blocks.StartSamples();
  g_runtime.roots = MakeRoots();
  bartizan_sealed_page.info.engine_roots = reinterpret_cast<uintptr_t>(&g_runtime.roots);
  Seal();
  container_limits::Start(EngineMilliseconds());
  platform::SealReadOnly(reinterpret_cast<uintptr_t>(&g_runtime), sizeof g_runtime);
}

}  // namespace

bool EnsureStarted() {
  if (g_started.load(std::memory_order_acquire)) [[likely]]
    return true;
  if (kComposition.another_malloc_serves()) return false;
  {
    platform::LockGuard guard(g_lock);
    if (g_started.load(std::memory_order_relaxed)) return true;
    kComposition.load_options();
    g_runtime.trailer_bytes = kComposition.trailer_bytes(CurrentToggles());
    seeding::Start(OptionsInForce().seed);
    RandomStream random = NewStream(StreamUse::kStart);
    if (!g_address_map.Initialize(random)) return false;
    Start(random);
    g_started.store(true, std::memory_order_release);
  }
  // May allocate, hence after the start. Until here only the thread that made the first allocation
  // of the process has got any further than the lock above.
  InstallForkHandlers();
  PrepareStacks();
  return true;
}

bool IsStarted() { return g_started.load(std::memory_order_acquire); }

platform::Lock* StartLock() { return &g_lock; }

}  // namespace bartizan
