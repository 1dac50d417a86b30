// Symbol tables of real files, and of damaged ones.
#include "src/report/symbols.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace bartizan {
namespace {

// One right behind the other.
extern "C" {
[[gnu::noinline]] void SymbolsTestFirst() { asm volatile(""); }
[[gnu::noinline]] void SymbolsTestSecond() { asm volatile(""); }
}

constexpr const char* kSelf = "/proc/self/exe";

uintptr_t ImageOfThis() {
  const uintptr_t headers = getauxval(AT_PHDR);
  return headers / 4096 * 4096;
}
uint64_t InThis(uintptr_t address) {
  // Executables of the tests are position independent, and begin at address 0 of their own.
  return address - ImageOfThis();
}

class Symbols : public testing::Test {
 protected:
  std::string NameAt(const std::string& path, uint64_t address) {
    SymbolFile file(path.c_str(), ImageOfThis(), buffer_);
    SymbolPlace place = {.address = address};
    file.Find({&place, 1});
    return std::string(file.NameOf(place));
  }
  std::string Written(const std::string& contents) {
    const std::string path = testing::TempDir() + "/symbols_test_file";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
    return path;
  }
  static std::string ThisFile() {
    std::ifstream file(kSelf, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  char buffer_[SymbolFile::kBufferBytes];
};

TEST_F(Symbols, TellTheFunctionOfEachOfItsBytes) {
  const auto first = reinterpret_cast<uintptr_t>(&SymbolsTestFirst);
  const auto second = reinterpret_cast<uintptr_t>(&SymbolsTestSecond);
  EXPECT_EQ(NameAt(kSelf, InThis(first)), "SymbolsTestFirst");
  EXPECT_EQ(NameAt(kSelf, InThis(second)), "SymbolsTestSecond");
  EXPECT_EQ(NameAt(kSelf, InThis(second + 1)), "SymbolsTestSecond");
  EXPECT_NE(NameAt(kSelf, InThis(first - 1)), "SymbolsTestFirst");
  EXPECT_EQ(NameAt(kSelf, uint64_t{1} << 40), "") << "behind all functions";
}

TEST_F(Symbols, ManyAtOnce) {
  SymbolFile file(kSelf, ImageOfThis(), buffer_);
  SymbolPlace places[] = {{.address = InThis(reinterpret_cast<uintptr_t>(&SymbolsTestFirst))},
                          {.address = 1},
                          {.address = InThis(reinterpret_cast<uintptr_t>(&SymbolsTestSecond))}};
  file.Find(places);
  EXPECT_EQ(file.NameOf(places[0]), "SymbolsTestFirst");
  EXPECT_EQ(file.NameOf(places[1]), "");
  EXPECT_EQ(file.NameOf(places[2]), "SymbolsTestSecond");
}

TEST_F(Symbols, NothingInAFileThatIsNotMapped) {
  const uint64_t address = InThis(reinterpret_cast<uintptr_t>(&SymbolsTestFirst));
  EXPECT_EQ(NameAt("/no/such/file", address), "");
  EXPECT_EQ(NameAt("/dev/null", address), "");
  EXPECT_EQ(NameAt("/proc/self/cmdline", address), "");
  EXPECT_EQ(NameAt(testing::TempDir(), address), "");
  std::string other = ThisFile();
  EXPECT_EQ(NameAt(Written(other), address), "SymbolsTestFirst");
  other[1000] = static_cast<char>(~other[1000]);
  EXPECT_EQ(NameAt(Written(other), address), "") << "another program of that path";
}

// Whatever the tables behind the first page say, and wherever the file ends, there is an end.
TEST_F(Symbols, OfADamagedFileAreAnyOrNone) {
  const uint64_t address = InThis(reinterpret_cast<uintptr_t>(&SymbolsTestFirst));
  const std::string whole = ThisFile();
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  const size_t sections = header.e_shnum * sizeof(Elf64_Shdr);
  ASSERT_GT(header.e_shoff, 4096u);
  ASSERT_LE(header.e_shoff + sections, whole.size());
  std::minstd_rand random(1);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = whole;
    for (int bytes = 0; bytes < 20; ++bytes) {
      damaged[header.e_shoff + random() % sections] = static_cast<char>(random());
    }
    NameAt(Written(damaged), address);
  }
  for (const size_t bytes : {size_t{0}, size_t{63}, size_t{64}, size_t{4095}, size_t{4096},
                             static_cast<size_t>(header.e_shoff), header.e_shoff + sections / 2}) {
    NameAt(Written(whole.substr(0, bytes)), address);
  }
}

}  // namespace
}  // namespace bartizan
