// The mappings of a process, one after the other, from /proc/PID/maps.
#ifndef BARTIZAN_SRC_PLATFORM_MAPPING_LIST_H_
#define BARTIZAN_SRC_PLATFORM_MAPPING_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan::platform {

struct Mapping {
  uintptr_t begin;
  uintptr_t end;
  bool readable;
  bool writable;
  bool executable;
  bool shared;
  uint64_t offset;        // in the file
  uint64_t file;          // tells files apart; 0 for what is no file
  std::string_view name;  // path, "[stack]", or nothing; good until the next one is read
};

// What an executable mapping belongs to: where its file's first byte is mapped. To be told of every
// mapping in turn.
class ImageStart {
 public:
  // 0: it is no file, or its beginning is not mapped before it.
  uintptr_t Of(const Mapping& mapping) {
    const bool kernels_own = mapping.name == "[vdso]";
    if (kernels_own) return mapping.begin;
    if (mapping.file == 0) return 0;
    // A small file's first page holds code, too, and is mapped again for that, right behind.
    const bool again = mapping.file == file_ && mapping.begin == first_page_end_;
    if (mapping.offset == 0) {
      if (!again) begin_ = mapping.begin;
      file_ = mapping.file;
      first_page_end_ = mapping.end;
    }
    return mapping.file == file_ ? begin_ : 0;
  }

 private:
  uint64_t file_ = 0;
  uintptr_t begin_ = 0;
  uintptr_t first_page_end_ = 0;  // of the last mapping of the file's beginning
};

// Reads by system calls into the caller's buffer, of which a line must have room; longer ones lose
// the end of their name.
class MappingList {
 public:
  MappingList(char* buffer, size_t capacity, const char* path = "/proc/self/maps");
  ~MappingList();
  MappingList(const MappingList&) = delete;
  MappingList& operator=(const MappingList&) = delete;

  // False where /proc is not mounted or not allowed.
  bool is_open() const { return file_ >= 0; }
  // False at the end.
  bool Next(Mapping* mapping);

 private:
  bool NextLine(std::string_view* line);

  int file_;
  char* const buffer_;
  const size_t capacity_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool skips_ = false;  // the rest of a line that was too long
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_MAPPING_LIST_H_
