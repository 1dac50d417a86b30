// Which part of the address space the engine may lay itself out in.
#ifndef BARTIZAN_SRC_PLATFORM_ADDRESS_PLAN_H_
#define BARTIZAN_SRC_PLATFORM_ADDRESS_PLAN_H_

#include <cstddef>
#include <cstdint>

namespace bartizan::platform {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BARTIZAN_PLATFORM_SHADOWED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define BARTIZAN_PLATFORM_SHADOWED 1
#endif

#if defined(BARTIZAN_PLATFORM_SHADOWED)
// These sanitizers shadow a small part of the address space only: stay where the kernel puts
// mappings by itself, and be small.
constexpr bool kChoosesAddresses = false;
constexpr unsigned kRegionShift = 31;
#else
constexpr bool kChoosesAddresses = true;
// log2 of the address span of one size class.
constexpr unsigned kRegionShift = 36;
#endif
#undef BARTIZAN_PLATFORM_SHADOWED

struct AddressRange {
  uintptr_t begin;
  uintptr_t end;
};

// Spans of a 47-bit address space that hold neither the shadow memory of AddressSanitizer, nor its
// heap (from 0x5000...), nor executables and their heap (0x55..., 0x56...), nor what the kernel
// places by itself near the top. Nothing is reserved in them: each piece is claimed when it is
// needed, and a claim that meets a mapping of somebody else goes elsewhere.
constexpr AddressRange kLowSpan{0x1100'0000'0000, 0x5000'0000'0000};
constexpr AddressRange kHighSpan{0x5800'0000'0000, 0x7800'0000'0000};

constexpr size_t kPlaceAlignment = size_t{2} << 20;

// A random place for `bytes` of layout in one of the spans, by `random`. Where addresses cannot be
// chosen, a place that the kernel gave and that is kept inaccessible. 0 when there is none.
uintptr_t ChoosePlace(size_t bytes, uint64_t random);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_ADDRESS_PLAN_H_
