// Forks and ends of threads between any two operations: parent and child go on, each with all
// blocks intact, blocks of threads that are gone can be freed, what those threads had cached is
// issued to nobody twice, and the child's random numbers are not the parent's.
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <iterator>

#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/engine/heap.h"
#include "src/engine/heap_registry.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;

class Program {
 public:
  Program(Input& input, Case& world, HeapModel& model)
      : input_(input), world_(world), model_(model), sizes_(input) {}

  void Step();
  void FreeAll();

 private:
  void Allocate();
  void Free();
  void Fork();
  void GoOnAsChild();

  Input& input_;
  Case& world_;
  HeapModel& model_;
  Sizes sizes_;
  size_t forks_ = 0;
};

void Program::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_) % (size_t{1} << 20);
  void* const at = bartizan_malloc(size);
  FUZZ_CHECK(at != nullptr, "%zu bytes are refused", size);
  model_.Enter(at, size, 16, Family::kMalloc);
}

void Program::Free() {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return;
  model_.CheckContents(*block);
  model_.Leave(*block);
  bartizan_free(block->at);
}

void Program::FreeAll() {
  model_.CheckAll();
  while (Block* const block = model_.Live(0)) {
    model_.Leave(*block);
    bartizan_free(block->at);
  }
}

// What the calling thread's heap would draw next.
uint64_t NextRandom() {
  const bartizan::ScopedHeap heap;
  bartizan::RandomStream copy = heap.get()->random;
  return copy.Next64();
}

// The threads that are played are one to the system; to the engine, the others must be others.
void TellThreadsApart() {
  const bartizan::ScopedHeap mine;
  const bartizan::HeapId limit = bartizan::registry::HeapLimit();
  for (bartizan::HeapId id = 1; id < limit; ++id) {
    bartizan::Heap* const heap = bartizan::registry::HeapById(id);
    if (heap != mine.get() && heap->holder != 0) heap->holder = 1;
  }
}

// The child's one thread goes on with what is left of the input, in its own copy of everything. The
// other threads are gone: as each of them the child begins anew.
void Program::GoOnAsChild() {
  world_.ForgetOtherThreads();
  model_.CheckAll();
  while (!input_.AtEnd()) Step();
  FreeAll();
  // Every slot that is issued now is free: bursts would meet one that is not.
  for (int i = 0; i < 40 && model_.HasRoom(); ++i) Allocate();
  FreeAll();
}

void Program::Fork() {
  if (forks_ == 2) return;
  ++forks_;
  TellThreadsApart();
  int ends[2];
  FUZZ_CHECK(pipe(ends) == 0, "pipe");
  const pid_t child = fork();
  FUZZ_CHECK(child >= 0, "fork");
  if (child == 0) {
    const uint64_t drawn = NextRandom();
    if (write(ends[1], &drawn, sizeof drawn) != sizeof drawn) _exit(1);
    GoOnAsChild();
    _exit(0);
  }
  uint64_t of_child = 0;
  const ssize_t got = read(ends[0], &of_child, sizeof of_child);
  close(ends[0]);
  close(ends[1]);
  int status = 0;
  FUZZ_CHECK(waitpid(child, &status, 0) == child, "waitpid");
  FUZZ_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with status %#x",
             static_cast<unsigned>(status));
  FUZZ_CHECK(got == sizeof of_child && of_child != NextRandom(),
             "the child draws what the parent draws");
  model_.CheckAll();
}

void Program::Step() {
  switch (input_.Below(12)) {
    default:
      return Allocate();
    case 5:
    case 6:
    case 7:
      return Free();
    case 8:
    case 9:
      return world_.SwitchTo(input_.Below(kThreads));
    case 10:
      return world_.EndThread();
    case 11:
      return Fork();
  }
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 80;
  Case world(OrSampled(input.Byte()));
  HeapModel model(world.mappings());
  Program program(input, world, model);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) program.Step();
  program.FreeAll();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
