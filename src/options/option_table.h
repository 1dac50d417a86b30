// Every option, declared once: the parser, `bartizan options` and the documentation read this
// table.
//
// A new layer is a line in `Toggle` and a row in `kOptionTable`; any other option is a member of
// `Options` and a row. The assertions at the end hold the two together.
#ifndef BARTIZAN_SRC_OPTIONS_OPTION_TABLE_H_
#define BARTIZAN_SRC_OPTIONS_OPTION_TABLE_H_

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
  uint64_t sample_side = 0;  // a SampleSide
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

inline constexpr OptionSpec kOptionTable[] = {
    // Layers, in the order of Toggle. Defaults: fast, hardened, strict, and debug where it differs
    // from strict.
    option_row::Layer(Toggle::kGuardPages, "guard_pages", {0, 1, 1},
                      "inaccessible pages around slabs and large blocks stop long overflows"),
    option_row::Layer(Toggle::kFreelistEncryption, "freelist_encryption", {0, 1, 1},
                      "references to free slots are encoded with secrets and checked when used"),
    option_row::Layer(Toggle::kRandomSlots, "random_slots", {0, 1, 1},
                      "which free slot is issued next cannot be predicted"),
    option_row::NumberedLayer(OptionKind::kSwitchOrBytes, Toggle::kQuarantine, "quarantine",
                              &Options::quarantine_bytes, {0, 16 * kKiB, 64 * kKiB}, kKiB, 4 * kMiB,
                              "freed memory waits before reuse: bytes per thread and size class"),
    option_row::Layer(Toggle::kZeroOnFree, "zero_on_free", {0, 1, 1},
                      "freed memory is overwritten with zeros"),
    option_row::Layer(Toggle::kReuseCheck, "reuse_check", {0, 1, 1},
                      "freed memory is checked for writes before it is issued again",
                      Bit(Toggle::kZeroOnFree)),
    option_row::Layer(Toggle::kCanaries, "canaries", {0, 1, 1},
                      "secret bytes after each block show overflows of one byte or more"),
    option_row::Layer(Toggle::kNeighbourCheck, "neighbour_check", {0, 0, 1},
                      "what lies right before a freed block is checked too",
                      Bit(Toggle::kZeroOnFree) | Bit(Toggle::kCanaries)),
    option_row::Layer(Toggle::kOriginCheck, "origin_check", {0, 0, 1},
                      "malloc, new and new[] must be freed by their own counterpart"),
    option_row::Layer(Toggle::kSizeCheck, "size_check", {0, 1, 1},
                      "sized delete and free_sized must name the allocated size"),
    option_row::Layer(Toggle::kBoundedLibc, "bounded_libc", {0, 0, 1},
                      "memcpy, strcpy, snprintf, read and their like stay within blocks"),

    option_row::NumberedLayer(OptionKind::kSwitchOrCount, Toggle::kSampling, "sampling",
                              &Options::sample_interval, {0, 50000, 5000, 1}, 1, 1 << 30,
                              "one block in so many gets pages of its own between guards"),

    {.name = "profile",
     .kind = OptionKind::kProfile,
     .help = "the set of defaults that everything else starts from"},
    option_row::Number(OptionKind::kBytes, "large_quarantine", &Options::large_quarantine_bytes,
                       {0, 32 * kMiB, 128 * kMiB}, kTiB,
                       "bytes of freed large blocks that wait inaccessible",
                       Bit(Toggle::kQuarantine)),
    option_row::Number(OptionKind::kBytes, "sample_bytes", &Options::sample_bytes, {0, 0, 0}, kTiB,
                       "sampling also takes one block in so many bytes; 0: not by bytes",
                       Bit(Toggle::kSampling)),
    option_row::Number(OptionKind::kBytes, "sample_budget", &Options::sample_budget,
                       {0, 256 * kMiB, kGiB, 8 * kGiB}, kTiB,
                       "address space of freed samples that stays inaccessible",
                       Bit(Toggle::kSampling)),
    option_row::Choice("sample_side", &Options::sample_side, kSampleSides,
                       {2, 2, 2, static_cast<uint64_t>(SampleSide::kRight)},
                       "which end of a sampled block lies against a guard"),
    option_row::Number(OptionKind::kBytes, "large_cache", &Options::large_cache_bytes,
                       {64 * kMiB, 32 * kMiB, 16 * kMiB}, kTiB,
                       "bytes of freed large blocks kept mapped for reuse"),
    option_row::Number(OptionKind::kMilliseconds, "decay", &Options::decay_ms, {1000, 1000, 1000},
                       3'600'000, "how long unused memory is kept before its pages are given back"),
    option_row::Count("epoch_depth", &Options::epoch_depth, 32, 1, 1024,
                      "how many epoch scopes a thread may be in at a time"),
    option_row::Choice("stacks", &Options::stacks, kStackChoices,
                       {kStacksByTables, kStacksByTables, kStacksByTables},
                       "how stacks are found: by unwind tables, frame pointers alone, not at all"),
    option_row::Count("stack_depth", &Options::stack_depth, 32, 1, kMostStackDepth,
                      "how many frames of a stack are kept"),
    option_row::Switch("guard_gaps", &Options::guard_gaps, {0, 0, 1},
                       "guard_pages also leaves inaccessible gaps at random between slabs"),
    option_row::Switch("reuse_check_whole", &Options::reuse_check_whole, {0, 0, 1},
                       "reuse_check reads slots above 8 KiB whole, too"),
    option_row::Switch("huge_pages", &Options::huge_pages, {1, 1, 1},
                       "transparent huge pages where blocks gain from them"),
    option_row::Switch("numa", &Options::numa, {1, 1, 1},
                       "memory from the node of the allocating thread"),
    option_row::Switch("wide_vectors", &Options::wide_vectors, {1, 1, 1},
                       "vectors of 64 bytes where the processor has them"),
    option_row::Switch("fault_reports", &Options::fault_reports, {0, 1, 1},
                       "accesses that a guard or an unmapped freed block stops are reported"),
    option_row::Choice("report_format", &Options::report_format, kReportFormats, {0, 0, 0},
                       "reports as text, or each as one line of JSON"),
    option_row::Choice("report_to", &Options::report_to, kReportTargets, {0, 0, 0},
                       "where reports go when there is no report_file"),
    option_row::Choice("on_error", &Options::on_error, kErrorEndings, {0, 0, 0},
                       "what comes after a report; continue: where nothing is damaged"),
    option_row::Count("exit_code", &Options::exit_code, 99, 1, 255,
                      "the exit status of on_error=exit"),
    option_row::Switch("container_limits", &Options::container_limits, {1, 1, 1},
                       "caches and quarantine shrink as the container's memory limit nears"),
    {.name = "report_file",
     .kind = OptionKind::kPath,
     .help = "absolute path that reports are appended to; %p becomes the process id",
     .text = &Options::report_file},
    {.name = "stats_at_exit",
     .kind = OptionKind::kStatistics,
     .help = "statistics when the process exits: to standard error, or appended to a file",
     .text = &Options::stats_at_exit},
    {.name = "leaks_at_exit",
     .kind = OptionKind::kStatistics,
     .help = "blocks that nothing refers to when the process exits: likewise",
     .text = &Options::leaks_at_exit},
    option_row::Count("leaks_exit_code", &Options::leaks_exit_code, 23, 0, 255,
                      "the exit status where leaks_at_exit finds some; 0: the program's own"),
    option_row::Switch("verbose", &Options::verbose, {0, 0, 0},
                       "one line at start: version, profile, layers in force"),
};
inline constexpr size_t kOptionCount = std::size(kOptionTable);
inline constexpr size_t kLongestOptionName = 24;

