#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "fuzz/harness/check.h"
#include "fuzz/harness/system.h"
#include "src/metadata/address_map.h"

namespace fuzz {
namespace {

constexpr size_t kPage = 4096;
constexpr int kMadvGuardInstall = 102;
// A case in so many is looked at.
constexpr unsigned kLookAt = 64;

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

uint64_t Mixed(uint64_t digest, uint64_t word) {
  digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
  return digest ^ (digest >> 32);
}

// With what is there now and was not before.
uint64_t MixedChanges(uint64_t digest, uintptr_t page, const uint8_t* was) {
  for (size_t at = 0; at < kPage; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    uint64_t before = 0;
    std::memcpy(&word, reinterpret_cast<const void*>(page + at), sizeof word);
    if (was != nullptr) std::memcpy(&before, was + at, sizeof before);
    if (word != before) digest = Mixed(Mixed(digest, page + at), word);
  }
  return digest;
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
    parts_.push_back({range, offset, true, {}});
    inaccessible.Remove(range.begin, range.end);
    offset += range.bytes();
  }
  for (const Range& range : inaccessible.all()) parts_.push_back({range, 0, false, {}});
  for (const Range& range : fresh_.all()) frozen_.Add(range.begin, range.end);
  FUZZ_CHECK(ftruncate(file_, static_cast<off_t>(offset)) == 0, "ftruncate");
  for (Part& part : parts_) {
    if (part.accessible) CopyContents(part);
    MapFile(part.range);
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.range.begin < b.range.begin; });
  layout_ = {bartizan::g_address_map.layout().begin, bartizan::g_address_map.layout().end};
  for (const Part& part : parts_) {
    if (!part.accessible) continue;
    restored_.push_back(part.range);
    DropAllBut(part.range);
  }
  fresh_.Clear();
  is_frozen_ = true;
}

