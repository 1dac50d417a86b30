// Reading a file whole, by the C library: streams of the C++ library are not instrumented, and
// MemorySanitizer would take for uninitialised what they store.
#ifndef BARTIZAN_FUZZ_HARNESS_READ_FILE_H_
#define BARTIZAN_FUZZ_HARNESS_READ_FILE_H_

#include <cstdint>
#include <vector>

namespace fuzz {

// False: it cannot be read.
bool ReadFile(const char* path, std::vector<uint8_t>* contents);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_READ_FILE_H_
