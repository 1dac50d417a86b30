// The statistics of another process, without its help: the walk of src/engine over its memory.
#ifndef BARTIZAN_TOOLS_CLI_PROCESS_STATISTICS_H_
#define BARTIZAN_TOOLS_CLI_PROCESS_STATISTICS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/engine/engine_roots.h"
#include "src/engine/statistics.h"
#include "src/options/sealed_page.h"
#include "src/report/statistics_writer.h"
#include "tools/cli/process_info_reader.h"
#include "tools/cli/process_memory.h"
#include "tools/cli/remote_memory.h"

namespace bartizan::cli {

struct ProcessStatistics {
  pid_t process = 0;
  std::string program;
  ProcessInfo info{};
  EngineStatistics statistics{};
  std::vector<HeapStatistics> heaps;  // by id
  bool knows_resident = false;
  uint64_t resident_bytes = 0;

  // Good for as long as this is.
  StatisticsView View() const;
};

enum class Reading {
  kDone,
  kNotProtected,  // or protected by a library that is not in force
  kCannotTell,    // no such process, no permission, another version
};

struct StatisticsFinding {
  Reading reading = Reading::kCannotTell;
  // Without "bartizan: COMMAND: "; empty when all is well.
  std::string message;
  std::unique_ptr<ProcessStatistics> statistics;
};

// Where the engine's records are in another process.
struct RootsFinding {
  Reading reading = Reading::kCannotTell;
  std::string message;  // as above
};
RootsFinding FindRoots(pid_t process, const ProcessInfoFinding& found, RemoteMemory& memory,
                       EngineRoots* roots);

struct StatisticsRequest {
  bool heaps = true;
  bool resident = true;
};

StatisticsFinding ReadProcessStatistics(pid_t process, const StatisticsRequest& request);
// The same, where the page was found before.
StatisticsFinding ReadProcessStatistics(pid_t process, const ProcessInfoFinding& found,
                                        const StatisticsRequest& request);

// Of all processes, by number. `refused` counts those that may not be looked into.
std::vector<pid_t> AllProcesses();
// The pages of processes that were found by an earlier call are not searched for again.
class ProtectedProcesses {
 public:
  struct Known {
    pid_t process;
    uint64_t started;  // tells a process from a later one of the same number
    ProcessInfoFinding found;
  };
  // Those that are protected now.
  const std::vector<Known>& Refresh();
  int refused() const { return refused_; }

 private:
  std::vector<Known> seen_;  // of all processes
  std::vector<Known> protected_;
  int refused_ = 0;
};

// Bytes in RAM of the mappings of a /proc/PID/smaps that lie in any of the ranges.
struct AddressSpan {
  uint64_t begin;
  uint64_t end;
};
uint64_t ResidentIn(absl::string_view smaps, const std::vector<AddressSpan>& spans);

// When the process was started, in ticks since the machine was; 0 when it is gone.
uint64_t StartTime(pid_t process);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROCESS_STATISTICS_H_
