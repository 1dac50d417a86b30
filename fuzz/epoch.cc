// Epochs against a model: each block belongs to the epoch that its thread was in, and to no other;
// what an epoch says of itself is what the model counts; a name of one that is gone is refused; one
// that is closing takes nothing and is gone with its last block; one that is released leaves
// nothing. From several threads, with refusals by the system.
#include "bartizan/epoch.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "bartizan/bartizan.h"
#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"

namespace fuzz {
namespace {

constexpr size_t kEpochs = 6;
constexpr size_t kNone = kEpochs;
constexpr size_t kDepth = 32;

struct Known {
  bartizan_epoch name = {};
  bool closing = true;  // or never opened
  size_t scopes = 0;    // threads' scopes and current epochs
  size_t blocks = 0;
  size_t bytes = 0;

  bool IsOver() const { return closing && scopes == 0 && blocks == 0; }
};

struct Entered {
  bartizan_epoch_scope scope;
  size_t epoch;
};

struct Thread {
  size_t base = kNone;  // the epoch that was made current
  std::vector<Entered> scopes;

  size_t current() const { return scopes.empty() ? base : scopes.back().epoch; }
};

class Program {
 public:
  Program(Input& input, Case& world)
      : input_(input), world_(world), model_(world.mappings()), sizes_(input) {}

  void Step();
  void End();

 private:
  void Open();
  void Close();
  void Release();
  void Enter();
  void Leave();
  void MakeCurrent();
  void Allocate();
  void AllocateIn();
  void Free();
  void Resize();
  void Check() { CheckEpoch(AnyEpoch()); }
  void Refuse();
  void Purge();

  size_t AnyEpoch() { return input_.Byte() % kEpochs; }
  Known& Of(size_t epoch) { return epochs_[epoch]; }
  Thread& Me() { return threads_[world_.thread()]; }
  void EnterBlock(void* at, size_t size, size_t epoch);
  void LeaveBlock(Block& block);
  void CheckEpoch(size_t epoch);
  // What an operation that needs an open epoch may say.
  bool Refused(bartizan_epoch_status status, const Known& known) const {
    if (known.IsOver() && status == BARTIZAN_EPOCH_STALE) return true;
    return (known.closing && status == BARTIZAN_EPOCH_CLOSING) ||
           (refuses_ && status == BARTIZAN_EPOCH_NO_MEMORY);
  }

