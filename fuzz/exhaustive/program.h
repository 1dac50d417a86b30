// Programs of a few actions over a small alphabet, and all of them in order. Blocks are named by
// their age: block 0 is the first one that was allocated. So no two programs differ by names only.
#ifndef BARTIZAN_FUZZ_EXHAUSTIVE_PROGRAM_H_
#define BARTIZAN_FUZZ_EXHAUSTIVE_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

// The first fills a slot of its class where canaries are on, the second where they are off; the
// third is a large block, behind which eight bytes of its last page are left.
inline constexpr size_t kSizes[] = {24, 256, 200008};
inline constexpr const char* kSizeNames[] = {"small", "medium", "large"};
inline constexpr size_t kSizeCount = std::size(kSizes);

enum class Verb : uint8_t {
  kAllocate,
  // With a block that the program has not freed.
  kFree,
  kFreeOtherSize,
  kDelete,
  kWriteByte,
  kWriteNull,
  kWriteWord,
  kWriteBefore,
  kResize,
  // With one that it has freed.
  kFreeAgain,
  kWriteStale,
  kResizeStale,
};
inline constexpr size_t kVerbs = static_cast<size_t>(Verb::kResizeStale) + 1;

struct Action {
  Verb verb = Verb::kAllocate;
  uint8_t block = 0;  // its age
  uint8_t size = 0;   // which of kSizes
};

// Whether it is a fault, whatever the layers in force say to it.
constexpr bool IsFault(Verb verb) {
  return verb != Verb::kAllocate && verb != Verb::kFree && verb != Verb::kResize;
}

// A short name, "resize0-small", and a phrase.
std::string NameOf(const Action& action);
std::string InWords(const Action& action);

// What a program believes of its blocks.
class Belief {
 public:
  // All actions that may come next.
  std::vector<Action> Choices() const;
  void Apply(const Action& action);

  // How many programs go on from here for exactly so many actions.
  uint64_t ProgramsBehind(size_t actions) const;

 private:
  struct Known {
    bool live;
    uint8_t size;
  };
  std::vector<Known> blocks_;
};

// The program of these names, separated by commas; empty if a name says nothing that could come
// there.
std::vector<Action> ReadProgram(std::string_view names);
std::string NamesOf(const std::vector<Action>& program);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_EXHAUSTIVE_PROGRAM_H_
