// Another process, as /proc and process_vm_readv show it.
#ifndef BARTIZAN_TOOLS_CLI_PROCESS_MEMORY_H_
#define BARTIZAN_TOOLS_CLI_PROCESS_MEMORY_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bartizan::cli {

struct Mapping {
  uint64_t begin;
  uint64_t end;
  bool is_readable;
  bool is_executable;
  uint64_t file_offset;
  // Of the file, as that process sees it; empty for anonymous memory. Without " (deleted)".
  std::string path;
};

// The lines of a /proc/PID/maps.
std::vector<Mapping> ParseMappings(absl::string_view text);

// These return 0 or an errno.
int ReadProcessFile(pid_t process, absl::string_view file, std::string* text);
int ReadMappings(pid_t process, std::vector<Mapping>* mappings);
int ReadMemory(pid_t process, uint64_t address, void* to, size_t bytes);

// Path of the executable; empty when it is hidden or there is none (kernel threads).
std::string ExecutablePath(pid_t process);

// Name as ps(1) shows it; empty when unknown.
std::string ProcessName(pid_t process);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROCESS_MEMORY_H_
