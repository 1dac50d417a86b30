// Reading and writing memory that may not be there: as far as it is, without a signal.
#ifndef BARTIZAN_FUZZ_HARNESS_PEEK_H_
#define BARTIZAN_FUZZ_HARNESS_PEEK_H_

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "src/platform/syscall.h"

namespace fuzz {

// How many bytes were copied; a program would have ended at the first one that was not.
inline size_t CopyOwnMemory(long call, uintptr_t address, void* bytes, size_t size) {
  const iovec local{bytes, size};
  const iovec remote{reinterpret_cast<void*>(address), size};
  // The kernel reads all of each word.
  const long done = syscall(call, long{getpid()}, &local, 1ul, &remote, 1ul, 0ul);
  return done < 0 ? 0 : static_cast<size_t>(done);
}
inline size_t Poke(uintptr_t address, void* bytes, size_t size) {
  return CopyOwnMemory(SYS_process_vm_writev, address, bytes, size);
}
inline size_t Peek(uintptr_t address, void* bytes, size_t size) {
  const size_t done = CopyOwnMemory(SYS_process_vm_readv, address, bytes, size);
  bartizan::platform::NoteStored(bytes, done);
  return done;
}
inline bool IsReadable(uintptr_t address) {
  uint8_t byte;
  return Peek(address, &byte, 1) == 1;
}

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_PEEK_H_
