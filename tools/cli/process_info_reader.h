// The page `bartizan_process_info` of another process.
#ifndef BARTIZAN_TOOLS_CLI_PROCESS_INFO_READER_H_
#define BARTIZAN_TOOLS_CLI_PROCESS_INFO_READER_H_

#include <sys/types.h>

#include <string>

#include "src/options/sealed_page.h"

namespace bartizan::cli {

enum class Finding {
  kPageFound,
  kNoPage,  // neither the library nor an executable with it
  kNoSuchProcess,
  kNoUserMemory,   // a kernel thread, or a process that has ended
  kMayNotRead,     // the page may be there, but this user may not look
  kUnknownLayout,  // a page of another version, too different to read
};

struct ProcessInfoFinding {
  Finding finding = Finding::kNoPage;
  ProcessInfo info{};
  // The library or executable that has the page; empty when there is none, or none is known.
  std::string module;
  // errno behind kMayNotRead.
  int error = 0;
};

ProcessInfoFinding FindProcessInfo(pid_t process);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROCESS_INFO_READER_H_
