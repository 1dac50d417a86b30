#include "src/abi/new_handler.h"

#include "src/platform/dynamic_symbol.h"
#include "src/platform/file.h"
#include "src/platform/process.h"

// By their symbols and weak: present when the program was started with a C++ library.
[[gnu::weak]] std::new_handler get_new_handler() noexcept asm("_ZSt15get_new_handlerv");
[[gnu::weak]] void throw_bad_alloc() asm("_ZSt17__throw_bad_allocv");

namespace bartizan {
namespace {

constexpr char kGetNewHandler[] = "_ZSt15get_new_handlerv";
constexpr char kThrowBadAlloc[] = "_ZSt17__throw_bad_allocv";

// A C++ library that came later, with a plug-in of a program in C.
template <class Function>
Function InLoadedLibrary(const char* name) {
  return reinterpret_cast<Function>(platform::SymbolOfLoadedLibrary("libstdc++.so.6", name));
}

}  // namespace

std::new_handler CurrentNewHandler() {
  using Getter = std::new_handler (*)();
  if (&get_new_handler != nullptr) return get_new_handler();
  const auto getter = InLoadedLibrary<Getter>(kGetNewHandler);
  return getter == nullptr ? nullptr : getter();
}

void ThrowBadAlloc() {
  using Thrower = void (*)();
  if (&throw_bad_alloc != nullptr) throw_bad_alloc();
  if (const auto thrower = InLoadedLibrary<Thrower>(kThrowBadAlloc)) thrower();
  platform::WriteAll(
      platform::kStandardError,
      "bartizan: operator new is out of memory, and there is no C++ library to throw "
      "std::bad_alloc with\n");
  platform::Abort();
}

}  // namespace bartizan
