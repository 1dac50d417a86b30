// Reads and writes of a block after its free.
#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "use after free";

// A freed block among live ones; the second thread frees it, if there is one.
char* FreedAmongLive(Run& run) {
  const Row row(run.size());
  char* const block = row[Row::kBlocks / 2];
  run.Names(block);
  run.Do([&] { Free(block); });
  return block;
}

void Read(Run& run) {
  char* const block = FreedAmongLive(run);
  run.At(Moment::kAccess);
  bool zeros = false;
  bool held = false;
  run.Do([&] {
    zeros = ReadsZeros(block, run.size());
    held = Load(block + run.size() - 1) == kContents;
  });
  if (zeros) Answered("reads zeros");
  Unnoticed(held ? "reads what the block held" : "reads what is not zero");
}

void FirstByte(char* block, size_t) { StoreUp(block, 1); }
void FirstBit(char* block, size_t) { *static_cast<volatile char*>(Opaque(block)) = 1; }
void LastByte(char* block, size_t size) { StoreUp(block + size - 1, 1); }
void MiddleByte(char* block, size_t size) { StoreUp(block + size / 2, 1); }
void SecondWord(char* block, size_t) { StoreUp(block + 8, 8); }
void All(char* block, size_t size) { StoreUp(block, size); }

template <void (*kWrite)(char* block, size_t size)>
void Write(Run& run) {
  char* const block = FreedAmongLive(run);
  run.At(Moment::kAccess);
  run.Do([&] { kWrite(block, run.size()); });
  run.At(Moment::kReuse);
  if (Churn(run.size(), block) && !ReadsZeros(block, run.size())) {
    Unnoticed("the memory was issued again, written to");
  }
  run.Do([&] { Churn(run.size()); });
}

constexpr Fault kFaults[] = {
    {"read_after_free", kGroup, "zero_on_free", "reads a freed block", Read},
    {"write_after_free_first_byte", kGroup, "reuse_check", "writes the first byte of a freed block",
     Write<FirstByte>},
    {"write_after_free_one_bit", kGroup, "reuse_check", "sets one bit of a freed block",
     Write<FirstBit>},
    {"write_after_free_last_byte", kGroup, "reuse_check", "writes the last byte of a freed block",
     Write<LastByte>},
    {"write_after_free_middle", kGroup, "reuse_check",
     "writes the byte in the middle of a freed block", Write<MiddleByte>},
    {"write_after_free_second_word", kGroup, "reuse_check", "writes bytes 8 to 15 of a freed block",
     Write<SecondWord>, 16},
    {"write_after_free_all", kGroup, "reuse_check", "overwrites a freed block", Write<All>},
};

}  // namespace

const FaultList kStaleFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
