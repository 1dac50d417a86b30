#include "fuzz/options_check.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "fuzz/harness/check.h"
#include "src/options/values.h"

namespace fuzz {

using bartizan::kOptionTable;
using bartizan::OptionKind;
using bartizan::Options;
using bartizan::OptionSpec;

namespace {

// Names in the table are literals.
const char* NameOf(const OptionSpec& spec) {
  return spec.name.data();  // NOLINT(bugprone-suspicious-stringview-data-usage)
}

}  // namespace

void Messages::Receive(void* self, std::string_view line) {
  FUZZ_CHECK(line.starts_with("bartizan: ") && line.size() > 20, "an empty message");
  for (const char c : line) {
    FUZZ_CHECK(c >= ' ' && c != 0x7f, "byte %d in a message", static_cast<unsigned char>(c));
  }
  static_cast<Messages*>(self)->all_.emplace_back(line);
}

void CheckOptions(const Options& options, const bartizan::LibraryLayers& library) {
  FUZZ_CHECK((options.toggles & ~library.built_in) == 0, "layers that the library lacks");
  FUZZ_CHECK(std::memchr(options.report_file, 0, sizeof options.report_file) != nullptr,
             "report_file has no end");
  FUZZ_CHECK(options.report_file[0] == 0 || options.report_file[0] == '/', "report_file %s",
             options.report_file);
  FUZZ_CHECK(std::memchr(options.stats_at_exit, 0, sizeof options.stats_at_exit) != nullptr,
             "stats_at_exit has no end");
  bartizan::StatisticsTarget target;
  FUZZ_CHECK(bartizan::ParseStatisticsTarget(options.stats_at_exit, &target), "stats_at_exit %s",
             options.stats_at_exit);
  for (const OptionSpec& spec : kOptionTable) {
    const bool is_on = spec.is_layer() ? options.Has(spec.toggle())
                                       : spec.number != nullptr && options.*spec.number != 0;
    FUZZ_CHECK(!is_on || (spec.needs & ~options.toggles) == 0, "%s is on without what it needs",
               NameOf(spec));
    if (spec.number == nullptr) continue;
    const uint64_t value = options.*spec.number;
    const bool is_off = value == 0 && (bartizan::IsSwitchOrNumber(spec.kind) || spec.needs != 0);
    FUZZ_CHECK(is_off || (value >= spec.min && value <= spec.max), "%s is out of bounds",
               NameOf(spec));
    if (bartizan::IsSwitchOrNumber(spec.kind)) {
      FUZZ_CHECK((value != 0) == options.Has(spec.toggle()), "%s is on without a size",
                 NameOf(spec));
    }
  }
}

std::string WrittenPattern(uint64_t word) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%016" PRIx64, word);
  return word == 0 ? "off" : text;
}

std::string Written(const Options& options) {
  std::string text = "profile=" + std::string(bartizan::NameOf(options.profile));
  for (const OptionSpec& spec : kOptionTable) {
    std::string value;
    if (spec.kind == OptionKind::kChoice) {
      value = spec.choices[options.*spec.number];
    } else if (spec.kind == OptionKind::kPattern) {
      value = WrittenPattern(options.*spec.number);
    } else if (spec.number != nullptr) {
      value = bartizan::IsSwitchOrNumber(spec.kind) && options.*spec.number == 0
                  ? "off"
                  : std::to_string(options.*spec.number);
    } else if (spec.is_layer()) {
      value = options.Has(spec.toggle()) ? "on" : "off";
    } else if (spec.flag != nullptr) {
      value = options.*spec.flag ? "on" : "off";
    } else {
      continue;
    }
    // What needs a layer that is off cannot be asked for, not even to be nothing.
    const bool may_be_named = (spec.needs & ~options.toggles) == 0;
    if (may_be_named) text += ":" + std::string(spec.name) + "=" + value;
  }
  for (const OptionSpec& spec : kOptionTable) {
    if (spec.text == nullptr) continue;
    text += ":" + std::string(spec.name) + "=";
    for (const char* c = options.*spec.text; *c != 0; ++c) {
      if (*c == ':') text += '\\';
      text += *c;
    }
  }
  return text;
}

void CheckRoundTrip(const Options& options, const bartizan::LibraryLayers& library) {
  // A blank at a path's end is lost between words, and a backslash before a colon is an escape.
  for (const std::string_view path :
       {options.report_file, options.stats_at_exit, options.leaks_at_exit}) {
    if (path.ends_with(' ') || path.ends_with('\\') || path.find("\\:") != path.npos) return;
  }
  // The fast library takes no layer's name, not even to switch it off with a size.
  const std::string text = Written(options);
  Messages messages;
  const Options again =
      bartizan::ReadOptions({.environment = text, .program = "program"}, library, messages.sink());
  FUZZ_CHECK(messages.all().empty(), "%s: %s", text.c_str(), messages.all()[0].c_str());
  FUZZ_CHECK(again.toggles == options.toggles && again.profile == options.profile, "%s",
             text.c_str());
  for (const OptionSpec& spec : kOptionTable) {
    if (spec.number != nullptr) {
      FUZZ_CHECK(again.*spec.number == options.*spec.number, "%s: %s", text.c_str(), NameOf(spec));
    }
    if (spec.flag != nullptr) {
      FUZZ_CHECK(again.*spec.flag == options.*spec.flag, "%s: %s", text.c_str(), NameOf(spec));
    }
  }
  FUZZ_CHECK(std::strcmp(again.report_file, options.report_file) == 0, "%s", text.c_str());
  FUZZ_CHECK(std::strcmp(again.stats_at_exit, options.stats_at_exit) == 0, "%s", text.c_str());
  FUZZ_CHECK(std::strcmp(again.leaks_at_exit, options.leaks_at_exit) == 0, "%s", text.c_str());
}

}  // namespace fuzz
