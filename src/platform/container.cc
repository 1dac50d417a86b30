#include "src/platform/container.h"

#include <cstddef>
#include <cstring>
#include <string_view>

#include "src/platform/file.h"

namespace bartizan::platform {
namespace {

// Longer paths are as if they were missing: this runs on any thread's stack.
constexpr size_t kPathBytes = 1024;
constexpr size_t kLineBytes = 1024;
// In a number such as memory.max there are no more digits.
constexpr size_t kNumberBytes = 32;

// A path that is put together. What does not fit makes it invalid.
class Path {
 public:
  void Append(std::string_view text) {
    if (text.size() >= kPathBytes - length_) {
      fits_ = false;
      return;
    }
    std::memcpy(text_ + length_, text.data(), text.size());
    Shorten(length_ + text.size());
  }
  void Shorten(size_t length) {
    length_ = length;
    text_[length] = '\0';
  }
  bool fits() const { return fits_; }
  size_t length() const { return length_; }
  std::string_view view() const { return {text_, length_}; }
  const char* c_str() const { return text_; }

 private:
  char text_[kPathBytes] = {};
  size_t length_ = 0;
  bool fits_ = true;
};

bool StartsWith(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

// What comes before the next space; the rest is left in `*text`.
std::string_view NextWord(std::string_view* text) {
  const size_t end = text->find(' ');
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return word;
}

// Of mountinfo: spaces and their like stand there as \\040.
void AppendUnescaped(std::string_view text, Path* path) {
  constexpr size_t kDigits = 3;
  while (!text.empty()) {
    if (text[0] == '\\' && text.size() > kDigits) {
      const char c =
          static_cast<char>((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
      path->Append({&c, 1});
      text.remove_prefix(1 + kDigits);
    } else {
      path->Append(text.substr(0, 1));
      text.remove_prefix(1);
    }
  }
}

// The group's path as the process sees it: "0::/a/b". False: there is no version 2, or the group is
// outside of what the process may see.
bool ReadMembership(const char* file, Path* group) {
  bool found = false;
  ForEachLine<kLineBytes>(file, [&](std::string_view line) {
    if (!StartsWith(line, "0::/")) return true;
    std::string_view path = line;
    path.remove_prefix(3);
    if (path.find("/..") == std::string_view::npos) {
      if (path != "/") group->Append(path);
      found = group->fits();
    }
    return false;
  });
  return found;
}

// "36 35 0:30 ROOT POINT OPTIONS ... - cgroup2 ...": the part of the tree from ROOT on is at POINT.
// The group's folder, where that holds it; `*mount` is the length of POINT in it.
bool FindFolder(const char* file, std::string_view group, Path* folder, size_t* mount) {
  bool found = false;
  ForEachLine<kLineBytes>(file, [&](std::string_view line) {
    if (line.find(" - cgroup2 ") == std::string_view::npos) return true;
    for (int i = 0; i < 3; ++i) NextWord(&line);
    std::string_view root = NextWord(&line);
    if (root == "/") root = {};
    if (!StartsWith(group, root)) return true;
    std::string_view below = group;
    below.remove_prefix(root.size());
    if (!below.empty() && below[0] != '/') return true;
    AppendUnescaped(NextWord(&line), folder);
    *mount = folder->length();
    folder->Append(below);
    found = folder->fits();
    return false;
  });
  return found;
}

// The number in a file of the folder. False: "max", missing, or nothing that is a number.
bool ReadNumber(Path* folder, std::string_view name, uint64_t* number) {
  const size_t length = folder->length();
  folder->Append(name);
  char text[kNumberBytes];
  const long bytes = folder->fits() ? ReadSmallFile(folder->c_str(), text, sizeof text).length : -1;
  folder->Shorten(length);
  return bytes > 0 && ParseDecimal({text, static_cast<size_t>(bytes)}, number);
}

// Pages of files that the kernel would give to others first.
uint64_t ReadInactiveFileBytes(Path* folder) {
  constexpr std::string_view kName = "inactive_file ";
  const size_t length = folder->length();
  uint64_t bytes = 0;
  folder->Append("/memory.stat");
  if (folder->fits()) {
    ForEachLine<kLineBytes>(folder->c_str(), [&](std::string_view line) {
      if (!StartsWith(line, kName)) return true;
      line.remove_prefix(kName.size());
      ParseDecimal(line, &bytes);
      return false;
    });
  }
  folder->Shorten(length);
  return bytes;
}

// Of one group. False: it has no limit.
bool ReadGroup(Path* folder, ContainerMemory* memory) {
  uint64_t most = 0;
  uint64_t high = 0;
  const bool has_most = ReadNumber(folder, "/memory.max", &most);
  const bool has_high = ReadNumber(folder, "/memory.high", &high);
  if (!has_most && !has_high) return false;
  memory->limit = !has_high || (has_most && most < high) ? most : high;
  memory->used = 0;
  ReadNumber(folder, "/memory.current", &memory->used);
  // Mostly this decides nothing.
  if (memory->used <= memory->limit / 4 * 3) return true;
  const uint64_t inactive = ReadInactiveFileBytes(folder);
  memory->used -= inactive < memory->used ? inactive : memory->used;
  return true;
}

bool IsUsedMore(const ContainerMemory& a, const ContainerMemory& b) {
  // As a share, without overflow: limits are below 2^64 bytes.
  return static_cast<double>(a.used) * static_cast<double>(b.limit) >
         static_cast<double>(b.used) * static_cast<double>(a.limit);
}

}  // namespace

ContainerMemory ReadContainerMemory(const ContainerFiles& files) {
  ContainerMemory tightest = {};
  Path group;
  if (!ReadMembership(files.membership, &group)) return tightest;
  Path folder;
  folder.Append(files.usual_mount);
  size_t mount = folder.length();
  folder.Append(group.view());
  folder.Append("/cgroup.controllers");
  const bool usual = folder.fits() && Exists(folder.c_str());
  folder.Shorten(mount);
  if (usual) {
    folder.Append(group.view());
  } else {
    folder = {};
    if (!FindFolder(files.mounts, group.view(), &folder, &mount)) return tightest;
  }
  // From the process's own group up to the mount: each may have a limit for all below it.
  for (;;) {
    ContainerMemory memory = {};
    const bool limited = ReadGroup(&folder, &memory) && memory.limit != 0;
    if (limited && (tightest.limit == 0 || IsUsedMore(memory, tightest))) tightest = memory;
    if (folder.length() <= mount) return tightest;
    folder.Shorten(folder.view().rfind('/'));
  }
}

}  // namespace bartizan::platform
