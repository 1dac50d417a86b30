#include "src/platform/memory.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>

#include "src/platform/address_plan.h"
#include "src/platform/file.h"
#include "src/platform/process_counters.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {
namespace {

// Kernel interfaces newer than the C library headers we build with.
constexpr int kMadvGuardInstall = 102;
constexpr int kMadvGuardRemove = 103;
constexpr long kSysMseal = 462;

constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// Where the layout was given by the kernel, it is kept mapped and claims replace it.
constexpr int kClaimFlag = kChoosesAddresses ? MAP_FIXED_NOREPLACE : MAP_FIXED;

int Protection(Access access) {
  return access == Access::kNone ? PROT_NONE : PROT_READ | PROT_WRITE;
}

long MapUncounted(uintptr_t address, size_t bytes, Access access, int flags) {
  if constexpr (!kChoosesAddresses) {
    // The sanitizers that shadow memory must see that what lay there before is gone.
    const int saved = errno;
    void* place = ::mmap(reinterpret_cast<void*>(address), bytes, Protection(access),
                         kAnonymous | flags, -1, 0);
    const long result = place == MAP_FAILED ? -errno : reinterpret_cast<long>(place);
    errno = saved;
    return result;
  }
  return Syscall(SYS_mmap, address, bytes, Protection(access), kAnonymous | flags, -1, 0);
}

long Map(uintptr_t address, size_t bytes, Access access, int flags) {
  return Counted(SystemCall::kMap, MapUncounted(address, bytes, access, flags));
}

long Advise(SystemCall purpose, uintptr_t address, size_t bytes, int advice) {
  return Counted(purpose, Syscall(SYS_madvise, address, bytes, advice));
}

bool IsError(long result) { return result < 0 && result > -4096; }

}  // namespace

Claim ClaimAt(uintptr_t address, size_t bytes, Access access) {
  const long result = Map(address, bytes, access, kClaimFlag);
  if (result == -EEXIST) return Claim::kOccupied;
  if (IsError(result)) return Claim::kRefused;
  if (static_cast<uintptr_t>(result) == address) return Claim::kDone;
  // Kernels before 4.17 take MAP_FIXED_NOREPLACE for a hint and go elsewhere.
  Release(static_cast<uintptr_t>(result), bytes);
  return Claim::kOccupied;
}

uintptr_t ClaimAnywhere(size_t bytes, Access access) {
  const long result = Map(0, bytes, access, 0);
  return IsError(result) ? 0 : static_cast<uintptr_t>(result);
}

bool SetAccess(uintptr_t address, size_t bytes, Access access) {
  return Counted(SystemCall::kProtect, Syscall(SYS_mprotect, address, bytes, Protection(access))) ==
         0;
}

void Populate(uintptr_t address, size_t bytes) {
  constexpr int kMadvPopulateWrite = 23;
  Advise(SystemCall::kPopulate, address, bytes, kMadvPopulateWrite);
}

bool DropPages(uintptr_t address, size_t bytes) {
  return Advise(SystemCall::kDropPages, address, bytes, MADV_DONTNEED) == 0;
}

bool Release(uintptr_t address, size_t bytes) {
  return Counted(SystemCall::kUnmap, Syscall(SYS_munmap, address, bytes)) == 0;
}

bool MovePages(uintptr_t from, size_t from_bytes, uintptr_t to, size_t to_bytes) {
  constexpr int kFlags = MREMAP_MAYMOVE | MREMAP_FIXED;
  return !IsError(
      Counted(SystemCall::kMove, Syscall(SYS_mremap, from, from_bytes, to_bytes, kFlags, to)));
}

bool GrowInPlace(uintptr_t address, size_t bytes, size_t new_bytes) {
  return !IsError(Counted(SystemCall::kMove, Syscall(SYS_mremap, address, bytes, new_bytes, 0, 0)));
}

bool InstallGuard(uintptr_t address, size_t bytes) {
  // 0 unknown, 1 works, 2 the kernel has no guard markers. Relaxed: a fact that never changes, and
  // probing it twice is harmless.
  static constinit std::atomic<int> support{0};
  int known = support.load(std::memory_order_relaxed);
  if (known == 2) return false;
  const long result = Advise(SystemCall::kInstallGuard, address, bytes, kMadvGuardInstall);
  // Once they have worked, it is this range that cannot have them: it is locked.
  const int found = result == 0 ? 1 : result == -EINVAL ? 2 : 0;
  if (known == 0 && found != 0) {
    support.compare_exchange_strong(known, found, std::memory_order_relaxed);
  }
  return result == 0;
}

bool RemoveGuard(uintptr_t address, size_t bytes) {
  return Advise(SystemCall::kRemoveGuard, address, bytes, kMadvGuardRemove) == 0;
}

bool Unlock(uintptr_t address, size_t bytes) { return Syscall(SYS_munlock, address, bytes) == 0; }

bool ResidentPages(uintptr_t address, size_t bytes, unsigned char* resident) {
  const long result = Syscall(SYS_mincore, address, bytes, resident);
  if (Counted(SystemCall::kResidentPages, result) != 0) return false;
  NoteStored(resident, bytes / kPageBytes);
  return true;
}

void AdviseHugePages(uintptr_t address, size_t bytes) {
  Advise(SystemCall::kAdviseHugePages, address, bytes, MADV_HUGEPAGE);
}

bool SealReadOnly(uintptr_t address, size_t bytes) {
  if (Syscall(SYS_mprotect, address, bytes, PROT_READ) != 0) return false;
  Syscall(kSysMseal, address, bytes, 0);
  return true;
}

bool CountsMappings() {
  char text[8];
  const FileText mode = ReadSmallFile("/proc/sys/vm/overcommit_memory", text, sizeof text);
  constexpr char kStrict = '2';
  if (mode.length > 0 && text[0] == kStrict) return true;
  for (const int resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit64 limit = {};
    if (Syscall(SYS_prlimit64, 0, resource, nullptr, &limit) == 0 &&
        limit.rlim_cur != RLIM64_INFINITY) {
      return true;
    }
  }
  return false;
}

size_t MappingLimit() {
  constexpr size_t kKernelDefault = 65530;
  // Read at start, when /proc is still within reach. Relaxed: a fact that does not change.
  static constinit std::atomic<size_t> known{0};
  size_t limit = known.load(std::memory_order_relaxed);
  if (limit != 0) return limit;
  char text[32];
  const FileText file = ReadSmallFile("/proc/sys/vm/max_map_count", text, sizeof text);
  for (long i = 0; i < file.length && text[i] >= '0' && text[i] <= '9'; ++i) {
    limit = limit * 10 + static_cast<size_t>(text[i] - '0');
  }
  if (limit == 0) limit = kKernelDefault;
  known.store(limit, std::memory_order_relaxed);
  return limit;
}

}  // namespace bartizan::platform
