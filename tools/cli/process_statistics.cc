#include "tools/cli/process_statistics.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/metadata/address_map.h"
#include "tools/cli/process_words.h"
#include "tools/cli/remote_memory.h"

namespace bartizan::cli {
namespace {

bool ReadHeapOf(void* context, HeapId id, HeapStatistics* out) {
  const auto& heaps = *static_cast<const std::vector<HeapStatistics>*>(context);
  const auto found = std::lower_bound(heaps.begin(), heaps.end(), id,
                                      [](const HeapStatistics& a, HeapId b) { return a.id < b; });
  if (found == heaps.end() || found->id != id) return false;
  *out = *found;
  return true;
}

// False: the record is none, or of a build whose memory this one cannot read.
bool ReadRoots(RemoteMemory& memory, uint64_t address, EngineRoots* roots) {
  return memory.Read(address, roots, sizeof *roots) && roots->magic == kEngineRootsMagic &&
         roots->layout == kEngineLayout && roots->bytes == sizeof *roots &&
         roots->fingerprint == LayoutFingerprint();
}

void ReadHeaps(RemoteMemory& memory, const EngineRoots& roots, std::vector<HeapStatistics>* heaps) {
  uint32_t limit = 0;
  if (!memory.Read(reinterpret_cast<uint64_t>(roots.heap_limit), &limit, sizeof limit)) return;
  limit = std::min(limit, kMaxHeaps + 1);
  for (uint32_t id = 1; id < limit; ++id) {
    HeapStatistics heap;
    if (WalkHeap(memory.reader(), roots, static_cast<HeapId>(id), &heap)) heaps->push_back(heap);
  }
}

// What lies in the spans in which large blocks are placed and nobody else is.
void AddPart(uint64_t begin, uint64_t end, const platform::AddressRange& span,
             std::vector<AddressSpan>* spans) {
  const uint64_t from = std::max<uint64_t>(begin, span.begin);
  const uint64_t to = std::min<uint64_t>(end, span.end);
  if (from < to) spans->push_back({from, to});
}

void ReadResident(pid_t process, RemoteMemory& memory, const EngineRoots& roots,
                  ProcessStatistics* out) {
  std::string smaps;
  if (ReadProcessFile(process, "smaps", &smaps) != 0) return;
  std::vector<AddressSpan> spans = {{roots.layout_range.begin, roots.layout_range.end}};
  uint64_t lowest = 0;
  uint64_t highest = 0;
  if (memory.Read(reinterpret_cast<uint64_t>(roots.large_lowest), &lowest, sizeof lowest) &&
      memory.Read(reinterpret_cast<uint64_t>(roots.large_highest), &highest, sizeof highest)) {
    AddPart(lowest, highest, platform::kLowSpan, &spans);
    AddPart(lowest, highest, platform::kHighSpan, &spans);
  }
  out->resident_bytes = ResidentIn(smaps, spans);
  out->knows_resident = true;
}

std::string Ended(pid_t process) { return absl::StrCat("process ", process, " has ended"); }

}  // namespace

StatisticsView ProcessStatistics::View() const {
  return {.statistics = &statistics,
          .info = &info,
          .heaps = {ReadHeapOf, const_cast<std::vector<HeapStatistics>*>(&heaps),
                    heaps.empty() ? 1 : heaps.back().id + uint32_t{1}},
          .process = static_cast<uint64_t>(process),
          .program = program,
          .knows_resident = knows_resident,
          .resident_bytes = resident_bytes};
}

StatisticsFinding ReadProcessStatistics(pid_t process, const StatisticsRequest& request) {
  return ReadProcessStatistics(process, FindProcessInfo(process), request);
}

RootsFinding FindRoots(pid_t process, const ProcessInfoFinding& found, RemoteMemory& memory,
                       EngineRoots* roots) {
  if (found.finding != Finding::kPageFound) {
    const bool no_page =
        found.finding == Finding::kNoPage || found.finding == Finding::kNoUserMemory;
    return {no_page ? Reading::kNotProtected : Reading::kCannotTell, Unknown(process, found)};
  }
  if (found.info.state == StartState::kNotStarted) {
    return {Reading::kNotProtected,
            absl::StrCat(Named(process), ": not protected: ", found.module,
                         " is loaded, but another malloc serves the process")};
  }
  if (found.info.state != StartState::kSealed) {
    return {Reading::kCannotTell, absl::StrCat(Named(process), " is starting: try again")};
  }
  if (found.info.engine_roots != 0 && ReadRoots(memory, found.info.engine_roots, roots)) {
    return {Reading::kDone, ""};
  }
  if (memory.process_ended()) return {Reading::kCannotTell, Ended(process)};
  return {Reading::kCannotTell,
          absl::StrCat(Named(process), " runs another build of Bartizan (",
                       found.info.library_version, ", ", found.module,
                       "): its records cannot be read; use the command that came with it")};
}

StatisticsFinding ReadProcessStatistics(pid_t process, const ProcessInfoFinding& found,
                                        const StatisticsRequest& request) {
  RemoteMemory memory(process);
  EngineRoots roots;
  RootsFinding open = FindRoots(process, found, memory, &roots);
  if (open.reading != Reading::kDone) {
    return {.reading = open.reading, .message = std::move(open.message), .statistics = nullptr};
  }
  auto statistics = std::make_unique<ProcessStatistics>();
  statistics->process = process;
  statistics->program = ProcessName(process);
  statistics->info = found.info;
  WalkStatistics(memory.reader(), roots, &statistics->statistics);
  if (request.heaps) ReadHeaps(memory, roots, &statistics->heaps);
  if (request.resident) ReadResident(process, memory, roots, statistics.get());
  if (memory.process_ended()) {
    return {.reading = Reading::kCannotTell, .message = Ended(process), .statistics = nullptr};
  }
  return {.reading = Reading::kDone, .message = "", .statistics = std::move(statistics)};
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> processes;
  DIR* const folder = opendir("/proc");
  if (folder == nullptr) return processes;
  while (const dirent* entry = readdir(folder)) {
    pid_t process = 0;
    if (absl::SimpleAtoi(entry->d_name, &process) && process > 0) processes.push_back(process);
  }
  closedir(folder);
  std::sort(processes.begin(), processes.end());
  return processes;
}

uint64_t StartTime(pid_t process) {
  std::string text;
  if (ReadProcessFile(process, "stat", &text) != 0) return 0;
  // "12 (name, which may hold anything) S 1 ...": the 22nd field, the 20th behind the name.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text).substr(name_end + 1), ' ', absl::SkipEmpty());
  uint64_t started = 0;
  constexpr size_t kField = 19;
  return fields.size() > kField && absl::SimpleAtoi(fields[kField], &started) ? started : 0;
}

const std::vector<ProtectedProcesses::Known>& ProtectedProcesses::Refresh() {
  std::vector<Known> now;
  protected_.clear();
  refused_ = 0;
  for (const pid_t process : AllProcesses()) {
    const uint64_t started = StartTime(process);
    if (started == 0) continue;
    const auto before = std::lower_bound(seen_.begin(), seen_.end(), process,
                                         [](const Known& a, pid_t b) { return a.process < b; });
    const bool same = before != seen_.end() && before->process == process &&
                      before->started == started &&
                      // One that was not protected may have become another program.
                      before->found.finding == Finding::kPageFound &&
                      before->found.info.state == StartState::kSealed;
    now.push_back({process, started, same ? before->found : FindProcessInfo(process)});
    const Known& known = now.back();
    refused_ += known.found.finding == Finding::kMayNotRead;
    if (known.found.finding == Finding::kPageFound && known.found.info.state == StartState::kSealed)
      protected_.push_back(known);
  }
  seen_ = std::move(now);
  return protected_;
}

uint64_t ResidentIn(absl::string_view smaps, const std::vector<AddressSpan>& spans) {
  uint64_t resident = 0;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(smaps, '\n')) {
    // "Rss:                 123 kB", below the line of its mapping: "7f00-7f10 rw-p ...".
    if (absl::ConsumePrefix(&line, "Rss:")) {
      uint64_t kilobytes = 0;
      absl::ConsumeSuffix(&line, " kB");
      if (inside && absl::SimpleAtoi(line, &kilobytes)) resident += kilobytes * 1024;
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> range =
        absl::StrSplit(line.substr(0, line.find(' ')), absl::MaxSplits('-', 1));
    uint64_t begin = 0;
    uint64_t end = 0;
    if (!absl::SimpleHexAtoi(range.first, &begin) || !absl::SimpleHexAtoi(range.second, &end)) {
      continue;
    }
    inside = std::any_of(spans.begin(), spans.end(), [&](const AddressSpan& span) {
      return begin >= span.begin && end <= span.end;
    });
  }
  return resident;
}

}  // namespace bartizan::cli
