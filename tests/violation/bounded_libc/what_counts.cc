// What bounded_libc counts: the bytes that a function would really access. Calls whose arguments
// say one thing and whose strings say another, at the last byte that fits and at the first that
// does not; and the fortified forms, which end the process for reasons of their own.
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <wchar.h>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"
#include "tests/violation/bounded_libc/captured.h"

namespace {

constexpr size_t kBytes = 100;
constexpr size_t kWideCharacters = kBytes / sizeof(wchar_t);
// Of the string that is in the block before something is put behind it.
constexpr size_t kBefore = 60;
constexpr size_t kLeft = kBytes - kBefore;
constexpr size_t kForeignBytes = 1 << 16;
// Larger than any block and than what is compared with it; the kernel refuses none of it.
constexpr size_t kGenerous = 1000;
constexpr size_t kUnknown = SIZE_MAX;
// As many wide characters have a length in bytes of 4, if only its low 64 bits are looked at.
constexpr size_t kWraps = SIZE_MAX / sizeof(wchar_t) + 2;

enum class End {
  kPasses,
  kReported,
  kFortified,  // the fortified form ends the process, before bounded_libc has a reason to
};

struct Call {
  const char* function;
  End end;
  const char* report;  // behind "library call: "
  void (*run)(void* entry, char* block, char* foreign);
};

template <class T>
T* As(void* entry) {
  return reinterpret_cast<T*>(entry);
}
wchar_t* Wide(char* text) { return As<wchar_t>(text); }

// As many characters, then the end.
template <class C>
void WriteString(C* to, size_t length) {
  for (size_t i = 0; i < length; ++i) to[i] = 'a';
  to[length] = 0;
}

FILE* g_zeros = nullptr;

// --- Signatures ---------------------------------------------------------------------------------

using CopyChk = void*(void*, const void*, size_t, size_t);
using CopyUpTo = void*(void*, const void*, int, size_t);
using String = char*(char*, const char*);
using StringChk = char*(char*, const char*, size_t);
using Counted = char*(char*, const char*, size_t);
using Sized = size_t(char*, const char*, size_t);
using SizedChk = size_t(char*, const char*, size_t, size_t);
using WideString = wchar_t*(wchar_t*, const wchar_t*);
using WideCounted = wchar_t*(wchar_t*, const wchar_t*, size_t);
using WideSet = wchar_t*(wchar_t*, wchar_t, size_t);
using Print = int(char*, const char*, ...);
using PrintChk = int(char*, int, size_t, const char*, ...);
using SizedPrint = int(char*, size_t, const char*, ...);
using SizedPrintChk = int(char*, size_t, int, size_t, const char*, ...);
using Fread = size_t(void*, size_t, size_t, FILE*);
using FreadChk = size_t(void*, size_t, size_t, size_t, FILE*);
using Fgets = char*(char*, int, FILE*);
using FgetsChk = char*(char*, size_t, int, FILE*);

// --- Behind the string that is there ------------------------------------------------------------

// A source that takes kLeft bytes with its end, and kMore elements. Given is nothing, or size_t for
// the fortified form.
template <class C, size_t kMore, class... Given>
void Extend(void* entry, char* block, char* foreign) {
  WriteString(As<C>(block), kBefore / sizeof(C));
  WriteString(As<C>(foreign), kLeft / sizeof(C) - 1 + kMore);
  As<C*(C*, const C*, Given...)>(entry)(As<C>(block), As<C>(foreign), Given{kUnknown}...);
}
template <class C, size_t kMore, class... Given>
void ExtendCounted(void* entry, char* block, char* foreign) {
  WriteString(As<C>(block), kBefore / sizeof(C));
  WriteString(As<C>(foreign), kGenerous);
  As<C*(C*, const C*, size_t, Given...)>(entry)(As<C>(block), As<C>(foreign),
                                                kLeft / sizeof(C) - 1 + kMore, Given{kUnknown}...);
}
// By the source's length, and by the size.
template <size_t kMore>
void ExtendSized(void* entry, char* block, char* foreign) {
  WriteString(block, kBefore);
  WriteString(foreign, kLeft - 1 + kMore);
  As<Sized>(entry)(block, foreign, kGenerous);
}
template <size_t kMore>
void ExtendSizedChk(void* entry, char* block, char* foreign) {
  WriteString(block, kBefore);
  WriteString(foreign, kGenerous);
  As<SizedChk>(entry)(block, foreign, kBytes + kMore, kUnknown);
}

#define READS_BEYOND "would read 101 bytes where the block has 100 left"
#define READS_WIDE_BEYOND "would read 104 bytes where the block has 100 left"
#define WRITES_41 "would write 41 bytes where the block has 40 left"
#define WRITES_44 "would write 44 bytes where the block has 40 left"
#define WRITES_101 "would write 101 bytes where the block has 100 left"
#define WRITES_ALL "would write 18446744073709551615 bytes where the block has 100 left"
#define READS_ALL "would read 18446744073709551615 bytes where the block has 100 left"

constexpr Call kExtensions[] = {
    {"strcat", End::kPasses, "", Extend<char, 0>},
    {"strcat", End::kReported, WRITES_41, Extend<char, 1>},
    {"__strcat_chk", End::kPasses, "", Extend<char, 0, size_t>},
    {"__strcat_chk", End::kReported, WRITES_41, Extend<char, 1, size_t>},
    {"strncat", End::kPasses, "", ExtendCounted<char, 0>},
    {"strncat", End::kReported, WRITES_41, ExtendCounted<char, 1>},
    {"__strncat_chk", End::kPasses, "", ExtendCounted<char, 0, size_t>},
    {"__strncat_chk", End::kReported, WRITES_41, ExtendCounted<char, 1, size_t>},
    {"strlcat", End::kPasses, "", ExtendSized<0>},
    {"strlcat", End::kReported, WRITES_41, ExtendSized<1>},
    {"__strlcat_chk", End::kPasses, "", ExtendSizedChk<0>},
    {"__strlcat_chk", End::kReported, WRITES_41, ExtendSizedChk<1>},
    {"wcscat", End::kPasses, "", Extend<wchar_t, 0>},
    {"wcscat", End::kReported, WRITES_44, Extend<wchar_t, 1>},
    {"__wcscat_chk", End::kPasses, "", Extend<wchar_t, 0, size_t>},
    {"__wcscat_chk", End::kReported, WRITES_44, Extend<wchar_t, 1, size_t>},
    {"wcsncat", End::kPasses, "", ExtendCounted<wchar_t, 0>},
    {"wcsncat", End::kReported, WRITES_44, ExtendCounted<wchar_t, 1>},
    {"__wcsncat_chk", End::kPasses, "", ExtendCounted<wchar_t, 0, size_t>},
    {"__wcsncat_chk", End::kReported, WRITES_44, ExtendCounted<wchar_t, 1, size_t>},
    // The string that is there does not end.
    {"strcat", End::kReported, READS_BEYOND,
     [](void* entry, char* block, char* foreign) { As<String>(entry)(block, foreign); }},
    {"strncat", End::kReported, READS_BEYOND,
     [](void* entry, char* block, char* foreign) { As<Counted>(entry)(block, foreign, 1); }},
    {"strlcat", End::kReported, READS_BEYOND,
     [](void* entry, char* block, char* foreign) { As<Sized>(entry)(block, foreign, kGenerous); }},
    {"strlcat", End::kPasses, "",
     [](void* entry, char* block, char* foreign) { As<Sized>(entry)(block, foreign, kBytes); }},
    {"wcscat", End::kReported, READS_WIDE_BEYOND,
     [](void* entry, char* block, char* foreign) {
       As<WideString>(entry)(Wide(block), Wide(foreign));
     }},
};

// --- Lengths that end a string before its terminator --------------------------------------------

constexpr Call kCounts[] = {
    {"strncpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) { As<Counted>(entry)(foreign, block, kBytes); }},
    {"strncpy", End::kReported, READS_BEYOND,
     [](void* entry, char* block, char* foreign) {
       As<Counted>(entry)(foreign, block, kBytes + 1);
     }},
    {"stpncpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) { As<Counted>(entry)(foreign, block, kBytes); }},
    {"wcsncpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       As<WideCounted>(entry)(Wide(foreign), Wide(block), kWideCharacters);
     }},
    {"strncat", End::kPasses, "",
     [](void* entry, char* block, char* foreign) { As<Counted>(entry)(foreign, block, kBytes); }},
    {"strncat", End::kReported, READS_BEYOND,
     [](void* entry, char* block, char* foreign) {
       As<Counted>(entry)(foreign, block, kBytes + 1);
     }},
    // A few of a long string, to where no more would fit.
    {"strncat", End::kPasses, "",
     [](void* entry, char* block, char*) {
       constexpr size_t kTaken = 5;
       auto* const few = static_cast<char*>(calloc(1, kTaken + 1));
       EXPECT(few != nullptr, "calloc");
       WriteString(block, kBytes - 1);
       As<Counted>(entry)(few, block, kTaken);
     }},
    {"wcsncat", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       As<WideCounted>(entry)(Wide(foreign), Wide(block), kWideCharacters);
     }},
    // Few of the elements that are allowed.
    {"strlcpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kBytes - 1);
       As<Sized>(entry)(block, foreign, kGenerous);
     }},
    {"strlcpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGenerous);
       As<Sized>(entry)(block, foreign, kBytes);
     }},
    {"strlcpy", End::kReported, WRITES_101,
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kBytes);
       As<Sized>(entry)(block, foreign, kGenerous);
     }},
    {"strlcpy", End::kReported, WRITES_101,
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGenerous);
       As<Sized>(entry)(block, foreign, kBytes + 1);
     }},
    {"memccpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGenerous);
       foreign[kBytes - 1] = 'z';
       As<CopyUpTo>(entry)(block, foreign, 'z', kGenerous);
     }},
    {"memccpy", End::kReported, WRITES_101,
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGenerous);
       foreign[kBytes] = 'z';
       As<CopyUpTo>(entry)(block, foreign, 'z', kGenerous);
     }},
    {"memccpy", End::kPasses, "",
     [](void* entry, char* block, char* foreign) {
       block[kBytes - 1] = 'z';
       As<CopyUpTo>(entry)(foreign, block, 'z', kGenerous);
     }},
    {"fgets", End::kPasses, "",
     [](void* entry, char* block, char*) {
       As<Fgets>(entry)(block, 0, g_zeros);
       As<Fgets>(entry)(block, -1, g_zeros);
     }},
};

