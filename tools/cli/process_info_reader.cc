#include "tools/cli/process_info_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/cli/elf_file.h"
#include "tools/cli/preload_list.h"
#include "tools/cli/process_memory.h"

namespace bartizan::cli {
namespace {

bool HasMagic(const char* bytes) {
  return std::memcmp(bytes, kProcessInfoMagic, sizeof kProcessInfoMagic) == 0;
}

// Texts of the page end with a zero, whatever another process put there.
void TerminateTexts(ProcessInfo& info) {
  for (auto [text, bytes] :
       {std::pair{info.library_version, sizeof info.library_version},
        std::pair{info.variant, sizeof info.variant}, std::pair{info.profile, sizeof info.profile},
        std::pair{info.report_file, sizeof info.report_file},
        std::pair{info.layer_names, sizeof info.layer_names}}) {
    text[bytes - 1] = '\0';
  }
}

class PageSearch {
 public:
  explicit PageSearch(pid_t process) : process_(process) {}

  ProcessInfoFinding Run() {
    const int error = ReadMappings(process_, &mappings_);
    if (error == ENOENT || error == ESRCH) return Result(Finding::kNoSuchProcess, 0);
    if (error != 0) return Result(Finding::kMayNotRead, error);
    if (mappings_.empty()) return Result(Finding::kNoUserMemory, 0);
    for (const std::string& library : OurLibraries()) {
      result_.module = library;
      if (SearchLibrary(library)) return result_;
    }
    if (SearchExecutable()) return result_;
    // A library that is mapped and could not be read is more than nothing.
    if (result_.finding != Finding::kMayNotRead) result_.module.clear();
    return result_;
  }

 private:
  ProcessInfoFinding Result(Finding finding, int error) {
    result_.finding = finding;
    result_.error = error;
    return result_;
  }

  std::set<std::string> OurLibraries() const {
    std::set<std::string> libraries;
    for (const Mapping& mapping : mappings_) {
      if (IsOurLibrary(mapping.path)) libraries.insert(mapping.path);
    }
    return libraries;
  }

  // Looks at the start of each page of the library's data. The library may hold a copy of how the
  // page begins, too: one that is in force is preferred.
  bool SearchLibrary(const std::string& path) {
    bool found = false;
    for (const Mapping& mapping : mappings_) {
      if (mapping.path != path || !mapping.is_readable || mapping.is_executable) continue;
      for (uint64_t page = mapping.begin; page < mapping.end; page += kSealedPageBytes) {
        char start[sizeof kProcessInfoMagic];
        const int error = ReadMemory(process_, page, start, sizeof start);
        if (error == EPERM || error == EACCES) {
          Result(Finding::kMayNotRead, error);
          return false;
        }
        if (error != 0 || !HasMagic(start) || !ReadPage(page)) continue;
        if (result_.finding != Finding::kPageFound) return true;
        if (result_.info.state != StartState::kNotStarted) return true;
        found = true;
      }
    }
    return found;
  }

  // The file is enough to know whether the executable has the page: reading it needs no right to
  // look into the process, and the executable can be large.
  bool SearchExecutable() {
    const std::string link = absl::StrCat("/proc/", process_, "/exe");
    const std::string path = ExecutablePath(process_);
    const ElfFile elf = ReadElfFile(link);
    std::ifstream file(link, std::ios::binary);
    for (const ElfFile::Segment& segment : elf.segments) {
      if (!segment.is_writable) continue;
      const uint64_t end = segment.address + segment.file_bytes;
      uint64_t page =
          (segment.address + kSealedPageBytes - 1) / kSealedPageBytes * kSealedPageBytes;
      for (; page + sizeof(ProcessInfo) <= end; page += kSealedPageBytes) {
        char start[sizeof kProcessInfoMagic];
        file.clear();
        file.seekg(static_cast<std::streamoff>(segment.file_offset + (page - segment.address)));
        if (!file.read(start, sizeof start) || !HasMagic(start)) continue;
        result_.module = path;
        return ReadPage(page + LoadBias(path, elf));
      }
    }
    return false;
  }

  // What the system added to the addresses in the executable's file.
  uint64_t LoadBias(const std::string& path, const ElfFile& elf) const {
    uint64_t lowest = UINT64_MAX;
    for (const Mapping& mapping : mappings_) {
      if (mapping.path == path) lowest = std::min(lowest, mapping.begin);
    }
    const uint64_t first = elf.segments.front().address;
    return lowest - first / kSealedPageBytes * kSealedPageBytes;
  }

  // True when that settles the search.
  bool ReadPage(uint64_t address) {
    ProcessInfo info{};
    const int error = ReadMemory(process_, address, &info, sizeof info);
    if (error == ESRCH) {
      Result(Finding::kNoSuchProcess, 0);
    } else if (error != 0 || !HasMagic(info.magic)) {
      Result(Finding::kMayNotRead, error != 0 ? error : EFAULT);
    } else if (info.layout_version == 0 || info.bytes < kFirstProcessInfoBytes) {
      Result(Finding::kUnknownLayout, 0);
    } else {
      // What an older one did not have is zero.
      if (info.bytes < sizeof info) {
        std::memset(reinterpret_cast<char*>(&info) + info.bytes, 0, sizeof info - info.bytes);
      }
      TerminateTexts(info);
      result_.info = info;
      Result(Finding::kPageFound, 0);
    }
    return true;
  }

  const pid_t process_;
  std::vector<Mapping> mappings_;
  ProcessInfoFinding result_;
};

}  // namespace

ProcessInfoFinding FindProcessInfo(pid_t process) { return PageSearch(process).Run(); }

}  // namespace bartizan::cli
