// fork, and the start of a program.
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/micro/benchmark.h"
#include "tools/bench/micro/blocks.h"

namespace bench {
namespace {

void ExpectSuccess(pid_t process) {
  int status = 0;
  if (waitpid(process, &status, 0) != process || status != 0) {
    fprintf(stderr, "bartizan-bench: a child ended with status %d\n", status);
    exit(1);
  }
}

// A process with so many live blocks forks; the child allocates once.
void Fork(Run& run, uint64_t live) {
  LiveBlocks blocks(live);
  Random random(0);
  for (size_t i = 0; i < live; ++i) blocks.Replace(i, MixedSize(random));
  const uint64_t forks = run.Amount(10);
  run.Repeat(forks, [=] {
    for (uint64_t i = 0; i < forks; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        free(Allocate(64));
        _exit(0);
      }
      if (child < 0) abort();
      ExpectSuccess(child);
    }
  });
}

// The program beside this one that does nothing.
void FindEmptyProgram(char (&path)[PATH_MAX]) {
  constexpr char kName[] = "bartizan-bench-empty";
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof kName - 1);
  if (length < 0) abort();
  path[length] = '\0';
  char* const slash = strrchr(path, '/');
  memcpy(slash + 1, kName, sizeof kName);
}

// Whatever is preloaded here is preloaded there.
void Start(Run& run, uint64_t /*argument*/) {
  char path[PATH_MAX];
  FindEmptyProgram(path);
  char* const arguments[] = {path, nullptr};
  const uint64_t starts = run.Amount(10);
  run.Repeat(starts, [&] {
    for (uint64_t i = 0; i < starts; ++i) {
      pid_t child;
      if (posix_spawn(&child, path, nullptr, nullptr, arguments, environ) != 0) {
        fprintf(stderr, "bartizan-bench: cannot start %s\n", path);
        exit(1);
      }
      ExpectSuccess(child);
    }
  });
}

constexpr uint64_t kForkLive[] = {10'000};

constexpr Benchmark kList[] = {
    {"fork", "a process with so many live blocks forks; the child allocates once", kForkLive, Fork},
    {"start", "a program that does nothing, from its start to its end", {}, Start},
};

}  // namespace

constinit const BenchmarkList kProcesses = kList;

}  // namespace bench
