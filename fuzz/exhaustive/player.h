// Plays one program against the engine, from a fresh world, and judges what became of it.
#ifndef BARTIZAN_FUZZ_EXHAUSTIVE_PLAYER_H_
#define BARTIZAN_FUZZ_EXHAUSTIVE_PLAYER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/exhaustive/program.h"
#include "fuzz/harness/world.h"
#include "src/engine/slot_engine.h"
#include "src/metadata/size_classes.h"

namespace fuzz {

enum class Verdict : uint8_t {
  kClean,         // no fault, no report
  kAtFault,       // reported by the very call that was wrong
  kInaccessible,  // a write met memory that is not there: the program ends by a signal
  kLater,         // reported later, before a live block was harmed
  kTooLate,       // reported after a live block was harmed
  kHarmless,      // never reported; no live block was harmed
  kUndefended,    // never reported; a live block was harmed
  kFailed,        // a promise was broken
};
inline constexpr size_t kVerdicts = static_cast<size_t>(Verdict::kFailed) + 1;
inline constexpr const char* kVerdictNames[] = {"clean",    "at-fault", "inaccessible", "later",
                                                "too-late", "harmless", "undefended",   "failed"};
static_assert(sizeof kVerdictNames / sizeof kVerdictNames[0] == kVerdicts);

// What happened to a live block, as bits.
enum class Harm : uint8_t { kOverwritten, kFreedByAnother, kNotFresh, kForeignMemory };
inline constexpr size_t kHarms = static_cast<size_t>(Harm::kForeignMemory) + 1;
inline constexpr const char* kHarmNames[] = {
    "a live block was overwritten", "a live block was freed or resized through another's pointer",
    "a fresh block was not zero", "memory outside of the heap was written to"};
static_assert(sizeof kHarmNames / sizeof kHarmNames[0] == kHarms);

struct Outcome {
  Verdict verdict;
  size_t ended;             // by which action; the program's length: not before its closing
  uint32_t harms;           // bits, see Harm
  std::string_view report;  // empty: none
  std::string broken;       // which promise
};

class Player {
 public:
  explicit Player(size_t setting) : setting_(setting) {}

  // After its own actions, a program frees what it believes to have, and goes on until the slots
  // that it has written to after their free are issued again.
  Outcome Play(const std::vector<Action>& program);

 private:
  static constexpr size_t kMostBlocks = 16;
  static constexpr size_t kTail = 8;

  struct Block {
    uint8_t* at;
    size_t size;
    uint8_t seed;
    bool believed;  // to be live, by the program
    bool live;
    bool overwritten;
    size_t tail_bytes;  // of what lies behind it, as it was when it was issued
    uint8_t tail[kTail];

    uintptr_t begin() const { return reinterpret_cast<uintptr_t>(at); }
    uintptr_t end() const { return begin() + size; }
  };
  // Memory of the program's own that is free and was not issued again.
  struct Free {
    uintptr_t begin;
    size_t bytes;
    bartizan::ClassId id;  // kClasses: large
    size_t number;         // of this free, among those of the class
    bool dirty;            // a program that has lost it wrote to it
  };

  // All return whether the program goes on.
  bool Step(const Action& action);
  bool Close();
  bool Allocate(size_t size);
  bool FreeBlock(size_t index, bartizan::FreeClaim claim);
  bool Resize(size_t index, size_t size);
  bool Write(uintptr_t address, const uint8_t* bytes, size_t size);
  bool WriteBehind(const Block& block, size_t size);
  bool Enter(Block& block, void* at, size_t size, bool fresh);
  bool CheckFree(uintptr_t begin, size_t size);
  bool ReuseUntilSeen(bartizan::ClassId id);
  bool IssuedWhileFree(uintptr_t begin, uintptr_t end);
  bool Broken(const char* what);

  // What a layer in force promises to report when the block is freed; nullptr: nothing.
  const char* MustBeReported(const Block& block) const;
  bool IsTailIntact(const Block& block) const;
  bool IsNeighbourhoodIntact(const Block& block) const;
  Block* LiveAt(uintptr_t begin);
  void Wrong();  // a fault that the allocator could notice
  void Harmed(Harm harm) { harms_ |= 1u << static_cast<unsigned>(harm); }
  void NoteFree(const Block& block);
  Verdict Judge(bool reported, bool faulty) const;
  const char* JudgeReport(const std::vector<Action>& program) const;

  size_t setting_;
  Case* world_ = nullptr;
  Block blocks_[kMostBlocks];
  size_t count_ = 0;
  Free free_[kMostBlocks * 2];
  size_t free_count_ = 0;
  size_t frees_[bartizan::kClasses + 1];
  size_t now_ = 0;
  size_t first_wrong_ = 0;
  size_t wrongs_ = 0;
  uint32_t harms_ = 0;
  bool inaccessible_ = false;
  const char* broken_ = nullptr;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_EXHAUSTIVE_PLAYER_H_
