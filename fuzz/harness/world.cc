#include "fuzz/harness/world.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "fuzz/harness/check.h"
#include "src/api/embedded.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/options/options.h"

namespace fuzz {
namespace {

struct World {
  bool made = false;
  EngineGlobals globals;
  Mappings mappings;
  System system;
  ptrdiff_t bins[kThreads];
};

World g_worlds[kSettingCount + 1];
bool g_in_use = false;
bool g_digests = false;
uint64_t g_last_digest = 0;

// A little of everything in use before, by each thread: heaps with slabs, slots that wait.
void UseALittle() {
  constexpr size_t kSizes[] = {0, 1, 16, 24, 40, 64, 100, 128, 250, 500, 1000, 2000, 5000, 20000};
  constexpr size_t kEach = 4;
  for (size_t size : kSizes) {
    void* blocks[kEach];
    for (void*& block : blocks) block = bartizan_malloc(size);
    for (void* block : blocks) bartizan_free(block);
  }
}

void Make(World& world, const Setting& setting) {
  static const EngineGlobals pristine = [] {
    EngineGlobals globals;
    globals.Save();
    return globals;
  }();
  pristine.Restore();
  g_system = System();
  g_system.mappings = &world.mappings;
  g_system.random_state = static_cast<uint64_t>(&setting - kSettings);
  setenv(bartizan::kOptionsVariable, setting.options, 1);
  for (ptrdiff_t& bins : world.bins) {
    bartizan::tls_bins_distance = 0;
    UseALittle();
    bins = bartizan::tls_bins_distance;
  }
  world.globals.Save();
  world.mappings.Freeze();
  world.system = g_system;
  world.made = true;
}

}  // namespace

Case::Case(size_t setting)
    : setting_(setting == kSampled ? kSettingCount : setting % kSettingCount) {
  FUZZ_CHECK(!g_in_use, "a case inside of another");
  g_in_use = true;
  World& world = g_worlds[setting_];
  if (world.made) {
    world.globals.Restore();
  } else {
    Make(world, kSettings[setting_]);
  }
  g_system = world.system;
  std::copy(std::begin(world.bins), std::end(world.bins), bins_);
  bartizan::tls_bins_distance = bins_[0];
}

Case::~Case() {
  g_system = System();  // nothing is refused any more
  Mappings& mappings = g_worlds[setting_].mappings;
  if (g_digests) g_last_digest = mappings.Digest();
  mappings.Restore();
  g_in_use = false;
}

void Case::SwitchTo(size_t thread) {
  bins_[thread_] = bartizan::tls_bins_distance;
  thread_ = thread % kThreads;
  bartizan::tls_bins_distance = bins_[thread_];
}

void Case::EndThread() {
  bartizan::registry::DetachThread();
  bartizan::tls_bins_distance = 0;
}

void Case::StartThread() { bartizan::tls_bins_distance = 0; }

void Case::ForgetOtherThreads() {
  for (size_t i = 0; i < kThreads; ++i) {
    if (i != thread_) bins_[i] = 0;
  }
}

const Mappings& Case::mappings() const { return g_worlds[setting_].mappings; }

}  // namespace fuzz

extern "C" uint64_t FuzzLastDigest() {
  fuzz::g_digests = true;
  return fuzz::g_last_digest;
}
