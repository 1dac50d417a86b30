#include "tools/cli/program_file.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/cli/elf_file.h"

namespace bartizan::cli {
namespace {

// Scripts may be interpreted by scripts; the kernel gives up after this many.
constexpr int kMaxScripts = 5;
// What the kernel reads of a script's first line.
constexpr size_t kScriptLineBytes = 255;

// Empty when it can be executed.
std::string WhyNotExecutable(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "it is a directory";
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  if (access(path.c_str(), X_OK) != 0) return std::strerror(errno);
  return "";
}

// "/bin/sh" for a file that begins with "#!/bin/sh -e"; empty for a file that is no script.
std::string ScriptInterpreter(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(kScriptLineBytes, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  if (!absl::StartsWith(start, "#!")) return "";
  const std::string line = start.substr(2, start.find('\n', 2) - 2);
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  return words.empty() ? "" : words[0];
}

// The loader ignores LD_PRELOAD for a program that gains privileges when it starts.
bool GainsPrivileges(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return false;
  const bool other_user = (status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid();
  const bool other_group =
      (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getegid();
  const bool capabilities =
      geteuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
  return other_user || other_group || capabilities;
}

// The dynamic loader itself, run as a program, asks for no loader but obeys LD_PRELOAD.
bool IsDynamicLoader(absl::string_view path) {
  return absl::StartsWith(path.substr(path.rfind('/') + 1), "ld-");
}

}  // namespace

ProgramFile FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), F_OK) != 0) return {"", absl::StrCat(std::strerror(errno))};
    return {name, WhyNotExecutable(name)};
  }
  const char* const variable = std::getenv("PATH");
  const std::string search = variable != nullptr ? variable : "/bin:/usr/bin";
  ProgramFile found = {"", "it is not in PATH"};
  if (name.empty()) return found;
  for (absl::string_view folder : absl::StrSplit(search, ':')) {
    // An empty entry is the current folder.
    const std::string path = absl::StrCat(folder.empty() ? "." : folder, "/", name);
    if (access(path.c_str(), F_OK) != 0) continue;
    const std::string problem = WhyNotExecutable(path);
    if (problem.empty()) return {path, ""};
    if (found.path.empty()) found = {path, problem};
  }
  return found;
}

std::string WhyPreloadHasNoEffect(const std::string& path) {
  std::string file = path;
  for (int depth = 0; depth < kMaxScripts; ++depth) {
    const std::string interpreter = ScriptInterpreter(file);
    if (interpreter.empty()) break;
    file = interpreter;
  }
  const ElfFile elf = ReadElfFile(file);
  if (!elf.is_elf) return "";
  if (!elf.is_native) return absl::StrCat(file, " is a program for another processor or word size");
  if (elf.interpreter.empty() && !IsDynamicLoader(file)) {
    return absl::StrCat(file, " is statically linked");
  }
  if (GainsPrivileges(file)) {
    return absl::StrCat(file,
                        " gains privileges when it starts (set-user-id, set-group-id or "
                        "capabilities)");
  }
  return "";
}

std::string InterpreterOf(const std::string& path) {
  const std::string script = ScriptInterpreter(path);
  return script.empty() ? ReadElfFile(path).interpreter : script;
}

}  // namespace bartizan::cli
