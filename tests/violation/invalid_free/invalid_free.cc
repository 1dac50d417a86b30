// One mistake with a pointer per run: `invalid_free NAME SIZE [thread]`, or `invalid_free --list`.
//
// It prints the address that the mistake is about on stdout, then makes the mistake; with `thread`
// in a second thread, which was started before so that nothing is allocated in between. It exits
// with 0 after a name that is no mistake, and with 3 when a mistake went unnoticed.
#include <malloc.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <new>
#include <thread>

#include "tests/support/expect.h"

namespace {

constexpr size_t kOthers = 64;
constexpr int kUnnoticed = 3;

// Nothing here may be seen through: a compiler that knows free() assumes no mistakes.
void Free(void* block) { free(test::Opaque(block)); }

char* Allocate(size_t size) {
  char* block = test::Opaque(static_cast<char*>(malloc(size)));
  EXPECT(block != nullptr, "malloc(%zu) failed", size);
  memset(block, 1, size);
  return block;
}

char* Freed(size_t size) {
  char* block = Allocate(size);
  Free(block);
  return test::Opaque(block);
}

void* InThread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  void* result = nullptr;
  EXPECT(pthread_create(&thread, nullptr, body, argument) == 0, "pthread_create");
  EXPECT(pthread_join(thread, &result) == 0, "pthread_join");
  return result;
}

// --- What leads to the mistake: each returns the address that it is about. ---

char* FreedAmongOthers(size_t size) {
  char* others[kOthers];
  for (char*& other : others) other = Allocate(size);
  char* block = Freed(size);
  for (char* other : others) Free(other);
  return block;
}

char* FreedBeforeAnother(size_t size) {
  char* first = Allocate(size);
  char* second = Allocate(size);
  Free(first);
  Free(second);
  return first;
}

// The freed memory is overwritten, which hides the mark that some allocators keep there.
char* FreedAndOverwritten(size_t size) {
  char* block = Freed(size);
  memset(block, 0x41, size);
  return block;
}

// Another thread freed it, and is gone.
char* FreedByOther(size_t size) {
  char* block = Allocate(size);
  InThread([](void* argument) -> void* { return Free(argument), nullptr; }, block);
  return block;
}

// Another thread allocated it, freed it, and is gone with its heap.
char* FreedByOwnerThatEnded(size_t size) {
  return static_cast<char*>(InThread(
      [](void* argument) -> void* { return Freed(*static_cast<size_t*>(argument)); }, &size));
}

// The block moved; its old address is freed memory.
char* MovedAway(size_t size) {
  char* block = Allocate(size);
  char* after = Allocate(size);
  char* moved = static_cast<char*>(realloc(test::Opaque(block), size * 64 + 100000));
  EXPECT(moved != nullptr && after != nullptr, "realloc failed");
  if (moved == block) {
    // It grew in place, as a large block may: then this is a plain double free.
    Free(moved);
  }
  return test::Opaque(block);
}

template <size_t kBytes>
char* Inside(size_t size) {
  return Allocate(size) + kBytes;
}

char* Middle(size_t size) { return Allocate(size) + size / 2 / 16 * 16; }

char* End(size_t size) { return Allocate(size) + size; }

char* Stack(size_t) {
  // Of the main thread, and still in use by it while this program runs: below its argument strings.
  uintptr_t top = reinterpret_cast<uintptr_t>(environ);
  return reinterpret_cast<char*>((top - 256) / 16 * 16);
}

alignas(64) char global[4096];

char* Global(size_t) { return global; }

char* Code(size_t) { return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(&Global) & ~15ul); }

char* ForeignMapping(size_t) {
  void* pages = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(pages != MAP_FAILED, "mmap failed");
  return static_cast<char*>(pages) + 4096;
}

char* OtherHeap(size_t) {
  // Where the C library's own heap grows.
  void* memory = sbrk(1 << 16);
  EXPECT(memory != reinterpret_cast<void*>(-1), "sbrk failed");
  return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + 4096) / 16 * 16);
}

char* Wild(size_t) { return reinterpret_cast<char*>(0x414141414140); }
char* NonCanonical(size_t) { return reinterpret_cast<char*>(0xdeadbeefdeadbee0); }
char* Small(size_t) { return reinterpret_cast<char*>(64); }

