// The threads of another process, stopped by the kernel's interface for debuggers, with their
// registers; and its memory. Direct system calls, no allocation: for this library in a process of
// its own, and for tools.
//
// Whatever becomes of the one who stopped them, the threads go on: the kernel detaches them when it
// ends, by SIGKILL too.
#ifndef BARTIZAN_SRC_PLATFORM_STOPPED_PROCESS_H_
#define BARTIZAN_SRC_PLATFORM_STOPPED_PROCESS_H_

#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

// All of `bytes`, or false.
bool ReadProcessMemory(int process, uintptr_t from, void* to, size_t bytes);

struct StoppedThread {
  static constexpr size_t kMostWords = 40;

  int id = 0;
  bool has_registers = false;
  // Signal that it was stopped on the way to, which goes on with it.
  int signal = 0;
  size_t count = 0;  // words of the general registers
  uint64_t words[kMostWords] = {};
  uintptr_t stack_pointer = 0;
  uintptr_t thread_pointer = 0;  // where the C library describes the thread
};

class StoppedProcess {
 public:
  static constexpr size_t kMostThreads = 1 << 16;

  explicit StoppedProcess(int process) : process_(process) {}
  ~StoppedProcess();
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;

  // Stops every thread, those too that are started meanwhile. 0, or an errno: EPERM (not allowed),
  // ESRCH (it has ended), ENOMEM. A thread that does not stop in some seconds, because it waits in
  // the kernel, is left running in the kernel; its registers are not known.
  int Stop();
  // All go on, with the signals that came meanwhile.
  void GoOn();

  const StoppedThread* begin() const { return threads_; }
  const StoppedThread* end() const { return threads_ + count_; }
  // A thread whose files in /proc tell of the process's memory: the first may have ended.
  int reader() const { return reader_; }
  // Whether the registers of every thread are known.
  bool knows_all() const { return knows_all_; }

 private:
  enum class Seized { kDone, kGone, kRefused };
  Seized Seize(int thread, int* error);
  bool SeizeNew(bool* changed, int* error);
  void WaitFor(StoppedThread& thread);
  StoppedThread* Find(int thread);

  const int process_;
  StoppedThread* threads_ = nullptr;
  size_t count_ = 0;
  int reader_ = 0;
  bool knows_all_ = true;
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_STOPPED_PROCESS_H_
