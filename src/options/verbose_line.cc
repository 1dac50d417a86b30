#include "src/options/sealed_page.h"

namespace bartizan {
namespace {

// The names of the layers whose bits are in `mask`, each after a blank; " none" for an empty mask.
void AppendLayers(VerboseLine& line, uint64_t mask) {
  if ((mask & kAllLayers) == 0) line << " none";
  for (size_t i = 0; i < kToggleCount; ++i) {
    const Toggle toggle = static_cast<Toggle>(i);
    if ((mask & Bit(toggle)) != 0) line << ' ' << NameOf(toggle);
  }
}

void AppendOrigin(VerboseLine& line, const ProcessInfo& info) {
  if (info.from_config_file != 0 || info.from_environment != 0) {
    line << "options from ";
    if (info.from_config_file != 0) line << kConfigFile;
    if (info.from_config_file != 0 && info.from_environment != 0) line << " and ";
    if (info.from_environment != 0) line << kOptionsVariable;
  } else {
    line << "default options";
  }
  if (info.environment_ignored != 0) {
    line << "; " << kOptionsVariable << " ignored: the program gains privileges";
  }
}

}  // namespace

void FormatVerboseLine(const ProcessInfo& info, VerboseLine& line) {
  line << "bartizan " << info.library_version << ": profile " << info.profile << ", layers:";
  AppendLayers(line, info.layers_in_force);
  const uint64_t off = info.layers_known & ~info.layers_in_force;
  if (off != 0) {
    line << "; off:";
    AppendLayers(line, off);
  }
  if (info.quarantine_bytes != 0) {
    line << "; quarantine ";
    line.Size(info.quarantine_bytes);
  }
  if (info.seed != 0) line << "; seed " << info.seed << ", which makes secrets guessable";
  line << " (";
  AppendOrigin(line, info);
  line << ')';
}

}  // namespace bartizan
