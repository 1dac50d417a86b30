#include "src/options/words.h"

#include "src/options/values.h"

namespace bartizan {
namespace {

size_t FindSeparator(std::string_view text, SourceKind kind) {
  size_t i = 0;
  if (kind == SourceKind::kCommandLine) return text.size();
  if (kind == SourceKind::kConfigFile) {
    while (i < text.size() && text[i] != '\n') ++i;
    return i;
  }
  for (; i < text.size() && text[i] != ':'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ':') ++i;
  }
  return i;
}

// "#" begins a comment at the start of a line or after a blank: a path may contain it.
std::string_view WithoutComment(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || IsBlank(line[i - 1]))) return Part(line, 0, i);
  }
  return line;
}

}  // namespace

std::string_view WordReader::TakePiece() {
  const size_t end = FindSeparator(rest_, source_.kind);
  std::string_view piece = Part(rest_, 0, end);
  rest_.remove_prefix(end < rest_.size() ? end + 1 : end);
  if (source_.kind == SourceKind::kConfigFile) {
    ++line_;
    piece = WithoutComment(piece);
  }
  return Trim(piece);
}

bool WordReader::EnterSection(std::string_view piece, Word* word) {
  if (source_.kind != SourceKind::kConfigFile || piece.front() != '[') return false;
  std::string_view name;
  if (piece.size() > 2 && piece.back() == ']') name = Trim(Part(piece, 1, piece.size() - 1));
  applies_ = !name.empty() && (name == "*" || name == source_.program);
  if (name.empty()) {
    *word = {.name = piece, .value = {}, .is_bad_section = true, .line = line_};
  }
  return true;
}

bool WordReader::Next(Word* word) {
  while (!rest_.empty()) {
    const std::string_view piece = TakePiece();
    if (piece.empty()) continue;
    word->is_bad_section = false;
    if (EnterSection(piece, word)) {
      if (word->is_bad_section) return true;
      continue;
    }
    if (!applies_) continue;
    size_t equals = 0;
    while (equals < piece.size() && piece[equals] != '=') ++equals;
    word->has_value = equals < piece.size();
    word->name = Trim(Part(piece, 0, equals));
    word->value = word->has_value ? Trim(Part(piece, equals + 1, piece.size())) : Part(piece, 0, 0);
    word->line = line_;
    return true;
  }
  return false;
}

}  // namespace bartizan
