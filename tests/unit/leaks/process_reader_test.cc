#include "src/leaks/process_reader.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "src/base/bits.h"
#include "src/platform/memory.h"
#include "tests/support/watched_process.h"

namespace bartizan::leaks {
namespace {

using platform::kPageBytes;
using Pages = ProcessReader::Pages;

constexpr size_t kPageWords = kPageBytes / sizeof(uintptr_t);
// What is read at once and kept for a while, and the distance at which one takes another's place.
constexpr size_t kPiece = 16 << 10;
constexpr size_t kSamePlace = 1 << 20;

// Pages of this process, each word of which holds its own address.
class OwnPages {
 public:
  explicit OwnPages(size_t pages, int flags = MAP_ANONYMOUS, int file = -1)
      : bytes_(pages * kPageBytes) {
    // From a place where a piece begins.
    whole_ = mmap(nullptr, bytes_ + kPiece, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    begin_ = AlignUp(reinterpret_cast<uintptr_t>(whole_), kPiece);
    void* const place = mmap(reinterpret_cast<void*>(begin_), bytes_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_FIXED | flags, file, 0);
    if (whole_ == MAP_FAILED || place == MAP_FAILED) std::abort();
    madvise(place, bytes_, MADV_NOHUGEPAGE);
  }
  ~OwnPages() { munmap(whole_, bytes_ + kPiece); }
  OwnPages(const OwnPages&) = delete;
  OwnPages& operator=(const OwnPages&) = delete;

  uintptr_t At(size_t page, size_t byte = 0) const { return begin_ + page * kPageBytes + byte; }
  platform::AddressRange All() const { return {begin_, begin_ + bytes_}; }
  void Write(size_t first, size_t last) const {
    for (uintptr_t at = At(first); at < At(last); at += sizeof at) {
      *reinterpret_cast<uintptr_t*>(at) = at;
    }
  }
  void Forbid(size_t page) const {
    if (mprotect(reinterpret_cast<void*>(At(page)), kPageBytes, PROT_NONE) != 0) std::abort();
  }
  void TakeAway(size_t page) const {
    if (munmap(reinterpret_cast<void*>(At(page)), kPageBytes) != 0) std::abort();
  }

 private:
  size_t bytes_;
  void* whole_;
  uintptr_t begin_;
};

class ProcessReaderTest : public testing::Test {
 protected:
  std::vector<uintptr_t> Words(platform::AddressRange range, Pages which = Pages::kTouched) {
    std::vector<uintptr_t> words;
    const auto add = [](void* to, const uintptr_t* first, size_t count) {
      static_cast<std::vector<uintptr_t>*>(to)->insert(
          static_cast<std::vector<uintptr_t>*>(to)->end(), first, first + count);
    };
    reader_.ReadWords(range, which, add, &words);
    return words;
  }
  // The words that lie there, in order.
  static std::vector<uintptr_t> In(const std::vector<platform::AddressRange>& ranges) {
    std::vector<uintptr_t> words;
    for (const platform::AddressRange& range : ranges) {
      for (uintptr_t at = range.begin; at < range.end; at += sizeof at) words.push_back(at);
    }
    return words;
  }
  // The word at an address; 0: it cannot be read.
  uintptr_t Word(uintptr_t at) {
    uintptr_t word = 0;
    return reader_.Read(at, &word, sizeof word) ? word : 0;
  }

