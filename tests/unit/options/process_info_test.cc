// What readers outside the process find.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "src/options/sealed_page.h"

extern "C" bartizan::SealedPage bartizan_process_info;

namespace bartizan {
namespace {

// Offsets that readers of other versions rely on.
TEST(ProcessInfo, LayoutIsPublic) {
  EXPECT_EQ(offsetof(ProcessInfo, magic), 0u);
  EXPECT_EQ(offsetof(ProcessInfo, layout_version), 8u);
  EXPECT_EQ(offsetof(ProcessInfo, bytes), 12u);
  EXPECT_EQ(offsetof(ProcessInfo, state), 16u);
  EXPECT_EQ(offsetof(ProcessInfo, library_version), 24u);
  EXPECT_EQ(offsetof(ProcessInfo, variant), 40u);
  EXPECT_EQ(offsetof(ProcessInfo, profile), 56u);
  EXPECT_EQ(offsetof(ProcessInfo, layers_known), 72u);
  EXPECT_EQ(offsetof(ProcessInfo, layers_in_force), 80u);
  EXPECT_EQ(offsetof(ProcessInfo, quarantine_bytes), 88u);
  EXPECT_EQ(offsetof(ProcessInfo, huge_pages), 120u);
  EXPECT_EQ(offsetof(ProcessInfo, report_file), 128u);
  EXPECT_EQ(offsetof(ProcessInfo, layer_names), 384u);
  EXPECT_EQ(offsetof(ProcessInfo, engine_roots), 1408u);
  EXPECT_EQ(offsetof(ProcessInfo, seed), 1416u);
  EXPECT_EQ(sizeof(ProcessInfo), 1424u);
  EXPECT_EQ(offsetof(SealedPage, info), 0u);
}

TEST(ProcessInfo, TheExportedSymbolIsThePage) {
  // The compiler takes two names for two objects; numbers it has to compare.
  const volatile auto exported = reinterpret_cast<uintptr_t>(&bartizan_process_info);
  const volatile auto page = reinterpret_cast<uintptr_t>(&bartizan_sealed_page);
  EXPECT_EQ(exported, page);
  EXPECT_EQ(exported % kSealedPageBytes, 0u);
}

TEST(ProcessInfo, BeforeTheStartItSaysThatNothingIsInForce) {
  const ProcessInfo& info = bartizan_sealed_page.info;
  EXPECT_EQ(std::memcmp(info.magic, "BARTIZAN", 8), 0);
  EXPECT_EQ(info.layout_version, 3u);
  EXPECT_EQ(info.bytes, sizeof info);
  EXPECT_EQ(info.state, StartState::kNotStarted);
  EXPECT_EQ(info.layers_in_force, 0u);
  EXPECT_EQ(info.library_version, kVersion);
}

TEST(ProcessInfo, NamesItsLayersInTheOrderOfTheirBits) {
  EXPECT_STREQ(bartizan_sealed_page.info.layer_names,
               "guard_pages freelist_encryption random_slots quarantine zero_on_free reuse_check "
               "canaries neighbour_check origin_check size_check bounded_libc sampling");
}

TEST(ProcessInfo, CarriesTheOptionsInForce) {
  Options options = DefaultsOf(ProfileId::kStrict);
  options.numa = false;
  options.seed = 7;
  std::strcpy(options.report_file, "/var/log/report");
  static SealedPage page;
  FillSealedPage(options, {.config_file = true, .environment = false, .environment_ignored = true},
                 Variant::kFast, page);
  EXPECT_EQ(page.info.state, StartState::kOptionsLoaded);
  EXPECT_STREQ(page.info.variant, "fast");
  EXPECT_STREQ(page.info.profile, "strict");
  EXPECT_EQ(page.info.layers_in_force, kAllLayers);
  EXPECT_EQ(page.info.quarantine_bytes, 64 * kKiB);
  EXPECT_EQ(page.info.large_quarantine_bytes, 128 * kMiB);
  EXPECT_EQ(page.info.large_cache_bytes, 16 * kMiB);
  EXPECT_EQ(page.info.decay_ms, 1000u);
  EXPECT_EQ(page.info.seed, 7u);
  EXPECT_EQ(page.info.huge_pages, 1);
  EXPECT_EQ(page.info.numa, 0);
  EXPECT_EQ(page.info.verbose, 0);
  EXPECT_EQ(page.info.from_config_file, 1);
  EXPECT_EQ(page.info.from_environment, 0);
  EXPECT_EQ(page.info.environment_ignored, 1);
  EXPECT_STREQ(page.info.report_file, "/var/log/report");
  EXPECT_EQ(page.options.toggles, kAllLayers);
}

std::string LineFor(const Options& options, const OptionOrigin& origin) {
  static SealedPage page;
  page = bartizan_sealed_page;
  FillSealedPage(options, origin, Variant::kDynamic, page);
  VerboseLine line;
  FormatVerboseLine(page.info, line);
  EXPECT_FALSE(line.truncated());
  return std::string(line.view());
}

TEST(VerboseLine, NamesProfileLayersAndOrigin) {
  EXPECT_EQ(
      LineFor(DefaultsOf(ProfileId::kHardened), {false, true, false}),
      "bartizan 0.1.0: profile hardened, layers: guard_pages freelist_encryption "
      "random_slots quarantine zero_on_free reuse_check canaries size_check sampling; off: "
      "neighbour_check origin_check bounded_libc; quarantine 16k (options from BARTIZAN_OPTIONS)");
  EXPECT_EQ(LineFor(DefaultsOf(ProfileId::kStrict), {true, true, false}),
            "bartizan 0.1.0: profile strict, layers: guard_pages freelist_encryption "
            "random_slots quarantine zero_on_free reuse_check canaries neighbour_check "
            "origin_check size_check bounded_libc sampling; quarantine 64k (options from "
            "/etc/bartizan.conf and "
            "BARTIZAN_OPTIONS)");
  EXPECT_EQ(LineFor(DefaultsOf(ProfileId::kFast), {false, false, true}),
            "bartizan 0.1.0: profile fast, layers: none; off: guard_pages freelist_encryption "
            "random_slots quarantine zero_on_free reuse_check canaries neighbour_check "
            "origin_check size_check bounded_libc sampling (default options; BARTIZAN_OPTIONS "
            "ignored: the "
            "program gains "
            "privileges)");
}

}  // namespace
}  // namespace bartizan
