// What an option is: the members of `Options`, and what a row of the table says of each.
#ifndef BARTIZAN_SRC_OPTIONS_OPTION_SPEC_H_
#define BARTIZAN_SRC_OPTIONS_OPTION_SPEC_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "src/base/bits.h"
#include "src/options/option_choices.h"

namespace bartizan {

enum class ProfileId : uint8_t { kFast, kHardened, kStrict, kDebug };
inline constexpr std::string_view kProfileNames[] = {"fast", "hardened", "strict", "debug"};
inline constexpr size_t kProfileCount = std::size(kProfileNames);

constexpr std::string_view NameOf(ProfileId id) { return kProfileNames[static_cast<size_t>(id)]; }

// False when no profile has that name.
constexpr bool FindProfile(std::string_view name, ProfileId* profile) {
  for (size_t i = 0; i < kProfileCount; ++i) {
    if (name != kProfileNames[i]) continue;
    *profile = static_cast<ProfileId>(i);
    return true;
  }
  return false;
}

// Layers, in the order of their bits in `Options::toggles` and of their rows in the table.
enum class Toggle : uint8_t {
  kGuardPages,
  kFreelistEncryption,
  kRandomSlots,
  kQuarantine,
  kZeroOnFree,
  kReuseCheck,
  kCanaries,
  kNeighbourCheck,
  kOriginCheck,
  kSizeCheck,
  kBoundedLibc,
  kSampling,
};
inline constexpr size_t kToggleCount = static_cast<size_t>(Toggle::kSampling) + 1;
static_assert(kToggleCount <= 64, "toggles are bits of one word");

constexpr uint64_t Bit(Toggle toggle) { return uint64_t{1} << static_cast<unsigned>(toggle); }

// JSON's readers keep numbers up to here exactly.
inline constexpr uint64_t kMostSeed = (uint64_t{1} << 53) - 1;

// Longest report_file, with its terminating zero.
inline constexpr size_t kPathBytes = 256;

// The options in force. Plain data, so that a page of it can be sealed.
struct Options {
  // Bit(t) is set when layer t is on. One load answers for all layers.
  uint64_t toggles = 0;
  // Bytes of freed slots that wait, per thread and size class; 0 exactly when that layer is off.
  uint64_t quarantine_bytes = 0;
  // Bytes of freed large blocks that wait inaccessible; 0 when the quarantine layer is off.
  uint64_t large_quarantine_bytes = 0;
  // One allocation in so many is a sample; 0 exactly when that layer is off.
  uint64_t sample_interval = 0;
  // One in so many bytes, too; 0 is none.
  uint64_t sample_bytes = 0;
  // Bytes of address space that freed samples take before the oldest is used again.
  uint64_t sample_budget = 0;
  // Bytes that live ones take, a page counted for each, before none is added.
  uint64_t sample_memory = 0;
  uint64_t sample_side = 0;  // a SampleSide
  // What zero_on_free leaves in blocks that are issued and in slots that are freed, repeated; 0:
  // zeros.
  uint64_t fill = 0;
  uint64_t fill_freed = 0;
  // Bytes of freed large blocks kept mapped for reuse.
  uint64_t large_cache_bytes = 0;
  // Milliseconds that unused memory is kept before its pages are given back; 0 is at once.
  uint64_t decay_ms = 0;
  // How many scopes of epochs a thread may be in at a time.
  uint64_t epoch_depth = 0;
  // One of kStackChoices.
  uint64_t stacks = 0;
  // Frames of a stack that are kept, innermost first.
  uint64_t stack_depth = 0;
  ProfileId profile = ProfileId::kHardened;
  bool guard_gaps = false;
  bool reuse_check_whole = false;
  bool huge_pages = false;
  bool numa = false;
  bool wide_vectors = false;
  bool container_limits = false;
  bool verbose = false;
  bool fault_reports = false;
  bool report_symbols = false;
  bool exit_summary = false;
  // Every random choice is derived from it; 0: from the kernel.
  uint64_t seed = 0;
  uint64_t report_format = 0, report_to = 0, on_error = 0, exit_code = 0;
  // Where reports go instead of standard error, "" for standard error. `%p` stands for the process
  // id until ExpandProcessId replaces it. Ends with a zero.
  char report_file[kPathBytes] = {};
  // What is written when the process exits: "" nothing, "text" or "json" to standard error, with
  // ":/path" behind it to a file, in which `%p` stands for the process id. Ends with a zero.
  char stats_at_exit[kPathBytes] = {};
  // Likewise what is told of lost blocks; the exit status where there are any, 0 for the program's.
  char leaks_at_exit[kPathBytes] = {};
  uint64_t leaks_exit_code = 0;

  // Whether blocks are zero when they are issued: derived from the others when all are read.
  bool issues_zeros = false;
  constexpr void Derive() { issues_zeros = Has(Toggle::kZeroOnFree) && !FillsBlocks(); }

