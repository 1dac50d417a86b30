// An attacker who has one write to any address, and uses it on the engine's records while a correct
// program goes on. What the engine promises then depends on the word (metadata_words.cc):
//
//   references    magazines, rings, slots held back: any number of them may be overwritten. Under
//                 every set of layers, the slot's state must name the place of what names it.
//   positions     of magazines and rings, as long as they stay within their arrays; lists of slabs,
//                 inboxes, slabs' records, the states of slots that rest or were never used: one
//                 word of them, of up to eight bytes.
//
// Either is reported, or nothing comes of it: no overlap, no block outside of the heap, no live
// block changed, no access outside of the engine's memory, no loop without an end.
//
//   contained     the states of live slots and of granules that are none, slabs' owners: they are
//                 the truth that all else is compared with. Positions beyond their arrays: the
//                 next slow path finds out. Until then the program may lose its blocks, but what is
//                 handed out still lies in the heap; the process may end by a fault.
//
// Left out: what is read-only (options, secrets, toggles); raw pointers, what describes a bin for
// good (base, states, key, shift, index of sizes) and the address map's limits: who writes these
// writes anywhere with the next free, and nothing can be promised; positions before their arrays,
// for frees then write to just these; the records of large blocks, which are believed as they are.
#include <signal.h>
#include <sys/time.h>

#include <cstring>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "fuzz/metadata_words.h"
#include "src/api/embedded.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::SelectedAllocator;

// Whether a fault ends the case, as it would end the process.
bool g_fault_ends_case = false;
struct sigaction g_outer_fault;

void OnFault(int signal, siginfo_t*, void*) {
  if (g_fault_ends_case && g_landing != nullptr) {
    std::longjmp(*g_landing, 1);  // NOLINT(modernize-avoid-setjmp-longjmp)
  }
  // Again, for whoever reports it.
  sigaction(signal, &g_outer_fault, nullptr);
}
void OnEndlessCase(int) { FUZZ_CHECK(false, "the case does not end"); }

void InstallHandlers() {
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &g_outer_fault);
  struct sigaction loop = {};
  loop.sa_handler = OnEndlessCase;
  sigaction(SIGPROF, &loop, nullptr);
}