  ProcessReader reader_{gettid()};
};

TEST_F(ProcessReaderTest, ReadsAnyBytes) {
  const OwnPages pages(64);
  pages.Write(0, 64);
  ASSERT_TRUE(reader_.is_ready());
  EXPECT_EQ(Word(pages.At(0)), pages.At(0));
  EXPECT_EQ(Word(pages.At(3, 4088)), pages.At(3, 4088)) << "the last of a piece";
  // Across the end of a piece, and more than one piece.
  std::vector<uintptr_t> words(3 * kPiece / sizeof(uintptr_t));
  ASSERT_TRUE(reader_.Read(pages.At(3, 4000), words.data(), 2 * kPageBytes));
  EXPECT_EQ(words.front(), pages.At(3, 4000));
  ASSERT_TRUE(reader_.Read(pages.At(0, 8), words.data(), words.size() * sizeof(uintptr_t)));
  EXPECT_EQ(words.back(), pages.At(12));
}

TEST_F(ProcessReaderTest, NoAddressIsNoMemory) {
  EXPECT_EQ(Word(0), 0U);
  EXPECT_EQ(Word(~uintptr_t{0} - 3), 0U) << "it ends before it begins";
  EXPECT_EQ(Word(uintptr_t{1} << 63), 0U);
}

TEST_F(ProcessReaderTest, TheRestOfAPieceNeedNotBeThere) {
  const OwnPages pages(8);
  pages.Write(0, 8);
  pages.TakeAway(2);
  pages.Forbid(4);
  EXPECT_EQ(Word(pages.At(1)), pages.At(1));
  EXPECT_EQ(Word(pages.At(1, 4088)), pages.At(1, 4088));
  EXPECT_EQ(Word(pages.At(1, 4092)), 0U) << "half of it is not there";
  EXPECT_EQ(Word(pages.At(2)), 0U);
  EXPECT_EQ(Word(pages.At(3)), pages.At(3));
  EXPECT_EQ(Word(pages.At(4, 100)), 0U);
  EXPECT_EQ(Word(pages.At(5)), pages.At(5));
}

TEST_F(ProcessReaderTest, OnePieceTakesThePlaceOfAnother) {
  const size_t distance = kSamePlace / kPageBytes;
  const OwnPages pages(2 * distance + 4);
  for (const size_t page : {size_t{0}, distance, 2 * distance}) pages.Write(page, page + 4);
  pages.TakeAway(2 * distance + 3);
  for (int i = 0; i < 2; ++i) {
    for (const size_t page : {size_t{0}, distance, 2 * distance, distance}) {
      EXPECT_EQ(Word(pages.At(page, 16)), pages.At(page, 16));
    }
  }
}

TEST_F(ProcessReaderTest, WordsOfALongRange) {
  const OwnPages pages(700);  // more than fit into its memory
  pages.Write(0, 700);
  EXPECT_EQ(Words(pages.All()), In({pages.All()}));
  EXPECT_EQ(Words(pages.All(), Pages::kChanged), In({pages.All()}));
}

TEST_F(ProcessReaderTest, WholeAlignedWordsOnly) {
  const OwnPages pages(2);
  pages.Write(0, 2);
  EXPECT_EQ(Words({pages.At(0, 9), pages.At(0, 47)}), In({{pages.At(0, 16), pages.At(0, 40)}}));
  EXPECT_EQ(Words({pages.At(0, 4000), pages.At(1, 104)}),
            In({{pages.At(0, 4000), pages.At(1, 104)}}));
  EXPECT_EQ(Words({pages.At(0, 1), pages.At(0, 8)}), In({}));
  EXPECT_EQ(Words({pages.At(0, 1), pages.At(0, 15)}), In({}));
  EXPECT_EQ(Words({pages.At(0, 8), pages.At(0, 8)}), In({}));
}

// New ones each time: who reads a page has touched it.
TEST_F(ProcessReaderTest, PagesThatNobodyTouchedAreLeftOut) {
  const OwnPages pages(64);
  pages.Write(10, 11);
  pages.Write(20, 22);
  EXPECT_EQ(Words({pages.At(11), pages.At(20)}), In({}));
  EXPECT_EQ(Words(pages.All()), In({{pages.At(10), pages.At(11)}, {pages.At(20), pages.At(22)}}));
  // The first and the last are begun only.
  const OwnPages others(64);
  others.Write(10, 11);
  others.Write(20, 22);
  EXPECT_EQ(Words({others.At(10, 800), others.At(21, 16)}),
            In({{others.At(10, 800), others.At(11)}, {others.At(20), others.At(21, 16)}}));
}

TEST_F(ProcessReaderTest, OfAFileOnlyWhatIsChanged) {
  const int file = memfd_create("file", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, static_cast<off_t>(16 * kPageBytes)), 0);
  const OwnPages pages(16, 0, file);
  for (size_t i = 0; i < 16; ++i) {
    ASSERT_EQ(*reinterpret_cast<const volatile uintptr_t*>(pages.At(i)), 0U);
  }
  pages.Write(3, 4);
  pages.Write(5, 7);
  EXPECT_EQ(Words(pages.All(), Pages::kChanged),
            In({{pages.At(3), pages.At(4)}, {pages.At(5), pages.At(7)}}));
  EXPECT_EQ(Words({pages.At(2, 80), pages.At(3, 80)}, Pages::kChanged),
            In({{pages.At(3), pages.At(3, 80)}}));
  EXPECT_EQ(Words(pages.All()).size(), 16 * kPageWords) << "as it was read";
  close(file);
}

TEST_F(ProcessReaderTest, WhatCannotBeReadIsLeftOut) {
  const OwnPages pages(64);
  pages.Write(0, 64);
  pages.Forbid(5);
  pages.TakeAway(9);
  EXPECT_EQ(
      Words(pages.All()),
      In({{pages.At(0), pages.At(5)}, {pages.At(6), pages.At(9)}, {pages.At(10), pages.At(64)}}));
  // So few that nobody is asked which of them are there.
  EXPECT_EQ(Words({pages.At(8, 40), pages.At(10, 40)}),
            In({{pages.At(8, 40), pages.At(9)}, {pages.At(10), pages.At(10, 40)}}));
  EXPECT_EQ(Words({pages.At(5), pages.At(6)}), In({}));
  EXPECT_EQ(Words({pages.At(9, 8), pages.At(9, 64)}), In({}));
}

TEST(ProcessReader, OfAProcessThatEnds) {
  const OwnPages pages(64);
  const test::WatchedProcess child([&pages] { pages.Write(0, 64); });
  ProcessReader reader(child.id());
  ASSERT_TRUE(reader.is_ready());
  uintptr_t word = 0;
  EXPECT_TRUE(reader.Read(pages.At(1), &word, sizeof word));
  EXPECT_EQ(word, pages.At(1));
  child.End();
  EXPECT_FALSE(reader.Read(pages.At(40), &word, sizeof word));
  size_t seen = 0;
  const auto count = [](void* to, const uintptr_t*, size_t words) {
    *static_cast<size_t*>(to) += words;
  };
  reader.ReadWords({pages.At(8), pages.At(64)}, Pages::kTouched, count, &seen);
  reader.ReadWords({pages.At(30), pages.At(31)}, Pages::kChanged, count, &seen);
  EXPECT_EQ(seen, 0U);
}

// Where /proc does not tell which pages are there, all are tried.
TEST(ProcessReader, OfNobody) {
  constexpr int kNobody = 1 << 23;
  const OwnPages pages(1);
  ProcessReader reader(kNobody);
  ASSERT_TRUE(reader.is_ready());
  uintptr_t word = 0;
  EXPECT_FALSE(reader.Read(pages.At(0), &word, sizeof word));
  reader.ReadWords(
      pages.All(), Pages::kChanged,
      [](void*, const uintptr_t*, size_t) { FAIL() << "there is no memory"; }, nullptr);
}

}  // namespace
}  // namespace bartizan::leaks
