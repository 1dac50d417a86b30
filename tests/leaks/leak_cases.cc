// Blocks that are lost and blocks that are not, each of a size of its own, so that
// leak_cases_test.py knows which is which. When all cases have happened, the program writes '+' and
// waits for the end of its input; as `leak_cases fork`, in a child that has inherited all of it.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bartizan/epoch.h"
#include "bartizan/handle.h"
#include "tests/leaks/hidden.h"

namespace {

struct Node {
  Node* next;
  char rest[8];
};

Node* MakeNode(size_t bytes, Node* next = nullptr) {
  auto* node = static_cast<Node*>(Block(bytes));
  node->next = next;
  return node;
}

struct WithDestructor {
  ~WithDestructor() { Use(this); }
  char bytes[100];
};

}  // namespace

// Visible to others, so that the compiler keeps what nobody reads.
void* g_kept = nullptr;
Node* g_root = nullptr;
void* g_large_words = nullptr;
char g_bytes[16];
void* g_interior = nullptr;
void* g_last_byte = nullptr;
void* g_past_end = nullptr;
void* g_large = nullptr;
void* g_aligned = nullptr;
void* g_dangling = nullptr;
void* g_resized = nullptr;
WithDestructor* g_array = nullptr;
WithDestructor* g_empty_array = nullptr;
void** g_mapped = nullptr;
void** g_read_only = nullptr;
void** g_unmapped = nullptr;
std::map<int, std::string>* g_map = nullptr;
bartizan_handle g_handle;
thread_local void* t_of_thread = nullptr;

namespace {

int g_end[2];    // nobody writes here: threads wait until the end
int g_ready[2];  // threads say that they are as they should be
char* g_library_path = nullptr;

// Of the library that is preloaded.
template <class F>
F* FunctionOf(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
}

void SayReady() {
  if (write(g_ready[1], "+", 1) != 1) std::abort();
}
void AwaitReady() {
  char byte;
  if (read(g_ready[0], &byte, 1) != 1) std::abort();
}

void StartThread(void* (*work)(void*), bool ends = false) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, work, nullptr) != 0) std::abort();
  if (!ends) return AwaitReady();
  pthread_join(thread, nullptr);
}

void WaitForTheEnd() {
  SayReady();
  WaitHolding(g_end[0], 0);
}

// 10..19: by address.
void Direct() { Use(Block(1010)); }
void Kept() { g_kept = Block(1011); }
void Interior() { g_interior = static_cast<char*>(Block(1012)) + 500; }
void LastByte() { g_last_byte = static_cast<char*>(Block(1013)) + 1012; }
void PastEnd() { g_past_end = static_cast<char*>(Block(1792)) + 1792; }
void Zero() { Use(std::malloc(0)); }
void Misaligned() {
  void* const block = Block(1016);
  std::memcpy(g_bytes + 3, static_cast<const void*>(&block), sizeof block);
}

// 20..29: from block to block.
void Chain() { Use(MakeNode(1020, MakeNode(1021, MakeNode(1022)))); }
void Circle() {
  Node* const first = MakeNode(1023);
  first->next = MakeNode(1025, first);
}
void ToItself() {
  Node* const node = MakeNode(1026);
  node->next = node;
}
void Tree() { g_root = MakeNode(1027, MakeNode(1028)); }
void ByAFreedOne() {
  Node* const node = MakeNode(1029, MakeNode(1030));
  g_dangling = node;
  std::free(node);
}