  constexpr bool FillsBlocks() const { return (fill | fill_freed) != 0; }
  constexpr bool Has(Toggle toggle) const { return (toggles & Bit(toggle)) != 0; }
};

enum class OptionKind : uint8_t {
  kSwitch,         // on, off; the bare name means on
  kBytes,          // 4096, 16k, 64m, 1g, 1t
  kCount,          // 32
  kMilliseconds,   // 500, 500ms, 2s
  kProfile,        // the name of a profile
  kChoice,         // one of the row's names
  kPath,           // an absolute path
  kSwitchOrBytes,  // on (the profile's size), off, or a size
  kSwitchOrCount,  // on (the profile's number), off, or a number
  kPattern,        // off, 0xa5, 0xdeadbeef: repeated to eight bytes
  kStatistics,     // off, text, json, text:/path, json:/path
};

// A switch that stands for a number.
constexpr bool IsSwitchOrNumber(OptionKind kind) {
  return kind == OptionKind::kSwitchOrBytes || kind == OptionKind::kSwitchOrCount;
}

struct PerProfile {
  uint64_t fast, hardened, strict;
  uint64_t debug = strict;

  constexpr uint64_t operator[](ProfileId id) const {
    const uint64_t values[] = {fast, hardened, strict, debug};
    return values[static_cast<size_t>(id)];
  }
};

struct OptionSpec {
  std::string_view name;
  OptionKind kind;
  // Switches: 0 or 1. Numbers: the value; where it is a switch, too, 0 is off. Of a
  // kChoice, which of the names. Unused for kProfile and
  // texts, whose defaults are the profile itself and nothing.
  PerProfile defaults{};
  std::string_view help{};
  uint64_t min = 0;
  uint64_t max = 0;
  // This row switches the layer of this number; -1 for an option that is no layer.
  int layer = -1;
  // Layers (as bits) without which this option is off: rows above this one, so that one pass over
  // the table settles all.
  uint64_t needs = 0;
  // What may be chosen, of a kChoice.
  std::span<const std::string_view> choices{};
  // Where the value is kept in Options, by kind.
  uint64_t Options::* number = nullptr;
  bool Options::* flag = nullptr;
  char (Options::*text)[kPathBytes] = nullptr;

  constexpr bool is_layer() const { return layer >= 0; }
  constexpr Toggle toggle() const { return static_cast<Toggle>(layer); }
  // The number that "on" stands for: a profile that leaves the option off takes hardened's.
  constexpr uint64_t NumberWhenOn(ProfileId profile) const {
    return defaults[profile] != 0 ? defaults[profile] : defaults.hardened;
  }
};

namespace option_row {

constexpr OptionSpec Layer(Toggle toggle, std::string_view name, PerProfile defaults,
                           std::string_view help, uint64_t needs = 0) {
  return {.name = name,
          .kind = OptionKind::kSwitch,
          .defaults = defaults,
          .help = help,
          .max = 1,
          .layer = static_cast<int>(toggle),
          .needs = needs};
}

constexpr OptionSpec NumberedLayer(OptionKind kind, Toggle toggle, std::string_view name,
                                   uint64_t Options::* number, PerProfile defaults, uint64_t min,
                                   uint64_t max, std::string_view help, uint64_t needs = 0) {
  return {.name = name,
          .kind = kind,
          .defaults = defaults,
          .help = help,
          .min = min,
          .max = max,
          .layer = static_cast<int>(toggle),
          .needs = needs,
          .number = number};
}

constexpr OptionSpec Number(OptionKind kind, std::string_view name, uint64_t Options::* number,
                            PerProfile defaults, uint64_t max, std::string_view help,
                            uint64_t needs = 0) {
  return {.name = name,
          .kind = kind,
          .defaults = defaults,
          .help = help,
          .max = max,
          .needs = needs,
          .number = number};
}

constexpr OptionSpec Count(std::string_view name, uint64_t Options::* number, uint64_t value,
                           uint64_t min, uint64_t max, std::string_view help) {
  return {.name = name,
          .kind = OptionKind::kCount,
          .defaults = {value, value, value},
          .help = help,
          .min = min,
          .max = max,
          .number = number};
}

constexpr OptionSpec Choice(std::string_view name, uint64_t Options::* number,
                            std::span<const std::string_view> choices, PerProfile defaults,
                            std::string_view help) {
  return {.name = name,
          .kind = OptionKind::kChoice,
          .defaults = defaults,
          .help = help,
          .max = choices.size() - 1,
          .choices = choices,
          .number = number};
}

constexpr OptionSpec Switch(std::string_view name, bool Options::* flag, PerProfile defaults,
                            std::string_view help) {
  return {.name = name,
          .kind = OptionKind::kSwitch,
          .defaults = defaults,
          .help = help,
          .max = 1,
          .flag = flag};
}

}  // namespace option_row

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_OPTION_SPEC_H_
