// bartizan-faults: commits one heap fault, with whatever malloc serves the process.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr int kWrongUse = 2;
// Of the main thread: a fault takes milliseconds, a race seconds. Who started us may be gone.
constexpr unsigned kSeconds = 60;

constexpr const FaultList* kLists[] = {
    &kOverflowFaults, &kUnderflowFaults, &kDoubleFreeFaults, &kInvalidFreeFaults, &kResizeFaults,
    &kStaleFaults,    &kFamilyFaults,    &kContentsFaults,   &kReuseFaults,       &kReferenceFaults,
    &kRequestFaults,  &kHistoricFaults,  &kValidUses,
};

constexpr char kUsage[] =
    "usage: bartizan-faults NAME SIZE [thread]   commits a fault with a block of SIZE bytes\n"
    "       bartizan-faults --list               name, group, layer, least and most size, what\n"
    "       bartizan-faults --wait               allocates, says \"ready\", waits for its input's "
    "end\n"
    "\n"
    "With \"thread\", a second thread commits it. Says on standard output what the fault is about\n"
    "(address), what comes next (at access, call, free, reuse, exit) and how it ended.\n"
    "Exit status: 0 answered without harm, 2 wrong use, 3 unnoticed, 4 nothing to try here;\n"
    "otherwise something stopped it.\n";

int List() {
  for (const FaultList* list : kLists) {
    for (const Fault& fault : *list) {
      printf("%s\t%s\t%s\t%zu\t%zu\t%s\n", fault.name, fault.group, fault.layer, fault.least,
             fault.most, fault.does);
    }
  }
  return fflush(stdout) == 0 ? 0 : kWrongUse;
}

// For whoever wants to look into a process that was started like the others.
int Wait() {
  free(malloc(1));
  constexpr char kReady[] = "ready\n";
  if (write(STDOUT_FILENO, kReady, sizeof kReady - 1) < 0) return kWrongUse;
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  return 0;
}

const Fault* Find(const char* name) {
  for (const FaultList* list : kLists) {
    for (const Fault& fault : *list) {
      if (strcmp(fault.name, name) == 0) return &fault;
    }
  }
  return nullptr;
}

// Nobody wants the memory of a process that was made to crash: no file, and no program that the
// system starts at a crash, which a limit alone would not keep from starting.
void LeaveNoCore() {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int Commit(const Fault& fault, size_t size, bool second_thread) {
  LeaveNoCore();
  alarm(kSeconds);
  Run run(size, second_thread);
  run.At(Moment::kPrepare);
  fault.commit(run);
  if (strcmp(fault.layer, "none") == 0) Answered("as it should");
  run.At(Moment::kExit);
  UnnoticedToTheEnd();
}

}  // namespace
}  // namespace faults

int main(int argc, char** argv) {
  using namespace faults;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) return List();
  if (argc == 2 && strcmp(argv[1], "--wait") == 0) return Wait();
  const bool second_thread = argc == 4 && strcmp(argv[3], "thread") == 0;
  if (argc != 3 && !second_thread) {
    fputs(kUsage, stderr);
    return kWrongUse;
  }
  const Fault* const fault = Find(argv[1]);
  char* end = nullptr;
  const size_t size = strtoull(argv[2], &end, 10);
  if (fault == nullptr || *end != '\0' || size < fault->least || size > fault->most || size == 0) {
    fprintf(stderr, "bartizan-faults: no fault %s with %s bytes; --list names all\n", argv[1],
            argv[2]);
    return kWrongUse;
  }
  return Commit(*fault, size, second_thread);
}
