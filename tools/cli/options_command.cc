// bartizan options: the option table, for people, for documents and for programs.
#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/options/option_table.h"
#include "tools/cli/command.h"
#include "tools/cli/json_text.h"
#include "tools/cli/string_views.h"

ABSL_FLAG(bool, markdown, false, "as a table for a document");
ABSL_FLAG(bool, json, false, "as JSON, for a program");

namespace bartizan::cli {
namespace {

std::string SizeText(uint64_t bytes) {
  Text<32> text;
  text.Size(bytes);
  return std::string(text.view());
}

std::vector<std::string> ProfileNames() {
  return {std::begin(kProfileNames), std::end(kProfileNames)};
}

std::vector<std::string> ChoicesOf(const OptionSpec& spec) {
  return spec.kind == OptionKind::kProfile
             ? ProfileNames()
             : std::vector<std::string>(spec.choices.begin(), spec.choices.end());
}

// The accepted values, short enough for a column.
std::string ValuesOf(const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionKind::kSwitch:
      return "on, off";
    case OptionKind::kSwitchOrBytes:
      return absl::StrCat("on, off, ", SizeText(spec.min), "-", SizeText(spec.max));
    case OptionKind::kBytes:
      return absl::StrCat(SizeText(spec.min), "-", SizeText(spec.max));
    case OptionKind::kCount:
      return absl::StrCat(spec.min, "-", spec.max);
    case OptionKind::kMilliseconds:
      return absl::StrCat(spec.min, "-", spec.max, " ms");
    case OptionKind::kProfile:
    case OptionKind::kChoice:
      return absl::StrJoin(ChoicesOf(spec), ", ");
    case OptionKind::kSwitchOrCount:
      return absl::StrCat("on, off, ", spec.min, "-", spec.max);
    case OptionKind::kPattern:
      return "off, 0x00-0xffffffffffffffff";
    case OptionKind::kPath:
      return "/path";
    case OptionKind::kStatistics:
      return "off, text[:/path], json[:/path]";
  }
  return "";
}

std::string DefaultOf(const OptionSpec& spec, ProfileId profile) {
  const uint64_t value = spec.defaults[profile];
  switch (spec.kind) {
    case OptionKind::kSwitch:
      return value != 0 ? "on" : "off";
    case OptionKind::kSwitchOrBytes:
      return value != 0 ? SizeText(value) : "off";
    case OptionKind::kSwitchOrCount:
      return value != 0 ? absl::StrCat(value) : "off";
    case OptionKind::kChoice:
      return std::string(spec.choices[value]);
    case OptionKind::kBytes:
      return SizeText(value);
    case OptionKind::kCount:
    case OptionKind::kMilliseconds:
      return absl::StrCat(value);
    case OptionKind::kProfile:
      return std::string(NameOf(profile));
    case OptionKind::kPath:
      return "-";
    case OptionKind::kStatistics:
    case OptionKind::kPattern:
      return "off";
  }
  return "";
}

std::string NeedsOf(const OptionSpec& spec, absl::string_view quote) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kToggleCount; ++i) {
    const Toggle toggle = static_cast<Toggle>(i);
    if ((spec.needs & Bit(toggle)) != 0)
      names.push_back(absl::StrCat(quote, AbslView(NameOf(toggle)), quote));
  }
  return absl::StrJoin(names, ", ");
}

std::string HelpOf(const OptionSpec& spec, absl::string_view quote) {
  const std::string needs = NeedsOf(spec, quote);
  return absl::StrCat(AbslView(spec.help),
                      needs.empty() ? "" : absl::StrCat(" (needs ", needs, ")"));
}

std::vector<std::string> DefaultsOfAllProfiles(const OptionSpec& spec) {
  std::vector<std::string> defaults;
  for (size_t i = 0; i < kProfileCount; ++i) {
    defaults.push_back(DefaultOf(spec, static_cast<ProfileId>(i)));
  }
  return defaults;
}

void PrintRow(absl::string_view name, absl::string_view values,
              const std::vector<std::string>& defaults, absl::string_view help) {
  absl::PrintF("%-20s %-22s", name, values);
  for (const std::string& value : defaults) absl::PrintF(" %-9s", value);
  absl::PrintF(" %s\n", help);
}

void PrintText() {
  PrintRow("OPTION", "VALUES", ProfileNames(), "");
  for (size_t i = 0; i < kOptionCount; ++i) {
    const OptionSpec& spec = kOptionTable[i];
    if (i == 0) absl::PrintF("Layers:\n");
    if (i == kToggleCount) absl::PrintF("Others:\n");
    PrintRow(AbslView(spec.name), ValuesOf(spec), DefaultsOfAllProfiles(spec), HelpOf(spec, ""));
  }
  absl::PrintF(
      "\n"
      "The columns %s are the defaults of the profiles.\n"
      "Sizes are bytes, or have k, m, g or t; durations may have ms or s. Options are set by\n"
      "  bartizan run --profile=strict --set=canaries=off -- PROGRAM\n"
      "  BARTIZAN_OPTIONS=\"profile=fast:quarantine=256k:verbose\"\n"
      "  /etc/bartizan.conf, one name=value per line, [program] sections\n",
      absl::StrJoin(ProfileNames(), ", "));
}

