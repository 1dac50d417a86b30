// What `bartizan top` shows, of invented processes.
#include "tools/cli/top_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bartizan::cli {
namespace {

std::vector<TopRow> Rows() {
  return {{.process = 10, .program = "b", .profile = "fast", .live_bytes = 5, .heaps = 1},
          {.process = 7,
           .program = "a",
           .profile = "strict",
           .live_bytes = 900,
           .heaps = 3,
           .caught = 4,
           .slow_paths_per_second = 12},
          {.process = 9, .program = "c\x1b[2J", .profile = "fast", .live_bytes = 5}};
}

std::vector<pid_t> Sorted(TopColumn column, bool reversed = false) {
  std::vector<TopRow> rows = Rows();
  SortRows(column, reversed, &rows);
  std::vector<pid_t> order;
  for (const TopRow& row : rows) order.push_back(row.process);
  return order;
}

TEST(Top, SortsByAnyColumn) {
  EXPECT_EQ(Sorted(TopColumn::kLive), (std::vector<pid_t>{7, 9, 10}));
  EXPECT_EQ(Sorted(TopColumn::kLive, true), (std::vector<pid_t>{10, 9, 7}));
  EXPECT_EQ(Sorted(TopColumn::kProcess), (std::vector<pid_t>{7, 9, 10}));
  EXPECT_EQ(Sorted(TopColumn::kProgram), (std::vector<pid_t>{7, 10, 9}));
  EXPECT_EQ(Sorted(TopColumn::kProfile), (std::vector<pid_t>{9, 10, 7}));
  EXPECT_EQ(Sorted(TopColumn::kSlowPaths), (std::vector<pid_t>{7, 9, 10}));
  EXPECT_EQ(Sorted(TopColumn::kHeaps), (std::vector<pid_t>{7, 10, 9}));
  EXPECT_EQ(Sorted(TopColumn::kCaught), (std::vector<pid_t>{7, 9, 10}));
}

TEST(Top, ColumnsEndAtTheEnds) {
  EXPECT_EQ(NextColumn(TopColumn::kProcess, -1), TopColumn::kProcess);
  EXPECT_EQ(NextColumn(TopColumn::kProcess, 1), TopColumn::kLive);
  EXPECT_EQ(NextColumn(TopColumn::kProgram, 1), TopColumn::kProgram);
}

TEST(Top, FitsAnyScreen) {
  for (int width : {0, 1, 5, 40, 80, 500}) {
    for (int height : {0, 1, 2, 3, 4, 100}) {
      const std::vector<std::string> lines =
          TopLines(Rows(), {.width = width, .height = height, .refused = 2});
      EXPECT_LE(lines.size(), static_cast<size_t>(height));
      for (const std::string& line : lines) EXPECT_LE(line.size(), static_cast<size_t>(width));
    }
  }
}

TEST(Top, ShowsWhatThereIsAndNothingElse) {
  const std::vector<std::string> lines =
      TopLines(Rows(), {.width = 200, .height = 50, .refused = 2});
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_NE(lines[0].find("3 protected, live 910"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("2 of others may not be looked into"), std::string::npos);
  EXPECT_NE(lines[1].find(">LIVE"), std::string::npos);
  EXPECT_NE(lines[3].find(" 12 "), std::string::npos) << lines[3];
  EXPECT_NE(lines[2].find(" - "), std::string::npos) << lines[2];
  for (const std::string& line : lines) {
    for (const char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << "of a name: " << line;
  }
}

TEST(Top, ScrollsWithinTheRows) {
  EXPECT_EQ(Scrolled(0, 1, 3, 24), 0u) << "all are shown";
  EXPECT_EQ(Scrolled(0, 1, 30, 12), 1u);
  EXPECT_EQ(Scrolled(0, 100, 30, 12), 20u);
  EXPECT_EQ(Scrolled(5, -100, 30, 12), 0u);
  EXPECT_EQ(Scrolled(25, 0, 30, 12), 20u) << "rows have gone";
  EXPECT_EQ(Scrolled(0, 100, 30, 0), 29u);
  EXPECT_EQ(Scrolled(9, 0, 0, 12), 0u);
}

TEST(ShortBytes, AreSixCharactersAtMost) {
  EXPECT_EQ(ShortBytes(0), "0");
  EXPECT_EQ(ShortBytes(999), "999");
  EXPECT_EQ(ShortBytes(1000), "1.0K");
  EXPECT_EQ(ShortBytes(1536), "1.5K");
  EXPECT_EQ(ShortBytes(1023 * 1024), "1.0M");
  EXPECT_EQ(ShortBytes(uint64_t{99} << 20), "99.0M");
  EXPECT_EQ(ShortBytes(uint64_t{123} << 30), "123G");
  for (int shift = 0; shift < 64; ++shift) {
    EXPECT_LE(ShortBytes(uint64_t{1} << shift).size(), 6u);
    EXPECT_LE(ShortBytes(~uint64_t{0} >> shift).size(), 6u);
  }
}

}  // namespace
}  // namespace bartizan::cli
