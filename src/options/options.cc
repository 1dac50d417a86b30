#include "src/options/options.h"

#include "src/options/apply_words.h"
#include "src/options/words.h"
#include "src/options/wrong_words.h"

namespace bartizan {
namespace {

// The last profile that the text names and the library has; `profile` stays when there is none.
void ChooseProfile(std::string_view text, const Source& source, const LibraryLayers& library,
                   ProfileId* profile) {
  WordReader reader(text, source);
  Word word;
  while (reader.Next(&word)) {
    ProfileId named;
    if (!word.is_bad_section && word.name == "profile" && FindProfile(word.value, &named) &&
        HasProfile(library, named)) {
      *profile = named;
    }
  }
}

bool IsOn(const OptionSpec& spec, const Options& options) {
  if (spec.is_layer()) return options.Has(spec.toggle());
  return spec.number != nullptr && options.*spec.number != 0;
}

void TurnOff(const OptionSpec& spec, Options& options) {
  if (spec.is_layer()) options.toggles &= ~Bit(spec.toggle());
  if (spec.number != nullptr) options.*spec.number = 0;
}

// Turns off what lacks a layer that it needs. A number that nobody asked for follows its layer the
// other way too: a profile without the layer has no number of its own.
void ResolveNeeds(const Requests& requests, const MessageSink& messages, Options& options) {
  for (size_t row = 0; row < kOptionCount; ++row) {
    const OptionSpec& spec = kOptionTable[row];
    if (spec.needs == 0) continue;
    const Source* const asked_by = requests.source[row];
    const uint64_t missing = spec.needs & ~options.toggles;
    if (missing == 0 && !spec.is_layer() && asked_by == nullptr) {
      options.*spec.number = spec.NumberWhenOn(options.profile);
    }
    if (missing == 0 || !IsOn(spec, options)) continue;
    TurnOff(spec, options);
    if (asked_by == nullptr) continue;
    ReportMissingLayers(*asked_by, requests.line[row], spec, missing, messages);
  }
}

}  // namespace

void ApplyText(std::string_view text, const Source& source, Options& options,
               const MessageSink& messages) {
  ChooseProfile(text, source, kDynamicLibrary, &options.profile);
  Requests requests;
  WordApplier(source, kDynamicLibrary, options, requests, messages).ApplyAll(text);
}

Options ReadOptions(const OptionTexts& texts, const LibraryLayers& library,
                    const MessageSink& messages) {
  const Source file = {SourceKind::kConfigFile, texts.config_name, texts.program};
  const Source environment = {SourceKind::kEnvironment, kOptionsVariable, texts.program};
  ProfileId profile = library.default_profile;
  ChooseProfile(texts.config, file, library, &profile);
  ChooseProfile(texts.environment, environment, library, &profile);

  Options options = DefaultsOf(profile);
  Requests requests;
  WordApplier(file, library, options, requests, messages).ApplyAll(texts.config);
  WordApplier(environment, library, options, requests, messages).ApplyAll(texts.environment);
  ResolveNeeds(requests, messages, options);
  options.Derive();
  return options;
}

void ExpandProcessId(std::string_view path, int process_id, ExpandedPath& expanded) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 1 < path.size() && path[i + 1] == 'p') {
      expanded << process_id;
      ++i;
    } else {
      expanded << path[i];
    }
  }
}

}  // namespace bartizan
