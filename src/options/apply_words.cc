#include "src/options/apply_words.h"

#include "src/options/values.h"
#include "src/options/wrong_words.h"

namespace bartizan {

bool HasProfile(const LibraryLayers& library, ProfileId profile) {
  return (DefaultsOf(profile).toggles & ~library.built_in) == 0;
}

void WordApplier::ApplyAll(std::string_view text) {
  WordReader reader(text, source_);
  Word word;
  while (reader.Next(&word)) Apply(word);
}

void WordApplier::Apply(const Word& word) {
  if (word.is_bad_section) return ReportBadSection(source_, word, messages_);
  if (word.name.empty()) return ReportMissingName(source_, word, messages_);
  const OptionSpec* spec = FindOption(word.name);
  if (spec == nullptr) return ReportUnknownOption(source_, word, messages_);
  if (!IsAvailable(*spec, word)) return;
  if (!SetValue(*spec, word)) return ReportValue(source_, word, *spec, options_, messages_);
  const size_t row = static_cast<size_t>(spec - kOptionTable);
  requests_.source[row] = &source_;
  requests_.line[row] = word.line;
}

bool WordApplier::IsAvailable(const OptionSpec& spec, const Word& word) const {
  ProfileId profile;
  if (spec.kind == OptionKind::kProfile && FindProfile(word.value, &profile) &&
      !HasProfile(library_, profile)) {
    ReportNotBuiltIn(source_, word.line, "profile", NameOf(profile), library_.library, messages_);
    return false;
  }
  if (!spec.is_layer() || (library_.built_in & Bit(spec.toggle())) != 0) return true;
  bool on = true;
  if (word.has_value && ParseSwitch(word.value, &on) && !on) return true;
  ReportNotBuiltIn(source_, word.line, "layer", spec.name, library_.library, messages_);
  return false;
}

bool WordApplier::SetValue(const OptionSpec& spec, const Word& word) {
  switch (spec.kind) {
    case OptionKind::kSwitch:
      return SetSwitch(spec, word);
    case OptionKind::kSwitchOrBytes:
    case OptionKind::kSwitchOrCount:
      return SetSwitchOrNumber(spec, word);
    case OptionKind::kBytes:
    case OptionKind::kCount:
    case OptionKind::kMilliseconds:
    case OptionKind::kPattern:
      return SetNumber(spec, word);
    case OptionKind::kProfile: {
      ProfileId chosen_before;
      return FindProfile(word.value, &chosen_before);
    }
    case OptionKind::kChoice:
      return SetChoice(spec, word);
    case OptionKind::kPath:
    case OptionKind::kStatistics:
      return SetText(spec, word);
  }
  return false;
}

bool WordApplier::SetSwitch(const OptionSpec& spec, const Word& word) {
  bool on = true;
  if (word.has_value && !ParseSwitch(word.value, &on)) return false;
  if (spec.is_layer()) {
    SetToggle(spec.toggle(), on);
  } else {
    options_.*spec.flag = on;
  }
  return true;
}

// A number is one before it is a switch, though "1" could mean either: of a size it is too small,
// and is refused.
bool WordApplier::SetSwitchOrNumber(const OptionSpec& spec, const Word& word) {
  uint64_t number = 0;
  const auto parse = spec.kind == OptionKind::kSwitchOrBytes ? ParseBytes : ParseCount;
  if (word.has_value && parse(word.value, &number)) {
    if (number != 0 && (number < spec.min || number > spec.max)) return false;
  } else {
    bool on = true;
    if (word.has_value && !ParseSwitch(word.value, &on)) return false;
    number = on ? spec.NumberWhenOn(options_.profile) : 0;
  }
  options_.*spec.number = number;
  SetToggle(spec.toggle(), number != 0);
  return true;
}

bool WordApplier::SetNumber(const OptionSpec& spec, const Word& word) {
  uint64_t number = 0;
  const bool parsed = spec.kind == OptionKind::kBytes     ? ParseBytes(word.value, &number)
                      : spec.kind == OptionKind::kCount   ? ParseCount(word.value, &number)
                      : spec.kind == OptionKind::kPattern ? ParsePattern(word.value, &number)
                                                          : ParseMilliseconds(word.value, &number);
  if (!parsed || number < spec.min || number > spec.max) return false;
  options_.*spec.number = number;
  return true;
}

bool WordApplier::SetChoice(const OptionSpec& spec, const Word& word) {
  for (size_t i = 0; i < spec.choices.size(); ++i) {
    if (!word.has_value || word.value != spec.choices[i]) continue;
    options_.*spec.number = i;
    return true;
  }
  return false;
}

// An empty path means standard error again.
bool WordApplier::SetText(const OptionSpec& spec, const Word& word) {
  char text[kPathBytes] = {};
  size_t length = 0;
  for (size_t i = 0; i < word.value.size(); ++i) {
    const bool escapes = source_.kind == SourceKind::kEnvironment && word.value[i] == '\\' &&
                         i + 1 < word.value.size() && word.value[i + 1] == ':';
    if (escapes) ++i;
    const bool is_control = static_cast<unsigned char>(word.value[i]) < ' ';
    if (length == kPathBytes - 1 || is_control) return false;
    text[length++] = word.value[i];
  }
  if (!word.has_value) return false;
  if (spec.kind == OptionKind::kPath) {
    if (length != 0 && text[0] != '/') return false;
  } else {
    StatisticsTarget target;
    if (!ParseStatisticsTarget({text, length}, &target)) return false;
    if (target.form == StatisticsTarget::kNone) text[0] = '\0';
  }
  const bool off = text[0] == '\0';
  for (size_t i = 0; i < kPathBytes; ++i) (options_.*spec.text)[i] = off ? '\0' : text[i];
  return true;
}

void WordApplier::SetToggle(Toggle toggle, bool on) {
  options_.toggles = on ? options_.toggles | Bit(toggle) : options_.toggles & ~Bit(toggle);
}

}  // namespace bartizan
