#include "src/leaks/process_reader.h"

#include <algorithm>
#include <cstring>

#include "src/base/bits.h"
#include "src/base/text.h"
#include "src/platform/file.h"
#include "src/platform/memory.h"
#include "src/platform/stopped_process.h"
#include "src/platform/syscall.h"

namespace bartizan::leaks {
namespace {

using platform::AddressRange;
using platform::kPageBytes;

// Bits of an entry of /proc/PID/pagemap.
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kSwapped = uint64_t{1} << 62;
constexpr uint64_t kOfFile = uint64_t{1} << 61;

}  // namespace

ProcessReader::ProcessReader(int thread) : thread_(thread) {
  Text<64> path;
  path << "/proc/" << thread << "/pagemap";
  page_map_ = platform::OpenForRead(path.c_str());
  buffer_ =
      platform::ClaimAnywhere(kBufferBytes + kPieces * kPieceBytes, platform::Access::kReadWrite);
  pieces_ = buffer_ + kBufferBytes;
}

ProcessReader::~ProcessReader() {
  if (page_map_ >= 0) platform::Close(page_map_);
  if (buffer_ != 0) platform::Release(buffer_, kBufferBytes + kPieces * kPieceBytes);
}

MemoryReader ProcessReader::reader() {
  return {[](void* self, uintptr_t from, void* to, size_t bytes) {
            return static_cast<ProcessReader*>(self)->Read(from, to, bytes);
          },
          this};
}

bool ProcessReader::Read(uintptr_t from, void* to, size_t bytes) {
  if (from == 0 || from + bytes < from) return false;
  const uintptr_t begin = AlignDown(from, kPieceBytes);
  const size_t slot = begin / kPieceBytes % kPieces;
  if (from + bytes > begin + kPieceBytes) {
    return platform::ReadProcessMemory(thread_, from, to, bytes);
  }
  auto* const piece = reinterpret_cast<std::byte*>(pieces_ + slot * kPieceBytes);
  if (piece_at_[slot] != begin) {
    piece_at_[slot] = 0;
    if (!platform::ReadProcessMemory(thread_, begin, piece, kPieceBytes)) {
      return platform::ReadProcessMemory(thread_, from, to, bytes);
    }
    piece_at_[slot] = begin;
  }
  std::memcpy(to, piece + (from - begin), bytes);
  return true;
}

void ProcessReader::ReadRun(AddressRange run, Words words, void* context) {
  auto* const buffer = reinterpret_cast<uintptr_t*>(buffer_);
  while (run.begin < run.end) {
    const size_t bytes = std::min<size_t>(run.end - run.begin, kBufferBytes);
    const bool small = bytes <= kPageBytes;
    if (small ? Read(run.begin, buffer, bytes)
              : platform::ReadProcessMemory(thread_, run.begin, buffer, bytes)) {
      words(context, buffer, bytes / sizeof(uintptr_t));
      run.begin += bytes;
    } else if (small) {
      run.begin += bytes;  // a guard, or a device
    } else {
      // Some page of it cannot be read: one by one.
      for (const uintptr_t end = run.begin + bytes; run.begin < end;) {
        const uintptr_t next = std::min(end, AlignDown(run.begin, kPageBytes) + kPageBytes);
        if (platform::ReadProcessMemory(thread_, run.begin, buffer, next - run.begin)) {
          words(context, buffer, (next - run.begin) / sizeof(uintptr_t));
        }
        run.begin = next;
      }
    }
  }
}

void ProcessReader::ReadWords(AddressRange range, Pages which, Words words, void* context) {
  range.begin = AlignUp(range.begin, sizeof(uintptr_t));
  range.end = AlignDown(range.end, sizeof(uintptr_t));
  if (range.begin >= range.end) return;
  const bool worth_asking = which == Pages::kChanged || range.end - range.begin > 4 * kPageBytes;
  if (page_map_ < 0 || !worth_asking) return ReadRun(range, words, context);
  constexpr size_t kAtATime = 512;
  uint64_t entries[kAtATime];
  AddressRange run = {range.begin, range.begin};  // what is to be read, so far
  for (uintptr_t page = AlignDown(range.begin, kPageBytes); page < range.end;) {
    const size_t count = std::min<size_t>(kAtATime, (range.end - page - 1) / kPageBytes + 1);
    const long got = platform::Syscall(SYS_pread64, page_map_, entries, count * sizeof *entries,
                                       static_cast<long>(page / kPageBytes * sizeof *entries));
    if (got != static_cast<long>(count * sizeof *entries)) {
      return ReadRun({run.begin, range.end}, words, context);
    }
    platform::NoteStored(entries, count * sizeof *entries);
    for (size_t i = 0; i < count; ++i, page += kPageBytes) {
      const bool there = (entries[i] & (kPresent | kSwapped)) != 0;
      const bool wanted = there && (which == Pages::kTouched || (entries[i] & kOfFile) == 0);
      if (!wanted) ReadRun({run.begin, run.end}, words, context);
      const uintptr_t end = std::min(page + kPageBytes, range.end);
      run = wanted ? AddressRange{run.begin, end} : AddressRange{end, end};
    }
  }
  ReadRun(run, words, context);
}

}  // namespace bartizan::leaks
