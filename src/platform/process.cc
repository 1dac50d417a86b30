#include "src/platform/process.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstring>
#include <ctime>

#include "src/platform/file.h"
#include "src/platform/syscall.h"

extern char** environ;

namespace bartizan::platform {
namespace {

// Large enough for any environment we expect to hold our variable near its start; a longer one is
// only cut in the rare start-up that needs this fallback.
constexpr size_t kEnvironmentBytes = 32768;
constinit char g_environment[kEnvironmentBytes] = {};

const char* MatchVariable(const char* entry, const char* name) {
  const size_t length = std::strlen(name);
  if (std::strncmp(entry, name, length) != 0 || entry[length] != '=') return nullptr;
  return entry + length + 1;
}

const char* VariableFromProc(const char* name) {
  const FileText text = ReadSmallFile("/proc/self/environ", g_environment, kEnvironmentBytes - 1);
  if (text.length <= 0) return nullptr;
  g_environment[text.length] = '\0';
  for (const char* entry = g_environment; entry < g_environment + text.length;
       entry += std::strlen(entry) + 1) {
    if (const char* value = MatchVariable(entry, name)) return value;
  }
  return nullptr;
}

}  // namespace

bool IsSecureExecution() { return getauxval(AT_SECURE) != 0; }

const char* EnvironmentVariable(const char* name) {
  if (environ == nullptr) return VariableFromProc(name);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (const char* value = MatchVariable(*entry, name)) return value;
  }
  return nullptr;
}

std::string_view ProgramName() {
  const auto* path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (path == nullptr || *path == '\0') return "unknown";
  const char* name = std::strrchr(path, '/');
  return name == nullptr || name[1] == '\0' ? path : name + 1;
}

int ProcessId() { return static_cast<int>(Syscall(SYS_getpid)); }
int ThreadId() { return static_cast<int>(Syscall(SYS_gettid)); }

void NameThread(char (&name)[16]) {
  name[0] = '\0';
  Syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
  NoteStored(name, sizeof name);
  name[sizeof name - 1] = '\0';
}

uint64_t WallClockMs() {
  timespec now{};
  Syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

uint64_t MonotonicNs() {
  timespec now{};
  Syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t BlockSignals() {
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  Syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  NoteStored(&before, sizeof before);
  return before;
}

void RestoreSignals(uint64_t mask) {
  Syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
}

void ExitAtOnce(int status) {
  Syscall(SYS_exit_group, status);
  for (;;) __builtin_trap();
}

void SleepMilliseconds(int milliseconds) {
  const timespec duration{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  Syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &duration, nullptr);
}

void Abort() {
  unsigned long set = 1ul << (SIGABRT - 1);
  Syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, nullptr, sizeof set);
  Syscall(SYS_tgkill, ProcessId(), ThreadId(), SIGABRT);
  // The program ignored the signal or its handler returned.
  AbortUnhandled();
}

void AbortUnhandled() {
  unsigned long set = 1ul << (SIGABRT - 1);
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } by_default{SIG_DFL, 0, nullptr, 0};
  Syscall(SYS_rt_sigaction, SIGABRT, &by_default, nullptr, sizeof set);
  Syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, nullptr, sizeof set);
  Syscall(SYS_tgkill, ProcessId(), ThreadId(), SIGABRT);
  for (;;) __builtin_trap();
}

}  // namespace bartizan::platform
