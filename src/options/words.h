// The `name=value` words of a text, one after the other; those of other programs' sections are
// passed over.
#ifndef BARTIZAN_SRC_OPTIONS_WORDS_H_
#define BARTIZAN_SRC_OPTIONS_WORDS_H_

#include <cstddef>
#include <string_view>

#include "src/options/options.h"

namespace bartizan {

struct Word {
  std::string_view name;
  // As written: a path of the environment still has its "\:".
  std::string_view value;
  bool has_value = false;
  // The line began with "[" and is no section; `name` is the line.
  bool is_bad_section = false;
  // From 1, in a configuration file; 0 in the environment.
  unsigned line = 0;
};

class WordReader {
 public:
  WordReader(std::string_view text, const Source& source) : rest_(text), source_(source) {}

  // The next word that counts for the source's program; false at the end.
  bool Next(Word* word);

 private:
  // The text up to the next separator, without comment and blanks around it.
  std::string_view TakePiece();
  // Whether `piece` is about sections, and not an option. Sets `applies_`.
  bool EnterSection(std::string_view piece, Word* word);

  std::string_view rest_;
  const Source& source_;
  unsigned line_ = 0;
  bool applies_ = true;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_WORDS_H_
