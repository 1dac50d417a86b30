#include "src/platform/wide_bytes.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace bartizan::platform {

#if defined(__x86_64__)

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID, and volume 1, 13.
// VBMI2 stands for the generations (Ice Lake, Zen 4 and later) that do not lower their clock for
// vectors of 64 bytes.
bool HasWideVectors() {
  constexpr uint32_t kSavedBySystem = 1u << 27;  // leaf 1, ECX: OSXSAVE
  constexpr uint32_t kBmi2 = 1u << 8;            // leaf 7, EBX
  constexpr uint32_t kAvx512F = 1u << 16;
  constexpr uint32_t kAvx512Dq = 1u << 17;
  constexpr uint32_t kAvx512Bw = 1u << 30;
  constexpr uint32_t kAvx512Vbmi2 = 1u << 6;  // leaf 7, ECX
  constexpr uint32_t kVectorState = 0xe6;     // XCR0: SSE, AVX, masks, both parts of the registers
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSavedBySystem) == 0) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr uint32_t kWanted = kBmi2 | kAvx512F | kAvx512Dq | kAvx512Bw;
  if ((b & kWanted) != kWanted || (c & kAvx512Vbmi2) == 0) return false;
  uint32_t state, upper;
  asm volatile("xgetbv" : "=a"(state), "=d"(upper) : "c"(0));
  return (state & kVectorState) == kVectorState;
}

#else

bool HasWideVectors() { return false; }

#endif

}  // namespace bartizan::platform
