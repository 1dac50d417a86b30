#include "tools/cli/program_file.h"

#include <cstdlib>

#include "tests/cli/scratch_folder.h"
#include "tools/cli/elf_file.h"

namespace bartizan::cli {
namespace {

using ProgramFileTest = ScratchFolder;

TEST_F(ProgramFileTest, IsFoundAsTheSystemFindsIt) {
  Write("first/here", "", 0644);
  Write("second/here", "");
  Write("second/data", "", 0644);
  Write("third/here", "");
  setenv("PATH", (Path("first") + ":" + Path("second") + ":" + Path("third")).c_str(), 1);
  EXPECT_EQ(FindProgram("here").path, Path("second/here"));
  EXPECT_EQ(FindProgram("here").problem, "");
  EXPECT_EQ(FindProgram("data").path, Path("second/data"));
  EXPECT_EQ(FindProgram("data").problem, "Permission denied");
  EXPECT_EQ(FindProgram("none").path, "");
  EXPECT_EQ(FindProgram("").path, "");
}

TEST_F(ProgramFileTest, APathIsNotSearched) {
  const std::string program = Write("folder/program", "");
  setenv("PATH", Path("folder").c_str(), 1);
  EXPECT_EQ(FindProgram("./program").path, "");
  EXPECT_EQ(FindProgram(program).path, program);
  EXPECT_EQ(FindProgram(folder_).problem, "it is a directory");
}

TEST_F(ProgramFileTest, KnowsInterpreters) {
  EXPECT_EQ(InterpreterOf(Write("script", "#! /no/such/shell -e\nexit\n")), "/no/such/shell");
  EXPECT_EQ(InterpreterOf(Write("text", "exit\n")), "");
  EXPECT_EQ(InterpreterOf(Write("end", "#!")), "");
  EXPECT_EQ(InterpreterOf(Path("none")), "");
  EXPECT_NE(InterpreterOf("/proc/self/exe").find("ld-linux"), std::string::npos);
}

TEST_F(ProgramFileTest, OrdinaryProgramsCanBePreloadedInto) {
  EXPECT_EQ(WhyPreloadHasNoEffect("/proc/self/exe"), "");
  EXPECT_EQ(WhyPreloadHasNoEffect(Write("script", "#!/proc/self/exe\n")), "");
  EXPECT_EQ(WhyPreloadHasNoEffect(Write("text", "no program at all")), "");
}

TEST_F(ProgramFileTest, OtherWordSizesCannot) {
  std::string header(64, '\0');
  header.replace(0, 5, "\177ELF\1");
  const std::string program = Write("program", header);
  EXPECT_EQ(WhyPreloadHasNoEffect(program),
            program + " is a program for another processor or word size");
}

TEST_F(ProgramFileTest, AFileThatEndsEarlyIsNoProblem) {
  for (const char* start : {"\177EL", "\177ELF", "\177ELF\2\1\1"}) {
    EXPECT_FALSE(ReadElfFile(Write("program", start)).is_native);
  }
}

TEST(ElfFile, ReadsThisProgram) {
  const ElfFile file = ReadElfFile("/proc/self/exe");
  EXPECT_TRUE(file.is_elf);
  EXPECT_TRUE(file.is_native);
  EXPECT_FALSE(file.interpreter.empty());
  EXPECT_GE(file.segments.size(), 2u);
}

TEST(ElfFile, OthersAreNone) {
  EXPECT_FALSE(ReadElfFile("/proc/self/status").is_elf);
  EXPECT_FALSE(ReadElfFile("/no/such/file").is_elf);
  EXPECT_FALSE(ReadElfFile("/").is_elf);
}

}  // namespace
}  // namespace bartizan::cli
