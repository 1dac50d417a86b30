// Every function that bounded_libc watches, with every fault, at many sizes: each in a child of its
// own, whose end and report are compared. What is no fault must pass. With --off, nothing may be
// reported; with --few, two of the sizes.
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <initializer_list>
#include <iterator>
#include <span>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"
#include "tests/violation/bounded_libc/captured.h"
#include "tests/violation/bounded_libc/functions.h"

namespace {

using test::Captured;
using test::Function;
using test::Source;
using test::Target;

constexpr size_t kLarge = 262144;
constexpr size_t kSizes[] = {24, kLarge, 8, 100, 1000, 4096, 20000};
constexpr size_t kBeyond[] = {1, 1 << 20, 8, 32};
// With --few: what tells the most.
constexpr size_t kFew = 2;
constexpr size_t kForeignBytes = 2 << 20;
constexpr size_t kBefore = 8;

enum class Role { kWritten, kRead };

// One call and what it leads to.
struct Case {
  const Function* function;
  Role role;
  size_t size;      // of the block
  long offset = 0;  // from the block to the argument
  size_t bytes;     // that the function accesses
  bool freed = false;
  // The beginning of the report behind "bartizan: fatal: "; empty: none.
  char report[192] = "";
  // Else what is before the block decides what the report calls it.
  bool exact = true;
};

// Memory that no allocator gave us.
char* Foreign() {
  void* memory =
      mmap(nullptr, kForeignBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(memory != MAP_FAILED, "mmap");
  return static_cast<char*>(memory);
}

// A string that takes `bytes` with its terminator.
void WriteString(char* to, size_t bytes, size_t unit) {
  memset(to, 'a', bytes - unit);
  memset(to + bytes - unit, 0, unit);
}

// Never the first one of its kind, before which there may be nothing.
char* Allocate(size_t size) {
  char* last = nullptr;
  for (int i = 0; i < 4; ++i) {
    char* block = test::Opaque(static_cast<char*>(malloc(size)));
    EXPECT(block != nullptr, "malloc(%zu)", size);
    memset(block, 'a', size);  // no string ends in a neighbour
    if (block > last) last = block;
  }
  return last;
}

// In the child.
void Run(const Case& one) {
  static char* const foreign = Foreign();
  const Function& function = *one.function;
  char* block = Allocate(one.size);
  const bool is_legal = one.report[0] == '\0';
  if (one.role == Role::kWritten) {
    memset(block, 0, one.size);
    if (one.bytes >= function.unit) WriteString(foreign, one.bytes, function.unit);
  } else if (is_legal && one.bytes >= function.unit) {
    WriteString(block, one.bytes, function.unit);
  } else {
    memset(block, 'a', one.size);
  }
  if (one.freed) free(test::Opaque(block));
  char* argument = block + one.offset;
  // Not through a stream, whose buffer might be what was freed.
  dprintf(STDOUT_FILENO, "0x%lx\n", reinterpret_cast<uintptr_t>(argument));
  void* entry = dlsym(RTLD_DEFAULT, function.name);
  EXPECT(entry != nullptr, "no function %s", function.name);
  if (one.role == Role::kWritten) {
    function.call(entry, argument, foreign, one.bytes);
  } else {
    function.call(entry, foreign, argument, one.bytes);
  }
}

// Whether the child ended as it should.
bool IsAsExpected(const Case& one, const Captured& ended) {
  char address[32] = "";
  const char* line_end = strchr(ended.output, '\n');
  if (line_end == nullptr || line_end - ended.output >= 31) return false;
  memcpy(address, ended.output, static_cast<size_t>(line_end - ended.output));
  if (one.report[0] == '\0') return ended.ending.Clean() && line_end[1] == '\0';
  // Large blocks lie wherever there is room: before one, there may be nothing.
  const bool may_fault = !one.exact && one.size == kLarge;
  if (may_fault && ended.ending.Signaled(SIGSEGV)) return true;
  if (!ended.ending.Signaled(SIGABRT)) return false;
  char expected[320];
  snprintf(expected, sizeof expected, "bartizan: fatal: %s", one.report);
  const char* report = line_end + 1;
  if (!one.exact) {
    return strstr(report, expected + strlen("bartizan: fatal: ")) != nullptr &&
           strstr(report, " library call: ") != nullptr && strstr(report, address) != nullptr;
  }
  snprintf(expected + strlen(expected), 64, "; address %s, ", address);
  if (strncmp(report, expected, strlen(expected)) != 0) return false;
  char requested[48];
  snprintf(requested, sizeof requested, "requested %zu, ", one.size);
  if (!one.freed && strstr(report, requested) == nullptr) return false;
  // One line, one report.
  const char* report_end = strchr(report, '\n');
  return report_end != nullptr && report_end[1] == '\0';
}

bool g_few = false;
int g_cases = 0;
int g_failures = 0;

void Check(const Case& one) {
  ++g_cases;
  const Captured ended = test::RunCaptured([&] { Run(one); });
  if (IsAsExpected(one, ended)) return;
  ++g_failures;
  test::Say("%s %s %zu bytes at %+ld of a %sblock of %zu: expected '%s', %s %d, output:\n%s",
            one.function->name, one.role == Role::kWritten ? "writes" : "reads", one.bytes,
            one.offset, one.freed ? "freed " : "", one.size, one.report, ended.ending.Kind(),
            ended.ending.Number(), ended.output);
}

const char* Verb(Role role) { return role == Role::kWritten ? "write" : "read"; }

// How many bytes the report of an overrun names.
size_t Reported(const Function& function, Role role, size_t size, size_t bytes) {
  // A string without a terminator: that it goes on is all that can be known.
  return role == Role::kRead && function.source == Source::kString ? size + function.unit : bytes;
}

void CheckOverruns(const Function& function, Role role, size_t size) {
  for (size_t beyond : std::span(kBeyond).first(g_few ? kFew : std::size(kBeyond))) {
    const size_t more = (beyond + function.unit - 1) / function.unit * function.unit;
    Case one{.function = &function, .role = role, .size = size, .bytes = size + more};
    snprintf(one.report, sizeof one.report,
             "out-of-bounds library call: %s would %s %zu bytes where the block has %zu left",
             function.name, Verb(role), Reported(function, role, size, one.bytes), size);
    Check(one);
  }
}

void CheckBefore(const Function& function, Role role, size_t size) {
  Case one{.function = &function,
           .role = role,
           .size = size,
           .offset = -static_cast<long>(kBefore),
           .bytes = size + kBefore};
  snprintf(one.report, sizeof one.report, "%s would ", function.name);
  one.exact = false;
  Check(one);
}

void CheckFreed(const Function& function, Role role, size_t size) {
  Case one{.function = &function, .role = role, .size = size, .bytes = size, .freed = true};
  const bool looks = role == Role::kWritten ? function.target == Target::kExtended
                                            : function.source == Source::kString;
  snprintf(one.report, sizeof one.report,
           "use after free in library call: %s would %s %zu bytes in a freed block", function.name,
           looks ? "read" : Verb(role), looks ? function.unit : size);
  Check(one);
}

void CheckLegal(const Function& function, Role role, size_t size) {
  Check({.function = &function, .role = role, .size = size, .bytes = size});
  if (!function.counted) return;
  Check({.function = &function,
         .role = role,
         .size = size,
         .offset = static_cast<long>(size),
         .bytes = 0});
  Check({.function = &function, .role = role, .size = size, .bytes = 0, .freed = true});
}

// What the layer would report passes: one byte too many, where there is memory for it.
void CheckOff(const Function& function, Role role, size_t size) {
  if (size == kLarge) return;
  CheckLegal(function, role, size);
  Check({.function = &function, .role = role, .size = size, .bytes = size + function.unit});
}

// An output that fits may be bounded by more than the block has.
void CheckGenerousBound() {
  char* block = test::Opaque(static_cast<char*>(malloc(6)));
  EXPECT(snprintf(block, 1000, "%d", 12345) == 5 && strcmp(block, "12345") == 0, "snprintf");
  EXPECT(snprintf(block, SIZE_MAX, "%s", "abc") == 3 && strcmp(block, "abc") == 0, "snprintf");
  EXPECT(snprintf(block, 6, "%d", 123456789) == 9 && strcmp(block, "12345") == 0, "snprintf");
  free(block);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  const bool off = arguments.Flag("off");
  g_few = arguments.Flag("few");
  arguments.RejectUnknown();
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  test::OpenFiles();
  CheckGenerousBound();
  for (size_t i = 0; i < test::kFunctionCount; ++i) {
    const Function& function = test::kFunctions[i];
    // Where the library does not bring it, an old C library may have no strlcpy.
    if (off && dlsym(RTLD_DEFAULT, function.name) == nullptr) continue;
    for (Role role : {Role::kWritten, Role::kRead}) {
      if (role == Role::kRead && function.source == Source::kNone) continue;
      for (size_t size : std::span(kSizes).first(g_few ? kFew : std::size(kSizes))) {
        if (off) {
          CheckOff(function, role, size);
          continue;
        }
        CheckOverruns(function, role, size);
        CheckBefore(function, role, size);
        CheckFreed(function, role, size);
        CheckLegal(function, role, size);
      }
    }
  }
  test::Say("%d cases, %d failures", g_cases, g_failures);
  return g_failures == 0 ? 0 : 1;
}
