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
  if (spec.kind == OptionKind::kChoice && FindProfile(word.value, &profile) &&
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
      return SetSwitchOrBytes(spec, word);
    case OptionKind::kBytes:
    case OptionKind::kMilliseconds:
      return SetNumber(spec, word);
    case OptionKind::kChoice: {
      ProfileId chosen_before;
      return FindProfile(word.value, &chosen_before);
    }
    case OptionKind::kPath:
      return SetPath(word);
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

// A number is a size before it is a switch: "1" could mean either, is too small, and is refused.
bool WordApplier::SetSwitchOrBytes(const OptionSpec& spec, const Word& word) {
  uint64_t bytes = 0;
  if (word.has_value && ParseBytes(word.value, &bytes)) {
    if (bytes != 0 && (bytes < spec.min || bytes > spec.max)) return false;
  } else {
    bool on = true;
    if (word.has_value && !ParseSwitch(word.value, &on)) return false;
    bytes = on ? spec.NumberWhenOn(options_.profile) : 0;
  }
  options_.*spec.number = bytes;
  SetToggle(spec.toggle(), bytes != 0);
  return true;
}

bool WordApplier::SetNumber(const OptionSpec& spec, const Word& word) {
  uint64_t number = 0;
  const bool parsed = spec.kind == OptionKind::kBytes ? ParseBytes(word.value, &number)
                                                      : ParseMilliseconds(word.value, &number);
  if (!parsed || number < spec.min || number > spec.max) return false;
  options_.*spec.number = number;
  return true;
}

// An empty path means standard error again.
bool WordApplier::SetPath(const Word& word) {
  char path[kPathBytes] = {};
  size_t length = 0;
  for (size_t i = 0; i < word.value.size(); ++i) {
    const bool escapes = source_.kind == SourceKind::kEnvironment && word.value[i] == '\\' &&
                         i + 1 < word.value.size() && word.value[i + 1] == ':';
    if (escapes) ++i;
    const bool is_control = static_cast<unsigned char>(word.value[i]) < ' ';
    if (length == kPathBytes - 1 || is_control) return false;
    path[length++] = word.value[i];
  }
  if (!word.has_value || (length != 0 && path[0] != '/')) return false;
  for (size_t i = 0; i < kPathBytes; ++i) options_.report_file[i] = path[i];
  return true;
}

void WordApplier::SetToggle(Toggle toggle, bool on) {
  options_.toggles = on ? options_.toggles | Bit(toggle) : options_.toggles & ~Bit(toggle);
}

}  // namespace bartizan
