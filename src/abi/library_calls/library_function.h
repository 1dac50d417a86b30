// What the structs that stand for functions have in common.
//
//   struct Memset : LibraryFunction<Memset, void*(void*, int, size_t)> {
//     static constexpr auto kEntry = Entry::kMemset;
//     static constexpr char kName[] = "memset", ...;
//     static void Check(void* to, int, size_t bytes) { Writes(to, bytes); }
//     static void* Early(void* to, int value, size_t bytes);  // before the table is filled
//   };
#ifndef BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_FUNCTION_H_
#define BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_FUNCTION_H_

#include <cstddef>
#include <string_view>

#include "src/abi/library_calls/checks.h"
#include "src/abi/library_calls/library_table.h"
#include "src/platform/process.h"

namespace bartizan::library_calls {

// A name as a template argument.
template <size_t kBytes>
struct Name {
  constexpr Name(const char (&text)[kBytes]) {  // NOLINT(google-explicit-constructor)
    for (size_t i = 0; i < kBytes; ++i) characters[i] = text[i];
  }
  char characters[kBytes];
};

template <class F, Entry kIndex, Name kText, class Signature>
struct LibraryFunction;

template <class F, Entry kIndex, Name kText, class Result, class... Args>
struct LibraryFunction<F, kIndex, kText, Result(Args...)> {
  using Type = Result(Args...);
  static constexpr Entry kEntry = kIndex;
  static constexpr std::string_view kName = kText.characters;
  // What the C library calls it.
  static constexpr const char* kLibraryName = kText.characters;

  static Result Checked(Args... args) {
    F::Check(args...);
    return InLibrary<F>()(args...);
  }

  BARTIZAN_INLINE static void Reads(const void* begin, size_t bytes) {
    CheckRange(kName, begin, bytes, Access::kReads);
  }
  BARTIZAN_INLINE static void Writes(const void* begin, size_t bytes) {
    CheckRange(kName, begin, bytes, Access::kWrites);
  }
};

// For Early() of the fortified functions (__memcpy_chk and its like): what they are for.
BARTIZAN_INLINE void EndUnlessFits(size_t needed, size_t given) {
  if (needed > given) [[unlikely]]
    platform::Abort();
}

}  // namespace bartizan::library_calls

#endif  // BARTIZAN_SRC_ABI_LIBRARY_CALLS_LIBRARY_FUNCTION_H_
