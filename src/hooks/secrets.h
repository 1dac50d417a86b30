// Which word of the sealed page's secrets belongs to whom. Random, fixed at start.
#ifndef BARTIZAN_SRC_HOOKS_SECRETS_H_
#define BARTIZAN_SRC_HOOKS_SECRETS_H_

#include <cstdint>

#include "src/options/sealed_page.h"

namespace bartizan {

enum class Secret { kCanaryPlace, kCanaryFactor, kCanaryValue, kCanarySecondFactor };
static_assert(static_cast<size_t>(Secret::kCanarySecondFactor) < kSecretWords);

inline uint64_t SecretWord(Secret which) {
  return bartizan_sealed_page.secrets[static_cast<size_t>(which)];
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_HOOKS_SECRETS_H_
