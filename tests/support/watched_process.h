// A child that is looked at from outside: it prepares itself, says so, and answers until it is
// ended. It ends with its parent.
#ifndef BARTIZAN_TESTS_SUPPORT_WATCHED_PROCESS_H_
#define BARTIZAN_TESTS_SUPPORT_WATCHED_PROCESS_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/watchdog.h"

namespace test {

class WatchedProcess {
 public:
  // `prepare` runs in the child. When this returns, it has.
  template <class Prepare>
  explicit WatchedProcess(Prepare prepare) {
    int to_child[2];
    int to_parent[2];
    EXPECT(pipe2(to_child, O_CLOEXEC) == 0 && pipe2(to_parent, O_CLOEXEC) == 0, "pipe2");
    id_ = fork();
    EXPECT(id_ >= 0, "fork");
    if (id_ == 0) {
      DieWithParent();
      Watchdog(120, "watched process");
      close(to_child[1]);
      close(to_parent[0]);
      prepare();
      Answer(to_child[0], to_parent[1]);
    }
    close(to_child[0]);
    close(to_parent[1]);
    questions_ = to_child[1];
    answers_ = to_parent[0];
    EXPECT(Hears(), "the child did not get ready");
  }
  ~WatchedProcess() {
    End();
    close(questions_);
    close(answers_);
    waitpid(id_, nullptr, __WALL);
  }
  WatchedProcess(const WatchedProcess&) = delete;
  WatchedProcess& operator=(const WatchedProcess&) = delete;

  pid_t id() const { return id_; }

  // Whether its first thread runs. Waits for ever for one that is stopped.
  bool Answers() const { return write(questions_, "?", 1) == 1 && Hears(); }

  // When this returns, it has no memory any more, and is not yet waited for.
  void End() const {
    kill(id_, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT | __WALL);
  }

 private:
  [[noreturn]] static void Answer(int questions, int answers) {
    char byte = '+';
    do {
      if (write(answers, &byte, 1) != 1) break;
    } while (read(questions, &byte, 1) == 1);
    _exit(0);
  }
  bool Hears() const {
    char byte;
    return read(answers_, &byte, 1) == 1;
  }

  pid_t id_;
  int questions_;
  int answers_;
};

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_WATCHED_PROCESS_H_
