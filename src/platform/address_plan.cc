#include "src/platform/address_plan.h"

#include "src/base/bits.h"
#include "src/platform/memory.h"

namespace bartizan::platform {

uintptr_t ChoosePlace(size_t bytes, uint64_t random) {
  if constexpr (!kChoosesAddresses) {
    const uintptr_t place = ClaimAnywhere(bytes + kPlaceAlignment, Access::kNone);
    return AlignUp(place, kPlaceAlignment);
  }
  constexpr size_t kLow = kLowSpan.end - kLowSpan.begin;
  constexpr size_t kHigh = kHighSpan.end - kHighSpan.begin;
  const bool high = random % (kLow + kHigh) >= kLow;
  const AddressRange span = high ? kHighSpan : kLowSpan;
  const size_t choices = ((high ? kHigh : kLow) - bytes) / kPlaceAlignment;
  return span.begin + (random >> 16) % choices * kPlaceAlignment;
}

}  // namespace bartizan::platform
