#include "src/options/sealed_page.h"

#include "src/platform/memory.h"

namespace bartizan {
namespace {

template <size_t kBytes>
constexpr void CopyText(std::string_view text, char (&to)[kBytes]) {
  size_t i = 0;
  for (; i < text.size() && i + 1 < kBytes; ++i) to[i] = text[i];
  for (; i < kBytes; ++i) to[i] = '\0';
}

constexpr size_t LayerNamesBytes() {
  size_t bytes = 0;
  for (size_t i = 0; i < kToggleCount; ++i) bytes += NameOf(static_cast<Toggle>(i)).size() + 1;
  return bytes;
}
static_assert(LayerNamesBytes() <= sizeof(ProcessInfo::layer_names));
static_assert(kVersion.size() < sizeof(ProcessInfo::library_version));

// What is known before the start: a reader outside finds the page by its magic, and sees in the
// state that nothing is in force yet.
constexpr SealedPage UnstartedPage() {
  SealedPage page{};
  for (size_t i = 0; i < sizeof kProcessInfoMagic; ++i) page.info.magic[i] = kProcessInfoMagic[i];
  page.info.layout_version = kProcessInfoLayout;
  page.info.bytes = sizeof(ProcessInfo);
  page.info.state = StartState::kNotStarted;
  page.info.layers_known = kAllLayers;
  CopyText(kVersion, page.info.library_version);
  size_t length = 0;
  for (size_t i = 0; i < kToggleCount; ++i) {
    if (i != 0) page.info.layer_names[length++] = ' ';
    for (char c : NameOf(static_cast<Toggle>(i))) page.info.layer_names[length++] = c;
  }
  page.options = DefaultsOf(ProfileId::kHardened);
  page.options.wide_vectors = false;  // until the processor has been asked
  return page;
}

}  // namespace

extern "C" {

constinit SealedPage bartizan_sealed_page = UnstartedPage();

// The exported name, for readers outside the process.
[[gnu::visibility("default"),
  gnu::alias("bartizan_sealed_page")]] extern SealedPage bartizan_process_info;

}  // extern "C"

void FillSealedPage(const Options& options, const OptionOrigin& origin, Variant variant,
                    SealedPage& page) {
  ProcessInfo& info = page.info;
  page.options = options;
  CopyText(variant == Variant::kFast ? "fast" : "dynamic", info.variant);
  CopyText(NameOf(options.profile), info.profile);
  info.layers_in_force = options.toggles;
  info.quarantine_bytes = options.quarantine_bytes;
  info.large_quarantine_bytes = options.large_quarantine_bytes;
  info.large_cache_bytes = options.large_cache_bytes;
  info.decay_ms = options.decay_ms;
  info.seed = options.seed;
  info.huge_pages = options.huge_pages;
  info.numa = options.numa;
  info.verbose = options.verbose;
  info.from_config_file = origin.config_file;
  info.from_environment = origin.environment;
  info.environment_ignored = origin.environment_ignored;
  CopyText(options.report_file, info.report_file);
  info.state = StartState::kOptionsLoaded;
}

bool Seal() {
  bartizan_sealed_page.info.state = StartState::kSealed;
  return platform::SealReadOnly(reinterpret_cast<uintptr_t>(&bartizan_sealed_page),
                                sizeof bartizan_sealed_page);
}

}  // namespace bartizan
