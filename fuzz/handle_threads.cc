// The table of handles under threads that come between each other in the middle of operations, as
// in threads.cc: every interleaving of four threads that issue, resolve, pin, unpin and free is
// some input. Whatever they do, an entry has one holder; a handle resolves to its own block while
// nobody frees it, and to nothing once somebody has; of several frees one succeeds; its block is
// given up once, and not before the last unpin; and no entry is lost.
#include <algorithm>
#include <iterator>

#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "fuzz/played_threads.h"
#include "src/engine/handle_table.h"

namespace fuzz {
namespace {

using bartizan::HandleTable;
using Taken = HandleTable::Taken;
using Freed = HandleTable::Freed;
using Pinned = HandleTable::Pinned;
using Unpinned = HandleTable::Unpinned;

constexpr uint32_t kEntries = 512;

// A handle that was issued. What is said here is said in one turn with what happened: no marked
// point lies between.
struct Issued {
  uint64_t handle = 0;
  void* block = nullptr;
  size_t frees = 0;       // begun
  bool freed = false;     // one of them succeeded
  bool given_up = false;  // the block
  size_t pins = 0;
  size_t unpins = 0;  // begun and not done

  unsigned long long printed() const { return handle; }
};

class Threads {
 public:
  Threads(Input& input, Case& world) : input_(input), players_(world) {}

  void Step();
  // All go on until none is in the middle of anything.
  void Finish();
  // All handles can be freed, and all entries are there afterwards.
  void Check();
  bool over() const { return players_.reported(); }

 private:
  enum class Action { kIssue, kReturn, kFree, kResolve, kPin, kUnpin };
  struct Running {
    Threads* threads;
    Action action;
    Issued* issued;
  };

  bool Plan(Running& running);
  void Perform(const Running& running);
  bool Take(uint32_t* index);
  void Issue();
  void Return();
  void Free(Issued& issued);
  void Resolve(const Issued& issued);
  void Pin(Issued& issued);
  void Unpin(Issued& issued);
  void GiveUp(Issued& issued);
  bool IsBusy(size_t player) const { return players_.StandingOf(player) != Standing::kIdle; }

  static constexpr size_t kMost = 64;