// Ours, in ascending order, and the distance at which blocks of this size follow each other.
size_t AllocateRow(size_t size, char* (&blocks)[kOthers]) {
  for (char*& block : blocks) block = Allocate(size);
  std::sort(std::begin(blocks), std::end(blocks));
  size_t distance = SIZE_MAX;
  for (size_t i = 1; i < kOthers; ++i) {
    distance = std::min(distance, static_cast<size_t>(blocks[i] - blocks[i - 1]));
  }
  return distance;
}

// An address among ours at which a block may begin, but none that we were given.
char* NeverIssued(size_t size) {
  char* blocks[kOthers];
  size_t distance = AllocateRow(size, blocks);
  char* candidate = blocks[0];
  while (std::binary_search(std::begin(blocks), std::end(blocks), candidate)) candidate += distance;
  return candidate;
}

// The same, far from all that this program has: in memory set aside for blocks of this size.
char* NeverIssuedFar(size_t size) {
  char* blocks[kOthers];
  size_t distance = AllocateRow(size, blocks);
  while (distance < (4 << 20)) distance *= 2;
  return blocks[kOthers - 1] + distance;
}

char* Null(size_t) { return nullptr; }

// --- The mistake itself. ---

void DoFree(char* block, size_t) { Free(block); }

void DoRealloc(char* block, size_t size) {
  if (test::Opaque(realloc(test::Opaque(block), size * 2)) == nullptr) _exit(kUnnoticed);
}

void DoReallocSame(char* block, size_t size) {
  if (test::Opaque(realloc(test::Opaque(block), size)) == nullptr) _exit(kUnnoticed);
}

std::atomic<size_t> usable = 0;

void DoUsableSize(char* block, size_t) { usable = malloc_usable_size(test::Opaque(block)); }

void DoSizedDelete(char* block, size_t size) { operator delete(test::Opaque(block), size); }

