// mallinfo, malloc_stats and their like, as glibc documents them, filled from our statistics; what
// has no counterpart is zero. mallopt accepts and ignores everything.
#include <malloc.h>

#include <climits>
#include <cstdio>

#include "src/base/compiler.h"
#include "src/base/text.h"
#include "src/engine/statistics.h"
#include "src/platform/file.h"

using Allocator = bartizan::SelectedAllocator;
using bartizan::EngineStatistics;

namespace {

struct mallinfo2 Gather() {
  EngineStatistics statistics;
  bartizan::ReadStatistics(&statistics);
  const size_t small =
      statistics.committed_bytes - statistics.large.mapped_bytes - statistics.large.cached_bytes;
  struct mallinfo2 info = {};
  info.arena = small;
  info.hblks = statistics.large.live_blocks;
  info.hblkhd = statistics.large.mapped_bytes;
  info.fsmblks = statistics.small_cached_bytes + statistics.small_quarantined_bytes;
  info.uordblks = statistics.small_live_bytes;
  info.fordblks = small - statistics.small_live_bytes;
  info.keepcost = statistics.large.cached_bytes;
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
  info.hblks = Saturated(wide.hblks);
  info.hblkhd = Saturated(wide.hblkhd);
  info.fsmblks = Saturated(wide.fsmblks);
  info.uordblks = Saturated(wide.uordblks);
  info.fordblks = Saturated(wide.fordblks);
  info.keepcost = Saturated(wide.keepcost);
  return info;
}

BARTIZAN_EXPORT void malloc_stats() noexcept {
  EngineStatistics statistics;
  bartizan::ReadStatistics(&statistics);
  bartizan::Text<1024> text;
  text << "bartizan: small: " << statistics.small_live_blocks << " blocks, "
       << statistics.small_live_bytes << " bytes in use, " << statistics.small_quarantined_bytes
       << " in quarantine, " << statistics.small_cached_bytes << " cached, "
       << statistics.small_free_bytes << " free\n"
       << "bartizan: large: " << uint64_t{statistics.large.live_blocks} << " blocks, "
       << uint64_t{statistics.large.live_bytes} << " bytes in use, "
       << uint64_t{statistics.large.cached_bytes} << " cached\n"
       << "bartizan: committed " << statistics.committed_bytes << " bytes in " << statistics.slabs
       << " slabs of " << statistics.heaps << " heaps and large blocks\n";
  bartizan::platform::WriteAll(bartizan::platform::kStandardError, text.view());
}

BARTIZAN_EXPORT int malloc_info(int options, FILE* stream) noexcept {
  if (options != 0) return 22;  // EINVAL, as glibc returns it
  EngineStatistics statistics;
  bartizan::ReadStatistics(&statistics);
  bartizan::Text<1024> text;
  text << "<malloc version=\"bartizan-1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n"
       << "<system type=\"current\" size=\"" << statistics.committed_bytes << "\"/>\n"
       << "<total type=\"mmap\" count=\"" << uint64_t{statistics.large.live_blocks} << "\" size=\""
       << uint64_t{statistics.large.mapped_bytes} << "\"/>\n"
       << "<total type=\"rest\" count=\"" << statistics.small_live_blocks << "\" size=\""
       << statistics.small_live_bytes << "\"/>\n"
       << "</heap>\n</malloc>\n";
  const size_t written = fwrite(text.view().data(), 1, text.size(), stream);
  return written == text.size() ? 0 : -1;
}

}  // extern "C"
