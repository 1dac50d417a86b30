// Writes before the beginning of a block.
#include <cstring>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "underflow";
constexpr size_t kMiB = size_t{1} << 20;

template <size_t kBytes>
void ByStore(char* block, size_t) {
  StoreDown(block, kBytes);
}

template <size_t kBytes>
void ByMemcpy(char* block, size_t) {
  const char* const source = kBytes == 1 ? Source(Unlike(Load(block - 1))) : Source();
  memcpy(Opaque(block - kBytes), source, Opaque(kBytes));
}

// The block has a live lower neighbour, if blocks of this size have neighbours.
template <void (*kWrite)(char* block, size_t size)>
void Underflow(Run& run) {
  const Row row(run.size());
  WriteOutOf(run, row, row[row.IndexWithLowerNeighbour()], kWrite);
}

template <size_t kBytes>
constexpr auto* kStore = &Underflow<ByStore<kBytes>>;
template <size_t kBytes>
constexpr auto* kMemcpy = &Underflow<ByMemcpy<kBytes>>;

constexpr Fault kFaults[] = {
    {"underflow_1_store", kGroup, "canaries", "writes 1 byte before a block", kStore<1>},
    {"underflow_8_store", kGroup, "canaries", "writes 8 bytes before a block", kStore<8>},
    {"underflow_32_store", kGroup, "canaries", "writes 32 bytes before a block", kStore<32>},
    {"underflow_1m_store", kGroup, "guard_pages",
     "writes 1 MiB before a block, byte by byte, downwards", kStore<kMiB>},
    {"underflow_1_memcpy", kGroup, "canaries", "copies 1 byte to right before a block", kMemcpy<1>},
    {"underflow_8_memcpy", kGroup, "canaries", "copies 8 bytes to right before a block",
     kMemcpy<8>},
    {"underflow_32_memcpy", kGroup, "canaries", "copies 32 bytes to right before a block",
     kMemcpy<32>},
    {"underflow_1m_memcpy", kGroup, "guard_pages", "copies 1 MiB to right before a block",
     kMemcpy<kMiB>},
};

}  // namespace

const FaultList kUnderflowFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
