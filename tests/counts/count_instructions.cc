// Counts the instructions of malloc and free in pairs, of memcpy, or of the functions of handles,
// by single steps of this very process.
//
// usage: LD_PRELOAD=LIBRARY BARTIZAN_OPTIONS=... count_instructions WARM_UP COUNTED SIZE...
//        LD_PRELOAD=LIBRARY BARTIZAN_OPTIONS=... count_instructions copies|handles COUNTED
// COUNTED pairs at most: where they are long, fewer.
//
// The processor traps after every instruction while its trap flag is set; the handler looks where
// the process is. Counted are instructions inside the library that has malloc. What it calls
// outside (memset of the C library, which differs from processor to processor) runs at full speed
// and counts as one call out. A string instruction that repeats itself counts once.
//
// Prints a line for each size: the size; for malloc, then for free, the least, the median and the
// average; then the calls out for each pair. The median is the lower one: where every other call is
// a refill, that is still the common path. With "copies", a line for each kind of memory that 64
// bytes are copied to and from: its name; the least, the median and the average; the calls out.
// With "handles", the same for each function, of blocks of 64 bytes.
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace {

constexpr greg_t kTrapFlag = 0x100;
constexpr long kMostPairs = 1 << 20;
// A multiple of every window of slots, so that it does not matter where in one the counting begins.
constexpr long kPairsAtOnce = 32;
// A step costs microseconds: after so many, these pairs are the last.
constexpr uint64_t kEnough = 100'000;

struct Range {
  uint64_t begin, end;

  bool Has(uint64_t address) const { return address >= begin && address < end; }
};

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "count_instructions: %s\n", what);
  exit(1);
}

// --- Where the process is -----------------------------------------------------------------------

uint64_t g_malloc;
uint64_t g_free;
uint64_t g_function;  // what is counted besides
Range g_library;
Range g_program;

struct Search {
  uint64_t code;
  Range found;
};

int LookIn(dl_phdr_info* info, size_t, void* argument) {
  auto* search = static_cast<Search*>(argument);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const uint64_t begin = info->dlpi_addr + header.p_vaddr;
    const Range range{begin, begin + header.p_memsz};
    if (!range.Has(search->code)) continue;
    search->found = range;
    return 1;
  }
  return 0;
}

// The executable mapping that the code lies in.
Range MappingOf(uint64_t code) {
  Search search{code, {0, 0}};
  dl_iterate_phdr(LookIn, &search);
  return search.found;
}

// --- Stepping -----------------------------------------------------------------------------------

struct Calls {
  long count = 0;
  uint32_t instructions[kMostPairs];
};
Calls g_mallocs;
Calls g_frees;
Calls g_calls;  // of that function
uint64_t g_calls_out;
const char* g_mistake;

Calls* g_call;             // the call under way, nullptr between calls
uint64_t g_before;         // the instruction before, in the library
uint64_t g_return;         // where a call out will return to
uint64_t g_return_stop;    // where it is made to return to instead
uint64_t g_begin, g_done;  // stops: single steps begin, end

// Ran into by calls out when they return, by the program before and after the pairs.
extern "C" void StopAtReturn();
extern "C" void StopToBegin();
extern "C" void StopWhenDone();
asm(R"(
  .text
  .globl StopAtReturn, StopToBegin, StopWhenDone
  StopAtReturn: int3
  StopToBegin: int3
    ret
  StopWhenDone: int3
    ret
)");

void Begin(uint64_t at) {
  g_call = at == g_malloc     ? &g_mallocs
           : at == g_free     ? &g_frees
           : at == g_function ? &g_calls
                              : nullptr;
  if (g_call == nullptr) {
    g_mistake = "the library was entered somewhere else than at what is counted";
    return;
  }
  if (g_call->count == kMostPairs) {
    g_mistake = "more calls than were asked for";
    return;
  }
  g_call->instructions[g_call->count++] = 0;
}

