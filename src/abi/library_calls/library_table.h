// Where the exported functions lead.
//
// The library's constructor fills the table and seals its page. Calls come earlier than that: from
// constructors of other libraries, from functions that the loader calls while it relocates the
// process, and from dlsym while the table is filled. An entry is null then, and the function's own
// Early() does the work. Until this library itself is relocated nothing else could: the table is
// found relative to the instruction, and Early() of mem* and str* calls nothing.
//
// No function here is exported as an indirect one (STT_GNU_IFUNC): the loader would have to run our
// resolver before it has relocated us.
#ifndef BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_TABLE_H_
#define BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_TABLE_H_

#include <atomic>
#include <cstddef>

#include "src/base/compiler.h"
#include "src/platform/dynamic_symbol.h"

namespace bartizan::library_calls {

// The index of a function's entries. The order is that of the files.
enum class Entry {
  // memory_calls.cc
  kMemcpy,
  kMemmove,
  kMempcpy,
  kMemset,
  kMemccpy,
  kBzero,
  kBcopy,
  kExplicitBzero,
  kMemcpyChk,
  kMemmoveChk,
  kMempcpyChk,
  kMemsetChk,
  kExplicitBzeroChk,
  // string_calls.cc
  kStrcpy,
  kStpcpy,
  kStrncpy,
  kStpncpy,
  kStrcat,
  kStrncat,
  kStrlcpy,
  kStrlcat,
  kStrcpyChk,
  kStpcpyChk,
  kStrncpyChk,
  kStpncpyChk,
  kStrcatChk,
  kStrncatChk,
  kStrlcpyChk,
  kStrlcatChk,
  // wide_calls.cc
  kWmemcpy,
  kWmemmove,
  kWmempcpy,
  kWmemset,
  kWcscpy,
  kWcpcpy,
  kWcsncpy,
  kWcpncpy,
  kWcscat,
  kWcsncat,
  kWmemcpyChk,
  kWmemmoveChk,
  kWmempcpyChk,
  kWmemsetChk,
  kWcscpyChk,
  kWcpcpyChk,
  kWcsncpyChk,
  kWcpncpyChk,
  kWcscatChk,
  kWcsncatChk,
  // print_calls.cc
  kSnprintf,
  kVsnprintf,
  kSprintf,
  kVsprintf,
  kSnprintfChk,
  kVsnprintfChk,
  kSprintfChk,
  kVsprintfChk,
  // input_calls.cc
  kRead,
  kPread,
  kPread64,
  kRecv,
  kRecvfrom,
  kFread,
  kFreadUnlocked,
  kFgets,
  kFgetsUnlocked,
  kGetcwd,
  kReadlink,
  kReadlinkat,
  kReadChk,
  kPreadChk,
  kPread64Chk,
  kRecvChk,
  kRecvfromChk,
  kFreadChk,
  kFreadUnlockedChk,
  kFgetsChk,
  kFgetsUnlockedChk,
  kGetcwdChk,
  kReadlinkChk,
  kReadlinkatChk,
};
inline constexpr size_t kEntries = static_cast<size_t>(Entry::kReadlinkatChk) + 1;

using AnyFunction = void (*)();

struct alignas(4096) Table {
  // Written once, by the constructor, while other threads may be reading. Release, so that who
  // finds a checked function finds `library` filled too.
  std::atomic<AnyFunction> entered[kEntries];  // what the exported function leads to
  std::atomic<AnyFunction> library[kEntries];  // the C library's function
};
static_assert(sizeof(Table) == 4096, "nothing else may lie on a page that becomes read-only");

// Hidden: found relative to the instruction.
[[gnu::visibility("hidden")]] extern constinit Table g_table;

// The exported function of F. Nothing but a load, a test and a jump where the layer is off.
template <class F, class... Args>
BARTIZAN_INLINE auto Enter(Args... args) {
  const AnyFunction function =
      g_table.entered[static_cast<size_t>(F::kEntry)].load(std::memory_order_acquire);
  if (function == nullptr) [[unlikely]]
    return F::Early(args...);
  return reinterpret_cast<typename F::Type*>(function)(args...);
}

// The C library's function of F, once the table is filled.
template <class F>
BARTIZAN_INLINE typename F::Type* InLibrary() {
  return reinterpret_cast<typename F::Type*>(
      g_table.library[static_cast<size_t>(F::kEntry)].load(std::memory_order_relaxed));
}

// What the library itself calls: as Enter, but never the checked function.
template <class F, class... Args>
BARTIZAN_INLINE auto EnterUnchecked(Args... args) {
  auto* function = InLibrary<F>();
  if (function == nullptr) [[unlikely]]
    return F::Early(args...);
  return function(args...);
}

// What does the work of F once the table is filled. A C library that has no such function, or
// cannot be asked for it, leaves us our own.
template <class F>
typename F::Type* FindInLibrary() {
  if constexpr (requires { &F::Ours; }) {
    return &F::Ours;
  } else {
    void* found = platform::SymbolBehindUs(F::kLibraryName);
    return found != nullptr ? reinterpret_cast<typename F::Type*>(found) : &F::Early;
  }
}

// Fills the entries of F.
template <class F>
void Fill(bool checked) {
  typename F::Type* library = FindInLibrary<F>();
  const auto index = static_cast<size_t>(F::kEntry);
  g_table.library[index].store(reinterpret_cast<AnyFunction>(library), std::memory_order_release);
  typename F::Type* entered = checked ? &F::Checked : library;
  g_table.entered[index].store(reinterpret_cast<AnyFunction>(entered), std::memory_order_release);
}

template <class... Functions>
void FillAll(bool checked) {
  (Fill<Functions>(checked), ...);
}

// Of each file.
void FillMemoryCalls(bool checked);
void FillStringCalls(bool checked);
void FillWideCalls(bool checked);
void FillPrintCalls(bool checked);
void FillInputCalls(bool checked);

}  // namespace bartizan::library_calls

#endif  // BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_TABLE_H_