// 40..49: sizes and kinds of blocks.
void Large() { Use(Block(3'000'040)); }
void LargeKept() { g_large = static_cast<char*>(Block(3'000'041)) + 2'000'000; }
void LargeKeeps() {
  auto** const words = static_cast<void**>(Block(3'000'042));
  words[300'000] = Block(1043);
  g_large_words = static_cast<void*>(words);
}
void Array() { g_array = new WithDestructor[3]; }  // 308 bytes, known by the first element
void EmptyArray() { g_empty_array = new WithDestructor[0]; }  // eight bytes, known by their end
void LostArray() { Use(new WithDestructor[4]); }              // 408 bytes
void Aligned() {
  g_aligned = std::aligned_alloc(4096, 4096 * 3);
  Use(std::aligned_alloc(1 << 16, 4096 * 4));
  Use(::operator new(1048, std::align_val_t(64)));
}
void Resized() {
  Use(std::realloc(Block(1049), 5049));
  g_resized = std::realloc(Block(1050), 50'050);
}

// 60..69: threads.
void* HoldsInRegister(void*) {
  const uintptr_t hidden = Hide(Block(1060));
  ClearTraces();
  SayReady();
  uintptr_t shown = ~hidden;
  asm volatile("" : "+r"(shown));
  WaitHolding(g_end[0], shown);
  return nullptr;
}
void* HoldsInThreadStorage(void*) {
  t_of_thread = Block(1061);
  ClearTraces();
  WaitForTheEnd();
  return nullptr;
}
void* HoldsOnStack(void*) {
  void* volatile block[1] = {Block(1062)};
  ClearTraces();
  WaitForTheEnd();
  Use(block[0]);
  return nullptr;
}
[[gnu::noinline]] void LeaveInAFrame() {
  void* frame[1024];
  Use(static_cast<void*>(frame));  // all of it is there, between the caller and what is called here
  frame[8] = Block(1063);
  Use(static_cast<void*>(frame));
}
void* HeldInAFrameThatReturned(void*) {
  ClearTraces();
  LeaveInAFrame();
  SayReady();
  ClearRegisters();
  WaitHolding(g_end[0], 0);
  return nullptr;
}
void* EndsWithABlock(void*) {
  void* volatile block[1] = {Block(1064)};
  t_of_thread = Block(1065);
  Use(block[0]);
  return nullptr;
}
pthread_key_t g_key[40];  // more than lie in the thread's descriptor itself
void* HoldsByKeys(void*) {
  pthread_setspecific(g_key[1], Block(1066));
  pthread_setspecific(g_key[39], Block(1067));
  ClearTraces();
  WaitForTheEnd();
  return nullptr;
}
void* EndsWithAKey(void*) {
  pthread_setspecific(g_key[2], Block(1068));
  return nullptr;
}
// The C library keeps some of their stacks, and what it allocated for these is not lost.
void EndTogether() {
  constexpr int kThreads = 4;
  pthread_t threads[kThreads];
  pthread_barrier_t all;
  pthread_barrier_init(&all, nullptr, kThreads);
  for (pthread_t& thread : threads) {
    const auto wait = [](void* barrier) -> void* {
      pthread_barrier_wait(static_cast<pthread_barrier_t*>(barrier));
      return nullptr;
    };
    if (pthread_create(&thread, nullptr, wait, &all) != 0) std::abort();
  }
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
}
void MainsThreadStorage() { t_of_thread = Block(1069); }

// 70..79: other memory.
void Library() {
  void* const library = dlopen(g_library_path, RTLD_NOW);
  if (library == nullptr) std::abort();
  *static_cast<void**>(dlsym(library, "g_of_library")) = Block(1070);
}
void** MapPage() {
  return static_cast<void**>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
void Mapped() {
  g_mapped = MapPage();
  g_mapped[100] = Block(1071);
}
void MappedReadOnly() {
  g_read_only = MapPage();
  g_read_only[100] = Block(1072);
  mprotect(static_cast<void*>(g_read_only), 4096, PROT_READ);
}
void Unmapped() {
  g_unmapped = MapPage();
  g_unmapped[100] = Block(1073);
  munmap(static_cast<void*>(g_unmapped), 4096);
}
void MappedByMany() {
  auto** const shared = static_cast<void**>(
      mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  shared[70'000] = Block(1074);
}

// 80..89: containers.
void Containers() {
  g_map = new std::map<int, std::string>;
  for (int i = 0; i < 10; ++i) (*g_map)[i] = std::string(1080, 'x');
  static std::vector<std::unique_ptr<std::array<char, 1081>>> owners;
  for (int i = 0; i < 7; ++i) owners.push_back(std::make_unique<std::array<char, 1081>>());
}
void LostContainers() {
  Use(new std::vector<char>(1082));  // itself 24 bytes
}

// 90..99: Bartizan's own.
void Epochs() {
  const auto open = FunctionOf<decltype(bartizan_epoch_open)>("bartizan_epoch_open");
  const auto close = FunctionOf<decltype(bartizan_epoch_close)>("bartizan_epoch_close");
  const auto make = FunctionOf<decltype(bartizan_epoch_malloc)>("bartizan_epoch_malloc");
  if (open == nullptr || close == nullptr || make == nullptr) std::abort();
  bartizan_epoch stays;
  bartizan_epoch ends;
  if (open("stays", &stays) != BARTIZAN_EPOCH_OK || open("ends", &ends) != BARTIZAN_EPOCH_OK) {
    std::abort();
  }
  Use(make(stays, 1090, nullptr));
  Use(make(stays, 3'000'091, nullptr));
  Use(make(ends, 1092, nullptr));
  Use(make(ends, 3'000'093, nullptr));
  close(ends, nullptr);
}
void Handles() {
  const auto make = FunctionOf<decltype(bartizan_handle_malloc)>("bartizan_handle_malloc");
  const auto resolve = FunctionOf<decltype(bartizan_handle_resolve)>("bartizan_handle_resolve");
  if (make == nullptr || make(1094, &g_handle) != BARTIZAN_HANDLE_OK) std::abort();
  // What it leads to is known through it alone.
  auto* const node = static_cast<Node*>(resolve(g_handle));
  node->next = MakeNode(1095);
}

// Each in a frame that is gone when the next one comes.
using Case = void (*)();
constexpr Case kCases[] = {
    Direct,     Kept,           Interior,     LastByte, PastEnd,        Zero,
    Misaligned, Chain,          Circle,       ToItself, Tree,           ByAFreedOne,
    Large,      LargeKept,      LargeKeeps,   Array,    EmptyArray,     LostArray,
    Aligned,    Resized,        Library,      Mapped,   MappedReadOnly, Unmapped,
    Containers, LostContainers, MappedByMany, Epochs,   Handles,        MainsThreadStorage};

[[gnu::noinline]] void Happen() {
  for (const Case each : kCases) {
    each();
    ClearTraces();
  }
  for (pthread_key_t& key : g_key) pthread_key_create(&key, nullptr);
  for (void* (*work)(void*) : {EndsWithABlock, EndsWithAKey}) StartThread(work, true);
  for (void* (*work)(void*) : {HoldsInRegister, HoldsInThreadStorage, HoldsOnStack,
                               HeldInAFrameThatReturned, HoldsByKeys}) {
    StartThread(work);
  }
  EndTogether();
}

[[gnu::noinline]] void WaitAsTheProcess() {
  ClearTraces();
  if (write(STDOUT_FILENO, "+", 1) != 1) std::abort();
  ClearTraces();
  WaitHolding(STDIN_FILENO, 0);
}

[[gnu::noinline]] void LoseInAChild() {
  Use(Block(2000));
  char text[16];
  const int length = std::snprintf(text, sizeof text, "%d\n", getpid());
  if (write(STDOUT_FILENO, text, static_cast<size_t>(length)) != length) std::abort();
}

// The child has one thread: what only the others referred to from registers and stacks is lost.
[[gnu::noinline]] void WaitInAChild() {
  const pid_t child = fork();
  if (child != 0) {
    waitpid(child, nullptr, 0);
    return;
  }
  LoseInAChild();
  ClearTraces();
  WaitAsTheProcess();
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || pipe(g_end) != 0 || pipe(g_ready) != 0) return 2;
  g_library_path = argv[1];
  Happen();
  if (argc > 2 && std::strcmp(argv[2], "fork") == 0) {
    WaitInAChild();
  } else {
    WaitAsTheProcess();
  }
  _exit(0);
}
