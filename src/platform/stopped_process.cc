#include "src/platform/stopped_process.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "src/base/bits.h"
#include "src/base/text.h"
#include "src/platform/file.h"
#include "src/platform/memory.h"
#include "src/platform/process.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

constexpr size_t kTableBytes =
    AlignUp(StoppedProcess::kMostThreads * sizeof(StoppedThread), kPageBytes);
// How long a thread may take to stop: it does at once, unless it waits in the kernel for a device,
// or for a child made by vfork.
constexpr int kPatienceMs = 3000;
constexpr int kWaitForAll = 0x40000000;  // __WALL
constexpr int kDoNotWait = 1;            // WNOHANG

long Ptrace(long request, int thread, uintptr_t address, uintptr_t data) {
  return Syscall(SYS_ptrace, request, thread, address, data);
}

bool IsStopped(int status) { return (status & 0xff) == 0x7f; }

// What the kernel tells of a thread: from its state on, which is one letter. Empty: there is none.
class ThreadState {
 public:
  ThreadState(int process, int thread) {
    Text<64> path;
    path << "/proc/" << process << "/task/" << thread << "/stat";
    const FileText read = ReadSmallFile(path.c_str(), text_, sizeof text_);
    if (read.length <= 0) return;
    const std::string_view line(text_, static_cast<size_t>(read.length));
    const size_t name_end = line.rfind(')');  // names may hold anything
    if (name_end != std::string_view::npos && name_end + 2 < line.size()) {
      fields_ = line;
      fields_.remove_prefix(name_end + 2);
    }
  }

  // One that has ended cannot be seized, and has no memory or registers.
  bool HasEnded() const { return fields_.empty() || fields_[0] == 'Z' || fields_[0] == 'X'; }

  // How many the process has, those too that have ended and are not waited for. 0: not known.
  uint64_t Threads() const {
    constexpr int kPlace = 17;  // behind the state
    std::string_view field = fields_;
    for (int i = 0; i < kPlace; ++i) {
      const size_t space = field.find(' ');
      if (space == std::string_view::npos) return 0;
      field.remove_prefix(space + 1);
    }
    field.remove_suffix(field.size() - std::min(field.find(' '), field.size()));
    uint64_t number = 0;
    return ParseDecimal(field, &number) ? number : 0;
  }

 private:
  char text_[512];
  std::string_view fields_;
};

void ReadRegisters(StoppedThread& thread) {
#if defined(__x86_64__)
  user_regs_struct registers{};
  iovec place = {&registers, sizeof registers};
  if (Ptrace(PTRACE_GETREGSET, thread.id, NT_PRSTATUS, reinterpret_cast<uintptr_t>(&place)) != 0)
    return;
  NoteStored(&registers, sizeof registers);
  thread.stack_pointer = registers.rsp;
  thread.thread_pointer = registers.fs_base;
#else
  user_regs_struct registers{};
  iovec place = {&registers, sizeof registers};
  if (Ptrace(PTRACE_GETREGSET, thread.id, NT_PRSTATUS, reinterpret_cast<uintptr_t>(&place)) != 0)
    return;
  thread.stack_pointer = registers.sp;
  uint64_t pointer = 0;
  iovec tls = {&pointer, sizeof pointer};
  if (Ptrace(PTRACE_GETREGSET, thread.id, NT_ARM_TLS, reinterpret_cast<uintptr_t>(&tls)) == 0)
    thread.thread_pointer = pointer;
#endif
  static_assert(sizeof registers <= sizeof thread.words);
  thread.count = sizeof registers / sizeof(uint64_t);
  const auto* words = reinterpret_cast<const unsigned long*>(&registers);
  std::copy_n(words, thread.count, thread.words);
  thread.has_registers = true;
}

struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t kind;
  char name[1];
};

}  // namespace

bool ReadProcessMemory(int process, uintptr_t from, void* to, size_t bytes) {
  const iovec local = {to, bytes};
  const iovec remote = {reinterpret_cast<void*>(from), bytes};
  const long got = Syscall(SYS_process_vm_readv, process, &local, 1, &remote, 1, 0);
  if (got != static_cast<long>(bytes)) return false;
  NoteStored(to, bytes);
  return true;
}

StoppedProcess::~StoppedProcess() {
  GoOn();
  if (threads_ != nullptr) Release(reinterpret_cast<uintptr_t>(threads_), kTableBytes);
}

StoppedThread* StoppedProcess::Find(int thread) {
  StoppedThread* const last = threads_ + count_;
  StoppedThread* const found =
      std::find_if(threads_, last, [thread](const StoppedThread& it) { return it.id == thread; });
  return found == last ? nullptr : found;
}