// Two threads free one block at the same time. A loser that the state does not show at once must be
// caught when the block moves on; it is never given to the program twice.
void DoRace(char*, size_t size) {
  constexpr int kRounds = 1000;
  constexpr size_t kMostAfter = 256;
  // Enough to bring a quarantined block back; of large ones, a few megabytes.
  size_t after = size < 16384 ? kMostAfter : (4 << 20) / size + 8;
  static std::atomic<char*> target;
  static std::atomic<int> arrived;
  static std::atomic<bool> ended;
  std::thread other([] {
    while (!ended.load()) {
      char* block = target.load(std::memory_order_acquire);
      if (block == nullptr) continue;
      arrived.fetch_add(1);
      while (arrived.load() < 2) continue;
      Free(block);
      target.store(nullptr, std::memory_order_release);
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    char* block = Allocate(size);
    arrived = 0;
    target.store(block, std::memory_order_release);
    while (arrived.load() < 1) continue;
    arrived.fetch_add(1);
    Free(block);
    while (target.load(std::memory_order_acquire) != nullptr) sched_yield();
    char* again[kMostAfter];
    for (size_t i = 0; i < after; ++i) {
      again[i] = Allocate(size);
      for (size_t j = 0; j < i; ++j) {
        EXPECT(again[i] != again[j], "%p was given to the program twice", again[i]);
      }
    }
    for (size_t i = 0; i < after; ++i) Free(again[i]);
  }
  ended = true;
  other.join();
}

// --- What is no mistake. ---

void ValidFree(char*, size_t size) {
  char* block = Allocate(size);
  Free(block);
  block = Allocate(size);
  InThread([](void* argument) -> void* { return Free(argument), nullptr; }, block);
  block = static_cast<char*>(realloc(Allocate(size), size * 3));
  usable = malloc_usable_size(block);
  Free(block);
  operator delete(operator new(size), size);
}

struct Fault {
  const char* name;
  char* (*prepare)(size_t size);
  void (*act)(char* block, size_t size);
  bool valid = false;
};

constexpr Fault kFaults[] = {
    {"double_free_immediate", Freed, DoFree},
    {"double_free_delayed", FreedAmongOthers, DoFree},
    {"double_free_interleaved", FreedBeforeAnother, DoFree},
    {"double_free_overwritten", FreedAndOverwritten, DoFree},
    {"double_free_by_other", FreedByOther, DoFree},
    {"double_free_owner_ended", FreedByOwnerThatEnded, DoFree},
    {"double_free_moved", MovedAway, DoFree},
    {"double_free_racing", Null, DoRace},
    {"free_stack", Stack, DoFree},
    {"free_global", Global, DoFree},
    {"free_code", Code, DoFree},
    {"free_unaligned", Inside<1>, DoFree},
    {"free_interior_8", Inside<8>, DoFree},
    {"free_interior_16", Inside<16>, DoFree},
    {"free_middle", Middle, DoFree},
    {"free_end", End, DoFree},
    {"free_foreign_mapping", ForeignMapping, DoFree},
    {"free_other_heap", OtherHeap, DoFree},
    {"free_wild", Wild, DoFree},
    {"free_non_canonical", NonCanonical, DoFree},
    {"free_small_number", Small, DoFree},
    {"free_never_issued", NeverIssued, DoFree},
    {"free_never_issued_far", NeverIssuedFar, DoFree},
    {"realloc_freed", Freed, DoRealloc},
    {"realloc_freed_same_size", Freed, DoReallocSame},
    {"realloc_freed_by_other", FreedByOther, DoRealloc},
    {"realloc_interior", Inside<8>, DoRealloc},
    {"realloc_interior_same_size", Inside<8>, DoReallocSame},
    {"realloc_foreign_mapping", ForeignMapping, DoRealloc},
    {"realloc_stack", Stack, DoRealloc},
    {"realloc_never_issued", NeverIssued, DoRealloc},
    {"realloc_never_issued_far", NeverIssuedFar, DoRealloc},
    {"usable_size_freed", Freed, DoUsableSize},
    {"usable_size_interior", Inside<8>, DoUsableSize},
    {"usable_size_foreign_mapping", ForeignMapping, DoUsableSize},
    {"usable_size_never_issued", NeverIssued, DoUsableSize},
    {"usable_size_never_issued_far", NeverIssuedFar, DoUsableSize},
    {"sized_delete_freed", Freed, DoSizedDelete},
    {"sized_delete_freed_by_other", FreedByOther, DoSizedDelete},
    {"sized_delete_interior", Inside<8>, DoSizedDelete},
    {"sized_delete_foreign_mapping", ForeignMapping, DoSizedDelete},
    {"valid_free_null", Null, DoFree, true},
    {"valid_realloc_null", Null, DoRealloc, true},
    {"valid_usable_size_null", Null, DoUsableSize, true},
    {"valid_sized_delete_null", Null, DoSizedDelete, true},
    {"valid_frees", Null, ValidFree, true},
};

void SayAddress(const char* block) {
  char line[64];
  int size = snprintf(line, sizeof line, "0x%lx\n", reinterpret_cast<uintptr_t>(block));
  EXPECT(write(STDOUT_FILENO, line, static_cast<size_t>(size)) == size, "stdout is closed");
}

void Run(const Fault& fault, size_t size, bool in_thread) {
  static std::atomic<bool> go;
  static char* volatile block;
  std::thread second;
  if (in_thread) {
    second = std::thread([&fault, size] {
      while (!go.load()) sched_yield();
      fault.act(block, size);
    });
  }
  block = fault.prepare(size);
  SayAddress(block);
  go = true;
  if (in_thread) {
    second.join();
  } else {
    fault.act(block, size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (const Fault& fault : kFaults) puts(fault.name);
    return 0;
  }
  bool in_thread = argc == 4 && strcmp(argv[3], "thread") == 0;
  EXPECT(argc == 3 || in_thread, "usage: invalid_free NAME SIZE [thread]");
  for (const Fault& fault : kFaults) {
    if (strcmp(fault.name, argv[1]) != 0) continue;
    Run(fault, strtoull(argv[2], nullptr, 10), in_thread);
    if (fault.valid) return 0;
    test::Say("%s went unnoticed", fault.name);
    _exit(kUnnoticed);
  }
  test::Say("no fault has the name %s", argv[1]);
  return 2;
}
