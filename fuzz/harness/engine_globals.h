// The library's writable variables, found by their names in the program's own symbol table: what
// must be put back so that a case leaves nothing behind. The library needs no change for that.
#ifndef BARTIZAN_FUZZ_HARNESS_ENGINE_GLOBALS_H_
#define BARTIZAN_FUZZ_HARNESS_ENGINE_GLOBALS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fuzz {

// A copy of all variables of namespace bartizan, thread-local ones left out.
class EngineGlobals {
 public:
  void Save();
  void Restore() const;

 private:
  std::vector<uint8_t> copy_;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_ENGINE_GLOBALS_H_
