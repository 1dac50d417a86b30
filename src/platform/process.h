// What this process was started with: environment, privileges, name.
#ifndef BARTIZAN_SRC_PLATFORM_PROCESS_H_
#define BARTIZAN_SRC_PLATFORM_PROCESS_H_

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

void SleepMilliseconds(int milliseconds);

// Raises SIGABRT for this thread as abort() does, without its locks: the program's handler runs
// first, then the default action. Never returns.
[[noreturn]] void Abort();

// The same without the program's handler.
[[noreturn]] void AbortUnhandled();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_PROCESS_H_
