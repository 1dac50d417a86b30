// A terminal whose screen and keys are a command's for a while, and the user's again in any case.
#ifndef BARTIZAN_TOOLS_CLI_TERMINAL_H_
#define BARTIZAN_TOOLS_CLI_TERMINAL_H_

#include <signal.h>

#include <string>
#include <vector>

namespace bartizan::cli {

enum class Key { kNone, kQuit, kLeft, kRight, kUp, kDown, kPageUp, kPageDown, kReverse, kOther };

// One at a time. Screen and modes are as before when it goes, and when a signal ends the command;
// while a signal stops it, too.
class Terminal {
 public:
  // On standard input and output, which are terminals.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Size(int* width, int* height) const;
  // Replaces what is shown.
  void Show(const std::vector<std::string>& lines);
  // Waits for a key, for a change of the terminal (kOther), or for as long. Where there is nobody
  // any more: kQuit.
  Key Wait(int milliseconds);

 private:
  std::string pending_;   // typed, and not yet taken
  sigset_t mask_before_;  // signals that were blocked
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_TERMINAL_H_