// --- Lengths that no block has ------------------------------------------------------------------

constexpr Call kProducts[] = {
    {"wmemcpy", End::kReported, WRITES_ALL,
     [](void* entry, char* block, char* foreign) {
       As<WideCounted>(entry)(Wide(block), Wide(foreign), kWraps);
     }},
    {"wmemmove", End::kReported, READS_ALL,
     [](void* entry, char* block, char* foreign) {
       As<WideCounted>(entry)(Wide(foreign), Wide(block), kWraps);
     }},
    {"wmemset", End::kReported, WRITES_ALL,
     [](void* entry, char* block, char*) { As<WideSet>(entry)(Wide(block), 'a', kWraps); }},
    {"wcsncpy", End::kReported, WRITES_ALL,
     [](void* entry, char* block, char* foreign) {
       As<WideCounted>(entry)(Wide(block), Wide(foreign), kWraps);
     }},
    {"fread", End::kReported, WRITES_ALL,
     [](void* entry, char* block, char*) {
       As<Fread>(entry)(block, size_t{1} << 33, size_t{1} << 31, g_zeros);
     }},
    {"__fread_chk", End::kReported, WRITES_ALL,
     [](void* entry, char* block, char*) {
       As<FreadChk>(entry)(block, kUnknown, size_t{1} << 33, size_t{1} << 31, g_zeros);
     }},
};

