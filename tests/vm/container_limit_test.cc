// A process in a control group of version 2 with a memory limit, under a real kernel: the allocator
// sees the limit and gives back what it keeps when little is left of it. Needs the rights to mount
// and a kernel whose memory controller is of version 2; otherwise says why it did not try, and
// fails only with --require.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "bartizan/bartizan.h"

// Without the library there is none.
#pragma weak bartizan_get_statistics

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLimit = 256 * kMiB;
constexpr uint64_t kFarFromIt = 180 * kMiB;
constexpr uint64_t kNearIt = 244 * kMiB;  // with less than a sixteenth of it left
constexpr size_t kStepBytes = 64 << 10;
constexpr int kMostRounds = 1'000'000;

[[noreturn]] void Fail(const char* what) {
  printf("FAIL: %s (errno %d)\n", what, errno);
  exit(1);
}
[[noreturn]] void Skip(const char* why, bool required) {
  printf("%s: %s (errno %d)\n", required ? "FAIL" : "skipped", why, errno);
  exit(required ? 1 : 0);
}

bool Write(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return done;
}
std::string Read(const std::string& path) {
  char text[4096];
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  const ssize_t length = read(file, text, sizeof text);
  close(file);
  return {text, length < 0 ? 0 : static_cast<size_t>(length)};
}

// --- In the group -------------------------------------------------------------------------------

bartizan_statistics Statistics() {
  bartizan_statistics statistics = {};
  statistics.struct_bytes = sizeof statistics;
  if (bartizan_get_statistics(&statistics) != 0) Fail("no statistics");
  return statistics;
}

void GrowTo(uint64_t bytes, const std::string& group, std::vector<char*>& live) {
  const std::string file = group + "/memory.current";
  while (strtoull(Read(file).c_str(), nullptr, 10) < bytes) {
    live.push_back(static_cast<char*>(malloc(kStepBytes)));
    if (live.back() == nullptr) Fail("no memory");
    memset(live.back(), 'x', kStepBytes);
  }
}

// More than a cache holds, so that some paths are slow: these look at the clock.
void SomeWork() {
  void* blocks[5000];
  for (void*& block : blocks) block = malloc(64);
  for (void* block : blocks) free(block);
}

template <class Done>
void WorkUntil(Done done, const char* otherwise) {
  for (int round = 0; !done(Statistics()); ++round) {
    if (round == kMostRounds) Fail(otherwise);
    SomeWork();
  }
}

int Inside(const std::string& group) {
  if (&bartizan_get_statistics == nullptr) Fail("the library is not there");
  if (Statistics().container_limit_bytes != kLimit) Fail("the limit is not seen at the start");
  std::vector<char*> live;
  live.reserve(kLimit / kStepBytes);
  GrowTo(kFarFromIt, group, live);
  WorkUntil([](const auto& seen) { return seen.container_used_bytes >= kFarFromIt * 9 / 10; },
            "what is used is not seen");
  if (Statistics().container_shrinks != 0) Fail("memory was given back though much is left");
  GrowTo(kNearIt, group, live);
  WorkUntil([](const auto& seen) { return seen.container_shrinks != 0; },
            "nothing is given back though little is left");
  for (const char* block : live) {
    for (size_t i = 0; i < kStepBytes; ++i) {
      if (block[i] != 'x') Fail("contents are lost");
    }
  }
  printf("used %lu of %lu bytes, shrunk %lu times\n", Statistics().container_used_bytes, kLimit,
         Statistics().container_shrinks);
  return 0;
}

// --- Outside of it ------------------------------------------------------------------------------

// A group with the limit, in a tree that only this process sees mounted.
std::string MakeGroup(std::string* mount_point, bool required) {
  if (unshare(CLONE_NEWNS) != 0) Skip("no mounts of its own", required);
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL) {
    Skip("no private mounts", required);
  }
  char folder[] = "/tmp/control-group.XXXXXX";
  if (mkdtemp(folder) == nullptr) Fail("no folder");
  if (mount("none", folder, "cgroup2", 0, nullptr) != 0) {
    rmdir(folder);
    Skip("no control groups of version 2", required);
  }
  *mount_point = folder;
  const bool has_memory =
      (" " + Read(*mount_point + "/cgroup.controllers")).find(" memory") != std::string::npos;
  std::string group = *mount_point + "/bartizan-" + std::to_string(getpid());
  const bool made = has_memory && Write(*mount_point + "/cgroup.subtree_control", "+memory") &&
                    mkdir(group.c_str(), 0755) == 0;
  if (made && Write(group + "/memory.max", std::to_string(kLimit))) return group;
  if (made) rmdir(group.c_str());
  umount(folder);
  rmdir(folder);
  Skip(has_memory ? "no limit can be set" : "the memory controller is not of version 2", required);
}

int Outside(char* program, bool required) {
  std::string mount_point;
  const std::string group = MakeGroup(&mount_point, required);
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child == 0) {
    if (!Write(group + "/cgroup.procs", "0")) Fail("the group takes no process");
    execl("/proc/self/exe", program, "--inside", group.c_str(), nullptr);
    Fail("exec");
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) Fail("waitpid");
  rmdir(group.c_str());
  umount(mount_point.c_str());
  rmdir(mount_point.c_str());
  if (WIFSIGNALED(status)) printf("FAIL: signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--inside") == 0) return Inside(argv[2]);
  return Outside(argv[0], argc == 2 && strcmp(argv[1], "--require") == 0);
}
