#include "tools/cli/selftest_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/cli/json_text.h"

namespace bartizan::cli {
namespace {

// A report without its numbers: what was found, in words.
absl::string_view WithoutNumbers(absl::string_view message) {
  return message.substr(0, message.find("; address "));
}

absl::string_view StateName(LayerState state) {
  switch (state) {
    case LayerState::kAlwaysOn:
      return "always";
    case LayerState::kOn:
      return "on";
    case LayerState::kOff:
      return "off";
  }
  return "";
}

absl::string_view HowName(Ending ending) {
  switch (ending) {
    case Ending::kReported:
      return "report";
    case Ending::kGuarded:
      return "guard";
    case Ending::kHarmless:
      return "harmless";
    case Ending::kUnnoticed:
      return "unnoticed";
    case Ending::kInapplicable:
      return "not applicable";
    case Ending::kBroken:
      return "broken";
  }
  return "";
}

// "at free", or that nothing had to be stopped.
std::string When(const CommittedFault& fault) {
  if (!fault.is_caught()) return "MISSED";
  if (fault.run.ending == Ending::kHarmless) return "harmless";
  return absl::StrCat("at ", fault.run.moment);
}

std::string Heading(const LayerResult& layer) {
  if (layer.state == LayerState::kOff) return "off";
  const absl::string_view on = layer.state == LayerState::kOn ? "on: " : "";
  if (layer.faults.empty()) return absl::StrCat(on, "nothing tried: ", layer.plan.nothing);
  return absl::StrCat(on, layer.caught(), " of ", layer.faults.size(), " caught");
}

std::string FaultLine(const CommittedFault& fault) {
  return absl::StrFormat("  %-28s %6d bytes%s  %-9s %s\n", fault.planned.fault, fault.planned.size,
                         fault.planned.second_thread ? ", 2nd thread" : "            ", When(fault),
                         WithoutNumbers(fault.run.message));
}

std::string JsonBool(bool value) { return value ? "true" : "false"; }

std::string JsonFault(const CommittedFault& fault) {
  return absl::StrCat("{\"name\": ", JsonText(fault.planned.fault),
                      ", \"bytes\": ", fault.planned.size,
                      ", \"second_thread\": ", JsonBool(fault.planned.second_thread),
                      ", \"caught\": ", JsonBool(fault.is_caught()),
                      ", \"how\": ", JsonText(HowName(fault.run.ending)),
                      ", \"moment\": ", JsonText(fault.run.moment),
                      ", \"message\": ", JsonText(fault.run.message), "}");
}

std::string JsonLayer(const LayerResult& layer) {
  std::vector<std::string> faults;
  for (const CommittedFault& fault : layer.faults) {
    faults.push_back(absl::StrCat("\n      ", JsonFault(fault)));
  }
  return absl::StrCat("\n    {\"name\": ", JsonText(layer.plan.layer),
                      ", \"state\": ", JsonText(StateName(layer.state)),
                      ", \"tried\": ", layer.faults.size(), ", \"caught\": ", layer.caught(),
                      ", \"faults\": [", absl::StrJoin(faults, ","), "]}");
}

}  // namespace

size_t LayerResult::caught() const {
  size_t count = 0;
  for (const CommittedFault& fault : faults) count += fault.is_caught() ? 1 : 0;
  return count;
}

size_t SelftestResult::tried() const {
  size_t count = 0;
  for (const LayerResult& layer : layers) count += layer.faults.size();
  return count;
}

size_t SelftestResult::caught() const {
  size_t count = 0;
  for (const LayerResult& layer : layers) count += layer.caught();
  return count;
}

std::string TextReport(const SelftestResult& result) {
  std::string text =
      absl::StrCat("Bartizan ", result.info.library_version, " (", result.info.variant, ", ",
                   result.library, "), profile ", result.info.profile, "\n");
  for (const LayerResult& layer : result.layers) {
    absl::StrAppend(&text, "\n", layer.plan.layer, ": ", Heading(layer), "\n");
    for (const CommittedFault& fault : layer.faults) absl::StrAppend(&text, FaultLine(fault));
  }
  absl::StrAppend(&text, "\n", result.caught(), " of ", result.tried(), " faults caught");
  if (!result.passed()) {
    absl::StrAppend(&text, "; ", result.tried() - result.caught(), " missed");
  }
  return text + "\n";
}

std::string JsonReport(const SelftestResult& result) {
  std::vector<std::string> layers;
  for (const LayerResult& layer : result.layers) layers.push_back(JsonLayer(layer));
  return absl::StrCat("{\n  \"version\": ", JsonText(result.info.library_version),
                      ",\n  \"library\": ", JsonText(result.library),
                      ",\n  \"variant\": ", JsonText(result.info.variant),
                      ",\n  \"profile\": ", JsonText(result.info.profile),
                      ",\n  \"passed\": ", JsonBool(result.passed()),
                      ",\n  \"tried\": ", result.tried(), ",\n  \"caught\": ", result.caught(),
                      ",\n  \"layers\": [", absl::StrJoin(layers, ","), "]\n}\n");
}

}  // namespace bartizan::cli
