// mallinfo, malloc_stats and their like, as glibc documents them, filled from our statistics; what
// has no counterpart is zero. mallopt accepts and ignores everything.
#include <malloc.h>

#include <climits>
#include <cstdio>
#include <string_view>

#include "src/base/compiler.h"
#include "src/engine/statistics.h"
#include "src/platform/file.h"
#include "src/report/own_statistics.h"

using Allocator = bartizan::SelectedAllocator;
using bartizan::EngineStatistics;

namespace {

struct mallinfo2 Gather() {
  EngineStatistics statistics;
  bartizan::ReadStatistics(&statistics);
  size_t small = 0;
  size_t free_slots = 0;
  size_t idle = 0;
  for (const bartizan::ClassStatistics& of : statistics.classes) {
    small += of.committed_bytes;
    free_slots += of.parked_slots + of.remote_slots;
    idle += of.idle_bytes;
  }
  struct mallinfo2 info = {};
  info.arena = small;
  info.ordblks = free_slots;
  info.hblks = statistics.large.live_blocks;
  info.hblkhd = statistics.large.mapped_bytes;
  info.fsmblks = statistics.small_cached_bytes + statistics.small_quarantined_bytes;
  info.uordblks = statistics.small_live_bytes;
  // What is neither live, nor cached, nor waits, with what blocks leave unused of their slots.
  info.fordblks = small - statistics.small_live_bytes;
  info.keepcost = idle + statistics.large.cached_bytes;  // what malloc_trim could give back
  return info;
}

int Saturated(size_t n) { return n > INT_MAX ? INT_MAX : static_cast<int>(n); }

}  // namespace

extern "C" {

BARTIZAN_EXPORT int mallopt(int, int) noexcept { return 1; }

BARTIZAN_EXPORT int malloc_trim(size_t) noexcept { return Allocator::Trim() ? 1 : 0; }

BARTIZAN_EXPORT struct mallinfo2 mallinfo2() noexcept { return Gather(); }

BARTIZAN_EXPORT struct mallinfo mallinfo() noexcept {
  const struct mallinfo2 wide = Gather();
  struct mallinfo info = {};
  info.arena = Saturated(wide.arena);
  info.ordblks = Saturated(wide.ordblks);
  info.hblks = Saturated(wide.hblks);
  info.hblkhd = Saturated(wide.hblkhd);
  info.fsmblks = Saturated(wide.fsmblks);
  info.uordblks = Saturated(wide.uordblks);
  info.fordblks = Saturated(wide.fordblks);
  info.keepcost = Saturated(wide.keepcost);
  return info;
}

BARTIZAN_EXPORT void malloc_stats() noexcept {
  const bartizan::OwnStatistics own;
  const auto receive = [](void*, std::string_view part) {
    bartizan::platform::WriteAll(bartizan::platform::kStandardError, part);
  };
  bartizan::Output out(receive, nullptr);
  bartizan::WriteStatisticsText(own.view(), out);
}

BARTIZAN_EXPORT int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) return 22;  // EINVAL, as glibc returns it
  struct Writing {
    FILE* stream;
    bool failed;
  } writing = {stream, false};
  const auto receive = [](void* context, std::string_view part) {
    auto* to = static_cast<Writing*>(context);
    to->failed |= fwrite(part.data(), 1, part.size(), to->stream) != part.size();
  };
  const bartizan::OwnStatistics own;
  {
    bartizan::Output out(receive, &writing);
    bartizan::WriteStatisticsXml(own.view(), out);
  }
  return writing.failed ? -1 : 0;
}

}  // extern "C"