// After each single step, and at each stop.
void OnTrap(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  auto at = static_cast<uint64_t>(registers[REG_RIP]);
  // An int3 has been executed when it traps: the address is the one behind it.
  if (at == g_begin + 1) {
    registers[REG_EFL] |= kTrapFlag;
    return;
  }
  if (at == g_done + 1 || g_mistake != nullptr) {
    registers[REG_EFL] &= ~kTrapFlag;
    return;
  }
  if (at == g_return_stop + 1) {
    at = g_return;
    registers[REG_RIP] = static_cast<greg_t>(at);
    registers[REG_EFL] |= kTrapFlag;
  }
  if (g_library.Has(at)) {
    if (g_call == nullptr) Begin(at);
    if (g_call != nullptr && at != g_before) g_call->instructions[g_call->count - 1]++;
    g_before = at;
    return;
  }
  g_before = 0;
  if (g_program.Has(at)) {
    g_call = nullptr;
    return;
  }
  ++g_calls_out;
  auto* stack = reinterpret_cast<uint64_t*>(registers[REG_RSP]);
  g_return = *stack;
  *stack = g_return_stop;
  registers[REG_EFL] &= ~kTrapFlag;
}

void Install() {
  g_begin = reinterpret_cast<uint64_t>(&StopToBegin);
  g_done = reinterpret_cast<uint64_t>(&StopWhenDone);
  g_return_stop = reinterpret_cast<uint64_t>(&StopAtReturn);
  // dlsym, not &malloc: that may be the address of a stub in this program.
  g_malloc = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "malloc"));
  g_free = reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, "free"));
  g_library = MappingOf(g_malloc);
  g_program = MappingOf(g_begin);
  if (dlsym(RTLD_DEFAULT, "bartizan_version") == nullptr) Fail("the library is not preloaded");
  struct sigaction action = {};
  action.sa_sigaction = OnTrap;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGTRAP, &action, nullptr) != 0) Fail("cannot handle SIGTRAP");
}

// --- Measuring ----------------------------------------------------------------------------------

void Pairs(long pairs, size_t size) {
  const auto allocate = reinterpret_cast<void* (*)(size_t)>(g_malloc);
  const auto release = reinterpret_cast<void (*)(void*)>(g_free);
  for (long i = 0; i < pairs; ++i) release(allocate(size));
}

uint64_t SumOf(const Calls& calls) {
  return std::accumulate(calls.instructions, calls.instructions + calls.count, uint64_t{0});
}

void Print(Calls& calls) {
  uint32_t* end = calls.instructions + calls.count;
  std::sort(calls.instructions, end);
  printf(" %u %u %.1f", calls.instructions[0], calls.instructions[(calls.count - 1) / 2],
         static_cast<double>(SumOf(calls)) / static_cast<double>(calls.count));
}

void Measure(long warm_up, long most, size_t size) {
  g_mallocs.count = g_frees.count = 0;
  g_calls_out = 0;
  Pairs(warm_up, size);
  long counted = 0;
  while (counted < most && SumOf(g_mallocs) + SumOf(g_frees) < kEnough) {
    StopToBegin();
    Pairs(kPairsAtOnce, size);
    StopWhenDone();
    counted += kPairsAtOnce;
  }
  if (g_mistake != nullptr) Fail(g_mistake);
  if (g_mallocs.count != counted || g_frees.count != counted) {
    Fail("calls are missing: does the system let a process step itself?");
  }
  printf("%zu", size);
  Print(g_mallocs);
  Print(g_frees);
  printf(" %.2f\n", static_cast<double>(g_calls_out) / static_cast<double>(counted));
  fflush(stdout);
}

uint64_t FunctionOf(const char* name) {
  return reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, name));
}

// `call(i)` calls the function once.
template <class Call>
void MeasureCalls(const char* kind, uint64_t function, long calls, Call call) {
  g_function = function;
  g_calls.count = 0;
  g_calls_out = 0;
  StopToBegin();
  for (long i = 0; i < calls; ++i) call(i);
  StopWhenDone();
  if (g_mistake != nullptr) Fail(g_mistake);
  if (g_calls.count != calls) Fail("calls are missing: is the function the library's?");
  printf("%s", kind);
  Print(g_calls);
  printf(" %.2f\n", static_cast<double>(g_calls_out) / static_cast<double>(calls));
  fflush(stdout);
}

