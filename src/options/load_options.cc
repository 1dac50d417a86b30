// What the parser reads, at the start of a process: the configuration file and the environment.
#include "src/options/config_file.h"
#include "src/options/sealed_page.h"
#include "src/platform/file.h"
#include "src/platform/process.h"
#include "src/platform/wide_bytes.h"

namespace bartizan {
namespace {

// Read once, before other threads exist. Untouched pages of it cost no memory.
constinit char g_config_text[kConfigFileLimit] = {};

void PrintMessage(void*, std::string_view line) {
  Text<1600> output;
  output << line << '\n';
  platform::WriteAll(platform::kStandardError, output.view());
}

constexpr MessageSink kPrint = {PrintMessage, nullptr};

}  // namespace

void LoadOptions(Variant variant) {
  const char* const variable = platform::EnvironmentVariable(kOptionsVariable);
  const bool is_secure = platform::IsSecureExecution();
  OptionTexts texts;
  texts.config = ReadConfigFile(kConfigFile, g_config_text, kConfigFileLimit, kPrint);
  texts.program = platform::ProgramName();
  if (variable != nullptr && !is_secure) texts.environment = variable;

  const LibraryLayers& library = variant == Variant::kFast ? kFastLibrary : kDynamicLibrary;
  const OptionOrigin origin = {
      .config_file = !texts.config.empty(),
      .environment = !texts.environment.empty(),
      .environment_ignored = variable != nullptr && is_secure,
  };
  Options options = ReadOptions(texts, library, kPrint);
  options.wide_vectors = options.wide_vectors && platform::HasWideVectors();
  FillSealedPage(options, origin, variant, bartizan_sealed_page);
  if (!bartizan_sealed_page.options.verbose) return;
  VerboseLine line;
  FormatVerboseLine(bartizan_sealed_page.info, line);
  kPrint(line.view());
}

}  // namespace bartizan
