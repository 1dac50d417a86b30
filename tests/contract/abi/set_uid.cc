// A set-uid program takes no options from the environment of whoever runs it.
//
// Needs root, to make a copy of itself that belongs to an unprivileged user and runs as that user
// (set-uid to nobody, so the copy gives nobody any right), and an allocator that is linked in:
// the dynamic linker ignores preloading by path under AT_SECURE.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/expect.h"

namespace {

constexpr uid_t kOwner = 65534;
constexpr uid_t kCaller = 65533;
constexpr char kOptions[] = "verbose";

constexpr int kNotSecure = 10;
constexpr int kNotBartizan = 11;

char directory[] = "/var/tmp/bartizan_set_uid_XXXXXX";

struct Copy {
  char path[128];

  Copy(const char* name, mode_t mode) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    EXPECT(from >= 0 && to >= 0, "copying to %s: errno %d", path, errno);
    struct stat status;
    EXPECT(fstat(from, &status) == 0, "fstat: errno %d", errno);
    size_t left = static_cast<size_t>(status.st_size);
    while (left > 0) {
      ssize_t copied = sendfile(to, from, nullptr, left);
      EXPECT(copied > 0, "sendfile: errno %d", errno);
      left -= static_cast<size_t>(copied);
    }
    // In this order: a change of owner clears the set-uid bit.
    EXPECT(fchown(to, kOwner, kOwner) == 0, "fchown: errno %d", errno);
    EXPECT(fchmod(to, mode) == 0, "fchmod: errno %d", errno);
    close(from);
    close(to);
  }
  ~Copy() { unlink(path); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
};

struct Run {
  test::Ending ending;
  char output[4096];
};

// Runs a copy as an unprivileged user with options in the environment; collects its stderr.
Run RunAsCaller(const Copy& copy) {
  Run run = {};
  int ends[2];
  EXPECT(pipe(ends) == 0, "pipe: errno %d", errno);
  pid_t child = fork();
  EXPECT(child >= 0, "fork: errno %d", errno);
  if (child == 0) {
    test::DieWithParent();
    char report[160];
    snprintf(report, sizeof report, "%s:report_file=%s/report", kOptions, directory);
    setenv("BARTIZAN_OPTIONS", report, 1);
    unsetenv("LD_PRELOAD");
    EXPECT(setgroups(0, nullptr) == 0, "setgroups: errno %d", errno);
    EXPECT(setresgid(kCaller, kCaller, kCaller) == 0, "setresgid: errno %d", errno);
    EXPECT(setresuid(kCaller, kCaller, kCaller) == 0, "setresuid: errno %d", errno);
    dup2(ends[1], STDERR_FILENO);
    char flag[] = "--child";
    char name[] = "set_uid_copy";
    char* const arguments[] = {name, flag, nullptr};
    execv(copy.path, arguments);
    test::Fail(__FILE__, __LINE__, "execv", "errno %d", errno);
  }
  close(ends[1]);
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size + 1 < sizeof run.output;) {
    got = read(ends[0], run.output + size, sizeof run.output - 1 - size);
    if (got > 0) size += static_cast<size_t>(got);
  }
  close(ends[0]);
  run.ending = test::WaitFor(child);
  return run;
}

int RunChild() {
  void* block = test::Opaque(malloc(100));
  if (block == nullptr) return 1;
  free(block);
  if (!test::UnderBartizan()) return kNotBartizan;
  return getauxval(AT_SECURE) != 0 ? 0 : kNotSecure;
}

bool NoSetUidHere() {
  struct statfs status;
  EXPECT(statfs(directory, &status) == 0, "statfs: errno %d", errno);
  constexpr long kNoSetUid = 2;  // ST_NOSUID
  return (status.f_flags & kNoSetUid) != 0;
}

// The options are in force for a plain copy, and not for a set-uid one.
const char* TryBoth() {
  Copy plain("plain", 0755);
  Copy set_uid("set_uid", 04755);
  Run first = RunAsCaller(plain);
  if (WEXITSTATUS(first.ending.status) == kNotBartizan) {
    return "Bartizan is not linked into this program";
  }
  EXPECT(WIFEXITED(first.ending.status) && WEXITSTATUS(first.ending.status) == kNotSecure,
         "plain copy: %s %d: %s", first.ending.Kind(), first.ending.Number(), first.output);
  EXPECT(strstr(first.output, "bartizan") != nullptr,
         "without set-uid, '%s' prints nothing, so this test could not fail: '%s'", kOptions,
         first.output);
  if (NoSetUidHere()) return "the file system ignores set-uid";
  Run second = RunAsCaller(set_uid);
  EXPECT(second.ending.Clean(), "set-uid copy: %s %d: %s", second.ending.Kind(),
         second.ending.Number(), second.output);
  EXPECT(second.output[0] == '\0', "set-uid copy printed: %s", second.output);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  bool is_child = arguments.Flag("child");
  arguments.RejectUnknown();
  if (is_child) return RunChild();
  if (geteuid() != 0) test::Skip("a set-uid copy needs root");
  if (mkdtemp(directory) == nullptr) test::Skip("cannot write to %s", directory);
  EXPECT(chmod(directory, 0755) == 0, "chmod: errno %d", errno);
  const char* reason = TryBoth();
  rmdir(directory);
  if (reason != nullptr) test::Skip("%s", reason);
  return 0;
}
