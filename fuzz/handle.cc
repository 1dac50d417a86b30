// Handles against a model: a live one resolves to its own intact block, by whichever thread and on
// both sides of a fork; a freed one, and any other number, to nothing; a pinned block stays until
// the last unpin; wrong unpins and plain frees are reported. And the table alone, so small that its
// generations run out (small_handle_table.h).
#include "bartizan/handle.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "fuzz/small_handle_table.h"
#include "src/api/embedded.h"
#include "src/engine/handle_table.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"

namespace fuzz {
namespace {

// A handle that was issued, and what has become of it.
struct Named {
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  Block* block = nullptr;  // while its memory is there: live, or freed and pinned
  bool live = false;
  size_t pins = 0;
};

unsigned long long Printed(bartizan_handle handle) { return handle; }

class Program {
 public:
  Program(Input& input, Case& world)
      : input_(input), world_(world), model_(world.mappings()), sizes_(input) {}

  void Step();
  void End();

 private:
  void Make();
  void MakeRefused();
  void Free();
  void Resolve() { CheckNamed(Any()); }
  void PinOne();
  void Unpin();
  void UnpinWrongly();
  void FreePlainly();
  void TryStranger();
  void Churn();
  void Fork();
  void GoOnAsChild(int report_to);

  Named& Any() { return named_[input_.Byte() % kNamed]; }
  Named* Room();
  void Enter(bartizan_handle handle, size_t size, size_t alignment, bool zero);
  void FreeNamed(Named& named);
  void UnpinNamed(Named& named);
  void CheckNamed(const Named& named) const;
  void CheckAll() const {
    for (const Named& named : named_) CheckNamed(named);
    model_.CheckAll();
  }
  bool IsLive(bartizan_handle handle) const {
    return std::any_of(std::begin(named_), std::end(named_), [handle](const Named& named) {
      return named.live && named.handle == handle;
    });
  }

  // More than can be live at a time.
  static constexpr size_t kNamed = 2 * HeapModel::kMost;

