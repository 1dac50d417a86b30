// Sets in the options what the words of one text say.
#ifndef BARTIZAN_SRC_OPTIONS_APPLY_WORDS_H_
#define BARTIZAN_SRC_OPTIONS_APPLY_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/options/options.h"
#include "src/options/words.h"

namespace bartizan {

// For every row of the table, where it was last asked for: needed when a request cannot be met
// after all texts are read.
struct Requests {
  const Source* source[kOptionCount] = {};
  unsigned line[kOptionCount] = {};
};

// Whether the library has every layer of the profile.
bool HasProfile(const LibraryLayers& library, ProfileId profile);

// Applies words to options whose profile is already chosen: `profile=` is only checked.
class WordApplier {
 public:
  WordApplier(const Source& source, const LibraryLayers& library, Options& options,
              Requests& requests, const MessageSink& messages)
      : source_(source),
        library_(library),
        options_(options),
        requests_(requests),
        messages_(messages) {}

  void ApplyAll(std::string_view text);

 private:
  void Apply(const Word& word);
  // False when the library lacks what the word asks for; that is reported here.
  bool IsAvailable(const OptionSpec& spec, const Word& word) const;
  // The next ones are false for a wrong value, and then change nothing.
  bool SetValue(const OptionSpec& spec, const Word& word);
  bool SetSwitch(const OptionSpec& spec, const Word& word);
  bool SetSwitchOrNumber(const OptionSpec& spec, const Word& word);
  bool SetChoice(const OptionSpec& spec, const Word& word);
  bool SetNumber(const OptionSpec& spec, const Word& word);
  bool SetText(const OptionSpec& spec, const Word& word);
  void SetToggle(Toggle toggle, bool on);

  const Source& source_;
  const LibraryLayers& library_;
  Options& options_;
  Requests& requests_;
  const MessageSink& messages_;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_APPLY_WORDS_H_
