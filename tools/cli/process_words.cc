#include "tools/cli/process_words.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tools/cli/process_memory.h"

namespace bartizan::cli {
std::string Advice(int error) {
  if (error != EPERM && error != EACCES) return "";
  std::string advice = "run this as root, or as the user of the process";
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  if (file >> scope && scope > 0) {
    absl::StrAppend(&advice, " after \"sysctl kernel.yama.ptrace_scope=0\" (now ", scope, ")");
  }
  return absl::StrCat("; ", advice);
}

std::string Named(pid_t process) {
  const std::string name = ProcessName(process);
  return absl::StrCat("process ", process, name.empty() ? "" : absl::StrCat(" (", name, ")"));
}

std::string Unknown(pid_t process, const ProcessInfoFinding& found) {
  switch (found.finding) {
    case Finding::kNoSuchProcess:
      return absl::StrCat("there is no process ", process);
    case Finding::kNoUserMemory:
      return absl::StrCat(Named(process),
                          ": not protected: a kernel thread, or a process that has ended");
    case Finding::kUnknownLayout:
      return absl::StrCat("cannot tell: ", Named(process), ": ", found.module,
                          " is of a version that this command does not know");
    case Finding::kMayNotRead:
      return absl::StrCat(
          "cannot tell: ", Named(process), ": ",
          found.module.empty() ? "" : absl::StrCat(found.module, " is loaded, but "),
          "its memory cannot be read (", std::strerror(found.error), ")", Advice(found.error));
    case Finding::kNoPage:
    case Finding::kPageFound:
      break;
  }
  return absl::StrCat(Named(process), ": not protected");
}

}  // namespace bartizan::cli
