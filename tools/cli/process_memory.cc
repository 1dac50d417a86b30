#include "tools/cli/process_memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace bartizan::cli {
namespace {

int ReadWholeFile(const std::string& path, std::string* text) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  char buffer[1 << 16];
  ssize_t got = 0;
  while ((got = read(descriptor, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) text->append(buffer, static_cast<size_t>(got));
  }
  const int error = got < 0 ? errno : 0;
  close(descriptor);
  return error;
}

std::string OfProcess(pid_t process, absl::string_view file) {
  return absl::StrCat("/proc/", process, "/", file);
}

}  // namespace

std::vector<Mapping> ParseMappings(absl::string_view text) {
  std::vector<Mapping> mappings;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    // "7f00-7f10 r--p 00001000 fe:00 1234      /path with blanks (deleted)"
    std::vector<absl::string_view> fields;
    while (fields.size() < 5) {
      const size_t blank = line.find(' ');
      fields.push_back(line.substr(0, blank));
      line = blank == absl::string_view::npos ? "" : line.substr(blank + 1);
    }
    const std::pair<absl::string_view, absl::string_view> range =
        absl::StrSplit(fields[0], absl::MaxSplits('-', 1));
    Mapping mapping{};
    if (!absl::SimpleHexAtoi(range.first, &mapping.begin) ||
        !absl::SimpleHexAtoi(range.second, &mapping.end) || fields[1].size() < 4 ||
        !absl::SimpleHexAtoi(fields[2], &mapping.file_offset)) {
      continue;
    }
    mapping.is_readable = fields[1][0] == 'r';
    mapping.is_executable = fields[1][2] == 'x';
    mapping.path =
        std::string(absl::StripSuffix(absl::StripLeadingAsciiWhitespace(line), " (deleted)"));
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

int ReadProcessFile(pid_t process, absl::string_view file, std::string* text) {
  return ReadWholeFile(OfProcess(process, file), text);
}

int ReadMappings(pid_t process, std::vector<Mapping>* mappings) {
  std::string text;
  const int error = ReadWholeFile(OfProcess(process, "maps"), &text);
  if (error == 0) *mappings = ParseMappings(text);
  return error;
}

int ReadMemory(pid_t process, uint64_t address, void* to, size_t bytes) {
  const iovec local = {to, bytes};
  const iovec remote = {reinterpret_cast<void*>(address), bytes};
  const ssize_t got = process_vm_readv(process, &local, 1, &remote, 1, 0);
  if (got < 0) return errno;
  return static_cast<size_t>(got) == bytes ? 0 : EFAULT;
}

std::string ExecutablePath(pid_t process) {
  char path[PATH_MAX];
  const ssize_t length = readlink(OfProcess(process, "exe").c_str(), path, sizeof path);
  if (length <= 0) return "";
  return std::string(
      absl::StripSuffix(absl::string_view(path, static_cast<size_t>(length)), " (deleted)"));
}

std::string ProcessName(pid_t process) {
  std::string name;
  ReadWholeFile(OfProcess(process, "comm"), &name);
  return std::string(absl::StripSuffix(name, "\n"));
}

}  // namespace bartizan::cli