  Input& input_;
  Case& world_;
  HeapModel model_;
  Sizes sizes_;
  Known epochs_[kEpochs];
  Thread threads_[kThreads];
  size_t epoch_of_[2 * HeapModel::kMost] = {};
  bool refuses_ = false;
};

// --- The model ----------------------------------------------------------------------------------

void Program::EnterBlock(void* at, size_t size, size_t epoch) {
  const Block& block = model_.Enter(at, size, 16, bartizan::Family::kMalloc);
  epoch_of_[model_.IndexOf(block)] = epoch;
  if (epoch == kNone) return;
  Of(epoch).blocks++;
  Of(epoch).bytes += size;
}

void Program::LeaveBlock(Block& block) {
  const size_t epoch = epoch_of_[model_.IndexOf(block)];
  const uint64_t era = epoch == kNone ? 0 : Of(epoch).name.era;
  FUZZ_CHECK(bartizan_epoch_of(block.at).era == era, "%p is not of epoch %zu", block.at, epoch);
  model_.CheckContents(block);
  if (epoch != kNone) {
    Of(epoch).blocks--;
    Of(epoch).bytes -= block.size;
  }
  model_.Leave(block);
}

void Program::CheckEpoch(size_t epoch) {
  const Known& known = Of(epoch);
  bartizan_epoch_info info = {};
  info.struct_bytes = sizeof info;
  const bartizan_epoch_status status = bartizan_epoch_get_info(known.name, &info);
  // One that is over may be kept for a slab that was announced to its heap.
  if (known.IsOver() && status == BARTIZAN_EPOCH_STALE) return;
  FUZZ_CHECK(status == BARTIZAN_EPOCH_OK, "epoch %zu: %s", epoch,
             bartizan_epoch_status_name(status));
  FUZZ_CHECK(info.live_blocks == known.blocks && info.live_bytes == known.bytes,
             "epoch %zu has %llu blocks of %llu bytes, not %zu of %zu", epoch,
             static_cast<unsigned long long>(info.live_blocks),
             static_cast<unsigned long long>(info.live_bytes), known.blocks, known.bytes);
  FUZZ_CHECK((info.closing != 0) == known.closing && info.scopes == known.scopes,
             "epoch %zu: closing %u, scopes %u, not %zu", epoch, info.closing, info.scopes,
             known.scopes);
}

// --- What a program does ------------------------------------------------------------------------

void Program::Open() {
  const size_t epoch = AnyEpoch();
  if (!Of(epoch).IsOver()) return;
  const bartizan_epoch before = Of(epoch).name;
  bartizan_epoch name = {};
  const bartizan_epoch_status status = bartizan_epoch_open("fuzzed", &name);
  if (status == BARTIZAN_EPOCH_NO_MEMORY && refuses_) return;
  FUZZ_CHECK(status == BARTIZAN_EPOCH_OK, "open: %s", bartizan_epoch_status_name(status));
  FUZZ_CHECK(name.era > before.era, "an era was used before");
  Of(epoch) = {.name = name, .closing = false};
}

void Program::Close() {
  Known& known = Of(AnyEpoch());
  const bartizan_epoch_status status = bartizan_epoch_close(known.name, nullptr);
  if (known.closing) {
    FUZZ_CHECK(Refused(status, known), "close: %s", bartizan_epoch_status_name(status));
  } else {
    FUZZ_CHECK(status == BARTIZAN_EPOCH_OK, "close: %s", bartizan_epoch_status_name(status));
    known.closing = true;
  }
}

void Program::Release() {
  const size_t epoch = AnyEpoch();
  Known& known = Of(epoch);
  uint8_t* stale = nullptr;
  if (known.scopes == 0) {
    for (Block& block : model_.All()) {
      if (!block.live || epoch_of_[model_.IndexOf(block)] != epoch) continue;
      stale = block.at;
      LeaveBlock(block);
    }
  }
  const bool was_over = known.IsOver() && stale == nullptr;
  const bartizan_epoch_status status = bartizan_epoch_release(known.name, nullptr);
  if (known.scopes != 0) {
    FUZZ_CHECK(status == BARTIZAN_EPOCH_BUSY, "%s", bartizan_epoch_status_name(status));
    return;
  }
  FUZZ_CHECK(status == BARTIZAN_EPOCH_OK || (was_over && status == BARTIZAN_EPOCH_STALE), "%s",
             bartizan_epoch_status_name(status));
  known.closing = true;
  if (stale == nullptr) return;
  const bool completed = Completes([stale] { bartizan_free(stale); });
  FUZZ_CHECK(!completed, "nothing is said of a free of %p after its release", stale);
}

void Program::Enter() {
  const size_t epoch = AnyEpoch();
  Known& known = Of(epoch);
  const bool closes = input_.Byte() % 4 == 0;
  bartizan_epoch_scope scope;
  const bartizan_epoch_status status =
      bartizan_epoch_enter(known.name, closes ? BARTIZAN_EPOCH_CLOSE_ON_LEAVE : 0, &scope);
  if (Me().scopes.size() == kDepth) {
    FUZZ_CHECK(status == BARTIZAN_EPOCH_TOO_DEEP, "%s", bartizan_epoch_status_name(status));
  } else if (status == BARTIZAN_EPOCH_OK) {
    FUZZ_CHECK(!known.closing, "a closing epoch can be entered");
    known.scopes++;
    Me().scopes.push_back({scope, epoch});
    // For the model's eyes: what is to be done when it is left.
    Me().scopes.back().scope.epoch.reserved = closes ? 1 : 0;
  } else {
    FUZZ_CHECK(Refused(status, known) || (refuses_ && status == BARTIZAN_EPOCH_THREAD_IS_ENDING),
               "enter: %s", bartizan_epoch_status_name(status));
  }
}

void Program::Leave() {
  if (Me().scopes.empty()) return;
  Entered entered = Me().scopes.back();
  const bool closes = entered.scope.epoch.reserved != 0;
  entered.scope.epoch.reserved = 0;
  const bartizan_epoch_status status = bartizan_epoch_leave(&entered.scope);
  FUZZ_CHECK(status == BARTIZAN_EPOCH_OK, "leave: %s", bartizan_epoch_status_name(status));
  Me().scopes.pop_back();
  Known& known = Of(entered.epoch);
  known.scopes--;
  if (closes && known.scopes == 0) known.closing = true;
}

void Program::MakeCurrent() {
  const size_t epoch = input_.Byte() % (kEpochs + 1);
  const bartizan_epoch name = epoch == kNone ? bartizan_epoch{} : Of(epoch).name;
  const bartizan_epoch_status status = bartizan_epoch_make_current(name);
  if (status != BARTIZAN_EPOCH_OK) {
    const bool busy = status == BARTIZAN_EPOCH_BUSY && !Me().scopes.empty();
    const bool no_heap = refuses_ && (status == BARTIZAN_EPOCH_THREAD_IS_ENDING ||
                                      status == BARTIZAN_EPOCH_NO_MEMORY);
    FUZZ_CHECK(busy || no_heap || (epoch != kNone && Refused(status, Of(epoch))), "%s",
               bartizan_epoch_status_name(status));
    return;
  }
  FUZZ_CHECK(epoch == kNone || name.id == 0 || !Of(epoch).closing, "a closing one is current");
  if (Me().base != kNone) Of(Me().base).scopes--;
  Me().base = name.id == 0 ? kNone : epoch;
  if (Me().base != kNone) Of(epoch).scopes++;
}

void Program::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_);
  const size_t epoch = Me().current();
  FUZZ_CHECK(bartizan_epoch_current().era == (epoch == kNone ? 0 : Of(epoch).name.era),
             "the thread is in another epoch than %zu", epoch);
  void* const at = bartizan_malloc(size);
  FUZZ_CHECK(at != nullptr || refuses_ || size >= size_t{1} << 47, "no block of %zu bytes", size);
  if (at != nullptr) EnterBlock(at, size, epoch);
}

