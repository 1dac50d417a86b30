// What memory holds that nobody has written yet, and what runs in it.
#include <cstdlib>
#include <cstring>
#include <new>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kGroup[] = "contents";

void* ByMalloc(size_t size) { return malloc(size); }
void* ByNew(size_t size) { return operator new(size); }
void* ByAlignedAlloc(size_t size) { return aligned_alloc(64, size); }
void* ByRealloc(size_t size) {
  char* const small = Allocate(size / 4);
  void* const large = realloc(Opaque(small), size);
  // What realloc copied is the program's own; the rest is fresh.
  if (large != nullptr) memset(large, 0, size / 4);
  return large;
}

// The heap was used by the same thread before, and everything freed.
template <void* (*kMake)(size_t size)>
void Uninitialised(Run& run) {
  run.Do([&] {
    Groom(run.size());
    run.At(Moment::kAccess);
    for (size_t i = 0; i < Row::kBlocks; ++i) {
      const char* const block = Opaque(static_cast<const char*>(kMake(Opaque(run.size()))));
      if (block == nullptr) Inapplicable("there is no memory");
      if (!ReadsZeros(block, run.size())) Unnoticed("reads what an earlier block held");
    }
  });
  Answered("reads zeros");
}

// One secret, its free, and a new block at the same place.
void Leak(Run& run) {
  char* const block = Allocate(run.size());
  run.Names(block);
  run.Do([&] { Free(block); });
  run.At(Moment::kAccess);
  if (!Churn(run.size(), block)) Answered("the memory was not issued again");
  for (size_t i = 0; i < run.size(); ++i) {
    if (Load(block + i) == kContents) Unnoticed("the new block shows what the old one held");
  }
  Answered("the new block shows nothing of the old one");
}

void Nothing() { asm volatile(""); }

void Execute(Run& run) {
  char* const block = Allocate(run.size());
  memcpy(block, reinterpret_cast<const void*>(&Nothing), 16);
  run.Names(block);
  run.At(Moment::kAccess);
  run.Do([&] { reinterpret_cast<void (*)()>(Opaque(block))(); });
  Unnoticed("code in the heap runs");
}

void ZeroSizeWrite(Run& run) {
  char* const block = Opaque(static_cast<char*>(malloc(Opaque(size_t{0}))));
  run.Names(block);
  if (block == nullptr) Answered("there is no block");
  run.At(Moment::kAccess);
  run.Do([&] { StoreUp(block, 1); });
  run.At(Moment::kFree);
  run.Do([&] { Free(block); });
}

template <void* (*kMake)(size_t size)>
void ZeroSizeRead(Run& run) {
  const char* const block = Opaque(static_cast<const char*>(kMake(Opaque(size_t{0}))));
  run.Names(block);
  if (block == nullptr) Answered("there is no block");
  run.At(Moment::kAccess);
  run.Do([&] { Load(block); });
}

constexpr Fault kFaults[] = {
    {"uninitialised_malloc", kGroup, "zero_on_free", "reads a block from malloc before writing it",
     Uninitialised<ByMalloc>},
    {"uninitialised_new", kGroup, "zero_on_free", "reads a block from new before writing it",
     Uninitialised<ByNew>},
    {"uninitialised_aligned_alloc", kGroup, "zero_on_free",
     "reads a block from aligned_alloc before writing it", Uninitialised<ByAlignedAlloc>},
    {"uninitialised_realloc", kGroup, "zero_on_free", "reads what realloc has added to a block",
     Uninitialised<ByRealloc>},
    {"leak_through_new_block", kGroup, "zero_on_free",
     "looks in a new block for what a freed one held", Leak},
    // Less than 16 bytes may hold no whole function.
    {"execute_heap", kGroup, "always", "jumps to code that was put into a block", Execute, 24},
    {"zero_size_write", kGroup, "always", "writes to a block of no bytes", ZeroSizeWrite, 8, 8},
    {"zero_size_read", kGroup, "always", "reads a block of no bytes", ZeroSizeRead<ByMalloc>, 8, 8},
    {"zero_size_read_new", kGroup, "always", "reads a block of no bytes from new",
     ZeroSizeRead<ByNew>, 8, 8},
};

}  // namespace

const FaultList kContentsFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
