// From text to options: the defaults of a profile, the configuration file, the environment.
//
// Nothing here fails: a mistake becomes one message, and the option keeps the value it had.
#ifndef BARTIZAN_SRC_OPTIONS_OPTIONS_H_
#define BARTIZAN_SRC_OPTIONS_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/text.h"
#include "src/options/option_table.h"

namespace bartizan {

inline constexpr char kOptionsVariable[] = "BARTIZAN_OPTIONS";
inline constexpr char kConfigFile[] = "/etc/bartizan.conf";
inline constexpr size_t kConfigFileLimit = 64 * kKiB;

constexpr Options DefaultsOf(ProfileId profile) {
  Options options;
  options.profile = profile;
  for (const OptionSpec& spec : kOptionTable) {
    const uint64_t value = spec.defaults[profile];
    if (spec.is_layer() && value != 0) options.toggles |= Bit(spec.toggle());
    if (spec.number != nullptr) options.*spec.number = value;
    if (spec.flag != nullptr) options.*spec.flag = value != 0;
  }
  options.Derive();
  return options;
}

// Receives one message at a time, without "\n". A function and its argument rather than a virtual
// function: the preloaded library has no C++ run-time library for those.
struct MessageSink {
  void (*receive)(void* context, std::string_view line);
  void* context;

  void operator()(std::string_view line) const { receive(context, line); }
};

enum class SourceKind : uint8_t {
  kConfigFile,
  kEnvironment,
  kCommandLine,  // one word, taken as it is; a wrong one ends the command
};

// Where a text comes from: how it is read, and how messages call it.
struct Source {
  SourceKind kind = SourceKind::kEnvironment;
  std::string_view name = kOptionsVariable;
  // Whose sections of a configuration file count.
  std::string_view program = {};
};

// What the library at hand can do: messages name it, and layers that it lacks cannot be asked for.
struct LibraryLayers {
  std::string_view library;
  ProfileId default_profile;
  // Layers compiled in and switchable.
  uint64_t built_in;
};

inline constexpr uint64_t kAllLayers = (uint64_t{1} << kToggleCount) - 1;
inline constexpr LibraryLayers kDynamicLibrary = {"libbartizan.so", ProfileId::kHardened,
                                                  kAllLayers};
inline constexpr LibraryLayers kFastLibrary = {"libbartizan-fast.so", ProfileId::kFast, 0};

// Sets in `options` what `text` says, over what is there. `name=value` words, separated by ':' in
// the environment ("\:" is a colon inside a value) and by line ends in a configuration file, where
// "#" begins a comment and "[program]" or "[*]" a section. `profile` only changes
// `options.profile`: choosing its defaults is ReadOptions' work, as is what layers need.
void ApplyText(std::string_view text, const Source& source, Options& options,
               const MessageSink& messages);

// What ReadOptions reads. Texts may be empty.
struct OptionTexts {
  std::string_view config = {};
  std::string_view environment = {};
  std::string_view program = "unknown";
  std::string_view config_name = kConfigFile;
};

// The whole reading: the strongest text that names a profile chooses the defaults; then the other
// words of the file, then those of the environment apply. A layer without what it needs is off.
Options ReadOptions(const OptionTexts& texts, const LibraryLayers& library,
                    const MessageSink& messages);

// Replaces every "%p" of a report_file by the process id.
using ExpandedPath = Text<kPathBytes + 64>;
void ExpandProcessId(std::string_view path, int process_id, ExpandedPath& expanded);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_OPTIONS_H_
