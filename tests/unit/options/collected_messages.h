// A message sink that keeps what it receives.
#ifndef BARTIZAN_TESTS_UNIT_OPTIONS_COLLECTED_MESSAGES_H_
#define BARTIZAN_TESTS_UNIT_OPTIONS_COLLECTED_MESSAGES_H_

#include <string>
#include <string_view>
#include <vector>

#include "src/options/options.h"

namespace bartizan {

class CollectedMessages {
 public:
  MessageSink sink() { return {Receive, this}; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  static void Receive(void* self, std::string_view line) {
    static_cast<CollectedMessages*>(self)->lines_.emplace_back(line);
  }

  std::vector<std::string> lines_;
};

struct ReadResult {
  Options options;
  std::vector<std::string> messages;
};

inline ReadResult Read(const OptionTexts& texts, const LibraryLayers& library = kDynamicLibrary) {
  CollectedMessages messages;
  const Options options = ReadOptions(texts, library, messages.sink());
  return {options, messages.lines()};
}

inline ReadResult ReadEnvironment(std::string_view text) { return Read({.environment = text}); }

inline ReadResult ReadConfig(std::string_view text, std::string_view program = "nginx") {
  return Read({.config = text, .program = program});
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_OPTIONS_COLLECTED_MESSAGES_H_
