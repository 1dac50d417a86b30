// The C++ library's part in operator new, without depending on a C++ library: programs in C must
// not be made to load one.
#ifndef BARTIZAN_SRC_ABI_NEW_HANDLER_H_
#define BARTIZAN_SRC_ABI_NEW_HANDLER_H_

#include <new>

namespace bartizan {

// The program's new-handler, or nullptr.
std::new_handler CurrentNewHandler();

// Throws std::bad_alloc by the program's C++ library. Where there is none (or it is hidden inside
// the program) the process ends with a message.
[[noreturn]] void ThrowBadAlloc();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ABI_NEW_HANDLER_H_
