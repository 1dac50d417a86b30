// One line of progress, rewritten in place, when somebody is watching.
#ifndef BARTIZAN_TESTS_SUPPORT_PROGRESS_H_
#define BARTIZAN_TESTS_SUPPORT_PROGRESS_H_

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

namespace test {

class Progress {
 public:
  Progress(const char* name, uint64_t total)
      : name_(name), total_(total == 0 ? 1 : total), shown_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (shown_) Write("\r\033[K", 4);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap to call often: writes only when the percentage changes.
  void At(uint64_t done) {
    if (!shown_) return;
    int percent = static_cast<int>(static_cast<double>(done) * 100.0 / static_cast<double>(total_));
    if (percent == percent_) return;
    percent_ = percent;
    char line[96];
    int length = snprintf(line, sizeof line, "\r%s: %d %%\033[K", name_, percent);
    if (length > 0) Write(line, static_cast<size_t>(length));
  }

 private:
  static void Write(const char* text, size_t size) {
    if (write(STDERR_FILENO, text, size) < 0) return;
  }

  const char* name_;
  uint64_t total_;
  bool shown_;
  int percent_ = -1;
};

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_PROGRESS_H_
