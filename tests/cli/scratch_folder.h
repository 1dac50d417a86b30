// A folder of the test's own, removed after it.
#ifndef BARTIZAN_TESTS_CLI_SCRATCH_FOLDER_H_
#define BARTIZAN_TESTS_CLI_SCRATCH_FOLDER_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bartizan::cli {

class ScratchFolder : public testing::Test {
 protected:
  ScratchFolder() {
    std::string path = testing::TempDir() + "/bartizan-cli-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) std::abort();
    folder_ = std::filesystem::canonical(path);
  }
  ~ScratchFolder() override { std::filesystem::remove_all(folder_); }

  // Paths are relative to the folder. Both return the absolute path.
  std::string Write(const std::string& path, const std::string& text, mode_t mode = 0755) {
    const std::string whole = Path(path);
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole, std::ios::binary) << text;
    chmod(whole.c_str(), mode);
    return whole;
  }
  std::string Copy(const std::string& from, const std::string& path) {
    const std::string whole = Path(path);
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::filesystem::copy_file(from, whole);
    return whole;
  }
  std::string Path(const std::string& path) const { return folder_ + "/" + path; }

  std::string folder_;
};

}  // namespace bartizan::cli

#endif  // BARTIZAN_TESTS_CLI_SCRATCH_FOLDER_H_
