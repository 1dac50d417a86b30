#include "src/report/own_statistics.h"

#include "src/base/bits.h"
#include "src/engine/heap_registry.h"
#include "src/options/values.h"
#include "src/platform/file.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"

namespace bartizan {
namespace {

bool ReadOwnHeap(void*, HeapId id, HeapStatistics* out) { return ReadHeapStatistics(id, out); }

// What is behind the text: what happens while it is written may make it longer.
constexpr size_t kSpareBytes = 4096;

// One piece, so that processes that append to one file do not come between each other's lines.
void Append(int file, StatisticsForm form) {
  for (size_t room = WriteOwnStatistics(form, nullptr, 0) + kSpareBytes;;) {
    const size_t bytes = AlignUp(room, platform::kPageBytes);
    const uintptr_t place = platform::ClaimAnywhere(bytes, platform::Access::kReadWrite);
    if (place == 0) return;
    char* const text = reinterpret_cast<char*>(place);
    const size_t length = WriteOwnStatistics(form, text, bytes);
    if (length < bytes) platform::WriteAll(file, {text, length});
    platform::Release(place, bytes);
    if (length < bytes) return;
    room = length + kSpareBytes;
  }
}

void WriteJsonLine(const StatisticsView& view, Output& out) {
  WriteStatisticsJson(view, out);
  out << '\n';
}

}  // namespace

OwnStatistics::OwnStatistics() { ReadStatistics(&statistics_); }

StatisticsView OwnStatistics::view() const {
  return {.statistics = &statistics_,
          .info = &bartizan_sealed_page.info,
          .heaps = {ReadOwnHeap, nullptr, registry::HeapLimit()},
          .process = static_cast<uint64_t>(platform::ProcessId()),
          .program = platform::ProgramName()};
}

size_t WriteOwnStatistics(StatisticsForm form, char* buffer, size_t size) {
  const OwnStatistics own;
  BufferReceiver receiver(buffer, size);
  {
    Output out(BufferReceiver::Receive, &receiver);
    form(own.view(), out);
  }
  return receiver.length();
}

void WriteStatisticsAtExit() {
  StatisticsTarget target;
  if (!ParseStatisticsTarget(OptionsInForce().stats_at_exit, &target)) return;
  if (target.form == StatisticsTarget::kNone) return;
  const bool json = target.form == StatisticsTarget::kJson;
  const StatisticsForm form = json ? WriteJsonLine : WriteStatisticsText;
  if (target.path.empty()) return Append(platform::kStandardError, form);
  ExpandedPath path;
  ExpandProcessId(target.path, platform::ProcessId(), path);
  const int file = platform::OpenForAppend(path.c_str());
  if (file < 0) {
    platform::WriteAll(platform::kStandardError,
                       "bartizan: cannot write to the file of stats_at_exit\n");
    return;
  }
  Append(file, form);
  platform::Close(file);
}

}  // namespace bartizan
