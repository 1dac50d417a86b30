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
#include <string_view>

#include "src/base/bits.h"
#include "src/options/option_choices.h"
#include "src/options/option_spec.h"

namespace bartizan {

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
    option_row::Number(OptionKind::kPattern, "fill", &Options::fill, {0, 0, 0}, UINT64_MAX,
                       "a byte or word that new blocks are filled with instead of zeros",
                       Bit(Toggle::kZeroOnFree)),
    option_row::Number(OptionKind::kPattern, "fill_freed", &Options::fill_freed, {0, 0, 0},
                       UINT64_MAX, "what freed memory is overwritten with instead of zeros",
                       Bit(Toggle::kZeroOnFree)),
    option_row::Number(OptionKind::kBytes, "sample_bytes", &Options::sample_bytes, {0, 0, 0}, kTiB,
                       "sampling also takes one block in so many bytes; 0: not by bytes",
                       Bit(Toggle::kSampling)),
    option_row::Number(OptionKind::kBytes, "sample_budget", &Options::sample_budget,
                       {0, 256 * kMiB, kGiB, 8 * kGiB}, kTiB,
                       "address space of freed samples that stays inaccessible",
                       Bit(Toggle::kSampling)),
    option_row::Number(OptionKind::kBytes, "sample_memory", &Options::sample_memory,
                       {0, 64 * kMiB, 256 * kMiB, kGiB}, kTiB,
                       "memory of live samples; towards it, fewer blocks become some",
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
    option_row::Count("seed", &Options::seed, 0, 0, kMostSeed,
                      "not 0: every random choice follows from this number, to replay a failure"),
    {.name = "report_file",
     .kind = OptionKind::kPath,
     .help = "absolute path that reports are appended to; %p becomes the process id",
     .text = &Options::report_file},
    {.name = "stats_at_exit",
     .kind = OptionKind::kStatistics,
     .help = "statistics when the process exits: to standard error, or appended to a file",
     .text = &Options::stats_at_exit},
    option_row::Switch("report_symbols", &Options::report_symbols, {0, 0, 0, 1},
                       "reports name functions, which they read from the program's files"),
    option_row::Switch("exit_summary", &Options::exit_summary, {0, 0, 0, 1},
                       "one line when the process exits: blocks, peak, heap errors, leaks"),
    {.name = "leaks_at_exit",
     .kind = OptionKind::kStatistics,
     .help = "what nothing refers to when the process exits: to standard error or a file",
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
                         spec.kind == OptionKind::kPattern || spec.kind == OptionKind::kChoice ||
                         IsSwitchOrNumber(spec.kind);
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
