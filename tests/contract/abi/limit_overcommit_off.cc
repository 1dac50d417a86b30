// vm.overcommit_memory=2: the kernel promises only what it has, so address space that is reserved
// writable counts. The program runs, gets memory up to the limit, then ENOMEM; live data is intact.
//
// It changes a setting of the whole machine for some seconds, so it does nothing without
// `--change-system` and root. A process of its own restores the setting, also when this one is
// killed.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <initializer_list>
#include <thread>

#include "tests/support/arguments.h"
#include "tests/support/child.h"
#include "tests/support/exhaust.h"
#include "tests/support/process_memory.h"
#include "tests/support/working_set.h"

namespace {

constexpr char kMode[] = "/proc/sys/vm/overcommit_memory";
constexpr char kRatio[] = "/proc/sys/vm/overcommit_ratio";
constexpr char kLimit[] = "/proc/sys/vm/overcommit_kbytes";

bool WriteNumber(const char* path, uint64_t number) {
  char text[32];
  int size = snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(number));
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool written = write(file, text, static_cast<size_t>(size)) == size;
  close(file);
  return written;
}

struct Settings {
  uint64_t mode = test::NumberIn(kMode, 0);
  uint64_t ratio = test::NumberIn(kRatio, 50);
  uint64_t limit = test::NumberIn(kLimit, 0);

  // Writing one of ratio and limit sets the other to 0.
  void Restore() const {
    WriteNumber(kMode, mode);
    if (limit != 0) {
      WriteNumber(kLimit, limit);
    } else {
      WriteNumber(kRatio, ratio);
    }
  }
};

// A process that outlives this one, whatever ends it, and restores when the pipe closes.
class Guardian {
 public:
  Guardian() {
    int ends[2];
    EXPECT(pipe2(ends, O_CLOEXEC) == 0, "pipe: errno %d", errno);
    process_ = fork();
    EXPECT(process_ >= 0, "fork: errno %d", errno);
    if (process_ == 0) {
      setsid();
      for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(signal, SIG_IGN);
      close(ends[1]);
      char byte;
      while (read(ends[0], &byte, 1) < 0 && errno == EINTR) continue;
      settings_.Restore();
      _exit(0);
    }
    close(ends[0]);
    alive_ = ends[1];
  }
  ~Guardian() {
    close(alive_);
    test::WaitFor(process_);
  }
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

 private:
  Settings settings_;
  pid_t process_;
  int alive_;
};

uint64_t CommittedBytes() {
  char text[4096];
  EXPECT(test::ReadSmallFile("/proc/meminfo", text), "/proc is not mounted");
  const char* line = strstr(text, "Committed_AS:");
  EXPECT(line != nullptr, "no Committed_AS in /proc/meminfo");
  return strtoull(line + strlen("Committed_AS:"), nullptr, 10) << 10;
}

void UseHeap(uint64_t seed) {
  test::Block blocks[64];
  test::WorkingSet set(blocks, test::BurstySize, seed);
  set.Steps(5000);
  set.ReleaseAll();
}

// Runs after exec, so that the allocator starts under the setting.
void RunUnderSetting(uint64_t headroom) {
  test::Watchdog(100, "overcommit off");
  UseHeap(1);
  std::thread(UseHeap, 2).join();
  test::Ending forked = test::RunInChild("fork with overcommit off", [] { UseHeap(3); });
  EXPECT(forked.Clean(), "child: %s %d", forked.Kind(), forked.Number());
  test::Random random(1);
  test::Hoard hoard;
  hoard.Fill(random, 16, 64 << 10, 10, headroom / 4);
  hoard.Fill(random, 16, 16 << 20, 100, 2 * headroom);
  uint64_t first = hoard.Bytes();
  EXPECT(first < 2 * headroom, "malloc gave more than there is");
  hoard.Check();
  hoard.TryToGrow(2);
  hoard.Check();
  hoard.ReleaseAll();
  hoard.Fill(random, 16, 1 << 20, 1, first / 2);
  EXPECT(hoard.Bytes() >= first / 2, "freed memory could not be allocated again");
  hoard.Check();
  hoard.ReleaseAll();
  test::Say("%.0f MiB of %.0f MiB", test::Mebibytes(first), test::Mebibytes(headroom));
  EXPECT(first >= headroom / 2, "malloc gave less than half of what there is");
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  bool change = arguments.Flag("change-system");
  uint64_t headroom = arguments.Number("headroom", uint64_t{1} << 30);
  bool is_child = arguments.Flag("child");
  arguments.RejectUnknown();
  if (is_child) {
    RunUnderSetting(headroom);
    return 0;
  }
  if (!change) test::Skip("this changes vm.overcommit_memory: pass --change-system, as root");
  if (access(kMode, W_OK) != 0) test::Skip("%s is not writable", kMode);
  test::Ending ending;
  {
    Guardian guardian;
    uint64_t allowed = (CommittedBytes() + headroom) >> 10;
    EXPECT(WriteNumber(kLimit, allowed) && WriteNumber(kMode, 2), "setting: errno %d", errno);
    ending = test::RunInChild("program with overcommit off", [=] {
      char child[] = "--child";
      char room[64];
      snprintf(room, sizeof room, "--headroom=%llu", static_cast<unsigned long long>(headroom));
      char* const child_arguments[] = {argv[0], child, room, nullptr};
      execv("/proc/self/exe", child_arguments);
      test::Fail(__FILE__, __LINE__, "execv", "errno %d", errno);
    });
  }
  EXPECT(ending.Clean(), "with overcommit off: %s %d", ending.Kind(), ending.Number());
  return 0;
}