void Program::AllocateIn() {
  if (!model_.HasRoom()) return;
  const size_t epoch = AnyEpoch();
  const size_t size = sizes_.Read(input_);
  const uint8_t kind = input_.Byte();
  auto status = BARTIZAN_EPOCH_BUSY;
  const bartizan_epoch name = Of(epoch).name;
  void* const at = kind % 4 == 0   ? bartizan_epoch_calloc(name, 1, size, &status)
                   : kind % 4 == 1 ? bartizan_epoch_aligned_alloc(
                                         name, size_t{1} << (kind >> 2) % 14, size, &status)
                                   : bartizan_epoch_malloc(name, size, &status);
  if (at == nullptr) {
    const bool impossible = size >= size_t{1} << 47 && status == BARTIZAN_EPOCH_NO_MEMORY;
    const bool no_heap = refuses_ && status == BARTIZAN_EPOCH_THREAD_IS_ENDING;
    FUZZ_CHECK(impossible || no_heap || Refused(status, Of(epoch)), "%zu bytes: %s", size,
               bartizan_epoch_status_name(status));
    return;
  }
  FUZZ_CHECK(status == BARTIZAN_EPOCH_OK && !Of(epoch).closing, "a closing epoch gives a block");
  FUZZ_CHECK(kind % 4 != 0 || IsZero(static_cast<uint8_t*>(at), size), "%zu bytes are not zero",
             size);
  EnterBlock(at, size, epoch);
}

void Program::Free() {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return;
  uint8_t* const at = block->at;
  LeaveBlock(*block);
  bartizan_free(at);
}

