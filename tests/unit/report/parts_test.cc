// The parts of a report, of invented blocks: as text, as JSON, and when the memory they are made
// from is damaged.
#include <algorithm>

#include "src/report/json_words.h"
#include "src/report/report_text.h"
#include "tests/support/json.h"
#include "tests/unit/report/reporting_child.h"

namespace bartizan {
namespace {

constexpr uintptr_t kBlock = 0x10000;

void Invent(uintptr_t, Description* description) {
  BlockFacts& block = description->block;
  block = {.state = BlockState::kFreed, .begin = kBlock, .requested = 24, .family = "malloc"};
  block.allocation = {.known = true,
                      .thread = {.id = 7, .name = "first"},
                      .age_ns = 1'500'000'000,
                      .number = 12,
                      .stack = 1};
  block.free = {.known = true,
                .thread = {.id = 8, .name = "sec\"ond"},
                .age_ns = 2500,
                .number = 13,
                .stack = 2};
  description->below = {.begin = 0x8000, .requested = 3};
}

void MeetDamage(uintptr_t, Description* description) {
  description->block.state = BlockState::kLive;
  *reinterpret_cast<volatile char*>(16) = 1;
}

size_t NoWalk(const platform::StackPoint&, uintptr_t*, size_t) { return 0; }
size_t InventFrames(uint32_t stack, uintptr_t* frames, size_t) {
  frames[0] = stack * uintptr_t{100};
  return 1;
}
size_t DamagedFrames(uint32_t, uintptr_t*, size_t) { return *reinterpret_cast<volatile char*>(16); }

constexpr ReportSources kInvented = {.describe = Invent, .walk = NoWalk, .stored = InventFrames};
constexpr ReportSources kDamaged = {.describe = MeetDamage, .walk = NoWalk, .stored = InventFrames};
constexpr ReportSources kDamagedStacks = {
    .describe = Invent, .walk = NoWalk, .stored = DamagedFrames};

class PartsTest : public testing::Test {
 protected:
  void TearDown() override { SetReportSources(nullptr); }

  std::string Written(void (Parts::*form)()) {
    static ReportText text;
    text.Clear();
    Report report{.violation = violation_, .from = {}, .ending = "abort"};
    Parts parts(report, text);
    (parts.*form)();
    return std::string(text.view());
  }
  std::string Json() {
    std::string json = Written(&Parts::Json);
    EXPECT_EQ(test::JsonMistake(json.c_str()), nullptr) << json;
    EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1) << json;
    return json;
  }
  static void ExpectPart(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
  }

  Violation violation_ = {.what = "use after free",
                          .detail = "a read",
                          .address = kBlock + 27,
                          .layer = "sampling",
                          .access = AccessKind::kRead,
                          .access_bytes = 8};
};

TEST_F(PartsTest, JsonHasAllThatIsKnown) {
  SetReportSources(&kInvented);
  const std::string json = Json();
  for (
      const char* part :
      {R"("kind":"use_after_free")", R"("layer":"sampling")",
       R"("access":{"type":"read","bytes":8})",
       R"("position":{"place":"after","distance":3,"words":"3 bytes after a freed block of 24 bytes"})",
       R"("block":{"state":"freed","address":"0x10000","requested":24,"family":"malloc","own_pages":true})",
       R"("allocation":{"thread":{"id":7,"name":"first"},"age_ns":1500000000,"number":12,"stack":[{"address": "0x64"}]})",
       R"("free":{"thread":{"id":8,"name":"sec\"ond"},"age_ns":2500,"number":13,"stack":[{"address": "0xc8"}]})",
       R"("neighbours":[{"side":"below","address":"0x8000","requested":3}])",
       R"("incomplete":[])"}) {
    ExpectPart(json, part);
  }
}

TEST_F(PartsTest, TextHasAllThatIsKnown) {
  SetReportSources(&kInvented);
  const std::string text = Written(&Parts::Details);
  for (const char* part :
       {"  Read of 8 bytes at 0x1001b by thread ",
        "  Block: the address is 3 bytes after a freed block of 24 bytes at 0x10000, from malloc",
        ", with pages of its own\n",
        "  Allocated by thread 7 (first), 1.5 s before, event 12 of sampled blocks:\n",
        "  Freed by thread 8 (sec\"ond), 2.5 us before, event 13 of sampled blocks:\n",
        "  Next live block below: 3 bytes at 0x8000\n", "  Caught by sampling\n"}) {
    ExpectPart(text, part);
  }
  EXPECT_EQ(text.find("above"), std::string::npos);
}