constexpr size_t kCopied = 64;

void MeasureCopies(const char* kind, long copies, void* to, const void* from) {
  const uint64_t function = FunctionOf("memcpy");
  const auto copy = reinterpret_cast<void* (*)(void*, const void*, size_t)>(function);
  MeasureCalls(kind, function, copies, [=](long) { copy(to, from, kCopied); });
}

void MeasureAllCopies(long copies) {
  char on_stack[2][kCopied] = {};
  static char global[2][kCopied];
  constexpr size_t kLarge = 262144;
  const char* const small = static_cast<char*>(calloc(1, 2 * kCopied));
  char* const other = static_cast<char*>(calloc(1, 2 * kCopied));
  char* const large = static_cast<char*>(calloc(1, kLarge));
  if (small == nullptr || other == nullptr || large == nullptr) Fail("there is no memory");
  MeasureCopies("stack", copies, on_stack[0], on_stack[1]);
  MeasureCopies("global", copies, global[0], global[1]);
  MeasureCopies("block-to-stack", copies, on_stack[0], small);
  MeasureCopies("block-to-block", copies, other, small);
  MeasureCopies("large-block-to-stack", copies, on_stack[0], large);
}

// --- Handles ------------------------------------------------------------------------------------

template <class Function>
Function* HandleFunction(const char* name) {
  const auto function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
  if (function == nullptr) Fail("the library has no handles");
  return function;
}

void MeasureHandles(long count) {
  constexpr long kMost = 1024;
  constexpr size_t kBytes = 64;
  const auto allocate = HandleFunction<int(size_t, uint64_t*)>("bartizan_handle_malloc");
  const auto release = HandleFunction<int(uint64_t)>("bartizan_handle_free");
  const auto resolve = HandleFunction<void*(uint64_t)>("bartizan_handle_resolve");
  const auto pin = HandleFunction<int(uint64_t, void**)>("bartizan_handle_pin");
  const auto unpin = HandleFunction<void(uint64_t)>("bartizan_handle_unpin");
  static uint64_t handles[kMost];
  if (count > kMost) Fail("COUNTED is out of range");
  constexpr int kWarmUp = 20;
  for (int round = 0; round < kWarmUp; ++round) {
    for (uint64_t& handle : handles) allocate(kBytes, &handle);
    for (const uint64_t handle : handles) release(handle);
  }
  void* block = nullptr;
  const auto measure = [count](const char* kind, auto* function, auto call) {
    MeasureCalls(kind, reinterpret_cast<uint64_t>(function), count, call);
  };
  measure("malloc", allocate, [=](long i) { allocate(kBytes, &handles[i]); });
  measure("resolve", resolve, [=](long i) { resolve(handles[i]); });
  measure("pin", pin, [=, &block](long i) { pin(handles[i], &block); });
  measure("unpin", unpin, [=](long i) { unpin(handles[i]); });
  measure("free", release, [=](long i) { release(handles[i]); });
  measure("resolve-freed", resolve, [=](long i) { resolve(handles[i]); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    Install();
    const long calls = strtol(argv[2], nullptr, 10);
    if (calls < 1 || calls > kMostPairs) Fail("COUNTED is out of range");
    if (strcmp(argv[1], "copies") == 0) {
      MeasureAllCopies(calls);
      return 0;
    }
    if (strcmp(argv[1], "handles") == 0) {
      MeasureHandles(calls);
      return 0;
    }
  }
  if (argc < 4) {
    fputs(
        "usage: count_instructions WARM_UP COUNTED SIZE...\n       count_instructions "
        "copies|handles COUNTED\n",
        stderr);
    return 2;
  }
  const long warm_up = strtol(argv[1], nullptr, 10);
  const long counted = strtol(argv[2], nullptr, 10);
  if (counted < 1 || counted > kMostPairs - kPairsAtOnce) Fail("COUNTED is out of range");
  Install();
  for (int i = 3; i < argc; ++i) Measure(warm_up, counted, strtoul(argv[i], nullptr, 10));
  return 0;
}