// --- Printing in the middle of a block ----------------------------------------------------------

template <size_t kMore>
void PrintBehind(void* entry, char* block, char* foreign) {
  WriteString(foreign, kLeft - 1 + kMore);
  As<Print>(entry)(block + kBefore, "%s", foreign);
}
template <size_t kMore>
void PrintBehindChk(void* entry, char* block, char* foreign) {
  WriteString(foreign, kLeft - 1 + kMore);
  As<PrintChk>(entry)(block + kBefore, 1, kUnknown, "%s", foreign);
}
template <size_t kMore>
void PrintBehindSized(void* entry, char* block, char* foreign) {
  WriteString(foreign, kLeft - 1 + kMore);
  As<SizedPrint>(entry)(block + kBefore, kGenerous, "%s", foreign);
}
template <size_t kMore>
void PrintBehindSizedChk(void* entry, char* block, char* foreign) {
  WriteString(foreign, kGenerous);
  As<SizedPrintChk>(entry)(block + kBefore, kLeft + kMore, 1, kUnknown, "%s", foreign);
}

constexpr Call kPrints[] = {
    {"sprintf", End::kPasses, "", PrintBehind<0>},
    {"sprintf", End::kReported, WRITES_41, PrintBehind<1>},
    {"__sprintf_chk", End::kPasses, "", PrintBehindChk<0>},
    {"__sprintf_chk", End::kReported, WRITES_41, PrintBehindChk<1>},
    {"snprintf", End::kPasses, "", PrintBehindSized<0>},
    {"snprintf", End::kReported, WRITES_41, PrintBehindSized<1>},
    {"__snprintf_chk", End::kPasses, "", PrintBehindSizedChk<0>},
    {"__snprintf_chk", End::kReported, WRITES_41, PrintBehindSizedChk<1>},
};