TEST_F(PartsTest, PositionsAreTheNearestByte) {
  const BlockFacts block = {.state = BlockState::kLive, .begin = kBlock, .requested = 24};
  const auto words = [&](uintptr_t address) {
    Text<100> text;
    AppendPosition(PositionOf(address, block), block, text);
    return std::string(text.view());
  };
  EXPECT_EQ(words(kBlock - 1), "1 byte before a block of 24 bytes");
  EXPECT_EQ(words(kBlock), "0 bytes into a block of 24 bytes");
  EXPECT_EQ(words(kBlock + 23), "23 bytes into a block of 24 bytes");
  EXPECT_EQ(words(kBlock + 24), "0 bytes after a block of 24 bytes");
  EXPECT_EQ(PositionOf(kBlock, {}).place, Position::kUnknown);
}

TEST_F(PartsTest, WithoutBlocksThereIsNothingMore) {
  EXPECT_EQ(Written(&Parts::Details), "");
  EXPECT_EQ(Json().find("\"block\""), std::string::npos);
}

TEST_F(PartsTest, ALongDetailIsCutToOneLine) {
  const std::string detail(5000, 'd');
  violation_.detail = detail;
  const std::string line = Written(&Parts::FirstLine);
  EXPECT_EQ(line.size(), 1024u);
  EXPECT_EQ(line.find('\n'), 1023u);
}

// --- Damage -------------------------------------------------------------------------------------

TEST_F(PartsTest, WhatMeetsDamageIsLeftOut) {
  SetReportSources(&kDamaged);
  for (int i = 0; i < 3; ++i) {
    const std::string json = Json();
    ExpectPart(json, R"("incomplete":["block"])");
    EXPECT_EQ(json.find("\"block\":"), std::string::npos) << json;
  }
}

TEST_F(PartsTest, OtherPartsStay) {
  SetReportSources(&kDamagedStacks);
  const std::string json = Json();
  ExpectPart(json, R"("incomplete":["allocation","free"])");
  ExpectPart(json, R"("block":{"state":"freed")");
  const std::string text = Written(&Parts::Details);
  EXPECT_EQ(text.find("Allocated by"), std::string::npos) << text;
  ExpectPart(text, "  Next live block below: ");
  ExpectPart(text, "  Parts of this report are missing");
}

TEST_F(PartsTest, HandlersAndMasksAreAsBefore) {
  SetReportSources(&kDamaged);
  struct sigaction before;
  struct sigaction after;
  sigset_t mask;
  ASSERT_EQ(sigaction(SIGSEGV, nullptr, &before), 0);
  Json();
  ASSERT_EQ(sigaction(SIGSEGV, nullptr, &after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  EXPECT_EQ(before.sa_flags, after.sa_flags);
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  for (const int signal : {SIGSEGV, SIGBUS, SIGUSR1}) EXPECT_EQ(sigismember(&mask, signal), 0);
}

TEST_F(PartsTest, AReportWithDamageEndsTheProcess) {
  const ChildEnd end = RunChild([] {
    SetReportSources(&kDamaged);
    ReportViolation(kSomething);
  });
  EXPECT_TRUE(end.Aborted());
  EXPECT_EQ(end.standard_error.rfind("bartizan: fatal: double free: ", 0), 0u);
}

// --- JSON ---------------------------------------------------------------------------------------

TEST(JsonWords, AnyBytesAreAText) {
  std::string all;
  for (int c = 255; c > 0; --c) all += static_cast<char>(c);
  Text<4096> text;
  AppendJsonText(all, text);
  EXPECT_EQ(test::JsonMistake(text.c_str()), nullptr) << text.c_str();
  text.Clear();
  AppendJsonText("a\"\\\n\xe9", text);
  EXPECT_EQ(text.view(), R"("a\"\\\u000a\u00e9")");
}

}  // namespace
}  // namespace bartizan
