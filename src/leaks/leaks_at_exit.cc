#include "src/leaks/leaks_at_exit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <csignal>

#include "src/engine/runtime.h"
#include "src/leaks/leak_report.h"
#include "src/leaks/leak_scan.h"
#include "src/options/options.h"
#include "src/options/sealed_page.h"
#include "src/options/values.h"
#include "src/platform/file.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"
#include "src/platform/stopped_process.h"
#include "src/platform/syscall.h"

namespace bartizan {
namespace {

using platform::Syscall;

constexpr int kWaitForAll = 0x40000000;  // __WALL: for children without an exit signal

void Say(std::string_view text) { platform::WriteAll(platform::kStandardError, text); }

struct Report {
  int descriptor;
  bool whole = true;
};
void Send(void* report, std::string_view part) {
  Report& to = *static_cast<Report*>(report);
  to.whole &= platform::WriteAll(to.descriptor, part);
}

int OpenTarget(const StatisticsTarget& target, int process) {
  if (target.path.empty()) return platform::kStandardError;
  ExpandedPath path;
  ExpandProcessId(target.path, process, path);
  const int file = platform::OpenForAppend(path.c_str());
  if (file >= 0) return file;
  Say("bartizan: cannot write to the file of leaks_at_exit\n");
  return platform::kStandardError;
}

void Fail(std::string_view why) {
  Text<200> text;
  text << "bartizan: leaks: not looked for: " << why << '\n';
  Say(text.view());
}

void Search(int process, const StatisticsTarget& target, LostBlocks* lost) {
  platform::StoppedProcess threads(process);
  const EngineRoots& roots = g_runtime.roots;
  const int error = leaks::StopBetweenChanges(threads, roots);
  if (error == EPERM || error == EACCES) {
    return Fail("the system does not let the process be traced (a container, a debugger, yama)");
  }
  if (error != 0) return Fail("its threads cannot be stopped");
  leaks::ProcessReader memory(threads.reader());
  leaks::LeakScan scan;
  leaks::LeakGroups groups;
  if (!memory.is_ready()) return Fail("no memory");
  const leaks::ScanResult result = scan.Run(threads, roots, memory);
  if (result == leaks::ScanResult::kUnreadable) return Fail("records cannot be read");
  if (result != leaks::ScanResult::kDone || !groups.Make(scan.blocks(), false)) {
    return Fail("no memory");
  }
  const leaks::LeakReport report = {.process = static_cast<uint64_t>(process),
                                    .reader = threads.reader(),
                                    .program = platform::ProgramName(),
                                    .roots = &roots,
                                    .memory = memory.reader(),
                                    .groups = &groups,
                                    .knows_all_threads = threads.knows_all(),
                                    .symbols = OptionsInForce().report_symbols};
  const bool json = target.form == StatisticsTarget::kJson;
  if (scan.found_leaks() || json) {
    Report written{.descriptor = OpenTarget(target, process)};
    {
      Output out(Send, &written);
      json ? leaks::WriteLeaksJson(report, out) : leaks::WriteLeaksText(report, out);
    }
    if (!written.whole) Say("bartizan: leaks: the report could not be written whole\n");
  }
  const leaks::LeakSums& sums = groups.sums();
  *lost = {.known = true,
           .blocks = sums.direct_blocks + sums.indirect_blocks,
           .bytes = sums.direct_bytes + sums.indirect_bytes};
}

// A copy of the process that has one thread. It never returns to the program.
[[noreturn]] void BeChild(int process, int gate, const StatisticsTarget& target, LostBlocks* lost) {
  Syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  char byte = 0;
  // When the byte comes, the parent has allowed it to be traced; when none comes, it has ended.
  if (platform::ReadSome(gate, &byte, 1) == 1) Search(process, target, lost);
  platform::ExitAtOnce(0);
}

void SearchInChild(const StatisticsTarget& target, LostBlocks* lost) {
  int gate[2];
  if (Syscall(SYS_pipe2, gate, O_CLOEXEC) != 0) return Fail("no pipe");
  platform::NoteStored(gate, sizeof gate);
  const int process = platform::ProcessId();
  const long child = Syscall(SYS_clone, 0, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    platform::Close(gate[1]);
    BeChild(process, gate[0], target, lost);
  }
  platform::Close(gate[0]);
  if (child < 0) {
    platform::Close(gate[1]);
    return Fail("no process can be made");
  }
  // Where yama is in force, only parents may trace, unless the process allows another.
  Syscall(SYS_prctl, PR_SET_PTRACER, child, 0, 0, 0);
  platform::WriteAll(gate[1], "+");
  platform::Close(gate[1]);
  long ended = 0;
  do ended = Syscall(SYS_wait4, child, nullptr, kWaitForAll, nullptr);
  while (ended == -EINTR);
  Syscall(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0);
}

// In memory that the child shares; nothing is known where it did not come to its end.
LostBlocks SearchOnce(const StatisticsTarget& target) {
  const long page = Syscall(SYS_mmap, nullptr, platform::kPageBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page < 0) {
    Fail("no memory");
    return {};
  }
  auto* const shared = reinterpret_cast<LostBlocks*>(page);
  SearchInChild(target, shared);
  const LostBlocks lost = *shared;
  platform::Release(static_cast<uintptr_t>(page), platform::kPageBytes);
  return lost;
}

}  // namespace

LeaksAtExit FindLeaksAtExit() {
  LeaksAtExit found;
  StatisticsTarget target;
  const Options& options = OptionsInForce();
  if (!ParseStatisticsTarget(options.leaks_at_exit, &target)) return found;
  if (target.form == StatisticsTarget::kNone) return found;
  // No handler runs in the child, nor here while it works.
  const uint64_t mask = platform::BlockSignals();
  found.lost = SearchOnce(target);
  platform::RestoreSignals(mask);
  if (found.lost.blocks != 0) found.status = static_cast<int>(options.leaks_exit_code);
  return found;
}

}  // namespace bartizan
