// The exploit writer in a loop (fuzz/attack), against the engine in this process: every case from a
// fresh world, threads played by one. A report ends the case: defended. Besides what the attack
// checks itself: no report where no fault was committed, a report that ends the process, slots and
// large blocks wait as long as the quarantine promises, memory does not grow without bound.
#include <cstring>
#include <string>

#include "fuzz/attack/attack.h"
#include "fuzz/attack/own_memory.h"
#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/growth.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/waits.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/options/sealed_page.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::SelectedAllocator;

static_assert(kAttackThreads == kThreads);
static_assert(Claim::kNotStated == bartizan::SlotReturn::kNotStated);

class EngineHeap final : public AttackedHeap {
 public:
  explicit EngineHeap(Case& world) : world_(world) {}

  void* Allocate(size_t alignment, size_t size, Family family) override {
    return Issued(SelectedAllocator::AllocateAligned(alignment, size, family), size);
  }
  void Free(void* pointer, Claim claim) override {
    OnFree(reinterpret_cast<uintptr_t>(pointer));
    SelectedAllocator::Free(pointer, FreeClaim{claim.family, claim.size});
  }
  void* Reallocate(void* pointer, size_t size) override {
    const auto before = reinterpret_cast<uintptr_t>(pointer);
    void* const moved = SelectedAllocator::Reallocate(pointer, size);
    if (moved == nullptr || moved == pointer) {
      if (moved != nullptr) waits_.OnResized(before, size);
      return moved;
    }
    Issued(moved, size);
    OnFree(before);
    return moved;
  }
  size_t UsableSize(void* pointer) override { return bartizan_usable_size(pointer); }

  void SwitchTo(size_t thread) override {
    world_.SwitchTo(thread);
    threads_ = kThreads;
  }
  void EndThread() override {
    world_.EndThread();
    waits_.OnThreadEnd();
    threads_ = kThreads;
  }
  void PassTime(uint64_t milliseconds) override { g_system.clock_ms += milliseconds; }
  bool HasRealTime() const override { return false; }

  bool Has(bartizan::Toggle layer) const override { return bartizan::OptionsInForce().Has(layer); }
  bool Covers(uintptr_t begin, size_t bytes) const override {
    return world_.mappings().Covers(begin, bytes);
  }
  bool IsGuard(uintptr_t begin, size_t bytes) const override {
    return world_.mappings().IsGuard(begin, bytes);
  }
  size_t OpenTo(uintptr_t address, size_t size) const override {
    if (Covers(address, size)) return size;
    constexpr size_t kPage = 4096;
    const size_t left = kPage - address % kPage;
    return Covers(address, 1) ? std::min(left, size) : 0;
  }
  bool HasOthersBlocks() const override { return false; }
  void OnFirstFault() override {}

 private:
  void OnFree(uintptr_t begin) {
    waits_.OnFree(begin, world_.thread());
    growth_.OnFree(begin);
  }
  void* Issued(void* block, size_t size) {
    if (block != nullptr) {
      waits_.OnIssued(reinterpret_cast<uintptr_t>(block), size, world_.thread());
      growth_.OnIssued(reinterpret_cast<uintptr_t>(block), threads_);
    }
    return block;
  }

  Case& world_;
  Waits waits_;
  Growth growth_;
  size_t threads_ = 1;
};

// What the report would be without the jump: one line, then the process's end.
void CheckReport(const Attack& attack) {
  FUZZ_CHECK(attack.faulty(), "a report without a fault: %.*s: %.*s",
             static_cast<int>(g_caught.what.size()), g_caught.what.data(),
             static_cast<int>(g_caught.detail.size()), g_caught.detail.data());
  FUZZ_CHECK(!g_caught.what.empty() && !g_caught.detail.empty(), "an empty report");
  std::string text;
  g_system.written = &text;
  ReportForReal(g_caught);
  g_system.written = nullptr;
  FUZZ_CHECK(text.starts_with("bartizan: fatal: ") && text.find('\n') == text.size() - 1,
             "a report that is not one line: %s", text.c_str());
}

// What a case may have mapped: fixed tables and first slabs of the classes that it uses, what waits
// in each of its quarantines, large blocks that are kept, and what its blocks need, several times.
void CheckGrowth(const Case& world, const Attack& attack) {
  constexpr size_t kAnyway = size_t{24} << 20;
  constexpr size_t kTimes = 4;
  const size_t bytes = world.mappings().FreshBytes();
  const size_t kept = bartizan::OptionsInForce().large_cache_bytes;
  FUZZ_CHECK(bytes <= kAnyway + kept + kTimes * attack.most_bytes(),
             "memory grows without bound: %zu bytes are mapped, %zu were live", bytes,
             attack.most_bytes());
}

void Run(Input& input) {
  Case world(input.Byte());
  EngineHeap heap(world);
  Attack attack(input, heap);
  const bool undefended = Completes([&attack] { attack.Run(); });
  if (!undefended) CheckReport(attack);
  attack.CheckAll();
  CheckGrowth(world, attack);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