// Processor time of one case: a thousand times what the longest needs.
void LimitTime(time_t seconds) {
  const itimerval limit{{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

class Program {
 public:
  Program(Input& input, Case& world, HeapModel& model)
      : input_(input), world_(world), model_(model), sizes_(input) {}

  void Step();
  bool corrupted() const { return corrupted_; }
  bool contained() const { return contained_; }

 private:
  void Allocate();
  void Burst();
  void Free();
  void FreeAgain();
  void Resize();
  void Corrupt();
  void Accept(void* at, size_t size, Family family);
  void FreeBlock(Block& block);

  Input& input_;
  Case& world_;
  HeapModel& model_;
  Sizes sizes_;
  size_t costly_ = 4;
  bool corrupted_ = false;
  bool contained_ = false;
  bool spent_ = false;  // the one write to what is no reference
};

// What a contained write has left is not the model's any more: only where it lies is looked at.
void Program::Accept(void* at, size_t size, Family family) {
  if (at == nullptr) return;
  if (!contained_) {
    model_.Enter(at, size, 16, family);
    return;
  }
  const auto begin = reinterpret_cast<uintptr_t>(at);
  FUZZ_CHECK(world_.mappings().Covers(begin, 1), "%p lies outside of the heap", at);
}

void Program::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_);
  const Family family = input_.Flag() ? Family::kNew : Family::kMalloc;
  Accept(SelectedAllocator::Allocate(size, family), size, family);
}

void Program::FreeBlock(Block& block) {
  if (!contained_) model_.CheckContents(block);
  model_.Leave(block);
  SelectedAllocator::Free(block.at, FreeClaim{block.family});
}

void Program::Free() {
  Block* const block = model_.Live(input_.Byte());
  if (block != nullptr) FreeBlock(*block);
}

// A double free, whose slot may say by now that it is live.
void Program::FreeAgain() {
  const Block* const block = model_.Any(input_.Byte());
  if (!corrupted_ || block == nullptr || block->live) return;
  if (model_.LiveAt(block->begin(), 1) != nullptr) return;
  SelectedAllocator::Free(block->at, FreeClaim{block->family});
}

void Program::Resize() {
  Block* const block = model_.Live(input_.Byte());
  const size_t size = sizes_.Read(input_);
  if (block == nullptr || size == 0 || block->family != Family::kMalloc) return;
  if (!contained_) model_.CheckContents(*block);
  block->written = true;  // a report in the middle may leave it half freed
  void* const moved = SelectedAllocator::Reallocate(block->at, size);
  block->written = false;
  if (moved == nullptr) return;
  if (!contained_) return model_.Resize(*block, moved, size);
  Accept(moved, size, block->family);
  model_.Leave(*block);
}

// Fills and empties caches, rings, slabs.
void Program::Burst() {
  if (costly_ == 0) return;
  costly_--;
  constexpr size_t kMost = 192;
  void* blocks[kMost];
  const size_t count = input_.Below(kMost);
  const size_t size = sizes_.Read(input_) % 4096;
  const bool elsewhere = input_.Flag();
  for (size_t i = 0; i < count; ++i) {
    void* const at = SelectedAllocator::Allocate(size, Family::kMalloc);
    const auto begin = reinterpret_cast<uintptr_t>(at);
    FUZZ_CHECK(at == nullptr || contained_ || model_.LiveAt(begin, size == 0 ? 1 : size) == nullptr,
               "%p of %zu bytes overlaps a live block", at, size);
    const size_t marked = size < sizeof i ? size : sizeof i;
    if (at != nullptr) std::memcpy(at, &i, marked);
    blocks[i] = at;
  }
  const size_t thread = world_.thread();
  if (elsewhere) world_.SwitchTo(thread + 1);
  for (size_t i = 0; i < count; ++i) {
    if (blocks[i] == nullptr) continue;
    const size_t marked = size < sizeof i ? size : sizeof i;
    FUZZ_CHECK(contained_ || std::memcmp(blocks[i], &i, marked) == 0,
               "block %zu of a burst has changed", i);
    SelectedAllocator::Free(blocks[i], FreeClaim{});
  }
  if (elsewhere) world_.SwitchTo(thread);
}

void Program::Corrupt() {
  const Word word = ChooseWord(input_, model_);
  if (word.at == 0) return;
  const uint64_t value = ChooseValue(input_, model_, word);
  if (!word.IsReference() && spent_) return;
  if (value == word.Read()) return;
  spent_ = spent_ || !word.IsReference();
  corrupted_ = true;
  contained_ = contained_ || word.PromiseWith(value) == Promise::kContained;
  g_fault_ends_case = contained_;
  word.Write(value);
}

void Program::Step() {
  switch (input_.Below(20)) {
    default:
      return Allocate();
    case 5:
    case 6:
    case 7:
    case 8:
      return Free();
    case 9:
      return Resize();
    case 10:
      return Burst();
    case 11:
      return world_.SwitchTo(input_.Below(kThreads));
    case 12:
      return world_.EndThread();
    case 13:
      g_system.clock_ms += uint64_t{64} * input_.Byte();
      return;
    case 14:
      if (costly_ == 0) return;
      costly_--;
      SelectedAllocator::Trim();
      return;
    case 15:
      return FreeAgain();
    case 16:
    case 17:
    case 18:
      return Corrupt();
  }
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 100;
  constexpr time_t kMostSeconds = 20;
  static const bool installed = (InstallHandlers(), true);
  static_cast<void>(installed);
  LimitTime(kMostSeconds);
  Case world(input.Byte());
  HeapModel model(world.mappings());
  Program program(input, world, model);
  const bool ended = Completes([&input, &program] {
    for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) program.Step();
  });
  g_fault_ends_case = false;
  FUZZ_CHECK(ended || program.corrupted(), "a report where nothing was overwritten: %.*s",
             static_cast<int>(g_caught.what.size()), g_caught.what.data());
  if (!program.contained()) model.CheckAll();
  LimitTime(0);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