  Input& input_;
  Players players_;
  HandleTable table_{kEntries};
  bool held_[kEntries] = {};
  Issued issued_[kMost];
  size_t count_ = 0;  // of those
  Running running_[kPlayers] = {};
  size_t preemptions_ = 40;
};

// --- What threads do ----------------------------------------------------------------------------

bool Threads::Take(uint32_t* index) {
  const Taken taken = table_.Take(index);
  // Others may hold all of them for a moment.
  if (taken == Taken::kUsedUp) return false;
  FUZZ_CHECK(taken == Taken::kDone, "no memory");
  FUZZ_CHECK(*index > 0 && *index < kEntries, "there is no entry %u", *index);
  FUZZ_CHECK(!held_[*index], "two threads hold entry %u", *index);
  held_[*index] = true;
  return true;
}

void Threads::Issue() {
  uint32_t index = 0;
  if (!Take(&index) || count_ == kMost) return;
  // A number of its own for each.
  void* const block = reinterpret_cast<void*>(uintptr_t{index} << 16 | (count_ + 1));
  Issued& issued = issued_[count_++];
  issued.block = block;
  const uint64_t handle = table_.Publish(index, {block, 4});
  for (const Issued& other : issued_) {
    FUZZ_CHECK(other.handle != handle, "the handle %#llx is issued again", other.printed());
  }
  issued.handle = handle;
}

void Threads::Return() {
  uint32_t index = 0;
  if (!Take(&index)) return;
  held_[index] = false;
  table_.Return(index);
}

void Threads::GiveUp(Issued& issued) {
  FUZZ_CHECK(issued.freed && issued.pins == 0, "%#llx goes while it is in use", issued.printed());
  FUZZ_CHECK(!issued.given_up, "the block of %#llx is freed twice", issued.printed());
  issued.given_up = true;
  FUZZ_CHECK(table_.BlockOf(issued.handle).block == issued.block, "another block");
  held_[issued.handle >> HandleTable::kTagBits] = false;
  table_.GiveBack(issued.handle);
}

void Threads::Free(Issued& issued) {
  issued.frees++;
  switch (table_.Free(issued.handle)) {
    case Freed::kNone:
      FUZZ_CHECK(issued.frees > 1, "%#llx cannot be freed", issued.printed());
      return;
    case Freed::kLater:
      FUZZ_CHECK(!issued.freed, "%#llx is freed twice", issued.printed());
      FUZZ_CHECK(issued.pins != 0, "%#llx waits for nobody", issued.printed());
      issued.freed = true;
      return;
    case Freed::kNow:
      FUZZ_CHECK(!issued.freed, "%#llx is freed twice", issued.printed());
      issued.freed = true;
      GiveUp(issued);
  }
}

void Threads::Resolve(const Issued& issued) {
  const bool was_freed = issued.freed;
  const void* const block = table_.Resolve(issued.handle);
  FUZZ_CHECK(block == nullptr || block == issued.block, "%#llx resolves to another's block",
             issued.printed());
  FUZZ_CHECK(block == nullptr || !was_freed, "%#llx is freed and resolves", issued.printed());
  FUZZ_CHECK(block != nullptr || issued.frees != 0, "%#llx does not resolve", issued.printed());
}

void Threads::Pin(Issued& issued) {
  const bool was_freed = issued.freed;
  void* block = nullptr;
  if (table_.Pin(issued.handle, &block) != Pinned::kDone) {
    FUZZ_CHECK(issued.frees != 0, "%#llx cannot be pinned", issued.printed());
    return;
  }
  FUZZ_CHECK(!was_freed && !issued.freed, "%#llx is freed and can be pinned", issued.printed());
  FUZZ_CHECK(block == issued.block, "%#llx is pinned at another's block", issued.printed());
  issued.pins++;
}

void Threads::Unpin(Issued& issued) {
  const Unpinned unpinned = table_.Unpin(issued.handle);
  FUZZ_CHECK(unpinned != Unpinned::kWrong, "the pin of %#llx is gone", issued.printed());
  issued.pins--;
  issued.unpins--;
  const bool last = issued.freed && issued.pins == 0;
  FUZZ_CHECK(last == (unpinned == Unpinned::kLast), "the last unpin of %#llx", issued.printed());
  if (last) GiveUp(issued);
}

void Threads::Perform(const Running& running) {
  switch (running.action) {
    case Action::kIssue:
      return Issue();
    case Action::kReturn:
      return Return();
    case Action::kFree:
      return Free(*running.issued);
    case Action::kResolve:
      return Resolve(*running.issued);
    case Action::kPin:
      return Pin(*running.issued);
    case Action::kUnpin:
      return Unpin(*running.issued);
  }
}

// --- Who goes on --------------------------------------------------------------------------------

bool Threads::Plan(Running& running) {
  constexpr Action kActions[] = {
      Action::kIssue,   Action::kIssue, Action::kIssue, Action::kReturn,  Action::kReturn,
      Action::kFree,    Action::kFree,  Action::kFree,  Action::kResolve, Action::kResolve,
      Action::kResolve, Action::kPin,   Action::kPin,   Action::kUnpin,   Action::kUnpin};
  running.threads = this;
  running.action = kActions[input_.Below(std::size(kActions))];
  if (running.action == Action::kIssue || running.action == Action::kReturn) return true;
  if (count_ == 0) return false;
  // One of the last, so that threads meet.
  const size_t back = input_.Byte() % 4;
  Issued& issued = issued_[count_ - 1 - std::min(back, count_ - 1)];
  running.issued = &issued;
  if (issued.handle == 0) return false;  // about to be issued
  if (running.action != Action::kUnpin) return true;
  if (issued.unpins == issued.pins) return false;
  issued.unpins++;
  return true;
}

void Threads::Step() {
  const size_t turn = input_.Byte();
  const size_t player = turn % kPlayers;
  // To the end, or over so many points.
  size_t points = 0;
  if (preemptions_ != 0 && turn >= 64) points = 1 + (turn - 64) / 4 % 8;
  if (points != 0) preemptions_--;
  if (!IsBusy(player)) {
    if (!Plan(running_[player])) return;
    players_.Begin(
        player,
        [](void* argument) {
          const auto* const running = static_cast<Running*>(argument);
          running->threads->Perform(*running);
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

void Threads::Check() {
  FUZZ_CHECK(!over(), "a report without a fault");
  for (size_t i = 0; i < count_; ++i) {
    Issued& issued = issued_[i];
    Resolve(issued);
    while (issued.pins != 0) {
      issued.unpins++;
      Unpin(issued);
    }
    Free(issued);
    FUZZ_CHECK(issued.given_up, "the block of %#llx is left", issued.printed());
  }
  // Those that nothing came of, when there was no room to note it.
  const auto kept = static_cast<uint32_t>(std::count(std::begin(held_), std::end(held_), true));
  uint32_t free = 0;
  for (uint32_t index = 0; Take(&index); ++free) {
  }
  FUZZ_CHECK(free + kept == kEntries - 1, "%u entries are lost", kEntries - 1 - free - kept);
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 150;
  Case world(1);  // "fast": layers do nothing here
  Threads threads(input, world);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd() && !threads.over(); ++i) threads.Step();
  threads.Finish();
  threads.Check();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
