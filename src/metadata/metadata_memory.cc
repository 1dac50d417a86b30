#include "src/metadata/metadata_memory.h"

#include "src/metadata/address_map.h"
#include "src/platform/address_plan.h"

namespace bartizan {

uintptr_t ClaimMetadata(RandomStream& random, size_t bytes, platform::Access access) {
  constexpr int kTries = 32;
  const platform::AddressRange layout = g_address_map.layout();
  for (int tries = 0; platform::kChoosesAddresses && tries < kTries; ++tries) {
    const uintptr_t place = platform::ChoosePlace(bytes, random.Next64());
    if (place + bytes > layout.begin && place < layout.end) continue;
    switch (platform::ClaimAt(place, bytes, access)) {
      case platform::Claim::kDone:
        return place;
      case platform::Claim::kRefused:
        return 0;
      case platform::Claim::kOccupied:
        break;
    }
  }
  return platform::ClaimAnywhere(bytes, access);
}

}  // namespace bartizan