void Program::Resize() {
  Block* const block = model_.Live(input_.Byte());
  const size_t size = sizes_.Read(input_);
  if (block == nullptr || size == 0) return;
  const size_t epoch = epoch_of_[model_.IndexOf(*block)];
  const size_t old_size = block->size;
  auto* const old = block->at;
  model_.CheckContents(*block);
  void* const at = bartizan_realloc(old, size);
  if (at == nullptr) return;
  model_.Resize(*block, at, size);
  // What is copied is of the epoch that the thread is in; a block whose pages are moved stays.
  const bartizan_epoch now = bartizan_epoch_of(at);
  const bool moves = Me().current() != kNone ? now.era == Of(Me().current()).name.era : now.id == 0;
  const bool stays = at == old || !moves;
  const size_t to = stays ? epoch : Me().current();
  FUZZ_CHECK(now.era == (to == kNone ? 0 : Of(to).name.era), "%p is of another epoch", at);
  if (epoch != kNone) {
    Of(epoch).blocks--;
    Of(epoch).bytes -= old_size;
  }
  epoch_of_[model_.IndexOf(*block)] = to;
  if (to == kNone) return;
  Of(to).blocks++;
  Of(to).bytes += size;
}

// The next steps meet refusals.
void Program::Refuse() {
  const uint32_t kinds = input_.Byte() % 4 == 0 ? ~uint32_t{0} : 1u << input_.Below(kCalls);
  g_system.refusals = {.kinds = kinds, .after = input_.Byte() % 8u, .count = 1000};
  refuses_ = true;
  const size_t steps = input_.Below(8);
  for (size_t i = 0; i < steps; ++i) Step();
  g_system.refusals = {};
  refuses_ = false;
}

void Program::Purge() {
  g_system.clock_ms += uint64_t{64} * input_.Byte();
  bartizan_purge();
}

void Program::Step() {
  constexpr void (Program::* kSteps[])() = {
      &Program::Open,       &Program::Open,       &Program::Close,       &Program::Release,
      &Program::Enter,      &Program::Enter,      &Program::Leave,       &Program::Leave,
      &Program::Allocate,   &Program::Allocate,   &Program::Allocate,    &Program::AllocateIn,
      &Program::AllocateIn, &Program::AllocateIn, &Program::AllocateIn,  &Program::Free,
      &Program::Free,       &Program::Free,       &Program::Resize,      &Program::Check,
      &Program::Check,      &Program::Purge,      &Program::MakeCurrent,
  };
  const size_t choice = input_.Below(std::size(kSteps) + 4);
  if (choice < std::size(kSteps)) return (this->*kSteps[choice])();
  switch (choice - std::size(kSteps)) {
    case 0:
      if (!refuses_) Refuse();
      return;
    default:
      world_.SwitchTo(input_.Below(kThreads));
  }
}

// Everything can be left, freed and closed, and then nothing is left.
void Program::End() {
  for (size_t epoch = 0; epoch < kEpochs; ++epoch) CheckEpoch(epoch);
  model_.CheckAll();
  for (size_t thread = 0; thread < kThreads; ++thread) {
    world_.SwitchTo(thread);
    while (!Me().scopes.empty()) Leave();
    if (Me().base == kNone) continue;
    FUZZ_CHECK(bartizan_epoch_make_current({}) == BARTIZAN_EPOCH_OK, "a current epoch stays");
    Of(Me().base).scopes--;
    Me().base = kNone;
  }
  while (Block* block = model_.Live(0)) {
    uint8_t* const at = block->at;
    LeaveBlock(*block);
    bartizan_free(at);
  }
  for (Known& known : epochs_) {
    if (!known.closing) bartizan_epoch_close(known.name, nullptr);
  }
  bartizan_purge();
  FUZZ_CHECK(bartizan_epoch_list(nullptr, 0) == 0, "%zu epochs are left",
             bartizan_epoch_list(nullptr, 0));
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
