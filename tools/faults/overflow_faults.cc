// Writes and reads beyond the end of a block.
#include <cstring>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "overflow";
constexpr size_t kMiB = size_t{1} << 20;

template <size_t kBytes>
void ByStore(char* block, size_t size) {
  StoreUp(block + size, kBytes);
}

// The copy begins inside the block, as with a length that nobody checked.
template <size_t kBytes>
void ByMemcpy(char* block, size_t size) {
  memcpy(Opaque(block), Source(), Opaque(size + kBytes));
}

void ByFinalZero(char* block, size_t size) {
  *static_cast<volatile char*>(Opaque(block + size)) = 0;
}

template <void (*kWrite)(char* block, size_t size)>
void Overflow(Run& run) {
  const Row row(run.size());
  WriteOutOf(run, row, row[Row::kBlocks / 2], kWrite);
}

// Only a guard can notice a read.
template <size_t kBytes>
void Overread(Run& run) {
  char* const block = Allocate(run.size());
  run.Names(block);
  run.At(Moment::kAccess);
  run.Do([&] { ReadsZeros(block + run.size(), kBytes); });
  run.At(Moment::kFree);
  run.Do([&] { Free(block); });
}

template <size_t kBytes>
constexpr auto* kStore = &Overflow<ByStore<kBytes>>;
template <size_t kBytes>
constexpr auto* kMemcpy = &Overflow<ByMemcpy<kBytes>>;

constexpr Fault kFaults[] = {
    {"overflow_1_store", kGroup, "canaries", "writes 1 byte behind a block", kStore<1>},
    {"overflow_8_store", kGroup, "canaries", "writes 8 bytes behind a block", kStore<8>},
    {"overflow_32_store", kGroup, "canaries", "writes 32 bytes behind a block", kStore<32>},
    {"overflow_1m_store", kGroup, "guard_pages", "writes 1 MiB behind a block, byte by byte",
     kStore<kMiB>},
    {"overflow_1_memcpy", kGroup, "canaries", "copies 1 byte too many into a block", kMemcpy<1>},
    {"overflow_8_memcpy", kGroup, "canaries", "copies 8 bytes too many into a block", kMemcpy<8>},
    {"overflow_32_memcpy", kGroup, "canaries", "copies 32 bytes too many into a block",
     kMemcpy<32>},
    {"overflow_1m_memcpy", kGroup, "guard_pages", "copies 1 MiB too much into a block",
     kMemcpy<kMiB>},
    {"overflow_final_zero", kGroup, "canaries", "writes a string's final zero behind a block",
     &Overflow<ByFinalZero>},
    {"overread_1", kGroup, "guard_pages", "reads 1 byte behind a block", Overread<1>},
    {"overread_1m", kGroup, "guard_pages", "reads 1 MiB behind a block", Overread<kMiB>},
};

}  // namespace

const FaultList kOverflowFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
