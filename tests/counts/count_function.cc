// Counts the instructions of the first call of a function of a preloaded library, with all that it
// calls: also of one that runs before main(), such as a constructor.
//
// usage: count_function LIBRARY OFFSET PROGRAM [ARGUMENTS]
// OFFSET is the function's place in the library, as nm prints it.
//
// Another process runs the program up to the function by a breakpoint and steps through it.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr long kBreakpoint = 0xcc;  // int3

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "count_function: %s\n", what);
  exit(1);
}

// False when the process has ended.
bool Resume(pid_t process, auto how) {
  int status = 0;
  if (ptrace(how, process, nullptr, nullptr) != 0) Fail("the process cannot be resumed");
  if (waitpid(process, &status, 0) != process) Fail("the process is lost");
  return WIFSTOPPED(status);
}

// Where the library begins in the process; 0 when it is not mapped.
uint64_t BeginOf(pid_t process, const char* library) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/maps", process);
  FILE* const maps = fopen(name, "r");
  if (maps == nullptr) Fail("/proc is not mounted");
  char line[PATH_MAX + 128];
  uint64_t begin = 0;
  while (begin == 0 && fgets(line, sizeof line, maps) != nullptr) {
    if (strstr(line, library) != nullptr) begin = strtoull(line, nullptr, 16);
  }
  fclose(maps);
  return begin;
}

void RunTo(pid_t process, const char* library, uint64_t offset) {
  uint64_t begin = 0;
  while ((begin = BeginOf(process, library)) == 0) {
    if (!Resume(process, PTRACE_SYSCALL)) Fail("the library was never mapped");
  }
  const uint64_t at = begin + offset;
  long word = 0;
  for (;;) {
    word = ptrace(PTRACE_PEEKTEXT, process, at, nullptr);
    if (word != -1) break;
    if (!Resume(process, PTRACE_SYSCALL)) Fail("the function was never mapped");
  }
  // Not before the loader has mapped all of it: it maps parts over the first mapping. Constructors
  // run much later.
  constexpr int kStopsToMapIt = 16;
  for (int i = 0; i < kStopsToMapIt; ++i) Resume(process, PTRACE_SYSCALL);
  word = ptrace(PTRACE_PEEKTEXT, process, at, nullptr);
  ptrace(PTRACE_POKETEXT, process, at, (word & ~0xffL) | kBreakpoint);
  user_regs_struct registers;
  do {
    if (!Resume(process, PTRACE_CONT)) Fail("the function was never called");
    ptrace(PTRACE_GETREGS, process, nullptr, &registers);
  } while (registers.rip != at + 1);
  ptrace(PTRACE_POKETEXT, process, at, word);
  registers.rip = at;
  ptrace(PTRACE_SETREGS, process, nullptr, &registers);
}

// Until the function has returned, and so taken its return address from the stack.
long Count(pid_t process) {
  user_regs_struct registers;
  ptrace(PTRACE_GETREGS, process, nullptr, &registers);
  const uint64_t stack = registers.rsp;
  long count = 0;
  do {
    if (!Resume(process, PTRACE_SINGLESTEP)) Fail("the process ended in the function");
    ptrace(PTRACE_GETREGS, process, nullptr, &registers);
    ++count;
  } while (registers.rsp <= stack);
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  char library[PATH_MAX];
  if (argc < 4 || realpath(argv[1], library) == nullptr) {
    fputs("usage: count_function LIBRARY OFFSET PROGRAM [ARGUMENTS]\n", stderr);
    return 2;
  }
  const pid_t process = fork();
  if (process < 0) Fail("the system refuses a process");
  if (process == 0) {
    setenv("LD_PRELOAD", library, 1);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execvp(argv[3], argv + 3);
    _exit(1);
  }
  int status = 0;
  if (waitpid(process, &status, 0) != process || !WIFSTOPPED(status)) Fail("no such program");
  RunTo(process, library, strtoull(argv[2], nullptr, 16));
  printf("%ld\n", Count(process));
  kill(process, SIGKILL);
  return 0;
}