void PrintMarkdown() {
  absl::PrintF("| option | values | %s | what |\n|---|---|", absl::StrJoin(ProfileNames(), " | "));
  for (size_t i = 0; i < kProfileCount; ++i) absl::PrintF("---|");
  absl::PrintF("---|\n");
  for (const OptionSpec& spec : kOptionTable) {
    absl::PrintF("| `%s` | %s | %s | %s |\n", AbslView(spec.name), ValuesOf(spec),
                 absl::StrJoin(DefaultsOfAllProfiles(spec), " | "), HelpOf(spec, "`"));
  }
}

absl::string_view KindName(OptionKind kind) {
  switch (kind) {
    case OptionKind::kSwitch:
      return "switch";
    case OptionKind::kBytes:
      return "bytes";
    case OptionKind::kCount:
      return "count";
    case OptionKind::kMilliseconds:
      return "milliseconds";
    case OptionKind::kProfile:
    case OptionKind::kChoice:
      return "choice";
    case OptionKind::kPath:
      return "path";
    case OptionKind::kStatistics:
      return "statistics";
    case OptionKind::kPattern:
      return "pattern";
    case OptionKind::kSwitchOrBytes:
      return "switch-or-bytes";
    case OptionKind::kSwitchOrCount:
      return "switch-or-count";
  }
  return "";
}

std::string JsonDefault(const OptionSpec& spec, ProfileId profile) {
  const uint64_t value = spec.defaults[profile];
  if (spec.kind == OptionKind::kProfile) return JsonText(AbslView(NameOf(profile)));
  if (spec.kind == OptionKind::kChoice) return JsonText(AbslView(spec.choices[value]));
  if (spec.text != nullptr) return "null";
  if (spec.kind == OptionKind::kSwitch) return value != 0 ? "true" : "false";
  return absl::StrCat(value);
}

std::string JsonRow(const OptionSpec& spec) {
  std::vector<std::string> defaults;
  for (size_t i = 0; i < kProfileCount; ++i) {
    const ProfileId profile = static_cast<ProfileId>(i);
    defaults.push_back(
        absl::StrCat(JsonText(AbslView(NameOf(profile))), ": ", JsonDefault(spec, profile)));
  }
  std::string row = absl::StrCat("  {\"name\": ", JsonText(AbslView(spec.name)),
                                 ", \"kind\": ", JsonText(KindName(spec.kind)),
                                 ", \"layer\": ", spec.is_layer() ? "true" : "false");
  if (spec.number != nullptr && spec.choices.empty())
    absl::StrAppend(&row, ", \"min\": ", spec.min, ", \"max\": ", spec.max);
  if (!ChoicesOf(spec).empty()) {
    absl::StrAppend(&row, ", \"values\": [\"", absl::StrJoin(ChoicesOf(spec), "\", \""), "\"]");
  }
  absl::StrAppend(&row, ", \"needs\": [", NeedsOf(spec, "\""), "], \"defaults\": {",
                  absl::StrJoin(defaults, ", "), "}, \"help\": ", JsonText(AbslView(spec.help)),
                  "}");
  return row;
}

void PrintJson() {
  std::vector<std::string> rows;
  for (const OptionSpec& spec : kOptionTable) rows.push_back(JsonRow(spec));
  absl::PrintF("[\n%s\n]\n", absl::StrJoin(rows, ",\n"));
}

int ListOptions(const std::vector<std::string>& words) {
  if (!words.empty()) {
    Complain(absl::StrCat("options: takes no arguments, got '", words[0], "'"));
    return kWrongUse;
  }
  const bool markdown = absl::GetFlag(FLAGS_markdown);
  const bool json = absl::GetFlag(FLAGS_json);
  if (markdown && json) {
    Complain("options: --markdown and --json exclude each other");
    return kWrongUse;
  }
  if (markdown) {
    PrintMarkdown();
  } else if (json) {
    PrintJson();
  } else {
    PrintText();
  }
  return kSuccess;
}

}  // namespace

const Command kOptionsCommand = {
    .name = "options",
    .usage = "[--markdown | --json]",
    .summary = "list every option with its values, defaults and meaning",
    .description = "",
    .flags = {"markdown", "json"},
    .takes_program = false,
    .run = ListOptions,
};

}  // namespace bartizan::cli
