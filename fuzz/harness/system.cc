#include "fuzz/harness/system.h"

#include "fuzz/harness/call_sites.h"
#include "src/base/violation.h"
#include "src/platform/memory.h"

using bartizan::platform::Access;
using bartizan::platform::Claim;

namespace fuzz {

System g_system;

namespace {

// `site`: where the library has called.
bool IsRefused(Call call, const void* site) {
  System& system = g_system;
  if (system.before_call != nullptr) system.before_call();
  const auto kind = static_cast<size_t>(call);
  system.calls[kind]++;
  Refusals& refusals = system.refusals;
  if ((refusals.kinds >> kind & 1) == 0 || refusals.count == 0) return false;
  if (refusals.after != 0) {
    refusals.after--;
    return false;
  }
  refusals.count--;
  system.refused[kind]++;
  NoteRefusedAt(site);
  return true;
}

void Mapped(uintptr_t begin, size_t bytes) {
  if (g_system.mappings != nullptr) g_system.mappings->OnMapped(begin, bytes);
}
void Claimed(uintptr_t begin, size_t bytes, Access access) {
  if (g_system.mappings == nullptr) return;
  if (access == Access::kNone) return g_system.mappings->OnMapped(begin, bytes);
  g_system.mappings->OnClaimed(begin, bytes);
}
void Unmapped(uintptr_t begin, size_t bytes) {
  if (g_system.mappings != nullptr) g_system.mappings->OnUnmapped(begin, bytes);
}
void Changed(uintptr_t begin, size_t bytes) {
  if (g_system.mappings != nullptr) g_system.mappings->OnChanged(begin, bytes);
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's.
#define FUZZ_PLATFORM "_ZN8bartizan8platform"

Claim RealClaimAt(uintptr_t, size_t, Access) asm("__real_" FUZZ_PLATFORM "7ClaimAtEmmNS0_6AccessE");
Claim ClaimAt(uintptr_t, size_t, Access) asm("__wrap_" FUZZ_PLATFORM "7ClaimAtEmmNS0_6AccessE");
Claim ClaimAt(uintptr_t address, size_t bytes, Access access) {
  if (IsRefused(Call::kClaimAt, __builtin_return_address(0))) {
    return g_system.refusals.occupied ? Claim::kOccupied : Claim::kRefused;
  }
  const bool spare = access == Access::kReadWrite && g_system.mappings != nullptr &&
                     g_system.mappings->TakeSpare(address, bytes);
  if (spare) {
    Mapped(address, bytes);
    return Claim::kDone;
  }
  const Claim claim = RealClaimAt(address, bytes, access);
  if (claim == Claim::kDone) Claimed(address, bytes, access);
  return claim;
}

uintptr_t RealClaimAnywhere(size_t,
                            Access) asm("__real_" FUZZ_PLATFORM "13ClaimAnywhereEmNS0_6AccessE");
uintptr_t ClaimAnywhere(size_t,
                        Access) asm("__wrap_" FUZZ_PLATFORM "13ClaimAnywhereEmNS0_6AccessE");
uintptr_t ClaimAnywhere(size_t bytes, Access access) {
  if (IsRefused(Call::kClaimAnywhere, __builtin_return_address(0))) return 0;
  const uintptr_t place = RealClaimAnywhere(bytes, access);
  if (place != 0) Mapped(place, bytes);
  return place;
}

bool RealSetAccess(uintptr_t, size_t,
                   Access) asm("__real_" FUZZ_PLATFORM "9SetAccessEmmNS0_6AccessE");
bool SetAccess(uintptr_t, size_t, Access) asm("__wrap_" FUZZ_PLATFORM "9SetAccessEmmNS0_6AccessE");
bool SetAccess(uintptr_t address, size_t bytes, Access access) {
  if (IsRefused(Call::kSetAccess, __builtin_return_address(0)) ||
      !RealSetAccess(address, bytes, access))
    return false;
  Changed(address, bytes);
  return true;
}

bool RealDropPages(uintptr_t, size_t) asm("__real_" FUZZ_PLATFORM "9DropPagesEmm");
bool DropPages(uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "9DropPagesEmm");
bool DropPages(uintptr_t address, size_t bytes) {
  if (IsRefused(Call::kDropPages, __builtin_return_address(0))) return false;
  // Of a file's pages, the file's contents would appear.
  if (g_system.mappings != nullptr && g_system.mappings->Empty(address, bytes)) return true;
  return RealDropPages(address, bytes);
}

bool RealRelease(uintptr_t, size_t) asm("__real_" FUZZ_PLATFORM "7ReleaseEmm");
bool Release(uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "7ReleaseEmm");
bool Release(uintptr_t address, size_t bytes) {
  if (IsRefused(Call::kRelease, __builtin_return_address(0)) || !RealRelease(address, bytes))
    return false;
  Unmapped(address, bytes);
  return true;
}

bool RealMovePages(uintptr_t, size_t, uintptr_t,
                   size_t) asm("__real_" FUZZ_PLATFORM "9MovePagesEmmmm");
bool MovePages(uintptr_t, size_t, uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "9MovePagesEmmmm");
bool MovePages(uintptr_t from, size_t from_bytes, uintptr_t to, size_t to_bytes) {
  if (IsRefused(Call::kMovePages, __builtin_return_address(0))) return false;
  if (!RealMovePages(from, from_bytes, to, to_bytes)) return false;
  Unmapped(from, from_bytes);
  Mapped(to, to_bytes);
  return true;
}

bool RealGrowInPlace(uintptr_t, size_t, size_t) asm("__real_" FUZZ_PLATFORM "11GrowInPlaceEmmm");
bool GrowInPlace(uintptr_t, size_t, size_t) asm("__wrap_" FUZZ_PLATFORM "11GrowInPlaceEmmm");
bool GrowInPlace(uintptr_t address, size_t bytes, size_t new_bytes) {
  if (IsRefused(Call::kGrowInPlace, __builtin_return_address(0))) return false;
  // A mapping of the file would grow into what the file has behind it.
  if (g_system.mappings != nullptr && g_system.mappings->IsFrozen(address, bytes)) return false;
  if (!RealGrowInPlace(address, bytes, new_bytes)) return false;
  if (new_bytes > bytes) Mapped(address, new_bytes);
  return true;
}

bool RealInstallGuard(uintptr_t, size_t) asm("__real_" FUZZ_PLATFORM "12InstallGuardEmm");
bool InstallGuard(uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "12InstallGuardEmm");
bool InstallGuard(uintptr_t address, size_t bytes) {
  if (IsRefused(Call::kInstallGuard, __builtin_return_address(0)) ||
      !RealInstallGuard(address, bytes))
    return false;
  if (g_system.mappings != nullptr) g_system.mappings->OnGuard(address, bytes);
  return true;
}

bool RealRemoveGuard(uintptr_t, size_t) asm("__real_" FUZZ_PLATFORM "11RemoveGuardEmm");
bool RemoveGuard(uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "11RemoveGuardEmm");
bool RemoveGuard(uintptr_t address, size_t bytes) {
  if (IsRefused(Call::kInstallGuard, __builtin_return_address(0)) ||
      !RealRemoveGuard(address, bytes))
    return false;
  if (g_system.mappings == nullptr) return true;
  g_system.mappings->OnGuardRemoved(address, bytes);
  // Of a file's pages, the file's contents would appear.
  g_system.mappings->Empty(address, bytes);
  return true;
}

bool RealResidentPages(uintptr_t, size_t,
                       unsigned char*) asm("__real_" FUZZ_PLATFORM "13ResidentPagesEmmPh");
bool ResidentPages(uintptr_t, size_t,
                   unsigned char*) asm("__wrap_" FUZZ_PLATFORM "13ResidentPagesEmmPh");
bool ResidentPages(uintptr_t address, size_t bytes, unsigned char* resident) {
  return !IsRefused(Call::kResidentPages, __builtin_return_address(0)) &&
         RealResidentPages(address, bytes, resident);
}

// Variables are put back by storing to them, those of sealed pages too.
bool SealReadOnly(uintptr_t, size_t) asm("__wrap_" FUZZ_PLATFORM "12SealReadOnlyEmm");
bool SealReadOnly(uintptr_t, size_t) { return true; }

bool FillRandom(void*, size_t) asm("__wrap_" FUZZ_PLATFORM "10FillRandomEPvm");
bool FillRandom(void* buffer, size_t bytes) {
  auto* out = static_cast<uint8_t*>(buffer);
  for (size_t i = 0; i < bytes; ++i) {
    uint64_t x = g_system.random_state += 0x9e3779b97f4a7c15u;  // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    out[i] = static_cast<uint8_t>(x >> 56);
  }
  return true;
}

uint64_t CoarseMilliseconds() asm("__wrap_" FUZZ_PLATFORM "18CoarseMillisecondsEv");
uint64_t CoarseMilliseconds() { return g_system.clock_ms; }

uint64_t Nanoseconds() asm("__wrap_" FUZZ_PLATFORM "11NanosecondsEv");
uint64_t Nanoseconds() { return g_system.clock_ms * 1'000'000; }

void SleepMilliseconds(int) asm("__wrap_" FUZZ_PLATFORM "17SleepMillisecondsEi");
void SleepMilliseconds(int milliseconds) {
  g_system.clock_ms += static_cast<uint64_t>(milliseconds);
}

bool RealWriteAll(int,
                  std::string_view) asm("__real_" FUZZ_PLATFORM
                                        "8WriteAllEiSt17basic_string_viewIcSt11char_traitsIcEE");
bool WriteAll(int, std::string_view) asm("__wrap_" FUZZ_PLATFORM
                                         "8WriteAllEiSt17basic_string_viewIcSt11char_traitsIcEE");
bool WriteAll(int descriptor, std::string_view text) {
  if (g_system.written == nullptr) return RealWriteAll(descriptor, text);
  g_system.written->append(text);
  return true;
}

void SayDegraded(bartizan::Degradation) asm("__wrap__ZN8bartizan11SayDegradedENS_11DegradationE");
void SayDegraded(bartizan::Degradation) { g_system.degradations++; }

// The engine starts once for each set of layers, and the handlers would wait for themselves.
void RealInstallForkHandlers() asm("__real__ZN8bartizan19InstallForkHandlersEv");
void InstallForkHandlers() asm("__wrap__ZN8bartizan19InstallForkHandlersEv");
void InstallForkHandlers() {
  static bool installed = false;
  if (!installed) RealInstallForkHandlers();
  installed = true;
}
// NOLINTEND(bugprone-reserved-identifier)

}  // namespace fuzz
