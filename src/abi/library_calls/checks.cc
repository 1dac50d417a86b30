#include "src/abi/library_calls/checks.h"

#include "src/profiles/dynamic.h"

namespace bartizan::library_calls {

void CheckRangeSlow(std::string_view function, const void* begin, size_t bytes, Access access) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  const MemoryView memory = ViewMemory(address);
  if (memory.kind == MemoryKind::kForeign) return;
  const LibraryCall call{function, access == Access::kWrites, address, bytes, memory};
  SelectedProfile::Run<kOnLibraryCall>(CurrentToggles(), call);
}

size_t BytesLeft(const void* address) {
  const auto begin = reinterpret_cast<uintptr_t>(address);
  if (!MayBeOurs(begin)) return kNoBound;
  const MemoryView memory = ViewMemory(begin);
  if (memory.kind == MemoryKind::kForeign) return kNoBound;
  const size_t offset = begin - memory.begin;
  return offset < memory.requested ? memory.requested - offset : 0;
}

}  // namespace bartizan::library_calls
