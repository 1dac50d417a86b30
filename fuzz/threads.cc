// Threads that come between each other in the middle of operations. Each step of a case names a
// thread and how far it goes: to the end of what it does, or over so many marked points (locks,
// exchanges, states, system calls), after which other threads go on until it is named again. So
// every interleaving of up to four threads is some input, and each input is one interleaving.
//
// A correct program then never meets a report, blocks do not overlap and keep their contents,
// whoever waits for a lock gets it in the end, and what another thread freed comes back into use.
// Two threads that free one block at the same time are reported, or that has no effect.
#include <cstring>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "fuzz/played_threads.h"
#include "src/api/embedded.h"
#include "src/engine/find_object.h"
#include "src/engine/heap_registry.h"
#include "src/engine/reclaim.h"
#include "src/engine/statistics.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::SelectedAllocator;

// What a thread is doing, or did last.
struct Action {
  enum class Kind { kAllocate, kFree, kFreeToo, kResize, kBurst, kEnd, kTrim, kRead };
  Kind kind;
  size_t size;
  size_t count;
  Block block;  // as it was when the action began: the model has let go of it
};

class Threads {
 public:
  Threads(Input& input, Case& world, HeapModel& model)
      : input_(input), model_(model), sizes_(input), players_(world) {}

  void Step();
  bool over() const { return players_.reported(); }
  // All go on until none is in the middle of anything.
  void Finish();
  void Check(bool statistics);

 private:
  struct Running {
    Threads* threads;
    Action action;
  };

  bool Plan(Action& action);
  bool PlanBlock(Action& action);
  bool PlanFreeToo(Action& action);
  void Perform(const Action& action);
  void Resize(const Action& action);
  static void Burst(const Action& action);
  void CheckStatistics() const;
  bool IsBusy(size_t player) const { return players_.StandingOf(player) != Standing::kIdle; }
  bool IsAnyBusy() const;

  Input& input_;
  HeapModel& model_;
  Sizes sizes_;
  Players players_;
  Running running_[kPlayers] = {};
  size_t preemptions_ = 24;
  size_t costly_ = 4;
  // A block is being freed by two at once. Until both are done, nobody may get its slot: one of the
  // two would free what is the new owner's.
  bool racing_ = false;
  bool faulty_ = false;
};

// --- What threads do
// ------------------------------------------------------------------------------

bool Threads::PlanBlock(Action& action) {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return false;
  model_.CheckContents(*block);
  action.block = *block;
  model_.Leave(*block);
  return true;
}

// What another thread is in the middle of freeing. If somebody has got its memory already, the
// second free would be of the new owner's block, which no allocator can tell.
bool Threads::PlanFreeToo(Action& action) {
  const Action* freed = nullptr;
  for (size_t i = 0; i < kPlayers; ++i) {
    if (!IsBusy(i)) continue;
    if (freed != nullptr || running_[i].action.kind != Action::Kind::kFree) return false;
    freed = &running_[i].action;
  }
  if (freed == nullptr || freed->block.size == 0) return false;
  if (model_.LiveAt(freed->block.begin(), freed->block.size) != nullptr) return false;
  action.block = freed->block;
  faulty_ = racing_ = true;
  return true;
}

bool Threads::Plan(Action& action) {
  const size_t kind = input_.Below(24);
  action.size = sizes_.Read(input_);
  const bool allocates = kind < 8 || kind == 17 || kind == 18 || kind == 19;
  if (allocates && racing_) return false;
  if (kind < 8) {
    action.kind = Action::Kind::kAllocate;
    size_t planned = 0;
    for (size_t i = 0; i < kPlayers; ++i) planned += IsBusy(i) ? 1 : 0;
    return model_.live_count() + planned < HeapModel::kMost;
  }
  if (kind < 16) {
    action.kind = Action::Kind::kFree;
    return PlanBlock(action);
  }
  switch (kind) {
    case 16:
      action.kind = Action::Kind::kFreeToo;
      return PlanFreeToo(action);
    case 17:
      action.kind = Action::Kind::kResize;
      return action.size != 0 && PlanBlock(action);
    case 18:
    case 19:
      action.kind = Action::Kind::kBurst;
      action.count = input_.Byte() % 64;
      break;
    case 20:
      action.kind = Action::Kind::kEnd;
      return true;
    case 21:
      action.kind = Action::Kind::kTrim;
      break;
    case 22:
      action.kind = Action::Kind::kRead;
      return true;
    default:
      g_system.clock_ms += uint64_t{64} * input_.Byte();
      return false;
  }
  if (costly_ == 0) return false;
  costly_--;
  return true;
}

void Threads::Perform(const Action& action) {
  switch (action.kind) {
    case Action::Kind::kAllocate: {
      void* const at = SelectedAllocator::Allocate(action.size, Family::kMalloc);
      if (at != nullptr) model_.Enter(at, action.size, 16, Family::kMalloc);
      return;
    }
    case Action::Kind::kFree:
    case Action::Kind::kFreeToo:
      return SelectedAllocator::Free(action.block.at, FreeClaim{action.block.family});
    case Action::Kind::kResize:
      return Resize(action);
    case Action::Kind::kBurst:
      return Burst(action);
    case Action::Kind::kEnd:
      bartizan::registry::DetachThread();
      bartizan::tls_bins_distance = 0;
      return;
    case Action::Kind::kTrim:
      SelectedAllocator::Trim();
      return;
    case Action::Kind::kRead: {
      bartizan::ObjectView view;
      bartizan::FindObject(model_.All()[action.size % HeapModel::kMost].begin(), &view);
      return;
    }
  }
}