StoppedProcess::Seized StoppedProcess::Seize(int thread, int* error) {
  const long seized = Ptrace(PTRACE_SEIZE, thread, 0, 0);
  if (seized != 0) {
    if (seized == -ESRCH || ThreadState(process_, thread).HasEnded()) return Seized::kGone;
    *error = static_cast<int>(-seized);
    return Seized::kRefused;
  }
  threads_[count_] = {};
  threads_[count_++].id = thread;
  Ptrace(PTRACE_INTERRUPT, thread, 0, 0);
  return Seized::kDone;
}

// Seizes those that are not yet. `changed`: there were some, or others may be missing, because the
// kernel's list breaks off at a thread that ends meanwhile. False: refused, or none can be listed.
bool StoppedProcess::SeizeNew(bool* changed, int* error) {
  Text<64> path;
  path << "/proc/" << process_ << "/task";
  const long folder =
      Syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0) {
    *error = static_cast<int>(folder == -ENOENT ? ESRCH : -folder);
    return false;
  }
  alignas(DirectoryEntry) char entries[4096];
  bool allowed = true;
  uint64_t listed = 0;
  long got = 0;
  while (allowed && (got = Syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
    NoteStored(entries, static_cast<size_t>(got));
    for (long at = 0; allowed && at < got;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + at);
      at += entry->bytes;
      uint64_t thread = 0;
      if (!ParseDecimal(entry->name, &thread)) continue;
      ++listed;
      if (Find(static_cast<int>(thread)) != nullptr) continue;
      if (count_ == kMostThreads) {
        *error = ENOMEM;
        allowed = false;
        break;
      }
      const Seized seized = Seize(static_cast<int>(thread), error);
      allowed = seized != Seized::kRefused;
      // The first thread stays in the list when it has ended.
      const bool stays = seized == Seized::kGone && static_cast<int>(thread) == process_;
      *changed |= !stays;
    }
  }
  Close(static_cast<int>(folder));
  const uint64_t threads = ThreadState(process_, process_).Threads();
  *changed |= threads != 0 && threads != listed;
  return allowed;
}

void StoppedProcess::WaitFor(StoppedThread& thread) {
  constexpr int kEventShift = 16;
  for (int waited = 0;; ++waited) {
    int status = 0;
    const long got = Syscall(SYS_wait4, thread.id, &status, kWaitForAll | kDoNotWait, nullptr);
    NoteStored(&status, sizeof status);
    if (got == -EINTR) continue;
    if (got == thread.id && IsStopped(status)) {
      if (status >> kEventShift == 0) thread.signal = status >> 8 & 0xff;
      ReadRegisters(thread);
      return;
    }
    if (got != 0) {
      thread.id = 0;  // it has ended
      return;
    }
    if (waited == kPatienceMs) {
      knows_all_ = false;
      return;
    }
    SleepMilliseconds(1);
  }
}

int StoppedProcess::Stop() {
  if (threads_ == nullptr) {
    threads_ = reinterpret_cast<StoppedThread*>(ClaimAnywhere(kTableBytes, Access::kReadWrite));
    if (threads_ == nullptr) return ENOMEM;
  }
  int error = 0;
  knows_all_ = true;
  // Threads that run may start others: until a look changes nothing. One that has ended stays in
  // the list while a tracer of its own does not ask for it, so there is an end to this.
  constexpr int kMostLooks = 10000;
  int looks = 0;
  for (bool changed = true; changed; ++looks) {
    if (looks == kMostLooks) {
      knows_all_ = false;
      break;
    }
    changed = false;
    const size_t before = count_;
    const bool allowed = SeizeNew(&changed, &error);
    for (size_t i = before; i < count_; ++i) WaitFor(threads_[i]);
    if (!allowed) {
      GoOn();
      return error;
    }
  }
  count_ = static_cast<size_t>(
      std::remove_if(threads_, threads_ + count_, [](const auto& it) { return it.id == 0; }) -
      threads_);
  const StoppedThread* const live =
      std::find_if(begin(), end(), [](const auto& it) { return it.has_registers; });
  reader_ = live == end() ? 0 : live->id;
  if (reader_ != 0) return 0;
  GoOn();
  return ESRCH;
}

void StoppedProcess::GoOn() {
  for (size_t i = 0; i < count_; ++i) {
    const StoppedThread& thread = threads_[i];
    if (thread.id != 0) Ptrace(PTRACE_DETACH, thread.id, 0, static_cast<uintptr_t>(thread.signal));
  }
  count_ = 0;
}

}  // namespace bartizan::platform