  Input& input_;
  Case& world_;
  HeapModel model_;
  Sizes sizes_;
  SmallHandleTable table_;
  Named named_[kNamed];
  size_t next_ = 0;
  size_t forks_ = 0;
  size_t churns_ = 0;
};

// --- The model ----------------------------------------------------------------------------------

void Program::CheckNamed(const Named& named) const {
  const void* block = bartizan_handle_resolve(named.handle);
  const void* expected = named.live ? named.block->at : nullptr;
  FUZZ_CHECK(block == expected, "the handle %#llx resolves to %p, not to %p", Printed(named.handle),
             block, expected);
}

// A place for another one, in turn, so that dead ones are looked at for long.
Named* Program::Room() {
  if (!model_.HasRoom()) return nullptr;
  while (named_[next_].block != nullptr) next_ = (next_ + 1) % kNamed;
  return &named_[next_];
}

void Program::Enter(bartizan_handle handle, size_t size, size_t alignment, bool zero) {
  Named* const named = Room();
  next_ = (next_ + 1) % kNamed;
  for (const Named& other : named_) {
    FUZZ_CHECK(other.handle != handle, "the handle %#llx was issued before", Printed(handle));
  }
  void* const at = bartizan_handle_resolve(handle);
  FUZZ_CHECK(at != nullptr, "the new handle %#llx does not resolve", Printed(handle));
  FUZZ_CHECK(!zero || IsZero(static_cast<uint8_t*>(at), size), "%zu bytes are not zero", size);
  *named = {handle, &model_.Enter(at, size, alignment, bartizan::Family::kMalloc), true, 0};
}

void Program::FreeNamed(Named& named) {
  const bool was_live = named.live;
  if (was_live) {
    model_.CheckContents(*named.block);
    if (named.pins == 0) model_.Leave(*named.block);
    if (named.pins == 0) named.block = nullptr;
    named.live = false;
  }
  const bartizan_handle_status status = bartizan_handle_free(named.handle);
  FUZZ_CHECK((status == BARTIZAN_HANDLE_OK) == was_live, "free of %#llx: %s", Printed(named.handle),
             bartizan_handle_status_name(status));
  CheckNamed(named);
}

void Program::UnpinNamed(Named& named) {
  model_.CheckContents(*named.block);
  --named.pins;
  if (named.pins == 0 && !named.live) {
    model_.Leave(*named.block);
    named.block = nullptr;
  }
  bartizan_handle_unpin(named.handle);
}

// --- What a program does ------------------------------------------------------------------------

void Program::Make() {
  if (Room() == nullptr) return;
  const size_t size = sizes_.Read(input_);
  const uint8_t kind = input_.Byte();
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  size_t alignment = 16;
  auto status = BARTIZAN_HANDLE_OK;
  if (kind % 4 == 0) {
    status = bartizan_handle_calloc(1, size, &handle);
  } else if (kind % 4 == 1) {
    alignment = size_t{1} << (kind >> 2) % 17;
    status = bartizan_handle_aligned_alloc(alignment, size, &handle);
  } else {
    status = bartizan_handle_malloc(size, &handle);
  }
  const bool impossible = size >= size_t{1} << 47;
  FUZZ_CHECK(status == (impossible ? BARTIZAN_HANDLE_NO_MEMORY : BARTIZAN_HANDLE_OK), "%zu: %s",
             size, bartizan_handle_status_name(status));
  FUZZ_CHECK(impossible == (handle == BARTIZAN_NO_HANDLE), "%zu: %#llx", size, Printed(handle));
  if (!impossible) Enter(handle, size, alignment, kind % 4 == 0);
}

// The system refuses some calls meanwhile: then there is no handle, and nothing else is wrong.
void Program::MakeRefused() {
  if (Room() == nullptr) return;
  const size_t size = sizes_.Read(input_);
  g_system.refusals = {.kinds = ~uint32_t{0}, .after = input_.Byte() % 8u, .count = 1000};
  bartizan_handle handle = BARTIZAN_NO_HANDLE;
  const bartizan_handle_status status = bartizan_handle_malloc(size, &handle);
  g_system.refusals = {};
  FUZZ_CHECK((status == BARTIZAN_HANDLE_OK) == (handle != BARTIZAN_NO_HANDLE), "%#llx",
             Printed(handle));
  FUZZ_CHECK(status == BARTIZAN_HANDLE_OK || status == BARTIZAN_HANDLE_NO_MEMORY, "%s",
             bartizan_handle_status_name(status));
  if (status == BARTIZAN_HANDLE_OK) Enter(handle, size, 16, false);
}

void Program::Free() { FreeNamed(Any()); }

void Program::PinOne() {
  Named& named = Any();
  void* block = &named;
  const bartizan_handle_status status = bartizan_handle_pin(named.handle, &block);
  FUZZ_CHECK((status == BARTIZAN_HANDLE_OK) == named.live, "pin of %#llx: %s",
             Printed(named.handle), bartizan_handle_status_name(status));
  FUZZ_CHECK(block == (named.live ? named.block->at : nullptr), "%#llx is pinned at %p",
             Printed(named.handle), block);
  if (named.live) ++named.pins;
}

void Program::Unpin() {
  const size_t first = input_.Byte();
  for (size_t i = 0; i < kNamed; ++i) {
    Named& named = named_[(first + i) % kNamed];
    if (named.pins != 0) return UnpinNamed(named);
  }
}

void ExpectReported(std::string_view what, bartizan_handle handle, bool completed) {
  FUZZ_CHECK(!completed, "nothing is said of %#llx", Printed(handle));
  FUZZ_CHECK(g_caught.what == what, "%.*s is said of %#llx", static_cast<int>(g_caught.what.size()),
             g_caught.what.data(), Printed(handle));
}

void Program::UnpinWrongly() {
  const Named& named = Any();
  if (named.pins != 0) return;
  const bool completed = Completes([&named] { bartizan_handle_unpin(named.handle); });
  ExpectReported("invalid unpin", named.handle, completed);
}

void Program::FreePlainly() {
  const Named& named = Any();
  if (named.block == nullptr) return;
  const bool completed = Completes([&named] { bartizan_free(named.block->at); });
  ExpectReported("invalid free", named.handle, completed);
}

// A number made of handles: with a bit turned over, with another one's index, or any.
void Program::TryStranger() {
  const bartizan_handle one = Any().handle;
  const bartizan_handle other = Any().handle;
  const uint8_t kind = input_.Byte();
  constexpr uint64_t kTag = (uint64_t{1} << bartizan::HandleTable::kTagBits) - 1;
  const bartizan_handle stranger = kind % 4 == 0   ? input_.Quad()
                                   : kind % 4 == 1 ? (one & kTag) | (other & ~kTag)
                                                   : one ^ uint64_t { 1 } << (kind >> 2);
  if (IsLive(stranger)) return;
  void* block = nullptr;
  FUZZ_CHECK(bartizan_handle_resolve(stranger) == nullptr, "%#llx resolves", Printed(stranger));
  FUZZ_CHECK(bartizan_handle_pin(stranger, &block) == BARTIZAN_HANDLE_NOT_LIVE,
             "%#llx can be pinned", Printed(stranger));
  FUZZ_CHECK(bartizan_handle_free(stranger) == BARTIZAN_HANDLE_NOT_LIVE, "%#llx can be freed",
             Printed(stranger));
}

// The same entry again and again.
void Program::Churn() {
  if (churns_ == 2 || Room() == nullptr) return;
  ++churns_;
  const size_t size = sizes_.Read(input_) % 512;
  for (size_t i = 16u * input_.Byte() % 512; i != 0; --i) {
    bartizan_handle handle = BARTIZAN_NO_HANDLE;
    FUZZ_CHECK(bartizan_handle_malloc(size, &handle) == BARTIZAN_HANDLE_OK, "no handle");
    for (const Named& named : named_) {
      FUZZ_CHECK(named.handle != handle, "%#llx was issued before", Printed(handle));
    }
    FUZZ_CHECK(bartizan_handle_free(handle) == BARTIZAN_HANDLE_OK, "%#llx", Printed(handle));
  }
  CheckAll();
}

// --- Forks --------------------------------------------------------------------------------------

// The threads that are played are one to the system; to the engine, the others must be others.
void TellThreadsApart() {
  const bartizan::ScopedHeap mine;
  for (bartizan::HeapId id = 1; id < bartizan::registry::HeapLimit(); ++id) {
    bartizan::Heap* const heap = bartizan::registry::HeapById(id);
    if (heap != mine.get() && heap->holder != 0) heap->holder = 1;
  }
}

// The child goes on with what is left of the input, and says at last which handle it made.
void Program::GoOnAsChild(int report_to) {
  world_.ForgetOtherThreads();
  table_.BeginChild();
  CheckAll();
  bartizan_handle made = BARTIZAN_NO_HANDLE;
  FUZZ_CHECK(bartizan_handle_malloc(16, &made) == BARTIZAN_HANDLE_OK, "no handle in a child");
  for (const Named& named : named_) {
    FUZZ_CHECK(named.handle == BARTIZAN_NO_HANDLE || (named.handle ^ made) >> 40 != 0,
               "%#llx is of an entry that the parent has used", Printed(made));
  }
  while (!input_.AtEnd()) Step();
  End();
  if (write(report_to, &made, sizeof made) != sizeof made) _exit(1);
  _exit(0);
}

void Program::Fork() {
  if (forks_ == 2) return;
  ++forks_;
  TellThreadsApart();
  int ends[2];
  FUZZ_CHECK(pipe(ends) == 0, "pipe");
  const pid_t child = fork();
  FUZZ_CHECK(child >= 0, "fork");
  if (child == 0) GoOnAsChild(ends[1]);
  close(ends[1]);
  bartizan_handle of_child = BARTIZAN_NO_HANDLE;
  const ssize_t got = read(ends[0], &of_child, sizeof of_child);
  close(ends[0]);
  int status = 0;
  FUZZ_CHECK(waitpid(child, &status, 0) == child, "waitpid");
  FUZZ_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && got == sizeof of_child,
             "the child ended with status %#x", static_cast<unsigned>(status));
  CheckAll();
  // As many as there may be free entries from before, and one that was never used.
  bartizan_handle compared[80];
  for (bartizan_handle& handle : compared) {
    FUZZ_CHECK(bartizan_handle_malloc(16, &handle) == BARTIZAN_HANDLE_OK, "no handle");
    FUZZ_CHECK(handle != of_child, "parent and child made %#llx", Printed(handle));
  }
  for (bartizan_handle handle : compared) bartizan_handle_free(handle);
}

void Program::Step() {
  constexpr void (Program::* kSteps[])() = {
      &Program::Make,        &Program::Make,         &Program::Make,        &Program::Make,
      &Program::Free,        &Program::Free,         &Program::Free,        &Program::Resolve,
      &Program::PinOne,      &Program::PinOne,       &Program::Unpin,       &Program::Unpin,
      &Program::TryStranger, &Program::UnpinWrongly, &Program::FreePlainly, &Program::MakeRefused,
      &Program::Churn,       &Program::Fork,
  };
  const size_t choice = input_.Below(std::size(kSteps) + 6);
  if (choice < std::size(kSteps)) return (this->*kSteps[choice])();
  switch (choice - std::size(kSteps)) {
    case 0:
    case 1:
      return world_.SwitchTo(input_.Below(kThreads));
    case 2:
      return world_.EndThread();
    default:
      return table_.Step(input_);
  }
}

// Everything can be freed, and then nothing is left.
void Program::End() {
  CheckAll();
  for (Named& named : named_) {
    if (named.live) FreeNamed(named);
    while (named.pins != 0) UnpinNamed(named);
  }
  FUZZ_CHECK(model_.live_count() == 0, "%zu blocks are left", model_.live_count());
  CheckAll();
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 80;
  Case world(OrSampled(input.Byte()));
  Program program(input, world);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) program.Step();
  program.End();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
