#include "fuzz/exhaustive/program.h"

#include <algorithm>
#include <utility>

namespace fuzz {
namespace {

constexpr Verb kWithLive[] = {Verb::kFree,       Verb::kFreeOtherSize, Verb::kDelete,
                              Verb::kWriteByte,  Verb::kWriteNull,     Verb::kWriteWord,
                              Verb::kWriteBefore};
constexpr Verb kWithFreed[] = {Verb::kFreeAgain, Verb::kWriteStale, Verb::kResizeStale};

// Names and phrases, in the order of Verb; N is the block.
constexpr std::pair<const char*, const char*> kWords[] = {
    {"", "allocate "},
    {"free", "free block N"},
    {"sized", "free block N and state another size"},
    {"delete", "delete block N, which malloc made"},
    {"byte", "write a byte right behind block N"},
    {"null", "write a zero byte right behind block N"},
    {"word", "write a word right behind block N"},
    {"before", "write a word right before block N"},
    {"resize", "resize block N to "},
    {"again", "free block N, which is freed"},
    {"stale", "write a word to block N, which is freed"},
    {"revive", "resize block N, which is freed"},
};
static_assert(std::size(kWords) == kVerbs);

bool TakesSize(Verb verb) { return verb == Verb::kAllocate || verb == Verb::kResize; }
constexpr bool Frees(Verb verb) {
  return verb == Verb::kFree || verb == Verb::kFreeOtherSize || verb == Verb::kDelete;
}

// As Belief::ProgramsBehind, of which only the numbers of blocks matter.
uint64_t Count(uint64_t live, uint64_t freed, size_t actions) {
  if (actions == 0) return 1;
  constexpr auto kEnds = static_cast<uint64_t>(std::ranges::count_if(kWithLive, Frees));
  constexpr uint64_t kStays = std::size(kWithLive) - kEnds + kSizeCount - 1;
  uint64_t programs = kSizeCount * Count(live + 1, freed, actions - 1);
  if (live != 0) programs += kEnds * live * Count(live - 1, freed + 1, actions - 1);
  return programs +
         (kStays * live + std::size(kWithFreed) * freed) * Count(live, freed, actions - 1);
}

}  // namespace

std::string NameOf(const Action& action) {
  std::string name = kWords[static_cast<size_t>(action.verb)].first;
  if (action.verb != Verb::kAllocate) name += std::to_string(action.block);
  if (action.verb == Verb::kResize) name += "-";
  if (TakesSize(action.verb)) name += kSizeNames[action.size];
  return name;
}

std::string InWords(const Action& action) {
  std::string words = kWords[static_cast<size_t>(action.verb)].second;
  if (const size_t at = words.find('N'); at != std::string::npos) {
    words.replace(at, 1, std::to_string(action.block));
  }
  if (TakesSize(action.verb)) words += std::to_string(kSizes[action.size]) + " bytes";
  return words;
}

std::vector<Action> Belief::Choices() const {
  std::vector<Action> choices;
  for (uint8_t size = 0; size < kSizeCount; ++size) choices.push_back({Verb::kAllocate, 0, size});
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Known& known = blocks_[i];
    const auto block = static_cast<uint8_t>(i);
    if (!known.live) {
      for (Verb verb : kWithFreed) choices.push_back({verb, block, known.size});
      continue;
    }
    for (Verb verb : kWithLive) choices.push_back({verb, block, known.size});
    for (uint8_t size = 0; size < kSizeCount; ++size) {
      if (size != known.size) choices.push_back({Verb::kResize, block, size});
    }
  }
  return choices;
}

void Belief::Apply(const Action& action) {
  if (action.verb == Verb::kAllocate) return blocks_.push_back({true, action.size});
  if (Frees(action.verb)) blocks_[action.block].live = false;
  if (action.verb == Verb::kResize) blocks_[action.block].size = action.size;
}

uint64_t Belief::ProgramsBehind(size_t actions) const {
  const auto live =
      static_cast<uint64_t>(std::ranges::count_if(blocks_, [](const Known& k) { return k.live; }));
  return Count(live, blocks_.size() - live, actions);
}

std::vector<Action> ReadProgram(std::string_view names) {
  std::vector<Action> program;
  Belief belief;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const std::vector<Action> choices = belief.Choices();
    const auto chosen = std::ranges::find_if(
        choices, [name](const Action& choice) { return NameOf(choice) == name; });
    if (chosen == choices.end()) return {};
    program.push_back(*chosen);
    belief.Apply(*chosen);
  }
  return program;
}

std::string NamesOf(const std::vector<Action>& program) {
  std::string names;
  for (const Action& action : program) {
    if (!names.empty()) names += ",";
    names += NameOf(action);
  }
  return names;
}

}  // namespace fuzz
