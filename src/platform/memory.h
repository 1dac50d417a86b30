// Virtual memory by direct system calls. Addresses and lengths are multiples of kPageBytes unless a
// comment says otherwise. No call here ends the process: each tells whether it worked.
#ifndef BARTIZAN_SRC_PLATFORM_MEMORY_H_
#define BARTIZAN_SRC_PLATFORM_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = size_t{2} << 20;

enum class Access { kNone, kReadWrite };

enum class Claim {
  kDone,
  kOccupied,  // something else is mapped in the range
  kRefused,   // the system gives no memory, address space or mapping: ENOMEM to the caller
};

// Maps [address, address + bytes), which must be free, as private zero pages. Not accounted
// against overcommit where the kernel's mode allows that.
Claim ClaimAt(uintptr_t address, size_t bytes, Access access);

// Maps `bytes` at a place the kernel chooses. 0 when refused.
uintptr_t ClaimAnywhere(size_t bytes, Access access);

bool SetAccess(uintptr_t address, size_t bytes, Access access);

// Brings the pages of a range into memory as a write to each would, for about half the time
// (Linux 5.14 and later); a hint.
void Populate(uintptr_t address, size_t bytes);

// Gives the pages back; the range reads as zeros afterwards. Guards in it stay.
bool DropPages(uintptr_t address, size_t bytes);

// Unmaps. False when the kernel would have to split a mapping and has none left.
bool Release(uintptr_t address, size_t bytes);

// Moves pages (no copy) to `to`, a range of ours that is replaced; the old range is unmapped, what
// the new one has more is fresh. The source must be one mapping. False: nothing has changed.
bool MovePages(uintptr_t from, size_t from_bytes, uintptr_t to, size_t to_bytes);

// Lengthens a mapping where it is. False when something lies behind it or the system refuses.
bool GrowInPlace(uintptr_t address, size_t bytes, size_t new_bytes);

// Makes a range fault on access without spending a mapping on it (Linux 6.13 and later), and gives
// its pages back. False where the kernel cannot; probes once.
bool InstallGuard(uintptr_t address, size_t bytes);
// Makes it accessible again: it reads as zeros.
bool RemoveGuard(uintptr_t address, size_t bytes);
// Ends that the range is locked in memory, which guards may not be installed in.
bool Unlock(uintptr_t address, size_t bytes);

// One byte per page, its lowest bit set when the page is in memory (mincore). False when the kernel
// does not tell.
bool ResidentPages(uintptr_t address, size_t bytes, unsigned char* resident);

// Asks for transparent huge pages in the range; a hint.
void AdviseHugePages(uintptr_t address, size_t bytes);

// Read-only from now on and, where the kernel has it, for ever (mseal, Linux 6.10). False when the
// system refuses even the former.
bool SealReadOnly(uintptr_t address, size_t bytes);

// Whether memory that is mapped and not used counts against a limit, of the process or of all.
bool CountsMappings();

// vm.max_map_count when readable, else the kernel's default. Read once, at the first call.
size_t MappingLimit();

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_MEMORY_H_
