#include "tools/cli/traced_program.h"

#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace bartizan::cli {
namespace {

// How often a program is looked at that may be killed at any moment.
constexpr time_t kLookSeconds = 2;
constexpr int kCannotBecome = 127;

volatile sig_atomic_t g_program = 0;
volatile sig_atomic_t g_time_to_look = 0;

void PassOn(int signal) {
  if (g_program > 0) kill(g_program, signal);
}
void NoteTime(int) { g_time_to_look = 1; }

// With an empty mask and without SA_RESTART: a signal ends the wait.
void Handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

[[noreturn]] void BecomeWhenTraced(const std::vector<std::string>& words, int gate) {
  char byte = 0;
  if (read(gate, &byte, 1) != 1) _exit(kCannotBecome);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(kCannotBecome);
}

// One stop of the program, which goes on then.
void GoOn(pid_t program, int status, const std::function<void(pid_t)>& look) {
  const int event = status >> 16;
  const int signal = WSTOPSIG(status);
  if (event == PTRACE_EVENT_EXIT) look(program);
  if (event == PTRACE_EVENT_STOP) {
    const bool stays_stopped =
        signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    ptrace(stays_stopped ? PTRACE_LISTEN : PTRACE_CONT, program, nullptr, nullptr);
    return;
  }
  const intptr_t passed_on = event == 0 ? signal : 0;
  ptrace(PTRACE_CONT, program, nullptr, reinterpret_cast<void*>(passed_on));
}

int WaitForEnd(pid_t program, const std::function<void(pid_t)>& look) {
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(program, &status, __WALL);
    if (g_time_to_look != 0) {
      g_time_to_look = 0;
      if (got < 0) look(program);
    }
    if (got < 0 && errno != EINTR) return 0;
    if (got < 0) continue;
    if (!WIFSTOPPED(status)) return status;
    GoOn(program, status, look);
  }
}

}  // namespace

TracedEnd RunTraced(const std::vector<std::string>& words, const std::function<void(pid_t)>& look) {
  int gate[2];
  if (pipe(gate) != 0) return {.problem = std::strerror(errno), .status = 0};
  const pid_t program = fork();
  if (program < 0) return {.problem = std::strerror(errno), .status = 0};
  if (program == 0) {
    close(gate[1]);
    BecomeWhenTraced(words, gate[0]);
  }
  close(gate[0]);
  if (ptrace(PTRACE_SEIZE, program, nullptr, PTRACE_O_TRACEEXIT) != 0) {
    const int error = errno;
    close(gate[1]);
    waitpid(program, nullptr, 0);
    return {.problem = absl::StrCat("the system does not let it be traced: ", std::strerror(error)),
            .status = 0};
  }
  g_program = program;
  Handle(SIGINT, SIG_IGN);
  Handle(SIGQUIT, SIG_IGN);
  Handle(SIGTERM, PassOn);
  Handle(SIGHUP, PassOn);
  Handle(SIGALRM, NoteTime);
  const itimerval interval = {{kLookSeconds, 0}, {kLookSeconds, 0}};
  setitimer(ITIMER_REAL, &interval, nullptr);
  const bool opened = write(gate[1], "+", 1) == 1;
  close(gate[1]);
  const int status = WaitForEnd(program, look);
  const itimerval none = {};
  setitimer(ITIMER_REAL, &none, nullptr);
  return {.problem = opened ? "" : "it could not be started", .status = status};
}

}  // namespace bartizan::cli
