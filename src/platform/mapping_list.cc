#include "src/platform/mapping_list.h"

#include <cstring>

#include "src/platform/file.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

// The number at the front of the text and the character behind it are taken off.
uint64_t TakeHex(std::string_view* text) {
  uint64_t number = 0;
  size_t i = 0;
  for (; i < text->size(); ++i) {
    const char c = (*text)[i];
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) break;
    number = number << 4 | static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  text->remove_prefix(i < text->size() ? i + 1 : i);
  return number;
}

// 55d0c0000000-55d0c0001000 r-xp 00001000 fe:01 1234                       /usr/bin/true
bool Parse(std::string_view line, Mapping* mapping) {
  mapping->begin = TakeHex(&line);
  mapping->end = TakeHex(&line);
  if (line.size() < 5) return false;
  mapping->readable = line[0] == 'r';
  mapping->writable = line[1] == 'w';
  mapping->executable = line[2] == 'x';
  mapping->shared = line[3] == 's';
  line.remove_prefix(5);
  mapping->offset = TakeHex(&line);
  const uint64_t major = TakeHex(&line);
  const uint64_t minor = TakeHex(&line);
  uint64_t inode = 0;
  while (!line.empty() && line[0] >= '0' && line[0] <= '9') {
    inode = inode * 10 + static_cast<uint64_t>(line[0] - '0');
    line.remove_prefix(1);
  }
  // Numbers of files are unique for a device only.
  mapping->file = inode == 0 ? 0 : inode ^ major << 52 ^ minor << 44;
  while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
  mapping->name = line;
  return mapping->begin < mapping->end;
}

}  // namespace

MappingList::MappingList(char* buffer, size_t capacity, const char* path)
    : buffer_(buffer), capacity_(capacity) {
  constexpr int kReadOnly = 0;
  constexpr int kCloseOnExec = 02000000;
  constexpr int kFromHere = -100;
  file_ = static_cast<int>(Syscall(SYS_openat, kFromHere, path, kReadOnly | kCloseOnExec, 0));
}

MappingList::~MappingList() {
  if (file_ >= 0) Close(file_);
}

bool MappingList::NextLine(std::string_view* line) {
  for (;;) {
    const void* found = std::memchr(buffer_ + begin_, '\n', end_ - begin_);
    if (found != nullptr || (begin_ == 0 && end_ == capacity_)) {
      const size_t stop =
          found == nullptr ? end_ : static_cast<size_t>(static_cast<const char*>(found) - buffer_);
      *line = {buffer_ + begin_, stop - begin_};
      const bool rest = skips_;
      skips_ = found == nullptr;
      begin_ = found == nullptr ? end_ : stop + 1;
      if (rest) continue;
      return true;
    }
    std::memmove(buffer_, buffer_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    const long got = Syscall(SYS_read, file_, buffer_ + end_, capacity_ - end_);
    if (got == -EINTR) continue;
    if (got <= 0) return false;
    NoteStored(buffer_ + end_, static_cast<size_t>(got));
    end_ += static_cast<size_t>(got);
  }
}

bool MappingList::Next(Mapping* mapping) {
  std::string_view line;
  while (file_ >= 0 && NextLine(&line)) {
    if (Parse(line, mapping)) return true;
  }
  return false;
}

}  // namespace bartizan::platform
