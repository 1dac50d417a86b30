#include "tools/faults/pointers.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace faults {
namespace {

constexpr uintptr_t kAlignment = 16;
constexpr size_t kPage = 4096;
alignas(64) char global[4096];

char* AtAddress(uintptr_t address) { return reinterpret_cast<char*>(address); }

}  // namespace

char* FreedBefore(size_t size) { return Freed(size); }

char* FreedAmongOthers(size_t size) {
  const Row others(size);
  char* const block = Freed(size);
  for (size_t i = 0; i < Row::kBlocks; ++i) Free(others[i]);
  return block;
}

char* FreedBeforeAnother(size_t size) {
  char* const first = Allocate(size);
  char* const second = Allocate(size);
  Free(first);
  Free(second);
  return first;
}

char* FreedAndOverwritten(size_t size) {
  char* const block = Freed(size);
  StoreUp(block, size);  // not memset, which the library may watch
  return block;
}

char* FreedByOther(size_t size) {
  char* const block = Allocate(size);
  InPassingThread([](void* argument) -> void* { return Free(argument), nullptr; }, block);
  return block;
}

char* FreedByOwnerThatEnded(size_t size) {
  return static_cast<char*>(InPassingThread(
      [](void* argument) -> void* { return Freed(*static_cast<size_t*>(argument)); }, &size));
}

char* MovedAway(size_t size) {
  char* const block = Allocate(size);
  // In the way of a block that might grow where it is.
  char* const after = Allocate(size);
  char* const moved = static_cast<char*>(realloc(Opaque(block), size * 64 + 100000));
  if (moved == nullptr || after == nullptr) Inapplicable("there is no memory");
  // It grew in place, as a large block may: then this is a plain double free.
  if (moved == block) Free(moved);
  return Opaque(block);
}

char* FreedAfterReuse(size_t size) {
  char* const block = Freed(size);
  if (Churn(size, block)) Free(block);
  return block;
}

char* FreedNeighbour(size_t size) {
  const Row row(size);
  const size_t index = row.IndexWithLowerNeighbour();
  Free(row[index]);
  return row[index - 1] + (row[index] - row[index - 1]);
}

char* Middle(size_t size) { return Allocate(size) + size / 2 / kAlignment * kAlignment; }

char* PageInside(size_t size) {
  const uintptr_t block = reinterpret_cast<uintptr_t>(Allocate(size));
  return AtAddress((block / kPage + 1) * kPage);
}

char* End(size_t size) { return Allocate(size) + size; }

char* OnStack(size_t) {
  // Of the main thread, and still in use by it while this program runs: below its argument strings.
  return AtAddress((reinterpret_cast<uintptr_t>(environ) - 256) / kAlignment * kAlignment);
}

char* Global(size_t) { return global; }

char* Code(size_t) {
  return AtAddress(reinterpret_cast<uintptr_t>(&Global) / kAlignment * kAlignment);
}

char* ForeignMapping(size_t) {
  void* const pages =
      mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) Inapplicable("there is no memory");
  return static_cast<char*>(pages) + kPage;
}

char* OtherHeap(size_t) {
  // Where the C library's own heap grows.
  void* const memory = sbrk(1 << 16);
  if (memory == reinterpret_cast<void*>(-1)) Inapplicable("sbrk is refused");
  return AtAddress((reinterpret_cast<uintptr_t>(memory) + kPage) / kAlignment * kAlignment);
}

char* Wild(size_t) { return AtAddress(0x414141414140); }
char* NonCanonical(size_t) { return AtAddress(0xdeadbeefdeadbee0); }
char* SmallNumber(size_t) { return AtAddress(64); }

char* NeverIssued(size_t size) {
  const Row row(size);
  char* candidate = row[0];
  while (row.Has(candidate)) candidate += row.distance();
  return candidate;
}

char* NeverIssuedFar(size_t size) {
  const Row row(size);
  size_t distance = row.distance();
  while (distance < (size_t{4} << 20)) distance *= 2;
  return row[Row::kBlocks - 1] + distance;
}

char* NoBlock(size_t) { return nullptr; }

void DoFree(char* block, size_t) { Free(block); }

void DoSizedDelete(char* block, size_t size) { operator delete(Opaque(block), Opaque(size)); }

// Whatever realloc returns, the fault has been committed.
void DoRealloc(char* block, size_t size) { Opaque(realloc(Opaque(block), Opaque(size * 2))); }
void DoReallocSame(char* block, size_t size) { Opaque(realloc(Opaque(block), Opaque(size))); }
void DoReallocLess(char* block, size_t size) { Opaque(realloc(Opaque(block), Opaque(size / 4))); }

void DoUsableSize(char* block, size_t) { Opaque(malloc_usable_size(Opaque(block))); }

}  // namespace faults