void Threads::Resize(const Action& action) {
  // What the model looks at is written whole up to here (heap_model.cc).
  constexpr size_t kLookedAt = 512;
  const Block& block = action.block;
  auto* const moved = static_cast<uint8_t*>(SelectedAllocator::Reallocate(block.at, action.size));
  uint8_t* const at = moved == nullptr ? block.at : moved;
  const size_t size = moved == nullptr ? block.size : action.size;
  for (size_t i = 0; i < size && i < block.size && i < kLookedAt; ++i) {
    FUZZ_CHECK(at[i] == static_cast<uint8_t>(block.seed + i * 7), "%p of %zu bytes lost byte %zu",
               at, size, i);
  }
  model_.Enter(at, size, 16, Family::kMalloc);
}

void Threads::Burst(const Action& action) {
  constexpr size_t kMost = 64;
  void* blocks[kMost];
  const size_t size = action.size % 4096;
  const size_t marked = size < sizeof(uintptr_t) ? size : sizeof(uintptr_t);
  for (size_t i = 0; i < action.count; ++i) {
    blocks[i] = SelectedAllocator::Allocate(size, Family::kMalloc);
    const auto mark = reinterpret_cast<uintptr_t>(blocks[i]);  // like no other thread's
    std::memcpy(blocks[i], &mark, marked);
  }
  for (size_t i = 0; i < action.count; ++i) {
    const auto mark = reinterpret_cast<uintptr_t>(blocks[i]);
    FUZZ_CHECK(std::memcmp(blocks[i], &mark, marked) == 0, "block %zu of a burst has changed", i);
    SelectedAllocator::Free(blocks[i], FreeClaim{});
  }
}

// --- Who goes on
// ----------------------------------------------------------------------------------

bool Threads::IsAnyBusy() const {
  for (size_t i = 0; i < kPlayers; ++i) {
    if (IsBusy(i)) return true;
  }
  return false;
}

void Threads::Step() {
  racing_ = racing_ && IsAnyBusy();
  const size_t turn = input_.Byte();
  const size_t player = turn % kPlayers;
  // To the end, or over a few points, or over many.
  size_t points = 0;
  if (preemptions_ != 0 && turn >= 96) points = turn < 224 ? 1 + (turn - 96) / 4 : turn - 192;
  if (points != 0) preemptions_--;
  if (!IsBusy(player)) {
    running_[player].threads = this;
    if (!Plan(running_[player].action)) return;
    players_.Begin(
        player,
        [](void* argument) {
          auto* const running = static_cast<Running*>(argument);
          running->threads->Perform(running->action);
        },
        &running_[player]);
  }
  players_.Resume(player, points);
}

void Threads::Finish() {
  for (bool waiting = true; waiting && !over();) {
    waiting = false;
    bool moved = false;
    for (size_t i = 0; i < kPlayers && !over(); ++i) {
      if (!IsBusy(i)) continue;
      players_.Resume(i, 0);
      moved = moved || !IsBusy(i);
      waiting = waiting || IsBusy(i);
    }
    FUZZ_CHECK(moved || !waiting || over(), "all threads wait for locks");
  }
}

void Threads::Check(bool statistics) {
  if (over()) {
    FUZZ_CHECK(faulty_, "a report without a fault: %.*s: %.*s",
               static_cast<int>(g_caught.what.size()), g_caught.what.data(),
               static_cast<int>(g_caught.detail.size()), g_caught.detail.data());
    return;
  }
  model_.CheckAll();
  // Nobody works with the heaps now: whoever does takes in what others freed in them.
  bartizan::tls_bins_distance = 0;
  const bartizan::HeapId limit = bartizan::registry::HeapLimit();
  for (bartizan::HeapId id = 1; id < limit; ++id) {
    bartizan::DrainAll(*bartizan::registry::HeapById(id));
  }
  for (const Block& block : model_.All()) {
    bartizan::SlotView slot;
    const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(block.begin());
    if (id == bartizan::kClasses || !bartizan::FindSlot(id, block.begin(), &slot)) continue;
    const bool lost = !slot.word.IsLive() && (slot.word.kind() == bartizan::SlotKind::kRemote ||
                                              slot.word.kind() == bartizan::SlotKind::kReleasing);
    FUZZ_CHECK(!lost || faulty_, "%p was freed and does not come back", block.at);
  }
  if (statistics) CheckStatistics();
}

void Threads::CheckStatistics() const {
  bartizan::EngineStatistics statistics;
  bartizan::ReadStatistics(&statistics);
  const size_t blocks = statistics.small_live_blocks + statistics.large.live_blocks;
  const size_t bytes = statistics.small_live_bytes + statistics.large.live_bytes;
  FUZZ_CHECK(blocks == model_.live_count() || faulty_, "%zu live blocks, %zu expected", blocks,
             model_.live_count());
  FUZZ_CHECK(bytes == model_.live_bytes() || faulty_, "%zu live bytes, %zu expected", bytes,
             model_.live_bytes());
  const size_t taken = statistics.Counter(&bartizan::HeapCounters::slabs_taken);
  const size_t returned = statistics.Counter(&bartizan::HeapCounters::slabs_returned);
  FUZZ_CHECK(statistics.slabs == taken - returned,
             "%zu slabs are owned, %zu were taken and %zu returned", size_t{statistics.slabs},
             taken, returned);
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 100;
  const size_t setting = input.Byte();
  Case world(setting);
  HeapModel model(world.mappings());
  Threads threads(input, world, model);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd() && !threads.over(); ++i) threads.Step();
  threads.Finish();
  // That reads the states of all slots: one case in eight.
  threads.Check(setting / kSettingCount % 8 == 0);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
