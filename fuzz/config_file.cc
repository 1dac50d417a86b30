// A configuration file of any bytes, with an environment over it: as for `options`, and each
// message names a line of the file that exists; sections of other programs say nothing; what the
// environment says is stronger; files that are not to be trusted, or too long, are left out whole.
#include "src/options/config_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "fuzz/options_check.h"
#include "src/options/options.h"

namespace fuzz {
namespace {

using bartizan::kDynamicLibrary;
using bartizan::Options;
using bartizan::OptionTexts;

constexpr char kName[] = "/etc/file";

size_t LineOf(const std::string& message) {
  const std::string prefix = std::string("bartizan: ") + kName + ":";
  if (!message.starts_with(prefix)) return 0;
  return strtoul(message.c_str() + prefix.size(), nullptr, 10);
}

void CheckParsed(const std::string& file, const std::string& environment) {
  const OptionTexts texts{
      .config = file, .environment = environment, .program = "program", .config_name = kName};
  Messages messages;
  const Options options = bartizan::ReadOptions(texts, kDynamicLibrary, messages.sink());
  CheckOptions(options, kDynamicLibrary);
  const auto lines = static_cast<size_t>(std::ranges::count(file, '\n')) + 1;
  for (const std::string& message : messages.all()) {
    const size_t line = LineOf(message);
    FUZZ_CHECK((line != 0 && line <= lines) || message.starts_with("bartizan: BARTIZAN_OPTIONS: "),
               "not located: %s", message.c_str());
  }
  CheckRoundTrip(options, kDynamicLibrary);

  // A section of another program at the end changes nothing.
  const std::string longer = file + "\n[another program]\nprofile=fast\ncanaries=off\nwrong=word\n";
  OptionTexts texts_of_longer = texts;
  texts_of_longer.config = longer;
  Messages again;
  const Options same = bartizan::ReadOptions(texts_of_longer, kDynamicLibrary, again.sink());
  FUZZ_CHECK(same.toggles == options.toggles && same.profile == options.profile,
             "another program's section counts");
  FUZZ_CHECK(again.all() == messages.all(), "another program's section has messages");

  // The environment has the last word.
  const std::string last = environment + ":huge_pages=off:decay=77";
  OptionTexts texts_of_last = texts;
  texts_of_last.environment = last;
  Messages ignored;
  const Options overridden = bartizan::ReadOptions(texts_of_last, kDynamicLibrary, ignored.sink());
  if (!environment.ends_with('\\')) {
    FUZZ_CHECK(!overridden.huge_pages && overridden.decay_ms == 77, "the file is stronger");
  }
}

// The same bytes as a file of the system, of a length around the limit.
void CheckRead(const std::string& text, mode_t mode, size_t capacity) {
  static const int file = memfd_create("config", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  static std::string buffer;
  FUZZ_CHECK(ftruncate(file, 0) == 0 && fchmod(file, mode) == 0, "a file in memory");
  FUZZ_CHECK(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
             "writing");
  buffer.assign(capacity + 1, '!');
  Messages messages;
  const std::string_view read =
      bartizan::ReadConfigFile(path.c_str(), buffer.data(), capacity, messages.sink());
  FUZZ_CHECK(buffer[capacity] == '!', "the buffer is overflown");
  const bool trusted = (mode & (S_IWGRP | S_IWOTH)) == 0 && geteuid() == 0;
  if (trusted && text.size() <= capacity) {
    FUZZ_CHECK(read == text && messages.all().empty(), "a good file is ignored");
  } else {
    FUZZ_CHECK(read.empty() && messages.all().size() == 1, "a bad file is not ignored");
  }
}

void Run(Input& input) {
  constexpr mode_t kModes[] = {0644, 0600, 0664, 0646, 0666, 0620};
  const mode_t mode = kModes[input.Below(std::size(kModes))];
  const size_t capacity = input.Byte();
  const std::string environment(input.Text(input.Byte()));
  const std::string file(input.Rest());
  // The environment holds no zero bytes.
  CheckParsed(file, environment.substr(0, environment.find('\0')));
  CheckRead(file, mode, capacity);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
