// A malloc for tests of the bench alone: the least that keeps memory on the node of the thread that
// asks for it. It proves that numa_place_test can pass, and with a flaw chosen by NODE_MALLOC_FLAW,
// that the test notices:
//   touch  no memory policy: pages go where they are first written;
//   keep   freed blocks serve the thread that freed them, not the one they came from.
// One lock, no checks, and nothing is ever returned to the system.

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace {

constexpr size_t kAlignment = 16;
constexpr size_t kArenaBytes = size_t{1} << 30;  // Reserved; pages come when written.

struct Arena;

struct Header {
  Arena* owner;
  size_t bytes;
};
static_assert(sizeof(Header) == kAlignment);

struct FreeBlock {
  FreeBlock* next;
};

// Freed blocks of one size.
struct Bin {
  size_t bytes;
  FreeBlock* first;
};

struct Arena {
  uintptr_t at;
  uintptr_t end;
  std::array<Bin, 64> bins;  // Of whatever sizes come first; blocks of further sizes are lost.

  Bin* BinFor(size_t bytes) {
    for (Bin& bin : bins) {
      if (bin.bytes == 0) bin.bytes = bytes;
      if (bin.bytes == bytes) return &bin;
    }
    return nullptr;
  }
};

std::mutex lock;
thread_local Arena* own = nullptr;

bool Flawed(const char* flaw) {
  const char* chosen = std::getenv("NODE_MALLOC_FLAW");
  return chosen != nullptr && std::strcmp(chosen, flaw) == 0;
}

Arena* NewArena() {
  void* memory = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  unsigned node = 0;
  syscall(SYS_getcpu, nullptr, &node, nullptr);
  const uint64_t nodes = uint64_t{1} << node;
  if (!Flawed("touch")) syscall(SYS_mbind, memory, kArenaBytes, MPOL_BIND, &nodes, 64, 0);
  auto* arena = static_cast<Arena*>(memory);
  arena->at = reinterpret_cast<uintptr_t>(memory) + sizeof(Arena);
  arena->end = reinterpret_cast<uintptr_t>(memory) + kArenaBytes;
  return arena;
}

void* Fresh(Arena& arena, size_t bytes, size_t alignment) {
  const uintptr_t block = (arena.at + sizeof(Header) + alignment - 1) & ~(alignment - 1);
  if (block + bytes > arena.end) return nullptr;
  arena.at = block + bytes;
  auto* header = reinterpret_cast<Header*>(block - sizeof(Header));
  header->owner = &arena;
  header->bytes = bytes;
  return header + 1;
}

void* Allocate(size_t bytes, size_t alignment) {
  bytes = (std::max(bytes, kAlignment) + kAlignment - 1) & ~(kAlignment - 1);
  const std::lock_guard guard(lock);
  if (own == nullptr) own = NewArena();
  void* block = nullptr;
  if (own != nullptr && bytes < kArenaBytes) {
    Bin* bin = alignment <= kAlignment ? own->BinFor(bytes) : nullptr;
    if (bin != nullptr && bin->first != nullptr) {
      block = bin->first;
      bin->first = bin->first->next;
    } else {
      block = Fresh(*own, bytes, std::max(alignment, kAlignment));
    }
  }
  if (block == nullptr) errno = ENOMEM;
  return block;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void* malloc(size_t bytes) { return Allocate(bytes, kAlignment); }

void free(void* block) {
  if (block == nullptr) return;
  Header* header = static_cast<Header*>(block) - 1;
  const std::lock_guard guard(lock);
  if (own == nullptr) own = NewArena();
  if (Flawed("keep")) header->owner = own;
  Bin* bin = header->owner->BinFor(header->bytes);
  if (bin == nullptr) return;
  auto* freed = static_cast<FreeBlock*>(block);
  freed->next = bin->first;
  bin->first = freed;
}

void* calloc(size_t count, size_t bytes) {
  size_t product = 0;
  if (__builtin_mul_overflow(count, bytes, &product)) return nullptr;
  void* block = malloc(product);
  if (block != nullptr) std::memset(block, 0, product);
  return block;
}

void* realloc(void* block, size_t bytes) {
  if (block == nullptr) return malloc(bytes);
  void* moved = malloc(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(bytes, (static_cast<Header*>(block) - 1)->bytes));
  free(block);
  return moved;
}

void* aligned_alloc(size_t alignment, size_t bytes) { return Allocate(bytes, alignment); }

void* memalign(size_t alignment, size_t bytes) { return Allocate(bytes, alignment); }

int posix_memalign(void** result, size_t alignment, size_t bytes) {
  *result = Allocate(bytes, alignment);
  return *result == nullptr ? ENOMEM : 0;
}

}  // extern "C"
#pragma GCC visibility pop
