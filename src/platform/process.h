// What this process was started with: environment, privileges, name.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan::platform {

// True for set-user-id, set-group-id and file-capability programs (AT_SECURE): their environment
// comes from a less trusted user.
bool IsSecureExecution();

// Value of an environment variable, or nullptr. Works before the C library has set up `environ`
// (by reading /proc/self/environ into a static buffer once).
const char* EnvironmentVariable(const char* name);

// Base name of the executable ("nginx"), never empty.
std::string_view ProgramName();

int ProcessId();
int ThreadId();
// Of the calling thread, ending with a zero.
void NameThread(char (&name)[16]);

uint64_t WallClockMs();  // since 1970
uint64_t MonotonicNs();  // of CLOCK_MONOTONIC

void SleepMilliseconds(int milliseconds);

// No signal but SIGKILL and SIGSTOP reaches the thread from now on; what to give RestoreSignals.
uint64_t BlockSignals();
void RestoreSignals(uint64_t mask);

// Ends the process without its functions for that.
[[noreturn]] void ExitAtOnce(int status);

// Raises SIGABRT for this thread as abort() does, without its locks: the program's handler runs
// first, then the default action. Never returns.
[[noreturn]] void Abort();

// The same without the program's handler.
[[noreturn]] void AbortUnhandled();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_H_
