// The exploit writer (fuzz/attack) against the shipped library: a plain program that knows the C
// and C++ functions of allocation only, plays one input and ends. run.py starts it with the library
// preloaded and judges the end: 0 is harmless, a report is defended, anything else is a defect.
//
// Usage: attacker PROFILE FILE. Says on standard error when the first fault is about to be
// committed: no report may come before.
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "fuzz/attack/attack.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "fuzz/preloaded/players.h"
#include "fuzz/preloaded/process_memory.h"
#include "src/options/options.h"

namespace fuzz {
namespace {

using bartizan::Family;

// By pointers that the compiler does not look through: it knows what these functions do, and what
// no correct program does with them.
struct Functions {
  void* (*allocate)(size_t) = malloc;
  void* (*allocate_aligned)(size_t, size_t) = memalign;
  void* (*make)(size_t, const std::nothrow_t&) = ::operator new;
  void* (*make_array)(size_t, const std::nothrow_t&) = ::operator new[];
  void (*release)(void*) = free;
  // C23's, which this C library does not have.
  void (*release_sized)(void*,
                        size_t) = reinterpret_cast<void (*)(void*, size_t)>(dlsym(RTLD_DEFAULT,
                                                                                  "free_sized"));
  void (*remove)(void*) = ::operator delete;
  void (*remove_sized)(void*, size_t) = ::operator delete;
  void (*remove_array)(void*) = ::operator delete[];
  void (*remove_array_sized)(void*, size_t) = ::operator delete[];
  void* (*resize)(void*, size_t) = realloc;
  size_t (*size)(void*) = malloc_usable_size;
};
volatile const Functions g_call;

class PreloadedHeap final : public AttackedHeap {
 public:
  explicit PreloadedHeap(bartizan::ProfileId profile) : options_(bartizan::DefaultsOf(profile)) {}

  void* Allocate(size_t alignment, size_t size, Family family) override {
    void* block = nullptr;
    players_.Do([&] { block = Make(alignment, size, family); });
    return block;
  }
  void Free(void* pointer, Claim claim) override {
    players_.Do([&] { GiveBack(pointer, claim); });
  }
  void* Reallocate(void* pointer, size_t size) override {
    void* moved = nullptr;
    players_.Do([&] { moved = g_call.resize(pointer, size); });
    return moved;
  }
  size_t UsableSize(void* pointer) override {
    size_t size = 0;
    players_.Do([&] { size = g_call.size(pointer); });
    return size;
  }

  void SwitchTo(size_t thread) override { players_.SwitchTo(thread); }
  void EndThread() override { players_.End(); }
  void PassTime(uint64_t) override {}
  bool HasRealTime() const override { return true; }

  bool Has(bartizan::Toggle layer) const override { return options_.Has(layer); }
  bool Covers(uintptr_t begin, size_t bytes) const override {
    return bytes == 0 || HeapBytesAt(begin, bytes) == bytes;
  }
  bool IsGuard(uintptr_t, size_t) const override { return false; }
  size_t OpenTo(uintptr_t address, size_t size) const override {
    return players_.OutsideOfThreads(address, HeapBytesAt(address, size));
  }
  bool HasOthersBlocks() const override { return true; }
  void OnFirstFault() override {
    constexpr char kLine[] = "attacker: the first fault\n";
    FUZZ_CHECK(write(STDERR_FILENO, kLine, sizeof kLine - 1) > 0, "no standard error");
  }

 private:
  static void* Make(size_t alignment, size_t size, Family family) {
    switch (family) {
      case Family::kMalloc:
        return g_call.allocate(size);
      case Family::kAligned:
        return g_call.allocate_aligned(alignment, size);
      case Family::kNew:
        return g_call.make(size, std::nothrow);
      default:
        return g_call.make_array(size, std::nothrow);
    }
  }
  static void GiveBack(void* pointer, Claim claim) {
    const bool sized = claim.size != Claim::kNotStated;
    switch (claim.family) {
      case Family::kNew:
        return sized ? g_call.remove_sized(pointer, claim.size) : g_call.remove(pointer);
      case Family::kNewArray:
        return sized ? g_call.remove_array_sized(pointer, claim.size)
                     : g_call.remove_array(pointer);
      default:
        return sized ? g_call.release_sized(pointer, claim.size) : g_call.release(pointer);
    }
  }

  bartizan::Options options_;
  Players players_;
};

int Main(int argc, char** argv) {
  static uint8_t bytes[65536];
  bartizan::ProfileId profile;
  FUZZ_CHECK(g_call.release_sized != nullptr, "the library is not preloaded");
  if (argc != 3 || !bartizan::FindProfile(argv[1], &profile)) return 2;
  const int file = open(argv[2], O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, bytes, sizeof bytes);
  if (length < 0) return 2;
  Input input(bytes, static_cast<size_t>(length));
  input.Byte();  // in process, the set of layers
  PreloadedHeap heap(profile);
  Attack attack(input, heap);
  attack.Run();
  attack.CheckAll();
  // What the C library would do at an exit is no part of the attack.
  _exit(0);
}

}  // namespace
}  // namespace fuzz

int main(int argc, char** argv) { return fuzz::Main(argc, argv); }
