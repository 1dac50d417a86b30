#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "fuzz/harness/check.h"
#include "fuzz/harness/system.h"

namespace fuzz {
namespace {

constexpr size_t kPage = 4096;
constexpr int kMadvGuardInstall = 102;

// The parts of the ranges that can be read and written now.
std::vector<Range> Accessible(const Ranges& ranges) {
  std::vector<Range> found;
  FILE* maps = fopen("/proc/self/maps", "re");
  FUZZ_CHECK(maps != nullptr, "no /proc");
  char line[512];
  while (fgets(line, sizeof line, maps) != nullptr) {
    uintptr_t begin;
    uintptr_t end;
    char access[5];
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, access) != 3) continue;
    if (access[0] != 'r' || access[1] != 'w') continue;
    ranges.ForEachIn(begin, end, [&found](Range part) { found.push_back(part); });
  }
  fclose(maps);
  return found;
}

void CopyToFile(int file, Range range, size_t offset) {
  for (size_t at = 0; at < range.bytes(); at += kPage) {
    unsigned char resident = 0;
    void* page = reinterpret_cast<void*>(range.begin + at);
    if (mincore(page, kPage, &resident) == 0 && (resident & 1) == 0) continue;
    // Of a guard, nothing is copied.
    const ssize_t written = pwrite(file, page, kPage, static_cast<off_t>(offset + at));
    FUZZ_CHECK(written == static_cast<ssize_t>(kPage) || written < 0, "memory file is full");
  }
}

// In one system call, which flushes the processor's translations once, where the kernel lets a
// process do that to itself (Linux 6.13).
void DropPages(const std::vector<iovec>& ranges) {
  static const auto self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  size_t bytes = 0;
  for (const iovec& range : ranges) bytes += range.iov_len;
  const long dropped = syscall(SYS_process_madvise, long{self}, ranges.data(), ranges.size(),
                               long{MADV_DONTNEED}, 0ul);
  if (dropped == static_cast<long>(bytes)) return;
  for (const iovec& range : ranges) {
    FUZZ_CHECK(madvise(range.iov_base, range.iov_len, MADV_DONTNEED) == 0, "dropping pages");
  }
}

void PutGuard(Range guard) {
  void* const begin = reinterpret_cast<void*>(guard.begin);
  if (madvise(begin, guard.bytes(), kMadvGuardInstall) == 0) return;
  FUZZ_CHECK(mprotect(begin, guard.bytes(), PROT_NONE) == 0, "putting a guard back");
}

}  // namespace

void Mappings::Freeze() {
  FUZZ_CHECK(!is_frozen_, "frozen twice");
  file_ = memfd_create("engine", MFD_CLOEXEC);
  FUZZ_CHECK(file_ >= 0, "memfd_create");
  size_t offset = 0;
  Ranges inaccessible = fresh_;
  for (const Range& range : Accessible(fresh_)) {
    parts_.push_back({range, offset, true});
    inaccessible.Remove(range.begin, range.end);
    offset += range.bytes();
  }
  for (const Range& range : inaccessible.all()) parts_.push_back({range, 0, false});
  for (const Range& range : fresh_.all()) frozen_.Add(range.begin, range.end);
  FUZZ_CHECK(ftruncate(file_, static_cast<off_t>(offset)) == 0, "ftruncate");
  for (const Part& part : parts_) {
    if (part.accessible) CopyToFile(file_, part.range, part.offset);
    MapFile(part.range);
  }
  for (const Part& part : parts_) {
    if (!part.accessible) continue;
    dropped_.push_back({reinterpret_cast<void*>(part.range.begin), part.range.bytes()});
  }
  fresh_.Clear();
  is_frozen_ = true;
}

// The whole range lies in parts.
void Mappings::MapFile(Range range) const {
  for (const Part& part : parts_) {
    const uintptr_t begin = std::max(range.begin, part.range.begin);
    const uintptr_t end = std::min(range.end, part.range.end);
    if (begin >= end) continue;
    const auto offset = static_cast<off_t>(part.offset + (begin - part.range.begin));
    const int source = part.accessible ? 0 : MAP_ANONYMOUS;
    void* const place = mmap(reinterpret_cast<void*>(begin), end - begin,
                             part.accessible ? PROT_READ | PROT_WRITE : PROT_NONE,
                             MAP_FIXED | MAP_PRIVATE | MAP_NORESERVE | source,
                             part.accessible ? file_ : -1, offset);
    FUZZ_CHECK(place != MAP_FAILED, "mapping the file");
  }
  guards_.ForEachIn(range.begin, range.end, PutGuard);
}

bool Mappings::Empty(uintptr_t begin, size_t bytes) {
  if (!OnChanged(begin, bytes)) return false;
  frozen_.ForEachIn(begin, begin + bytes, [](Range part) {
    void* const place =
        mmap(reinterpret_cast<void*>(part.begin), part.bytes(), PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FUZZ_CHECK(place != MAP_FAILED, "emptying pages");
  });
  guards_.ForEachIn(begin, begin + bytes, PutGuard);
  new_guards_.ForEachIn(begin, begin + bytes, PutGuard);
  return true;
}

void Mappings::Restore() {
  for (const Range& range : fresh_.all()) {
    munmap(reinterpret_cast<void*>(range.begin), range.bytes());
  }
  fresh_.Clear();
  new_guards_.Clear();
  for (const Range& range : changed_.all()) MapFile(range);
  changed_.Clear();
  DropPages(dropped_);
}

size_t Mappings::FreshBytes() const {
  size_t bytes = 0;
  for (const Range& range : fresh_.all()) bytes += range.bytes();
  return bytes;
}

Range Mappings::RangeAt(uintptr_t address) const {
  for (const Range& range : fresh_.all()) {
    if (address >= range.begin && address < range.end) return range;
  }
  return {address, address};
}

bool Mappings::OnChanged(uintptr_t begin, size_t bytes) {
  bool any = false;
  frozen_.ForEachIn(begin, begin + bytes, [this, &any](Range part) {
    changed_.Add(part.begin, part.end);
    any = true;
  });
  return any;
}

void Mappings::OnMapped(uintptr_t begin, size_t bytes) {
  fresh_.Add(begin, begin + bytes);
  frozen_.ForEachIn(begin, begin + bytes,
                    [this](Range part) { fresh_.Remove(part.begin, part.end); });
  OnChanged(begin, bytes);
}

void Mappings::OnUnmapped(uintptr_t begin, size_t bytes) {
  fresh_.Remove(begin, begin + bytes);
  OnChanged(begin, bytes);
  (is_frozen_ ? new_guards_ : guards_).Remove(begin, begin + bytes);
}

void Mappings::OnGuard(uintptr_t begin, size_t bytes) {
  OnChanged(begin, bytes);
  (is_frozen_ ? new_guards_ : guards_).Add(begin, begin + bytes);
}

bool Mappings::IsGuard(uintptr_t begin, size_t bytes) const {
  return guards_.Touches(begin, begin + bytes) || new_guards_.Touches(begin, begin + bytes);
}

}  // namespace fuzz
