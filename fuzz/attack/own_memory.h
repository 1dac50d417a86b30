// Memory that is the attacker's, laid out like a block: the classic goal is a malloc that returns
// it.
#ifndef BARTIZAN_FUZZ_ATTACK_OWN_MEMORY_H_
#define BARTIZAN_FUZZ_ATTACK_OWN_MEMORY_H_

#include <cstddef>
#include <cstdint>

namespace fuzz {

inline constexpr size_t kOwnBytes = 4096;
alignas(4096) extern uint8_t g_own[kOwnBytes];

void PrepareOwnMemory();
void CheckOwnMemory();
inline bool IsOwn(uintptr_t address) {
  return address - reinterpret_cast<uintptr_t>(g_own) < kOwnBytes;
}

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_ATTACK_OWN_MEMORY_H_
