#include "fuzz/harness/kept_pages.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "fuzz/harness/check.h"

namespace fuzz {
namespace {

// Newer than the headers that we build with: PAGEMAP_SCAN of linux/fs.h.
struct PageRegion {
  uint64_t start;
  uint64_t end;
  uint64_t categories;
};
struct ScanArguments {
  uint64_t size;
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;
  uint64_t vec;
  uint64_t vec_len;
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
};
constexpr unsigned long kScan = _IOWR('f', 16, ScanArguments);
constexpr uint64_t kIsFile = 1 << 2;
constexpr uint64_t kIsPresent = 1 << 3;
constexpr uint64_t kIsZeros = 1 << 5;

// Descriptors that stand for this process, not for the one that it was forked from.
struct Self {
  pid_t pid = 0;
  int pagemap = -1;
  int process = -1;
};
const Self& ThisProcess() {
  static Self self;
  const pid_t pid = getpid();
  if (self.pid == pid) return self;
  if (self.pid != 0) {
    close(self.pagemap);
    close(self.process);
  }
  self.pid = pid;
  self.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  self.process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return self;
}

}  // namespace

bool FindWrittenPages(Range range, std::vector<Range>* found) {
  static PageRegion regions[256];
  ScanArguments scan = {.size = sizeof scan,
                        .flags = 0,
                        .start = range.begin,
                        .end = range.end,
                        .walk_end = 0,
                        .vec = reinterpret_cast<uintptr_t>(regions),
                        .vec_len = std::size(regions),
                        .max_pages = 0,
                        .category_inverted = kIsFile | kIsZeros,
                        .category_mask = kIsPresent | kIsFile | kIsZeros,
                        .category_anyof_mask = 0,
                        .return_mask = kIsPresent};
  while (scan.start < scan.end) {
    const int count = ioctl(ThisProcess().pagemap, kScan, &scan);
    if (count < 0) return false;
    for (int i = 0; i < count; ++i) {
      found->push_back({regions[i].start, regions[i].end});
    }
    scan.start = scan.walk_end;
  }
  return true;
}

void DropAll(const std::vector<iovec>& ranges) {
  if (ranges.empty()) return;
  size_t bytes = 0;
  for (const iovec& range : ranges) bytes += range.iov_len;
  const long dropped = syscall(SYS_process_madvise, long{ThisProcess().process}, ranges.data(),
                               ranges.size(), long{MADV_DONTNEED}, 0ul);
  if (dropped == static_cast<long>(bytes)) return;
  for (const iovec& range : ranges) {
    FUZZ_CHECK(madvise(range.iov_base, range.iov_len, MADV_DONTNEED) == 0, "dropping pages");
  }
}

// By words, not by functions that a sanitizer watches: it is the engine's memory, in any condition.
[[clang::no_sanitize("memory", "address")]] bool PutBack(uintptr_t page, const uint8_t* was) {
  static const uint64_t zeros[512] = {};
  constexpr size_t kAtOnce = 16;
  constexpr size_t kWords = 512;
  auto* const to = reinterpret_cast<uint64_t*>(page);
  const auto* const from = was == nullptr ? zeros : reinterpret_cast<const uint64_t*>(was);
  bool any = false;
  for (size_t at = 0; at < kWords; at += kAtOnce) {
    uint64_t difference = 0;
    for (size_t i = 0; i < kAtOnce; ++i) difference |= to[at + i] ^ from[at + i];
    if (difference == 0) continue;
    any = true;
    for (size_t i = 0; i < kAtOnce; ++i) to[at + i] = from[at + i];
  }
  return any;
}

std::span<const KeptPage> KeptPages::In(Range range) const {
  const auto before = [](const KeptPage& kept, uintptr_t page) { return kept.page < page; };
  const auto first = std::lower_bound(kept_.begin(), kept_.end(), range.begin, before);
  return {first, std::lower_bound(first, kept_.end(), range.end, before)};
}

void KeptPages::Note(KeptPage page, bool written) {
  Known& known = known_.try_emplace(page.page, Known{page.was, 0, 0}).first->second;
  known.looks = looks_;
  known.often += ((written ? kAlways : 0) - known.often) / kMemory;
}

bool KeptPages::Choose() {
  looks_++;
  std::vector<KeptPage> chosen;
  std::erase_if(known_, [&chosen](const auto& entry) {
    const auto& [page, known] = entry;
    if (known.often >= kWorthIt) chosen.push_back({page, known.was});
    return known.often < kMemory;
  });
  std::sort(chosen.begin(), chosen.end(),
            [](const KeptPage& a, const KeptPage& b) { return a.page < b.page; });
  const bool same = std::equal(
      chosen.begin(), chosen.end(), kept_.begin(), kept_.end(),
      [](const KeptPage& a, const KeptPage& b) { return a.page == b.page && a.was == b.was; });
  kept_ = std::move(chosen);
  return !same;
}

}  // namespace fuzz