constexpr const OptionSpec& SpecOf(Toggle toggle) {
  return kOptionTable[static_cast<size_t>(toggle)];
}
constexpr std::string_view NameOf(Toggle toggle) { return SpecOf(toggle).name; }

// The layers of a profile.
constexpr uint64_t LayersOf(ProfileId profile) {
  uint64_t layers = 0;
  for (const OptionSpec& spec : kOptionTable) {
    if (spec.is_layer() && spec.defaults[profile] != 0) layers |= Bit(spec.toggle());
  }
  return layers;
}

// The row of that name, or nullptr.
constexpr const OptionSpec* FindOption(std::string_view name) {
  for (const OptionSpec& spec : kOptionTable) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

namespace option_row {

constexpr bool IsWellFormed(const OptionSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kLongestOptionName || spec.help.empty()) return false;
  for (char c : spec.name) {
    if (c != '_' && (c < 'a' || c > 'z')) return false;
  }
  const bool is_number = spec.kind == OptionKind::kBytes || spec.kind == OptionKind::kCount ||
                         spec.kind == OptionKind::kMilliseconds ||
                         spec.kind == OptionKind::kChoice || IsSwitchOrNumber(spec.kind);
  if (is_number != (spec.number != nullptr)) return false;
  if ((spec.kind == OptionKind::kChoice) == spec.choices.empty()) return false;
  const bool is_plain_switch = spec.kind == OptionKind::kSwitch && !spec.is_layer();
  if (is_plain_switch != (spec.flag != nullptr)) return false;
  const bool is_text = spec.kind == OptionKind::kPath || spec.kind == OptionKind::kStatistics;
  if (is_text != (spec.text != nullptr)) return false;
  for (size_t i = 0; i < kProfileCount; ++i) {
    const uint64_t value = spec.defaults[static_cast<ProfileId>(i)];
    const bool is_off = IsSwitchOrNumber(spec.kind) && value == 0;
    if (!is_off && (value < spec.min || value > spec.max)) return false;
  }
  if (spec.is_layer() && spec.needs >= Bit(spec.toggle())) return false;
  // Only a layer or a number can be turned off.
  if (spec.needs != 0 && !spec.is_layer() && !is_number) return false;
  return FindOption(spec.name) == &spec;
}

constexpr bool TableIsWellFormed() {
  for (size_t i = 0; i < kOptionCount; ++i) {
    const int layer = i < kToggleCount ? static_cast<int>(i) : -1;
    if (kOptionTable[i].layer != layer || !IsWellFormed(kOptionTable[i])) return false;
  }
  return true;
}

}  // namespace option_row

static_assert(option_row::TableIsWellFormed(),
              "layers come first, in the order of Toggle; names are unique; defaults are in range");

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_OPTION_TABLE_H_