void Mappings::CopyContents(Part& part) {
  part.copies.resize(part.range.bytes() / kPage);
  for (size_t at = 0; at < part.range.bytes(); at += kPage) {
    unsigned char resident = 0;
    const auto* const page = reinterpret_cast<const uint8_t*>(part.range.begin + at);
    if (mincore(const_cast<uint8_t*>(page), kPage, &resident) == 0 && (resident & 1) == 0) continue;
    const ssize_t written = pwrite(file_, page, kPage, static_cast<off_t>(part.offset + at));
    FUZZ_CHECK(written == static_cast<ssize_t>(kPage) || written < 0, "memory file is full");
    // Of a guard, nothing is copied.
    if (written < 0 || std::all_of(page, page + kPage, [](uint8_t byte) { return byte == 0; })) {
      continue;
    }
    contents_.insert(contents_.end(), page, page + kPage);
    part.copies[at / kPage] = contents_.size() / kPage;
  }
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

const Mappings::Part* Mappings::PartOf(uintptr_t begin, uintptr_t end) const {
  const auto after = std::upper_bound(
      parts_.begin(), parts_.end(), begin,
      [](uintptr_t address, const Part& part) { return address < part.range.end; });
  return after != parts_.end() && after->range.Holds(begin, end) ? &*after : nullptr;
}

// nullptr: zeros.
const uint8_t* Mappings::ContentsOf(const Part& part, uintptr_t page) const {
  const size_t copy = part.copies[(page - part.range.begin) / kPage];
  return copy == 0 ? nullptr : contents_.data() + (copy - 1) * kPage;
}

bool Mappings::Empty(uintptr_t begin, size_t bytes) {
  Trace(5, begin, bytes);
  const uintptr_t end = begin + bytes;
  const Part* const part = PartOf(begin, end);
  const bool as_frozen =
      part != nullptr && part->accessible && !changed_.Touches(begin, end) && is_frozen_;
  if (as_frozen || pieces_.Hold({begin, end})) {
    EmptyPages(begin, end, part);
    return true;
  }
  if (!Change(begin, bytes)) return false;
  frozen_.ForEachIn(begin, end, [](Range changed) {
    void* const place =
        mmap(reinterpret_cast<void*>(changed.begin), changed.bytes(), PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FUZZ_CHECK(place != MAP_FAILED, "emptying pages");
  });
  ForEachGuard(begin, end, PutGuard);
  return true;
}

// Drops the pages, but overwrites those that are kept, or that hold something in the file.
void Mappings::EmptyPages(uintptr_t begin, uintptr_t end, const Part* part) const {
  uintptr_t dropped = begin;
  const auto drop_until = [&dropped](uintptr_t page) {
    if (page == dropped) return;
    const int result = madvise(reinterpret_cast<void*>(dropped), page - dropped, MADV_DONTNEED);
    FUZZ_CHECK(result == 0, "dropping pages");
  };
  const std::span<const KeptPage> all_kept = kept_.In({begin, end});
  auto kept = all_kept.begin();
  const auto kept_end = all_kept.end();
  for (uintptr_t page = begin; page != end; page += kPage) {
    const bool holds = part != nullptr && ContentsOf(*part, page) != nullptr;
    while (kept != kept_end && kept->page < page) ++kept;
    const bool is_kept = kept != kept_end && kept->page == page;
    if ((!holds && !is_kept) || IsGuard(page, kPage)) continue;
    drop_until(page);
    PutBack(page, nullptr);
    dropped = page + kPage;
  }
  drop_until(end);
}

void Mappings::Trace(uint64_t what, uintptr_t begin, size_t bytes) {
  for (const uint64_t word : {what, uint64_t{begin}, uint64_t{bytes}}) trace_ = Mixed(trace_, word);
}

uint64_t Mappings::Digest() {
  uint64_t digest = trace_;
  std::vector<Range> written;
  Ranges all = fresh_;
  for (const Range& range : restored_) all.Add(range.begin, range.end);
  for (const Range& range : all.all()) {
    if (!FindWrittenPages(range, &written)) return digest;  // of the calls alone, then
  }
  for (const Range& pages : written) {
    for (uintptr_t page = pages.begin; page != pages.end; page += kPage) {
      const Part* const part = PartOf(page, page + kPage);
      const uint8_t* const was = part == nullptr ? nullptr : ContentsOf(*part, page);
      digest = MixedChanges(digest, page, was);
    }
  }
  return digest;
}

void Mappings::Restore() {
  trace_ = 0;
  pieces_.RemoveGuards(new_guards_);
  new_guards_.Clear();
  removed_guards_.Clear();
  for (const Range& range : changed_.all()) MapFile(range);
  changed_.Clear();
  UnmapFresh();
  PutPagesBack();
  pieces_.PutAway();
}

void Mappings::PutPagesBack() {
  const bool looks = ++cases_ % kLookAt == 0 && Look();
  const auto put_back = [this, looks](Range range) {
    for (const KeptPage& kept : kept_.In(range)) {
      const bool changed = PutBack(kept.page, kept.was);
      if (looks) kept_.Note(kept, changed);
    }
  };
  const size_t dropped = dropped_.size();
  for (const Range& range : restored_) put_back(range);
  pieces_.ForEach([this, &put_back](Range range) {
    put_back(range);
    DropAllBut(range);
  });
  DropAll(dropped_);
  dropped_.resize(dropped);
  if (!looks) return;
  kept_.NoteOthers([this](uintptr_t page) {
    return PartOf(page, page + kPage) != nullptr || pieces_.Hold({page, page + kPage});
  });
  if (!kept_.Choose()) return;
  dropped_.clear();
  for (const Range& range : restored_) DropAllBut(range);
}

// Notes which pages the case has written to. Those that are kept look as if all of them were.
bool Mappings::Look() {
  written_.clear();
  for (const Range& range : restored_) {
    if (!FindWrittenPages(range, &written_)) return false;
  }
  pieces_.ForEach([this](Range range) { FindWrittenPages(range, &written_); });
  for (const Range& pages : written_) {
    for (uintptr_t page = pages.begin; page != pages.end; page += kPage) {
      if (!kept_.In({page, page + kPage}).empty()) continue;
      const Part* const part = PartOf(page, page + kPage);
      kept_.Note({page, part == nullptr ? nullptr : ContentsOf(*part, page)}, true);
    }
  }
  return true;
}

// To be dropped at the end of the case.
void Mappings::DropAllBut(Range range) {
  const auto drop = [this](uintptr_t begin, uintptr_t end) {
    if (begin != end) dropped_.push_back({reinterpret_cast<void*>(begin), end - begin});
  };
  for (const KeptPage& kept : kept_.In(range)) {
    drop(range.begin, kept.page);
    range.begin = kept.page + kPage;
  }
  drop(range.begin, range.end);
}

void Mappings::UnmapFresh() {
  pieces_.ForEach([this](Range range) { fresh_.Remove(range.begin, range.end); });
  for (const Range& range : fresh_.all()) {
    munmap(reinterpret_cast<void*>(range.begin), range.bytes());
  }
  fresh_.Clear();
}

// What was mapped since may lie right behind what was there.
bool Mappings::Covers(uintptr_t begin, size_t bytes) const {
  const uintptr_t end = begin + bytes;
  for (bool grows = true; begin < end && grows;) {
    grows = false;
    for (const Ranges* ranges : {&frozen_, &fresh_}) {
      ranges->ForEachIn(begin, end, [&begin, &grows](Range part) {
        if (part.begin != begin) return;
        begin = part.end;
        grows = true;
      });
    }
  }
  return begin >= end;
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

bool Mappings::Change(uintptr_t begin, size_t bytes) {
  bool any = false;
  frozen_.ForEachIn(begin, begin + bytes, [this, &any](Range part) {
    changed_.Add(part.begin, part.end);
    any = true;
  });
  return any;
}

void Mappings::OnChanged(uintptr_t begin, size_t bytes) {
  Trace(1, begin, bytes);
  pieces_.Break({begin, begin + bytes});
  Change(begin, bytes);
}

void Mappings::OnMapped(uintptr_t begin, size_t bytes) {
  Trace(2, begin, bytes);
  fresh_.Add(begin, begin + bytes);
  frozen_.ForEachIn(begin, begin + bytes,
                    [this](Range part) { fresh_.Remove(part.begin, part.end); });
  Change(begin, bytes);
}

void Mappings::OnClaimed(uintptr_t begin, size_t bytes) {
  OnMapped(begin, bytes);
  const uintptr_t end = begin + bytes;
  if (!is_frozen_ || !layout_.Holds(begin, end) || frozen_.Touches(begin, end)) return;
  pieces_.Add({begin, end});
}

void Mappings::OnUnmapped(uintptr_t begin, size_t bytes) {
  Trace(3, begin, bytes);
  fresh_.Remove(begin, begin + bytes);
  OnChanged(begin, bytes);
  (is_frozen_ ? new_guards_ : guards_).Remove(begin, begin + bytes);
}

void Mappings::OnGuard(uintptr_t begin, size_t bytes) {
  Trace(4, begin, bytes);
  Change(begin, bytes);
  (is_frozen_ ? new_guards_ : guards_).Add(begin, begin + bytes);
}

void Mappings::OnGuardRemoved(uintptr_t begin, size_t bytes) {
  Trace(6, begin, bytes);
  Change(begin, bytes);
  if (!is_frozen_) return guards_.Remove(begin, begin + bytes);
  new_guards_.Remove(begin, begin + bytes);
  removed_guards_.Add(begin, begin + bytes);
}

template <class Function>
void Mappings::ForEachGuard(uintptr_t begin, uintptr_t end, Function function) const {
  guards_.ForEachIn(begin, end, [this, function](Range old) {
    Ranges left;
    left.Add(old.begin, old.end);
    removed_guards_.ForEachIn(old.begin, old.end,
                              [&left](Range gone) { left.Remove(gone.begin, gone.end); });
    for (const Range& range : left.all()) function(range);
  });
  new_guards_.ForEachIn(begin, end, function);
}

bool Mappings::IsGuard(uintptr_t begin, size_t bytes) const {
  bool any = false;
  ForEachGuard(begin, begin + bytes, [&any](Range) { any = true; });
  return any;
}

}  // namespace fuzz