// --- What the fortified forms are for -----------------------------------------------------------

// Less than the block has, as for the member of a structure: only the compiler knows.
constexpr size_t kGiven = 50;

constexpr Call kFortified[] = {
    {"__memcpy_chk", End::kFortified, "",
     [](void* entry, char* block, char* foreign) {
       As<CopyChk>(entry)(block, foreign, kGiven + 1, kGiven);
     }},
    {"__strcpy_chk", End::kFortified, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGiven);
       As<StringChk>(entry)(block, foreign, kGiven);
     }},
    {"__strlcpy_chk", End::kFortified, "",
     [](void* entry, char* block, char* foreign) {
       As<SizedChk>(entry)(block, foreign, kGiven + 1, kGiven);
     }},
    {"__strlcat_chk", End::kFortified, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(block, 1);
       As<SizedChk>(entry)(block, foreign, kGiven + 1, kGiven);
     }},
    {"__snprintf_chk", End::kFortified, "",
     [](void* entry, char* block, char*) {
       As<SizedPrintChk>(entry)(block, 2 * kBytes, 1, kBytes + 1, "short");
     }},
    {"__sprintf_chk", End::kFortified, "",
     [](void* entry, char* block, char* foreign) {
       WriteString(foreign, kGiven);
       As<PrintChk>(entry)(block, 1, kGiven, "%s", foreign);
     }},
    {"__fgets_chk", End::kFortified, "",
     [](void* entry, char* block, char*) {
       As<FgetsChk>(entry)(block, kGiven, kGiven + 1, g_zeros);
     }},
};

// --- Running them -------------------------------------------------------------------------------

char* Foreign() {
  void* memory =
      mmap(nullptr, kForeignBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(memory != MAP_FAILED, "mmap");
  return static_cast<char*>(memory);
}

// In the child: a block whose bytes are no string, among others of that kind.
void Run(const Call& call) {
  char* block = nullptr;
  for (int i = 0; i < 4; ++i) {
    block = test::Opaque(static_cast<char*>(malloc(kBytes)));
    EXPECT(block != nullptr, "malloc");
    memset(block, 'a', kBytes);
  }
  void* entry = dlsym(RTLD_DEFAULT, call.function);
  EXPECT(entry != nullptr, "no function %s", call.function);
  call.run(entry, block, Foreign());
}

bool IsAsExpected(const Call& call, const test::Captured& seen) {
  if (call.end == End::kPasses) return seen.ending.Clean() && seen.output[0] == '\0';
  if (!seen.ending.Signaled(SIGABRT)) return false;
  if (call.end == End::kFortified) return strstr(seen.output, "bartizan:") == nullptr;
  char expected[256];
  snprintf(expected, sizeof expected, "bartizan: fatal: out-of-bounds library call: %s %s; ",
           call.function, call.report);
  return strncmp(seen.output, expected, strlen(expected)) == 0;
}

int g_failures = 0;

template <size_t kCalls>
void CheckAll(const Call (&calls)[kCalls]) {
  for (const Call& call : calls) {
    const test::Captured seen = test::RunCaptured([&] { Run(call); });
    if (IsAsExpected(call, seen)) continue;
    ++g_failures;
    test::Say("call %td, %s: expected '%s', %s %d, output:\n%s", &call - calls, call.function,
              call.end == End::kFortified ? "an abort without a report" : call.report,
              seen.ending.Kind(), seen.ending.Number(), seen.output);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  test::NoCoreDump();
  g_zeros = fopen("/dev/zero", "r");
  EXPECT(g_zeros != nullptr && fgetc(g_zeros) == 0, "cannot read /dev/zero");
  CheckAll(kExtensions);
  CheckAll(kCounts);
  CheckAll(kProducts);
  CheckAll(kPrints);
  CheckAll(kFortified);
  return g_failures == 0 ? 0 : 1;
}
