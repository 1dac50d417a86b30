#include "tools/cli/process_leaks.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

#include "absl/strings/str_cat.h"
#include "src/leaks/leak_report.h"
#include "src/leaks/leak_scan.h"
#include "src/platform/stopped_process.h"
#include "tools/cli/process_memory.h"
#include "tools/cli/process_words.h"
#include "tools/cli/remote_memory.h"

namespace bartizan::cli {
namespace {

using leaks::LeakScan;
using leaks::ScanResult;
using platform::StoppedProcess;

// What a thread passes on at this moment, it has put somewhere by then.
constexpr auto kBetweenLooks = std::chrono::milliseconds(100);

class LeakFinder {
 public:
  LeakFinder(pid_t process, bool reachable)
      : process_(process), reachable_(reachable), threads_(process) {}

  LeaksFinding Run() {
    if (!FindRecords()) return result_;
    LeakScan first;
    if (!Look(&first)) return result_;
    if (!first.found_leaks()) {
      Write(first);
      return result_;
    }
    threads_.GoOn();
    std::this_thread::sleep_for(kBetweenLooks);
    LeakScan second;
    if (!Look(&second)) return result_;
    second.KeepWhatWasLostIn(first);
    Write(second);
    return result_;
  }

 private:
  bool Fail(std::string message) {
    result_ = {Reading::kCannotTell, std::move(message), ""};
    return false;
  }

  bool FindRecords() {
    RemoteMemory memory(process_);
    const RootsFinding open = FindRoots(process_, FindProcessInfo(process_), memory, &roots_);
    if (open.reading == Reading::kDone) return true;
    result_ = {open.reading, open.message, ""};
    return false;
  }

  bool Stop() {
    const int error = leaks::StopBetweenChanges(threads_, roots_);
    if (error == 0) return true;
    if (error == ESRCH) return Fail(absl::StrCat("process ", process_, " has ended"));
    const std::string traced = TracedBy();
    if (error == EPERM && !traced.empty()) {
      return Fail(absl::StrCat(Named(process_), " cannot be stopped: process ", traced,
                               " traces it, a debugger for example"));
    }
    return Fail(absl::StrCat(Named(process_), " cannot be stopped (", std::strerror(error), ")",
                             Advice(error)));
  }

  // The process that traces it already; empty: none.
  std::string TracedBy() const {
    std::string status;
    if (ReadProcessFile(process_, "status", &status) != 0) return "";
    constexpr std::string_view kField = "TracerPid:\t";
    const size_t at = status.find(kField);
    if (at == std::string::npos) return "";
    const size_t begin = at + kField.size();
    std::string number = status.substr(begin, status.find('\n', begin) - begin);
    return number == "0" ? "" : number;
  }

  bool Look(LeakScan* scan) {
    if (!Stop()) return false;
    memory_ = std::make_unique<leaks::ProcessReader>(threads_.reader());
    if (!memory_->is_ready()) return Fail("no memory");
    switch (scan->Run(threads_, roots_, *memory_)) {
      case ScanResult::kDone:
        return true;
      case ScanResult::kNoMemory:
        return Fail("no memory");
      case ScanResult::kUnreadable:
        break;
    }
    return Fail(absl::StrCat(Named(process_),
                             ": its records cannot be read: it ends, or its heap "
                             "is damaged"));
  }

  void Write(const LeakScan& scan) {
    leaks::LeakGroups groups;
    if (!groups.Make(scan.blocks(), reachable_)) {
      Fail("no memory");
      return;
    }
    const std::string program = ProcessName(process_);
    Output out([](void* to, std::string_view part) { static_cast<std::string*>(to)->append(part); },
               &result_.json);
    leaks::WriteLeaksJson({.process = static_cast<uint64_t>(process_),
                           .reader = threads_.reader(),
                           .program = program,
                           .roots = &roots_,
                           .memory = memory_->reader(),
                           .groups = &groups,
                           .knows_all_threads = threads_.knows_all()},
                          out);
    result_.reading = Reading::kDone;
  }

  const pid_t process_;
  const bool reachable_;
  EngineRoots roots_;
  StoppedProcess threads_;
  std::unique_ptr<leaks::ProcessReader> memory_;
  LeaksFinding result_;
};

}  // namespace

LeaksFinding FindLeaks(pid_t process, bool reachable) {
  return LeakFinder(process, reachable).Run();
}

}  // namespace bartizan::cli
