// What a run says on standard output, and its second thread. Nothing here allocates after the
// start: the heap is what is being tried.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tools/faults/fault.h"

namespace faults {
namespace {

// Hands one act at a time to the second thread: 0 idle, 1 handed over, 2 to end.
std::atomic<int> handed_over = 0;
void (*act_in_thread)(void*) = nullptr;
void* act_argument = nullptr;
pthread_t thread;

void* SecondThread(void*) {
  for (;;) {
    // Pairs with the release of who hands over.
    const int order = handed_over.load(std::memory_order_acquire);
    if (order == 2) return nullptr;
    if (order == 1) {
      act_in_thread(act_argument);
      handed_over.store(0, std::memory_order_release);
    }
    sched_yield();
  }
}

void Say(const char* text, size_t length) {
  // Whoever reads has gone; the exit status still tells.
  if (write(STDOUT_FILENO, text, length) < 0) return;
}

void SayOutcome(const char* outcome, const char* text) {
  char line[256];
  const int length = snprintf(line, sizeof line, "%s %s\n", outcome, text);
  Say(line, static_cast<size_t>(length));
}

[[noreturn]] void End(const char* outcome, const char* text, int status) {
  SayOutcome(outcome, text);
  _exit(status);
}

const char* NameOf(Moment moment) {
  switch (moment) {
    case Moment::kPrepare:
      return "prepare";
    case Moment::kAccess:
      return "access";
    case Moment::kCall:
      return "call";
    case Moment::kFree:
      return "free";
    case Moment::kReuse:
      return "reuse";
    case Moment::kExit:
      return "exit";
  }
  return "";
}

}  // namespace

Run::Run(size_t size, bool second_thread) : size_(size), second_thread_(second_thread) {
  if (second_thread && pthread_create(&thread, nullptr, SecondThread, nullptr) != 0) {
    Inapplicable("the system refuses a second thread");
  }
}

Run::~Run() {
  if (!second_thread_) return;
  handed_over.store(2, std::memory_order_release);
  pthread_join(thread, nullptr);
}

void Run::Names(const void* address) {
  char line[64];
  const int length =
      snprintf(line, sizeof line, "address 0x%lx\n", reinterpret_cast<uintptr_t>(address));
  Say(line, static_cast<size_t>(length));
}

void Run::At(Moment moment) {
  char line[32];
  const int length = snprintf(line, sizeof line, "at %s\n", NameOf(moment));
  Say(line, static_cast<size_t>(length));
}

void Run::DoInThread(void (*act)(void*), void* argument) {
  if (!second_thread_) return act(argument);
  act_in_thread = act;
  act_argument = argument;
  handed_over.store(1, std::memory_order_release);
  while (handed_over.load(std::memory_order_acquire) != 0) sched_yield();
}

void Answered(const char* how) { End("answered", how, kAnsweredStatus); }
void Unnoticed(const char* what) { End("unnoticed", what, kUnnoticedStatus); }
void UnnoticedToTheEnd() {
  SayOutcome("unnoticed", "the fault had no consequence");
  exit(kUnnoticedStatus);
}
void Inapplicable(const char* why) { End("inapplicable", why, kInapplicableStatus); }

}  // namespace faults
